"""A task as widgets: live by traits, and buttons that pay once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import ipywidgets
import pytest

from ogpu_jupyter.errors import VaultBalanceLow
from ogpu_jupyter.live import board
from ogpu_jupyter.tasks import Answer, Stage
from ogpu_jupyter.widgets.view import Controls, controls, offers, view
from tests.fake_task import FakeTask
from tests.helpers import wait_until
from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER = {samples.RESPONSES[0]: Answer(value="It is <42>.")}


@pytest.fixture
def task() -> Iterator[FakeTask]:
    task = FakeTask(samples.record(Stage.PUBLISHED))
    yield task
    task.gate.set()
    task.advance(Stage.FINALIZED, ANSWER)
    wait_until(lambda: board.is_idle)


def buttons(box: ipywidgets.Widget) -> list[ipywidgets.Button]:
    if isinstance(box, ipywidgets.Button):
        return [box]
    return [button for child in getattr(box, "children", ()) for button in buttons(child)]


def words(box: ipywidgets.Widget) -> str:
    own = box.value if isinstance(box, (ipywidgets.HTML, ipywidgets.Label)) else ""
    return own + " ".join(words(child) for child in getattr(box, "children", ()))


def choosing() -> FakeTask:
    return FakeTask(*samples.choosing())


@pytest.mark.parametrize("stage", Stage)
def test_what_can_be_done_at_each_stage(stage: Stage) -> None:
    """Cancel while nobody has it, confirm what is answered, else nothing."""
    words = [offer.words for offer in offers(FakeTask(samples.record(stage)))]

    expected = {Stage.PUBLISHED: ["Cancel"], Stage.LATE: ["Cancel"]}
    expected |= {Stage.RESPONDED: ["Confirm · pays 0.001 OGPU"]}
    assert words == expected.get(stage, [])


def test_each_answer_can_be_confirmed_at_its_price() -> None:
    """The button says whom and how much."""
    assert [offer.words for offer in offers(choosing())] == [
        "Confirm 0x7a5e…9A0b · pays 0.001 OGPU",
        "Confirm 0x9c3D…3c5D · pays 0.0008 OGPU",
        "Confirm 0x4f2A…7f9A · pays 0.0015 OGPU",
    ]


def test_the_pressed_answer_is_the_one_confirmed() -> None:
    """Not the last one of the loop that made the buttons."""
    task = choosing()
    box = Controls(task).box
    buttons(box)[1].click()
    wait_until(lambda: task.calls)

    assert task.calls == [f"confirm {samples.RESPONSES[1]}"]


def test_no_click_pays_twice() -> None:
    """All buttons, pressed many times while the first payment is under way."""
    task = choosing()
    task.gate.clear()
    box = Controls(task).box
    for _ in range(5):
        for button in buttons(box):
            button.click()
    assert all(button.disabled for button in buttons(box))
    assert "Paying…" in words(box)

    task.gate.set()
    wait_until(lambda: "Paying…" not in words(box))

    assert task.calls == [f"confirm {samples.RESPONSES[0]}"]


def test_each_unattended_choice_can_be_stopped() -> None:
    """Also the next one, which may come to stand where the first was."""
    task = choosing()
    made = Controls(task)

    class Auto:
        def cancel(self) -> None:
            task.calls.append("stop")
            task.auto = None  # type: ignore[attr-defined]

    chooser = Auto()
    for stops in (1, 2):
        task.auto = chooser  # type: ignore[attr-defined]
        made.draw()
        stop = buttons(made.box)[-1]
        assert (stop.description, stop.disabled) == ("Stop choosing", False)
        stop.click()
        wait_until(lambda: "Stopping" not in words(made.box))
        assert task.calls == ["stop"] * stops


def test_what_is_done_is_not_offered_again() -> None:
    """The chain may be slow to tell; the button stays disabled, the others work."""
    task = choosing()
    box = Controls(task).box
    buttons(box)[0].click()
    wait_until(lambda: task.calls and not buttons(box)[1].disabled)
    buttons(box)[0].click()

    assert [button.disabled for button in buttons(box)] == [True, False, False]
    assert len(task.calls) == 1


@pytest.mark.parametrize(
    ("failure", "shown"),
    [
        (VaultBalanceLow("The vault holds <1> wei.", hint="Type it."),
         "The vault holds &lt;1&gt; wei.<br>Type it."),
        (RuntimeError("odd\x1b[31m"), "RuntimeError: odd␛[31m"),
    ],
)  # fmt: skip
def test_an_error_is_told_and_the_button_works_again(
    task: FakeTask, failure: Exception, shown: str
) -> None:
    """As text beside the buttons; nothing is lost."""
    task.failure = failure
    box = Controls(task).box
    buttons(box)[0].click()
    wait_until(lambda: "alert" in words(box))

    assert shown in words(box)
    assert not buttons(box)[0].disabled
    task.failure = None
    buttons(box)[0].click()
    wait_until(lambda: task.calls == ["cancel", "cancel"])


def test_a_press_does_not_wait() -> None:
    """A click is handled at once, whatever the network does."""
    task = choosing()
    task.gate.clear()
    buttons(Controls(task).box)[0].click()

    wait_until(lambda: task.calls)
    names = [thread.name for thread in threading.enumerate()]
    task.gate.set()
    assert "ogpu-press" in names
    wait_until(lambda: "ogpu-press" not in [thread.name for thread in threading.enumerate()])


def test_the_view_follows(task: FakeTask) -> None:
    """HTML and buttons are updated by traits; the buttons go when it is final."""
    shown = view(task)
    assert "Waiting for a provider" in words(shown)
    assert [button.description for button in buttons(shown)] == ["Cancel"]

    task.advance(Stage.ATTEMPTED)
    wait_until(lambda: "is working on it" in words(shown))
    assert buttons(shown) == []

    task.advance(Stage.FINALIZED, ANSWER)
    wait_until(lambda: "It is &lt;42&gt;." in words(shown))
    wait_until(lambda: board.views == 0)
    assert shown.children[1].children == ()


def test_the_buttons_alone_follow(task: FakeTask) -> None:
    """For layouts where the page stands elsewhere."""
    box = controls(task)
    assert "left" in words(box)

    task.advance(Stage.CANCELED)
    wait_until(lambda: box.children == ())


def test_a_closed_view_is_followed_no_more(task: FakeTask) -> None:
    """The widget is gone, the task goes on."""
    shown = view(task)
    wait_until(lambda: board.views == 1)
    shown.children[0].close()
    task.advance(Stage.ATTEMPTED)

    wait_until(lambda: board.views == 0)
    assert task.callbacks == []


def test_seconds_count_down_beside_the_buttons(task: FakeTask) -> None:
    """Here to the second: this redraw disturbs nobody."""
    made = Controls(task)
    task.now += 3.0
    made.draw()

    assert "9 min 32 s left" in words(made.box)
    task.now += 600
    made.draw()
    assert "time is up" in words(made.box)


def test_drawing_makes_no_new_widgets(task: FakeTask) -> None:
    """A view of an hour's waiting is not thousands of models in the page."""
    made = Controls(task)
    before = len(ipywidgets.widgets.widget._instances)
    for _ in range(50):
        task.now += 1
        made.draw()

    assert len(ipywidgets.widgets.widget._instances) == before


def test_closing_leaves_no_widget_behind(task: FakeTask) -> None:
    """Neither the boxes nor their layouts and styles."""
    before = set(ipywidgets.widgets.widget._instances)
    made = Controls(task)
    made.close()

    assert set(ipywidgets.widgets.widget._instances) == before
