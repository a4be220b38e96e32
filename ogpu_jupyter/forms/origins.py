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
from ogpu_jupyter.errors import ContentError, OgpuError, UnknownName
from ogpu_jupyter.render.safe import one_line

from . import examples
from .checking import AnyChecker
from .documents import Unusable
from .fields import Raw, Shape
from .metadata import functions_in, schema_in
from .shapes import of_model, of_schema
from .templates import TEMPLATES, template_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import BaseModel

    from ogpu_jupyter.session import Session
    from ogpu_jupyter.tasks import Json, SourceRecord

_METADATA_BYTES: Final = 1 << 20
_METADATA_SECONDS: Final = 5.0
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


def _of_names(session: Session, record: SourceRecord, function: str, metadata: Any) -> Shape | None:
    """The source's name tells nothing of a function that it doesn't have."""
    functions = functions_in(metadata)
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
    names = list(functions_in(metadata))
    listed = ", ".join(one_line(name, 40) for name in names[:_MOST_NAMED])
    beside = f"; the source's functions are: {listed}" if listed else ""
    return Shape(Raw(title="Data"), f"nothing: any JSON object{beside}", {}, AnyChecker())
