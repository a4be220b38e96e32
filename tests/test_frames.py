"""An answer as a data frame: in three libraries, with types, and nothing where it has no rows."""

from __future__ import annotations

import sys
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel

from ogpu_jupyter import frames
from ogpu_jupyter.errors import InputError
from ogpu_jupyter.frames import batch_frame, to_frame
from ogpu_jupyter.tasks import Answer, Stage
from tests.render import samples

VECTOR = samples.embedding(0, 64)
CHUNK = {"timestamp": [0.0, 1.4], "text": "Hello.", "speaker": "A"}


@pytest.mark.parametrize(
    ("value", "columns", "rows"),
    [
        (samples.ANSWERS["table"][0], ["city", "rain", "days", "coast"], 4),
        (samples.ANSWERS["labels"][0], ["label", "score"], 3),
        (samples.ANSWERS["detections"][0], ["label", "score", "xmin", "ymin", "xmax", "ymax"], 3),
        (samples.ANSWERS["tokens"][0], ["entity_group", "word", "score", "start", "end"], 3),
        (samples.ANSWERS["transcript"][0], ["start", "end", "text"], 2),
        ({"text": "Hello.", "chunks": [CHUNK]}, ["start", "end", "text", "speaker"], 1),
        (samples.ANSWERS["chat"][0], ["role", "content"], 1),
        (samples.ANSWERS["series"][0], ["value"], 120),
        ({"loss": [1, 2], "val": [3, None]}, ["loss", "val"], 2),
        ([[{"label": "a", "score": 1}], [{"label": "b", "score": 1}] * 2],
         ["input", "label", "score"], 3),
        ({"sequence": "x", "labels": ["a", "b"], "scores": [0.9, 0.1]}, ["label", "score"], 2),
        ({"result": {"rows": 2, "columns": [{"name": "a"}, {"name": "b"}]}}, ["name"], 2),
        ("Paris", ["text"], 1),
        (["a", "b"], ["text"], 2),
        (3.5, ["value"], 1),
        ({"estimate": 3.1, "seed": 4}, ["estimate", "seed"], 1),
        (VECTOR, [str(n) for n in range(64)], 1),
        ([VECTOR, VECTOR], [str(n) for n in range(64)], 2),
        ([[VECTOR, VECTOR, VECTOR]], ["input", "token", *(str(n) for n in range(64))], 3),
        ([{"id": 1, "tags": ["x"]}], ["id", "tags"], 1),
    ],
)  # fmt: skip
def test_each_shape_has_its_columns(value: Any, columns: list[str], rows: int) -> None:
    """The same in each library."""
    assert list(to_frame(value).columns) == columns
    assert to_frame(value, "polars").shape == (rows, len(columns))
    assert to_frame(value, "arrow").column_names == columns


MIXED = [
    {"n": 1, "x": 1, "ok": True, "s": "a", "v": [1.0, 2.0], "any": 1, "none": None},
    {"n": None, "x": 2.5, "ok": None, "s": None, "v": None, "any": "b", "none": None},
]


def test_types_are_read_from_the_values() -> None:
    """Whole numbers stay whole beside a missing one; what is mixed is kept as it is, or as JSON."""
    frame, polars, arrow = (to_frame(MIXED, kind) for kind in ("pandas", "polars", "arrow"))

    assert [str(t) for t in frame.dtypes] == [
        "Int64", "float64", "boolean", "string", "object", "object", "object",
    ]  # fmt: skip
    assert polars.dtypes == [
        pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.List(pl.Float64), pl.String, pl.Null,
    ]  # fmt: skip
    assert arrow.schema.types == [
        pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.list_(pa.float64()), pa.string(),
        pa.null(),
    ]  # fmt: skip
    assert frame["v"][0] == [1.0, 2.0]
    assert polars["any"].to_list() == ["1", "b"]


class Row(BaseModel):
    at: str
    score: float
    note: str | None


class Reading(BaseModel):
    rows: list[Row]


def test_types_are_told_by_the_model() -> None:
    """A number that happens to be whole is a number; an empty column is of its type."""
    value = {"rows": [{"at": "x", "score": 1, "note": None}, {"at": "y", "score": 2, "note": None}]}

    told = to_frame(value, "polars", schema=Reading.model_json_schema())
    seen = to_frame(value, "polars")

    assert told.dtypes == [pl.String, pl.Float64, pl.String]
    assert seen.dtypes == [pl.String, pl.Int64, pl.Null]


@pytest.mark.parametrize("kind", frames.KINDS)
def test_times(kind: str) -> None:
    """A column that the schema calls a time; what is no time in it is missing."""
    fields = {"properties": {"at": {"type": "string", "format": "date-time"}, "n": {}}}
    value = [{"at": "2026-05-28T20:26:00Z", "n": 1}, {"at": "soon", "n": 2}]

    frame = to_frame(value, kind, schema={"items": fields})

    column = frame["at"].to_pylist() if kind == "arrow" else frame["at"].to_list()
    assert str(column[0]).startswith("2026-05-28 20:26:00" if kind != "arrow" else "2026-05-28T")


def test_an_answer_may_not_keep_to_its_schema() -> None:
    """Then the values say what they are."""
    schema = {"items": {"properties": {"n": {"type": "integer"}, "m": {"$ref": "#/nowhere"}}}}

    frame = to_frame([{"n": "many", "m": 1}], "polars", schema=schema)

    assert frame.dtypes == [pl.String, pl.Int64]


@pytest.mark.parametrize("value", [None, [], {}, {"a": {"b": {"c": 1}}}, [[[1]], [[2]]], [{}, 1]])
def test_what_has_no_rows_says_so(value: Any) -> None:
    """With what returns the answer as it is."""
    with pytest.raises(InputError, match=r"(?s)it has no rows.*task\.result\(\)"):
        to_frame(value)


def test_several_parts_have_to_be_named() -> None:
    """The error lists them; a part that isn't there names those that are."""
    value = {"people": [{"a": 1}, {"a": 2}], "places": [{"b": 1}, {"b": 2}], "n": 3}

    with pytest.raises(InputError, match=r'(?s)`people`, `places`.*to_frame\(part="people"\)'):
        to_frame(value)
    with pytest.raises(InputError, match=r"(?s)no part 'x'.*It has `people`"):
        to_frame(value, part="x")

    assert list(to_frame(value, part="places").columns) == ["b"]


def test_an_unknown_library() -> None:
    """The kinds are listed."""
    with pytest.raises(InputError, match=r"(?s)no data frame of the kind 'dask'.*pandas, polars"):
        to_frame([1], "dask")


@pytest.mark.parametrize(("kind", "module"), frames.KINDS.items())
def test_a_library_that_is_not_installed(
    kind: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what to type."""
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(InputError, match=rf"(?s)not installed.*%pip install {module}`"):
        to_frame([1, 2], kind)


def test_hostile_names_are_names() -> None:
    """Empty, long, twice, with any character."""
    value = {"columns": ["", "a", "a", "\u202ex" * 50, "__class__"], "data": [[1, 2, 3, 4, 5]]}

    for kind in frames.KINDS:
        assert len(to_frame(value, kind).columns) == 5


def items(*values: Any) -> list[tuple[Any, Answer | None]]:
    made = []
    for n, value in enumerate(values):
        record = samples.record(Stage.FINALIZED if value is not None else Stage.PUBLISHED, item=n)
        made.append((record, None if value is None else Answer(value=value)))
    return made


def test_a_batch_has_a_row_for_each_item() -> None:
    """Those without an answer too; the answer's columns follow."""
    frame = batch_frame(items({"answer": 1, "item": "x"}, None, {"answer": 3, "item": "y"}))

    assert list(frame.columns) == [
        "item", "status", "payment", "task", "problem", "answer", "answer_item",
    ]  # fmt: skip
    assert frame["item"].tolist() == [0, 1, 2]
    assert frame["status"].tolist() == ["finalized", "published", "finalized"]
    assert frame["payment"].tolist() == [0.001] * 3
    assert frame["answer"].isna().tolist() == [False, True, False]


def test_answers_of_several_rows() -> None:
    """One cell each, or with `explode` a row for each of theirs."""
    two = [{"label": "a", "score": 0.9}, {"label": "b", "score": 0.1}]

    folded = batch_frame(items(two, two, None), "pandas")
    exploded = batch_frame(items(two, two, None), "polars", explode=True)

    assert folded["answer"].tolist()[:2] == [two, two]
    assert exploded["item"].to_list() == [0, 0, 1, 1, 2]
    assert exploded["label"].to_list() == ["a", "b", "a", "b", None]


def test_an_answer_that_can_not_be_read_is_told() -> None:
    """And an empty batch is an empty frame."""
    record = samples.record(item=0)

    frame = batch_frame([(record, Answer(problem="Not JSON."))])

    assert frame["problem"].tolist() == ["Not JSON."]
    assert len(batch_frame([])) == 0
    assert isinstance(batch_frame([]), pd.DataFrame)


def test_tasks_of_a_session(session: Any) -> None:
    """A task and a batch of a real market."""
    session.deposit(1)
    rows = [{"city": "Oslo", "rain": 763}, {"city": "Rome", "rain": 799}]

    task = session.publish("describe", "describe", {"rows": rows})
    batch = session.publish_many("describe", "describe", [{"rows": rows}, {"rows": rows[:1]}])
    frame = task.to_frame(timeout=60)
    whole = batch.wait(60).to_frame("polars")

    assert frame["name"].tolist() == ["city", "rain"]
    assert whole["item"].to_list() == [0, 1]
    assert whole["status"].to_list() == ["finalized"] * 2
