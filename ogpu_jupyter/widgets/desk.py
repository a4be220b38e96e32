"""Below a form's fields: what the task pays and how long it waits, and what follows from it.

One look at the source gives the terms; from then on each change is priced without a
request, by the same rules as a real publishing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from ogpu_jupyter import publishing
from ogpu_jupyter.errors import AmountError, ExpiryError, FundsError, GasBalanceLow, OgpuError
from ogpu_jupyter.forms.fields import Choice, Flag, Problem, Text
from ogpu_jupyter.render.safe import esc
from ogpu_jupyter.render.words import amount_html
from ogpu_jupyter.tasks import Complexity, DeliveryMethod
from ogpu_jupyter.units import (
    format_amount,
    format_duration,
    format_time,
    parse_amount,
    plain_amount,
)

from .field import control
from .leaves import TextControl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.chain.client import Look
    from ogpu_jupyter.session import Session
    from ogpu_jupyter.tasks import SourceRecord, TaskRecord

    from .bench import Bench, Control

_GUIDANCE: Final = {
    Complexity.SIMPLE: ("simple (up to 5 minutes)", "0.001 to 0.005 OGPU"),
    Complexity.MEDIUM: ("medium (5 to 30 minutes)", "0.005 to 0.02 OGPU"),
    Complexity.COMPLEX: ("complex (over 30 minutes)", "0.02 to 0.1 OGPU"),
}
_DASH: Final = "\N{EN DASH}"
_DELIVERY: Final = {
    DeliveryMethod.FIRST_RESPONSE: "the first answer",
    DeliveryMethod.MANUAL_CONFIRMATION: "you choose the answer",
}


@dataclass(frozen=True)
class Terms:
    """A whole order, as a person left it: what `Session.publish` takes beside the data."""

    pay: str | None
    expires: str | None
    complexity: str
    new: bool

    @property
    def options(self) -> dict[str, Any]:
        return {"pay": self.pay, "expires": self.expires, "complexity": self.complexity}


class Desk:
    """The controls of an order. `look` is None until the source was looked at."""

    def __init__(self, bench: Bench, session: Session) -> None:
        self._session = session
        self.look: Look | None = None
        self.source: SourceRecord | None = None
        self.pay = TextControl(bench, Text(title="Payment", default=""), "", 1)
        self.expires = TextControl(bench, Text(title="Expires", default=""), "", 1)
        levels = tuple((words, level.value) for level, (words, _) in _GUIDANCE.items())
        self.complexity = self._control(
            bench, Choice(title="Complexity", default="simple", options=levels)
        )
        self.new = self._control(
            bench,
            Flag(title="Publish and pay again, even if the same was published before"),
        )
        self._facts = bench.words("ogpu-f-facts")
        row = bench.widget(
            ipywidgets.HBox,
            "ogpu-f-order",
            children=tuple(each.widget for each in (self.pay, self.expires, self.complexity)),
        )
        self.widget = bench.widget(
            ipywidgets.VBox,
            "ogpu-f-desk",
            children=(row, self._facts, self.new.widget),
        )
        self._own = (self.widget, row, self._facts)

    def _control(self, bench: Bench, field: Any) -> Control:
        made = control(bench, field, "", 1)
        made.fill(field.default)
        return made

    @property
    def controls(self) -> Sequence[Control]:
        return (self.pay, self.expires, self.complexity, self.new)

    @property
    def terms(self) -> Terms:
        return Terms(
            pay=str(self.pay.value or "").strip() or None,
            expires=str(self.expires.value or "").strip() or None,
            complexity=str(self.complexity.value),
            new=self.new.value is True,
        )

    def look_again(self, source: object) -> None:
        """Two requests: the source's terms and counts, and what the account and vault hold."""
        self.source = self._session.source(source)
        self.look = self._session.client.look(self.source.address, self._session.account)

    def settle(self, wish: publishing.Wish) -> TaskRecord | None:
        """The task with its price and expiry, by the last look; raises what publishing would."""
        draft = wish.draft(self._session.client, self._session.network_id, self._session.account)
        if self.look is None:
            return None
        record = publishing.settle(wish, draft, self.look)
        self._session.check_spending(record.payment)
        return record

    def blame(self, error: OgpuError | None) -> bool:
        """Say it at the control that it is about; False where it is about none."""
        about = self._about(error)
        for each in self.controls:
            problems = [Problem((), error.what)] if error is not None and each is about else []
            each.show(problems, every=True)
        return about is not None

    def _about(self, error: OgpuError | None) -> Control | None:
        if isinstance(error, ExpiryError):
            return self.expires
        if isinstance(error, AmountError) or (
            isinstance(error, FundsError) and not isinstance(error, GasBalanceLow)
        ):
            return self.pay
        return None

    def draw(self, record: TaskRecord | None, trouble: str) -> None:
        """What is known of the source and of the money; a dash for what isn't known."""
        self._advise()
        facts = [
            f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in self._rows(record)
        ]
        note = f'<p class="ogpu-f-note">{esc(trouble, 500)}</p>' if trouble else ""
        html = f"<dl>{''.join(facts)}</dl>{note}"
        if self._facts.value != html:
            self._facts.value = html

    def _rows(self, record: TaskRecord | None) -> list[tuple[str, str]]:
        look, source = self.look, self.source
        held = look.balances.vault if look else None
        after = held - record.payment if held is not None and record else None
        count = source.provider_count if source else None
        return [
            ("Pays", amount_html(record.payment) if record else _DASH),
            ("Vault now", _DASH if held is None else amount_html(held)),
            ("Vault after", _DASH if after is None else amount_html(after)),
            ("Expires", _expiry(record, look) if record and look else _DASH),
            ("Delivers", _DELIVERY[source.delivery] if source else _DASH),
            ("Providers registered", _DASH if count is None else f"{count:,}"),
        ]

    def _advise(self) -> None:
        """The bounds of the source and the network's guidance, and what an empty box means."""
        level = Complexity(self.terms.complexity)
        least = self.look.source.min_payment if self.look else 0
        longest = self.look.source.max_expiry if self.look else None
        usual = max(least, level.payment)
        self.pay.box.placeholder = plain_amount(usual)
        minimum = f"The source's minimum is {format_amount(least)}. " if self.look else ""
        self.pay.about(f"{minimum}The network's guidance: {_GUIDANCE[level][1]}.")
        wait = level.expiry if longest is None else min(level.expiry, longest)
        self.expires.box.placeholder = format_duration(wait)
        most = f" At most {format_duration(longest)} from now." if longest is not None else ""
        self.expires.about(f"Such as 90s, 10m or 2h, or a time with its zone.{most}")

    def wish(self, address: str, name: str, source_name: str, task_input: Any) -> publishing.Wish:
        terms = self.terms
        return publishing.Wish(
            address,
            source_name,
            task_input,
            None if terms.pay is None else parse_amount(terms.pay),
            terms.expires,
            publishing.as_complexity(terms.complexity),
            name,
        )

    def once_only(self) -> None:
        """The wish to pay again is for one publishing."""
        self.new.fill(False)

    def close(self) -> None:
        for each in self.controls:
            each.close()
        for part in self._own:
            part.close()


def _expiry(record: TaskRecord, look: Look) -> str:
    left = format_duration(record.expires_at - look.head.timestamp)
    return f'<time title="{format_time(record.expires_at)}">in {left}</time>'
