"""A cell's body becomes the data of a task.

JSON where it begins with a bracket, else YAML; a Python expression with `--python`; the
text itself with `--template`. Nothing is expanded but `{{ name }}`.
"""

from __future__ import annotations

import ast
import json
import re
import traceback
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.errors import BodyError, OgpuError, UnknownName

from .json_text import read_json
from .places import STRAIGHT, TYPOGRAPHIC, body_error
from .values import Placeholders, as_json
from .words import nearest

if TYPE_CHECKING:
    from collections.abc import Callable

_FILE: Final = "<body of the cell>"
_BARE: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|(?P<bare>\{\{[ \t]*[^\W\d]\w*[ \t]*\}\})', re.DOTALL)
_TEMPLATES: Final[dict[str, Callable[[Any], dict[str, Any]]]] = {
    "chat": lambda text: {"messages": [{"role": "user", "content": _words(text)}]},
    "hf": lambda value: {"input": value, "args": {}},
    "text2image": lambda text: {"prompt": _words(text)},
}
TEMPLATES: Final = tuple(sorted(_TEMPLATES))


def read_body(
    body: str,
    namespace: dict[str, Any],
    *,
    names: tuple[str, ...] | None = None,
    python: bool = False,
    template: str | None = None,
) -> dict[str, Any]:
    """The data of a task; `names` are those of `--vars`. Raises what the person can mend."""
    placeholders = Placeholders(namespace, names)
    if python:
        data = as_json(_evaluate(body, namespace), "The expression's value")
    elif template:
        data = _templated(body, template, placeholders)
    else:
        data = placeholders.fill(_parse(body))
    return {**_object(data), **_rest(data, placeholders)}


def _parse(body: str) -> Any:
    start = body.lstrip()[:1]
    if not start:
        return {}
    if start in "{[":
        return _read_json(body)
    from .yaml_text import read_yaml  # noqa: PLC0415 - PyYAML is for those who write YAML

    value = read_yaml(body)
    return {} if value is None else value


def _read_json(body: str) -> Any:
    """JSON in which a bare `{{ name }}` may stand where a value is due."""
    quoted = _BARE.sub(lambda match: f'"{match[0]}"' if match["bare"] else match[0], body)
    try:
        return read_json(quoted)
    except BodyError:
        if quoted == body:
            raise
        read_json(_BARE.sub(_stand_in, body), shown=body)  # as long: the place is the body's
        raise


def _stand_in(match: re.Match[str]) -> str:
    """A number as long as the placeholder, so that only another mistake is found."""
    return "1" * len(match[0]) if match["bare"] else match[0]


def _templated(body: str, template: str, placeholders: Placeholders) -> Any:
    text = body.strip("\r\n")
    if not text.strip():
        raise BodyError(
            f"The body is empty, and `--template {template}` makes the data of its text.",
            hint="Type the text in the lines below the magic.",
        )
    if re.match(r"\s*\{(?!\{)", text):  # written out as data: the text alone has no braces
        return placeholders.fill(_parse(body))
    return _TEMPLATES[template](placeholders.fill(text))


def _words(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _object(data: Any) -> dict[str, Any]:
    if isinstance(data, dict):
        return data
    kinds = {list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    kind = kinds.get(type(data), "nothing")
    hint = 'Write it with a name: `{"name": …}`, or `name: …` as YAML.'
    if isinstance(data, str):
        hint = "For text alone add `--template chat`, or write `name: …` before it."
    raise BodyError(f"The data is {kind}; a task takes an object.", hint=hint)


def _rest(data: dict[str, Any], placeholders: Placeholders) -> dict[str, Any]:
    rest = placeholders.rest()
    twice = sorted(set(rest) & set(data))
    if twice:
        raise BodyError(
            f"The body has the field `{twice[0]}`, and `--vars` would add it again.",
            hint=f"Write {{{{ {twice[0]} }}}} in the body, or leave it out of one of them.",
        )
    return rest


def _evaluate(body: str, namespace: dict[str, Any]) -> Any:
    blank = len(body) - len(body.lstrip())
    text = body[blank:].rstrip()
    if not text:
        raise BodyError("The body is empty, and `--python` computes it.", hint="Type a dict.")
    above, indent = body[:blank].count("\n"), blank - (body[:blank].rfind("\n") + 1)
    try:
        tree = ast.parse(text, _FILE, mode="eval")
    except SyntaxError as error:
        raise _syntax(error, body, above, indent) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise BodyError(f"The body is not a Python expression: {error}.") from None
    return _run(ast.increment_lineno(tree, above), namespace)


def _syntax(error: SyntaxError, body: str, above: int, indent: int) -> BodyError:
    line = error.lineno or 1
    column = max(1, error.offset or 1) + (indent if line == 1 else 0)
    what = f"The body is not a Python expression: {error.msg}"
    hint = "One expression is due, such as a dict; statements go into a cell of their own."
    if "invalid character" in error.msg and any(quote in error.msg for quote in TYPOGRAPHIC):
        hint = STRAIGHT
    return body_error(what, body, line + above, column, hint=hint)


def _run(tree: ast.Expression, namespace: dict[str, Any]) -> Any:
    try:
        code = compile(tree, _FILE, "eval")
        return eval(code, namespace)  # noqa: S307 - the person's own cell, asked for by --python
    except OgpuError:
        raise
    except NameError as error:
        near = nearest(error.name or "", namespace)
        raise UnknownName(f"The expression needs a variable: {error}.", hint=near) from error
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in frames if frame.filename == _FILE), None)
        what = f"The expression raised {type(error).__name__}: {error}"
        raise body_error(what, "", line) from error
