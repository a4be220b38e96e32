"""The service says that it failed: in an error's field, in a framework's shape, as a traceback."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, is_scalar
from ogpu_jupyter.render.safe import esc, one_line, plain

from .trees import scalar, tree_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

_KEYS: Final = ("error", "exception", "errors", "error_message", "errorMessage", "err")
_MESSAGES: Final = ("message", "msg", "detail", "error", "reason", "description", "title")
_TRACES: Final = ("traceback", "stack", "stacktrace", "stack_trace", "trace", "stderr")
_FAILED: Final = {"error", "failed", "failure", "fail", "errored", "exception"}
_TRACE: Final = re.compile(r"\s*Traceback \(most recent call last\):\n", re.IGNORECASE)
_MAX_TRACE: Final = 10_000
_MAX_DETAILS: Final = 20
_MAX_BESIDE: Final = 8


@dataclass(frozen=True)
class Problem:
    """In the service's words: what it says, further lines of facts, and a traceback."""

    says: str
    facts: tuple[str, ...] = ()
    trace: str = ""


def _read_problem(value: Json, given: Given) -> Problem | None:
    if isinstance(value, str):
        return _traced(value) if _TRACE.match(value[:200]) or given.is_asked else None
    if not isinstance(value, dict) or not value or len(value) > 12:
        return None
    found = _named_error(value) or _detailed(value) or _failed(value)
    if found is None and given.is_asked:
        found = Problem(tree_text(value))
    return found


def _traced(text: str) -> Problem:
    """The last line of a traceback says what it was."""
    lines = text[-_MAX_TRACE:].rstrip().splitlines()
    last = next((line for line in reversed(lines) if line and not line[0].isspace()), "")
    is_trace = bool(_TRACE.match(text[:200]))
    return Problem(last, (), text) if is_trace else Problem(text)


def _named_error(value: dict[str, Json]) -> Problem | None:
    """`{"error": "…"}`, `{"error": {"message": …, "type": …}}`, with little beside."""
    key = next((key for key in _KEYS if _tells(value.get(key))), None)
    if key is None:
        return None
    others = {name: item for name, item in value.items() if name != key and item is not None}
    trace = _trace_of(others)
    facts = {name: item for name, item in others.items() if name not in _TRACES}
    if not all(_is_fact(item) for item in facts.values()):
        return None  # an answer that has an error among its parts
    says, inner = _words(value[key])
    traced = _traced(says) if _TRACE.match(says[:200]) else Problem(says, (), trace)
    return Problem(traced.says, (*inner, *_listed(facts)), traced.trace)


def _tells(item: Json) -> bool:
    """A number, such as the error of a measurement, says of no failure; nor does an empty one."""
    return isinstance(item, (str, dict, list)) and bool(item)


def _is_fact(item: Json) -> bool:
    return is_scalar(item) and len(str(item)[:301]) <= 300 if not isinstance(item, int) else True


def _words(error: Json) -> tuple[str, tuple[str, ...]]:
    if isinstance(error, list):
        first = [_words(item)[0] for item in error[:_MAX_DETAILS]]
        return "\n".join(first), ()
    if not isinstance(error, dict):
        return error if isinstance(error, str) else scalar(error), ()
    key = next((key for key in _MESSAGES if isinstance(error.get(key), str)), None)
    if key is None:
        return tree_text(error), ()
    others = {name: item for name, item in error.items() if name != key and _is_fact(item)}
    return str(error[key]), _listed(others)


def _listed(facts: Mapping[str, Json]) -> tuple[str, ...]:
    shown = list(facts.items())[:_MAX_BESIDE]
    return tuple(
        f"{one_line(name, 60)}: {item if isinstance(item, str) else scalar(item)}"
        for name, item in shown
        if item is not None
    )


def _trace_of(fields: Mapping[str, Json]) -> str:
    for name in _TRACES:
        item = fields.get(name)
        if isinstance(item, str):
            return item
        if isinstance(item, list) and all(isinstance(line, str) for line in item[:500]):
            return "\n".join(str(line) for line in item[:500])
    return ""


def _detailed(value: dict[str, Json]) -> Problem | None:
    """FastAPI's: a text, or what was wrong with each field of the data."""
    if set(value) - {"detail", "status", "code", "title", "type", "instance", "status_code"}:
        return None
    detail = value.get("detail")
    if not isinstance(detail, (str, list)) or not detail:
        return None
    facts = _listed({name: item for name, item in value.items() if name != "detail"})
    if isinstance(detail, str):
        return Problem(detail, facts)
    lines = [_invalid(item) for item in detail[:_MAX_DETAILS]]
    if not all(lines):
        return None
    more = len(detail) - len(lines)
    rest = (f"and {more:,} more",) if more else ()
    return Problem("The data does not fit.", (*(line for line in lines if line), *rest, *facts))


def _invalid(item: Json) -> str | None:
    if not isinstance(item, dict) or not isinstance(item.get("msg"), str):
        return None
    place = item.get("loc")
    where = ".".join(str(part) for part in place[:10]) if isinstance(place, list) else ""
    return f"{where}: {item['msg']}" if where else str(item["msg"])


def _failed(value: dict[str, Json]) -> Problem | None:
    """`{"status": "error", "message": …}`, and `{"success": false, …}`."""
    status = value.get("status", value.get("state"))
    says_so = isinstance(status, str) and status.lower() in _FAILED
    if not says_so and value.get("success") is not False and value.get("ok") is not False:
        return None
    key = next((key for key in _MESSAGES if isinstance(value.get(key), str) and value[key]), None)
    others = {name: item for name, item in value.items() if name != key}
    trace = _trace_of(others)
    facts = {name: item for name, item in others.items() if name not in _TRACES}
    if not all(_is_fact(item) for item in facts.values()):
        return None
    return Problem(str(value[key]) if key else "It failed.", _listed(facts), trace)


def _problem_html(problem: Problem) -> str:
    facts = "".join(f'<li dir="auto">{esc(fact, 500)}</li>' for fact in problem.facts)
    trace = ""
    if problem.trace:
        trace = (
            "<details><summary>Traceback</summary>"
            f'<pre class="ogpu-code" tabindex="0">{esc(problem.trace[-_MAX_TRACE:], _MAX_TRACE)}'
            "</pre></details>"
        )
    return (
        '<div class="ogpu-problem ogpu-bad" role="note"><b>The service answered with an error:</b>'
        f'<p class="ogpu-text" dir="auto" style="white-space:pre-wrap">{esc(problem.says, 4000)}'
        f"</p>{f'<ul>{facts}</ul>' if facts else ''}{trace}</div>"
    )


def _problem_text(problem: Problem) -> str:
    facts = [f"  {one_line(fact, 500)}" for fact in problem.facts]
    return "\n".join([f"The service answered with an error: {plain(problem.says, 4000)}", *facts])


PROBLEM: Final = Kind(
    "error", _read_problem, _problem_html, _problem_text, ("problem", "exception")
)
