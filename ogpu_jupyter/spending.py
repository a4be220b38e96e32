"""Caps on what a session may spend. Over a cap is an error, never a smaller payment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import NOTHING_SPENT, OverBudget
from .units import WEI_PER_OGPU, format_amount

if TYPE_CHECKING:
    from typing_extensions import Self

    from .chain.networks import Network

Ask = Callable[[str], bool]


@dataclass(frozen=True)
class Limits:
    """Wei, or None for no cap; `confirm` asks before each payment."""

    max_payment: int | None = None
    session_budget: int | None = None
    confirm: bool = False

    @classmethod
    def of(cls, network: Network) -> Limits:
        """On mainnet the caps are on: the guidance's highest payment, and ten of it."""
        if network.name != "mainnet":
            return cls()
        return cls(max_payment=WEI_PER_OGPU // 10, session_budget=WEI_PER_OGPU, confirm=True)

    def check(self, payment: int, spent: int, *, held: int = 0, number: int = 1) -> None:
        """Raise `OverBudget` where `payment`, after `spent` in this session, is too much.

        `held` is what other publishes are about to spend. With a `number`, that many tasks
        pay it each, and all of them must fit the budget.
        """
        if self.max_payment is not None and payment > self.max_payment:
            raise OverBudget(
                f"This task pays {format_amount(payment)}; "
                f"max_payment is {format_amount(self.max_payment)}.",
                spent=NOTHING_SPENT,
                hint=f'Type `%config OgpuMagics.max_payment = "{format_amount(payment)}"` '
                "to allow it, or pay less.",
            )
        total = payment * number
        gone = spent + held
        if self.session_budget is not None and gone + total > self.session_budget:
            who = "This task pays" if number == 1 else f"These {number:,} tasks pay"
            raise OverBudget(
                f"{who} {format_amount(total)}; this session has spent "
                f"{format_amount(spent)} of its session_budget of "
                f"{format_amount(self.session_budget)}"
                + (f", and {format_amount(held)} is about to leave." if held else "."),
                spent=NOTHING_SPENT,
                hint="Type `%config OgpuMagics.session_budget = "
                f'"{format_amount(gone + total)}"` to allow it.',
            )

    def agree(self, question: str, *, yes: bool, ask: Ask | None) -> None:
        """Have the person agree where `confirm` is on; without anybody to ask, refuse."""
        if not self.confirm or yes:
            return
        if ask is None:
            raise OverBudget(
                f"{question} Spending is to be confirmed, and nobody can be asked here.",
                spent=NOTHING_SPENT,
                hint="Add `--yes` (in Python: yes=True) to spend without asking.",
            )
        if not ask(question):
            raise OverBudget("You did not agree to the payment.", spent=NOTHING_SPENT)


class Purse:
    """What a session has spent, and what is about to leave: the caps are for both together."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.spent = 0
        self.held = 0
        self.lock = threading.Lock()

    def check(self, payment: int, *, number: int = 1) -> None:
        """As `Limits.check`."""
        self.limits.check(payment, self.spent, held=self.held, number=number)

    def hold(self, payment: int, *, number: int = 1) -> Hold:
        """So many payments, for as long as a `with` block runs; `OverBudget` at its start."""
        return Hold(self, payment, number)


class Hold:
    """Money that no other thread may spend; `spend` says of a part that it has left."""

    def __init__(self, purse: Purse, payment: int, number: int) -> None:
        self._purse = purse
        self._payment, self._number = payment, number
        self._left = 0

    def __enter__(self) -> Self:
        with self._purse.lock:
            self._purse.check(self._payment, number=self._number)
            self._keep(self._payment * self._number)
        return self

    def spend(self, wei: int) -> None:
        with self._purse.lock:
            self._purse.spent += wei
            self._keep(-min(wei, self._left))

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Nothing more of it will leave."""
        with self._purse.lock:
            self._keep(-self._left)

    def _keep(self, wei: int) -> None:
        self._left += wei
        self._purse.held += wei
