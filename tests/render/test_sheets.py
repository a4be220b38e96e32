"""A saved table is one table in every program, and no cell of it runs."""

from __future__ import annotations

import csv
import io
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.render.records import Records
from ogpu_jupyter.render.sheets import SIGNS, sheet

NASTY = st.text(
    st.sampled_from(
        "=+-@\uff1d\uff0b\uff0d\uff20ax1.eE,;|\t\r\n\x00\x0b\x85\u2028 \xa0\ufeff\u200b\"'\u0301"
    )
)
CELLS = st.one_of(NASTY, st.text(), st.none(), st.integers(), st.booleans(), st.lists(NASTY))


def signs(char: str) -> bool:
    return unicodedata.normalize("NFKC", char)[0] in "=+-@"


def begins(text: str) -> bool:
    """Judged apart from what is tested: by what is left without what is not seen."""
    blank = {"C", "M", "Z"}
    bare = "".join(char for char in text if unicodedata.category(char)[0] not in blank)
    bare = bare.replace("\u2400", "").replace("\u2421", "")
    shown = unicodedata.normalize("NFKC", bare)
    try:
        float(shown)
    except ValueError:
        return shown.startswith(("=", "+", "-", "@"))
    return shown.startswith("+")


@pytest.mark.parametrize("separator", [",", "\t"])
@given(st.data())
def test_no_line_and_no_field_begins_a_formula(separator: str, data: st.DataObject) -> None:
    """Also where a program ends rows at any line end, or splits them at another sign."""
    width = data.draw(st.integers(1, 3))
    row = st.lists(CELLS, min_size=width, max_size=width)
    records = Records([str(n) for n in range(width)], data.draw(st.lists(row, max_size=3)))

    text = sheet(records, separator)

    assert "\r" not in text
    assert "\x00" not in text
    found = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    assert [len(line) for line in found] == [width] * (len(records.rows) + 1)
    for given_row, read in zip(records.rows, found[1:], strict=True):
        for cell, kept in zip(given_row, read, strict=True):
            assert not isinstance(cell, int) or isinstance(cell, bool) or kept == str(cell)
            if isinstance(cell, str):
                pieces = [piece for line in kept.splitlines() for piece in line.split("\t")]
                assert not any(map(begins, pieces))


def test_every_sign_that_means_one_is_known() -> None:
    """What compatibility turns into a sign that begins a formula."""
    meant = {chr(code) for code in range(sys.maxunicode + 1) if signs(chr(code))}

    assert {char for char in meant if not 0xD800 <= ord(char) <= 0xDFFF} == set(SIGNS)


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        ("x\r=cmd|' /C calc'!A0", "\"x\n'=cmd|' /C calc'!A0\""),
        ("\n=1+1", '"\n\'=1+1"'),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\xa0=1", "'\xa0=1"),
        ("\ufeff@x", "'\ufeff@x"),
        ("\x00=1", "'\u2400=1"),
        ("a;=1", '"a;=1"'),
        ("a\t=1", '"a\t\'=1"'),
        ("-1.5e-3", "-1.5e-3"),
        ("- a\n- b", "\"'- a\n'- b\""),
        (-7, "-7"),
        (-0.5, "-0.5"),
        ("plain words", "plain words"),
        (None, '""'),
        (["\u2028=1"], '"[""\\u2028=1""]"'),
    ],
)
def test_a_cell_as_it_is_written(cell: object, kept: str) -> None:
    """Quoted where it could divide, with an apostrophe where it could run."""
    assert sheet(Records(["a"], [[cell]])) == f"a\n{kept}\n"


def test_a_heading_is_a_cell_too() -> None:
    """A provider names the columns."""
    assert sheet(Records(["=a", "b"], [])) == "'=a,b\n"
