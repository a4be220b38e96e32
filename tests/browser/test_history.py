"""The history as a live table in JupyterLab and Notebook 7: ten thousand rows and a keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.helpers import ROOT, wait_until
from tests.notebooks.cells import notebook_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

    from tests.browser.driver import Frontend, NotebookPage

pytestmark = pytest.mark.browser

SCREENS = ROOT / "artefacts" / "screens"
SETUP = f"""import os, sys, tempfile; sys.path.insert(0, {str(ROOT)!r})
os.environ["OGPU_JUPYTER_HOME"] = tempfile.mkdtemp()
%load_ext ogpu_jupyter
from tests.histories import fill, pay
_ = fill(10_000)
"""
SHORT = SETUP.replace("10_000", "60")


@pytest.fixture
def table(page: NotebookPage) -> Locator:
    """A page with the setup in its first cell, and the table under the second one."""
    return page.output(1).locator(".ogpu-live")


def start(page: NotebookPage, setup: str, line: str = "%ogpu tasks", *more: str) -> None:
    page.create(setup, line, *more, "")
    page.run_cell(0)
    page.run_cell(1)
    page.output(1).get_by_role("grid").wait_for()


def names(table: Locator) -> list[str]:
    """The tasks in view, from the top."""
    return table.evaluate(
        """root => { const grid = root.querySelector('[role=grid]');
        const top = grid.getBoundingClientRect().top + 31;
        const end = grid.getBoundingClientRect().bottom;
        return [...root.querySelectorAll('.ogpu-space > [role=row]:not([hidden])')]
          .map(row => [row.getBoundingClientRect().top, row])
          .filter(([y]) => y >= top - 16 && y < end - 16).sort((a, b) => a[0] - b[0])
          .map(([, row]) => row.querySelector('.ogpu-name').textContent); }"""
    )


def scrolled(table: Locator, top: int) -> None:
    table.get_by_role("grid").evaluate(f"grid => {{ grid.scrollTop = {top} }}")


def settled(table: Locator) -> list[str]:
    """The names in view, when every row has arrived."""
    return wait_until(lambda: found if (found := names(table)) and "…" not in found else None)


# A person's wheel for two seconds: how long each frame took, and whether a row was missing.
# Without a step it is how long a frame takes on this machine, now, with nothing to do.
FLING = """(root, step) => new Promise(done => {
  const grid = root.querySelector('[role=grid]'), frames = []; let before = performance.now();
  const begin = before; let empty = 0;
  function frame(now) {
    frames.push(now - before); before = now;
    if (!root.querySelector('.ogpu-space > [role=row]:not([hidden])')) empty += 1;
    grid.scrollTop += step;
    if (now - begin < 2000) requestAnimationFrame(frame);
    else done({frames: frames.slice(1), empty, top: grid.scrollTop});
  }
  requestAnimationFrame(frame); })"""


def test_ten_thousand_rows_scroll_smoothly(page: NotebookPage, table: Locator) -> None:
    """Some dozens of rows are in the page; each frame of a long scroll is short."""
    start(page, SETUP)

    assert table.get_by_role("grid").get_attribute("aria-rowcount") == "10001"
    assert settled(table)[0] == "rows[9999]"
    assert table.locator(".ogpu-space > [role=row]").count() < 80
    idle = table.evaluate(FLING, 0)["frames"]
    seen = table.evaluate(FLING, 120)
    median, still = sorted(seen["frames"])[len(seen["frames"]) // 2], sorted(idle)[len(idle) // 2]
    print(f"{len(seen['frames'])} frames: median {median:.1f} ms; with nothing to do {still:.1f}")
    assert seen["empty"] == 0
    assert seen["top"] > 2000
    assert median < still + 20
    assert table.locator(".ogpu-space > [role=row]").count() < 120

    scrolled(table, 10**7)

    assert settled(table)[-1] == "rows[0]"
    scrolled(table, 5000 * 30)
    assert settled(table)[0] == "rows[4999]"


def test_search_filter_and_sort(page: NotebookPage, table: Locator) -> None:
    """By words, by state, by a column's head; the number of those found is announced."""
    start(page, SETUP)
    settled(table)

    table.get_by_role("searchbox", name="Search tasks").fill("table 77TH")
    wait_until(lambda: "111 tasks" in table.locator(".ogpu-total").inner_text())
    assert table.locator(".ogpu-unseen").inner_text().startswith("111 tasks")

    table.get_by_role("searchbox").fill("")
    wait_until(lambda: "10,000 tasks" in table.locator(".ogpu-total").inner_text())
    table.get_by_role("combobox", name="State").select_option("responded")
    wait_until(lambda: table.get_by_role("grid").get_attribute("aria-rowcount") != "10001")
    pills = table.locator(".ogpu-space .ogpu-pill:visible")
    assert set(pills.all_inner_texts()) == {"Responded"}

    table.get_by_role("combobox", name="State").select_option("")
    head = table.get_by_role("columnheader", name="Payment")
    head.get_by_role("button").click()
    wait_until(lambda: head.get_attribute("aria-sort") == "descending")
    settled(table)
    amounts = [float(t.split()[0]) for t in table.locator(".ogpu-c-pays").all_inner_texts()[1:]]
    assert max(amounts) == 0.099
    head.get_by_role("button").click()
    wait_until(lambda: head.get_attribute("aria-sort") == "ascending")


@pytest.mark.lab
def test_by_keyboard_alone(page: NotebookPage, table: Locator) -> None:
    """Arrows, pages and ends move the row, Enter opens it; no key reaches the notebook."""
    start(page, SHORT)
    settled(table)
    grid = table.get_by_role("grid")
    cells = page.page.locator(f"{page.panel} .jp-Cell").count()
    grid.focus()

    def active() -> str:
        return table.locator(".ogpu-active .ogpu-name").inner_text()

    for key, name in (
        ("ArrowDown", "rows[58]"), ("PageDown", None), ("End", "rows[0]"), ("ArrowUp", "rows[1]"),
        ("Home", "rows[59]"), ("x", "rows[59]"), ("d", "rows[59]"), ("d", "rows[59]"),
    ):  # fmt: skip
        page.page.keyboard.press(key)
        if name:
            wait_until(lambda name=name: active() == name)
    assert grid.get_attribute("aria-activedescendant")
    assert page.page.locator(f"{page.panel} .jp-Cell").count() == cells
    outlined = grid.evaluate("grid => getComputedStyle(grid).outlineStyle")
    assert outlined == "solid"

    page.page.keyboard.press("Enter")
    page.output(1).locator(".ogpu-card").wait_for()
    assert table.locator("[aria-selected=true]").count() == 1
    page.page.keyboard.press("Escape")
    page.output(1).locator(".ogpu-card").wait_for(state="detached")


@pytest.mark.lab
def test_rows_change_by_themselves_also_while_a_cell_runs(
    page: NotebookPage, table: Locator
) -> None:
    """What another kernel writes, and what this one does, is there a second later."""
    start(page, SHORT, "%ogpu tasks", "pay(); import time; time.sleep(6)")
    settled(table)
    paid = table.locator(".ogpu-total").inner_text()
    page.start_cell(2)
    wait_until(lambda: table.locator(".ogpu-total").inner_text() != paid, 5)
    assert page.prompt(2) == "[*]"


@pytest.mark.lab
def test_every_string_is_a_word(page: NotebookPage, table: Locator) -> None:
    """A name that is a script is shown as it is."""
    said: list[str] = []
    page.page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    start(page, SHORT + "\nfrom tests.histories import hostile\nhostile()")
    text = settled(table)

    assert "<img src=x onerror=alert(1)>" in text[0]
    assert table.locator("img, script, iframe").count() == 0
    assert said == []


def test_saved_and_opened_without_its_kernel(page: NotebookPage, table: Locator) -> None:
    """The record of the newest stands in its place, and no error in words."""
    start(page, SHORT)
    settled(table)
    record = page.output(1).locator(".ogpu-table")
    assert not record.is_visible()
    page.save()

    page.restart_kernel()
    page.open(page.name)
    record.wait_for()
    page.page.wait_for_timeout(3500)

    words = page.output(1).inner_text()
    assert "rows[59]" in words
    assert "50 of 60 are shown." in words
    assert "not found" not in words
    assert "Loading widget" not in words
    assert not table.is_visible()


def test_the_record_is_back_when_the_kernel_is_gone(page: NotebookPage, table: Locator) -> None:
    """In the open page too: a table that can't answer isn't shown."""
    start(page, SHORT)
    settled(table)
    page.page.keyboard.press("Escape")
    page.cell(2).locator(".jp-InputArea-prompt").click()
    page.page.keyboard.press("0")
    page.page.keyboard.press("0")
    page.page.locator(".jp-Dialog button.jp-mod-accept").click()

    page.output(1).locator(".ogpu-table").wait_for()
    table.wait_for(state="hidden")
    wait_until(page.kernel_is_idle, 60)
    assert page.evaluate(2, "6 * 7") == 42  # the new kernel is there


@pytest.mark.lab
def test_export_names_the_variable(page: NotebookPage, table: Locator) -> None:
    start(page, SHORT, "%ogpu tasks --as mine")
    settled(table)
    table.get_by_role("button", name="Export").click()
    told = table.locator(".ogpu-told")
    wait_until(lambda: "60 tasks in `mine_frame`, a pandas DataFrame." in told.inner_text())

    assert page.evaluate(2, "[len(mine_frame), len(mine)]") == [60, 60]


MARKET = f"""import sys; sys.path.insert(0, {str(ROOT)!r})
%load_ext ogpu_jupyter
%ogpu connect local
%ogpu deposit 1
from tests.histories import from_journal, one_answered_one_waiting
answered, waiting = one_answered_one_waiting()
"""


def test_confirm_and_cancel_from_a_row(page: NotebookPage, table: Locator) -> None:
    """It says the price first; a double click pays nothing; the chain has it once."""
    start(page, MARKET)
    settled(table)
    rows = table.locator(".ogpu-space > [role=row]")
    row = rows.filter(has_text="answered")
    row.get_by_role("button", name="Confirm").dblclick()
    sure = row.get_by_role("button", name="Confirm · pays 0.0015 OGPU?")
    sure.wait_for()
    row.locator(".ogpu-name").click()
    page.output(1).locator(".ogpu-card").wait_for()
    page.page.screenshot(path=SCREENS / f"history-{page.frontend.kind}-confirm.png")
    assert page.evaluate(2, "answered.stage.value") == "responded"
    if not sure.is_visible():
        row.get_by_role("button", name="Confirm").click()
        page.page.wait_for_timeout(500)
    sure.dblclick()
    row.get_by_text("Paid").wait_for()
    wait_until(lambda: "Confirmed #" in table.locator(".ogpu-told").inner_text())

    grid = table.get_by_role("grid")
    grid.focus()
    for key in ("Home", *["ArrowRight"] * 12, "Enter"):
        page.page.keyboard.press(key)
    waiting = rows.filter(has_text="waiting")
    waiting.get_by_role("button", name="Cancel · 0.002 OGPU back?").wait_for()
    page.page.wait_for_timeout(500)
    page.page.keyboard.press("Enter")
    waiting.get_by_text("Canceled").wait_for()

    done = "[answered.stage.value, waiting.stage.value, from_journal()]"
    assert page.evaluate(2, done) == [
        "finalized", "canceled", ["cancel", "confirm"],
    ]  # fmt: skip


@pytest.mark.parametrize("widgets", [True, False], ids=["widget state", "no widget state"])
def test_the_exported_page_has_the_record(
    chromium: Browser, tmp_path: Path, kernel_env: Callable[..., dict[str, str]], widgets: bool
) -> None:
    """Executed by nbclient, opened without a network: the newest tasks and the totals."""
    client = NotebookClient(notebook_of(SHORT, "%ogpu tasks"), timeout=120, kernel_name="python3")
    notebook = client.execute(env=kernel_env(OGPU_JUPYTER_HOME=tmp_path))
    if not widgets:
        notebook.metadata.pop("widgets", None)
    file = tmp_path / "page.html"
    file.write_text(HTMLExporter().from_notebook_node(notebook)[0])
    context = chromium.new_context(offline=True)
    opened = context.new_page()
    opened.goto(file.as_uri())
    words = opened.locator("body").inner_text()
    context.close()

    assert "rows[59]" in words
    assert "50 of 60 are shown." in words
    assert "not found" not in words.lower()
    assert "rows[59]" in str(notebook.cells[1].outputs[0].data["text/plain"])
    assert notebook.cells[1].outputs[1].data["text/plain"] == ""


@pytest.mark.lab
@pytest.mark.parametrize(("scheme", "theme"), [("light", "Light"), ("dark", "Dark")])
def test_pictures(page: NotebookPage, frontend: Frontend, table: Locator, scheme: str,
                  theme: str) -> None:  # fmt: skip
    """Light and dark, wide and narrow: `artefacts/screens/`, for people to look at."""
    frontend.configure("apputils-extension/themes", theme=f"JupyterLab {theme}")
    start(page, SETUP)
    settled(table)
    SCREENS.mkdir(parents=True, exist_ok=True)
    widths: dict[int, Any] = {1600: None, 1000: None, 480: None}
    for width in widths:
        page.page.set_viewport_size({"width": width, "height": 900})
        page.page.wait_for_timeout(700)
        page.output(1).scroll_into_view_if_needed()
        settled(table)
        page.page.screenshot(path=SCREENS / f"history-{frontend.kind}-{scheme}-{width}.png")
    frontend.configure("apputils-extension/themes", theme="JupyterLab Light")
