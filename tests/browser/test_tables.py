"""A table is sorted by the reader, and an answer saved, with no script of ours and no kernel."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from ogpu_jupyter import display
from tests.fake_task import FakeTask
from tests.helpers import ROOT, wait_until
from tests.render import samples

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

    from tests.browser.driver import NotebookPage

pytestmark = pytest.mark.browser

SETUP = f"""import sys; sys.path.insert(0, {str(ROOT)!r})
from ogpu_jupyter import display
from tests.fake_task import FakeTask
from tests.render import samples
task = FakeTask(*samples.answered(*samples.ANSWERS["table"]))
display.show(task)
"""
GIVEN = ["Oslo", "Bergen", "Lillehammer", "Longyearbyen"]
BY_RAIN = ["Longyearbyen", "Lillehammer", "Oslo", "Bergen"]


def cities(table: Locator) -> list[str]:
    """The first cells of the rows, from the top of the page down."""
    rows = [(row.bounding_box(), row) for row in table.locator("tbody tr").all()]
    placed = sorted((box["y"], row.locator("td").first.inner_text()) for box, row in rows if box)
    return [city for _, city in placed]


def sorts(table: Locator, others: Locator | None = None) -> None:
    """By the mouse: up, down, up; empty cells last either way; and back."""
    heads = table.locator("th")
    assert cities(table) == GIVEN

    heads.nth(1).click()
    assert cities(table) == BY_RAIN
    heads.nth(1).click()
    assert cities(table) == BY_RAIN[::-1]
    heads.nth(2).click()
    assert cities(table) == ["Lillehammer", "Oslo", "Bergen", "Longyearbyen"]
    heads.nth(2).click()
    assert cities(table) == ["Bergen", "Oslo", "Lillehammer", "Longyearbyen"]
    if others is not None:
        assert cities(others) == GIVEN
    table.page.get_by_role("button", name="Order as given").first.click()
    assert cities(table) == GIVEN


def sorts_by_keyboard(table: Locator) -> None:
    """Tab to the headings, then the arrows: each is heard by the table, not by the notebook."""
    press = table.page.keyboard.press
    table.locator("xpath=..").focus()
    press("Tab")
    press("Space")
    assert cities(table) == sorted(GIVEN)
    press("ArrowRight")
    assert cities(table) == sorted(GIVEN)[::-1]
    press("ArrowDown")
    assert cities(table) == BY_RAIN
    press("Tab")
    press("Enter")
    assert cities(table) == GIVEN


def test_in_a_cell(page: NotebookPage) -> None:
    """Two views of one task don't disturb each other; the notebook stays where it is."""
    page.create(SETUP, "display.show(task)", "")
    page.run_cell(0)
    page.run_cell(1)
    first, second = (page.output(n).locator(".ogpu-rows") for n in (0, 1))

    sorts(first, second)
    sorts_by_keyboard(second)


@pytest.mark.lab
def test_the_answer_is_saved_from_the_page(page: NotebookPage) -> None:
    """Under a name of ours, with what is in the answer."""
    page.create(SETUP)
    page.run_cell(0)

    with page.page.expect_download() as download:
        page.output(0).get_by_text("Save CSV").click()

    assert download.value.suggested_filename == "text2text-7.csv"
    assert download.value.path().read_text().splitlines()[1] == "Oslo,763.2,160,true"


def test_in_a_notebook_that_is_not_trusted(page: NotebookPage) -> None:
    """Without our style it is a plain table: no loose buttons, no dead links."""
    data, metadata = display.bundle(FakeTask(*samples.answered(*samples.ANSWERS["table"])))
    output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
    cell = nbformat.v4.new_code_cell("task", outputs=[output])
    name = f"{uuid.uuid4().hex[:8]}.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, page.frontend.root / name)
    page.open(name)
    shown = page.output(0)
    shown.locator("table").wait_for()

    assert shown.locator("tbody tr").count() == 4
    assert shown.locator("input:visible, button:visible").count() == 0
    assert shown.get_by_text("Save CSV").is_hidden()
    assert "Longyearbyen" in shown.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [480, 1600])
def test_in_the_exported_page(chromium: Browser, tmp_path: Path, scheme: Any, width: int) -> None:
    """With no network and no kernel; a reader may have switched scripts off."""
    views = [display.bundle(FakeTask(*samples.answered(*samples.ANSWERS[name])))[0]
             for name in ("table", "table", "long table")]  # fmt: skip
    outputs = [nbformat.v4.new_output("display_data", data=data) for data in views]
    cells = [nbformat.v4.new_code_cell("task", outputs=[output]) for output in outputs]
    text, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=cells))
    file = tmp_path / "page.html"
    file.write_text(text)
    context = chromium.new_context(
        offline=True,
        color_scheme=scheme,
        java_script_enabled=False,
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    page.goto(file.as_uri(), wait_until="domcontentloaded")
    tables = page.locator(".ogpu-rows")

    sorts(tables.nth(0), tables.nth(1))
    sorts_by_keyboard(tables.nth(1))
    tables.nth(2).locator("th").nth(2).click()
    with page.expect_download() as download:
        page.get_by_text("Save CSV").first.click()

    assert download.value.suggested_filename == "text2text-7.csv"
    box, view = tables.nth(2).locator("xpath=..").bounding_box(), page.viewport_size
    assert box is not None
    assert view is not None
    assert box["x"] + box["width"] <= view["width"]
    wait_until(lambda: page.url == file.as_uri())
    page.screenshot(path=ROOT / "artefacts" / "screens" / f"tables-{scheme}-{width}.png")
    context.close()
