"""The words of the magics: every subcommand, argument and option, each in one place.

The parser, the help, the completion and the spelling hints are all made from these values,
so that none of them can drift from the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.forms.templates import TEMPLATES as FORM_TEMPLATES
from ogpu_jupyter.units import parse_duration

from .words import (
    account,
    amount,
    answer_kind,
    count_of,
    duration,
    identifier,
    identifiers,
    key_value,
    one_of,
    order_of,
    port,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

COMPLEXITIES: Final = ("simple", "medium", "complex")
TEMPLATES: Final = ("chat", "hf", "text2image")
NODES: Final = ("auto", "anvil", "embedded")
NETWORKS: Final = ("local", "testnet", "mainnet")
ACCOUNT_ACTIONS: Final = ("new", "import", "list")
STRATEGIES: Final = ("first", "cheapest", "score", "agree")
TASK_ORDERS: Final = (
    "created", "payment", "fee", "status", "finished", "source", "function", "name", "network",
    "notebook",
)  # fmt: skip
STATUSES: Final = (
    "open", "intended", "uploaded", "signed", "sent", "published", "attempted", "late",
    "responded", "paid", "canceled", "expired", "failed", "not-sent",
)  # fmt: skip


@dataclass(frozen=True)
class Option:
    """`--flag VALUE`, or a switch where there is no `value`. `offers` is what Tab lists."""

    flag: str
    help: str
    value: str = ""
    read: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    offers: str = ""
    repeats: bool = False

    @property
    def name(self) -> str:
        return self.flag.lstrip("-").replace("-", "_")

    def convert(self, text: str) -> Any:
        return one_of(self.flag, self.choices)(text) if self.choices else self.read(text)


@dataclass(frozen=True)
class Argument:
    name: str
    help: str
    read: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    offers: str = ""
    required: bool = True
    many: bool = False

    @property
    def shown(self) -> str:
        more = " …" if self.many else ""
        return f"<{self.name}>{more}" if self.required else f"[{self.name}{more}]"


@dataclass(frozen=True)
class Command:
    """One way to call a magic: `path` is what stands before its arguments."""

    path: str
    summary: str
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    notes: str = ""
    examples: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.path.split()[-1]

    @property
    def usage(self) -> str:
        words = [self.path, *(argument.shown for argument in self.arguments)]
        return " ".join([*words, "[options]"] if self.options else words)

    def option(self, flag: str) -> Option | None:
        return next((option for option in self.options if option.flag == flag), None)


HELP: Final = Option("-h, --help", "show this help")
TIMEOUT: Final = Option(
    "--timeout", "stop waiting after this long; the task lives on", "DURATION", parse_duration
)
SHOW: Final = Option(
    "--show",
    "show the answer as this kind, such as table, curve, text or JSON (what it looks like)",
    "KIND",
    answer_kind,
    offers="kinds",
)
_TASK: Final = Argument(
    "task", "an address, a transaction, its number as in #12, or a variable", offers="tasks"
)
_SOURCE: Final = Argument(
    "source", "an address, a name given with `%ogpu use`, or a local service", offers="sources"
)
_AS_TASK: Final = Option(
    "--as",
    "the variable that receives the task (task)",
    "NAME",
    identifier("--as"),
    offers="variables",
)
_FUNCTION: Final = Argument(
    "function", "the service's function, such as text2text", offers="functions"
)
_AMOUNT: Final = Argument("amount", "OGPU, or with a unit: 0.01, 5gwei, 1000wei", read=amount)

OGPU: Final = (
    Command(
        "%ogpu connect",
        "Connect this kernel to a network; `local` starts one where none runs.",
        (Argument("network", "local, testnet, mainnet, or a node's URL", offers="networks"),),
        (
            Option(
                "--account",
                "env:NAME, keystore:NAME or keystore:PATH, keyring:NAME, colab:NAME, or the "
                "variable of an account; without it env:CLIENT_PRIVATE_KEY, and on the local "
                "network its first account",
                "NAME",
                account,
                offers="accounts",
            ),
            Option("--node", "local: what runs the chain", "NODE", choices=NODES),
            Option(
                "--block-time",
                "local: time between blocks, such as 1 or 0.5; without it a block for each "
                "transaction",
                "SECONDS",
                seconds,
            ),
            Option("--state", "local: keep chain and content in this folder", "DIR"),
            Option("--port", "local: the node's port, 0 for a free one", "N", port),
        ),
        "A private key never stands on this line: the notebook would keep it.",
        (
            "%ogpu connect local",
            "%ogpu connect local --node embedded --state ./market",
            "%ogpu connect testnet",
            "%ogpu connect testnet --account keystore:default",
        ),
    ),
    Command(
        "%ogpu account",
        "Make a key, take one in, or list those that are kept, each in a file with a password.",
        (
            Argument(
                "action",
                "new makes a key, import asks for one, list shows names and addresses",
                read=one_of("%ogpu account", ACCOUNT_ACTIONS, kind="action"),
                choices=ACCOUNT_ACTIONS,
            ),
            Argument("name", "what to call it; `default` without", required=False),
        ),
        notes="The key and the password are asked for in a field that shows nothing. They are in "
        "no cell, no output and no history. A keystore is never written over.",
        examples=("%ogpu account new", "%ogpu account import work", "%ogpu account list"),
    ),
    Command(
        "%ogpu status",
        "Network, block, account, balances, what was spent, and the live tasks.",
        examples=("%ogpu status",),
    ),
    Command(
        "%ogpu deposit",
        "Move OGPU from the account into the vault, which pays for tasks.",
        (_AMOUNT,),
        (
            Option(
                "--if-below",
                "only where the vault holds less than this: a cell that can be run again",
                "AMOUNT",
                amount,
            ),
        ),
        examples=("%ogpu deposit 1.5", "%ogpu deposit 1 --if-below 0.5"),
    ),
    Command(
        "%ogpu withdraw",
        "Move OGPU from the vault back into the account.",
        (_AMOUNT,),
        examples=("%ogpu withdraw 1",),
    ),
    Command(
        "%ogpu sources",
        "List the sources of this network.",
        examples=("%ogpu sources",),
    ),
    Command(
        "%ogpu source",
        "Show one source: what it costs, how long it works, how it delivers.",
        (_SOURCE,),
        examples=("%ogpu source text2text",),
    ),
    Command(
        "%ogpu use",
        "Give a source a name, here and in every later notebook.",
        (Argument("source", _SOURCE.help, offers="sources"),),
        (Option("--as", "the name", "NAME"),),
        examples=("%ogpu use 0x2b0cC6058313801D5feb184a539e3a0C5A87a6a1 --as chat",),
    ),
    Command(
        "%ogpu form",
        "A form for a task's data: fill it in, check it, publish it, or copy it as a cell.",
        (_SOURCE, _FUNCTION),
        (
            _AS_TASK,
            Option(
                "--model",
                "the pydantic class of the data, instead of what the source says",
                "NAME",
                identifier("--model"),
                offers="models",
            ),
            Option(
                "--template",
                "the fields of a kind of service, instead of what the source says",
                "NAME",
                choices=tuple(FORM_TEMPLATES),
            ),
        ),
        notes="The fields are known from the model or the template given; else from the local "
        "service, the source's metadata, the function's name, or the tasks that the source was "
        "given before. In a terminal the fields are listed, with the cell to type.",
        examples=(
            "%ogpu form text2text text2text",
            "%ogpu form chat text2text --template chat --as answer",
        ),
    ),
    Command(
        "%ogpu tasks",
        "The history: a live table of the tasks of all notebooks, newest first.",
        options=(
            Option("--open", "only those that are not final"),
            Option(
                "--network",
                "all, or a network's name (the network that is connected, else all)",
                "NAME",
                offers="places",
            ),
            Option(
                "--source",
                "only those of this source: its name or address",
                "SOURCE",
                offers="sources",
            ),
            Option(
                "--status",
                "published, attempted, late, responded, paid, canceled, expired, failed, not-sent, "
                "…; "
                "several with commas",
                "A,B",
                offers="statuses",
            ),
            Option("--text", "words that stand in a task: in its names, addresses, data", "WORDS"),
            Option(
                "--since", "only those of this last time, such as 2h or 7d", "DURATION", duration
            ),
            Option(
                "--sort",
                f"by one of {', '.join(TASK_ORDERS)}; with :asc or :desc",
                "BY",
                order_of("--sort", TASK_ORDERS),
                offers="orders",
            ),
            Option("--limit", "at most this many", "N", count_of("--limit")),
            Option(
                "--as",
                "the variable that receives the history: iterate over it, or take its .to_frame()",
                "NAME",
                identifier("--as"),
                offers="variables",
            ),
        ),
        notes="It needs no network. In a notebook rows can be searched, sorted, opened, confirmed, "
        "canceled, and exported to a DataFrame.",
        examples=(
            "%ogpu tasks",
            "%ogpu tasks --open",
            "%ogpu tasks --network all --status responded,paid --sort payment --limit 100",
        ),
    ),
    Command(
        "%ogpu show",
        "A live view of one task, or of all tasks of this notebook.",
        (
            Argument(
                "task",
                f"{_TASK.help}; with --all a notebook's file, where it isn't this one",
                offers="tasks",
                required=False,
            ),
        ),
        (
            Option("--all", "every task in the saved file of this notebook, from the journal"),
            Option(
                "--as",
                "the variable that receives the task",
                "NAME",
                identifier("--as"),
                offers="variables",
            ),
            SHOW,
        ),
        notes="With --all no network is needed: where this kernel isn't connected, it is the "
        "journal's last word. A task that the journal doesn't have is read from the chain.",
        examples=(
            "%ogpu show #12",
            "%ogpu show #12 --as task",
            "%ogpu show #12 --show table",
            "%ogpu show --all",
        ),
    ),
    Command(
        "%ogpu confirm",
        "Accept a response: its provider is paid and the task is final.",
        (
            Argument("task", f"{_TASK.help}; or a response's address", offers="tasks"),
            Argument("response", "which one, where there are several", required=False),
        ),
        (
            Option(
                "--strategy",
                "have it chosen: the soonest, the lowest bid, the best by a function, or one of "
                "several that are equal",
                "NAME",
                choices=STRATEGIES,
            ),
            Option(
                "--score",
                "a function of this notebook: from the decoded answer to a number",
                "FUNCTION",
                identifier("--score"),
                offers="callables",
            ),
            Option(
                "--accept",
                "a function of this notebook: whether a decoded answer may be chosen",
                "FUNCTION",
                identifier("--accept"),
                offers="callables",
            ),
            Option("--agree", "how many answers must be equal (2)", "K", count_of("--agree")),
            Option(
                "--within",
                "with --auto: decide after this long among what is there",
                "DURATION",
                parse_duration,
            ),
            Option("--auto", "choose as answers come, for as long as this kernel lives"),
        ),
        "Without --auto it chooses among the answers that are here. With it, cheapest and score "
        "wait until every provider that took the task has answered and no other takes it, at "
        "most until shortly before the expiry, or for --within. Unequal only in case, spaces or "
        "a last point, answers agree. A function that fails makes its answer unacceptable, and "
        "so is a service's error where --accept doesn't say otherwise.",
        examples=(
            "%ogpu confirm #12",
            "%ogpu confirm task",
            "%ogpu confirm task --strategy cheapest --accept is_long --auto --within 2m",
            "%ogpu confirm task --strategy score --score quality",
        ),
    ),
    Command(
        "%ogpu cancel",
        "Cancel a task that no provider has taken; its payment comes back.",
        (_TASK,),
        examples=("%ogpu cancel #12",),
    ),
    Command(
        "%ogpu reclaim",
        "Cancel all late tasks: what is held for them comes back, where the chain lets it.",
        options=(Option("--yes", "cancel without asking, where asking is on"),),
        notes="A task is late when its time is over and its payment is still held. One that a "
        "provider had can't be canceled: it is listed with what will free it. Run again, it "
        "sends nothing twice.",
        examples=("%ogpu reclaim",),
    ),
    Command(
        "%ogpu wait",
        "Block until these tasks are final, or all that are under way, showing progress.",
        (Argument("task", _TASK.help, offers="tasks", required=False, many=True),),
        (TIMEOUT,),
        examples=("%ogpu wait #12 #13 --timeout 10m",),
    ),
)

TASK: Final = Command(
    "%%ogpu_task",
    "Publish the cell's body as a task, and show it live below the cell.",
    (
        _SOURCE,
        _FUNCTION,
    ),
    (
        _AS_TASK,
        Option(
            "--pay",
            "OGPU, or with a unit: 0.01, 5gwei, 1000wei (the source's minimum, or the "
            "complexity's)",
            "AMOUNT",
            amount,
        ),
        Option(
            "--expires",
            "90s, 10m, 2h, or a time with a zone (the complexity's, within the source's maximum)",
            "WHEN",
        ),
        Option(
            "--complexity",
            "the network's guidance for payment and expiry (simple)",
            "LEVEL",
            choices=COMPLEXITIES,
        ),
        Option("--wait", "block until the task is final, showing progress"),
        TIMEOUT,
        Option(
            "--dry-run",
            "show the exact payload, price, gas and balance after; nothing leaves the machine",
        ),
        Option("--new", "publish even though the same task was published before"),
        Option("--unchecked", "publish what the source says that it doesn't take"),
        Option(
            "--vars",
            "the variables that {{ name }} may stand for; those that the body doesn't "
            "mention become fields of the data",
            "A,B",
            identifiers("--vars"),
            offers="variables",
        ),
        Option(
            "--extra",
            "a field beside function_name and data; JSON where it is JSON, else text; "
            "may be given several times",
            "KEY=VALUE",
            key_value,
            repeats=True,
        ),
        SHOW,
        Option("--python", "the body is one Python expression, computed in this notebook"),
        Option(
            "--template",
            "the body is text: a chat's question, a Hugging Face input, or an image's prompt",
            "NAME",
            choices=TEMPLATES,
        ),
        Option(
            "--model",
            "the pydantic class whose instance task.result() returns",
            "NAME",
            identifier("--model"),
            offers="models",
        ),
        Option("--yes", "spend without asking, where asking is on"),
    ),
    "The body is a JSON object, or YAML whose words mean what they look like: `no`, `on` and "
    "2024-01-01 are text, and ` #` starts a comment. With --template it is text as it stands, "
    'unless it begins with a brace. "{{ name }}" alone becomes the value of the variable, with '
    "its type; inside longer text it becomes words. The same task is never paid twice: run "
    "again, the cell shows the earlier one, unless --new is there. For an empty body, write the "
    "line alone with one percent sign: %ogpu_task.",
    (
        "%%ogpu_task text2text text2text --template chat --wait\nWhy is the sky blue?",
        "%%ogpu_task describe describe --pay 0.002 --expires 10m\nrows: {{ measurements }}",
        '%%ogpu_task text2image text2image --dry-run\n{"prompt": "a lighthouse, {{ style }}"}',
    ),
)


def command_of(word: str) -> Command:
    """The subcommand of `%ogpu`; an unknown one raises with the nearest."""
    commands = {command.name: command for command in OGPU}
    return commands[one_of("%ogpu", tuple(commands), kind="subcommand")(word)]
