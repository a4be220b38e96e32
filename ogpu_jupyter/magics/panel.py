"""What a magic returns: something to read, and the object behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ogpu_jupyter.errors import Interrupted
from ogpu_jupyter.units import format_amount

if TYPE_CHECKING:
    from ogpu_jupyter.accounts import Keystore
    from ogpu_jupyter.handle import Task
    from ogpu_jupyter.tasks import TransactionRecord


_UNREAD = "(no address can be read)"


class Panel:
    """Shows text, and HTML where there is some; `value` is what the session returned."""

    def __init__(self, text: str, html: str = "", value: Any = None) -> None:
        self.value = value
        self._text = text
        self._html = html

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str | None:
        return self._html or None


def settled(record: TransactionRecord, more: str = "") -> Panel:
    fee = f" Its gas was {format_amount(record.fee)}." if record.fee else ""
    return Panel(f"{record.note}{more}{fee} Transaction {record.hash}.", value=record)


def made(what: str, keystore: Keystore) -> Panel:
    text = (
        f"{what} the account {keystore.address} in {keystore.path}.\n"
        "Without that file and its password nobody gets at the account's money: keep a copy of "
        "both.\n"
        f"Type `%ogpu connect testnet --account keystore:{keystore.name}` to use it."
    )
    return Panel(text, value=keystore)


def kept(keystores: list[Keystore]) -> Panel:
    """Names and addresses, never keys."""
    if not keystores:
        return Panel("No account is kept here. Type `%ogpu account new` to make one.", value=[])
    width = max(len(keystore.name) for keystore in keystores)
    lines = [f"keystore:{k.name.ljust(width)}  {k.address or _UNREAD}" for k in keystores]
    return Panel("\n".join(lines), value=keystores)


def detached(tasks: list[Task]) -> Interrupted:
    """How to see and to cancel what goes on without us."""
    alive = [task for task in tasks if not task.stage.is_over]
    if not alive:
        return Interrupted("Stopped waiting: nothing was under way any more.", spent="")
    if len(alive) > 1:
        return Interrupted(
            f"Stopped waiting: {len(alive)} tasks go on without you.",
            spent=f"{format_amount(sum(task.payment for task in alive))} is held in escrow.",
            hint="Type `%ogpu tasks --open` to see them.",
        )
    reference = alive[0].record.reference
    return Interrupted(
        "Stopped waiting: the task goes on without you.",
        task=alive[0],
        spent=f"{format_amount(alive[0].payment)} is held in escrow for it.",
        hint=f"See it with `%ogpu show {reference}`; while no provider has it, "
        f"`%ogpu cancel {reference}` takes it back.",
    )
