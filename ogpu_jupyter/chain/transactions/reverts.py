"""Why the contracts or the node refuse a transaction, in our words: the one translator.

Every node wraps a revert in its own way; the reason is looked for in all of them. Values
in a message come from the chain (`Facts`); one that isn't known is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain.contracts import Revert, decode_revert, is_known_error
from ogpu_jupyter.chain.rpc import hex_bytes, one_line, said
from ogpu_jupyter.errors import (
    NOTHING_SPENT,
    AmountError,
    ExpiryError,
    GasBalanceLow,
    OgpuError,
    Reverted,
    RpcError,
    SourceInactive,
    VaultBalanceLow,
)
from ogpu_jupyter.units import (
    format_amount,
    format_duration,
    format_time,
    plain_amount,
    plain_duration,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MAX_DEPTH = 6
_REVERT = re.compile(r"revert|VM execution error|VM Exception|invalid opcode", re.IGNORECASE)
_REASON = re.compile(
    r"\brevert(?:ed)?(?: with reason(?: string)?)?(?:: ?| )['\"]?(?P<reason>[^'\"]+)",
    re.IGNORECASE,
)
_NOT_A_REASON = ("0x", "custom error", "without a reason", "with ", "an unrecognized")
_NO_FUNDS = re.compile(r"insufficient ?funds|insufficient balance|gas required exceeds allowance")
_HEX = re.compile(r"0x[0-9a-fA-F]{8,}")
_EXECUTION_REVERTED = 3


@dataclass(frozen=True)
class Facts:
    """What is known of the order that was refused; amounts in wei, times on the chain's clock."""

    account: str = ""
    wallet: int | None = None
    vault: int | None = None
    payment: int | None = None  # what the order takes from the vault
    withdraws: bool = False
    sent: int = 0  # what it sends along
    source: str = ""
    min_payment: int | None = None
    max_expiry: int | None = None
    expires_at: int | None = None
    now: int | None = None


def revert_of(error: RpcError) -> Revert | None:
    """The revert in a node's error, wherever it keeps it; None where it is no revert."""
    words = said(error)
    found = [text for text in _strings(error.data) for text in _HEX.findall(text)]
    found += _HEX.findall(words)
    known = next((text for text in found if is_known_error(text)), None)
    if known:
        return decode_revert(known)
    if error.code != _EXECUTION_REVERTED and not _REVERT.search(words):
        return None
    reason = next((r for r in map(_reason, [words, *_strings(error.data)]) if r), "")
    if reason and not reason.startswith(_NOT_A_REASON):
        return Revert(reason)
    custom = next((t for t in found if hex_bytes(t) and len(t) % 64 == 10), "")
    return decode_revert(custom)


def translate(error: OgpuError, *, doing: str, facts: Facts | None = None) -> OgpuError:
    """The error that a person should see. `doing` is what failed: "publishing the task"."""
    if not isinstance(error, RpcError):
        return error
    facts = facts or Facts()
    revert = revert_of(error)
    if revert is not None:
        return _reverted(revert, doing, facts)
    if _NO_FUNDS.search(said(error).lower()):
        return _wallet_low(doing, facts)
    return RpcError(
        f"{doing[:1].upper()}{doing[1:]} failed. {error.what}",
        code=error.code,
        data=error.data,
        spent=NOTHING_SPENT,
    )


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    """Every string in an error's data, whatever its shape."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)) and depth < _MAX_DEPTH:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner, depth + 1)


def _reason(words: str) -> str:
    match = _REASON.search(words)
    return one_line(match["reason"]) if match else ""


def _reverted(revert: Revert, doing: str, facts: Facts) -> OgpuError:
    special = _SPECIAL.get(revert.name)
    error = special(facts) if special else None
    if error is not None:
        return error
    account = f" ({facts.account})" if facts.account and revert.name in _NOT_YOURS else ""
    meaning = _MEANINGS.get(revert.name, "")
    return Reverted(
        f"The contracts refuse {doing}: {revert}." + (f" {meaning}{account}." if meaning else ""),
        name=revert.name,
        args=revert.args,
        spent=NOTHING_SPENT,
    )


def _vault_low(facts: Facts) -> OgpuError:
    if facts.vault is None or facts.payment is None or facts.vault >= facts.payment:
        return VaultBalanceLow(
            "The vault holds too little.",
            spent=NOTHING_SPENT,
            hint="Type `%ogpu status` to see what it holds, `%ogpu deposit <amount>` to add to it.",
        )
    holds = f"The vault holds {format_amount(facts.vault)}"
    if facts.withdraws:
        hint = f"Type `%ogpu withdraw {plain_amount(facts.vault)}`." if facts.vault else ""
        what = f"{holds}; {format_amount(facts.payment)} can't be withdrawn."
        return VaultBalanceLow(what, spent=NOTHING_SPENT, hint=hint)
    return VaultBalanceLow(
        f"{holds}; this task pays {format_amount(facts.payment)}.",
        spent=NOTHING_SPENT,
        hint=f"Type `%ogpu deposit {plain_amount(facts.payment - facts.vault)}`.",
    )


def _wallet_low(doing: str, facts: Facts) -> OgpuError:
    if facts.wallet is None:
        what = f"The account holds too little for {doing}."
    else:
        sent = f" and {format_amount(facts.sent)}" if facts.sent else ""
        what = (
            f"The account {facts.account} holds {format_amount(facts.wallet)}; "
            f"{doing} takes gas{sent}."
        )
    return GasBalanceLow(
        what,
        spent=NOTHING_SPENT,
        hint="Send OGPU to the account; `%ogpu status` shows its address.",
    )


def _inactive(facts: Facts) -> OgpuError:
    return SourceInactive(
        f"The source {facts.source}".rstrip() + " is inactive: it takes no tasks.",
        spent=NOTHING_SPENT,
        hint="Type `%ogpu sources` to see those that are active.",
    )


def _expired(facts: Facts) -> OgpuError | None:
    if facts.expires_at is None or facts.now is None or facts.expires_at > facts.now:
        return None
    return ExpiryError(
        f"The expiry {format_time(facts.expires_at)} is in the past; "
        f"on the chain's clock it is {format_time(facts.now)}.",
        hint="Type a duration from now: `--expires 10m`.",
    )


def _too_long(facts: Facts) -> OgpuError | None:
    if facts.max_expiry is None or facts.expires_at is None or facts.now is None:
        return None
    away = facts.expires_at - facts.now
    if away <= facts.max_expiry:
        return None
    return ExpiryError(
        f"The expiry is {format_duration(away)} away; the source takes at most "
        f"{format_duration(facts.max_expiry)}.",
        hint=f"Type `--expires {plain_duration(facts.max_expiry)}`, or less.",
    )


def _pays_too_little(facts: Facts) -> OgpuError | None:
    if facts.min_payment is None or facts.payment is None or facts.payment >= facts.min_payment:
        return None
    return AmountError(
        f"The payment of {format_amount(facts.payment)} is below the source's minimum "
        f"of {format_amount(facts.min_payment)}.",
        hint=f"Type `--pay {plain_amount(facts.min_payment)}`, or leave `--pay` away.",
    )


# What a revert means for the order; None where the chain's values say otherwise.
_SPECIAL: dict[str, Callable[[Facts], OgpuError | None]] = {
    "InsufficientBalance": _vault_low,
    "SourceInactive": _inactive,
    "Expired": _expired,
    "ExpiryTooLong": _too_long,
    "InsufficientPayment": _pays_too_little,
}
_NOT_YOURS = {"NotOwner", "OwnableUnauthorizedAccount", "NotEligible"}
_MEANINGS = {
    "NotOwner": "It is not for this account to do",
    "OwnableUnauthorizedAccount": "It is not for this account to do",
    "NotEligible": "This account may not do it",
    "AlreadyConfirmed": "The response is confirmed already",
    "AlreadyFinalized": "The task is taken, answered or closed already",
    "Expired": "Its time has passed",
}
