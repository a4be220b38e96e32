"""What is wrong with a value, said where it is wrong.

By its pydantic model where there is one, with that model's words; by its schema where only
that is known (`validating`); else only whether it can be sent at all.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from .fields import Problem
from .locating import problems_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ogpu_jupyter.tasks import Json

    from .fields import Field

_NOT_AN_OBJECT: Final = "A task's data is an object: named fields."
_LONGEST: Final = 500


def unsendable(value: Json) -> list[Problem]:
    """What keeps any value from being a task's data."""
    if not isinstance(value, dict):
        return [Problem((), _NOT_AN_OBJECT)]
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError:
        return [Problem((), "It is nested too deep.")]
    except UnicodeEncodeError:
        return [Problem((), "It holds half a character, which can't be sent.")]
    except (TypeError, ValueError):
        return [Problem((), "It holds what JSON can't write, such as an infinite number.")]
    return []


class AnyChecker:
    """Where nothing is known: an object that JSON can write."""

    def check(self, value: Json) -> list[Problem]:
        return unsendable(value)

    def complete(self, value: Json) -> Json:
        return value


class ModelChecker:
    """By a pydantic model; `root` are the fields of the same model, to find the places."""

    def __init__(self, model: type[BaseModel], root: Field) -> None:
        self._model = model
        self._root = root

    def check(self, value: Json) -> list[Problem]:
        return unsendable(value) or self._checked(value)

    def _checked(self, value: Json) -> list[Problem]:
        from pydantic import ValidationError  # noqa: PLC0415 - heavy, and only here

        try:
            self._read(value)
        except ValidationError as error:
            return problems_of(error.errors(include_url=False), self._root, value)
        except Exception as error:  # noqa: BLE001 - a validator of the person's own
            said = f"{type(error).__name__}: {error}"[:_LONGEST]
            return [Problem((), f"The model raised {said}")]
        return []

    def _read(self, value: Json) -> BaseModel:
        """As the service gets it: strict models too take a date as text in JSON."""
        return self._model.model_validate_json(json.dumps(value, allow_nan=False))

    def complete(self, value: Json) -> Json:
        """As the model writes it, where it reads that again as the same.

        It doesn't where a field is written under another name than it is read, or is a
        secret: then the value as it was filled in is what the service understands.
        """
        try:
            read = self._read(value)
            for by_alias in (True, False):
                written: Json = read.model_dump(mode="json", by_alias=by_alias)
                if isinstance(written, dict) and self._reads_as(written, read):
                    return written
        except Exception:  # noqa: BLE001 - not right, or not writable: `check` says which
            return value
        return value

    def _reads_as(self, written: Json, read: BaseModel) -> bool:
        try:
            return self._read(written) == read
        except Exception:  # noqa: BLE001 - then it doesn't
            return False
