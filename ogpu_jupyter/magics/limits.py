"""The caps on spending: from `%config`, the IPython profile, or the environment."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any, Final

from traitlets import TraitType

from ogpu_jupyter.errors import AmountError, OgpuError, UnknownName
from ogpu_jupyter.units import parse_amount

if TYPE_CHECKING:
    from ogpu_jupyter.spending import Limits

NO_CAP: Final = "none"
_CAPS: Final = {"max_payment": "OGPU_MAX_PAYMENT", "session_budget": "OGPU_SESSION_BUDGET"}
_CONFIRM: Final = "OGPU_CONFIRM_SPENDING"
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


class Cap(TraitType[Any, Any]):
    """An amount of OGPU, `"none"` for no cap, or None for the session's own."""

    default_value = None
    info_text = 'an amount of OGPU such as "0.01", "none" for no cap, or None for the default'

    def validate(self, obj: Any, value: Any) -> Any:
        try:
            if value is not None:
                _wei(value)
        except OgpuError:
            self.error(obj, value)
        return value


def limited(base: Limits, caps: dict[str, Any], confirm: bool | None) -> Limits:
    """`base` with what was set; a setting goes before its variable in the environment."""
    changes: dict[str, Any] = {}
    for name, variable in _CAPS.items():
        if caps[name] is not None:
            changes[name] = _wei(caps[name])
        elif word := os.environ.get(variable, "").strip():
            changes[name] = _from_environment(variable, word)
    asked = _asked() if confirm is None else confirm
    if asked is not None:
        changes["confirm"] = asked
    return dataclasses.replace(base, **changes)


def _wei(value: Any) -> int | None:
    return None if value == NO_CAP else parse_amount(value)


def _from_environment(variable: str, word: str) -> int | None:
    try:
        return _wei(word)
    except AmountError as error:
        raise AmountError(f"The environment's {variable}: {error.what}", hint=error.hint) from None


def _asked() -> bool | None:
    word = os.environ.get(_CONFIRM, "").strip().lower()
    if word in _YES | _NO:
        return word in _YES
    if not word:
        return None
    raise UnknownName(
        f"The environment's {_CONFIRM} is {word[:20]!r}.",
        hint="Set it to 1 or 0, or leave it unset.",
    )
