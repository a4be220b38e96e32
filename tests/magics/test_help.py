"""The help names everything that can be typed, and is what `?` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ogpu_jupyter.magics import OgpuMagics
from ogpu_jupyter.magics.commands import OGPU, TASK
from ogpu_jupyter.magics.help import help_of, help_of_ogpu, help_of_task

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[str], tuple[str, object]]

COMMANDS = [*OGPU, TASK]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_word_of_a_command_is_explained(command) -> None:
    text = help_of(command)

    assert command.summary.split()[0] in text
    assert command.examples
    for option in command.options:
        assert option.help
        assert f"\n  {option.flag} {option.value}".rstrip() in text
        assert all(choice in text for choice in option.choices)
    for argument in command.arguments:
        assert argument.help
        assert f"\n  {argument.shown}" in text
    for example in command.examples:
        assert example.splitlines()[0] in text


def test_the_design_s_surface_is_there() -> None:
    names = "connect account status deposit withdraw sources source use"
    names += " form tasks show confirm cancel reclaim wait"
    flags = (
        "--as --pay --expires --complexity --wait --timeout --dry-run --new --unchecked --vars "
        "--extra --show --python --template --model --yes"
    )

    assert [command.name for command in OGPU] == names.split()
    assert [option.flag for option in TASK.options] == flags.split()


def test_no_line_of_the_help_is_wider_than_a_screen() -> None:
    texts = [help_of_ogpu(), help_of_task(), *map(help_of, COMMANDS)]

    assert max(len(line) for text in texts for line in text.splitlines()) <= 88


@pytest.mark.parametrize("source", ["%ogpu?", "%ogpu --help", "%ogpu", "%ogpu help"])
def test_the_whole_magic_explains_itself(run: Run, source: str) -> None:
    text, _ = run(source)

    assert all(name in text for name in OgpuMagics.class_trait_names(config=True))
    for command in OGPU:
        assert command.usage in text
        assert all(option.flag in text for option in command.options)


@pytest.mark.parametrize("source", ["%%ogpu_task?", "%ogpu_task?", "%ogpu_task --help"])
def test_the_cell_magic_explains_itself(run: Run, source: str) -> None:
    text, _ = run(source)

    assert help_of_task().strip() in text.replace("Out[1]: \n", "")


def test_a_subcommand_explains_itself(run: Run) -> None:
    text, _ = run("%ogpu wait --help")

    assert text.endswith(
        "%ogpu wait [task …] [options]\n"
        "\n"
        "Block until these tasks are final, or all that are under way, showing progress.\n"
        "\n"
        "Arguments:\n"
        "  [task …]              an address, a transaction, its number as in #12, or a variable\n"
        "\n"
        "Options:\n"
        "  --timeout DURATION    stop waiting after this long; the task lives on\n"
        "  -h, --help            show this help\n"
        "\n"
        "Examples:\n"
        "  %ogpu wait #12 #13 --timeout 10m"
    )
