"""Tab on a magic's line: the words that can follow, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from IPython.core.completer import provisionalcompleter
from pydantic import BaseModel

from ogpu_jupyter.magics.commands import OGPU, TASK

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Reply(BaseModel):
    content: str


def tab(shell: InteractiveShell, text: str) -> list[str]:
    """What the frontend shows, as the whole text that each choice would give."""
    with provisionalcompleter():
        found = list(shell.Completer.completions(text, len(text)))
    return [text[: choice.start] + choice.text + text[choice.end :] for choice in found]


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("%ogpu conn", ["%ogpu connect"]),
        ("x = %ogpu sour", ["x = %ogpu sources", "x = %ogpu source"]),
        ("%ogpu connect te", ["%ogpu connect testnet"]),
        ("%ogpu connect local --no", ["%ogpu connect local --node"]),
        ("%ogpu connect local --node em", ["%ogpu connect local --node embedded"]),
        ("%ogpu connect local --node=an", ["%ogpu connect local --node=anvil"]),
        ("%%ogpu_task s f --te", ["%%ogpu_task s f --template"]),
        ("%%ogpu_task s f --template c", ["%%ogpu_task s f --template chat"]),
        ("%ogpu_task --pay 1 s f --dr", ["%ogpu_task --pay 1 s f --dry-run"]),
        ("%%ogpu_task s f --vars my_r", ["%%ogpu_task s f --vars my_rows"]),
        ("%%ogpu_task s f --vars a,my_r", ["%%ogpu_task s f --vars a,my_rows"]),
        ("%%ogpu_task s f --model R", ["%%ogpu_task s f --model Reply"]),
        ("%%ogpu_task s f\na: {{ my_r", ["%%ogpu_task s f\na: {{ my_rows"]),
        ('%%ogpu_task s f\n{"a": "{{my_r', ['%%ogpu_task s f\n{"a": "{{my_rows']),
    ],
)
def test_tab_completes(shell: InteractiveShell, text: str, completed: list[str]) -> None:
    shell.user_ns.update(my_rows=[1], Reply=Reply)

    assert tab(shell, text) == completed


def test_every_subcommand_is_offered(shell: InteractiveShell) -> None:
    assert tab(shell, "%ogpu ") == [f"%ogpu {command.name}" for command in OGPU]


def test_every_option_is_offered_until_it_is_used(shell: InteractiveShell) -> None:
    flags = [option.flag for option in TASK.options]

    assert tab(shell, "%%ogpu_task s f -") == [f"%%ogpu_task s f {flag}" for flag in flags]
    left = [flag for flag in flags if flag != "--wait"]
    begun = "%%ogpu_task s f --wait --extra a=1 "
    assert tab(shell, begun) == [begun + flag for flag in left]


@pytest.mark.parametrize(
    "option", [o for c in (*OGPU, TASK) for o in c.options], ids=lambda o: o.flag
)
def test_every_choice_is_offered(shell: InteractiveShell, option) -> None:
    command = next(c for c in (*OGPU, TASK) if option in c.options)
    begun = f"{command.path} x y {option.flag} "

    if option.choices:
        assert tab(shell, begun) == [begun + choice for choice in option.choices]


def test_elsewhere_ipython_completes_as_ever(shell: InteractiveShell) -> None:
    shell.user_ns["my_rows"] = [1]

    assert "my_rows" in tab(shell, "my_r")
    assert "x = {{ my_rows" in tab(shell, "x = {{ my_r")


def test_modules_and_hidden_names_are_not_offered(shell: InteractiveShell) -> None:
    shell.user_ns.update(sys=sys, _private=1)

    offered = tab(shell, "%%ogpu_task s f --vars ")

    assert not {"sys", "_private", "In", "Out", "exit"} & {text.split()[-1] for text in offered}


def test_unloading_takes_the_completion_away(shell: InteractiveShell) -> None:
    shell.run_line_magic("unload_ext", "ogpu_jupyter")

    assert not [m for m in shell.Completer.custom_matchers if "ogpu" in m.__module__]
    assert "%ogpu connect" not in tab(shell, "%ogpu conn")


def test_tab_imports_nothing_heavy() -> None:
    program = """
import sys
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "ogpu_jupyter")
with provisionalcompleter():
    for text in ("%ogpu show ", "%%ogpu_task ", "%%ogpu_task a "):
        list(shell.Completer.completions(text, len(text)))
print([name for name in ("web3", "eth_account", "pydantic", "requests") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert done.stdout.strip() == "[]", done.stderr
