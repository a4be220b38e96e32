"""What a notebook's file knows of its tasks: a few facts in each output's metadata.

They stand under `ogpu`, as text and whole numbers, and hold nothing that is secret: enough
to find the task again, in a journal or on the chain, and to say what it was where neither
has it. A file may come from anyone, so it is bounded, and every fact is checked.
"""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from .content import measure
from .errors import InputError, OgpuError, UnknownName
from .tasks import NetworkId, Stage, TaskRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

KEY: Final = "ogpu"
MAX_BYTES: Final = 200_000_000
MAX_TASKS: Final = 10_000
MOST_LISTED: Final = 200  # of one output; a batch may have any number
_MAX_VALUES: Final = 20_000_000  # a notebook may hold plots
_MAX_TEXT: Final = 200
_VSCODE: Final = "__vsc_ipynb_file__"

_Address = Annotated[str, StringConstraints(pattern=r"^(0x[0-9a-fA-F]{40})?$")]
_Hash = Annotated[str, StringConstraints(pattern=r"^(0x[0-9a-fA-F]{64})?$")]
_Wei = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,40}$")]
_Short = Annotated[str, StringConstraints(max_length=_MAX_TEXT)]
_Seconds = Annotated[int, Field(ge=0, lt=2**53)]


class Facts(BaseModel):
    """One task, as an output's metadata tells it: the keys of `docs/record.md`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    task: _Address = ""
    tx: _Hash = ""
    chain_id: Annotated[int, Field(ge=0, lt=2**64)]
    genesis: _Hash = ""
    network: _Short = ""
    payment: _Wei
    fee: _Wei | None = None
    stage: Annotated[Stage, Field(strict=False)]
    name: _Short = "task"
    item: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    source: _Address = ""
    function: _Short = ""
    created_at: _Seconds = 0
    expires_at: _Seconds = 0
    show: str = ""

    @field_validator("show", mode="before")
    @classmethod
    def _is_a_wish(cls, told: object) -> str:
        """One that makes no sense must not hide the task."""
        return told if isinstance(told, str) and len(told) <= _MAX_TEXT else ""

    @property
    def references(self) -> tuple[str, ...]:
        """What it can be looked up by."""
        return tuple(text.lower() for text in (self.task, self.tx) if text)

    def is_on(self, network: NetworkId) -> bool:
        """On that chain, as far as is known: an older notebook doesn't tell the genesis."""
        known = self.genesis or network.genesis
        return (self.chain_id, known.lower()) == (network.chain_id, network.genesis.lower())

    def record(self) -> TaskRecord:
        """The task without what only others know: its payload is empty."""
        return TaskRecord(
            network=self.network or f"chain {self.chain_id}",
            network_id=NetworkId(chain_id=self.chain_id, genesis=self.genesis, controller=""),
            account="",
            source=self.source,
            function=self.function,
            name=self.name,
            item=self.item,
            payload=b"",
            payment=int(self.payment),
            fee=None if self.fee is None else int(self.fee),
            created_at=self.created_at,
            expires_at=self.expires_at,
            stage=self.stage,
            tx_hash=self.tx,
            address=self.task,
        )


def facts(record: TaskRecord, show: str = "") -> dict[str, Any]:
    """What stands under `ogpu` in the metadata of a task's output; wei are text.

    `show` is the kind of answers that somebody asked for.
    """
    known: dict[str, Any] = {
        "task": record.address,
        "tx": record.tx_hash,
        "chain_id": record.network_id.chain_id,
        "genesis": record.network_id.genesis,
        "network": record.network[:_MAX_TEXT],
        "payment": str(record.payment),
        "stage": record.stage.value,
        "name": record.name[:_MAX_TEXT],
        "source": record.source,
        "function": record.function[:_MAX_TEXT],
        "created_at": int(record.created_at),
        "expires_at": record.expires_at,
    }
    if record.fee is not None:
        known["fee"] = str(record.fee)
    if record.item is not None:
        known["item"] = record.item
    if show:
        known["show"] = show[:_MAX_TEXT]
    return known


def many_facts(known: Iterable[dict[str, Any]], number: int) -> dict[str, Any]:
    """The same of an output of `number` tasks: of the first, and how many more there are."""
    listed = list(itertools.islice(known, MOST_LISTED))
    more = {"more": number - len(listed)} if number > len(listed) else {}
    return {"tasks": listed, **more}


@dataclass(frozen=True)
class Notebook:
    """The tasks of a file, each once, in its order; `unread` are outputs that make no sense.

    It `has_more` where an output of many lists the first of them only.
    """

    path: Path
    saved_at: float
    tasks: tuple[Facts, ...]
    unread: int = 0
    has_more: bool = False


def read(path: Path) -> Notebook:
    """The tasks that the file's outputs tell of."""
    notebook = _json(_bytes(path), path)
    found: list[Facts] = []
    places: dict[object, int] = {}
    unread = 0
    for raw in _raw(notebook):
        known = _checked(raw)
        if known is None:
            unread += 1
            continue
        names = _names(known)
        place = next((places[name] for name in names if name in places), len(found))
        if place == len(found) < MAX_TASKS:
            found.append(known)
        elif place < len(found):
            best = max(found[place], known, key=_progress)
            found[place] = best.model_copy(update={"show": known.show or found[place].show})
        places.update(dict.fromkeys(names, place))
    has_more = any(_get(told, "more") for told in _told(notebook))
    return Notebook(path, path.stat().st_mtime, tuple(found), unread, has_more)


def find(named: str | None, namespace: Mapping[str, Any]) -> Path:
    """The file that is named, else the one that this kernel runs, as its frontend tells."""
    if named is not None:
        return _typed(named)
    told = (os.environ.get("JPY_SESSION_NAME"), namespace.get(_VSCODE))
    for text in told:
        if isinstance(text, str) and (path := _there(text)) is not None:
            return path
    raise UnknownName(
        "Which file this notebook is can't be told from here.",
        hint="Type its name: `%ogpu show --all analysis.ipynb`.",
    )


def _typed(named: str) -> Path:
    path = Path(named).expanduser()
    for choice in (path, path.with_name(f"{path.name}.ipynb") if path.name else path):
        if _is_file(choice):
            return choice
    raise UnknownName(
        f"There is no file {named[:200]!r} in {Path.cwd()}.",
        hint="Type the notebook's path: `%ogpu show --all folder/analysis.ipynb`.",
    )


def _there(told: str) -> Path | None:
    """A server may tell a path of its own; the kernel runs beside the file."""
    path = Path(told)
    choices = (path, Path.cwd() / path.name)
    return next((p for p in choices if p.suffix == ".ipynb" and _is_file(p)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name, or no name at all
        return False


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"{path.name} has {size:,} bytes; notebooks of up to {MAX_BYTES:,} are read."
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} can't be read: {error.strerror or error}.") from None


def _json(data: bytes, path: Path) -> object:
    """Measured first: deep brackets can end a process whose recursion limit was raised."""
    try:
        measure(data, values=_MAX_VALUES)
        return json.loads(data)
    except (ValueError, RecursionError, OgpuError):
        raise InputError(
            f"{path.name} is not a notebook that can be read.", hint="Save it, and try again."
        ) from None


def _raw(notebook: object) -> Iterator[object]:
    """Task by task; an output of many lists them."""
    for told in _told(notebook):
        many = _get(told, "tasks")
        if isinstance(many, list):
            yield from many
        elif told is not None:
            yield told


def _told(notebook: object) -> Iterator[object]:
    """What stands under `ogpu`, output by output."""
    for cell in _list(_get(notebook, "cells")):
        for output in _list(_get(cell, "outputs")):
            yield _get(_get(output, "metadata"), KEY)


def _get(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _checked(raw: object) -> Facts | None:
    try:
        return Facts.model_validate(raw)
    except ValidationError:
        return None


def _names(known: Facts) -> list[object]:
    """What two outputs of one task share. One that was never sent has nothing but its words."""
    where = (known.chain_id, known.genesis.lower())
    words = (known.source, known.function, known.name, known.item, known.created_at)
    return [(*where, text) for text in known.references] or [(*where, *words)]


def _progress(known: Facts) -> int:
    return list(Stage).index(known.stage)
