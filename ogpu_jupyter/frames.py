"""An answer as a data frame of pandas, Polars or Arrow: what the person has installed.

The rows are read by the answer's shape, the types of the columns from the model or schema
where one is told, else from the values: a whole number stays one beside a missing value,
whichever library it goes to.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from .errors import InputError
from .render.kinds.unwrapping import peeled, unwrapped
from .render.kinds.vectors import read_vectors
from .render.records import Records, read_records, type_of, unique
from .render.registry import Given, is_scalar
from .tasks import ResponseStatus, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .tasks import Answer, Json, TaskRecord

KINDS: Final = {"pandas": "pandas", "polars": "polars", "arrow": "pyarrow"}
_NAMES: Final = {"pandas": "pandas", "polars": "Polars", "arrow": "PyArrow"}
_SCALAR: Final = "value"
_TYPES: Final = {
    "integer": "integer", "number": "number", "string": "text", "boolean": "true or false",
}  # fmt: skip
_HALVES: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Columns:
    """Named lists of one length, and one word for the type of each."""

    names: list[str]
    cells: list[list[Any]]
    types: list[str]


def to_frame(
    value: Json, kind: str = "pandas", *, part: str | None = None, schema: Json = None
) -> Any:
    """The rows of an answer. `part` names the field that has them, where several have."""
    library = library_of(kind)
    return built(columns_of(value, part=part, schema=schema), kind, library)


def columns_of(value: Json, *, part: str | None = None, schema: Json = None) -> Columns:
    """The answer's columns; `InputError` where it has none."""
    given = Given(schema=schema)
    if part is not None:
        value, given = _part(value, part, given)
    records, below = _found(value, given)
    return _columns(records, _told(below))


def library_of(kind: str) -> Any:
    """The library itself, imported now; an error that says what to install."""
    if kind not in KINDS:
        raise InputError(
            f"There is no data frame of the kind {kind!r:.40}.",
            hint=f"Take one of: {', '.join(KINDS)}.",
        )
    try:
        return import_module(KINDS[kind])
    except ImportError:
        others = ", ".join(f'`kind="{other}"`' for other in KINDS if other != kind)
        raise InputError(
            f"{_NAMES[kind]} is not installed.",
            hint=f"Type `%pip install {KINDS[kind]}`, or ask for another kind: {others}.",
        ) from None


def _part(value: Json, part: str, given: Given) -> tuple[Json, Given]:
    inner = unwrapped(value)
    holder = inner if isinstance(inner, dict) and part in inner else value
    if not isinstance(holder, dict) or part not in holder:
        fields = list(holder)[:10] if isinstance(holder, dict) else []
        names = ", ".join(f"`{name}`" for name in fields)
        raise InputError(
            f"The answer has no part {part!r:.60}.",
            hint=f"It has {names:.300}." if names else "It has no named parts.",
        )
    return holder[part], given.deeper(part)


# From an answer to its rows


def _found(value: Json, given: Given) -> tuple[Records, Given]:
    """The rows, and where in the schema one row is."""
    bare, given = peeled(value, given)
    for read in (_transcript, _ranked, _batch, _vectors, _rows):
        found = read(bare, given)
        if found is not None:
            return found
    return _only_part(bare, given) or _single(bare, given)


def _rows(value: Json, given: Given) -> tuple[Records, Given] | None:
    records = read_records(value, nested=True)
    is_dull = isinstance(value, dict) and records is not None and records.has_names
    if records is None or (is_dull and not _are_flat(value)):
        return None
    held = next((name for name in ("data", "rows") if _is_listed(value, name)), None)
    return records, given.deeper(held).deeper() if held else given.deeper()


def _is_listed(value: Json, name: str) -> bool:
    return isinstance(value, dict) and isinstance(value.get(name), list)


def _are_flat(value: Json) -> bool:
    rows = value.values() if isinstance(value, dict) else ()
    return all(isinstance(row, dict) and all(map(is_scalar, row.values())) for row in rows)


def _transcript(value: Json, given: Given) -> tuple[Records, Given] | None:
    """`chunks` with a `timestamp` each: from when to when, in seconds, and what was said."""
    chunks = value.get("chunks") if isinstance(value, dict) else value
    if not isinstance(chunks, list) or not chunks:
        return None
    items = [item for item in chunks if isinstance(item, dict)]
    if len(items) < len(chunks) or not all(_is_span(item.get("timestamp")) for item in items):
        return None
    rest = list(dict.fromkeys(name for item in items for name in item if name != "timestamp"))
    rows = [[*_span(item["timestamp"]), *(item.get(name) for name in rest)] for item in items]
    return Records(unique(["start", "end", *rest]), rows), given.deeper("chunks").deeper()


def _is_span(value: Json) -> bool:
    return isinstance(value, list) and len(value) == 2 and not any(map(_is_text, value))


def _is_text(value: Json) -> bool:
    return isinstance(value, (str, bool, list, dict))


def _span(value: Json) -> list[Json]:
    return list(value) if isinstance(value, list) else [None, None]


def _ranked(value: Json, given: Given) -> tuple[Records, Given] | None:
    """Zero-shot classification: `{"sequence": …, "labels": […], "scores": […]}`."""
    if not isinstance(value, dict) or not {"labels", "scores"} <= set(value) <= _RANKED:
        return None
    labels, scores = value["labels"], value["scores"]
    if not isinstance(labels, list) or not isinstance(scores, list) or len(labels) != len(scores):
        return None
    rows: list[list[Json]] = [[a, b] for a, b in zip(labels, scores, strict=True)]
    return Records(["label", "score"], rows), given.deeper()


_RANKED: Final = {"labels", "scores", "sequence"}


def _batch(value: Json, given: Given) -> tuple[Records, Given] | None:
    """A list of lists of objects, one for each input, which is counted from 0."""
    if not isinstance(value, list) or not value:
        return None
    lists = [item for item in value if isinstance(item, list)]
    objects = [(n, item) for n, inner in enumerate(lists) for item in inner]
    if len(lists) < len(value) or not objects:
        return None
    if not all(isinstance(item, dict) for _, item in objects):
        return None
    records = read_records([item for _, item in objects], nested=True)
    if records is None:
        return None
    rows: list[list[Json]] = [[n, *row] for (n, _), row in zip(objects, records.rows, strict=True)]
    return Records(unique(["input", *records.columns]), rows), given.deeper().deeper()


def _vectors(value: Json, given: Given) -> tuple[Records, Given] | None:
    """One row for each embedding, one column for each of its numbers."""
    found = read_vectors(value, given)
    if found is None:
        return None
    names = [str(n) for n in range(found.shape[-1])]
    rows: list[list[Json]] = [list(vector) for vector in found.vectors]
    if len(found.shape) < 3:
        return Records(names, rows), given
    place: list[list[Json]] = [[*divmod(n, found.shape[-2])] for n in range(len(rows))]
    both = [[*where, *row] for where, row in zip(place, rows, strict=True)]
    return Records(["input", "token", *names], both), given


def _only_part(value: Json, given: Given) -> tuple[Records, Given] | None:
    """The one field of an object that has rows; an error where several have."""
    if not isinstance(value, dict):
        return None
    parts = {name: found for name in value if (found := _of_part(value[name], given.deeper(name)))}
    if len(parts) > 1:
        names = ", ".join(f"`{name:.60}`" for name in list(parts)[:8])
        first = next(iter(parts))
        raise InputError(
            f"The answer has rows in {len(parts)} of its parts: {names}.",
            spent="",
            hint=f'Name one: `task.to_frame(part="{first:.60}")`.',
        )
    return next(iter(parts.values()), None)


def _of_part(value: Json, given: Given) -> tuple[Records, Given] | None:
    for read in (_transcript, _ranked, _batch, _vectors, _rows):
        found = read(value, given)
        if found is not None and (len(found[0].rows) > 1 or isinstance(value, list)):
            return found
    return None


def _single(value: Json, given: Given) -> tuple[Records, Given]:
    """One row of an object of scalars, a column of a list of them, or one cell."""
    if isinstance(value, dict) and value and all(map(is_scalar, value.values())):
        return Records(list(value), [list(value.values())]), given
    if isinstance(value, list) and value and all(map(is_scalar, value)):
        name = "text" if all(isinstance(item, str) for item in value) else _SCALAR
        return Records([name], [[item] for item in value]), given
    if value is not None and is_scalar(value):
        return Records(["text" if isinstance(value, str) else _SCALAR], [[value]]), given
    raise InputError(
        f"The answer is {_what(value)}: it has no rows.",
        spent="",
        hint="Type `task.result()` for the answer as it is.",
    )


def _what(value: Json) -> str:
    if value is None:
        return "null"
    if not value:
        return "empty"
    return "nested JSON"


# Types


def _told(given: Given) -> dict[str, str]:
    """The types of a row's fields in the schema, by name."""
    properties = given.resolved().get("properties")
    names = properties if isinstance(properties, dict) else {}
    at = Given(schema=given.schema, root=given.root)
    return {name: told for name in names if (told := _type(at.deeper(name).resolved()))}


def _type(schema: Mapping[str, Json]) -> str:
    """One word for a field's type; a field that may be null is of its other type."""
    options = schema.get("anyOf")
    if isinstance(options, list):
        found = {_type(option) for option in options if isinstance(option, dict)} - {""}
        return found.pop() if len(found) == 1 else ""
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = [word for word in kind if word != "null"]
        kind = kinds[0] if len(kinds) == 1 else None
    if kind == "string" and schema.get("format") in {"date", "date-time"}:
        return "time"
    return _TYPES.get(kind, "") if isinstance(kind, str) else ""


def _columns(records: Records, told: Mapping[str, str]) -> Columns:
    names = unique([name or "name" for name in records.columns])
    cells = [records.column(n) for n in range(len(names))]
    types = [_agreed(told.get(name, ""), column) for name, column in zip(names, cells, strict=True)]
    heads = unique([_writable(name) for name in names])
    written = [
        [_writable(cell) if isinstance(cell, str) else cell for cell in column] for column in cells
    ]
    return Columns(heads, written, types)


def _writable(text: str) -> str:
    """Half of a character, which JSON can hold and no library of frames, as the sign for that."""
    return text if text.isascii() else _HALVES.sub("\ufffd", text)


def _agreed(told: str, cells: Sequence[Json]) -> str:
    """The schema's type where the values are of it: an answer may not keep to its schema."""
    seen = type_of(cells)
    if told in {"", seen} or (told == "time" and seen != "text"):
        return seen
    fits = {"number": {"integer", "nothing"}, "time": {"text", "nothing"}}
    return told if seen in fits.get(told, {"nothing"}) else seen


# Into the libraries


def built(columns: Columns, kind: str, library: Any) -> Any:
    makers: dict[str, Callable[[Columns, Any], Any]] = {
        "pandas": _pandas, "polars": _polars, "arrow": _arrow,
    }  # fmt: skip
    return makers[kind](columns, library)


def _fit(cells: list[Any], kind: str) -> list[Any]:
    """Values that a typed column takes; what is mixed or nested is JSON text."""
    if kind == "number":
        return [None if cell is None else float(cell) for cell in cells]
    if kind == "numbers":
        return [None if cell is None else [float(x) for x in cell] for cell in cells]
    if kind == "mixed":
        return [None if cell is None else _json(cell) for cell in cells]
    return cells


def _json(cell: Any) -> str:
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


_PANDAS: Final = {
    "integer": "Int64", "number": "float64", "true or false": "boolean", "text": "string",
}  # fmt: skip


def _pandas(columns: Columns, pandas: Any) -> Any:
    """Nested values stay the objects that they are, as pandas has a type for them."""
    made = {}
    for name, cells, kind in zip(columns.names, columns.cells, columns.types, strict=True):
        if kind == "time":
            made[name] = pandas.to_datetime(pandas.Series(cells), errors="coerce", utc=True)
        elif kind == "number":
            made[name] = pandas.Series(_fit(cells, kind), dtype="float64")
        else:
            made[name] = pandas.Series(cells, dtype=_PANDAS.get(kind, "object"))
    return pandas.DataFrame(made)


def _polars(columns: Columns, polars: Any) -> Any:
    types = {
        "integer": polars.Int64, "number": polars.Float64, "true or false": polars.Boolean,
        "numbers": polars.List(polars.Float64), "nothing": polars.Null,
    }  # fmt: skip
    made = []
    for name, cells, kind in zip(columns.names, columns.cells, columns.types, strict=True):
        series = polars.Series(name, _fit(cells, kind), dtype=types.get(kind, polars.String))
        if kind == "time":
            series = series.str.to_datetime(time_zone="UTC", strict=False)
        made.append(series)
    return polars.DataFrame(made)


def _arrow(columns: Columns, arrow: Any) -> Any:
    types = {
        "integer": arrow.int64(), "number": arrow.float64(), "true or false": arrow.bool_(),
        "numbers": arrow.list_(arrow.float64()), "nothing": arrow.null(),
    }  # fmt: skip
    made = []
    for cells, kind in zip(columns.cells, columns.types, strict=True):
        made.append(arrow.array(_fit(cells, kind), type=types.get(kind, arrow.string())))
    return arrow.table(made, names=columns.names)


# Many tasks


_PAID: Final = 10**18


def batch_frame(
    items: Iterable[tuple[TaskRecord, Answer | None]],
    kind: str = "pandas",
    *,
    explode: bool = False,
    schema: Json = None,
) -> Any:
    """A row for each task: its item, status and payment, and the columns of its answer.

    An answer of several rows is one cell, in `answer`; with `explode` it is several rows.
    """
    library = library_of(kind)
    found = [(record, *_of_answer(answer, schema)) for record, answer in items]
    is_wide = explode or all(
        rows is None or len(rows.rows) == 1 for _, _, rows, _ in found
    )  # fmt: skip
    rows = [
        {**_head(record, problem), **cells}
        for record, value, records, problem in found
        for cells in _answer_rows(value, records, is_wide=is_wide)
    ]
    names = list(dict.fromkeys(name for row in rows for name in row)) or list(_HEAD)
    cells = [[row.get(name) for name in names] for row in rows]
    told = _told(Given(schema=schema).deeper()) | _told(Given(schema=schema))
    return built(_columns(Records(names, cells), told), kind, library)


_HEAD: Final = ("item", "status", "payment", "task", "problem")


def _head(record: TaskRecord, problem: str) -> dict[str, Any]:
    return {
        "item": record.item,
        "status": record.stage.value,
        "payment": record.payment / _PAID,
        "task": record.address,
        "problem": problem or record.problem or None,
    }


def _of_answer(answer: Answer | None, schema: Json) -> tuple[Json, Records | None, str]:
    """The answer's value, its rows where it has some, and what kept it from being read."""
    if answer is None or answer.problem:
        return None, None, answer.problem if answer else ""
    try:
        records, _ = _found(answer.value, Given(schema=schema))
    except InputError:
        records = None
    return answer.value, records, ""


def _answer_rows(value: Json, records: Records | None, *, is_wide: bool) -> list[dict[str, Any]]:
    if value is None:
        return [{}]
    if records is None or not is_wide:
        return [{"answer": value}]
    names = [f"answer_{name}" if name in _HEAD else name for name in records.columns]
    return [dict(zip(names, row, strict=True)) for row in records.rows]


def answer_of(record: TaskRecord, answers: Mapping[str, Answer]) -> Answer | None:
    """The answer that is the task's result, if it is here."""
    paid = [r for r in record.responses if r.status is ResponseStatus.CONFIRMED]
    chosen = paid or (list(record.responses[:1]) if record.stage is not Stage.CANCELED else [])
    return answers.get(chosen[0].address) if chosen else None
