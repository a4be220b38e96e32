"""The shape of a task's data, from a pydantic model or from what a source's metadata says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.errors import InputError

from .checking import ModelChecker
from .documents import Unusable, cleaned
from .fields import Either, Mapping, Raw, Record, Shape, start
from .schema import fields_in
from .validating import SchemaChecker

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ogpu_jupyter.tasks import Json

    from .documents import Schema
    from .fields import Field

_INPUT_KEYS: Final = ("input", "input_schema", "inputSchema", "schema", "parameters", "data")


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


def schema_in(metadata: Any, function: str) -> Schema | None:
    """The schema of a function's data, where the metadata has one in an obvious place.

    In the function's own entry; for a source that lists no functions, beside its name.
    """
    if not isinstance(metadata, dict):
        return None
    functions = functions_in(metadata)
    if function in functions:
        return _first_schema(functions[function])
    return None if functions else _first_schema(metadata)


def functions_in(metadata: Any) -> dict[str, Any]:
    """A source's functions' entries by their names, from a list or an object."""
    listed = metadata.get("functions") if isinstance(metadata, dict) else None
    if isinstance(listed, dict):
        return {str(name): entry for name, entry in listed.items()}
    listed = listed if isinstance(listed, list) else []
    entries = [entry for entry in listed if isinstance(entry, dict)]
    return {entry["name"]: entry for entry in entries if isinstance(entry.get("name"), str)}


def named_functions(metadata: Any) -> tuple[str, ...]:
    """The names of all functions that a source has, as its metadata lists them.

    Empty where it lists none, or one of which the name can't be read: then it doesn't say
    which there are.
    """
    listed = metadata.get("functions") if isinstance(metadata, dict) else None
    if isinstance(listed, dict):
        return tuple(str(name) for name in listed)
    entries = listed if isinstance(listed, list) else []
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in entries]
    return tuple(n for n in names if isinstance(n, str)) if all(map(_is_name, names)) else ()


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name.strip())


def _first_schema(entry: Any) -> Schema | None:
    if not isinstance(entry, dict):
        return None
    for key in _INPUT_KEYS:
        found = entry.get(key)
        if key == "schema" and isinstance(found, dict) and isinstance(found.get("input"), dict):
            found = found["input"]
        if isinstance(found, dict) and found:
            return found
    return None


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
