"""The second output's widget: buttons, and the view where its page was loaded again."""

from __future__ import annotations

import gc
import weakref

import ipywidgets
import pytest

from ogpu_jupyter.tasks import Answer, Stage
from ogpu_jupyter.widgets import standby
from ogpu_jupyter.widgets.standby import Standby
from tests.fake_task import FakeTask
from tests.render import samples
from tests.widgets.test_view import buttons, words

ANSWER = {samples.RESPONSES[0]: Answer(value="It is 42.")}


def made(stage: Stage = Stage.PUBLISHED) -> tuple[FakeTask, Standby]:
    task = FakeTask(samples.record(stage))
    return task, Standby(task, lambda task: f"<p>{task.record.stage.value}</p>")


def show(page: Standby, views: int) -> None:
    """As a frontend counts the views that it has of the widget."""
    page.box._view_count = views


def test_shown_once_it_is_the_buttons_alone() -> None:
    """The view stands in the output above."""
    task, page = made()
    show(page, 1)
    task.advance(Stage.ATTEMPTED)
    page.draw(is_final=False)

    assert not page.has_taken_over
    assert "attempted" not in words(page.box)


@pytest.mark.parametrize("counts", [(1, 2), (1, 0, 1)], ids=["reloaded", "moved"])
def test_shown_again_it_is_the_view_and_goes_on(counts: tuple[int, ...]) -> None:
    """A page that is gone says no goodbye; a cell that is moved does."""
    task, page = made()
    for count in counts:
        show(page, count)

    assert "<p>published</p>" in words(page.box)
    assert [button.description for button in buttons(page.box)] == ["Cancel"]
    task.advance(Stage.FINALIZED, ANSWER)
    page.draw(is_final=True)
    assert "<p>finalized</p>" in words(page.box)
    assert buttons(page.box) == []


def test_shown_again_after_the_end_it_is_the_end() -> None:
    """Its own output was emptied; a page that was saved before has it still."""
    task, page = made()
    show(page, 1)
    task.advance(Stage.FINALIZED, ANSWER)
    page.draw(is_final=True)
    assert page.box.children == ()

    show(page, 2)

    assert "<p>finalized</p>" in words(page.box)


def test_it_draws_what_has_changed_and_nothing_else() -> None:
    task, page = made()
    drawn: list[str] = []
    page._draw_page = lambda task: drawn.append(task.record.stage.value) or ""
    show(page, 1)
    show(page, 2)
    for _ in range(5):
        page.draw(is_final=False)
    task.advance(Stage.ATTEMPTED)
    page.draw(is_final=False)

    assert len(drawn) <= 3
    assert drawn[-1] == "attempted"


def test_closed_it_leaves_no_widget_behind() -> None:
    before = set(ipywidgets.widgets.widget._instances)
    _, page = made()
    show(page, 1)
    show(page, 2)
    page.close()

    assert set(ipywidgets.widgets.widget._instances) == before


def test_those_that_are_over_are_kept_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that shows a thousand tasks holds the last of them; a live one is never let go."""
    monkeypatch.setattr(standby, "_MAX_KEPT", 2)
    monkeypatch.setattr(standby, "_kept", type(standby._kept)())
    alive = made()[1]
    over = [made() for _ in range(4)]
    gone = weakref.ref(over[0][0])
    for task, page in over:
        task.advance(Stage.CANCELED)
        page.draw(is_final=True)

    assert [page.box.comm is not None for _, page in over] == [False, False, True, True]
    assert alive.box.comm is not None
    over.clear()
    del task, page
    gc.collect()
    assert gone() is None
