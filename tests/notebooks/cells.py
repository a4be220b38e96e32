"""Notebooks in a test: made of cells, and read by what stands below them."""

from __future__ import annotations

import nbformat

from tests.helpers import ROOT

QUICKSTART = ROOT / "notebooks" / "quickstart.ipynb"


def notebook_of(*cells: str) -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    return notebook


def shown(cell: nbformat.NotebookNode, kind: str = "text/plain") -> str:
    """All that stands below a cell, of one kind; streams count as text."""
    found = []
    for output in cell.outputs:
        if output.output_type == "stream" and kind == "text/plain":
            found.append(output.text)
        elif "data" in output:
            found.append(output.data.get(kind, ""))
    return "\n".join(found)
