"""Amounts, addresses and times as they stand in every view."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from ogpu_jupyter.units import format_amount, format_duration, format_time

from .safe import esc

_DECIMALS = 8


def brief_amount(wei: int) -> str:
    """At most eight decimals, so that columns stay readable; the exact amount goes in a title."""
    if wei % 10 ** (18 - _DECIMALS) == 0 or abs(wei) < 10**12:
        return format_amount(wei)
    with localcontext() as context:
        context.prec = 120
        amount = Decimal(wei).scaleb(-18)
        shown = amount.quantize(Decimal(1).scaleb(-_DECIMALS), rounding=ROUND_HALF_EVEN)
        return f"{shown.normalize():f} OGPU"


def amount_html(wei: int) -> str:
    exact = f"{format_amount(wei)} = {wei} wei"
    return f'<span class="ogpu-n" title="{exact}">{brief_amount(wei)}</span>'


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
