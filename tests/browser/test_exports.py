"""The exported page, opened without a network: the record is in it, with or without widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.notebooks.cells import notebook_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

CELLS = (
    "%load_ext ogpu_jupyter\n%ogpu connect local\n%ogpu deposit 1",
    "%%ogpu_task text2text text2text --as chat --template chat --wait\nWhat is 17 * 23?",
    '%%ogpu_task text2image text2image --as picture --wait\n{"prompt": "a calm sea"}',
    "%%ogpu_task fail fail --as open --expires 10m\n{}",
)


@pytest.fixture(scope="module")
def executed(
    kernel_env: Callable[..., dict[str, str]],
    anvil_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> nbformat.NotebookNode:
    from nbclient import NotebookClient

    client = NotebookClient(notebook_of(*CELLS), timeout=120, kernel_name="python3")
    home = tmp_path_factory.mktemp("exports")
    return client.execute(env=kernel_env(OGPU_ANVIL=anvil_path, OGPU_JUPYTER_HOME=home))


@pytest.mark.parametrize("widgets", [True, False], ids=["widget state", "no widget state"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_exported_page_is_the_record(
    executed: nbformat.NotebookNode, chromium: Browser, tmp_path: Path, widgets: bool, scheme: Any
) -> None:
    """No script of ours is needed, and nothing is asked of any machine."""
    notebook = nbformat.from_dict(executed)
    if not widgets:
        notebook = nbformat.from_dict({**executed, "metadata": {}})
    page_text, _ = HTMLExporter(exclude_input_prompt=True).from_notebook_node(notebook)
    file = tmp_path / "page.html"
    file.write_text(page_text)
    context = chromium.new_context(offline=True, color_scheme=scheme)
    page = context.new_page()

    page.goto(file.as_uri())
    words = page.locator("body").inner_text()
    pictures = page.locator("img[src^='data:image/png']")

    assert "17 * 23 = 391" in words
    assert "0.001 OGPU" in words
    assert "not found" not in words.lower()
    assert pictures.count() == 1
    assert pictures.evaluate("image => image.naturalWidth") >= 256
    context.close()
