"""What a source says in its metadata: its functions' names, and the schemas of their data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .documents import Schema

_INPUT_KEYS: Final = ("input", "input_schema", "inputSchema", "schema", "parameters", "data")


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
