"""Many tasks as one line: their counts, their cost, and a bar that fills from the left."""

from __future__ import annotations

import re

import pytest

from ogpu_jupyter import render
from ogpu_jupyter.tasks import Stage
from tests.render.checks import HOSTILE, safe

STATUS = {Stage.PUBLISHED: 5, Stage.FINALIZED: 3, Stage.FAILED: 2}


def test_the_text_counts_each_state() -> None:
    text = render.batch_text(10, STATUS, 8 * 10**15, 1)

    assert text == "10 tasks: 5 published, 3 paid, 2 failed. 0.008 OGPU. 1 of them from before."


def test_the_bar_has_what_is_paid_at_its_left() -> None:
    """Then what ended otherwise, then what is under way."""
    page = render.batch_html(10, STATUS, 8 * 10**15, 0)

    assert re.findall(r'<i class="([^"]*)" style="width:([^"]*)"', page) == [
        ("ogpu-ok", "30.00%"), ("ogpu-bad", "20.00%"), ("", "50.00%"),
    ]  # fmt: skip
    assert 'aria-label="5 published, 3 paid, 2 failed"' in page
    assert "10 tasks 5 published 3 paid 2 failed 0.008 OGPU" in " ".join(safe(page).text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_cell_says_is_text(text: str) -> None:
    safe(render.said_html(text))
