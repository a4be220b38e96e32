"""What a node's answer to a broadcast proves. In doubt it proves nothing."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from ogpu_jupyter.chain.rpc import one_line, said
from ogpu_jupyter.errors import NetworkError, RpcError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ogpu_jupyter.chain.rpc import Rpc
    from ogpu_jupyter.chain.transactions.records import Signed


class Fate(Enum):
    """What a node's answer to a broadcast proves."""

    ACCEPTED = "accepted"
    KNOWN = "known"  # it has it already: as good as accepted
    NONCE_TOO_LOW = "nonce too low"  # mined: this one, or another with its nonce
    UNDERPRICED = "underpriced"
    OCCUPIED = "occupied"  # another transaction waits at its nonce, and pays as much
    NOT_NOW = "not now"  # its pool is full, or it wants the nonces in order
    NO_FUNDS = "no funds"
    REFUSED = "refused"
    UNCLEAR = "unclear"  # it may have arrived

    @property
    def is_taken(self) -> bool:
        return self in {Fate.ACCEPTED, Fate.KNOWN}

    @property
    def is_open(self) -> bool:
        """Only the chain can tell."""
        return self in {Fate.UNCLEAR, Fate.NONCE_TOO_LOW}

    def after(self, *, unclear: bool) -> Fate:
        """What it proves of bytes that may have arrived before: that they did, or nothing."""
        return self if self.is_taken or self.is_open or not unclear else Fate.UNCLEAR


_SIGNS = (
    (Fate.UNCLEAR, r"unknown transaction(?! type)"),
    (Fate.REFUSED, r"\brevert"),
    (Fate.KNOWN, r"already ?known|already imported|already exists|\bknown transaction"),
    (Fate.KNOWN, r"already in (the )?(mem|tx|transaction )?pool"),
    (Fate.NONCE_TOO_LOW, r"nonce (is )?too low|nonce_too_low|old ?nonce"),
    (Fate.NONCE_TOO_LOW, r"nonce (has )?(already )?(been )?used|lower than the current nonce"),
    (Fate.NO_FUNDS, r"insufficient ?(funds|balance)|doesn't have enough funds|upfront cost"),
    (Fate.NOT_NOW, r"pool is full|pool (limit|capacity)|too many (pending|queued)"),
    (Fate.NOT_NOW, r"nonce (is )?too (high|far)|nonce_too_high|nonce ?gap|future nonce"),
    (Fate.OCCUPIED, r"replacement|replace existing"),
    (Fate.UNDERPRICED, r"underpriced|fee ?too ?low|below minimum"),
    (Fate.UNDERPRICED, r"(fee|price)[^:]{0,100}(less than|lower than|too low|below)"),
    (Fate.UNCLEAR, r"time(d|-)? ?out|deadline|unavailable|try again|rate.?limit|busy|internal"),
)
_PATTERNS = tuple((fate, re.compile(sign, re.IGNORECASE)) for fate, sign in _SIGNS)
# Codes that say that the transaction itself was looked at, and was not taken.
_PROOF = frozenset({3, -32000, -32003, -32010, -32015, -32600, -32601, -32602, -32700})


def classify(code: int, words: str) -> Fate:
    """The fate that an error to a broadcast proves, by its words, else by its code."""
    for fate, pattern in _PATTERNS:
        if pattern.search(words):
            return fate
    return Fate.REFUSED if code in _PROOF else Fate.UNCLEAR


def broadcast(rpc: Rpc, signed: Signed, *, deadline: float | None = None) -> tuple[Fate, str]:
    """Send it in one attempt: its fate, and the node's words where it didn't just take it."""
    try:
        return _fate(rpc.send_raw(signed.raw, deadline=deadline), signed)
    except NetworkError as error:
        return _fate(error, signed)


def broadcast_many(
    rpc: Rpc, transactions: Sequence[Signed], *, deadline: float | None = None
) -> list[tuple[Fate, str]]:
    """`broadcast` for many, in their order, in one request where the node takes batches."""
    if len(transactions) < 2:
        return [broadcast(rpc, signed, deadline=deadline) for signed in transactions]
    answers = rpc.send_raws([signed.raw for signed in transactions], deadline=deadline)
    return [_fate(answer, signed) for answer, signed in zip(answers, transactions, strict=True)]


def _fate(answer: str | NetworkError, signed: Signed) -> tuple[Fate, str]:
    if isinstance(answer, str):
        return _taken(answer, signed)
    if isinstance(answer, RpcError):
        words = one_line(said(answer)).rstrip(".")
        return classify(answer.code, words).after(unclear=answer.proves_nothing), words
    return Fate.UNCLEAR, one_line(answer.what).rstrip(".")


def _taken(given: str, signed: Signed) -> tuple[Fate, str]:
    if given.lower() != signed.hash:
        return Fate.UNCLEAR, "the node answers with another transaction's hash"
    return Fate.ACCEPTED, ""
