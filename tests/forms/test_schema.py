"""A schema becomes fields: each keyword, each kind, and what pydantic writes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from ogpu_jupyter.forms import fields as kinds
from ogpu_jupyter.forms.choices import distinct
from ogpu_jupyter.forms.documents import Unusable, cleaned
from ogpu_jupyter.forms.fields import (
    DEPTH,
    MISSING,
    Choice,
    Either,
    File,
    Flag,
    Link,
    Listing,
    Mapping,
    Number,
    Raw,
    Record,
    Text,
    fits,
    start,
)
from ogpu_jupyter.forms.schema import fields_in, fields_of


def of(schema: dict, name: str = "value", **more: Any):
    """The field of a property with this schema."""
    record = fields_of({"type": "object", "properties": {name: schema}, **more})
    assert isinstance(record, Record)
    field = record.field(name)
    assert field is not None
    return field.resolved


def model_field(annotation: Any):
    model = type("Model", (BaseModel,), {"__annotations__": {"value": annotation}})
    record = fields_of(model.model_json_schema()).resolved
    return record.field("value").resolved


def kinds_of(field) -> list:
    return [type(each.resolved) for _, each in field.options]


PLAIN = [
    ({"type": "string"}, Text()),
    ({"type": "string", "minLength": 2, "maxLength": 5}, Text(min_length=2, max_length=5)),
    ({"type": "string", "pattern": "^a"}, Text(pattern="^a")),
    *(
        ({"type": "string", "format": name}, Text(format=name))
        for name in ("date", "date-time", "time", "duration", "uri", "email", "uuid", "password")
    ),
    ({"type": "string", "format": "color"}, Text(format="color")),
    ({"type": "string", "format": "url"}, Text(format="uri")),
    ({"type": "string", "format": "of its own"}, Text()),
    ({"type": "string", "writeOnly": True}, Text(format="password")),
    ({"type": "string", "format": "textarea"}, Text(long=True)),
    ({"type": "string", "contentMediaType": "text/html"}, Text(long=True)),
    ({"type": "string", "examples": ["a\nb"]}, Text(long=True)),
    ({"type": "string", "maxLength": 4000}, Text(long=True, max_length=4000)),
    ({"type": "integer"}, Number(integer=True)),
    ({"type": "number", "minimum": 0, "maximum": 1}, Number(low=0, high=1)),
    (
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        Number(low=0, high=1, open_low=True, open_high=True),
    ),
    ({"type": "number", "minimum": 5, "exclusiveMinimum": 0}, Number(low=5)),
    ({"minimum": 5, "exclusiveMinimum": True}, Number(low=5, open_low=True)),
    ({"type": "integer", "multipleOf": 5}, Number(integer=True, multiple_of=5)),
    ({"type": "boolean"}, Flag()),
    ({"enum": ["a", 1, True]}, Choice(options=(("a", "a"), ("1", 1), ("true", True)))),
    ({"enum": ["a", None]}, Choice(options=(("a", "a"),), nullable=True)),
    ({"enum": ["1", 1]}, Choice(options=(("1", "1"), ("1 (2)", 1)))),
    ({"const": "a"}, Choice(options=(("a", "a"),))),
    ({"const": None}, Choice(options=(("nothing", None),))),
    ({"type": "null"}, Choice(options=(("nothing", None),))),
    (
        {"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]},
        Choice(options=(("One", 1), ("Two", 2))),
    ),
    ({"type": "array", "items": {"type": "string"}}, Listing(item=Text())),
    (
        {"items": {"type": "boolean"}, "minItems": 1, "maxItems": 3, "uniqueItems": True},
        Listing(item=Flag(), min_items=1, max_items=3, unique=True),
    ),
    ({"type": "array"}, Listing(item=Raw())),
    (
        {"prefixItems": [{"type": "boolean"}, {"type": "number"}], "items": False},
        Listing(heads=(Flag(), Number())),
    ),
    ({"items": [{"type": "boolean"}]}, Listing(heads=(Flag(),), item=Raw())),
    (
        {"items": [{"type": "boolean"}], "additionalItems": {"type": "number"}},
        Listing(heads=(Flag(),), item=Number()),
    ),
    ({"prefixItems": [{"type": "boolean"}], "maxItems": 1}, Listing(heads=(Flag(),), max_items=1)),
    ({"type": "object"}, Mapping(value=Raw())),
    (
        {"type": "object", "additionalProperties": {"type": "number"}, "maxProperties": 9},
        Mapping(value=Number(), max_items=9),
    ),
    (
        {"patternProperties": {"^x": {"type": "number"}}},
        Mapping(value=Number(), key_pattern="^x"),
    ),
    (
        {"propertyNames": {"pattern": "^x"}, "additionalProperties": {"type": "number"}},
        Mapping(value=Number(), key_pattern="^x"),
    ),
    (
        {"propertyNames": {"enum": ["a"]}, "additionalProperties": {"type": "number"}},
        Record(fields=(("a", Number(title="A", required=False)),)),
    ),
    ({"type": "object", "additionalProperties": False}, Record()),
    ({"properties": {}, "type": "object", "additionalProperties": True}, Mapping(value=Raw())),
    ({"type": ["string", "null"]}, Text(nullable=True)),
    ({"type": "string", "nullable": True}, Text(nullable=True)),
    ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, Flag(nullable=True)),
    ({"anyOf": [{"type": "boolean"}, {"const": None}]}, Flag(nullable=True)),
    ({"anyOf": [{"type": "boolean"}, False]}, Flag()),
    (
        {"type": ["boolean", "number"]},
        Either(options=(("yes or no", Flag()), ("a number", Number()))),
    ),
    (
        {"oneOf": [{"type": "number"}, {"type": "number", "minimum": 1}]},
        Either(options=(("a number", Number()), ("a number (2)", Number(low=1)))),
    ),
    ({"type": "string", "anyOf": [{"minLength": 2}, {"pattern": "a"}]}, None),
    (
        {"allOf": [{"type": "number", "minimum": 1}, {"minimum": 3, "maximum": 9}]},
        Number(low=3, high=9),
    ),
    ({"allOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}, Choice(options=(("2", 2),))),
    (
        {"type": "number", "if": {"minimum": 1}, "then": {"maximum": 2}, "not": {"const": 1}},
        Number(),
    ),
    ({}, Raw()),
    (True, Raw()),
    ({"type": "unheard of"}, Raw()),
    ({"$ref": "https://example.org/schema"}, Raw()),
    ({"$ref": "#/nowhere"}, Raw()),
]


@pytest.mark.parametrize(("schema", "field"), PLAIN, ids=str)
def test_each_keyword_has_its_field(schema, field) -> None:
    found = dataclasses.replace(of(schema), title="", required=True, examples=())

    if field is None:
        assert isinstance(found, Either)
    else:
        assert found == field


FILES = [
    ({"contentEncoding": "base64", "contentMediaType": "image/png"}, "x", "base64", ("image/png",)),
    ({"contentEncoding": "base64"}, "audio", "base64", ("audio/*",)),
    ({"format": "byte"}, "x", "base64", ()),
    ({"format": "binary"}, "picture", "base64", ("image/*",)),
    ({"format": "data-url"}, "photo", "data_url", ("image/*",)),
    ({"contentMediaType": "audio/wav"}, "x", "base64", ("audio/wav",)),
    ({}, "image_base64", "base64", ("image/*",)),
    ({}, "voice_b64", "base64", ("audio/*",)),
    ({"description": "A photo, base64 encoded."}, "image", "base64", ("image/*",)),
    ({"description": "A recording as a data URL."}, "audio", "data_url", ("audio/*",)),
    ({"description": "A PDF in base 64."}, "document", "base64", ("application/pdf",)),
]


@pytest.mark.parametrize(("schema", "name", "as_", "accept"), FILES, ids=str)
def test_a_string_of_bytes_is_a_file(schema, name, as_, accept) -> None:
    field = of({"type": "string", **schema}, name)

    assert isinstance(field, File)
    assert (field.as_, field.accept) == (as_, accept)


@pytest.mark.parametrize("name", ["image", "audio", "file"])
def test_a_name_alone_makes_no_file(name) -> None:
    """It may as well be a path or a link."""
    assert isinstance(of({"type": "string"}, name), Text)
    assert isinstance(of({"type": "string", "description": "A URL."}, name), Text)


def test_a_text_that_may_be_an_image_is_either() -> None:
    described = "A text, or an image as base64 or a data URL."
    alone = of({"type": "string", "description": described}, "input")
    among = of(
        {"anyOf": [{"type": "string"}, {"type": "object"}], "description": described}, "input"
    )

    assert kinds_of(alone) == [Text, File]
    assert kinds_of(among) == [Text, Mapping, File]
    assert alone.options[1][0] == "an image"
    assert alone.which("some words") == 0
    assert alone.which("data:image/png;base64,AAAA") == 1
    assert alone.which("iVBORw0KGgo" * 20) == 1


def test_a_file_is_no_larger_than_its_text_may_be() -> None:
    assert of({"type": "string", "format": "byte", "maxLength": 4000}).max_bytes == 3000
    assert of({"type": "string", "format": "byte", "maxLength": 10**12}).max_bytes == 24 * 2**20


def test_notes_are_kept() -> None:
    field = of(
        {"type": "number", "title": "T", "description": "D", "default": 3, "examples": [1, 2]}
    )

    assert (field.title, field.description, field.default) == ("T", "D", 3)
    assert field.examples == (1, 2)


def test_a_null_default_is_a_default() -> None:
    assert of({"type": "number"}).default is MISSING
    assert of({"type": ["number", "null"], "default": None}).default is None


def test_a_field_without_a_title_is_called_by_its_name() -> None:
    assert of({"type": "number"}, "max_new_tokens").title == "Max new tokens"


def test_required_is_what_the_record_says() -> None:
    assert of({"type": "number"}, required=["value"]).required
    assert not of({"type": "number"}).required


def test_others_may_be_added_where_the_schema_says_so() -> None:
    def more(**keywords):
        return fields_of({"properties": {"a": {}}, **keywords}).additional

    assert more() is None
    assert more(additionalProperties=False) is None
    assert more(additionalProperties=True) == Raw()
    assert more(additionalProperties={"type": "number"}) == Number()


@pytest.mark.parametrize("place", ["$defs", "definitions", "components/schemas", "a~1b"])
def test_a_reference_is_followed_in_the_document(place) -> None:
    named: Any = {"Size": {"type": "integer", "minimum": 1}}
    for part in reversed(place.split("/")):
        named = {part.replace("~1", "/"): named}
    schema = {"properties": {"size": {"$ref": f"#/{place}/Size"}}, **named}

    assert fields_of(schema).field("size").resolved == Number(
        integer=True, low=1, title="Size", required=False
    )


def test_what_stands_beside_a_reference_comes_first() -> None:
    schema = {
        "properties": {
            "a": {"$ref": "#/$defs/A", "default": 5, "description": "ours"},
            "b": {"allOf": [{"$ref": "#/$defs/A"}], "default": 6},
            "c": {"$ref": "#/$defs/A", "maximum": 7},
        },
        "$defs": {"A": {"type": "integer", "default": 1, "description": "its own", "title": "A"}},
    }
    a, b, c = (field for _, field in fields_of(schema).fields)

    assert isinstance(a, Link)
    assert (a.resolved.default, a.resolved.description) == (5, "ours")
    assert isinstance(b, Link)
    assert (b.resolved.default, b.resolved.description) == (6, "its own")
    assert c.resolved == Number(
        integer=True, high=7, default=1, description="its own", title="C", required=False
    )


def test_alternatives_are_told_apart_by_a_constant() -> None:
    def option(tag: str) -> dict:
        return {"title": tag, "properties": {"kind": {"const": tag}}, "required": ["kind"]}

    named = of({"oneOf": [option("a"), option("b")], "discriminator": {"propertyName": "kind"}})
    found = of({"anyOf": [option("a"), option("b")]})
    same = of({"anyOf": [option("a"), option("a")]})

    assert named.discriminator == found.discriminator == "kind"
    assert same.discriminator is None
    assert named.which({"kind": "b"}) == 1
    assert named.which({"kind": "c"}) is None


def test_rules_beside_alternatives_belong_to_each() -> None:
    field = of(
        {
            "type": "object",
            "properties": {"a": {"type": "number"}},
            "oneOf": [{"properties": {"b": {"type": "boolean"}}}, {"properties": {"c": {}}}],
        }
    )

    assert [[name for name, _ in each.fields] for _, each in field.options] == [
        ["b", "a"],
        ["c", "a"],
    ]


def test_alternatives_that_only_require_make_no_other_form() -> None:
    field = of(
        {
            "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        }
    )

    assert isinstance(field, Record)


# What pydantic writes


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    friends: list[Pet] = []


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]
Dog.model_rebuild()


class Node(BaseModel):
    value: int
    left: Optional[Node] = None  # noqa: UP045 - as people write it
    others: list[Node] = []


ANNOTATIONS = [
    (str, Text),
    (int, Number),
    (float, Number),
    (bool, Flag),
    (bytes, File),
    (Base64Bytes, File),
    (dt.date, Text),
    (dt.datetime, Text),
    (dt.timedelta, Text),
    (HttpUrl, Text),
    (SecretStr, Text),
    (Color, Choice),
    (Literal["a", 1], Choice),
    (list[int], Listing),
    (set[int], Listing),
    (tuple[int, str], Listing),
    (dict[str, int], Mapping),
    (dict, Mapping),
    (dict[Literal["a", "b"], int], Record),
    (Cat, Record),
    (Node, Record),
    (Pet, Either),
    (int | str, Either),
    (int | None, Number),
    (Any, Raw),
]


@pytest.mark.parametrize(("annotation", "kind"), ANNOTATIONS, ids=str)
def test_each_annotation_has_its_field(annotation, kind) -> None:
    assert isinstance(model_field(annotation), kind)


def test_every_kind_is_made() -> None:
    """No field of the tree is one that no schema leads to."""
    made = {type(field) for _, field in PLAIN if field is not None} | {File, Link}

    assert made == set(kinds.Field.__subclasses__())


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "a (2) (2)", "b"]), max_size=12))
def test_no_two_options_have_the_same_label(labels) -> None:
    found = distinct(labels)

    assert len(set(found)) == len(labels)
    assert all(new.startswith(old) for new, old in zip(found, labels, strict=True))


def test_a_constant_among_others_is_called_by_its_value() -> None:
    assert [label for label, _ in model_field(Literal["auto"] | int).options] == [
        "auto",
        "a whole number",
    ]


def test_formats_of_pydantic() -> None:
    assert model_field(dt.date).format == "date"
    assert model_field(dt.datetime).format == "date-time"
    assert model_field(dt.time).format == "time"
    assert model_field(HttpUrl).format == "uri"
    assert model_field(SecretStr).format == "password"


def test_a_discriminated_union() -> None:
    field = model_field(Pet)

    assert field.discriminator == "kind"
    assert [label for label, _ in field.options] == ["Cat", "Dog"]
    assert start(field) == {"kind": "cat", "lives": 9}


def test_a_model_that_holds_itself_is_as_deep_as_it_is_looked_at() -> None:
    field = fields_of(Node.model_json_schema())
    for _ in range(50):
        assert [name for name, _ in field.resolved.fields] == ["value", "left", "others"]
        field = field.resolved.field("left")
        assert field.resolved.nullable


def test_a_chat_begins_with_the_user() -> None:
    from ogpu_jupyter.localnet.services import SERVICES

    schema = SERVICES["text2text"].input_model.model_json_schema()

    assert start(fields_of(schema)) == {"messages": [{"role": "user", "content": ""}]}


# Where to start


def test_a_form_starts_with_defaults_and_blanks() -> None:
    class Inner(BaseModel):
        text: str
        flag: bool

    class Outer(BaseModel):
        model_config = ConfigDict(title="Outer")
        number: int
        inner: Inner
        several: list[Inner] = Field(min_length=2)
        optional: int | None
        left_out: str | None = None
        with_default: str = "x"
        pair: tuple[str, bool]

    blank = {"text": "", "flag": False}

    assert start(fields_of(Outer.model_json_schema())) == {
        "inner": blank,
        "several": [blank, blank],
        "optional": None,
        "left_out": None,
        "with_default": "x",
        "pair": ["", False],
    }


def test_a_value_without_an_end_is_cut_off() -> None:
    """A schema may require what can never be complete."""
    value = start(fields_of({"properties": {"a": {"$ref": "#"}}, "required": ["a"]}))

    depth = 0
    while isinstance(value, dict) and value:
        value, depth = value.get("a"), depth + 1
    assert depth <= DEPTH + 1


# Whatever comes

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def _schemas(inner):
    names = st.sampled_from(["a", "b", "kind", "image"])
    references = st.sampled_from(
        ["#", "#/$defs/A", "#/properties/a", "#/$defs/B", "http://x", "#/%"]
    )
    keywords = {
        "type": st.sampled_from(
            ["object", "array", "string", "number", "null", ["string", "null"]]
        ),
        "properties": st.dictionaries(names, inner, max_size=3),
        "required": st.lists(names, max_size=2),
        "additionalProperties": inner,
        "items": inner | st.lists(inner, max_size=2),
        "prefixItems": st.lists(inner, max_size=2),
        "anyOf": st.lists(inner, max_size=3),
        "oneOf": st.lists(inner, max_size=3),
        "allOf": st.lists(inner, max_size=3),
        "$ref": references,
        "$defs": st.dictionaries(st.sampled_from(["A", "B"]), inner, max_size=2),
        "enum": st.lists(json_values, max_size=3),
        "const": json_values,
        "default": json_values,
        "examples": st.lists(json_values, max_size=2),
        "discriminator": st.just({"propertyName": "kind"}),
        "minimum": st.integers(-3, 3),
        "maxItems": st.integers(0, 3),
        "minItems": st.integers(0, 3),
        "pattern": st.sampled_from(["^a", "(", "(a+)+$"]),
        "title": st.text(max_size=3) | st.integers(),
        "format": st.sampled_from(["date", "byte", "data-url"]),
    }
    return st.fixed_dictionaries({}, optional=keywords)


schemas = st.recursive(st.booleans() | st.just({}) | _schemas(st.just({})), _schemas, max_leaves=8)


@given(schemas.filter(lambda schema: isinstance(schema, dict)), json_values)
def test_any_schema_is_read_or_refused(schema, value) -> None:
    try:
        document = cleaned(schema)
    except Unusable:
        return
    walk(fields_in(document), 0)
    fits(fields_in(document), value)
    start(fields_in(document))


def walk(field, depth: int) -> None:
    """Looks at all of it, as whoever draws a form does."""
    if depth > 4:
        return
    field = field.resolved
    assert not isinstance(field, Link)
    if isinstance(field, Record):
        inner = [each for _, each in field.fields]
    elif isinstance(field, Either):
        inner = [each for _, each in field.options]
        assert len({label for label, _ in field.options}) == len(inner) > 1
    elif isinstance(field, Listing):
        inner = [*field.heads, *([field.item] if field.item else [])]
    elif isinstance(field, Mapping):
        inner = [field.value]
    else:
        inner = []
    for each in inner:
        walk(each, depth + 1)


@given(json_values)
def test_garbage_is_no_schema(value) -> None:
    """Whatever its keywords hold, of whatever type."""
    for keyword in ("type", "properties", "items", "anyOf", "enum", "required", "minimum", "$ref"):
        schema = {"type": "object", "properties": {"a": {keyword: value}}}
        walk(fields_of(schema), 0)
