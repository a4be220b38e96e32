"""A stranger's schema makes a form of so many widgets and no more, whatever it asks for."""

from __future__ import annotations

import json
from typing import Any

import ipywidgets
import pytest

from ogpu_jupyter.forms.locating import MOST_PROBLEMS
from ogpu_jupyter.forms.shapes import of_schema
from ogpu_jupyter.widgets.bench import Bench
from ogpu_jupyter.widgets.field import control, root

MOST = 5_000
ITSELF = {"$ref": "#/$defs/a"}
ROW = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "string"}, "b": {}}}


def record(names: int, value: Any, *, required: bool = True) -> dict[str, Any]:
    fields = {f"k{number}": value for number in range(names)}
    return {"type": "object", "properties": fields, "required": list(fields) * required}


def recursive(field: dict[str, Any]) -> dict[str, Any]:
    return {**ITSELF, "$defs": {"a": field}}


def rows(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 100, "items": item}


SCHEMAS = {
    f"{word} {names}": schema
    for names in (2, 20, 300)
    for word, schema in {
        "in itself": recursive(record(names, ITSELF)),
        "in itself if wanted": recursive(record(names, ITSELF, required=False)),
        "in itself or text": recursive({"anyOf": [record(names, ITSELF), {"type": "string"}]}),
        "in itself and more": recursive(record(names, {"allOf": [ITSELF, {"minProperties": 1}]})),
        "itself beside options": recursive(
            {"anyOf": [{"required": ["k0"]}, {"required": ["k1"]}], **record(names, ITSELF)}
        ),
        "lists of lists": record(names, ITSELF) | {"$defs": {"a": rows(ITSELF)}},
        "lists of rows": record(names, rows(ROW)),
        "flat": record(names, {"type": "string"}),
    }.items()
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_form_has_so_many_widgets_and_no_more(name: str) -> None:
    shape = of_schema(SCHEMAS[name], "")
    instances = ipywidgets.widgets.widget._instances
    before = len(instances)
    bench = Bench(control, lambda: None, lambda _: None)
    made = root(bench, shape.root)

    made.fill(shape.defaults)

    assert len(instances) - before < MOST
    assert json.dumps(made.value)
    made.close()
    bench.close()
    assert len(instances) == before


@pytest.mark.parametrize("names", [1, 2, 300])
def test_each_field_that_is_missing_is_told_once(names: int) -> None:
    problems = of_schema(record(names, {"type": "string"}), "").check({})

    assert [problem.path for problem in problems] == [(f"k{n}",) for n in range(names)][
        :MOST_PROBLEMS
    ]
