"""The other notebooks: each runs from top to bottom, and reads well as it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.helpers import ROOT
from tests.notebooks.cells import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What stands below the cells, as text and as HTML; of each notebook.
SAID = {
    "forms": (["12 * 12 = 144", "Nothing was spent", "%%ogpu_task text2text"], ["144"]),
    "choosing": (["7,006,652", "score by thorough", "agree on 2"], ["Compared with", "new to you"]),
    "pictures_and_sound": (["harbour.png", "red circle", ".wav"], ["<audio", "<img", "<svg"]),
    "your_own_model": (["rain_mm", "less than or equal to 60", "14.0"], ["rain_mm"]),
}
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TOUR = [path for path in PATHS if path.stem != "quickstart"]


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def check(notebook: nbformat.NotebookNode, name: str) -> None:
    """No error, nothing on stderr, and what a person should see."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    texts, pages = SAID[name]
    text, page = ("\n".join(shown(c, kind) for c in cells) for kind in ("text/plain", "text/html"))

    assert "error" not in {output.output_type for output in outputs(notebook)}
    assert [output for output in outputs(notebook) if output.get("name") == "stderr"] == []
    assert [words for words in texts if words not in text] == []
    assert [words for words in pages if words not in page] == []


def test_there_is_one_for_each_subject() -> None:
    assert {path.stem for path in TOUR} == set(SAID)


@pytest.mark.parametrize("node", ["anvil"], indirect=True)
@pytest.mark.parametrize("path", TOUR, ids=lambda path: path.stem)
def test_every_cell_runs(
    execute: Callable[..., nbformat.NotebookNode], node_env: dict[str, Any], path: Path
) -> None:
    """On a market of its own."""
    check(execute(nbformat.read(path, as_version=4), **node_env), path.stem)


@pytest.mark.parametrize("path", TOUR, ids=lambda path: path.stem)
def test_it_reads_well_as_stored(path: Path) -> None:
    """Where nothing runs it, such as on GitHub: the same words, and not too large."""
    stored = nbformat.read(path, as_version=4)

    check(stored, path.stem)
    assert path.stat().st_size < 1_500_000
    assert "widgets" not in stored.metadata
    assert stored.cells[0].source.startswith("# ")
    assert all(
        "nbval-ignore-output" in cell.metadata.get("tags", [])
        for cell in stored.cells
        if cell.cell_type == "code" and cell.source.startswith(("%ogpu", "%%ogpu", "%load_ext"))
    )
