"""What a node's answer to a broadcast proves. In doubt it proves nothing."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from ogpu_jupyter.chain.rpc import one_line, said
from ogpu_jupyter.errors import NodeUnavailable, RpcError

if TYPE_CHECKING:
    from ogpu_jupyter.chain.rpc import Rpc
    from ogpu_jupyter.chain.transactions.records import Signed


class Fate(Enum):
    """What a node's answer to a broadcast proves."""

    ACCEPTED = "accepted"
    KNOWN = "known"  # it has it already: as good as accepted
    NONCE_TOO_LOW = "nonce too low"  # mined: this one, or another with its nonce
    UNDERPRICED = "underpriced"
    NO_FUNDS = "no funds"
    REFUSED = "refused"
    UNCLEAR = "unclear"  # it may have arrived


_SIGNS = (
    (Fate.UNCLEAR, r"unknown transaction(?! type)"),
    (Fate.REFUSED, r"\brevert"),
    (Fate.KNOWN, r"already ?known|already imported|already exists|\bknown transaction"),
    (Fate.KNOWN, r"already in (the )?(mem|tx|transaction )?pool"),
    (Fate.NONCE_TOO_LOW, r"nonce (is )?too low|nonce_too_low|old ?nonce"),
    (Fate.NONCE_TOO_LOW, r"nonce (has )?(already )?(been )?used|lower than the current nonce"),
    (Fate.NO_FUNDS, r"insufficient ?(funds|balance)|doesn't have enough funds|upfront cost"),
    (Fate.UNDERPRICED, r"underpriced|fee ?too ?low|replacement ?not ?allowed|below minimum"),
    (Fate.UNDERPRICED, r"(fee|price)[^:]*(less than|lower than|too low|below)"),
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


def broadcast(rpc: Rpc, signed: Signed) -> tuple[Fate, str]:
    """Send it in one attempt: its fate, and the node's words where it didn't just take it."""
    try:
        given = rpc.send_raw(signed.raw)
    except RpcError as error:
        words = one_line(said(error)).rstrip(".")
        return classify(error.code, words), words
    except NodeUnavailable as error:
        return Fate.UNCLEAR, one_line(error.what).rstrip(".")
    if given.lower() != signed.hash:
        return Fate.UNCLEAR, "the node answers with another transaction's hash"
    return Fate.ACCEPTED, ""
