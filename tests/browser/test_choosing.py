"""Three responses come side by side; one is confirmed by keyboard; a strategy says why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.helpers import ROOT, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.driver import NotebookPage

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("frontend", ["lab"], indirect=True, scope="package"),
]

SETUP = "%load_ext ogpu_jupyter\n%ogpu connect local\n%ogpu deposit 1"
BIDS = "%%ogpu_task text2text_bids text2text_bids --template chat --as asked"
QUESTION = "What is 1234 * 5678?"
HELD = (  # it can't have decided before anybody looks
    "import threading\ngate = threading.Event()\nheld = lambda answer: gate.wait(60)\n"
    "held.__name__ = 'held'\n%ogpu confirm asked --strategy cheapest --accept held --auto"
)
STATE = (
    "[asked.stage.value, [r.payment for r in asked.responses],"
    " asked.record.confirmed and asked.record.confirmed.payment,"
    " asked.record.decision and asked.record.decision.words]"
)


@pytest.fixture
def asked(page: NotebookPage) -> NotebookPage:
    """A notebook whose second cell has asked three providers."""
    page.create(SETUP, f"{BIDS}\n{QUESTION}", "", "")
    page.run_cell(0)
    page.run_cell(1)
    return page


def cards(page: NotebookPage) -> Locator:
    return page.output(1).locator(".ogpu-choice")


def buttons(page: NotebookPage) -> list[str]:
    return page.output(1).get_by_role("button", name="Confirm").all_inner_texts()


def test_three_responses_side_by_side_and_one_is_paid_by_keyboard(asked: NotebookPage) -> None:
    """Tab to the button, Enter: that one is paid, at what it said, and the others are not."""
    wait_until(lambda: cards(asked).count() == 3 and len(buttons(asked)) == 3, 40)
    wait_until(lambda: "new to you" in cards(asked).last.inner_text())
    names = buttons(asked)
    shoot(asked, "choosing")
    wait_until(lambda: len({round(box["y"]) for box in boxes(asked)}) == 1)
    assert len(set(names)) == 3
    assert all(" · pays 0.000" in name or " · pays 0.001 OGPU" in name for name in names)
    assert "Compared with" in asked.output(1).inner_text()

    wanted = next(name for name in names if "0.0005" in name)
    press_by_keyboard(asked, wanted)
    asked.output(1).get_by_text("✓ Confirmed").first.wait_for(timeout=30_000)

    stage, bids, paid, _ = asked.evaluate(3, STATE)
    assert (stage, paid) == ("finalized", 5 * 10**14)
    assert len(bids) == 3
    assert buttons(asked) == []
    shoot(asked, "chosen")


def test_unattended_the_view_says_what_it_does_and_why(asked: NotebookPage) -> None:
    """Live for who sees and who hears it; the reason stays in the saved notebook."""
    asked.type_cell(2, HELD)
    asked.run_cell(2)
    said = asked.output(1).get_by_role("status").filter(has_text="auto: cheapest")
    seen = said.first.inner_text(timeout=20_000)
    asked.type_cell(3, "gate.set()")
    asked.run_cell(3)
    asked.output(1).get_by_text("Chosen: cheapest of 3").first.wait_for(timeout=40_000)

    stage, bids, paid, words = asked.evaluate(3, STATE)
    assert seen.startswith("auto: cheapest of what held accepts, ")
    assert (stage, paid) == ("finalized", min(bids))
    assert words.startswith("cheapest of 3: 0x")
    wait_until(lambda: words in json.dumps(asked.save().cells[1].outputs, ensure_ascii=False))


def test_stopped_by_its_button_the_choice_is_the_person_s(asked: NotebookPage) -> None:
    """Nothing is paid, and each answer can be confirmed."""
    asked.type_cell(
        2, "no = lambda answer: False\n%ogpu confirm asked --strategy first --accept no --auto"
    )
    asked.run_cell(2)
    wait_until(lambda: cards(asked).count() == 3, 40)
    asked.output(1).get_by_role("button", name="Stop choosing").press("Enter")
    asked.output(1).get_by_text("stopped").first.wait_for(timeout=20_000)

    stage, _, paid, _ = asked.evaluate(3, STATE)
    assert (stage, paid) == ("responded", None)
    assert len(buttons(asked)) == 3


def boxes(page: NotebookPage) -> list[dict[str, float]]:
    found = [cards(page).nth(n).bounding_box() for n in range(3)]
    return [dict(box) for box in found if box]


def press_by_keyboard(page: NotebookPage, name: str) -> None:
    """From the first button, Tab after Tab, until the wanted one has the focus; then Enter."""
    page.output(1).get_by_role("button", name=buttons(page)[0]).focus()
    for _ in range(len(buttons(page)) + 1):
        focused = page.page.evaluate("document.activeElement.innerText")
        if focused == name:
            page.page.keyboard.press("Enter")
            return
        page.page.keyboard.press("Tab")
    raise AssertionError(f"{name} can't be reached by Tab")


def shoot(page: NotebookPage, name: str) -> None:
    """For the eyes: light, dark, and a narrow window."""
    folder = ROOT / "artefacts" / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    for scheme, width in (("light", 1200), ("dark", 1200), ("light", 700)):
        page.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.page.set_viewport_size({"width": width, "height": 1000})
        page.output(1).screenshot(path=folder / f"{name}-{scheme}-{width}.png")
    page.page.emulate_media(color_scheme="light")
    page.page.set_viewport_size({"width": 1200, "height": 1000})
