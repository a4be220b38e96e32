"""The help of the magics, made from their words."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from .commands import HELP, OGPU, TASK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .commands import Command

_WIDTH: Final = 88
_COLUMN: Final = 24
_SETTINGS: Final = (
    ("max_payment", "the most that one task may pay, or none for no cap (OGPU_MAX_PAYMENT)"),
    ("session_budget", "the most that one session may pay, or none (OGPU_SESSION_BUDGET)"),
    ("confirm_spending", "ask before each payment (OGPU_CONFIRM_SPENDING)"),
    (
        "answer_bytes",
        "the bytes that a task's answers may take in a notebook (200000): more is kept in part",
    ),
)
_HOW_TO_SET: Final = (
    'Set them with `%config OgpuMagics.max_payment = "0.1"`, in the IPython profile, or by the '
    "variable of the environment. On mainnet the three of spending are on by default."
)
_ABOUT: Final = (
    "The OpenGPU market from this notebook. `%ogpu <subcommand> --help` tells more of one; "
    "tasks are published with `%%ogpu_task` (see `%%ogpu_task?`)."
)


def help_of(command: Command) -> str:
    """All that can be typed for one command, with examples."""
    parts = [f"{command.usage}\n\n{_wrapped(command.summary)}"]
    if command.arguments:
        rows = [(argument.shown, argument.help) for argument in command.arguments]
        parts.append("Arguments:\n" + _table(rows))
    options = [*command.options, HELP]
    parts.append("Options:\n" + _table((f"{o.flag} {o.value}".strip(), _about(o)) for o in options))
    if command.notes:
        parts.append(_wrapped(command.notes))
    if command.examples:
        parts.append("Examples:\n" + "\n\n".join(map(_indented, command.examples)))
    return "\n\n".join(parts) + "\n"


def help_of_ogpu() -> str:
    """Every subcommand of `%ogpu`, each with its options and an example."""
    rows = [(command.usage, command.summary) for command in OGPU]
    first = [
        "%ogpu <subcommand> [options]",
        _wrapped(_ABOUT),
        "Subcommands:\n" + _table(rows, column=40),
    ]
    options = [
        f"Options of {command.path}:\n"
        + _table((f"{o.flag} {o.value}".strip(), _about(o)) for o in command.options)
        for command in OGPU
        if command.options
    ]
    settings = "Settings of OgpuMagics:\n" + _table(_SETTINGS) + "\n\n" + _wrapped(_HOW_TO_SET)
    examples = [_indented(example) for command in OGPU for example in command.examples[:1]]
    parts = [*first, *options, settings, "Examples:\n" + "\n".join(examples)]
    return "\n\n".join(parts) + "\n"


def help_of_task() -> str:
    return help_of(TASK)


def _about(option: object) -> str:
    choices: tuple[str, ...] = getattr(option, "choices", ())
    about: str = getattr(option, "help", "")
    return f"{about}: {', '.join(choices)}" if choices else about


def _table(rows: Iterable[tuple[str, str]], *, column: int = _COLUMN) -> str:
    return "\n".join(_row(name, about, column) for name, about in rows)


def _row(name: str, about: str, column: int) -> str:
    head = f"  {name}"
    lines = textwrap.wrap(about, _WIDTH - column, break_on_hyphens=False)
    if len(head) + 2 > column:
        lines = ["", *lines]
    rows = [head.ljust(column) + lines[0], *(" " * column + line for line in lines[1:])]
    return "\n".join(row.rstrip() for row in rows)


def _wrapped(text: str) -> str:
    return "\n".join(textwrap.wrap(text, _WIDTH))


def _indented(text: str) -> str:
    return textwrap.indent(text, "  ")
