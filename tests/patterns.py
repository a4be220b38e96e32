"""Every regular expression of the package, and texts that are hard for it.

    python -m tests.patterns [PATTERN ...]

Feeds each its worst texts at 1 MB, as the package uses it, and says its name first. One that
takes more than `SECONDS` of the processor for a text is worse than linear: the process is
killed.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import resource
import sys
import time
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import ogpu_jupyter

try:
    from re import _constants as sre  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_constants as sre  # type: ignore[no-redef]
    import sre_parse as parser  # type: ignore[no-redef]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

SIZE = 1_000_000
SECONDS = 5
_PACKAGE = Path(ogpu_jupyter.__file__).parent
_WAYS = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
_UNITS = 8  # letters and words of a pattern that are tried, each and in pairs
_SAMPLE = 3_000  # characters, by which its worst texts are found
_WORST = 3


class Use(NamedTuple):
    name: str
    pattern: re.Pattern[Any]
    ways: frozenset[str]


def uses() -> Iterator[Use]:
    """Each pattern, by the module and name that hold it, with the methods called on it."""
    for module in _modules():
        for name, value in vars(module).items():
            for pattern in _patterns(value):
                ways = _ways_by_name().get(name, frozenset()) or frozenset({"search"})
                yield Use(f"{module.__name__}.{name}", pattern, ways)
        for line, pattern, way in _calls(Path(str(module.__file__))):
            yield Use(f"{module.__name__}:{line}", pattern, frozenset({way}))


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages([str(_PACKAGE)], "ogpu_jupyter."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def _patterns(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif hasattr(value, "cache_info") and "re.Pattern" in str(value.__annotations__.get("return")):
        yield value()  # type: ignore[operator] # one that is made when it is first needed
    elif isinstance(value, dict):
        yield from _patterns((*value, *value.values()))
    elif isinstance(value, (tuple, list, set, frozenset)):
        for one in value:
            yield from _patterns(one)


def _calls(path: Path) -> Iterator[tuple[int, re.Pattern[Any], str]]:
    """Patterns that are written where they are used: `re.sub(r"…", …)`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr=way),
                args=[first, *_],
            ) if way in _WAYS:
                if not isinstance(first, ast.Constant):
                    raise TypeError(f"{path.name}:{node.lineno}: no pattern that could be tried")
                yield node.lineno, re.compile(first.value, _flags(node)), way


def _flags(call: ast.Call) -> int:
    names = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
    return sum(re.RegexFlag[name] for name in names if name in re.RegexFlag.__members__)


@cache
def _ways_by_name() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for path in _PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(
                    value=ast.Name(id=name) | ast.Call(func=ast.Name(id=name)), attr=way
                ) if way in _WAYS:
                    found[name] = found.get(name, frozenset()) | {way}
    return found


def hard(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """How texts begin that are hard for it, and what is then said again and again.

    That is its letters and words, each and in pairs.
    """
    units = list(dict.fromkeys([*_words(pattern), *_letters(pattern)]))[:_UNITS]
    for unit in units:
        yield "", unit
    for first, then in permutations(units, 2):
        yield "", first + then
        yield first, then


def _text(pattern: re.Pattern[Any], first: str, then: str, size: int) -> Any:
    """Such a text, with a surprise at its end."""
    text = first + then * (size // len(then)) + "\0"
    return text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text


def _words(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Its runs of letters as they stand there."""
    for parts in _sequences(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)):
        word = ""
        for kind, value in [*parts, (None, None)]:
            if kind is sre.LITERAL:
                word += chr(value)
            else:
                if len(word) > 1:
                    yield word
                word = ""


def _letters(pattern: re.Pattern[Any]) -> Iterator[str]:
    for parts in _sequences(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)):
        for kind, value in parts:
            if kind is sre.LITERAL:
                yield chr(value)
            elif kind is sre.NOT_LITERAL:
                yield "\n" if value != 10 else "a"
            elif kind is sre.ANY:
                yield "."
            elif kind is sre.IN:
                yield from _members(value)


def _members(items: list[tuple[Any, Any]]) -> Iterator[str]:
    if items[0][0] is sre.NEGATE:
        negated = re.compile("[" + "".join(map(_spelt, items[1:])) + "]")
        yield from (c for c in " a\n<" if not negated.match(c))
        return
    for kind, value in items:
        if kind is sre.LITERAL:
            yield chr(value)
        elif kind is sre.RANGE:
            yield chr(value[0])
        elif kind is sre.CATEGORY:
            yield _CATEGORIES[str(value)]


_CATEGORIES = {
    "CATEGORY_DIGIT": "0",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": " ",
}


def _spelt(item: tuple[Any, Any]) -> str:
    kind, value = item
    if kind is sre.LITERAL:
        return re.escape(chr(value))
    if kind is sre.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    shown = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}
    name = str(value).removeprefix("CATEGORY_")
    letter = shown[name.removeprefix("NOT_")]
    return "\\" + (letter.upper() if name.startswith("NOT_") else letter)


def _sequences(parts: Any) -> Iterator[list[tuple[Any, Any]]]:
    """All sequences inside: of the whole, of each group, branch and repeat."""
    if isinstance(parts, parser.SubPattern):
        yield list(parts)
        for _, value in parts:
            yield from _sequences(value)
    elif isinstance(parts, (tuple, list)):
        for one in parts:
            yield from _sequences(one)


def main(given: list[str]) -> None:
    """Those that are given, else all of the package."""
    known = (Use(text, re.compile(text), frozenset({"search"})) for text in given)
    for name, pattern, ways in known if given else uses():
        for way in sorted(ways):
            print(name, way, flush=True)
            for first, then in _worst(pattern, way):
                _seconds(pattern, way, _text(pattern, first, then, SIZE))


def _worst(pattern: re.Pattern[Any], way: str) -> list[tuple[str, str]]:
    def seconds(parts: tuple[str, str]) -> float:
        return _seconds(pattern, way, _text(pattern, *parts, _SAMPLE))

    return sorted(hard(pattern), key=seconds)[-_WORST:]


def _seconds(pattern: re.Pattern[Any], way: str, text: Any) -> float:
    """What it takes of the processor; the process is killed where that is too much."""
    begin = time.process_time()
    end = int(begin) + 1 + SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))
    _use(pattern, way, text)
    return time.process_time() - begin


def _use(pattern: re.Pattern[Any], way: str, text: Any) -> None:
    if way in {"sub", "subn"}:
        getattr(pattern, way)(text[:0], text)
    else:
        found = getattr(pattern, way)(text)
        if way == "finditer":
            for _ in found:
                pass


if __name__ == "__main__":
    main(sys.argv[1:])
