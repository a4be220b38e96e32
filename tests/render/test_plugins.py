"""Kinds that others add are found, take their place, and can't take the view down."""

from __future__ import annotations

import logging
import re
import sys
import threading
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.render import Shown, answer_html, answer_kind, answer_text, kind, kind_names
from ogpu_jupyter.render import plugins as room
from ogpu_jupyter.render.registry import KINDS, Kind, named
from tests.helpers import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ogpu_jupyter.render.registry import Given

WATER = {"smiles": "O"}


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = list(KINDS)
    monkeypatch.setattr(room, "_added", set())
    yield
    KINDS[:] = before


def molecule(value: Any, _: Given) -> Shown | None:
    if not isinstance(value, dict) or "smiles" not in value:
        return None
    return Shown(f"<b>{value['smiles']}</b>", f"molecule {value['smiles']}")


def test_a_decorator_adds_a_kind() -> None:
    """First of all, where nothing else is said; the function stays what it was."""
    added = kind("molecule", words=("compound",))(molecule)

    assert added is molecule
    assert kind_names()[0] == "molecule"
    assert answer_html(WATER) == "<b>O</b>"
    assert answer_text({"result": WATER}) == "molecule O"
    assert answer_kind({"a": 1}) == "fields"
    assert answer_kind(WATER, show="Compound") == "molecule"
    assert answer_kind(WATER, show="fields") == "fields"


def test_its_place() -> None:
    """Before a kind that is named, or as the last resort."""
    kind("molecule", before="any")(molecule)
    assert kind_names()[-2:] == ["molecule", "JSON"]
    assert answer_kind(WATER) == "fields"

    kind("molecule", before="fields")(molecule)
    assert kind_names()[-3:] == ["molecule", "fields", "JSON"]
    assert answer_kind(WATER) == "molecule"


def test_a_cell_that_is_run_again() -> None:
    """The later one takes the place of the earlier; ours can't be taken."""
    kind("molecule")(lambda *_: Shown("1", "1"))
    kind("molecule")(lambda *_: Shown("2", "2"))

    assert answer_text(3) == "2"
    assert kind_names().count("molecule") == 1
    for name in ("table", "Any"):
        with pytest.raises(ValueError, match=r"is a kind .* already; choose another name"):
            kind(name)(molecule)
    with pytest.raises(ValueError, match=r"There is no kind 'moon'. There are: molecule, error"):
        kind("other", before="moon")(molecule)

    room.unregister("molecule")
    assert named("molecule") is None
    with pytest.raises(ValueError, match="No kind 'table' was added"):
        room.unregister("table")


def test_a_whole_kind_can_be_added() -> None:
    """With functions of its own for the page and the text."""

    def read(value: Any, _: Given) -> Any:
        return value if value == [1, 2] else None

    room.register(
        Kind("pair", read, lambda pair: f"<i>{len(pair)}</i>", lambda pair: f"{len(pair)}")
    )

    assert (answer_html([1, 2]), answer_text([1, 2])) == ("<i>2</i>", "2")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda *_: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda *_: sys.exit(1), "SystemExit: 1"),
        (lambda *_: "<b>x</b>", "AttributeError"),
        (lambda *_: Shown("x" * 6_000_000, "x"), "its HTML has 6,000,000 characters"),
        (lambda *_: Shown(3, "x"), "its HTML and its text have to be strings"),  # type: ignore[arg-type]
        (lambda *_: Shown("x", None), "its HTML and its text have to be strings"),  # type: ignore[arg-type]
    ],
)
def test_a_broken_kind_is_told_once(
    broken: Any, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is shown as if it were not there, with a word about it."""
    kind("broken")(broken)

    for _ in range(3):
        shown = answer_html(WATER)
        assert "smiles" in shown
        assert "The kind &#x27;broken&#x27; could not show this" in shown
    assert says in answer_text(WATER)
    assert len(caplog.records) == 1
    assert says in caplog.text


def test_a_kind_that_hangs_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After its time the view goes on, and it isn't asked again."""
    monkeypatch.setattr(room, "PATIENCE_SECONDS", 0.05)
    go_on, asked = threading.Event(), []

    @kind("stuck")
    def _stuck(*_: Any) -> None:
        asked.append(1)
        go_on.wait(30)

    try:
        assert "no answer after 0.05 s; it isn&#x27;t asked again" in answer_html(WATER)
        assert "stuck" not in answer_html(WATER)
    finally:
        go_on.set()
    assert asked == [1]
    assert len(caplog.records) == 1


def test_none_and_controls() -> None:
    """None passes the answer on; its text can't drive a terminal, nor its HTML break a message."""
    kind("none")(lambda *_: None)
    kind("wild", before="any", words=("feral",))(lambda *_: Shown("<b>\ud800</b>", "\x1b[2Jx"))

    assert answer_kind(WATER) == "fields"
    assert answer_text(WATER, show="wild") == "x"
    assert answer_html(WATER, show="feral").encode() == b"<b>?</b>"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """Packages that add kinds: one by a decorator, one by a value, two that are broken."""
    (tmp_path / "ogpu_test_molecules.py").write_text(
        "from ogpu_jupyter.render import Shown, answer_html, kind\n"
        "answer_html(1)\n"
        "@kind('molecule')\n"
        "def molecule(value, given):\n"
        "    return Shown('<b>m</b>', 'm') if value == 'O' else None\n"
    )
    (tmp_path / "ogpu_test_pairs.py").write_text(
        "from ogpu_jupyter.render.registry import Kind\n"
        "PAIRS = [Kind('pair', lambda v, g: v if v == [1, 2] else None, str, str)]\n"
    )
    (tmp_path / "ogpu_test_broken.py").write_text("raise SystemExit('no')\n")
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint(name, value, room.GROUP)
        for name, value in (
            ("gone", "ogpu_test_gone"), ("broken", "ogpu_test_broken"),
            ("molecule", "ogpu_test_molecules"), ("pair", "ogpu_test_pairs:PAIRS"),
        )
    ]  # fmt: skip
    monkeypatch.setattr(room, "entry_points", lambda group: entries if group == room.GROUP else [])
    monkeypatch.setattr(room, "_is_loaded", False)
    yield entries
    for name in ("ogpu_test_molecules", "ogpu_test_pairs"):
        sys.modules.pop(name, None)


def test_installed_packages_add_theirs(
    installed: list[EntryPoint], caplog: pytest.LogCaptureFixture
) -> None:
    """When the first answer is shown; those that can't be loaded are told once and left out."""
    assert named("molecule") is None

    assert answer_kind("O") == "molecule"
    assert answer_kind([1, 2]) == "pair"
    assert [record.args[0] for record in caplog.records if record.args] == ["gone", "broken"]
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def test_every_kind_is_documented() -> None:
    """In the order in which they are asked; and the example there does what it says."""
    guide = (ROOT / "docs" / "answers.md").read_text(encoding="utf-8")
    example = guide.partition("```python\n")[2].partition("```")[0]

    assert re.findall(r"^\| `([A-Za-z-]+)` \|", guide, re.MULTILINE) == kind_names()
    exec(example, {})
    assert answer_html({"smiles": "<O>"}) == "<b>&lt;O&gt;</b>"
    assert answer_text({"smiles": "O"}) == "molecule O"
