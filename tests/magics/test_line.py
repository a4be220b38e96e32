"""A line becomes words: what is meant arrives, what isn't is named with a hint."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.errors import AccountError, InputError, OgpuError, UnknownName
from ogpu_jupyter.magics.commands import COMPLEXITIES, NODES, OGPU, TASK, TEMPLATES
from ogpu_jupyter.magics.line import read_ogpu, read_task, split

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"


def test_every_option_of_a_task_arrives() -> None:
    words = read_task(
        "chat text2text --as answer --pay 5gwei --expires 2h --complexity medium --wait "
        "--timeout 90s --dry-run --new --unchecked --vars a,b --extra n=1 --extra tag=#fff "
        "--python --template hf --model Reply --show table --yes"
    )

    assert words.values == {
        "source": "chat",
        "function": "text2text",
        "as": "answer",
        "pay": "5gwei",
        "expires": "2h",
        "complexity": "medium",
        "wait": True,
        "timeout": 90.0,
        "dry_run": True,
        "new": True,
        "unchecked": True,
        "vars": ("a", "b"),
        "extra": {"n": 1, "tag": "#fff"},
        "python": True,
        "template": "hf",
        "model": "Reply",
        "show": "table",
        "yes": True,
    }


def test_options_may_stand_anywhere() -> None:
    expected = read_task("chat text2text --pay 1 --wait").values

    assert read_task("--pay 1 chat --wait text2text").values == expected
    assert read_task("chat --pay=1 text2text --wait").values == expected
    assert read_task("chat --wait -- text2text --pay 1").values == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=text", "text"),
        ("a=", ""),
        ("a=b=c", "b=c"),
        ("a=null", None),
        ("a=NaN", "NaN"),
        ("a=1e999", "1e999"),
        ("'a={\"b\": [1, true]}'", {"b": [1, True]}),
        ('\'a={"b": 1, "b": 2}\'', '{"b": 1, "b": 2}'),
        ('"a=two words"', "two words"),
    ],
)
def test_an_extra_is_json_where_it_is_json_else_text(text: str, value: object) -> None:
    assert read_task(f"s f --extra {text}")["extra"] == {"a": value}


def test_a_comment_ends_the_line_but_a_tasks_number_is_no_comment() -> None:
    assert split("show #12 --as t # don't forget") == ["show", "#12", "--as", "t"]
    assert split("connect local #comment") == ["connect", "local"]
    assert split("a 'x # y' b#c") == ["a", "x # y", "b#c"]
    assert split("# nothing") == []


@pytest.mark.parametrize("line", ["show 'x", 'show "x', "show x\\"])
def test_a_quotation_without_end_is_said(line: str) -> None:
    with pytest.raises(InputError, match="The line has a"):
        split(line)


@given(st.lists(st.text(max_size=20), max_size=6))
def test_quoted_words_arrive_as_they_are(words: list[str]) -> None:
    quoted = " ".join("'" + word.replace("'", "'\"'\"'") + "'" for word in words)

    assert split(quoted) == words


@given(st.text(max_size=60))
def test_a_line_is_read_or_refused_in_our_words(line: str) -> None:
    """Never SystemExit, never a bare exception."""
    for read in (read_task, read_ogpu):
        with contextlib.suppress(OgpuError):
            read(line)


@pytest.mark.parametrize("command", OGPU, ids=lambda command: command.name)
def test_each_example_of_the_help_is_read(command) -> None:
    for example in command.examples:
        assert read_ogpu(example.removeprefix("%ogpu ")).command is command


def test_each_example_of_a_task_is_read() -> None:
    for example in TASK.examples:
        line = example.splitlines()[0].removeprefix("%%ogpu_task ")

        assert read_task(line).command is TASK


@pytest.mark.parametrize("asked", ["", "-h", "--help", "help", "connect -h", "deposit --help"])
def test_help_is_given_before_anything_is_missed(asked: str) -> None:
    assert read_ogpu(asked).help


def test_the_choices_are_those_of_the_layers_below() -> None:
    from ogpu_jupyter.localnet import options
    from ogpu_jupyter.magics import body
    from ogpu_jupyter.tasks import Complexity

    assert tuple(level.value for level in Complexity) == COMPLEXITIES
    assert body.TEMPLATES == TEMPLATES
    assert options.NODES == NODES


MISTAKES = [
    (
        "conect local",
        (
            "`conect` is not a subcommand of `%ogpu`.\nNothing was spent.\nDid you mean `connect`? "
            "It takes one of: connect, account, status, deposit, withdraw, sources, source, "
            "use, form, tasks, show, "
            "confirm, cancel, reclaim, wait."
        ),
    ),
    (
        "connect local --node embeded",
        (
            "`embeded` is not a value of `--node`.\nNothing was spent.\n"
            "Did you mean `embedded`? It takes one of: auto, anvil, embedded."
        ),
    ),
    (
        "connect",
        (
            "`%ogpu connect` needs a network: local, testnet, mainnet, or a node's URL.\n"
            "Nothing was spent.\nType, for example, `%ogpu connect local`."
        ),
    ),
    (
        "connect local --port 70000",
        "`70000` is not a port.\nNothing was spent.\nType a number up to 65535, or 0.",
    ),
    (
        "deposit 1 2",
        (
            "`2` is one word too many for `%ogpu deposit`.\nNothing was spent.\n"
            "It is written: `%ogpu deposit <amount> [options]`. A value with spaces needs quotes."
        ),
    ),
    (
        "deposit -1",
        (
            "'-1' is not an amount.\nNothing was spent.\n"
            "Type an amount of OGPU such as 0.01, or one with a unit: 5gwei, 1000wei."
        ),
    ),
    (
        "status --quiet",
        (
            "`--quiet` is not an option of `%ogpu status`.\nNothing was spent.\n"
            "`%ogpu status` takes no options."
        ),
    ),
    (
        "wait #1 --timeout",
        (
            "`--timeout` needs a value.\nNothing was spent.\n"
            "Type `--timeout DURATION`: stop waiting after this long; the task lives on."
        ),
    ),
    (
        "wait #1 --timeout 30",
        (
            "'30' is not a duration.\nNothing was spent.\n"
            "Type a duration such as 90s, 10m or 2h, or a time with a zone."
        ),
    ),
    (
        "tasks --open=1",
        "`--open` takes no value.\nNothing was spent.\nType `--open` alone.",
    ),
]


@pytest.mark.parametrize(("line", "text"), MISTAKES)
def test_a_mistake_in_ogpu_is_told_in_full(line: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_ogpu(line)

    assert str(caught.value) == text


TASK_MISTAKES = [
    (
        "",
        (
            "`%%ogpu_task` needs a source: an address, a name given with `%ogpu use`, or a local "
            "service.\nNothing was spent.\n"
            "Type, for example, `%%ogpu_task text2text text2text --template chat --wait`."
        ),
    ),
    (
        "s",
        (
            "`%%ogpu_task` needs a function: the service's function, such as text2text.\n"
            "Nothing was spent.\n"
            "Type, for example, `%%ogpu_task text2text text2text --template chat --wait`."
        ),
    ),
    (
        "s f --dryrun",
        (
            "`--dryrun` is not an option of `%%ogpu_task`.\nNothing was spent.\n"
            "Did you mean `--dry-run`?"
        ),
    ),
    (
        "s f --wai",
        "`--wai` is not an option of `%%ogpu_task`.\nNothing was spent.\nDid you mean `--wait`?",
    ),
    (
        "s f wait",
        (
            "`wait` is one word too many for `%%ogpu_task`.\nNothing was spent.\n"
            "Did you mean `--wait`?"
        ),
    ),
    (
        "s f --pay 1 --pay 2",
        "`--pay` stands twice on the line.\nNothing was spent.\nLeave one of them.",
    ),
    (
        "s f --pay lots",
        (
            "'lots' is not an amount.\nNothing was spent.\n"
            "Type an amount of OGPU such as 0.01, or one with a unit: 5gwei, 1000wei."
        ),
    ),
    (
        "s f --as class",
        (
            "`class` after `--as` is a word of Python itself.\nNothing was spent.\n"
            "A name has letters, digits and underscores, and starts with no digit."
        ),
    ),
    (
        "s f --as my-task",
        (
            "`my-task` after `--as` is not a variable's name.\nNothing was spent.\n"
            "A name has letters, digits and underscores, and starts with no digit."
        ),
    ),
    (
        "s f --complexity hard",
        (
            "`hard` is not a value of `--complexity`.\nNothing was spent.\n"
            "It takes one of: simple, medium, complex."
        ),
    ),
    (
        "s f --extra data=1",
        "`data` can't be an extra: it is part of every task.\nNothing was spent.",
    ),
    (
        "s f --extra a",
        "`a` after `--extra` has no key and value.\nNothing was spent.\nType `--extra key=value`.",
    ),
    (
        "s f --extra a=1 --extra a=2",
        "`--extra a=` stands twice on the line.\nNothing was spent.\nLeave one of them.",
    ),
]


@pytest.mark.parametrize(("line", "text"), TASK_MISTAKES)
def test_a_mistake_in_a_task_is_told_in_full(line: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_task(line)

    assert str(caught.value) == text


@pytest.mark.parametrize(
    "line",
    [
        f"connect testnet {KEY}",
        f"connect testnet 0x{KEY}",
        f"connect testnet --account 0x{KEY}",
        f"connect testnet --account={KEY}",
        f"connect testnet --private-key 0x{KEY}",
        f"connect {KEY}",
        f"connect testnet --account env:{KEY}",
        f"account import {KEY}",
        f"account import main 0x{KEY}",
    ],
)
def test_a_key_on_the_line_is_refused_and_not_repeated(line: str) -> None:
    with pytest.raises(AccountError) as caught:
        read_ogpu(line)

    assert str(caught.value) == (
        "A private key never stands on a magic's line: the notebook and IPython's history keep "
        "what is typed there.\n"
        "Nothing was connected, and nothing was spent.\n"
        "Type `%ogpu account import`, which asks for it unseen, or set CLIENT_PRIVATE_KEY before "
        "the kernel starts. If that was a real key, move its funds to a new account."
    )


@pytest.mark.parametrize(
    "line", [f"deposit 1 {KEY}", f"status {KEY}", f"use {KEY} 0x{KEY}", f"{KEY}", f"tasks --{KEY}"]
)
def test_no_message_repeats_what_may_be_a_key(line: str) -> None:
    with pytest.raises(InputError) as caught:
        read_ogpu(line)

    assert KEY[:20] not in str(caught.value)


def test_a_transaction_is_no_key() -> None:
    assert read_ogpu(f"show 0x{KEY}")["task"] == f"0x{KEY}"


def test_a_url_with_a_token_is_no_key() -> None:
    url = f"https://node.example/{KEY}"

    assert read_ogpu(f"connect {url}")["network"] == url


def test_an_unknown_option_with_nothing_near_lists_those_there_are() -> None:
    with pytest.raises(UnknownName, match=r"It takes: --account, --node, --block-time, --state"):
        read_ogpu("connect local --zzz")
