"""The tree of errors, and how one shows."""

from __future__ import annotations

import inspect
import re

import pytest

from ogpu_jupyter import errors
from ogpu_jupyter.errors import NotConnected, OgpuError


def classes():
    return [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]


def test_every_error_has_its_place_in_the_drawn_tree():
    """The module's docstring names each class, under the parent that it has."""
    drawn = re.findall(r"^ {4}([│├└─ ]*)(\w+)", errors.__doc__, re.MULTILINE)
    parents, tree = {-1: Exception.__name__}, {}
    for branch, name in drawn:
        depth = len(branch) // 4
        tree[name] = parents[depth - 1]
        parents[depth] = name

    assert tree == {c.__name__: c.__bases__[0].__name__ for c in classes()}


def test_a_message_says_what_happened_what_it_cost_and_what_to_type():
    error = OgpuError("The vault is empty.", spent="Nothing was spent.", hint="Type `x`.")

    assert str(error) == "The vault is empty.\nNothing was spent.\nType `x`."
    assert error._render_traceback_() == [
        "OgpuError: The vault is empty.",
        "Nothing was spent.",
        "Type `x`.",
    ]


@pytest.mark.parametrize("cls", classes(), ids=lambda c: c.__name__)
def test_all_are_caught_by_the_base(cls):
    assert issubclass(cls, OgpuError)


def test_not_connected_says_how_to_connect():
    assert str(NotConnected()) == (
        "No network is connected.\n"
        "Nothing was spent.\n"
        "Type `%ogpu connect local` for a network on this machine, or `%ogpu connect testnet`."
    )
