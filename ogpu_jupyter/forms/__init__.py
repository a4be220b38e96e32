"""The shape of a task's data: what a form is drawn from, and what its values are checked by.

No widgets here. A `Shape` has a tree of fields (`root`), the values to begin with
(`defaults`), and says what is wrong with a value (`check`) and what would be sent
(`complete`). `forms.origins.shape_of` finds the shape for a source's function.
"""
