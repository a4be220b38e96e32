"""Caps on what a kernel may spend. Over a cap is an error, never a smaller payment.

What was set last counts: a `%config` of one cap changes that one, whatever Python said of the
others. A cap that nobody has set is the environment's, else the network's own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from .errors import NOTHING_SPENT, AmountError, OverBudget, UnknownName
from .units import WEI_PER_OGPU, format_amount, parse_amount

if TYPE_CHECKING:
    from typing_extensions import Self

    from .chain.networks import Network
    from .tasks import NetworkId

Ask = Callable[[str], bool]

NO_CAP: Final = "none"
CONFIRM: Final = "confirm_spending"
_VARIABLES: Final = {
    "max_payment": "OGPU_MAX_PAYMENT",
    "session_budget": "OGPU_SESSION_BUDGET",
    CONFIRM: "OGPU_CONFIRM_SPENDING",
}
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


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

    def check(
        self, payment: int, spent: int, *, held: int = 0, number: int = 1, counted: int = 0
    ) -> None:
        """Raise `OverBudget` where `payment`, after `spent` in this session, is too much.

        `held` is what other publishes are about to spend. With a `number`, that many tasks
        pay it each, and all of them must fit the budget. `counted` is in `spent` already.
        """
        if self.max_payment is not None and payment > self.max_payment:
            raise OverBudget(
                f"This task pays {format_amount(payment)}; "
                f"max_payment is {format_amount(self.max_payment)}.",
                spent=NOTHING_SPENT,
                hint=f'Type `%config OgpuMagics.max_payment = "{format_amount(payment)}"` '
                "to allow it, or pay less.",
            )
        total = max(0, payment * number - counted)
        gone = spent + held
        if self.session_budget is not None and total and gone + total > self.session_budget:
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


class Settings:
    """What was set for the whole kernel, by `%config` or the profile, over all sessions."""

    def __init__(self) -> None:
        self.turns = 0  # how often something was set
        self._set: dict[str, tuple[Any, int]] = {}

    def set(self, name: str, value: Any) -> None:
        """An amount, `"none"`, or a bool; None gives the environment its word back."""
        if name not in self._set or self._set[name][0] != value:
            self.turns += value is not None or name in self._set
            self._set[name] = (value, self.turns)

    def suggest(self, name: str, value: Any) -> None:
        """As `set`, where nothing has set it so far."""
        if name not in self._set:
            self.set(name, value)

    def clear(self) -> None:
        self.turns = 0
        self._set.clear()

    def over(self, own: Limits, since: int) -> Limits:
        """`own` with what was set after that turn."""
        found: dict[str, Any] = {}
        for name, variable in _VARIABLES.items():
            value, turn = self._set.get(name, (None, 0))
            word = os.environ.get(variable, "").strip()
            if turn <= since or (value is None and not word):
                continue
            if name == CONFIRM:
                found["confirm"] = _asked(variable, word) if value is None else value
            else:
                found[name] = _from_environment(variable, word) if value is None else wei_of(value)
        return replace(own, **found)


SETTINGS: Final = Settings()  # the kernel's


def wei_of(value: Any) -> int | None:
    """A cap as a person writes it."""
    return None if value == NO_CAP else parse_amount(value)


def _from_environment(variable: str, word: str) -> int | None:
    try:
        return wei_of(word)
    except AmountError as error:
        raise AmountError(f"The environment's {variable}: {error.what}", hint=error.hint) from None


def _asked(variable: str, word: str) -> bool:
    if word.lower() in _YES | _NO:
        return word.lower() in _YES
    raise UnknownName(
        f"The environment's {variable} is {word.lower()[:20]!r}.",
        hint="Set it to 1 or 0, or leave it unset.",
    )


class Purse:
    """What a kernel has spent for one account on one network, and what is about to leave.

    The caps are for both together, and for all sessions that it has with them. A task is
    counted with what it costs, and no more with what the chain has given back.
    """

    def __init__(self, limits: Limits, settings: Settings = SETTINGS) -> None:
        self._own = limits
        self._since = -1  # the turn of the settings at which Python has set them
        self._settings = settings
        self._counted: dict[Hashable, int] = {}
        self.spent = 0
        self.held = 0
        self.lock = threading.Lock()

    @property
    def limits(self) -> Limits:
        return self._settings.over(self._own, self._since)

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._own, self._since = limits, self._settings.turns

    def check(self, payment: int, *, number: int = 1, task: Hashable = None) -> None:
        """As `Limits.check`; what is counted of the `task` already fits the budget."""
        counted = self.counted(task)
        self.limits.check(payment, self.spent, held=self.held, number=number, counted=counted)

    def hold(self, payment: int, *, number: int = 1, task: Hashable = None) -> Hold:
        """So many payments, for as long as a `with` block runs; `OverBudget` at its start."""
        return Hold(self, payment, number, task)

    def counted(self, task: Hashable) -> int:
        """What is counted of a task."""
        return self._counted.get(task, 0)

    def recount(self, task: Hashable, wei: int) -> None:
        """What a task costs as is known now, if it is one of those that are counted."""
        with self.lock:
            if task in self._counted:
                self.count(task, wei)

    def forget(self, task: Hashable) -> None:
        """Nothing was spent for it after all."""
        with self.lock:
            self.spent -= self._counted.pop(task, 0)

    def count(self, task: Hashable, wei: int) -> None:
        """Whoever calls holds the lock; a task of no name is never counted anew."""
        self.spent += wei - self.counted(task)
        if task is not None:
            self._counted[task] = wei


class Hold:
    """Money that no other thread may spend; `spend` says of a part that it has left."""

    def __init__(self, purse: Purse, payment: int, number: int, task: Hashable) -> None:
        self._purse = purse
        self._payment, self._number, self._task = payment, number, task
        self._left = 0

    def __enter__(self) -> Self:
        purse = self._purse
        with purse.lock:
            purse.check(self._payment, number=self._number, task=self._task)
            self._keep(max(0, self._payment * self._number - purse.counted(self._task)))
        return self

    def spend(self, wei: int, task: Hashable = None) -> None:
        """It has left, or may have; for that task, where it has a name."""
        with self._purse.lock:
            before = self._purse.spent
            self._purse.count(task, wei)
            self._keep(-min(max(0, self._purse.spent - before), self._left))

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Nothing more of it will leave."""
        with self._purse.lock:
            self._keep(-self._left)

    def _keep(self, wei: int) -> None:
        self._left += wei
        self._purse.held += wei


class Purses:
    """A kernel's purses: connecting elsewhere and back begins none of them anew."""

    def __init__(self) -> None:
        self._purses: dict[tuple[NetworkId, str], Purse] = {}

    def of(self, network: Network, network_id: NetworkId, account: str) -> Purse:
        key = (network_id, account.lower())
        if key not in self._purses:
            self._purses[key] = Purse(Limits.of(network))
        return self._purses[key]
