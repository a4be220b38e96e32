"""The notebook's values, put into the data: by name only, with their type.

`"{{ name }}"` alone becomes the value itself; inside longer text it becomes words. What a
value holds is never searched for placeholders again.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import enum
import io
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from ogpu_jupyter.errors import InputError, UnknownName

from .json_text import DEPTH
from .places import body_error
from .words import nearest, quoted

_PLACEHOLDER: Final = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}")
_MISSING: Final = frozenset({"NAType", "NaTType"})
_SAFE_INT: Final = 10**400


def lookup(namespace: Mapping[str, Any], name: str) -> Any:
    """A variable of the notebook; an unknown one raises with the nearest."""
    if name in namespace:
        return namespace[name]
    near = nearest(name, (known for known in namespace if not known.startswith("_")))
    raise UnknownName(
        f"The variable {quoted(name)} is not known in this notebook.",
        hint=near or f"Run the cell that makes `{name}` first.",
    )


class Placeholders:
    """Fills `{{ name }}` from a notebook's variables, and remembers which were used."""

    def __init__(self, namespace: Mapping[str, Any], allowed: tuple[str, ...] | None) -> None:
        self._namespace = namespace
        self._allowed = allowed
        self.used: set[str] = set()

    def fill(self, data: Any) -> Any:
        """The data with its placeholders filled, in one pass."""
        if isinstance(data, str):
            return self._fill_text(data)
        if isinstance(data, list):
            return [self.fill(item) for item in data]
        if isinstance(data, dict):
            return {_plain_key(key): self.fill(value) for key, value in data.items()}
        return data

    def rest(self) -> dict[str, Any]:
        """The allowed variables that no placeholder used, as fields."""
        names = [name for name in self._allowed or () if name not in self.used]
        return {name: self._typed(name) for name in names}

    def _fill_text(self, text: str) -> Any:
        whole = _PLACEHOLDER.fullmatch(text)
        if whole:
            return self._typed(whole[1])
        return _PLACEHOLDER.sub(lambda match: str(self._value(match[1])), text)

    def _typed(self, name: str) -> Any:
        return as_json(self._value(name), f"The variable `{name}`")

    def _value(self, name: str) -> Any:
        if self._allowed is not None and name not in self._allowed:
            listed = ",".join([*self._allowed, name])
            raise UnknownName(
                f"The body has {{{{ {name} }}}}, and `{name}` is not among `--vars`.",
                hint=f"Type `--vars {listed}`, or leave `--vars` away.",
            )
        value = lookup(self._namespace, name)
        self.used.add(name)
        return value


def _plain_key(key: str) -> str:
    if _PLACEHOLDER.search(key):
        raise body_error(
            f"The key {quoted(key)} has a placeholder; only values may have one",
            "",
            None,
            hint="For computed keys write the body as a Python expression, with `--python`.",
        )
    return key


def as_json(value: Any, owner: str, depth: int = 0) -> Any:
    """What JSON has for this value; pandas' missing values are null, bytes are base64.

    Known by their methods, so that nothing has to be imported: numpy's scalars and arrays,
    the frames and series of pandas and polars, pydantic models, Pillow's images.
    """
    if depth > DEPTH:
        raise InputError(f"{owner} is nested more than {DEPTH} deep, or holds itself.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return as_json(value.value, owner, depth + 1)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, float)):
        return _number(value, owner)
    return _many(value, owner, depth)


def _many(value: Any, owner: str, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {_key(key, owner): as_json(item, owner, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item, owner, depth + 1) for item in value]
    return _other(value, owner, depth)


def _number(value: float, owner: str) -> int | float:
    if isinstance(value, int):
        if abs(value) < _SAFE_INT:
            return int(value)
        raise InputError(f"{owner} holds a number of more than 400 digits.")
    if math.isfinite(value):
        return float(value)
    raise InputError(
        f"{owner} holds {value}, which JSON can't write.",
        hint="Replace it by None or by a number.",
    )


def _key(key: Any, owner: str) -> str:
    if isinstance(key, str):
        return str(key)
    raise InputError(
        f"{owner} has the key {quoted(repr(key))}, which is not text.",
        hint="Make its keys text: `{str(key): value …}`.",
    )


def _other(value: Any, owner: str, depth: int) -> Any:
    if type(value).__name__ in _MISSING:
        return None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, type):
        raise _unwritable(value, owner)
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return as_json(fields, owner, depth + 1)
    if type(value).__module__.partition(".")[0] == "PIL" and hasattr(value, "save"):
        return _png(value)
    plain, holes = _plain(value, owner)
    return as_json(_without_holes(plain) if holes else plain, owner, depth + 1)


def _plain(value: Any, owner: str) -> tuple[Any, bool]:
    """Python's own objects for a library's, and whether NaN means missing there."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json"), False
    if hasattr(value, "to_dicts"):
        return value.to_dicts(), False
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return value.to_dict(orient="records"), True
    if hasattr(value, "tolist"):
        return value.tolist(), hasattr(value, "index")
    if hasattr(value, "to_list"):
        return value.to_list(), False
    raise _unwritable(value, owner)


def _without_holes(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_holes(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_holes(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _png(image: Any) -> str:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def _unwritable(value: Any, owner: str) -> InputError:
    kind = value.__name__ if isinstance(value, type) else type(value).__name__
    what = "the class" if isinstance(value, type) else "an object of the class"
    return InputError(
        f"{owner} holds {what} {kind}, which can't be written as JSON.",
        hint="Use text, numbers, True, False, None, lists, dicts, tables, or pydantic models.",
    )
