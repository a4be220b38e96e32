"""Money and time as people write them."""

from __future__ import annotations

import contextlib
from datetime import datetime, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.errors import AmountError, ExpiryError
from ogpu_jupyter.units import (
    format_amount,
    format_duration,
    format_time,
    parse_amount,
    parse_duration,
    parse_expiry,
    plain_amount,
    plain_duration,
)

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("text", "wei"),
    [
        ("0.01", 10**16),
        ("1.5", 15 * 10**17),
        ("5gwei", 5 * 10**9),
        ("5 GWEI", 5 * 10**9),
        ("1000wei", 1000),
        ("2 OGPU", 2 * 10**18),
        (".5", 5 * 10**17),
        ("1_000", 10**21),
        (1, 10**18),
        (0.01, 10**16),
        (1e-07, 10**11),
        (Decimal("0.000000000000000001"), 1),
        ("0", 0),
    ],
)
def test_an_amount_is_exact_wei(text, wei):
    """Text, ints, floats and decimals mean OGPU, and lose nothing."""
    assert parse_amount(text) == wei


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1 eth er",
        "-1",
        "1e5",
        "0x10",
        "nan",
        "inf",
        "1,5",
        "5 btc",
        True,
        "1" * 200,
        "٣",
    ],
)
def test_what_is_no_amount_is_refused(text):
    """The error shows what was typed and what to type instead."""
    with pytest.raises(AmountError, match="is not an amount"):
        parse_amount(text)


def test_finer_than_a_wei_is_refused():
    """Nothing is rounded silently."""
    with pytest.raises(AmountError, match="finer than one wei"):
        parse_amount("0.5wei")


def test_more_than_the_chain_can_count_is_refused():
    with pytest.raises(AmountError, match="more than there can ever be"):
        parse_amount("9" * 90)


@given(st.integers(min_value=0, max_value=2**256 - 1))
def test_what_is_shown_can_be_typed(wei):
    """Formatting and parsing are inverse, to the last wei."""
    assert parse_amount(format_amount(wei)) == wei
    assert parse_amount(plain_amount(wei)) == wei


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text):
    """No other error than ours, whatever is typed."""
    with contextlib.suppress(AmountError):
        assert parse_amount(text) >= 0


@pytest.mark.parametrize(
    ("wei", "shown"),
    [
        (0, "0 OGPU"),
        (1, "1 wei"),
        (5 * 10**9, "5 gwei"),
        (10**16, "0.01 OGPU"),
        (1234567890123456789, "1.234567890123456789 OGPU"),
        (-(10**18), "-1 OGPU"),
    ],
)
def test_amounts_show_in_the_unit_that_reads_best(wei, shown):
    assert format_amount(wei) == shown


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400), ("1h30m", 5400)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds
    assert parse_expiry(text, NOW) == NOW + seconds


def test_a_time_with_a_zone_is_taken():
    expected = datetime(2030, 1, 1, 10, 0, tzinfo=timezone.utc).timestamp()

    assert parse_expiry("2030-01-01T10:00:00Z", NOW) == expected
    assert parse_expiry("2030-01-01T12:00:00+02:00", NOW) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("86400", "Taken as a time it is 1970-01-02 00:00 UTC"),
        ("2030-01-01T10:00:00", "has no time zone"),
        ("soon", "is not a time"),
        ("10 parsecs", "is not a time"),
        ("99999999999999999999", "has no unit"),
    ],
)
def test_what_is_no_expiry_is_refused(text, words):
    with pytest.raises(ExpiryError, match=words):
        parse_expiry(text, NOW)


@given(st.text(max_size=60))
def test_any_text_is_an_expiry_or_refused(text):
    with contextlib.suppress(ExpiryError):
        assert isinstance(parse_expiry(text, NOW), int)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (-5, "0 s"), (45, "45 s"), (5400, "1 h 30 min"), (183845, "2 d 3 h")],
)
def test_durations_show_two_units_at_most(seconds, shown):
    assert format_duration(seconds) == shown


def test_times_show_the_same_everywhere():
    assert format_time(0) == "1970-01-01 00:00:00 UTC"


@pytest.mark.parametrize("unix", [2**53, 2**255, 1e300])
def test_a_time_beyond_all_calendars(unix: float) -> None:
    """A chain and a file hold any number; a view that shows it is drawn."""
    assert format_time(unix) == "after year 9999"
    assert format_time(-unix) == "before year 1"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (45, "45s"), (3600, "1h"), (5400, "1h30m"), (86400, "1d"), (90061, "1d1h1m1s")],
)
def test_a_duration_is_told_as_it_can_be_typed(seconds, text):
    assert plain_duration(seconds) == text
    assert parse_duration(text) == seconds
