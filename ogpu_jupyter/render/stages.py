"""What each stage means to a person: its words, and where it stands in a task's life."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.tasks import DeliveryMethod, Stage
from ogpu_jupyter.units import format_duration

from .words import plural, short, since

if TYPE_CHECKING:
    from ogpu_jupyter.tasks import TaskRecord

TONES: Final = {
    Stage.FINALIZED: "ogpu-ok",
    Stage.RESPONDED: "",
    Stage.CANCELED: "ogpu-off",
    Stage.ABANDONED: "ogpu-off",
    Stage.LATE: "ogpu-warn",
    Stage.EXPIRED: "ogpu-warn",
    Stage.FAILED: "ogpu-bad",
}
_LIFE: Final = ("Created", "Published", "Attempted", "Responded", "Confirmed", "Paid")
_REACHED: Final = {
    Stage.INTENDED: 0,
    Stage.UPLOADED: 1,
    Stage.SIGNED: 1,
    Stage.SENT: 1,
    Stage.PUBLISHED: 2,
    Stage.ATTEMPTED: 3,
    Stage.RESPONDED: 4,
    Stage.FINALIZED: 6,
}
_ENDS: Final = {
    Stage.CANCELED: "Canceled",
    Stage.EXPIRED: "Expired",
    Stage.FAILED: "Failed",
    Stage.ABANDONED: "Not sent",
}


@dataclass(frozen=True)
class Step:
    """One step of a life: `state` is done, now, todo or end; `by` is an address."""

    name: str
    state: str
    note: str = ""
    at: float | None = None
    by: str = ""


def steps(record: TaskRecord) -> list[Step]:
    """The whole way to the payment, or the way to where it ended."""
    if record.stage is Stage.LATE:
        way = _LIFE[: _way_taken(record)]
        return [*(_step(record, name, "done") for name in way), Step("Late", "now")]
    if record.stage in _ENDS:
        way = _LIFE[: _way_taken(record)]
        done = [_step(record, name, "done") for name in way]
        return [*done, Step(_ENDS[record.stage], "end", _passed(record), record.finished_at)]
    reached = _REACHED[record.stage]
    states = ["done" if n < reached else "now" if n == reached else "todo" for n in range(6)]
    return [_step(record, name, state) for name, state in zip(_LIFE, states, strict=True)]


def _way_taken(record: TaskRecord) -> int:
    if record.responses:
        return 4
    if record.attempts:
        return 3
    return 2 if record.stage in {Stage.LATE, Stage.CANCELED, Stage.EXPIRED} else 1


def _passed(record: TaskRecord) -> str:
    return since(record.finished_at, record.published_at)


def _step(record: TaskRecord, name: str, state: str) -> Step:
    at, note, by = _detail(record, name) if state == "done" else (None, "", "")
    return Step(name, state, note, at, by)


def _detail(record: TaskRecord, name: str) -> tuple[float | None, str, str]:
    """When it happened, in words too, and who did it, as far as that is known."""
    published = record.published_at
    if name == "Created":
        return record.created_at, "", ""
    if name == "Published":
        return published, f"block {record.block:,}" if record.block is not None else "", ""
    if name == "Attempted" and record.attempts:
        first = record.attempts[0]
        return first.at, since(first.at, published), record.winner or first.provider
    if name == "Responded" and record.responses:
        first_answer = record.confirmed or record.responses[0]
        return first_answer.at, since(first_answer.at, published), ""
    if name == "Confirmed":
        return record.finished_at, since(record.finished_at, published), ""
    return None, "", ""


def badge(record: TaskRecord) -> str:
    """One word for the state."""
    return stage_word(record.stage)


def stage_word(stage: Stage) -> str:
    """As people read it: `Paid`, not `finalized`."""
    if stage is Stage.FINALIZED:
        return "Paid"
    return _ENDS.get(stage) or stage.value.capitalize()


def sentence(record: TaskRecord) -> str:
    """What is going on, or how it ended, in one plain sentence."""
    if not record.payload:
        return _REMEMBERED  # made of a notebook's metadata, where that is all there is
    if record.stage is Stage.FINALIZED:
        return _finished(record)
    if record.stage is Stage.ATTEMPTED:
        return _at_work(record)
    if record.stage is Stage.RESPONDED:
        return _answered(record)
    if record.stage is Stage.LATE or (record.stage is Stage.EXPIRED and record.responses):
        return _ran_out(record)
    return _SENTENCES[record.stage]


_SENTENCES: Final = {
    Stage.INTENDED: "Checked and written down. Nothing has left this machine.",
    Stage.UPLOADED: "The data is stored. Nothing is spent yet.",
    Stage.SIGNED: "Signed, and on its way to the network.",
    Stage.SENT: "Sent. Waiting for a block.",
    Stage.PUBLISHED: "Waiting for a provider to take it.",
    Stage.CANCELED: "Canceled. The payment is back in the vault.",
    Stage.EXPIRED: "Its time has passed without an answer. Nothing was paid out.",
    Stage.FAILED: "The network refused it. The payment was not taken.",
    Stage.ABANDONED: "Never sent. Nothing was spent.",
}


def _ran_out(record: TaskRecord) -> str:
    if record.stage is Stage.EXPIRED:
        return f"Its time has passed; {plural(len(record.responses), 'answer')} came."
    if record.attempts:
        return "Its time has passed; the payment is held until an attempt writes the expiry down."
    return "Its time has passed; its payment is still held. Type `%ogpu reclaim` to have it back."


def way_out(record: TaskRecord) -> str:
    """What brings the payment of a late task back."""
    task = record.reference
    if not record.attempts:
        return (
            f"Type `%ogpu cancel {task}` to have it back, or `%ogpu reclaim` for all that are late."
        )
    return (
        "A provider had it, so it can't be canceled: the payment comes back when the chain "
        "writes the expiry down, at the next attempt. It is read again at each connect."
    )


_REMEMBERED: Final = "This is how the notebook has it; its data and answer are not here."


def _finished(record: TaskRecord) -> str:
    provider = record.winner or (record.confirmed.provider if record.confirmed else "")
    took = duration(record)
    words = ["Answered", f"by {short(provider)}" if provider else "", f"in {took}" if took else ""]
    return " ".join(word for word in words if word) + "."


def _at_work(record: TaskRecord) -> str:
    if len(record.attempts) == 1:
        return f"{short(record.attempts[0].provider)} is working on it."
    count = f"{len(record.attempts)} providers are" if record.attempts else "A provider is"
    return f"{count} working on it."


def _answered(record: TaskRecord) -> str:
    if record.delivery is DeliveryMethod.FIRST_RESPONSE:
        return "Answered. The payment is not settled yet."
    count = len(record.responses)
    if count == 1:
        return "One answer is here. Confirm it to pay it, or wait for more."
    return f"{count} answers are here. Confirm the one to pay."


def duration(record: TaskRecord) -> str:
    """From the block that published it to its end, on the chain's clock; empty if unknown."""
    start, end = record.published_at, record.finished_at
    return "" if start is None or end is None or end < start else format_duration(end - start)
