"""Amounts, addresses and times as they stand in every view."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.units import format_amount, format_duration, format_time

from .safe import esc

if TYPE_CHECKING:
    from collections.abc import Sequence

_DECIMALS: Final = 8
_UNIT: Final = " OGPU"


def brief_amount(wei: int) -> str:
    """At most eight decimals, so that columns stay readable; the exact amount goes in a title."""
    if wei % 10 ** (18 - _DECIMALS) == 0 or abs(wei) < 10**12:
        return format_amount(wei)
    with localcontext() as context:
        context.prec = 120
        amount = Decimal(wei).scaleb(-18)
        shown = amount.quantize(Decimal(1).scaleb(-_DECIMALS), rounding=ROUND_HALF_EVEN)
        return f"{shown.normalize():f} OGPU"


def exact_amount(wei: int) -> str:
    return f"{format_amount(wei)} = {wei} wei"


def amount_html(wei: int) -> str:
    return amount_column([wei])[0]


def amount_column(amounts: Sequence[int], exact: Sequence[str] = ()) -> list[str]:
    """Amounts below each other, their points in line; `exact` is what is said on hover."""
    told = [brief_amount(wei) for wei in amounts]
    decimals = [_decimals(text) for text in told]
    most = max(decimals, default=0)
    said = exact or [exact_amount(wei) for wei in amounts]
    return [
        f'<span class="ogpu-n" title="{title}">{_padded(text, most - own)}</span>'
        for text, own, title in zip(told, decimals, said, strict=True)
    ]


def _decimals(amount: str) -> int:
    """Digits after the point of an amount in OGPU; other units stand as they are."""
    number, is_ogpu, _ = amount.partition(_UNIT)
    return len(number.partition(".")[2]) if is_ogpu else 0


def _padded(amount: str, missing: int) -> str:
    number, is_ogpu, _ = amount.partition(_UNIT)
    if not is_ogpu or missing <= 0:
        return amount
    zeros = "0" * missing if "." in number else "." + "0" * missing
    return f'{number}<span class="ogpu-pad">{zeros}</span>{_UNIT}'


def short(address: str) -> str:
    """`0x1234…abcd`; what is short already stays as it is."""
    return address if len(address) <= 14 else f"{address[:6]}…{address[-4:]}"


def address_html(address: str) -> str:
    """Looks short; the whole of it is there to be copied, and is selected by one click.

    The middle is in the page in letters of no size, so a copied selection has it, and a
    page without our style shows it.
    """
    if len(address) <= 14:
        return f'<code class="ogpu-id">{esc(address)}</code>'
    head, middle, tail = esc(address[:6]), esc(address[6:-4], 100), esc(address[-4:])
    return (
        f'<code class="ogpu-id" title="{esc(address, 110)}">'
        f'{head}<span class="ogpu-mid">{middle}</span>{tail}</code>'
    )


def moment_html(at: float, text: str) -> str:
    """A time in words, with the exact one on hover."""
    return f'<time title="{format_time(at)}">{esc(text)}</time>'


def since(at: float | None, start: float | None) -> str:
    """`+8 s`: how long after `start`, both on the same clock; empty when one isn't known."""
    if at is None or start is None or at < start:
        return ""
    return f"+{format_duration(at - start)}"


def until(at: float, now: float) -> str:
    """`in 9 min`, on one clock."""
    return f"in {countdown(at - now)}" if at > now else "time is up"


def countdown(seconds: float) -> str:
    """The time left, coarse on purpose: each new text redraws the view under the reader.

    A redraw folds what the reader has opened and loses a selection, so it is by the minute
    first, by ten seconds in the last two minutes, and by the second in the last twenty.
    """
    left = max(0, int(seconds))
    if left >= 3600:
        return format_duration(left // 60 * 60)
    if left >= 120:
        return f"{left // 60} min"
    return format_duration(left if left <= 20 else left // 10 * 10)


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def byte_count(count: int) -> str:
    if count < 1000:
        return plural(count, "byte")
    return f"{count / 1000:.1f} kB" if count < 10**6 else f"{count / 10**6:.1f} MB"
