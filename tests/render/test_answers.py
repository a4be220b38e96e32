"""An answer is shown as what it is; whatever it is, nothing in it can act, and it ends."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogpu_jupyter.render import answer_html, answer_text
from ogpu_jupyter.render.answers import KINDS, unwrapped
from ogpu_jupyter.render.registry import Given, Kind
from tests.render import samples
from tests.render.checks import CONTROLS, HOSTILE, safe

EXPECTED = {
    "chat": "text", "image": "pictures", "labels": "labels", "detections": "things in a picture",
    "tokens": "marked text", "summary": "text", "question": "text", "transcript": "transcript",
    "table": "table", "describe": "parts", "montecarlo": "parts", "series": "curve",
    "json": "JSON",
}  # fmt: skip
MAX_HTML = 400_000


def kind_of(value: Any, data: Any = None) -> str:
    given = Given(data)
    return next(k.name for k in KINDS if k.read(unwrapped(value), given) is not None)


@pytest.mark.parametrize("name", samples.ANSWERS)
def test_each_sample_is_of_its_kind(name: str) -> None:
    """Found by shape alone."""
    value, data = samples.ANSWERS[name]

    assert kind_of(value, data) == EXPECTED[name]
    safe(answer_html(value, data=data))


def test_every_kind_has_a_sample() -> None:
    """The gallery shows them all; a list of answers is one more."""
    assert {kind.name for kind in KINDS} - {"list"} == set(EXPECTED.values())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Paris", "Paris"),
        ({"role": "assistant", "content": "Paris"}, "Paris"),
        ({"result": {"output": [{"generated_text": "Once"}]}}, "Once"),
        ([{"translation_text": "Bonjour"}, {"translation_text": "Salut"}], "Bonjour\nSalut"),
        ({"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}}]}, "Hi"),
        ([{"role": "user", "content": "a"}, {"role": "bot", "content": "b"}], "user: a\nbot: b"),
        ({"answer": "London", "score": 0.9, "start": 1, "end": 7}, "London"),
        ({"estimate": 3.14, "seed": 4}, "estimate  3.14\nseed      4"),
        ([{"label": "yes", "score": 0.75}, {"label": "no", "score": 0.25}],
         "yes   75.0%\nno    25.0%"),
        ([{"a": 1, "b": "x"}, {"a": 22, "b": None}], " a  b\n 1  x\n22"),
        ({"r": {"mean": 1.5, "n": 2}, "s": {"mean": 10.25, "n": 3}},
         "    mean  n\nr   1.50  2\ns  10.25  3"),
        ([1, 2, 3, 4, 8], "5 points, from 1 to 8; the last is 8.\n1, 2, 3, 4, 8"),
        ([[{"label": "a", "score": 1}], [{"label": "b", "score": 0.5}]],
         "1. a  100.0%\n2. b   50.0%"),
        (None, "null"),
        (True, "true"),
        ({}, "{}"),
        ([], "[]"),
        (3, "3"),
    ],
)  # fmt: skip
def test_as_text(value: Any, shown: str) -> None:
    """What stands in `text/plain`, line by line."""
    assert answer_text(value) == shown
    safe(answer_html(value))


def test_detections_are_drawn_on_the_picture_that_was_sent() -> None:
    """Each box in percent of the picture, whatever size it is shown at."""
    value, data = samples.ANSWERS["detections"]

    shown = answer_html(value, data=data)

    assert "left:13.89%;top:34.17%;width:25.00%;height:50.00%" in shown
    assert shown.count('class="ogpu-box') == 3
    assert shown.count("<img") == 1


def test_detections_without_their_picture_tell_the_places() -> None:
    """Another picture, or none: the boxes in pixels."""
    value, _ = samples.ANSWERS["detections"]

    for data in (None, {"image": samples.picture(size=(90, 60))}):
        assert "from 50, 82 to 140, 202" in answer_html(value, data=data)
        assert "<img" not in answer_html(value, data=data)


def test_marks_need_their_text() -> None:
    """Places that don't fit any text of the data are a table."""
    value, data = samples.ANSWERS["tokens"]

    assert kind_of(value, {"input": "short"}) == "table"
    assert kind_of(value, {"input": "x" * 200}) == "table"
    assert kind_of(value, {"deep": {"input": data["input"]}}) == "marked text"


@pytest.mark.parametrize(
    "value",
    [
        [{"label": "a"}], [{"label": 1, "score": 1}], [{"label": "a", "score": "1"}],
        [{"label": "a", "score": True}], {"role": "x", "content": ["y"]},
        [{"label": "a", "score": 1, "box": {"xmin": 5, "ymin": 0, "xmax": 1, "ymax": 1}}],
        {"image_base64": "not a picture, not a picture, not a picture"},
        {"text": "a", "chunks": [{"text": "a"}]}, [[1, 2], [3]], [{"a": {}}, {"a": 1}],
        [1, 2, 3, 4, True], {"a": [float(10**300), -(10**300)] * 3}, [10**400] * 6,
        [{"x": n, "y": 10.0**n} for n in range(300)],
    ],
)  # fmt: skip
def test_almost_a_kind(value: Any) -> None:
    """A shape that nearly fits is shown as something else, not an error."""
    safe(answer_html(value))
    assert answer_text(value)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_strings_in_every_place(text: str) -> None:
    """As value, key, label, word, column, role and picture."""
    box = {"xmin": 0, "ymin": 0, "xmax": 9, "ymax": 9}
    values = [
        text, {text: text}, [text, text], {"role": text, "content": text},
        [{"label": text, "score": 0.5}], [{text: text}, {text: None}],
        [{"label": text, "score": 0.5, "box": box}], {"image_base64": text},
        {text: {"a": [text]}, "x": {"b": {"c": text}}}, {"r": {text: 1}, text: {text: 2}},
        [{text: n, "y": n} for n in range(6)], {"text": text, "chunks": []},
    ]  # fmt: skip
    for value in values:
        safe(answer_html(value, data={"input": text, "image": samples.picture()}))
        assert not CONTROLS.search(answer_text(value))
    entity = {"entity_group": text, "word": text, "score": 1, "start": 0, "end": len(text)}
    safe(answer_html([entity], data={"input": text}))


NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
SCALARS = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=20), st.sampled_from(HOSTILE)
)
KEYS = st.one_of(
    st.sampled_from(
        ["label", "score", "box", "result", "text", "content", "role", "word", "start", "end",
         "entity", "chunks", "timestamp", "xmin", "choices", "image_base64"]
    ),
    st.text(max_size=8),
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=7), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=40,
)


@settings(max_examples=300, deadline=None)
@given(JSON, JSON)
def test_any_answer_to_any_question(value: Any, data: Any) -> None:
    """No shape raises, acts, or leaves a terminal's sequence."""
    safe(answer_html(value, data=data))
    assert not CONTROLS.search(answer_text(value, data=data))


def deep(levels: int, kind: str) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value] if kind == "list" else {"result" if kind == "wrapped" else "a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [
        deep(100_000, "list"), deep(100_000, "object"), deep(100_000, "wrapped"),
        [[[n] * 100] * 100 for n in range(100)], {str(n): {"a": [n]} for n in range(50_000)},
        [{str(n): n for n in range(500)}] * 5000, list(range(200_000)), ["x" * 1000] * 5000,
        "y" * 5_000_000, [{"label": str(n), "score": n} for n in range(50_000)],
        10**5000, [{"x": n, "y": n * n} for n in range(50_000)],
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_giants_are_bounded(value: Any) -> None:
    """In size and time: the notebook carries a preview, not the whole."""
    begun = time.monotonic()

    assert len(safe(answer_html(value)).text) < MAX_HTML
    assert len(answer_text(value)) < MAX_HTML
    assert time.monotonic() - begun < 5


def test_what_is_cut_is_told() -> None:
    """Rows, labels, points and characters that aren't shown are counted."""
    assert "and 70 more rows" in answer_text([{"a": str(n)} for n in range(120)])
    assert "and 75 more labels" in answer_text([{"label": "a", "score": 1}] * 100)
    assert "and 30,000 more characters" in answer_html("x" * 50_000)


def test_more_kinds_can_be_added() -> None:
    """One value in the list is all it takes."""
    mine = Kind(
        "mine",
        lambda value, _: value["mine"] if isinstance(value, dict) and "mine" in value else None,
        lambda read: f"<b>{len(read)}</b>",
        lambda read: f"mine: {len(read)}",
    )
    KINDS.insert(0, mine)
    try:
        assert answer_html({"mine": "abc"}) == "<b>3</b>"
        assert answer_text({"mine": "abc"}) == "mine: 3"
    finally:
        KINDS.remove(mine)


def test_a_wide_number_of_columns_keeps_its_points_in_line() -> None:
    """Decimals are as many as the column needs, and the exact number is on hover."""
    rows = [{"n": 1.0, "m": 0.000123456789}, {"n": 22.25, "m": 5.5e9}]

    shown = answer_html(rows)

    assert ">1.00<" in shown
    assert ">22.25<" in shown
    assert 'title="0.000123456789"' in shown
