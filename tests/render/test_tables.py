"""Lists and cards: the same facts as HTML and as text."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter import render
from ogpu_jupyter.render.words import amount_column, brief_amount
from ogpu_jupyter.tasks import Stage
from tests import gallery
from tests.render import samples
from tests.render.checks import HOSTILE, safe

NOW = samples.NOW


def test_tasks() -> None:
    """Every stage has a row, in line."""
    records = [samples.record(stage, key=n, name=stage.value) for n, stage in enumerate(Stage)]

    shown = safe(render.tasks_html(records, NOW)).text
    lines = render.tasks_text([*records[4:6], *records[7:9]], NOW).splitlines()

    assert all(f"#{n} {stage.value}" in shown for n, stage in enumerate(Stage))
    assert lines == [
        "    task       address      function   state      payment     created (UTC)     expires",
        "#4  published  0x12C4…F901  text2text  published  0.001 OGPU  2026-05-28 20:26  in 9 min",
        "#5  attempted  0x12C4…F901  text2text  attempted  0.001 OGPU  2026-05-28 20:26  in 9 min",
        "#7  responded  0x12C4…F901  text2text  responded  0.001 OGPU  2026-05-28 20:26  in 9 min",
        "#8  finalized  0x12C4…F901  text2text  paid       0.001 OGPU  2026-05-28 20:26",
    ]


@given(st.lists(st.integers(0, 10**24), min_size=1))
def test_points_stand_below_each_other(amounts: list[int]) -> None:
    """What is added can't be seen, and is right where it can be; small units stand alone."""
    column = amount_column(amounts)
    shown = [re.sub(r"<[^>]+>", "", cell) for cell in column]
    seen = [re.sub(r'<span class="ogpu-pad">[.0]+</span>|<[^>]+>', "", cell) for cell in column]
    numbers = [text.removesuffix(" OGPU") for text in shown if text.endswith(" OGPU")]

    assert seen == [brief_amount(wei) for wei in amounts]
    assert len({len(number.partition(".")[2]) for number in numbers}) <= 1
    assert [Decimal(number) for number in numbers] == [
        Decimal(text.removesuffix(" OGPU")) for text in seen if text.endswith(" OGPU")
    ]


def test_a_lower_bid_is_what_was_paid() -> None:
    """The row adds up to the total below it; what was held is said on hover."""
    paid = samples.record()
    (response, *others) = paid.responses
    low = response.model_copy(update={"payment": paid.payment // 2})
    record = paid.model_copy(update={"responses": (low, *others)})
    page = render.tasks_html([record], NOW)

    assert "0.0005 OGPU" in safe(page).text
    assert "0.0005 OGPU = 500000000000000 wei; 0.001 OGPU was held" in page
    assert "0.0005 OGPU" in render.tasks_text([record], NOW)


def test_no_tasks_and_no_sources() -> None:
    """Said, not blank."""
    assert "No tasks yet." in safe(render.tasks_html([], NOW)).text
    assert render.tasks_text([], NOW) == "No tasks yet."
    assert "No sources yet." in safe(render.sources_html([])).text
    assert render.sources_text([]) == "No sources yet."


def test_thousands_of_tasks_are_bounded() -> None:
    """The rest is counted."""
    records = [samples.record()] * 3000

    assert "and 2,500 more" in safe(render.tasks_html(records, NOW)).text
    assert "and 2,500 more" in render.tasks_text(records, NOW)


def test_sources() -> None:
    """What it takes, what it runs on, how it pays; unknown counts are a dash."""
    shown = safe(render.sources_html(gallery.sources())).text

    assert "1 d CPU, NVIDIA the first answer 3 1,204 Answers a chat" in shown
    assert "Inactive" in shown
    assert "text2text  0x5F3a9E1c7B2d4068aC1e3F5b7D9a0C2e4F6b8D13  active" in render.sources_text(
        gallery.sources()
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_metadata_of_a_stranger_is_text(text: str) -> None:
    """A source's name and description come from whoever published it."""
    hostile = gallery.sources()[0].model_copy(update={"name": text, "description": text})

    safe(render.sources_html([hostile]))
    assert len(render.sources_text([hostile]).splitlines()) == 2


def test_status() -> None:
    """It shows itself in a cell and at a prompt."""
    status = render.StatusInfo("local", 31337, 4213, samples.TASK, 99 * 10**18, 15 * 10**17, 0, 1)

    assert "local chain 31337, block 4,213" in safe(status._repr_html_()).text
    assert repr(status).splitlines() == [
        "local: chain 31337, block 4,213",
        f"  account    {samples.TASK}",
        "  wallet     99 OGPU",
        "  vault      1.5 OGPU",
        "  spent      0 OGPU",
        "  under way  1 task",
    ]


def test_plan() -> None:
    """Price, gas, balances after, and the exact payload."""
    plan = gallery.plan()
    payload = '{"function_name": "text2text", "data": {"messages": [{"role": "user"'

    shown = safe(plan._repr_html_()).text

    assert "Nothing was sent, nothing was spent." in shown
    assert "Gas 310,046" in shown
    assert payload in shown
    assert payload in repr(plan)
    assert "  network fee  0.000620092 OGPU at most (310,046 gas)" in repr(plan)
    assert "  wallet       99 OGPU → at least 98.999379908 OGPU" in repr(plan)
