"""Where the shape of a function's data is known from: the first of these that says it.

1. a pydantic model that is given, 2. a template that is asked for by name, 3. the model of
a local service, 4. a JSON Schema in the source's metadata, 5. a template that goes by the
function's or the source's name, 6. what this journal, 7. what the chain has seen; else any
JSON.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.content import decode_json
from ogpu_jupyter.errors import ContentError, InputError, OgpuError, UnknownName
from ogpu_jupyter.render.safe import one_line

from . import examples
from .checking import AnyChecker, ModelChecker
from .documents import Unusable, cleaned
from .fields import Either, Mapping, Raw, Record, Shape, start
from .schema import fields_in
from .templates import TEMPLATES, template_for
from .validating import SchemaChecker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

    from ogpu_jupyter.session import Session
    from ogpu_jupyter.tasks import Json, SourceRecord

    from .documents import Schema
    from .fields import Field

_METADATA_BYTES: Final = 1 << 20
_METADATA_SECONDS: Final = 5.0
_INPUT_KEYS: Final = ("input", "input_schema", "inputSchema", "schema", "parameters", "data")
_MOST_NAMED: Final = 5


def shape_of(
    session: Session,
    source: object,
    function: str,
    *,
    model: type[BaseModel] | None = None,
    template: str | None = None,
) -> Shape:
    """The shape of the data that a source's function takes.

    `source` is an address or a name. A few requests, and where only the chain can tell,
    the payloads of up to 60 of its tasks.
    """
    if model is not None:
        return of_model(model, f"the model {one_line(model.__name__)}")
    if template is not None:
        return of_template(template)
    record = session.source(source)
    metadata = _metadata(session, record)
    return (
        _of_service(session, record, function)
        or _of_metadata(metadata, function)
        or _of_names(session, record, function, metadata)
        or _of_samples(examples.in_journal, session, record, function, "this journal")
        or _of_samples(examples.on_chain, session, record, function, "the chain")
        or _of_anything(metadata)
    )


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


def of_template(name: str) -> Shape:
    """By its own name; an unknown one raises with the nearest."""
    if name not in TEMPLATES:
        near = difflib.get_close_matches(name, TEMPLATES, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(TEMPLATES)}."
        raise UnknownName(f"There is no template {one_line(name, 40)!r}.", hint=hint)
    return of_schema(TEMPLATES[name], f"the template {name}")


def of_samples(samples: Sequence[Json], origin: str) -> Shape:
    """What these payloads have in common, with the first of them to begin with."""
    shape = of_schema(examples.schema_from(samples), origin)
    return Shape(shape.root, origin, examples.to_begin_with(samples[0]), shape.checker)


def _of_service(session: Session, record: SourceRecord, function: str) -> Shape | None:
    services = session.localnet.services if session.localnet else {}
    name = next((name for name, address in services.items() if address == record.address), None)
    if name is None:
        return None
    from ogpu_jupyter.localnet.services import SERVICES  # noqa: PLC0415 - where there are some

    service = SERVICES.get(name)
    if service is None or service.function != function:
        return None
    return of_model(service.input_model, f"the model of the local service {name}")


def _metadata(session: Session, record: SourceRecord) -> Any:
    """What the source says of itself; None where that can't be had."""
    try:
        data = session.client.store.get(
            record.metadata_url, max_bytes=_METADATA_BYTES, timeout=_METADATA_SECONDS
        )
        return decode_json(data)
    except ContentError:
        return None


def _of_metadata(metadata: Any, function: str) -> Shape | None:
    schema = schema_in(metadata, function)
    if schema is None:
        return None
    try:
        return of_schema(schema, "the JSON Schema in the source's metadata")
    except Unusable:
        return None


def schema_in(metadata: Any, function: str) -> Schema | None:
    """The schema of a function's data, where the metadata has one in an obvious place.

    In the function's own entry; for a source that lists no functions, beside its name.
    """
    if not isinstance(metadata, dict):
        return None
    functions = _functions(metadata)
    if function in functions:
        return _first_schema(functions[function])
    return None if functions else _first_schema(metadata)


def _functions(metadata: Any) -> dict[str, Any]:
    """A source's functions' entries by their names, from a list or an object."""
    listed = metadata.get("functions") if isinstance(metadata, dict) else None
    if isinstance(listed, dict):
        return {str(name): entry for name, entry in listed.items()}
    listed = listed if isinstance(listed, list) else []
    entries = [entry for entry in listed if isinstance(entry, dict)]
    return {entry["name"]: entry for entry in entries if isinstance(entry.get("name"), str)}


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


def _of_names(session: Session, record: SourceRecord, function: str, metadata: Any) -> Shape | None:
    """The source's name tells nothing of a function that it doesn't have."""
    functions = _functions(metadata)
    names = [name for name, address in session.names().items() if address == record.address]
    has_it = not functions or function in functions
    for source_name in (record.name, *names) if has_it else ("",):
        name = template_for(function, source_name)
        if name is not None:
            return of_template(name)
    return None


def _of_samples(
    find: Callable[[Session, str, str], list[Json]],
    session: Session,
    record: SourceRecord,
    function: str,
    where: str,
) -> Shape | None:
    """The origin says of how many; what can't be read just now is as if it weren't there."""
    try:
        samples = find(session, record.address, function)
        count = "1 task" if len(samples) == 1 else f"{len(samples)} tasks"
        return of_samples(samples, f"{count} of {where}") if samples else None
    except OgpuError:
        return None


def _of_anything(metadata: Any) -> Shape:
    """Where the source names its functions, the origin does too: one may be misspelt."""
    names = list(_functions(metadata))
    listed = ", ".join(one_line(name, 40) for name in names[:_MOST_NAMED])
    beside = f"; the source's functions are: {listed}" if listed else ""
    return Shape(Raw(title="Data"), f"nothing: any JSON object{beside}", {}, AnyChecker())


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
