"""The shape of a task's data, from a pydantic model or from a JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ogpu_jupyter.errors import InputError

from .checking import ModelChecker
from .documents import Unusable, cleaned
from .fields import Either, Mapping, Raw, Record, Shape, start
from .schema import fields_in
from .validating import SchemaChecker

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ogpu_jupyter.tasks import Json

    from .fields import Field


def of_model(model: type[BaseModel], origin: str) -> Shape:
    """InputError where it isn't a model of named fields."""
    if not (isinstance(model, type) and hasattr(model, "model_json_schema")):
        raise InputError(f"{model!r} is not a pydantic model.", hint="Give the class itself.")
    try:
        schema = model.model_json_schema()
    except Exception as error:  # noqa: BLE001 - pydantic's own, or one of the person's hooks
        name = type(error).__name__
        raise InputError(
            f"The model {model.__name__} has no JSON Schema: {name}: {str(error)[:300]}",
            hint="Leave the field out that JSON can't write, or give the data in a cell.",
        ) from None
    root = _root(fields_in(cleaned(schema)))
    if root is None:
        raise InputError(
            f"The model {model.__name__} is no object; a task's data is one.",
            hint="Make it a model with a field for the value.",
        )
    return Shape(root, origin, _begin(root), ModelChecker(model, root), model)


def of_schema(schema: object, origin: str) -> Shape:
    """Unusable where it is none, or not one of an object."""
    document = cleaned(schema)
    root = _root(fields_in(document))
    if root is None:
        raise Unusable("The schema is not that of an object.")
    return Shape(root, origin, _begin(root), SchemaChecker(document))


def _root(field: Field) -> Field | None:
    """Without a link; None for what can't be a task's data."""
    field = field.resolved
    if isinstance(field, Either):
        options = [each.resolved for _, each in field.options]
        return field if any(isinstance(each, (Record, Mapping)) for each in options) else None
    return field if isinstance(field, (Record, Mapping, Raw)) else None


def _begin(root: Field) -> Json:
    value = start(root)
    return value if isinstance(value, dict) else {}
