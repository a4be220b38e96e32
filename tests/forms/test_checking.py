"""A mistake is said where it is: by a model with pydantic's words, by a schema with ours."""

from __future__ import annotations

import datetime as dt
import enum
import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    field_validator,
    model_validator,
)

from ogpu_jupyter.forms.fields import Problem
from ogpu_jupyter.forms.origins import of_model, of_schema


class Color(enum.Enum):
    RED = "red"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(9, ge=1)


class Dog(BaseModel):
    kind: Literal["dog", "wolf"]
    friends: list[Pet] = []


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]
Dog.model_rebuild()


class Point(BaseModel):
    x: int
    y: int


class Circle(BaseModel):
    center: Point
    radius: float = Field(gt=0)


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("it is odd")
    return value


def _kind_of(value: Any) -> str:
    kind = value.get("sort") if isinstance(value, dict) else getattr(value, "sort", None)
    return "number" if kind == "n" else "text"


class NumberOf(BaseModel):
    sort: str
    value: int


class TextOf(BaseModel):
    value: str


class Everything(BaseModel):
    number: int = 1
    short: str = Field("a", max_length=3, pattern="^a")
    day: dt.date = dt.date(2026, 1, 1)
    color: Color = Color.RED
    point: Point | None = None
    points: list[Point] = []
    named: dict[str, Point] = {}
    numbered: dict[int, Point] = {}
    pair: tuple[int, str] = (1, "a")
    shape: Point | Circle | None = None
    several: list[int | list[Point]] = []
    word_or_day: dt.date | int | None = None
    pet: Pet | None = None
    pets: dict[str, Pet] = {}
    even: Annotated[int, AfterValidator(_even)] = 2
    even_or_text: Annotated[int, AfterValidator(_even)] | list[str] = 2
    renamed: int = Field(1, alias="re-named")
    called: Annotated[
        Annotated[NumberOf, Tag("number")] | Annotated[TextOf, Tag("text")],
        Discriminator(_kind_of),
    ] = TextOf(value="a")


EVERYTHING = of_model(Everything, "the model Everything")

# What is wrong in the value, and the place that is named for it.
PLACES: list[tuple[dict[str, Any], list[tuple]]] = [
    ({"number": "x"}, [("number",)]),
    ({"short": "abcd"}, [("short",)]),
    ({"short": "b"}, [("short",)]),
    ({"day": "yesterday"}, [("day",)]),
    ({"color": "blue"}, [("color",)]),
    ({"point": {"x": 1}}, [("point", "y")]),
    ({"point": 5}, [("point",)]),
    ({"points": [{"x": 1, "y": 2}, {"x": "a", "y": []}]}, [("points", 1, "x"), ("points", 1, "y")]),
    ({"points": {}}, [("points",)]),
    (
        {"named": {"a": {"x": 1}, "x": {"x": "q", "y": 1}}},
        [("named", "a", "y"), ("named", "x", "x")],
    ),
    ({"named": {"Point": {"x": 1}}}, [("named", "Point", "y")]),
    ({"numbered": {"1": {"x": 1}}}, [("numbered", "1", "y")]),
    ({"numbered": {"one": {"x": 1, "y": 1}}}, [("numbered", "one")]),
    ({"pair": ["a", "b"]}, [("pair", 0)]),
    ({"pair": [1]}, [("pair", 1)]),
    ({"shape": {"x": 1}}, [("shape", "y")]),
    ({"shape": {"center": {"x": 1}, "radius": 1}}, [("shape", "center", "y")]),
    ({"shape": {"center": {"x": 1, "y": 1}, "radius": 0}}, [("shape", "radius")]),
    ({"shape": 5}, [("shape",)]),
    ({"several": [1, "x", [{"x": 1}]]}, [("several", 1), ("several", 2, 0, "y")]),
    ({"word_or_day": "someday"}, [("word_or_day",)]),
    ({"pet": {"kind": "cat", "lives": 0}}, [("pet", "lives")]),
    ({"pet": {"kind": "cow"}}, [("pet", "kind")]),
    ({"pet": {}}, [("pet", "kind")]),
    (
        {"pet": {"kind": "wolf", "friends": [{"kind": "cat", "lives": "x"}]}},
        [("pet", "friends", 0, "lives")],
    ),
    ({"pets": {"cat": {"kind": "cat", "lives": 0}}}, [("pets", "cat", "lives")]),
    ({"even": 3}, [("even",)]),
    ({"even_or_text": [1]}, [("even_or_text", 0)]),
    ({"re-named": "x"}, [("re-named",)]),
    ({"called": {"sort": "n", "value": "x"}}, [("called", "value")]),
    ({"called": {"sort": "n"}}, [("called", "value")]),
]


@pytest.mark.parametrize(("value", "places"), PLACES, ids=str)
def test_each_of_pydantics_errors_is_at_its_place(value, places) -> None:
    assert [problem.path for problem in EVERYTHING.check(value)] == places


BY_SCHEMA = [
    each
    for each in PLACES
    # What a schema can't say: a validator, an integer as a name, a discriminating function;
    # and which place of a tuple is missing.
    if next(iter(each[0])) not in {"even", "numbered", "called"} and each[0] != {"pair": [1]}
]


@pytest.mark.parametrize(("value", "places"), BY_SCHEMA, ids=str)
def test_a_schema_names_the_same_places(value, places) -> None:
    shape = of_schema(Everything.model_json_schema(), "its schema")

    assert {problem.path for problem in shape.check(value)} == set(places)


def test_pydantics_words_are_kept() -> None:
    assert EVERYTHING.check({"even": 3, "point": {}, "number": 1.5, "re-named": "x"}) == [
        Problem(
            ("number",), "Input should be a valid integer, got a number with a fractional part."
        ),
        Problem(("point", "x"), "Field required."),
        Problem(("point", "y"), "Field required."),
        Problem(("even",), "It is odd."),
        Problem(
            ("re-named",), "Input should be a valid integer, unable to parse string as an integer."
        ),
    ]


def test_where_no_option_fits_each_says_why() -> None:
    (problem,) = EVERYTHING.check({"several": ["x"]})

    assert problem.path == ("several", 0)
    assert "valid integer" in problem.message
    assert "Or: Input should be a valid array." in problem.message


def test_a_validator_of_the_whole_stands_at_the_whole() -> None:
    class Span(BaseModel):
        low: int
        high: int

        @model_validator(mode="after")
        def ordered(self) -> Span:
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    class Holder(BaseModel):
        span: Span

    assert of_model(Span, "").check({"low": 2, "high": 1}) == [Problem((), "Low is above high.")]
    assert of_model(Holder, "").check({"span": {"low": 2, "high": 1}}) == [
        Problem(("span",), "Low is above high.")
    ]


def test_a_validator_that_breaks_is_a_problem_not_a_crash() -> None:
    class Broken(BaseModel):
        a: int

        @field_validator("a")
        @classmethod
        def breaks(cls, value: int) -> float:
            return 1 / value

    assert of_model(Broken, "").check({"a": 0}) == [
        Problem((), "The model raised ZeroDivisionError: division by zero")
    ]


def test_unknown_fields_where_they_are_forbidden() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid")
        a: int

    assert [p.path for p in of_model(Strict, "").check({"a": 1, "b": 2})] == [("b",)]
    assert of_schema(Strict.model_json_schema(), "").check({"a": 1, "b": 2}) == [
        Problem(("b",), "There is no such field.")
    ]


def test_a_strict_model_takes_what_json_has() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        day: dt.date
        pair: tuple[int, int]

    assert of_model(Strict, "").check({"day": "2026-11-22", "pair": [1, 2]}) == []


# What is sent


def test_a_model_completes_the_data() -> None:
    class Model(BaseModel):
        a: int
        day: dt.date = dt.date(2026, 1, 2)
        inner: Point = Point(x=1, y=2)

    assert of_model(Model, "").complete({"a": "5"}) == {
        "a": 5,
        "day": "2026-01-02",
        "inner": {"x": 1, "y": 2},
    }


def test_an_alias_is_sent_as_it_is_read() -> None:
    class Model(BaseModel):
        plain: int = Field(alias="the-plain")
        chosen: int = Field(1, validation_alias=AliasChoices("chosen_one", "c"))

    sent = of_model(Model, "").complete({"the-plain": 1, "c": 2})

    assert Model.model_validate(sent) == Model.model_validate({"the-plain": 1, "c": 2})


def test_a_secret_is_sent_as_it_was_typed() -> None:
    class Model(BaseModel):
        token: SecretStr
        size: int = 5

    assert of_model(Model, "").complete({"token": "abc"}) == {"token": "abc"}


def test_what_is_wrong_comes_back_as_it_is() -> None:
    assert EVERYTHING.complete({"number": "x"}) == {"number": "x"}


# Without a model


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        ({"type": "string"}, 1, "This should be text."),
        ({"type": ["number", "null"]}, "a", "This should be a number or nothing."),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            [],
            "This should be a whole number or nothing.",
        ),
        ({"enum": ["a", 1]}, 2, "This should be one of: a, 1."),
        ({"const": "a"}, 2, "This should be a."),
        ({"minimum": 1}, 0, "This should be at least 1."),
        ({"maximum": 1}, 2, "This should be at most 1."),
        ({"exclusiveMinimum": 1}, 1, "This should be more than 1."),
        ({"exclusiveMaximum": 1}, 1, "This should be less than 1."),
        ({"multipleOf": 2}, 3, "This should be a multiple of 2."),
        ({"minLength": 1}, "", "This should not be empty."),
        ({"minLength": 2}, "a", "This should have at least 2 characters."),
        ({"maxLength": 1}, "ab", "This should have at most 1 character."),
        ({"pattern": "^a"}, "b", "It should look like ^a."),
        ({"minItems": 1}, [], "This needs at least 1 item."),
        ({"maxItems": 1}, [1, 2], "This takes at most 1 item."),
        ({"uniqueItems": True}, [1, 1], "The items should differ from each other."),
        ({"minProperties": 2}, {"a": 1}, "This needs at least 2 fields."),
        ({"maxProperties": 0}, {"a": 1}, "This takes at most 0 fields."),
        ({"contains": {"type": "number"}}, ["a"], "None of the items is one that is needed."),
        ({"not": {"const": 1}}, 1, "This is what it must not be."),
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3, "This fits more than one of its options."),
        (
            {"dependentRequired": {"a": ["b"]}},
            {"a": 1},
            "With what is filled in, this is needed too: b.",
        ),
        ({"format": "date"}, "22.11.2026", "This is not a date such as 2026-11-22."),
        ({"format": "date"}, "2026-02-30", "This is not a date such as 2026-11-22."),
        ({"format": "date-time"}, "2026-11-22", "This is not a time such as 2026-11-22T10:00:00Z."),
        ({"format": "time"}, "25:00", "This is not a time such as 10:00:00."),
        ({"format": "email"}, "someone", "This is not an address such as name@example.org."),
        ({"format": "uri"}, "no link", "This is not a link such as https://example.org."),
        ({"format": "uuid"}, "12", "This is not a UUID."),
    ],
    ids=str,
)
def test_each_keyword_has_its_words(schema, value, message) -> None:
    shape = of_schema({"type": "object", "properties": {"a": schema}}, "a test")

    assert shape.check({"a": value}) == [Problem(("a",), message)]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"format": "date-time"}, "2026-11-22T10:00:00.123+02:00"),
        ({"format": "date-time"}, "2026-11-22 10:00"),
        ({"format": "time"}, "10:00:00Z"),
        ({"format": "email"}, "someone@example.org"),
        ({"format": "uri"}, "ipfs://Qm"),
        ({"format": "uuid"}, "00000000-0000-0000-0000-000000000000"),
        ({"format": "of its own"}, "anything"),
        ({"pattern": "(?=unknown)"}, "anything"),
        ({"type": "integer"}, 1.0),
    ],
    ids=str,
)
def test_what_is_right_has_no_words(schema, value) -> None:
    assert of_schema({"type": "object", "properties": {"a": schema}}, "").check({"a": value}) == []


def test_names_are_checked_too() -> None:
    shape = of_schema(
        {"type": "object", "propertyNames": {"maxLength": 2}, "additionalProperties": True}, ""
    )

    assert shape.check({"ab": 1, "abc": 2}) == [
        Problem(("abc",), "Its name: This should have at most 2 characters.")
    ]


def test_patterns_of_names() -> None:
    shape = of_schema(
        {
            "type": "object",
            "patternProperties": {"^n_": {"type": "number"}},
            "additionalProperties": False,
        },
        "",
    )

    assert shape.check({"n_a": 1}) == []
    assert set(shape.check({"n_a": "x", "b": 1})) == {
        Problem(("n_a",), "This should be a number."),
        Problem(("b",), "There is no such field."),
    }


@pytest.mark.parametrize("value", [None, [], "text", 1, {"a": float("nan")}, {"a": "\ud800"}])
def test_what_is_no_data_is_said_so_by_each(value) -> None:
    for shape in (EVERYTHING, of_schema({"type": "object"}, "")):
        (problem,) = shape.check(value)
        assert problem.path == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "cat", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["x", "y", "kind", "Point", "a", "radius"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(list(Everything.model_fields)), json_values, max_size=4))
def test_a_place_is_always_one_of_the_value(value) -> None:
    """Or the name of a field that is missing there, as the last step."""
    for problem in EVERYTHING.check(value):
        here: Any = value
        for step in problem.path[:-1]:
            assert step in here if isinstance(here, dict) else step < len(here)
            here = here[step]
        assert isinstance(here, (dict, list))


@given(st.dictionaries(st.sampled_from(list(Everything.model_fields)), json_values, max_size=4))
def test_what_has_no_problem_is_what_the_model_takes(value) -> None:
    try:
        Everything.model_validate_json(json.dumps(value))
        taken = True
    except ValueError:
        taken = False

    assert (EVERYTHING.check(value) == []) == taken
