"""`Task`: what a person holds. It shows the journal's record and forwards to the session."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar, overload

from . import display, render
from .choosing import Chooser, Course
from .errors import (
    NOTHING_SPENT,
    ContentError,
    InputError,
    Interrupted,
    NotConnected,
    OgpuError,
    TaskCanceled,
    TaskError,
    TaskExpired,
    TaskFailed,
    TaskTimeout,
)
from .jobs import PULSE
from .live import SESSION_CLOSED
from .render.drawing import Showing, file_name, schema_of, wanted_kind
from .render.page import asked
from .render.safe import one_line
from .tasks import (
    Answer,
    DeliveryMethod,
    Json,
    Response,
    ResponseStatus,
    Stage,
    TaskRecord,
    TaskStatus,
    TransactionRecord,
)
from .units import format_amount, format_duration, format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from os import PathLike
    from pathlib import Path

    from ipywidgets import Widget
    from pydantic import BaseModel

    from .choosing import Rule
    from .render.choices import Choice
    from .session import Session

    Model = TypeVar("Model", bound=BaseModel)


class Task:
    """A task of this session: its state, its answer, and what can still be done with it.

    It stays true by itself while the session is connected. `earlier` says that it was
    published before and is shown again; `model` is the pydantic model of its result.
    """

    def __init__(self, session: Session, record: TaskRecord) -> None:
        self.session = session
        self.earlier = False
        self.model: type[BaseModel] | None = None
        self._kind = ""
        self._record = record
        self._course = Course(self, session)
        self._changed = threading.Condition()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def record(self) -> TaskRecord:
        """Everything that is known of it now, frozen."""
        return self._record

    @property
    def answers(self) -> Mapping[str, Answer]:
        """The decoded content of each response that has arrived, by the response's address.

        The views draw these very objects: `result()` gives one that may be changed.
        """
        return self.session.answers(self._record)

    @property
    def stage(self) -> Stage:
        return self._record.stage

    @property
    def status(self) -> TaskStatus | None:
        """The chain's word; None until the transaction is in a block."""
        return self._record.status

    @property
    def address(self) -> str:
        """The task contract's address; empty until the transaction is in a block."""
        return self._record.address

    @property
    def tx_hash(self) -> str:
        return self._record.tx_hash

    @property
    def name(self) -> str:
        return self._record.name

    @property
    def source(self) -> str:
        return self._record.source

    @property
    def function(self) -> str:
        return self._record.function

    @property
    def payload(self) -> dict[str, Any]:
        """What was sent: `function_name`, `data`, and the extras."""
        decoded: dict[str, Any] = json.loads(self._record.payload)
        return decoded

    @property
    def payment(self) -> int:
        """Wei."""
        return self._record.payment

    @property
    def expires_at(self) -> int:
        """Unix seconds on the chain's clock."""
        return self._record.expires_at

    @property
    def responses(self) -> tuple[Response, ...]:
        return self._record.responses

    @property
    def note(self) -> str:
        """What stands between this view and the chain at the moment, or nothing."""
        if self.stage.is_final:
            return ""
        return SESSION_CLOSED if self.session.closed else self.session.trouble

    @property
    def is_settled(self) -> bool:
        """Nothing more happens by itself: it is final with its answer here, or awaits a choice."""
        if self._awaits_choice():
            return not self._course.is_under_way
        return self.stage.is_over and (self._chosen() is None or self._answer() is not None)

    @property
    def choice(self) -> Choice:
        """How it is being chosen among the responses, and who gave them, for the views."""
        return self._course.choice()

    @property
    def auto(self) -> Chooser | None:
        """What chooses among the responses unattended; set to None, it stops."""
        return self._course.auto if self._course.is_under_way else None

    @auto.setter
    def auto(self, nothing: None) -> None:
        if nothing is not None:
            raise InputError(
                "`task.auto` can only be set to None, which stops it.",
                hint='Type `task.confirm(strategy="cheapest", auto=True)` to begin.',
            )
        self._course.stop()

    def chain_time(self) -> float:
        """Unix seconds now, on the chain's clock."""
        return self.session.chain_time()

    @overload
    def result(self, model: type[Model], timeout: float | None = None) -> Model: ...
    @overload
    def result(self, model: None = None, timeout: float | None = None) -> Any: ...
    def result(self, model: type[BaseModel] | None = None, timeout: float | None = None) -> Any:
        """The decoded answer, waited for at most `timeout` seconds; of `model` where one is given.

        Raises `TaskExpired`, `TaskCanceled`, `TaskFailed`, `TaskTimeout`, or the
        `ContentError` that keeps the answer from being read.
        """
        self.session.retry_answers(self._record)
        self._wait(timeout)
        return self._value(model)

    def wait(self, timeout: float | None = None, *, answers: int | None = None) -> Task:
        """Block until nothing more happens by itself; `TaskTimeout` after `timeout` seconds.

        With `answers`, until so many are here to choose among, or the task is final.
        """
        if answers is None:
            self._wait(timeout)
        else:
            self._wait(timeout, lambda: self.stage.is_over or len(self.answers) >= answers)
        return self

    def __await__(self) -> Generator[Any, None, Any]:
        loop = asyncio.get_running_loop()
        settled = loop.create_future()

        def settle() -> None:
            if not settled.done():
                settled.set_result(None)

        def look() -> None:
            if self.is_settled:
                loop.call_soon_threadsafe(settle)

        unsubscribe = self.subscribe(look)
        look()
        try:
            yield from settled
        finally:
            unsubscribe()
            display.settle(self)
        return self._value(None)

    @overload
    def confirm(self, response: Response | str | None = None, /) -> TransactionRecord: ...
    @overload
    def confirm(self, *, strategy: str, **options: Any) -> TransactionRecord | Chooser: ...
    def confirm(
        self, response: Response | str | None = None, *, strategy: str = "", **options: Any
    ) -> TransactionRecord | Chooser:
        """Pay a response, by default the only one; returns when that is in a block.

        With a `strategy` (first, cheapest, score, agree) and the options of
        `Session.confirm_by`, the one that it chooses.
        """
        if not strategy and not options:
            return self.session.confirm(self.choose(response))
        if response is not None:
            raise InputError(
                "Either a response is named, or a strategy chooses one.",
                hint="Leave one of them away.",
            )
        return self.session.confirm_by(self, strategy, **options)

    def choose_by(self, rule: Rule, *, auto: bool, expected: int | None = None) -> Any:
        """What `Session.confirm_by` does once the rule is known."""
        return self._course.begin(rule, expected=expected) if auto else self._course.now(rule)

    def cancel(self) -> TransactionRecord:
        """Take the task back while no provider has it; the payment returns to the vault."""
        return self.session.cancel(self)

    def choose(self, response: Response | str | None) -> str:
        """The address of the response meant: one of this task's, and no other's is ever paid."""
        if response is not None:
            return self._own(str(getattr(response, "address", response)).strip())
        open_ones = [r for r in self.responses if r.status is ResponseStatus.SUBMITTED]
        if len(open_ones) == 1:
            return open_ones[0].address
        count = f"{len(open_ones)} responses" if open_ones else "no response"
        raise TaskError(
            f"The task has {count} to confirm.",
            task=self._record.reference,
            spent="Nothing was spent.",
            hint="Name one: `task.confirm(task.responses[0])`." if open_ones else "",
        )

    def _own(self, address: str) -> str:
        """As the chain has it; one that isn't known yet is looked for there."""
        for is_last in (False, True):
            for known in self.responses:
                if known.address.lower() == address.lower():
                    return known.address
            if not is_last:
                self.session.refresh(self._record)
        raise TaskError(
            f"The task has no response {one_line(address, 80)}.",
            task=self._record.reference,
            spent=NOTHING_SPENT,
            hint=f"`%ogpu show {self._record.reference}` shows those it has, with their addresses.",
        )

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have `callback` called, on any thread, after each change; returns what ends that."""
        with self._changed:
            self._callbacks.append(callback)

        def unsubscribe() -> None:
            with self._changed:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)

        return unsubscribe

    def renew(self, record: TaskRecord | None = None) -> None:
        """Take the session's newer record (or its newer answers) and tell whoever watches."""
        with self._changed:
            self._record = record or self._record
            callbacks = list(self._callbacks)
            self._changed.notify_all()
        for callback in callbacks:
            callback()

    @property
    def showing(self) -> Showing:
        """How its answers are shown: the kind that was asked for, and within which bound."""
        return Showing(self._kind, schema_of(self.model), self.session.room)

    def show_as(self, kind: str | None) -> Task:
        """From now on its views show the answer as this kind; None shows it as what it is."""
        wanted = wanted_kind(kind) if kind else ""
        if wanted != self._kind:
            self._kind = wanted
            self.renew()
        return self

    def show(self, kind: str | None = None) -> None:
        """The live view in the cell that runs now; `kind` as for `--show`."""
        display.show(self.show_as(kind) if kind else self)

    def view(self, show: str | None = None) -> Widget:
        """The live view as an ipywidgets widget, for layouts of one's own and Voilà."""
        from .widgets.view import view  # noqa: PLC0415 - ipywidgets is heavy, and only for this

        return view(self.show_as(show) if show else self)

    def to_frame(
        self, kind: str = "pandas", *, part: str | None = None, timeout: float | None = None
    ) -> Any:
        """The answer's rows as a data frame: `pandas`, `polars` or `arrow`.

        `part` names the field of the answer that has them, where several have. The answer is
        waited for as `result` does.
        """
        from . import frames  # noqa: PLC0415 - most tasks make none

        frames.library_of(kind)  # what isn't installed is told before the waiting
        value = self._waited(timeout).value
        return frames.to_frame(value, kind, part=part, schema=schema_of(self.model))

    def save(
        self,
        path: str | PathLike[str] = ".",
        *,
        overwrite: bool = False,
        timeout: float | None = None,
    ) -> Path | list[Path]:
        """Write the answer to a file, in the format that the path's suffix names.

        Without a suffix it is the format that fits the answer; in a folder it gets a name.
        Several pictures become numbered files. Returns where it is.
        """
        from . import saving  # noqa: PLC0415 - most tasks are not saved

        answer, record = self._waited(timeout), self._record
        return saving.save(
            answer.value,
            path,
            name=file_name(record),
            data=asked(record),
            linked=answer.linked,
            overwrite=overwrite,
        )

    def _ipython_display_(self) -> None:
        """At the end of a notebook's cell: the live view. Elsewhere IPython shows the text."""
        if not display.in_notebook():
            raise NotImplementedError
        display.show(self)

    def __repr__(self) -> str:
        return self._drawn(render.text)

    def _repr_html_(self) -> str:
        return self._drawn(render.html)

    def _drawn(self, draw: Callable[..., str]) -> str:
        return draw(
            self._record,
            self.answers,
            self.chain_time(),
            note=self.note,
            choice=self.choice,
            showing=self.showing,
        )

    def _wait(self, timeout: float | None, is_done: Callable[[], bool] | None = None) -> None:
        is_done = is_done or (lambda: self.is_settled)
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            with self._changed:
                while not is_done():
                    if self.session.closed:
                        raise NotConnected("The task's session is closed.")
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        raise self._late(timeout or 0)
                    self._changed.wait(PULSE if left is None else min(left, PULSE))
        except KeyboardInterrupt:
            raise Interrupted(
                "Stopped waiting.",
                task=self,
                spent=self._cost(),
                hint=f"The task goes on: `%ogpu show {self._record.reference}`.",
            ) from None
        finally:
            display.settle(self)

    def _late(self, timeout: float) -> OgpuError:
        return TaskTimeout(
            f"The task has no answer after {format_duration(timeout)}; it is {self.stage.value}.",
            task=self._record.reference,
            spent=self._cost(),
            hint=f"It goes on: `%ogpu wait {self._record.reference}`.",
        )

    def _chosen(self) -> Response | None:
        """The response whose content is the result."""
        confirmed = self._record.confirmed
        if confirmed or self._record.delivery is DeliveryMethod.MANUAL_CONFIRMATION:
            return confirmed
        return self.responses[0] if self.responses else None

    def _answer(self) -> Answer | None:
        chosen = self._chosen()
        return self.answers.get(chosen.address) if chosen else None

    def _awaits_choice(self) -> bool:
        """Only a person, or a strategy of theirs, takes it further."""
        if self.stage is not Stage.RESPONDED:
            return False
        if self._record.delivery is DeliveryMethod.FIRST_RESPONSE:
            return self._answer() is not None
        return self._chosen() is None

    def _waited(self, timeout: float | None) -> Answer:
        """The answer as it came, whatever the model is."""
        self.session.retry_answers(self._record)
        self._wait(timeout)
        return self._decoded()

    def _value(self, model: type[BaseModel] | None) -> Any:
        # A copy: a person may change it, and the views must not show that.
        value, wanted = json.loads(json.dumps(self._decoded().value)), model or self.model
        return value if wanted is None else _instance(wanted, value)

    def _decoded(self) -> Answer:
        answer = self._answer()
        if answer is None:
            raise self._without_answer()
        if answer.problem:
            raise ContentError(
                answer.problem,
                spent=self._cost(),
                hint=f"Type `%ogpu show {self._record.reference}` to try again.",
            )
        return answer

    def _without_answer(self) -> TaskError:
        record, task = self._record, self._record.reference
        if record.stage is Stage.CANCELED:
            return TaskCanceled(
                "The task was canceled.", task=task, spent="The payment is back in the vault."
            )
        if record.stage is Stage.EXPIRED:
            return TaskExpired(
                f"The task expired at {format_time(record.expires_at)} without an answer.",
                task=task,
                spent="The payment is back in the vault.",
            )
        if record.stage is Stage.LATE:
            return TaskExpired(
                f"The task expired at {format_time(record.expires_at)} without an answer.",
                task=task,
                spent=f"Its payment of {format_amount(record.payment)} is still held in escrow.",
                hint=render.way_out(record),
            )
        if record.stage in {Stage.FAILED, Stage.ABANDONED}:
            return TaskFailed(record.problem or "The task was never published.", task=task)
        return TaskError(
            f"The task has {len(record.responses)} responses and none is confirmed.",
            task=task,
            spent=self._cost(),
            hint=f"Look at them with `%ogpu show {task}`, then `%ogpu confirm {task}`.",
        )

    def _cost(self) -> str:
        return f"The payment of {format_amount(self.payment)} is held in escrow."


def _instance(model: type[BaseModel], value: Json) -> BaseModel:
    try:
        return model.model_validate(value)
    except ValueError as error:
        raise ContentError(
            f"The answer is not a {model.__name__}: {error}",
            hint="Type `task.result(None)` after `task.model = None` for the answer as it is.",
        ) from None
