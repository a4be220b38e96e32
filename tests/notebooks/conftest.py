"""Notebooks run as a person's do: in a real kernel, by nbclient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from nbclient import NotebookClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import nbformat


@pytest.fixture(params=["ipykernel7", "ipykernel6"])
def kernel(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What makes a kernel of the environment's ipykernel, or of the one before."""
    if request.param == "ipykernel6":
        return {"PYTHONPATH": request.getfixturevalue("kernel6_path")}
    return {}


@pytest.fixture
def node_env(node: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """What makes `%ogpu connect local` take one node or the other."""
    anvil = request.getfixturevalue("anvil_path") if node == "anvil" else "none"
    return {"OGPU_ANVIL": anvil}


@pytest.fixture
def execute(
    kernel_env: Callable[..., dict[str, str]], tmp_path: Path
) -> Callable[..., nbformat.NotebookNode]:
    """`execute(notebook, **environment)` runs every cell in a new kernel, and returns it."""

    def run(notebook: nbformat.NotebookNode, **env: Any) -> nbformat.NotebookNode:
        metadata = {"metadata": {"path": str(tmp_path)}}
        client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources=metadata)
        return client.execute(env=kernel_env(**env))

    return run
