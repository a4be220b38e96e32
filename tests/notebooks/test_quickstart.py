"""The quickstart, run for real on every node and kernel, and told by the demo."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.helpers import ROOT
from tests.notebooks.cells import QUICKSTART, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def cell_with(notebook: nbformat.NotebookNode, text: str) -> nbformat.NotebookNode:
    return next(cell for cell in notebook.cells if text in cell.source and "outputs" in cell)


def test_every_cell_runs(
    execute: Callable[..., nbformat.NotebookNode],
    node_env: dict[str, Any],
    kernel: dict[str, Any],
) -> None:
    """From loading to the last table: each answer stands below its cell, and nothing on stderr."""
    done = execute(nbformat.read(QUICKSTART, as_version=4), **node_env, **kernel)

    kinds = {output.output_type for cell in done.cells for output in cell.get("outputs", [])}
    streams = [o for c in done.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    hello = cell_with(done, "--as hello")
    assert "error" not in kinds
    assert streams == []
    assert "391" in shown(hello)
    assert "391" in shown(hello, "text/html")
    assert "POSITIVE" in shown(cell_with(done, "--as mood"), "text/html")
    assert "sun_hours" in shown(cell_with(done, "--as table"), "text/html")
    assert shown(cell_with(done, "again.address")) == "True"


def test_outputs_are_as_stored(
    node_env: dict[str, Any], kernel_env: Callable[..., dict[str, str]]
) -> None:
    """`pytest --nbval notebooks/` compares every cell that is the same each time."""
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--nbval", "-q", "notebooks/"),
            *("-p", "no:cacheprovider"),
        ],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=kernel_env(**node_env),
        timeout=170,
    )

    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr[-2000:]
    assert "skipped" not in ran.stdout


def test_the_stored_notebook_reads_well() -> None:
    """On GitHub it shows what a run shows: no error, no leftover of a machine, not too large."""
    stored = nbformat.read(QUICKSTART, as_version=4)
    outputs = [output for cell in stored.cells for output in cell.get("outputs", [])]

    assert QUICKSTART.stat().st_size < 1_000_000
    assert {output.output_type for output in outputs} <= {
        "display_data",
        "execute_result",
        "stream",
    }
    assert "391" in shown(cell_with(stored, "--as hello"), "text/html")
    assert "image/png" in shown(cell_with(stored, "--as picture"), "text/html")
    assert "metadata" not in {name for cell in stored.cells for name in cell.metadata}
    assert all(
        "nbval-ignore-output" in cell.metadata.get("tags", [])
        for cell in stored.cells
        if cell.source.startswith(("%ogpu", "%%ogpu", "%load_ext"))
    )


@pytest.mark.parametrize("node", ["embedded"], indirect=True)
def test_the_demo_tells_answers_costs_and_paths(
    node_env: dict[str, Any], kernel_env: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    """What `make demo` runs: a line for each cell, then each task, then where to look."""
    ran = subprocess.run(
        [sys.executable, "notebooks/demo.py", "--out", tmp_path / "demo"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=kernel_env(**node_env),
        timeout=170,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "[ 1/" in ran.stdout
    assert "hello: text2text, finalized, paid 0.001 OGPU" in ran.stdout
    assert "391" in ran.stdout
    for name in ("quickstart.ipynb", "quickstart.html"):
        path = tmp_path / "demo" / name
        assert os.path.relpath(path, ROOT) in ran.stdout or str(path) in ran.stdout
        assert "391" in path.read_text()
