"""An answer is shown as what it is; whatever it is, nothing in it can act, and it ends."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogpu_jupyter.render import answer_html, answer_kind, answer_text
from ogpu_jupyter.render.answers import KINDS, unwrapped
from ogpu_jupyter.render.registry import Kind
from tests.render import samples
from tests.render.checks import CONTROLS, HOSTILE, safe

EXPECTED = {
    "chat": "chat", "image": "images", "labels": "labels", "detections": "detections",
    "tokens": "tokens", "summary": "text", "question": "text", "transcript": "transcript",
    "table": "table", "describe": "fields", "montecarlo": "fields", "series": "curve",
    "several series": "curve", "embeddings": "embedding", "long table": "table",
    "json": "JSON", "markdown": "chat", "conversation": "chat", "turns": "chat",
    "generated": "markdown", "long text": "text", "link": "text", "images": "images",
    "masks": "masks", "masks alone": "masks", "depth": "depth", "audio": "fields",
    "speech": "audio", "video": "video", "bytes": "bytes", "spoken": "transcript",
    "answer in its text": "answer", "answers": "answer", "cells": "answer", "gap": "fill-mask",
    "zero-shot": "labels", "one label each": "labels", "list": "list", "error": "error",
    "invalid": "error", "embedding": "embedding",
}  # fmt: skip
MAX_HTML = 400_000


def kind_of(value: Any, data: Any = None) -> str:
    return answer_kind(value, data=data)


@pytest.mark.parametrize("name", samples.ANSWERS)
def test_each_sample_is_of_its_kind(name: str) -> None:
    """Found by shape alone."""
    value, data = samples.ANSWERS[name]

    assert kind_of(value, data) == EXPECTED[name]
    safe(answer_html(value, data=data))


def test_every_kind_has_a_sample() -> None:
    """The gallery shows them all."""
    assert [kind.name for kind in KINDS if kind.name not in EXPECTED.values()] == []
    assert set(EXPECTED) == set(samples.ANSWERS)


@pytest.mark.parametrize("name", samples.ANSWERS)
def test_each_sample_reads_as_text(name: str) -> None:
    """Where there is no page: what it says, without a tag or a sequence."""
    value, data = samples.ANSWERS[name]

    text = answer_text(value, data=data)

    assert text.strip()
    assert len(text) < 12_000
    assert "</" not in text.replace("<b>works</b>", "")
    assert not CONTROLS.search(text)


@pytest.mark.parametrize("name", [kind.name for kind in KINDS])
@pytest.mark.parametrize("sample", ["chat", "json", "table", "image", "labels", "series"])
def test_each_kind_can_be_asked_of_any_answer(name: str, sample: str) -> None:
    """It is shown so, or as what it is with a word about it; never an error."""
    value, data = samples.ANSWERS[sample]

    shown = safe(answer_html(value, data=data, show=name)).text
    kind = answer_kind(value, data=data, show=name)

    assert kind == name or f"can't be shown as {name}; it is shown as {kind}." in shown
    assert answer_text(value, data=data, show=name)


def test_what_is_asked_goes_before_shape() -> None:
    """By its name in any case, or by another of its names; what isn't a kind is told."""
    marked = {"generated_text": "**bold** words"}

    assert "<strong>" in answer_html(marked)
    assert "<strong>" not in answer_html(marked, show="text")
    assert answer_kind(marked, show="json") == "JSON"
    assert answer_kind({"a": 1}, show="Any") == "JSON"
    assert answer_kind("plain", show="markdown") == "markdown"
    assert "There is no kind &#x27;mandala&#x27;" in answer_html("x", show="mandala")


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string", "format": "markdown"}, "markdown"),
        ({"type": "string", "contentMediaType": "text/markdown; charset=utf-8"}, "markdown"),
        ({"type": "string", "title": "Chat", "format": "Chat"}, "chat"),
        ({"type": "string", "title": "Chat"}, "text"), ({"title": "JSON"}, "text"),
        ({"$ref": "#/$defs/M", "$defs": {"M": {"format": "markdown"}}}, "markdown"),
        ({"anyOf": [{"format": "markdown"}, {"type": "null"}]}, "markdown"),
        ({"type": "string", "format": "table"}, "text"),
        ({"type": "string", "format": 7, "title": ["x"], "$ref": "#/nowhere"}, "text"),
        ({"$ref": "#"}, "text"),
        ("nonsense", "text"),
        (None, "text"),
    ],
)  # fmt: skip
def test_the_schema_goes_before_the_shape(schema: Any, kind: str) -> None:
    """Where the source tells it, and the value can be shown so."""
    assert answer_kind("words, and no marks", schema=schema) == kind


def test_the_schema_tells_of_the_parts_too() -> None:
    """Each field has its own, also behind a reference."""
    schema = {
        "properties": {"report": {"$ref": "#/$defs/Report"}, "notes": {"items": {}}},
        "$defs": {"Report": {"format": "markdown"}},
    }
    value = {"report": "words " * 60, "seed": 4}

    assert "ogpu-md" in answer_html(value, schema=schema)
    wrapped = {"properties": {"result": {"format": "markdown"}}}
    assert answer_kind({"result": "words"}, schema=wrapped) == "markdown"
    assert answer_kind({"result": "words"}, schema={"format": "markdown"}) == "markdown"
    assert "ogpu-md" not in answer_html(value)


def test_a_batch_of_any_kind_is_a_list() -> None:
    """As pipelines give it for several inputs; a table stays a table."""
    zero = samples.ANSWERS["zero-shot"][0]
    spoken, data = samples.ANSWERS["spoken"]

    assert answer_kind([zero, zero]) == "list"
    assert answer_kind([spoken, spoken], data=data) == "list"
    assert answer_kind([samples.ANSWERS["masks"][0]["result"]] * 2) == "list"
    assert answer_kind([{"a": 1, "b": 2}] * 3) == "table"
    assert "and 88 more answers" in answer_text([[{"label": "a", "score": 1}]] * 100)


@pytest.mark.parametrize(
    ("value", "bare"),
    [
        ({"status": "ok", "result": "x"}, "x"), ({"error": None, "output": {"result": 3}}, 3),
        ({"success": True, "results": [1]}, [1]),
        ([[{"a": 1}]], [{"a": 1}]), ([[1]], None), ({"result": "x", "seed": 3}, None),
        ({"status": "odd", "result": "x"}, None), ({"error": 0, "result": "x"}, None),
    ],
)  # fmt: skip
def test_a_wrapper_is_taken_off(value: Any, bare: Any) -> None:
    """What says that all is well goes with it; anything else is kept."""
    assert unwrapped(value) == (value if bare is None else bare)


def test_a_link_shows_what_is_behind_it() -> None:
    """Where it was fetched before; the page never fetches."""
    link = "ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"

    assert answer_kind({"image": link}) == "fields"
    shown = answer_html({"image": link}, linked={link: samples.picture()})
    assert safe(shown).text.startswith("PNG image")
    assert "<audio" in answer_html(link, linked={link: samples.sound()})


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
        ([1, 2, 3, 4, 8], "5 points, from 1 to 8; the last is 8.\n▁▂▃▄█\n1, 2, 3, 4, 8"),
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
    assert kind_of(value, {"deep": {"input": data["input"]}}) == "tokens"


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
         "entity", "chunks", "timestamp", "xmin", "choices", "image_base64", "error", "detail",
         "mask", "masks", "labels", "scores", "sequence", "audio", "sampling_rate", "message",
         "messages", "answer", "token_str", "depth", "predicted_depth", "status", "tool_calls",
         "segments", "score", "loc", "msg", "traceback"]
    ),
    st.text(max_size=8),
)  # fmt: skip


def nested(inner: Any) -> Any:
    return st.one_of(st.lists(inner, max_size=7), st.dictionaries(KEYS, inner, max_size=6))


JSON = st.recursive(SCALARS, nested, max_leaves=40)


@settings(max_examples=300, deadline=None)
@given(JSON, JSON)
def test_any_answer_to_any_question(value: Any, data: Any) -> None:
    """No shape raises, acts, or leaves a terminal's sequence; in its time and size."""
    begun = time.process_time()

    assert len(safe(answer_html(value, data=data)).text) < MAX_HTML
    assert not CONTROLS.search(answer_text(value, data=data))
    assert time.process_time() - begun < 5


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from([kind.name for kind in KINDS]), JSON)
def test_any_answer_as_any_kind(value: Any, show: str, schema: Any) -> None:
    """Also one that was asked for, by a person or by a schema."""
    safe(answer_html(value, show=show))
    safe(answer_html(value, schema=schema))
    assert not CONTROLS.search(answer_text(value, show=show))


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
    begun = time.process_time()

    assert len(safe(answer_html(value)).text) < MAX_HTML
    assert len(answer_text(value)) < MAX_HTML
    assert time.process_time() - begun < 5


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


def test_a_part_is_looked_through_once() -> None:
    """Whatever asks for it: a large answer is read by each kind one time."""
    numbers = list(range(50))
    seen: list[Any] = []
    counting: Kind[Any] = Kind("counting", lambda value, _: seen.append(value), str, str)
    KINDS.insert(0, counting)
    try:
        answer_html({"series": {"values": numbers, "unit": "s"}})
    finally:
        KINDS.remove(counting)

    assert sum(value is numbers for value in seen) == 1


def test_a_part_is_what_its_own_schema_says() -> None:
    """Also where the same value was looked at before, under another schema."""
    value = {"result": [{"x": [1, 2, 3]}, {"x": [3, 4, 5]}]}
    schema = {"type": "array", "items": {"format": "markdown"}}

    assert answer_kind(value, show="list", schema=schema) == "list"
