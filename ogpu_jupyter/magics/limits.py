"""The caps on spending, as traits: set by `%config` or the IPython profile."""

from __future__ import annotations

from typing import Any

from traitlets import TraitType

from ogpu_jupyter.errors import OgpuError
from ogpu_jupyter.spending import wei_of


class Cap(TraitType[Any, Any]):
    """An amount of OGPU, `"none"` for no cap, or None for the session's own."""

    default_value = None
    info_text = 'an amount of OGPU such as "0.01", "none" for no cap, or None for the default'

    def validate(self, obj: Any, value: Any) -> Any:
        try:
            if value is not None:
                wei_of(value)
        except OgpuError:
            self.error(obj, value)
        return value
