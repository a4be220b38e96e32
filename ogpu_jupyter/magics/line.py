"""A magic's line becomes words that mean something: subcommand, arguments, options.

`argparse` reads the options. Arguments are taken from what it leaves, so that options may
stand between them, and every mistake is said in our words: argparse's own differ from one
Python to the next, and it would end the process.
"""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ogpu_jupyter.errors import AccountError, InputError, OgpuError, UnknownName

from .commands import TASK, Argument, Command, Option, command_of
from .places import TYPOGRAPHIC
from .words import listed, looks_like_key, nearest, quoted, spaced_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD: Final = re.compile(r"""\s*((?:[^\s"'\\]|\\.|"(?:\\.|[^"\\])*"|'[^']*')+)""")
_TYPOGRAPHIC: Final = re.compile(rf"""(?:[^"'=]*=)?([{TYPOGRAPHIC}])""")
_TASK_NUMBER: Final = re.compile(r"#[0-9]+")
_NUMBER: Final = re.compile(r"-\.?[0-9]")
_KEY_OPTIONS: Final = frozenset({"--key", "--private-key", "--secret", "--password", "--mnemonic"})


@dataclass(frozen=True)
class Words:
    """What a line says; options that it doesn't mention are None, False or empty."""

    command: Command
    values: dict[str, Any]
    help: bool = False

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def split(line: str) -> list[str]:
    """The words of a line. A comment begins with ` #`, unless it is a task's number (#12)."""
    line = _without_comment(line)
    _check_quotes(line)
    try:
        return shlex.split(line)
    except ValueError as error:
        what = "a quotation that doesn't end" if "quotation" in str(error) else "a lone backslash"
        raise InputError(
            f"The line has {what}.",
            hint="Put double quotes around a value that holds an apostrophe.",
        ) from None


def read_ogpu(line: str) -> Words:
    """What `%ogpu …` says."""
    words = split(line)
    if not words or words[0] in {"-h", "--help", "help"}:
        return Words(Command("%ogpu", ""), {}, help=True)
    command = command_of(words[0])
    if command.name in {"account", "connect"}:
        _refuse_key(words)
    return read(command, words[1:])


def read_task(line: str) -> Words:
    """What `%%ogpu_task …` says in its first line."""
    return read(TASK, split(line))


def read(command: Command, words: Sequence[str]) -> Words:
    options, rest = _parser(command).parse_known_args(_without_dashes(words))
    values = vars(options)
    if values.pop("help"):
        return Words(command, {}, help=True)
    values.update(_arguments(command, _positional(command, rest), words))
    return Words(command, values)


class _Parser(argparse.ArgumentParser):
    """Raises in our words, and never ends the process."""

    def __init__(self, command: Command) -> None:
        super().__init__(add_help=False, allow_abbrev=False, exit_on_error=False)
        self.command = command

    def error(self, message: str) -> NoReturn:
        flag = re.match(r"argument ([^:]+): (.*)", message)
        name = flag[1] if flag else self.command.path
        option = self.command.option(name)
        if option is None or not option.value:
            raise InputError(f"`{name}` takes no value.", hint=f"Type `{name}` alone.")
        raise InputError(
            f"`{name}` needs a value.", hint=f"Type `{name} {option.value}`: {option.help}."
        )

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str], namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        try:
            return super().parse_known_args(args, namespace)
        except argparse.ArgumentError as error:
            self.error(str(error))


class _Once(argparse.Action):
    """An option that is given twice is a mistake: the second would win unseen."""

    def __init__(self, option_strings: Sequence[str], dest: str, **words: Any) -> None:
        self.option: Option = words.pop("option")
        super().__init__(option_strings, dest, **words)

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        _flag: str | None = None,
    ) -> None:
        flag = self.option.flag
        if self.option.repeats:
            values = {**getattr(namespace, self.dest), **_new(namespace, self.dest, values)}
        elif getattr(namespace, self.dest) != self.default:
            raise InputError(f"`{flag}` stands twice on the line.", hint="Leave one of them.")
        setattr(namespace, self.dest, True if self.nargs == 0 else values)


def _new(namespace: argparse.Namespace, dest: str, pair: tuple[str, Any]) -> dict[str, Any]:
    key, value = pair
    if key in getattr(namespace, dest):
        raise InputError(f"`--extra {key}=` stands twice on the line.", hint="Leave one of them.")
    return {key: value}


def _parser(command: Command) -> _Parser:
    parser = _Parser(command)
    parser.add_argument("-h", "--help", action="store_true")
    for option in command.options:
        words: dict[str, Any] = {"dest": option.name, "action": _Once, "option": option}
        if option.value:
            default: Any = {} if option.repeats else None
            parser.add_argument(option.flag, type=option.convert, default=default, **words)
        else:
            parser.add_argument(option.flag, nargs=0, default=False, **words)
    return parser


def _without_dashes(words: Sequence[str]) -> list[str]:
    """Without the lone `--`, after which argparse would take no options."""
    return [word for word in words if word != "--"]


def _positional(command: Command, rest: Sequence[str]) -> list[str]:
    """What argparse left, without unknown options: those raise."""
    for word in rest:
        if word.startswith("-") and len(word) > 1 and not _NUMBER.match(word):
            raise _unknown_option(command, word.partition("=")[0])
    return list(rest)


def _unknown_option(command: Command, flag: str) -> OgpuError:
    if flag in _KEY_OPTIONS:
        return _key_refused()
    flags = [option.flag for option in command.options]
    hint = nearest(flag, flags)
    if not hint and flags:
        hint = f"It takes: {listed(flags)}."
    return UnknownName(
        f"{quoted(flag)} is not an option of `{command.path}`.",
        hint=hint or f"`{command.path}` takes no options.",
    )


def _arguments(command: Command, words: list[str], line: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for argument in command.arguments:
        if argument.required and not words:
            raise _missing(command, argument)
        if argument.many:
            values[argument.name], words = [argument.read(word) for word in words], []
        else:
            values[argument.name] = argument.read(words[0]) if words else None
            words = words[1:]
    if words:
        raise _spaced(command, words, line) or _left_over(command, words[0])
    return values


def _missing(command: Command, argument: Argument) -> InputError:
    example = command.examples[0].splitlines()[0] if command.examples else command.usage
    return InputError(
        f"`{command.path}` needs {_article(argument.name)}: {argument.help}.",
        hint=f"Type, for example, `{example}`.",
    )


def _spaced(command: Command, words: list[str], line: Sequence[str]) -> InputError | None:
    """The words that are left over, where they stand right after a name: all are one name."""
    for place, word in enumerate(line):
        option = command.option(word)
        rest = list(line[place + 2 : place + 2 + len(words)])
        if option is not None and option.value == "NAME" and rest == words:
            return spaced_name(option.flag, [line[place + 1], *words])
    return None


def _left_over(command: Command, word: str) -> InputError:
    flags = [option.flag for option in command.options]
    near = nearest(f"--{word}", flags) if word.isalpha() else ""
    return InputError(
        f"{quoted(word)} is one word too many for `{command.path}`.",
        hint=near or f"It is written: `{command.usage}`. A value with spaces needs quotes.",
    )


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _without_comment(line: str) -> str:
    position = 0
    while match := _WORD.match(line, position):
        if match[1].startswith("#") and not _TASK_NUMBER.fullmatch(match[1]):
            return line[: match.start(1)]
        position = match.end()
    return line


def _check_quotes(line: str) -> None:
    """A typographic quote holds no words together: the spaces in it would end the value."""
    for match in _WORD.finditer(line):
        found = _TYPOGRAPHIC.match(match[1])
        if found is not None:
            raise InputError(
                f"The word {quoted(match[1])} has the typographic quote {found[1]}, which holds "
                "no words together.",
                hint='Type `"` in its place; a word in straight quotes is taken as it is.',
            )


def _refuse_key(words: Sequence[str]) -> None:
    if any(looks_like_key(word) for word in words if "://" not in word):
        raise _key_refused()


def _key_refused() -> AccountError:
    return AccountError(
        "A private key never stands on a magic's line: the notebook and IPython's history "
        "keep what is typed there.",
        spent="Nothing was connected, and nothing was spent.",
        hint="Type `%ogpu account import`, which asks for it unseen, or set CLIENT_PRIVATE_KEY "
        "before the kernel starts. If that was a real key, move its funds to a new account.",
    )
