"""Cleaning a schema changes nothing of what it allows: the library says the same of both."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing.exceptions import Unresolvable
from referencing.jsonschema import EMPTY_REGISTRY

from ogpu_jupyter.forms.documents import cleaned
from ogpu_jupyter.forms.validating import SchemaChecker

names = st.sampled_from(["a", "b", "c/d", "~e"])
scalars = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "bb", 1.5, 2.0])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
types = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])


def _schemas(inner):
    few = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
            "properties": st.dictionaries(names, inner, max_size=2),
            "patternProperties": st.dictionaries(
                st.sampled_from(["^a", "[bc]"]), inner, max_size=2
            ),
            "additionalProperties": inner,
            "propertyNames": inner,
            "required": st.lists(names, max_size=2, unique=True),
            "dependentRequired": st.dictionaries(names, st.lists(names, max_size=1), max_size=1),
            "dependentSchemas": st.dictionaries(names, inner, max_size=1),
            "items": inner,
            "prefixItems": few,
            "contains": inner,
            "minContains": st.integers(0, 2),
            "anyOf": few,
            "oneOf": few,
            "allOf": few,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "$ref": st.sampled_from(
                ["#/$defs/A", "#/$defs/c~1d", "#/properties/~0e", "#/$defs/A/properties/a"]
            ),
            "enum": st.lists(values, min_size=1, max_size=3),
            "const": values,
            "minimum": st.integers(-3, 3),
            "exclusiveMaximum": st.integers(-3, 3),
            "multipleOf": st.sampled_from([2, 0.5]),
            "minLength": st.integers(0, 2),
            "maxLength": st.integers(0, 2),
            "pattern": st.sampled_from(["^a$", "b+"]),
            "minItems": st.integers(0, 2),
            "maxItems": st.integers(0, 2),
            "uniqueItems": st.booleans(),
            "minProperties": st.integers(0, 2),
            "maxProperties": st.integers(0, 2),
        },
    )


schemas = st.recursive(st.booleans() | _schemas(st.booleans()), _schemas, max_leaves=6)
documents = st.tuples(
    schemas.filter(lambda schema: isinstance(schema, dict)),
    st.dictionaries(st.sampled_from(["A", "c/d"]), schemas, max_size=2),
).map(lambda parts: {**parts[0], "$defs": parts[1]})


@given(documents, st.dictionaries(names, values, max_size=3))
def test_the_cleaned_schema_allows_the_same(schema, value) -> None:
    try:
        Draft202012Validator.check_schema(schema)
        allowed = Draft202012Validator(schema, registry=EMPTY_REGISTRY).is_valid(value)
    except (SchemaError, Unresolvable, RecursionError, TypeError):  # a reference into `false`
        assume(False)
    problems = SchemaChecker(cleaned(schema)).check(value)

    assert (problems == []) == allowed
