"""A stranger's pattern: as Python finds it where both can, and never slow."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.forms.patterns import LONGEST, search

letters = st.sampled_from("ab1-_ \n")
atoms = st.sampled_from(
    ["a", "b", "-", ".", "[ab]", "[^a]", "[a-b1]", r"\d", r"\W", r"\s", r"\b", "^", r"\-", r"[\d-]"]
)
quantities = st.sampled_from(["", "*", "+", "?", "{2}", "{1,}", "{0,2}", "+?", "{1,3}?"])


@st.composite
def _quantified(draw, inner):
    parts = draw(st.lists(st.tuples(inner, quantities), min_size=1, max_size=3))
    return "".join(part if part in {"^", r"\b"} else part + quantity for part, quantity in parts)


def _grouped(inner):
    sequence = _quantified(inner)
    return st.lists(sequence, min_size=1, max_size=2).map(lambda each: f"(?:{'|'.join(each)})")


patterns = _quantified(st.recursive(atoms, _grouped, max_leaves=5))


@given(patterns, st.text(letters, max_size=8))
def test_it_finds_what_python_finds(pattern, text) -> None:
    assert search(pattern, text) == bool(re.search(pattern, text))


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^[a-z]+$", "abc", True),
        ("^[a-z]+$", "abc\n", False),  # the very end, as ECMAScript and pydantic have it
        (r"^\p{L}$", "a", None),
        ("(?=a)a", "a", None),
        (r"(a)\1", "aa", None),
        ("(?i)a", "A", None),
        (r"^(?P<year>\d{4})-(?<month>\d\d)$", "2026-11", True),
        (r"^A\x2d$", "A-", True),
        (r"\u{1F600}", "😀", True),
        ("", "", True),
        ("a|", "b", True),
        (r"^[\w.+-]+@\w+\.\w{2,}$", "someone@example.org", True),
        (r"^[\w.+-]+@\w+\.\w{2,}$", "someone@example", False),
        ("a{,2}", "a{,2}", True),
        ("^é$", "é", True),
        (r"^\w+$", "été", True),
    ],
)
def test_examples(pattern, text, found) -> None:
    assert search(pattern, text) is found


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "[", "a**", "a{3,2}", "*a", "[b-a]", "a++", "\\", "[]a]", "[[a]]", "(?", "a{99999}"],
)
def test_what_is_no_pattern_is_not_known(pattern) -> None:
    assert search(pattern, "a") is None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 2000 + "!"),
        ("^(a|a)*$", "a" * 2000 + "!"),
        ("(.*)*b" * 5, "a" * 2000),
        ("(" * 25 + "a" + ")?" * 25, "b" * 2000),
        ("((a{9}){9}){9}", "a" * 2000),
        ("a?" * 150 + "a" * 150, "a" * 150),
        ("a" * (LONGEST + 1), "a"),
        ("(" * 400, "a"),
        ("[" + "a-z" * 150 + "]*$", "a" * 2000),
    ],
)
def test_no_pattern_takes_long(pattern, text) -> None:
    """Python's own takes years for the first of them."""
    start = time.process_time()

    search(pattern, text)

    assert time.process_time() - start < 5
