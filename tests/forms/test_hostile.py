"""A stranger's schema can't hang, flood or mislead whoever opens a form of it."""

from __future__ import annotations

import time

import pytest

from ogpu_jupyter.forms.documents import MOST_NAMES, MOST_SCHEMAS, Unusable, cleaned
from ogpu_jupyter.forms.fields import Either, Listing, Mapping, Raw, Record, start
from ogpu_jupyter.forms.origins import of_schema
from ogpu_jupyter.forms.schema import fields_of
from ogpu_jupyter.forms.validating import SchemaChecker


@pytest.fixture(autouse=True)
def soon():
    """Each of these is over in a moment of the processor's time."""
    begin = time.process_time()
    yield
    assert time.process_time() - begin < 10


def nested(depth: int, inner: dict, key: str = "items") -> dict:
    for _ in range(depth):
        inner = {key: inner}
    return inner


def record(**properties) -> dict:
    return {"type": "object", "properties": properties}


TOO_MUCH = [
    record(a=nested(500, {})),
    {"type": "object", "properties": {f"a{n}": {} for n in range(MOST_NAMES + 1)}},
    record(
        **{f"a{n}": record(**{f"b{m}": {} for m in range(100)}) for n in range(MOST_SCHEMAS // 99)}
    ),
    record(**{f"a{n}": {"enum": list(range(1000))} for n in range(51)}),
    [],
    "string",
    None,
]


@pytest.mark.parametrize("schema", TOO_MUCH, ids=lambda schema: str(schema)[:40])
def test_too_much_is_refused(schema) -> None:
    with pytest.raises(Unusable):
        cleaned(schema)


@pytest.mark.parametrize(
    "reference",
    [
        "https://example.org/schema.json",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "other.json#/a",
        "//example.org/x",
        "#name",
        "#/$defs/missing",
        "#/properties/a/minimum",
        "x" * 100_000,
    ],
)
def test_nothing_outside_is_referred_to(reference) -> None:
    document = cleaned(
        {"$id": "https://example.org/", **record(a={"$ref": reference, "minimum": 1})}
    )

    assert "$ref" not in str(document)
    assert "example.org" not in str(document)


CIRCLES = [
    {"A": {"$ref": "#/$defs/A"}},
    {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}},
    {"A": {"allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]}},
    {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}},
    {"A": {"oneOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}]}},
    {"A": {"not": {"$ref": "#/$defs/A"}}},
    {"A": {"if": {"$ref": "#/$defs/A"}, "then": {"$ref": "#/$defs/A"}}},
    {"A": {"items": {"$ref": "#/$defs/A"}, "minItems": 10**9, "type": "array"}},
    {"A": {"properties": {"a": {"$ref": "#/$defs/A"}}, "required": ["a"]}},
    {f"A{n}" if n else "A": {"allOf": [{"$ref": f"#/$defs/A{n + 1}"}] * 2} for n in range(40)},
    {f"A{n}" if n else "A": {"anyOf": [{"$ref": f"#/$defs/A{n + 1}"}] * 9} for n in range(40)},
]


@pytest.mark.parametrize("definitions", CIRCLES, ids=lambda each: str(each)[:50])
def test_circles_and_explosions_end(definitions) -> None:
    shape = of_schema({**record(a={"$ref": "#/$defs/A"}), "$defs": definitions}, "a test")

    for value in (1, [], [[[]]], {}, {"a": {"a": {"a": 1}}}, "text"):
        shape.check({"a": value})
    draw(shape.root, 0)
    start(shape.root)


def draw(field, depth: int) -> None:
    if depth > 3:
        return
    field = field.resolved
    if isinstance(field, (Record, Either)):
        named = field.fields if isinstance(field, Record) else field.options
        for _, each in named:
            draw(each, depth + 1)
    elif isinstance(field, Listing) and field.item:
        draw(field.item, depth + 1)
    elif isinstance(field, Mapping):
        draw(field.value, depth + 1)


@pytest.mark.parametrize(
    "endless",
    [
        {"type": "array", "items": {"$ref": "#/$defs/A"}, "minItems": 10**9},
        {
            "type": "object",
            "properties": {f"a{n}": {"$ref": "#/$defs/A"} for n in range(50)},
            "required": [f"a{n}" for n in range(50)],
        },
        {"prefixItems": [{"$ref": "#/$defs/A"}] * 50},
    ],
    ids=["list", "record", "tuple"],
)
def test_a_form_begins_with_a_bounded_value(endless) -> None:
    schema = {**record(a={"$ref": "#/$defs/A"}), "required": ["a"], "$defs": {"A": endless}}

    assert len(str(start(fields_of(schema)))) < 5_000_000


MANY = [{"properties": {"a": {"minimum": n, "enum": [n, 1, 2, 3]}}} for n in range(290)]


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"allOf": MANY}] * 8},
        {"properties": {"a": {"allOf": [{"items": each} for each in MANY]}}},
        {"anyOf": [{"properties": {f"a{n}": {"enum": list(range(20))} for n in range(150)}}] * 15},
    ],
    ids=["properties", "items", "tags"],
)
def test_what_is_put_together_ends(schema) -> None:
    draw(of_schema({"type": "object", **schema}, "a test").root, 0)


def test_options_times_depth_end() -> None:
    """Each level of the value doubles what there is to try."""
    option = {"properties": {"a": {"$ref": "#/$defs/A"}}}
    schema = {**record(a={"$ref": "#/$defs/A"}), "$defs": {"A": {"anyOf": [option] * 15}}}
    value: object = 1
    for _ in range(60):
        value = {"a": value}

    assert isinstance(of_schema(schema, "a test").check({"a": value}), list)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*$", "(?=(a+)+$)a"])
def test_no_pattern_hangs_a_check(pattern) -> None:
    text = "a" * 2000 + "!"
    shape = of_schema(
        {
            "type": "object",
            "properties": {"a": {"type": "string", "pattern": pattern}},
            "patternProperties": {pattern: {"type": "number"}},
            "propertyNames": {"pattern": pattern},
            "additionalProperties": False,
        },
        "a test",
    )

    assert isinstance(shape.check({"a": text, text: 1}), list)


def test_what_is_shown_is_clean_and_short() -> None:
    schema = record(
        a={
            "title": "\x1b[31mT\u202e\n" + "x" * 10_000,
            "description": "\x1b]8;;http://x\x07D" + "y" * 10_000,
            "enum": ["\x1b[2J\u202eevil", "z" * 10_000],
        }
    )
    field = fields_of(schema).field("a").resolved
    shown = [field.title, field.description, *(label for label, _ in field.options)]

    assert all(len(text) < 1100 for text in shown)
    assert not any(char in text for text in shown for char in "\x1b\x07\u202e")
    assert "\n" not in field.title
    assert [value for _, value in field.options] == schema["properties"]["a"]["enum"]


def test_values_of_a_wrong_kind_are_dropped() -> None:
    schema = record(
        a={
            "type": "number",
            "minimum": "1",
            "maximum": True,
            "multipleOf": 0,
            "title": 5,
            "description": {},
            "examples": 3,
            "required": 7,
            "minLength": -1,
            "maxLength": 2.5,
            "pattern": [],
        },
        b={"type": "number", "minimum": float("inf"), "maximum": 10**400, "default": float("nan")},
    )

    assert of_schema(schema, "a test").check({"a": 1, "b": 2}) == []


def test_a_huge_default_is_no_default() -> None:
    schema = record(a={"default": "x" * 2_000_000}, b={"default": [0] * 200_000})

    assert start(fields_of(schema)) == {}


def test_names_that_no_one_can_read_are_left_out() -> None:
    assert fields_of(record(**{"x" * 1000: {}, "a": {}})).fields == (
        ("a", Raw(title="A", required=False)),
    )


def test_hostile_numbers_end() -> None:
    shape = of_schema(record(a={"multipleOf": 5e-324}, b={"multipleOf": 0.1}), "a test")

    assert isinstance(shape.check({"a": 1.5, "b": 10**350}), list)


def test_problems_are_few_and_short() -> None:
    shape = of_schema(
        {"type": "object", "additionalProperties": {"const": "c" * 100_000}}, "a test"
    )
    found = shape.check({f"n{n}": n for n in range(5000)})

    assert 0 < len(found) <= 50
    assert all(len(problem.message) < 500 for problem in found)


def test_many_items_that_should_differ():
    """Each is compared with a few of the others, not with all."""
    schema = {"type": "object", "properties": {"rows": {"type": "array", "uniqueItems": True}}}
    checker = SchemaChecker(cleaned(schema))
    items = [{"a": [n]} for n in range(20_000)]

    assert checker.check({"rows": [*items, 1, True, 0, False, "1"]}) == []
    assert checker.check({"rows": [*items, {"a": [7.0]}]})
