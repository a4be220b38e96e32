"""A value against a schema that may be a stranger's.

The schema is clean (`documents`): it refers to nothing outside. Its patterns are tried by
`patterns`, never by `re`. A check ends after a second, whatever is asked for.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.render.safe import one_line

from . import patterns
from .checking import unsendable
from .fields import Problem
from .locating import MOST_PROBLEMS
from .strings import NOT_BASE64, is_base64
from .wording import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jsonschema import FormatChecker
    from jsonschema.exceptions import ValidationError

    from ogpu_jupyter.tasks import Json

    from .documents import Schema
    from .fields import Path

    Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]

_SECONDS: Final = 1.0  # of this thread's own time
_STEPS: Final = 64  # between two looks at the clock
_NESTED: Final = 100


class SchemaChecker:
    """By a clean schema. One that takes too long to check by is not tried again."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._endless = False

    def complete(self, value: Json) -> Json:
        return value

    def check(self, value: Json) -> list[Problem]:
        """What takes too long is not told."""
        found = unsendable(value)
        if found or self._endless or time.thread_time() > _end.get():
            return found
        token = _counter.set(_Counter())
        try:
            for error in _validator(self._document).iter_errors(value):
                found += _problems(error, tuple(error.absolute_path))
                if len(found) >= MOST_PROBLEMS:
                    break
        except _TooMuch:
            self._endless = True
        except (RecursionError, ArithmeticError):
            pass  # the library's, for a number of 300 digits as a multiple of 0.1
        _counter.reset(token)
        return list(dict.fromkeys(found))[:MOST_PROBLEMS]


@contextmanager
def spending(seconds: float) -> Iterator[None]:
    """Of all checks within, those after so much of this thread's own time find nothing."""
    token = _end.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


class _TooMuch(Exception):
    """The time is over, or the nesting endless."""


class _Counter:
    def __init__(self) -> None:
        self.depth = 0
        self._steps = 0
        self._end = time.thread_time() + _SECONDS

    def step(self) -> None:
        self._steps += 1
        late = self._steps % _STEPS == 0 and time.thread_time() > self._end
        if late or self.depth > _NESTED:
            raise _TooMuch


_end: ContextVar[float] = ContextVar("end", default=float("inf"))
_counter: ContextVar[_Counter] = ContextVar("steps")


def _counted(keyword: Keyword) -> Keyword:
    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        counter = _counter.get()
        counter.depth += 1
        try:
            counter.step()
            yield from keyword(validator, value, instance, schema) or ()
        finally:
            counter.depth -= 1

    return run


def _validator(document: Schema) -> Any:
    from referencing.jsonschema import EMPTY_REGISTRY  # noqa: PLC0415 - for those who fill in forms

    return _kind()(document, registry=EMPTY_REGISTRY, format_checker=_formats())


@lru_cache(1)
def _kind() -> Any:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - see above
    from jsonschema.validators import extend  # noqa: PLC0415

    ours: dict[str, Any] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "propertyNames": _property_names,
        "required": _required,
        "uniqueItems": _unique_items,
        "contentEncoding": _content_encoding,
    }
    keywords: dict[str, Any] = {**Draft202012Validator.VALIDATORS, **ours}
    counted = {name: _counted(each) for name, each in keywords.items()}
    return extend(Draft202012Validator, counted)  # type: ignore[no-untyped-call]


# Keywords with patterns; a pattern that isn't known forbids nothing


def _error(message: str, *path: str | int) -> ValidationError:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - see above

    return ValidationError(message, path=path)


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and patterns.search(pattern, value) is False:
        yield _error(f"It should look like {one_line(pattern, 100)}")


def _pattern_properties(
    validator: Any, named: Any, value: Any, _: Any
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for pattern, schema in named.items():
            for name, item in value.items():
                if patterns.search(pattern, name):
                    yield from validator.descend(item, schema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, value: Any, schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    matching = schema.get("patternProperties", {})
    for name, item in value.items():
        if name in schema.get("properties", {}):
            continue
        if any(patterns.search(pattern, name) is not False for pattern in matching):
            continue
        if allowed is False:
            yield _error("There is no such field", name)
        else:
            yield from validator.descend(item, allowed, path=name)


def _property_names(validator: Any, schema: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for name in value:
            for error in validator.descend(name, schema):
                yield _error(f"its name: {sentence(error)}", name)


def _content_encoding(_: Any, encoding: str, value: Any, __: Any) -> Iterator[ValidationError]:
    """To the library a note; to a service that decodes it, the difference from a file's name."""
    if not isinstance(value, str) or encoding.lower() not in {"base64", "base64url"}:
        return
    if not is_base64(value):
        yield _error(NOT_BASE64)


# The library takes the square of what there is


def _required(_: Any, names: list[str], value: Any, __: Any) -> Iterator[ValidationError]:
    """One error for all that is missing."""
    if isinstance(value, dict) and any(name not in value for name in names):
        yield _error("Some fields are missing")


def _unique_items(_: Any, wanted: Any, value: Any, __: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(value, list) and len(set(map(_known_by, value))) < len(value):
        yield _error("The items should differ from each other")


def _known_by(value: Any) -> object:
    """The same for what is equal in JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return "{", frozenset((name, _known_by(item)) for name, item in value.items())
    if isinstance(value, list):
        return "[", tuple(map(_known_by, value))
    return (value,) if isinstance(value, bool) else value


# Errors as problems


def _problems(error: ValidationError, path: Path) -> list[Problem]:
    if error.validator in {"anyOf", "oneOf"} and error.context:
        return _of_options(error, path)
    if error.validator == "required":
        return [Problem((*path, name), "This is needed.") for name in _lacking(error)]
    return [Problem(path, sentence(error))]


def _lacking(error: ValidationError) -> list[str]:
    needed: Any = error.validator_value
    there: Any = error.instance
    return [name for name in needed if name not in there]


def _of_options(error: ValidationError, path: Path) -> list[Problem]:
    """Those of the option that was meant; where the type fits none, the types that would."""
    tried: dict[Any, list[ValidationError]] = {}
    for each in error.context or ():
        option = each.schema_path[0] if each.schema_path else None  # one that is `false`
        tried.setdefault(option, []).append(each)
    meant = min(tried.values(), key=_rank)
    if _rank(meant)[0]:
        return [Problem(path, sentence(error))]
    found: list[Problem] = []
    for each in meant:
        found += _problems(each, (*path, *each.path))
    return found


def _rank(errors: Sequence[ValidationError]) -> tuple[bool, bool, int]:
    """As pydantic's are ranked: another type is the furthest, then another tag."""
    another_type = any(not e.path and e.validator in {"type", None} for e in errors)
    tags = [error for error in errors if error.validator in {"const", "enum"}]
    count = sum(len(_lacking(e)) if e.validator == "required" else 1 for e in errors)
    return another_type, any(len(error.path) <= 1 for error in tags), count


# Formats


@lru_cache(1)
def _formats() -> FormatChecker:
    """Those that a form has a field for. Lenient: the service has the last word."""
    from jsonschema import FormatChecker  # noqa: PLC0415 - see above

    checker = FormatChecker(formats=())
    for name, test in _TESTS.items():
        checker.checks(name)(lambda value, test=test: not isinstance(value, str) or test(value))
    return checker


_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,9})?)?([zZ]|[+-]\d\d:?\d\d)?", re.ASCII)


def _is_date(text: str) -> bool:
    return _reads(_DATE, text, dt.date.fromisoformat)


def _is_date_time(text: str) -> bool:
    day, moment = text[:10], text[11:]
    return text[10:11] in {"T", "t", " "} and _is_date(day) and _is_time(moment)


def _is_time(text: str) -> bool:
    return _reads(_TIME, text, lambda whole: dt.time.fromisoformat(whole[:5]))


def _reads(shape: re.Pattern[str], text: str, read: Callable[[str], object]) -> bool:
    if not shape.fullmatch(text):
        return False
    try:
        read(text)
    except ValueError:
        return False
    return True


def _is_email(text: str) -> bool:
    name, _, host = text.rpartition("@")
    return bool(name and host) and not any(char.isspace() for char in text)


_TESTS: Final[dict[str, Callable[[str], bool]]] = {
    "byte": is_base64,
    "base64": is_base64,
    "date": _is_date,
    "date-time": _is_date_time,
    "time": _is_time,
    "email": _is_email,
    "uri": lambda text: bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,40}:\S", text)),
    "uuid": lambda text: bool(
        re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text)
    ),
}
