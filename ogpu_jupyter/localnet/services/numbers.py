"""Numbers: the columns of a table, and an experiment with chance."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool, StrictFloat, StrictInt

Text = Annotated[str, Field(max_length=10_000)]
_LARGEST = 1e150  # its square is still finite
Int = Annotated[StrictInt, Field(ge=-(10**150), le=10**150)]
Float = Annotated[StrictFloat, Field(ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]
Cell = StrictBool | Int | Float | Text | None
Row = Annotated[dict[Annotated[str, Field(max_length=200)], Cell], Field(max_length=200)]


class Table(BaseModel):
    rows: list[Row] = Field(
        min_length=1,
        max_length=20_000,
        description="The table: one object for each row, by column name.",
        examples=[[{"city": "Oslo", "rain": 763}, {"city": "Bergen", "rain": 2250}]],
    )


class Column(BaseModel):
    name: str
    type: Literal["number", "text", "boolean", "mixed", "empty"]
    count: int = Field(description="Values that are there.")
    missing: int = Field(description="Rows without a value.")
    distinct: int
    top: Cell = Field(description="The most frequent value, the first of them.")
    top_count: int
    mean: float | None = None
    std: float | None = Field(default=None, description="Of the sample, n - 1.")
    min: float | None = None
    q1: float | None = None
    median: float | None = None
    q3: float | None = None
    max: float | None = None


class Description(BaseModel):
    rows: int
    columns: list[Column]


def describe(table: Table) -> Description:
    names = dict.fromkeys(name for row in table.rows for name in row)
    columns = [_column(name, [row.get(name) for row in table.rows]) for name in names]
    return Description(rows=len(table.rows), columns=columns)


def _column(name: str, cells: list[Cell]) -> Column:
    values: list[Cell] = [cell for cell in cells if cell is not None]
    # True == 1 == 1.0 in Python; here they are three values.
    counts = Counter((type(value) is bool, value) for value in values)
    (_, top), top_count = counts.most_common(1)[0] if counts else ((False, None), 0)
    kind = _kind(values)
    numbers = [float(v) for v in values if isinstance(v, (int, float))] if kind == "number" else []
    return Column(
        name=name,
        type=kind,
        count=len(values),
        missing=len(cells) - len(values),
        distinct=len(counts),
        top=top,
        top_count=top_count,
        **_statistics(numbers),
    )


def _kind(values: list[Cell]) -> Literal["number", "text", "boolean", "mixed", "empty"]:
    if not values:
        return "empty"
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return "number"
    return "text" if all(isinstance(value, str) for value in values) else "mixed"


def _statistics(numbers: list[float]) -> dict[str, float]:
    if not numbers:
        return {}
    ordered = sorted(numbers)
    mean = math.fsum(numbers) / len(numbers)
    squares = math.fsum((number - mean) ** 2 for number in numbers)
    spread = {"std": math.sqrt(squares / (len(numbers) - 1))} if len(numbers) > 1 else {}
    quarters = {name: _quantile(ordered, at) for name, at in _QUANTILES.items()}
    return {"mean": mean, **spread, **quarters}


_QUANTILES = {"min": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "max": 1.0}


def _quantile(ordered: list[float], at: float) -> float:
    """Between the two nearest values, as pandas and NumPy do by default."""
    place = at * (len(ordered) - 1)
    low = math.floor(place)
    high = math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


class Experiment(BaseModel):
    samples: int = Field(
        default=100_000,
        ge=1,
        le=5_000_000,
        description="How many points to throw into the square.",
        examples=[100_000],
    )
    seed: int = Field(
        default=0, ge=0, lt=2**63, description="The same seed throws the same points."
    )


class Step(BaseModel):
    samples: int
    estimate: float
    error: float = Field(description="The distance from pi.")


class Estimate(BaseModel):
    estimate: float
    standard_error: float
    samples: int
    seed: int
    convergence: list[Step] = Field(description="The estimate on its way, evenly on a log scale.")


def estimate_pi(experiment: Experiment) -> Estimate:
    """Four times the share of random points that fall inside the quarter circle."""
    draw = random.Random(experiment.seed).random  # noqa: S311 - an experiment, not a secret
    hits = thrown = 0
    steps = []
    for stop in _stops(experiment.samples):
        hits += sum(draw() ** 2 + draw() ** 2 <= 1.0 for _ in range(stop - thrown))
        thrown = stop
        estimate = 4 * hits / thrown
        steps.append(Step(samples=thrown, estimate=estimate, error=abs(estimate - math.pi)))
    share = hits / thrown
    return Estimate(
        estimate=4 * share,
        standard_error=4 * math.sqrt(share * (1 - share) / thrown),
        samples=thrown,
        seed=experiment.seed,
        convergence=steps,
    )


def _stops(samples: int) -> list[int]:
    """Up to some forty counts from 10 to the whole, each 1.4 times the one before."""
    stops = [round(10 * 1.4**n) for n in range(50)]
    return [stop for stop in stops if stop < samples] + [samples]
