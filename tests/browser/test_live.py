"""A first task with a person's hands: typed, run, watched, run again, saved, reopened."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.helpers import ROOT, wait_until

if TYPE_CHECKING:
    from tests.browser.driver import NotebookPage

pytestmark = pytest.mark.browser

SETUP = "%load_ext ogpu_jupyter\n%ogpu connect local\n%ogpu deposit 1"
CHAT = "%%ogpu_task text2text text2text --as chat --template chat"
QUESTION = "What is 17 * 23?"
ANSWER = "17 * 23 = 391"
SLEEP = '%%ogpu_task sleep sleep --as slow\n{"seconds": 4}'
BATCH = """import ogpu_jupyter
naps = ogpu_jupyter.publish_many("sleep", "sleep", [{"seconds": n / 2} for n in range(12)])
naps"""
BUSY = "import time\nfor n in range(100):\n    time.sleep(0.1)"
BALANCE = "[(b := chat.session.balance()).wallet, b.vault, len(chat.session.tasks())]"


@pytest.fixture
def connected(page: NotebookPage) -> NotebookPage:
    """A notebook with a local market, money in the vault, and three empty cells."""
    page.create(SETUP, "", "", "")
    page.run_cell(0)
    return page


@pytest.mark.lab
def test_a_task_by_keyboard(connected: NotebookPage) -> None:
    """Typed and run by Control+Enter; the answer stands below its cell, and nowhere else."""
    connected.type_cell(1, f"{CHAT}\n{QUESTION}")
    connected.run_cell(1)

    connected.output(1).get_by_text(ANSWER).first.wait_for(timeout=30_000)
    connected.type_cell(2, "print('mine')")
    connected.run_cell(2)

    assert connected.output(2).inner_text().strip() == "mine"
    assert ANSWER not in connected.output(0).inner_text()


@pytest.mark.lab
def test_the_view_lives_while_another_cell_runs(connected: NotebookPage) -> None:
    """The cell is done at once; the view goes through the steps during a busy cell."""
    connected.type_cell(1, SLEEP)
    connected.run_cell(1)
    connected.type_cell(2, BUSY)
    connected.start_cell(2)

    seen = []
    end = time.monotonic() + 30
    while time.monotonic() < end and "slept" not in " ".join(seen).lower():
        text = connected.output(1).inner_text()
        if not seen or text != seen[-1]:
            seen.append(text)
        connected.page.wait_for_timeout(50)

    assert len(seen) > 2
    assert connected.prompt(2) == "[*]"
    assert connected.output(2).inner_text().strip() == ""


@pytest.mark.lab
def test_a_batch_lives_too(connected: NotebookPage) -> None:
    """Its line moves on by itself to the last task, and below it nothing jumps."""
    connected.type_cell(1, BATCH)
    connected.run_cell(1)
    view = connected.output(1).locator(".ogpu[aria-label=Batch]")
    view.wait_for()
    connected.page.wait_for_timeout(2500)  # some are paid, some not
    screens = ROOT / "artefacts" / "screens"
    connected.page.screenshot(path=screens / f"{connected.frontend.kind}-batch.png")
    height = wait_until(view.bounding_box)["height"]  # none while it is drawn anew

    view.get_by_text("12 paid").wait_for(timeout=60_000)

    assert view.count() == 1
    assert wait_until(view.bounding_box)["height"] == height
    assert "Sent 12 tasks at 0.001 OGPU each" in connected.output(1).inner_text()
    connected.page.screenshot(path=screens / f"{connected.frontend.kind}-batch-paid.png")


def test_run_all_again_pays_nothing(connected: NotebookPage) -> None:
    """The same cells again: the same task, the same balance to the wei."""
    connected.type_cell(1, f"{CHAT} --wait\n{QUESTION}")
    connected.run_cell(1)
    before = connected.evaluate(3, BALANCE)

    connected.run_cell(1)
    connected.output(1).get_by_text(ANSWER).first.wait_for(timeout=30_000)

    assert connected.evaluate(3, BALANCE) == before
    assert before[2] == 1


def test_a_reopened_notebook_is_the_record(connected: NotebookPage) -> None:
    """Saved, its kernel restarted, reopened: the answer is there, and no error."""
    connected.type_cell(1, f"{CHAT} --wait\n{QUESTION}")
    connected.run_cell(1)
    connected.output(1).get_by_text(ANSWER).first.wait_for(timeout=30_000)
    saved = connected.save()

    connected.restart_kernel()
    connected.open(connected.name)
    connected.output(1).get_by_text(ANSWER).first.wait_for(timeout=30_000)

    words = connected.output(1).inner_text().lower()
    assert "error" not in words
    assert "not found" not in words
    assert ANSWER in json.dumps(saved.cells[1].outputs)


def test_the_view_changes_by_itself(connected: NotebookPage) -> None:
    """From published to paid without a key pressed."""
    connected.type_cell(1, SLEEP)
    connected.run_cell(1)

    early = connected.output(1).inner_text()
    wait_until(lambda: "slept" in connected.output(1).inner_text().lower(), 30)

    assert "slept" not in early.lower()


def test_after_a_reload_the_view_goes_on(connected: NotebookPage) -> None:
    """Saved while two tasks are under way; one ends before the page is loaded again, one after.

    Both are seen to their end without a key pressed, and nothing stands still beside them.
    """
    connected.type_cell(1, SLEEP)
    connected.run_cell(1)
    connected.type_cell(2, '%%ogpu_task sleep sleep --as slower\n{"seconds": 15}')
    connected.run_cell(2)
    connected.save()
    connected.output(1).get_by_text("slept").first.wait_for(timeout=30_000)
    connected.page.on("dialog", lambda dialog: dialog.accept())  # leave without saving

    connected.open(connected.name)
    connected.output(2).get_by_text("This page was loaded again").wait_for(timeout=30_000)
    for index in (1, 2):
        ended = connected.output(index).get_by_text("slept").filter(visible=True).first
        ended.wait_for(timeout=30_000)
        assert connected.output(index).locator("article").filter(visible=True).count() == 1
        assert connected.output(index).get_by_role("button").count() == 0
    screens = ROOT / "artefacts" / "screens"
    screens.mkdir(parents=True, exist_ok=True)
    connected.page.screenshot(path=screens / f"{connected.frontend.kind}-reloaded.png")

    connected.type_cell(3, "%ogpu show --all")  # the server has told the kernel its file
    connected.run_cell(3)
    connected.output(3).get_by_text("2 tasks in").wait_for()
    assert connected.output(3).locator("article").count() == 2
