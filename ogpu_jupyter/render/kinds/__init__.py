"""The kinds of answers: each module reads one family of shapes, and shows it.

`answers.KINDS` has them in the order in which they are asked; `registry` says what a kind is.
"""
