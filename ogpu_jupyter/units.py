"""Money and time as people write them: text to wei and seconds, and back.

Amounts are exact: they go through `Decimal`, never through a float.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from decimal import Decimal, InvalidOperation, localcontext
from typing import Final

from .errors import AmountError, ExpiryError

WEI_PER_OGPU: Final = 10**18
_UNITS: Final = {"": 18, "ogpu": 18, "ether": 18, "gwei": 9, "wei": 0}
_AMOUNT: Final = re.compile(r"(?P<number>[0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)\s*(?P<unit>[A-Za-z]*)")
_MAX_WEI: Final = 2**256 - 1
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PART: Final = re.compile(r"(?<![0-9.])([0-9]+(?:\.[0-9]+)?)([smhd])")
_DURATION: Final = re.compile(rf"(?:{_PART.pattern})+")
Amount = str | int | float | Decimal
_AMOUNT_HINT: Final = "Type an amount of OGPU such as 0.01, or one with a unit: 5gwei, 1000wei."
_TIME_HINT: Final = "Type a duration such as 90s, 10m or 2h, or a time with a zone."


def parse_amount(text: Amount) -> int:
    """The amount in wei. Text may carry a unit; a bare number is OGPU, also in Python.

    >>> parse_amount("0.01")
    10000000000000000
    >>> parse_amount("5gwei")
    5000000000
    """
    shown = str(text).strip()
    if isinstance(text, bool):
        raise AmountError(f"{text!r} is not an amount.", hint=_AMOUNT_HINT)
    if isinstance(text, (float, Decimal)) and "e" in shown.lower():
        shown = format(Decimal(shown), "f")
    match = _AMOUNT.fullmatch(shown[:100])
    if match is None or len(shown) > 100 or match["unit"].lower() not in _UNITS:
        raise AmountError(f"{shown[:60]!r} is not an amount.", hint=_AMOUNT_HINT)
    with localcontext() as context:
        context.prec = 120
        try:
            wei = Decimal(match["number"].replace("_", "")).scaleb(_UNITS[match["unit"].lower()])
        except InvalidOperation:
            raise AmountError(f"{shown!r} is not an amount.", hint=_AMOUNT_HINT) from None
    if wei != wei.to_integral_value():
        raise AmountError(f"{shown!r} is finer than one wei.", hint=_AMOUNT_HINT)
    if wei > _MAX_WEI:
        raise AmountError(f"{shown!r} is more than there can ever be.", hint=_AMOUNT_HINT)
    return int(wei)


def format_amount(wei: int) -> str:
    """Exact, in the unit that reads best: `0.01 OGPU`, `5 gwei`, `1 wei`."""
    size = abs(wei)
    if wei == 0 or size >= 10**12:
        return f"{_decimal(wei, 18)} OGPU"
    if size >= 10**6:
        return f"{_decimal(wei, 9)} gwei"
    return f"{wei} wei"


def plain_amount(wei: int) -> str:
    """The amount as commands take it: `0.01`, and with a unit only where OGPU reads badly."""
    return format_amount(wei).removesuffix(" OGPU").replace(" ", "")


def _decimal(wei: int, digits: int) -> str:
    sign, size = ("-", -wei) if wei < 0 else ("", wei)
    whole, part = divmod(size, 10**digits)
    tail = f"{part:0{digits}d}".rstrip("0")
    return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `10m`, `2h`, `1d`, `1h30m`."""
    shown = text.strip().lower()
    if len(shown) > 40 or not _DURATION.fullmatch(shown):
        raise ExpiryError(f"{text[:60]!r} is not a duration.", hint=_TIME_HINT)
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(shown))


def parse_expiry(text: str, now: int) -> int:
    """The unix time of a duration from `now` (the chain's clock), or of a time with a zone.

    A bare number is refused: as a time it would lie in 1970, as a duration it has no unit.
    """
    shown = text.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", shown):
        raise ExpiryError(_bare_number(shown), hint=_TIME_HINT)
    if _DURATION.fullmatch(shown.lower()):
        return now + round(parse_duration(shown))
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", shown))
    except ValueError:
        raise ExpiryError(f"{text[:60]!r} is not a time.", hint=_TIME_HINT) from None
    if moment.tzinfo is None:
        raise ExpiryError(
            f"{shown!r} has no time zone.", hint=f"Type it with one: {shown}Z, or {shown}+02:00."
        )
    return int(moment.timestamp())


def _bare_number(number: str) -> str:
    if len(number) < 12 and float(number) < 10**9:
        moment = datetime.fromtimestamp(float(number), timezone.utc)
        return (
            f"{number} has no unit. Taken as a time it is {moment:%Y-%m-%d %H:%M} UTC, long past."
        )
    return f"{number} has no unit."


def format_duration(seconds: float) -> str:
    """Two units at most: `1 h 30 min`, `45 s`, `2 d 3 h`."""
    left = max(0, round(seconds))
    parts = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def plain_duration(seconds: int) -> str:
    """The duration as options take it, exact: `1d`, `1h30m`, `45s`."""
    left, parts = max(0, seconds), []
    for unit, size in sorted(_SECONDS.items(), key=lambda each: -each[1]):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_time(unix: float) -> str:
    """`2026-11-22 10:00:00 UTC`: the same in every reader's notebook.

    A time of the chain, or of a file, may be beyond all calendars.
    """
    try:
        moment = datetime.fromtimestamp(unix, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return "after year 9999" if unix > 0 else "before year 1"
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
