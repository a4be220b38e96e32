"""Every error that this package raises on purpose.

    OgpuError
    ├── NotConnected              no network is connected in this kernel
    ├── MissingExtra              an optional dependency is not installed
    ├── InputError                what was typed can't be meant
    │   ├── BodyError             a cell's body doesn't parse (line, column)
    │   ├── UnknownName           a variable, source, option or task that isn't there
    │   ├── AddressError          not an address, or no contract of that kind at it
    │   ├── AmountError           not an amount of OGPU, or below what the source takes
    │   └── ExpiryError           not a time, in the past, or further than the source takes
    ├── AccountError              no key, or a key that can't be used
    ├── SourceInactive            the source takes no tasks
    ├── FundsError                the money isn't there, or a cap forbids it
    │   ├── VaultBalanceLow       too little in the vault for the payment
    │   ├── GasBalanceLow         too little in the account for the gas
    │   └── OverBudget            over max_payment, session_budget, or not confirmed
    ├── NetworkError              the node, or what lies between it and us
    │   ├── NodeUnavailable       it doesn't answer
    │   ├── WrongChain            it speaks for another chain
    │   └── RpcError              it answered with an error (code, data)
    ├── TransactionError
    │   ├── Reverted              the contracts refuse it (name, arguments)
    │   ├── NotSent               it never left, nothing was spent
    │   └── Unclear               it left, and its fate isn't known yet
    ├── ContentError              what is stored off the chain
    │   ├── GatewayUnavailable    it can't be reached
    │   ├── PinFailed             it didn't take our upload
    │   ├── ContentMismatch       bytes that aren't what the CID says
    │   ├── ContentTooLarge       over the cap
    │   ├── ContentInvalid        not the JSON that it should be
    │   └── ContentRefused        an address that is never fetched from
    ├── JournalError              the journal can't be read or written
    ├── Interrupted               by the person, before or after something was sent (task)
    └── TaskError                 a task that has no answer (task)
        ├── TaskExpired
        ├── TaskCanceled
        ├── TaskFailed            its transaction was refused, or was never sent
        ├── BatchFailed           some of many have none (failures)
        └── TaskTimeout           it has none yet

A message has up to three parts: what happened with the real values, what was or was not
spent, and what to type next. In IPython it shows as those lines, without a traceback.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTHING_SPENT = "Nothing was spent."


class OgpuError(Exception):
    """The base: `what` happened, what was `spent`, and the `hint` to type next."""

    def __init__(self, what: str, *, spent: str = "", hint: str = "") -> None:
        self.what = _seen(what)
        self.spent = spent
        self.hint = hint
        super().__init__(self.what)

    def __str__(self) -> str:
        return _seen("\n".join(part for part in (self.what, self.spent, self.hint) if part))

    def _render_traceback_(self) -> list[str]:
        """IPython shows these lines instead of a traceback."""
        first, *rest = str(self).splitlines() or [""]
        return [f"{type(self).__name__}: {first}", *rest]


def _seen(text: str) -> str:
    """A node's or a source's words are part of messages: what drives a terminal stays out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if _is_unseen(char) else char for char in text)


def _is_unseen(char: str) -> bool:
    is_blank = char in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # printable, in Unicode's words
    return is_blank or not (char.isprintable() or char in "\n\t\xa0\u3000")


@contextmanager
def unspent() -> Iterator[None]:
    """Around what comes before any spending: an error from below says so."""
    try:
        yield
    except OgpuError as error:
        error.spent = error.spent or NOTHING_SPENT
        raise


class NotConnected(OgpuError):
    """No network is connected in this kernel."""

    def __init__(self, what: str = "No network is connected.") -> None:
        super().__init__(
            what,
            spent=NOTHING_SPENT,
            hint="Type `%ogpu connect local` for a network on this machine, "
            "or `%ogpu connect testnet`.",
        )


class MissingExtra(OgpuError):
    """An optional dependency is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra = extra
        super().__init__(
            f"{purpose} needs the extra `{extra}`, which is not installed.",
            spent=NOTHING_SPENT,
            hint=f'Type `%pip install "ogpu-jupyter[{extra}]"`, then restart the kernel.',
        )


class InputError(OgpuError):
    """What was typed can't be meant."""

    def __init__(self, what: str, *, spent: str = NOTHING_SPENT, hint: str = "") -> None:
        super().__init__(what, spent=spent, hint=hint)


class BodyError(InputError):
    """A cell's body doesn't parse; `line` and `column` count from 1, within the body."""

    def __init__(
        self, what: str, *, line: int | None = None, column: int | None = None, hint: str = ""
    ) -> None:
        self.line = line
        self.column = column
        super().__init__(what, hint=hint)


class UnknownName(InputError):
    """A variable, source, option or task that isn't there."""


class AddressError(InputError):
    """Not an address, or no contract of the expected kind at it."""


class AmountError(InputError):
    """Not an amount of OGPU, or below what the source takes."""


class ExpiryError(InputError):
    """Not a time, in the past, or further away than the source takes."""


class AccountError(OgpuError):
    """No key, or a key that can't be used. The message never holds the key."""

    def __init__(self, what: str, *, spent: str = NOTHING_SPENT, hint: str = "") -> None:
        super().__init__(what, spent=spent, hint=hint)


class SourceInactive(OgpuError):
    """The source takes no tasks."""


class FundsError(OgpuError):
    """The money isn't there, or a cap forbids spending it."""


class VaultBalanceLow(FundsError):
    """Too little in the vault for the payment."""


class GasBalanceLow(FundsError):
    """Too little in the account for the gas, or for the deposit."""


class OverBudget(FundsError):
    """Over `max_payment` or `session_budget`, or a spending that nobody confirmed."""


class NetworkError(OgpuError):
    """The node, or what lies between it and us."""


class NodeUnavailable(NetworkError):
    """The node doesn't answer. What it was asked may be true or not: unknown is unknown."""


class WrongChain(NetworkError):
    """The node speaks for another chain than the network's."""


class RpcError(NetworkError):
    """The node answered with an error; `code` and `data` are as it sent them."""

    def __init__(
        self, what: str, *, code: int = 0, data: object = None, spent: str = "", hint: str = ""
    ) -> None:
        self.code = code
        self.data = data
        self.proves_nothing = False  # of a send: an earlier attempt may have arrived
        super().__init__(what, spent=spent, hint=hint)


class TransactionError(OgpuError):
    """A transaction that didn't do what it was made for."""


class Reverted(TransactionError):
    """The contracts refuse it: `name` is the revert string or custom error."""

    def __init__(
        self,
        what: str,
        *,
        name: str = "",
        args: Mapping[str, object] | None = None,
        spent: str = "",
        hint: str = "",
    ) -> None:
        self.name = name
        self.arguments = dict(args or {})
        super().__init__(what, spent=spent, hint=hint)


class NotSent(TransactionError):
    """It never left this machine; nothing was spent."""


class Unclear(TransactionError):
    """It left, and its fate isn't known yet; `tx_hash` finds it."""

    def __init__(self, what: str, *, tx_hash: str = "", spent: str = "", hint: str = "") -> None:
        self.tx_hash = tx_hash
        super().__init__(what, spent=spent, hint=hint)


class ContentError(OgpuError):
    """What is stored off the chain."""


class GatewayUnavailable(ContentError):
    """The gateway or the pinning service can't be reached."""


class PinFailed(ContentError):
    """The pinning service didn't take our upload."""


class ContentMismatch(ContentError):
    """Bytes that aren't what their CID says."""


class ContentTooLarge(ContentError):
    """Over the cap."""


class ContentInvalid(ContentError):
    """Not the JSON that it should be."""


class ContentRefused(ContentError):
    """An address that is never fetched from."""


class JournalError(OgpuError):
    """The journal can't be read or written."""


class Interrupted(OgpuError):
    """By the person. `task` is the handle of what goes on without us, if something was sent."""

    def __init__(
        self, what: str, *, task: object = None, spent: str = NOTHING_SPENT, hint: str = ""
    ) -> None:
        self.task = task
        super().__init__(what, spent=spent, hint=hint)


class TaskError(OgpuError):
    """A task that has no answer; `task` is its address, or its transaction's hash."""

    def __init__(self, what: str, *, task: str = "", spent: str = "", hint: str = "") -> None:
        self.task = task
        super().__init__(what, spent=spent, hint=hint)


class TaskExpired(TaskError):
    """Its time has passed without an answer."""


class TaskCanceled(TaskError):
    """It was canceled before a provider took it."""


class TaskFailed(TaskError):
    """Its transaction was refused by the chain, or was never sent."""


class BatchFailed(TaskError):
    """Some tasks of a batch have no answer: `failures` has each one's error by its item."""

    def __init__(self, what: str, failures: Mapping[int, OgpuError], *, hint: str = "") -> None:
        self.failures = dict(failures)
        super().__init__(what, hint=hint)


class TaskTimeout(TaskError):
    """It has no answer yet."""
