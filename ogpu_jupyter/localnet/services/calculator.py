"""Arithmetic as it stands in a sentence, evaluated without `eval` and within bounds."""

from __future__ import annotations

import ast
import math
import operator
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


Number = int | float

_NUMBERS: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
)
_WORDS: Final = (
    *((rf"\b{word}\b", str(number)) for number, word in enumerate(_NUMBERS)),
    (r"\bplus\b", "+"),
    (r"\bminus\b", "-"),
    (r"\b(?:times|multiplied by)\b", "*"),
    (r"\b(?:divided by|over)\b", "/"),
    (r"\b(?:to the power of|\*\*)\b", "**"),
    (r"\b(?:the )?square root of\b", "sqrt "),
    (r"(\d)\s*%\s*of\b", r"\1/100*"),
    (r"\bpercent of\b", "/100*"),
    (r"\b(?:mod|modulo)\b", "%"),
    (r"[×·]", "*"),  # noqa: RUF001 - meant
    (r"[÷]", "/"),
    (r"−", "-"),  # noqa: RUF001 - meant
    (r"\^", "**"),
    (r"(?<=\d),(?=\d{3}(?:\D|$))", ""),
    (r"\b(sqrt|sin|cos|tan|exp|log|ln|abs)\s+(-?\d+(?:\.\d+)?|pi|e)\b", r"\1(\2)"),
)
_SPOKEN: Final = tuple((re.compile(words), symbol) for words, symbol in _WORDS)
_EXPRESSION = re.compile(
    r"(?:(?<![a-z])(?:sqrt|sin|cos|tan|exp|log|ln|abs|pi|e)(?![a-z])"
    r"|(?<!\d)\d+(?:\.\d+)?(?!\d)|[-+*/%() ])+"
)
_ASKED = re.compile(
    r"\b(?:what|calculate|compute|evaluate|solve|work out|how much|how many|sum|result|is)\b|="
)
_BINARY: Final[dict[type, Callable[[Number, Number], Number]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_FUNCTIONS: Final[dict[str, Callable[[float], Number]]] = {
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "exp": math.exp,
    "log": math.log10,
    "ln": math.log,
    "abs": abs,
}
_LARGEST = 10**60


class NoSum(ValueError):
    """Nothing to work out, or nothing that has an answer."""


def find_sum(sentence: str) -> str | None:
    """The longest arithmetic expression in a sentence, or None."""
    text = re.sub(r"\b\d{4}-\d\d-\d\d\b", "date", sentence.lower()[:500])
    for pattern, symbol in _SPOKEN:
        text = pattern.sub(symbol, text)
    found = (_trimmed(match.group()) for match in _EXPRESSION.finditer(text))
    longest = max((each for each in found if _is_sum(each)), key=len, default=None)
    # "3-4 people" and dates are no sums, unless that is all there is or it is asked for.
    if longest and (_ASKED.search(text) or len(longest) * 2 > len(text.strip())):
        return longest
    return None


def work_out(expression: str) -> str:
    """The value, exact for whole numbers and to ten digits for others; else NoSum."""
    try:
        value = _value(ast.parse(expression.strip(), mode="eval").body, depth=0)
    except ZeroDivisionError:
        raise NoSum("it divides by zero, which has no answer") from None
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        raise NoSum(str(error) if isinstance(error, NoSum) else "it has no value") from None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"


def _trimmed(text: str) -> str:
    text = text.strip(" ").rstrip("+-*/%( ").lstrip("+*/%) ")
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1].rstrip()
    return text


def _is_sum(text: str) -> bool:
    return bool(re.search(r"\d\s*[-+*/%(]|\b(?:sqrt|sin|cos|tan|exp|log|ln|abs)\s*\(", text))


def _value(node: ast.expr, *, depth: int) -> Number:
    if depth > 50:
        raise NoSum("it is nested too deep")
    value = _evaluate(node, depth + 1)
    if abs(value) > _LARGEST:
        raise NoSum("it is larger than I count")
    return value


def _evaluate(node: ast.expr, depth: int) -> Number:  # noqa: PLR0911 - a table of node types
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id="pi" | "e" as name):
            return math.pi if name == "pi" else math.e
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, depth=depth)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner, depth=depth)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left, depth=depth), _value(right, depth=depth))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, depth=depth), _value(right, depth=depth))
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](_value(inner, depth=depth))
    raise NoSum("it is not arithmetic that I know")


def _power(base: Number, exponent: Number) -> Number:
    if abs(exponent) > 1000 or (abs(base) > 1 and abs(exponent) * math.log10(abs(base)) > 60):
        raise NoSum("it is larger than I count")
    value = base**exponent
    if isinstance(value, complex):
        raise NoSum("it has no real value")
    return value
