"""Values of the notebook, put into the data by name, with their type."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import enum
import io
import math
import sys

import pytest
from pydantic import BaseModel

from ogpu_jupyter.errors import BodyError, InputError, UnknownName
from ogpu_jupyter.magics.body import read_body
from ogpu_jupyter.magics.values import as_json


class Point(BaseModel):
    x: int
    when: dt.date


@dataclasses.dataclass
class Pair:
    left: int
    right: list[int]


class Colour(str, enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    "body",
    [
        '{"a": "{{ value }}"}',
        '{"a": {{ value }}}',
        '{"a": {{value}}}',
        "a: {{ value }}",
        'a: "{{ value }}"',
        "{{ whole }}",
    ],
)
def test_a_placeholder_alone_becomes_the_value_with_its_type(body: str) -> None:
    value = {"rows": [1, 2.5, None, True, "x"]}

    assert read_body(body, {"value": value, "whole": {"a": value}}) == {"a": value}


def test_inside_longer_text_a_value_becomes_words() -> None:
    space = {"name": "Ada", "n": 3, "ok": True}

    assert read_body("a: Dear {{ name }}, {{n}} times {{ ok }}", space) == {
        "a": "Dear Ada, 3 times True"
    }
    assert read_body("Hello {{ name }}!", space, template="text2image") == {"prompt": "Hello Ada!"}


def test_text_in_a_value_is_not_searched_again() -> None:
    space = {"a": "{{ b }}", "b": "secret"}

    assert read_body('{"x": "{{ a }}", "y": "<{{ a }}>"}', space) == {
        "x": "{{ b }}",
        "y": "<{{ b }}>",
    }


def test_a_template_takes_a_value_that_is_no_text() -> None:
    space = {"picture": {"url": "x"}, "n": 3}

    assert read_body("{{ picture }}", space, template="hf")["input"] == {"url": "x"}
    assert read_body("{{ n }}", space, template="chat")["messages"][0]["content"] == "3"


@pytest.mark.parametrize("text", ["{{ a.b }}", "{{ a[0] }}", "{{ 1 }}", "{{}}", "{ {a} }", "{{a"])
def test_only_names_are_placeholders(text: str) -> None:
    assert read_body(f'{{"x": "{text}"}}', {"a": 1}) == {"x": text}


def test_vars_that_the_body_does_not_mention_become_fields() -> None:
    space = {"rows": [1], "seed": 7, "other": 0}

    assert read_body('{"r": {{ rows }}}', space, names=("rows", "seed")) == {"r": [1], "seed": 7}
    assert read_body("", space, names=("rows",)) == {"rows": [1]}
    assert read_body("{}", space, names=("seed",), python=True) == {"seed": 7}


def test_a_field_that_vars_would_add_again_is_refused() -> None:
    with pytest.raises(BodyError) as caught:
        read_body('{"rows": 1}', {"rows": [1]}, names=("rows",))

    assert str(caught.value) == (
        "The body has the field `rows`, and `--vars` would add it again.\nNothing was spent.\n"
        "Write {{ rows }} in the body, or leave it out of one of them."
    )


def test_an_unknown_variable_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        read_body("a: {{ rowz }}", {"rows": [1]})

    assert str(caught.value) == (
        "The variable `rowz` is not known in this notebook.\nNothing was spent.\n"
        "Did you mean `rows`?"
    )


def test_an_unknown_variable_with_nothing_near_says_what_to_do() -> None:
    with pytest.raises(UnknownName) as caught:
        read_body("", {}, names=("rows",))

    assert str(caught.value) == (
        "The variable `rows` is not known in this notebook.\nNothing was spent.\n"
        "Run the cell that makes `rows` first."
    )


def test_with_vars_no_other_name_is_filled() -> None:
    with pytest.raises(UnknownName) as caught:
        read_body("a: {{ b }}", {"a": 1, "b": 2}, names=("a",))

    assert str(caught.value) == (
        "The body has {{ b }}, and `b` is not among `--vars`.\nNothing was spent.\n"
        "Type `--vars a,b`, or leave `--vars` away."
    )


def test_a_key_has_no_placeholder() -> None:
    with pytest.raises(BodyError, match=r"The key `\{\{ a \}\}` has a placeholder"):
        read_body('{"{{ a }}": 1}', {"a": 1})


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (Colour.RED, "red"),
        (b"\x00\xff", "AP8="),
        (bytearray(b"a"), "YQ=="),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc), "2026-01-02T00:00:00+00:00"),
        (Pair(1, [2]), {"left": 1, "right": [2]}),
        (Point(x=1, when=dt.date(2026, 1, 2)), {"x": 1, "when": "2026-01-02"}),
        ([Point(x=1, when=dt.date(2026, 1, 2))], [{"x": 1, "when": "2026-01-02"}]),
        ((1, (2,)), [1, [2]]),
        (10**300, 10**300),
    ],
)
def test_values_become_what_json_has(value: object, json: object) -> None:
    assert as_json(value, "It") == json


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            {1, 2},
            (
                "The variable `x` holds an object of the class set, which can't be "
                "written as JSON.\n"
                "Nothing was spent.\n"
                "Use text, numbers, True, False, None, lists, dicts, tables, or pydantic models."
            ),
        ),
        (
            Point,
            (
                "The variable `x` holds the class Point, which can't be written as JSON.\n"
                "Nothing was spent.\n"
                "Use text, numbers, True, False, None, lists, dicts, tables, or pydantic models."
            ),
        ),
        (
            {1: 2},
            (
                "The variable `x` has the key `1`, which is not text.\nNothing was spent.\n"
                "Make its keys text: `{str(key): value …}`."
            ),
        ),
        (
            [math.nan],
            (
                "The variable `x` holds nan, which JSON can't write.\nNothing was spent.\n"
                "Replace it by None or by a number."
            ),
        ),
        (
            10**400,
            "The variable `x` holds a number of more than 400 digits.\nNothing was spent.",
        ),
    ],
)
def test_a_value_that_json_has_not_is_told_in_full(value: object, text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_body("a: {{ x }}", {"x": value})

    assert str(caught.value) == text


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list = []
    value.append(value)

    with pytest.raises(InputError, match="holds itself"):
        as_json(value, "It")


def test_a_picture_becomes_a_png() -> None:
    image = pytest.importorskip("PIL.Image").new("RGB", (3, 2), "red")

    png = base64.b64decode(as_json(image, "It"))

    assert png.startswith(b"\x89PNG")
    assert sys.modules["PIL.Image"].open(io.BytesIO(png)).size == (3, 2)


def test_numpy_values_become_numbers_and_lists() -> None:
    numpy = pytest.importorskip("numpy")

    assert as_json(numpy.float64(1.5), "It") == 1.5
    assert as_json(numpy.int8(3), "It") == 3
    assert as_json(numpy.bool_(1), "It") is True
    assert as_json(numpy.arange(4).reshape(2, 2), "It") == [[0, 1], [2, 3]]
    with pytest.raises(InputError, match="holds nan"):
        as_json(numpy.array([numpy.nan]), "It")


def test_a_pandas_table_becomes_rows_and_its_holes_null() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(
        {"a": [1.5, None], "when": pandas.to_datetime(["2026-01-02", None]), "t": ["x", None]}
    )

    assert as_json(table, "It") == [
        {"a": 1.5, "when": "2026-01-02T00:00:00", "t": "x"},
        {"a": None, "when": None, "t": None},
    ]
    assert as_json(table["a"], "It") == [1.5, None]
