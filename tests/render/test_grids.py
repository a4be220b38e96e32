"""Tables, curves and embeddings: found in every shape they come in, bounded, and sorted."""

from __future__ import annotations

import math
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogpu_jupyter.render import answer_html, answer_kind, answer_text
from ogpu_jupyter.render.kinds.sorting import Column, cell_html, sortable
from ogpu_jupyter.render.kinds.vectors import norm, read_vectors, similarity
from ogpu_jupyter.render.records import read_records, type_of, unique
from tests.render import samples
from tests.render.checks import HOSTILE, safe

ROWS = [["Oslo", 763], ["Rome", None]]


@pytest.mark.parametrize(
    ("value", "columns", "rows"),
    [
        ([{"city": "Oslo", "rain": 763}, {"city": "Rome"}], ["city", "rain"], ROWS),
        ([["city", "rain"], ["Oslo", 763], ["Rome", None]], ["city", "rain"], ROWS),
        ([["Oslo", 763], ["Rome", None]], ["0", "1"], ROWS),
        ({"city": ["Oslo", "Rome"], "rain": [763, None]}, ["city", "rain"], ROWS),
        ({"columns": ["city", "rain"], "data": ROWS}, ["city", "rain"], ROWS),
        ({"columns": ["a", "a"], "index": [0, 1], "data": ROWS}, ["a", "a_2"], ROWS),
        ({"schema": {"fields": []}, "data": [{"a": 1}]}, ["a"], [[1]]),
        ({"Oslo": {"rain": 763}, "Rome": {"rain": None}}, ["", "rain"], ROWS),
        ([{"label": "a", "box": {"x": 1, "y": 2}}], ["label", "x", "y"], [["a", 1, 2]]),
        ([{"x": 0, "box": {"x": 1}}], ["x", "box.x"], [[0, 1]]),
    ],
)
def test_a_table_has_many_shapes(value: Any, columns: list[str], rows: list[list[Any]]) -> None:
    """Objects, lists with and without a heading, columns, pandas' own, rows with names."""
    found = read_records(value)

    assert found is not None
    assert (found.columns, found.rows) == (columns, rows)


@pytest.mark.parametrize(
    "value",
    [
        None, "text", 3, [], {}, [1, 2], [[1, 2], [3]], [{"a": {}}], [{"a": []}], [{}],
        [{f"k{n}{m}": 1 for m in range(2)} for n in range(30)], {"a": [1], "b": [2, 3]},
        {"columns": [1], "data": [[1]]}, {"columns": [], "data": []}, {"a": {"x": 1}},
    ],
)  # fmt: skip
def test_what_is_no_table(value: Any) -> None:
    """No columns are made up for it."""
    assert read_records(value) is None


def test_types() -> None:
    """One word for a column, whatever is missing in it."""
    assert type_of([1, None, 3]) == "integer"
    assert type_of([1, 2.5]) == "number"
    assert type_of([2**70]) == "number"
    assert type_of([True, None]) == "true or false"
    assert type_of(["a", None]) == "text"
    assert type_of([[1, 2.0], None]) == "numbers"
    assert type_of([1, "a"]) == "mixed"
    assert type_of([None]) == "nothing"
    assert unique(["a", "a", "a_2"]) == ["a", "a_2", "a_2_2"]


def test_each_row_knows_its_place_in_each_column() -> None:
    """Equal values have one place, what has no value is last, text is before text by letters."""
    cells = [cell_html("x")] * 3
    columns = [Column("n", cells, [3, None, 1]), Column("t", cells, ["b", "A", "b"])]

    shown = sortable(columns, "Table")

    assert re.findall(r'<tr role="row" style="([^"]*)"', shown) == [
        "--c0:1;--c1:1", "--v0:99999;--c1:0", "--c0:0;--c1:1",
    ]  # fmt: skip


def test_a_column_of_one_value_is_not_sorted() -> None:
    """Nor is a table of one row: there is nothing to press."""
    cells = [cell_html("x")] * 2

    assert "<input" not in sortable([Column("n", cells, [1, 1])], "Table")
    assert "<input" not in answer_html([{"a": 1, "b": 2}])


def test_the_buttons_of_a_table_are_its_own() -> None:
    """They have no ids and one name in a form of their own: copies don't disturb each other."""
    shown = answer_html(samples.ANSWERS["table"][0])

    assert shown.count("<form") == 1
    assert " id=" not in shown
    assert set(re.findall(r' name="([^"]*)"', shown)) == {"by"}
    assert shown.count("<input") == len(re.findall(r'<input [^>]* hidden="hidden" ', shown)) == 8
    assert 'aria-label="Sort by rain, descending"' in shown


def test_a_long_table_is_bounded_and_says_so() -> None:
    """The rest is counted, and the text names what returns the whole."""
    value, _ = samples.ANSWERS["long table"]

    shown, text = answer_html(value), answer_text(value)

    assert shown.count("<tr") == 201
    assert "and 4,800 more rows" in shown
    assert "task.to_frame()" in shown
    assert text.count("\n") == 51
    assert text.endswith("… and 4,950 more rows.")


def test_hostile_tables_end() -> None:
    """Wide, long, deep, with cells of any length: bounded in size and in time."""
    wide = [{f"{HOSTILE[n % len(HOSTILE)][:50]}{n}": HOSTILE[n % 8] for n in range(3000)}] * 50
    long = [{"a": text, "b": n} for n in range(3000) for text in HOSTILE]
    start = time.monotonic()

    for value in (wide, long):
        assert len(answer_html(value)) < 200_000
        assert len(answer_text(value)) < 100_000
        safe(answer_html(value))

    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ([1, 2, None, 4, 8], 1),
        ([[float(n) for n in range(30)]] * 2, 2),
        ({"epoch": [1, 2, 3, 4, 5], "loss": [5, 4, 3, 2, 1], "val": [5, 4, 3, 2, 2]}, 2),
        ({"loss": [5, 4, 3, 2, 1], "val": [5, 4, None, 2, 2]}, 2),
        ([{"x": n, "y": n * n} for n in range(1, 9)], 1),
        ({"loss": [5, 4, 3, 2, 1], "steps": [n * 10_000 for n in range(1, 6)]}, 1),
    ],
)
def test_series(value: Any, lines: int) -> None:
    """One list, several, columns over the first or over their number; scales that fit together."""
    shown = answer_html(value)

    assert answer_kind(value) == "curve"
    assert len(set(re.findall(r'polyline class="ogpu-h(\d)"', shown))) == lines
    assert "<title>" in shown
    assert set("▁▂▃▄▅▆▇█") & set(answer_text(value))
    safe(shown)


def test_a_gap_is_a_gap() -> None:
    """Two strokes with nothing between them, and it is told."""
    shown = answer_html([1, 2, 3, None, 5, 6, 7])

    assert shown.count("<polyline") == 2
    assert "1 of them missing" in shown


def test_ticks_are_round_numbers() -> None:
    """Between the limits, each at its own height."""
    shown = answer_html([0.0, 3.1, 7.2, 9.9, 4.0])

    assert re.findall(r'<span style="top:[^"]*">([^<]*)</span>', shown) == ["0", "5"]


def test_many_points_keep_their_peaks() -> None:
    """A single high point of 100,000 is drawn."""
    value = [0.0] * 100_000
    value[54_321] = 7.0

    shown = answer_html(value)

    assert ",0.00" in shown
    assert len(shown) < 20_000


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=5))
def test_any_numbers_are_drawn(value: list[float | None]) -> None:
    """No range is too large, too small or too flat."""
    shown = answer_html(value)

    safe(shown)
    assert "nan" not in shown
    assert "inf" not in re.sub(r"[a-z]*inf[a-z]+", "", shown)


VECTOR = samples.embedding(1)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (VECTOR, (384,)),
        ([VECTOR, VECTOR], (2, 384)),
        ([[VECTOR, VECTOR, VECTOR]], (1, 3, 384)),
        ({"embedding": VECTOR}, (384,)),
        ({"embeddings": [VECTOR], "model": "m"}, (1, 384)),
        ({"object": "list", "data": [{"index": 0, "embedding": VECTOR}], "model": "m"}, (1, 384)),
    ],
)
def test_embeddings(value: Any, shape: tuple[int, ...]) -> None:
    """Their shape, norm and spread: never their numbers."""
    found, shown = read_vectors(value), answer_html(value)

    assert found is not None
    assert found.shape == shape
    assert answer_kind(value) == "embedding"
    assert "384 numbers" in shown
    assert str(VECTOR[100]) not in shown
    assert len(shown) < 8_000
    assert len(answer_text(value)) < 2_000
    safe(shown)


@pytest.mark.parametrize(
    "value",
    [
        [math.sin(n / 9) for n in range(200)], list(range(100)), [0.5] * 63, [VECTOR, VECTOR[:-1]],
        [VECTOR, "x"], [[]], {"embedding": VECTOR, "text": "x"}, [[[[0.5] * 64]]], [True] * 64,
    ],
)  # fmt: skip
def test_what_is_no_embedding(value: Any) -> None:
    """A smooth series, whole numbers, too few, lists of two lengths."""
    assert read_vectors(value) is None


def test_a_series_can_be_asked_for_as_the_other() -> None:
    """Numbers alone don't say what they are; the person can."""
    assert answer_kind(VECTOR, show="curve") == "curve"
    assert answer_kind([math.sin(n) for n in range(99)], show="embedding") == "embedding"


def test_similarity() -> None:
    """The cosine; none of a vector without direction, or of one beyond what a float holds."""
    assert similarity([1.0, 0.0], [2.0, 0.0]) == pytest.approx(1)
    assert similarity([1.0, 0.0], [0.0, 3.0]) == pytest.approx(0)
    assert similarity([0.0], [1.0]) is None
    assert similarity([1e308] * 9, [1e308] * 9) is None
    assert norm([3.0, 4.0]) == 5
