"""A form for a task's data: filled in, checked as it changes, published from.

A press is taken once. Whatever is pressed, how often and how fast: each state of the form
is published at most once, since it has a number, and the number is used up by the press.
Beyond that the journal knows the same task again.
"""

from __future__ import annotations

import contextvars
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter import display, publishing
from ogpu_jupyter.errors import (
    NOTHING_SPENT,
    AmountError,
    ExpiryError,
    InputError,
    Interrupted,
    OgpuError,
    unspent,
)
from ogpu_jupyter.forms import cell
from ogpu_jupyter.forms.outline import outline
from ogpu_jupyter.handle import Task
from ogpu_jupyter.render.safe import esc, one_line, visible
from ogpu_jupyter.render.style import page
from ogpu_jupyter.render.words import plural, short
from ogpu_jupyter.tasks import encode_payload
from ogpu_jupyter.units import format_amount

from .bench import Bench, path_words
from .desk import Desk
from .face import Face
from .field import control, root

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    import ipywidgets

    from ogpu_jupyter.forms.fields import Problem, Shape
    from ogpu_jupyter.publishing import Plan
    from ogpu_jupyter.session import Session
    from ogpu_jupyter.tasks import Json, TaskRecord

    from .desk import Terms

_QUIET_SECONDS: Final = 0.35
_MOST_NAMED: Final = 5


@dataclass(frozen=True)
class Order:
    """One state of the form. `number` is new with each change."""

    number: int
    data: Json
    terms: Terms


class Form:
    """What `%ogpu form` and `ogpu_jupyter.form` give: fill it in here or in Python.

    `name` is what the task will be called, and the variable that receives it where there
    are `names`, the notebook's variables.
    """

    def __init__(
        self,
        session: Session,
        source: object,
        function: str,
        shape: Shape,
        *,
        name: str = "task",
        names: MutableMapping[str, Any] | None = None,
        template: str | None = None,
    ) -> None:
        self.session = session
        self.function = function
        self.shape = shape
        self.name = name
        self._source = str(getattr(source, "address", source)).strip()
        self._names = names
        self._template = template
        self._lock = threading.RLock()  # what is on the screen
        self._sending = threading.Lock()  # one payment at a time
        self._number = 0
        self._published: tuple[int, Task] | None = None
        self._asked: tuple[Order, int] | None = None
        self._busy = ""
        self._every = False  # blame also fields that nobody has touched
        self._trouble = ""
        self._completed: tuple[Json, Json] | None = None
        self._timer: threading.Timer | None = None
        self._places: list[display.Place] = []
        self._address, self._source_name = session.find_source(source)
        self._build()
        self._draw()

    # What a person has in Python

    @property
    def value(self) -> dict[str, Any]:
        """The task's data, as it stands in the form."""
        value = self._root.value
        return value if isinstance(value, dict) else {}

    @property
    def task(self) -> Task | None:
        """The last one that was published from here."""
        return self._published[1] if self._published else None

    def fill(self, data: Any) -> Form:
        """Put data into the fields: a dict, or a pydantic model. The others are emptied."""
        if hasattr(data, "model_dump"):
            data = data.model_dump(mode="json")
        if not isinstance(data, dict):
            raise InputError("A form is filled with a dict or a pydantic model.")
        with self._lock:
            self._root.fill(data)
            self._changed()
        return self

    def check(self) -> Plan:
        """All checks of publishing, nothing sent; raises the first that fails."""
        order = self._order()
        self._require(order)
        return self._plan(order)

    def publish(self, *, new: bool = False, yes: bool = False, ask: Any = None) -> Task:
        """Publish what the form holds, once: again, without a change, it is the same task."""
        with self._lock:
            if new:
                self._changed()
            order = self._order()
        self._require(order)
        task = self._send(order, new=new or order.terms.new, yes=yes, ask=ask)
        with self._lock:
            self._draw()
        return task

    def as_cell(self) -> str:
        """The text of the cell that does the same."""
        terms = self._desk.terms
        return cell.as_cell(
            self._source,
            self.function,
            self._data(self.value),
            name=self.name,
            pay=terms.pay,
            expires=terms.expires,
            complexity=None if terms.complexity == "simple" else terms.complexity,
            template=self._template,
        )

    def close(self) -> None:
        """Take the form from the page; its tasks go on."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._root.close()
            self._desk.close()
            self._face.close()
            self._bench.close()

    # How it is shown

    def _ipython_display_(self) -> None:
        if not display.in_notebook():
            raise NotImplementedError  # IPython shows the text instead
        place = display.show_form(repr(self), self._words_html(), self._face.box)
        self._places.append(place)
        if self.task is not None:
            place.show(self.task)
        self._in_thread(self._open)

    def __repr__(self) -> str:
        lines = outline(self.shape.root)
        return "\n".join(
            [
                f"A form for {one_line(self.function, 80)} {self._where()}.",
                f"Its fields are known from {one_line(self.shape.origin, 200)}:",
                *lines,
                "Without a form, this cell does the same:",
                visible(self.as_cell()),
            ]
        )

    def _where(self) -> str:
        known = f"{self._source_name} ({self._address})" if self._source_name else self._address
        return f"at {one_line(known, 160)} on {one_line(self.session.network.name, 60)}"

    def _words_html(self) -> str:
        """What lasts in the notebook beside the widget, and speaks up when that is gone."""
        who = esc(self._source_name or self.function, 80)
        gone = (
            '<p class="ogpu-formed-gone ogpu-soft">The form itself is alive only while its kernel '
            "runs. Run the cell again to fill it in.</p>"
        )
        body = (
            f'<div class="ogpu-formed"><h3>{esc(self.function, 80)} '
            f'<span class="ogpu-soft">{"" if who == esc(self.function, 80) else who + " "}'
            f'<code class="ogpu-id" title="{esc(self._address)}">{short(self._address)}</code> on '
            f"{esc(self.session.network.name, 60)}</span></h3>"
            f'<p class="ogpu-soft">The fields are known from {esc(self.shape.origin, 200)}.</p>'
            f"{gone}</div>"
        )
        return page(body, f"Form for {esc(self.function, 80)}")

    def _build(self) -> None:
        self._face = Face(self, self._payload)
        bench = self._bench = Bench(control, self._changed, self._face.focus)
        self._root = root(bench, self.shape.root)
        self._root.fill(self.shape.defaults)
        self._desk = Desk(bench, self.session)
        self._face.build(bench, self._root.widget, self._desk.widget)

    @property
    def widget(self) -> ipywidgets.Widget:
        """The form alone, for layouts of one's own."""
        self._in_thread(self._open)
        return self._face.box

    # Changes

    def _changed(self) -> None:
        """Somebody has typed: another order from now on. What it means is told when they rest."""
        with self._lock:
            self._number += 1
            self._asked = None
            self._draw_buttons()
            if self._timer is not None:
                self._timer.cancel()
            context = contextvars.copy_context()
            self._timer = threading.Timer(_QUIET_SECONDS, context.run, args=(self._rested,))
            self._timer.name, self._timer.daemon = "ogpu-form-check", True
            self._timer.start()

    def _rested(self) -> None:
        """Check what stands there, unless it has changed while it was checked."""
        with self._lock:
            order = self._order()
            faults = self._root.faults()
        problems = self._problems(order, faults)
        with self._lock:
            if order.number == self._number and self._face.is_there:
                self._show(problems)

    def _order(self) -> Order:
        with self._lock:
            return Order(self._number, self._root.value or {}, self._desk.terms)

    def _problems(self, order: Order, faults: list[Problem]) -> list[Problem]:
        """What can't be read comes before what its text would mean."""
        unread = {fault.path for fault in faults}
        return [*faults, *(p for p in self.shape.check(order.data) if p.path not in unread)]

    def _require(self, order: Order) -> None:
        """Raise what is wrong with the data, as one error."""
        with self._lock:
            problems = self._problems(order, self._root.faults())
            self._every = True
            self._show(problems)
        if problems:
            raise InputError(
                "The data isn't right: "
                + "; ".join(_named(problem) for problem in problems[:_MOST_NAMED])
                + ".",
                spent=NOTHING_SPENT,
            )

    def _data(self, value: Json) -> dict[str, Any]:
        """What is sent for a value: the same for the same, also where defaults are made anew."""
        known = self._completed  # taken once: another thread completes what is typed meanwhile
        if known is None or known[0] != value:
            known = self._completed = (value, self.shape.complete(value))
        return known[1] if isinstance(known[1], dict) else {}

    # What is on the screen

    def _show(self, problems: list[Problem]) -> None:
        """Each problem at its field, the price, the payload, and a line that counts them."""
        self._root.show(problems, every=self._every)
        shown = [each for each in self._root.all() if each.wrong]
        self._draw(count=len(shown))

    def _draw(self, count: int = 0) -> None:
        error, record = self._priced()
        self._desk.blame(error if self._desk.look is not None else None)
        self._desk.draw(record, self._trouble)
        wrong = count + bool(error)
        self._face.count(f"{plural(wrong, 'field')} to mend." if wrong else "")
        self._face.draw_payload()
        if record is not None:
            self._face.price(record.payment)
        self._draw_buttons()

    def _priced(self) -> tuple[OgpuError | None, TaskRecord | None]:
        try:
            task_input = publishing.as_input(self.function, self._data(self.value), {})
            wish = self._desk.wish(self._address, self.name, self._source_name, task_input)
            return None, self._desk.settle(wish)
        except OgpuError as error:
            return error, None

    def _payload(self) -> bytes:
        return encode_payload(publishing.as_input(self.function, self._data(self.value), {}))

    def _draw_buttons(self) -> None:
        used = self._published is not None and self._published[0] == self._number
        self._face.draw(busy=bool(self._busy), used=used, asks=self._asked is not None)

    # Presses

    def press_check(self) -> None:
        self._press("Checking \u2026", self._do_check)

    def press_publish(self) -> None:
        with self._lock:
            if self._face.publish.disabled:
                return
            self._press("Publishing \u2026", self._do_publish)

    def press_pay(self) -> None:
        with self._lock:
            if self._asked is None:
                return
            order, payment = self._asked
            self._press("Paying \u2026", lambda _: self._do_pay(order, payment))

    def press_leave(self) -> None:
        with self._lock:
            self._asked = None
            self._face.say(f"Not paid. {NOTHING_SPENT}")
            self._draw_buttons()
        self._face.focus("ogpu-f-pay")

    def press_copy(self) -> None:
        with self._lock:
            try:
                self._face.offer_cell(self.as_cell())
            except OgpuError as error:
                self._face.say(str(error), "alert")

    def _press(self, words: str, work: Callable[[Order], None]) -> None:
        """Take a press once, and do its work on a thread, with nothing to press meanwhile."""
        with self._lock:
            if self._busy:
                return
            self._busy = words
            self._every = True
            self._face.find("")
            self._face.say(words)
            order = self._order()
            self._draw_buttons()
        self._in_thread(lambda: self._work(work, order))

    def _work(self, work: Callable[[Order], None], order: Order) -> None:
        try:
            self._check_data(order)
            work(order)
        except _Wrong:
            pass
        except OgpuError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - on this thread nobody else would tell it
            self._face.say(f"{type(error).__name__}: {error}", "alert")
        finally:
            with self._lock:
                self._busy = ""
                if self._face.is_there:
                    self._draw_buttons()

    def _check_data(self, order: Order) -> None:
        """Stop at data that isn't right: each problem at its field, the focus on the first."""
        with self._lock:
            problems = self._problems(order, self._root.faults())
            self._show(problems)
            if not problems:
                return
            self._face.count("")  # the line below says it
            wrong = [each for each in self._root.all() if each.wrong]
            listed = ", ".join(each.name for each in wrong[:_MOST_NAMED])
            listed += " \u2026" if len(wrong) > _MOST_NAMED else ""
            words = f"{plural(len(wrong), 'field')} to mend: {listed}. {NOTHING_SPENT}"
            self._face.say(words, "alert")
        if wrong:
            self._face.focus(wrong[0].key)
        raise _Wrong

    def _fail(self, error: OgpuError) -> None:
        with self._lock:
            at_field = self._desk.blame(error)
            hint = "" if isinstance(error, (AmountError, ExpiryError)) else error.hint
            parts = (error.what, error.spent, hint)
            self._face.say("\n".join(filter(None, parts)), "alert")
        if at_field:
            wrong = next(each for each in self._desk.controls if each.wrong)
            self._face.focus(wrong.key)

    def _do_check(self, order: Order) -> None:
        plan = self._plan(order)
        with self._lock:
            self._face.find(plan._repr_html_())
            known = short(plan.earlier.reference) if plan.earlier else ""
            earlier = f" The same was published before: task {known}." if known else ""
            self._face.say(f"All checks passed; nothing was sent.{earlier}")

    def _do_publish(self, order: Order) -> None:
        if self.session.limits.confirm:
            plan = self._plan(order)
            if plan.earlier is None or order.terms.new:
                self.session.check_spending(plan.payment)
                self._question_about(order, plan.payment)
                return
        self._tell(self._send(order, new=order.terms.new, yes=False, ask=None))

    def _question_about(self, order: Order, payment: int) -> None:
        """The price is fixed by the question: what is agreed to is what is paid."""
        with self._lock:
            if order.number != self._number:
                self._face.say(f"The form was changed meanwhile. {NOTHING_SPENT}")
                return
            self._asked = (order, payment)
            self._face.ask(format_amount(payment))
            self._face.say("")
        self._face.focus("ogpu-f-agree")

    def _do_pay(self, order: Order, payment: int) -> None:
        with self._lock:
            self._asked = None
        self._tell(self._send(order, new=order.terms.new, yes=True, ask=None, payment=payment))

    def _tell(self, task: Task) -> None:
        with self._lock:
            name = f" It is `{self.name}` in this notebook." if self._names is not None else ""
            reference = task.record.reference
            if task.earlier:
                self._face.say(
                    f"The same was published before: task {short(reference)} is shown below. "
                    f"{NOTHING_SPENT}"
                )
            else:
                self._face.say(f"Published for {format_amount(task.payment)}.{name}")
            self._draw_buttons()

    # The market

    def _open(self) -> None:
        """Look at the source once, so that prices and bounds are known before any press."""
        try:
            with unspent():
                self._desk.look_again(self._address)
            self._trouble = ""
        except OgpuError as error:
            self._trouble = error.what
        with self._lock:
            if self._face.is_there:
                self._draw()

    def _plan(self, order: Order) -> Plan:
        return self.session.plan(
            self._address,
            self.function,
            self._data(order.data),
            **order.terms.options,
            name=self.name,
        )

    def _send(
        self, order: Order, *, new: bool, yes: bool, ask: Any, payment: int | None = None
    ) -> Task:
        """Publish this state of the form, if it wasn't yet."""
        with self._sending:
            if self._published is not None and self._published[0] == order.number:
                return self._published[1]
            options = order.terms.options
            if payment is not None:
                options["pay"] = f"{payment}wei"
            try:
                task = self.session.publish(
                    self._address, self.function, self._data(order.data), **options,
                    name=self.name, new=new, yes=yes, ask=ask,
                )  # fmt: skip
            except Interrupted as interrupted:
                if isinstance(interrupted.task, Task):
                    self._keep(order, interrupted.task)
                raise
            self._keep(order, task)
        if self._places:
            self._in_thread(self._open)  # what the vault holds now
        return task

    def _keep(self, order: Order, task: Task) -> None:
        with self._lock:
            self._published = (order.number, task)
            self._desk.once_only()
            if self._names is not None:
                self._names[self.name] = task
        for place in self._places:
            place.show(task)

    def _in_thread(self, work: Callable[[], None]) -> None:
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(work,), name="ogpu-form", daemon=True).start()


class _Wrong(Exception):
    """The data isn't right, and that is told already."""


def _named(problem: Problem) -> str:
    where, message = path_words(problem.path), one_line(problem.message, 200).rstrip(".")
    return f"{where}: {message}" if where else message
