"""The caps on spending: from `%config`, the IPython profile, or the environment."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any, Final

from traitlets import TraitType

from ogpu_jupyter.errors import OgpuError, UnknownName
from ogpu_jupyter.units import parse_amount

if TYPE_CHECKING:
    from ogpu_jupyter.chain.networks import Network
    from ogpu_jupyter.spending import Limits

NO_CAP: Final = "none"
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


class Cap(TraitType[Any, Any]):
    """An amount of OGPU, `"none"` for no cap, or None for the network's default."""

    default_value = None
    info_text = 'an amount of OGPU such as "0.01", "none" for no cap, or None for the default'

    def validate(self, obj: Any, value: Any) -> Any:
        try:
            _wei(value)
        except OgpuError:
            self.error(obj, value)
        return value


def limits_of(
    network: Network, max_payment: object, session_budget: object, confirm: bool | None
) -> Limits:
    """The network's defaults, with what was set; a trait goes before the environment."""
    from ogpu_jupyter.spending import Limits  # noqa: PLC0415 - not on load

    given: dict[str, Any] = {
        "max_payment": _first(max_payment, "OGPU_MAX_PAYMENT"),
        "session_budget": _first(session_budget, "OGPU_SESSION_BUDGET"),
    }
    changes: dict[str, Any] = {
        name: _wei(value) for name, value in given.items() if value is not None
    }
    asked = _asked() if confirm is None else confirm
    if asked is not None:
        changes["confirm"] = asked
    return dataclasses.replace(Limits.of(network), **changes)


def _first(value: object, variable: str) -> object:
    return value if value is not None else os.environ.get(variable, "").strip() or None


def _wei(value: Any) -> int | None:
    if value is None or value == NO_CAP:
        return None
    return parse_amount(value)


def _asked() -> bool | None:
    word = os.environ.get("OGPU_CONFIRM_SPENDING", "").strip().lower()
    if word in _YES | _NO:
        return word in _YES
    if not word:
        return None
    raise UnknownName(
        f"OGPU_CONFIRM_SPENDING is {word[:20]!r}.", hint="Set it to 1 or 0, or leave it unset."
    )
