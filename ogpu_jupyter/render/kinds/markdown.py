"""Markdown of strangers: the marks of a text, and nothing that acts, loads or pretends.

The tree that `markdown-it` reads is written out here, tag by tag: what isn't known has no
way into the page. A picture is a link to it, as the page loads nothing. A heading takes no
place in the notebook's outline.
"""

from __future__ import annotations

import re
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.render.safe import esc, visible

from . import links

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_TOKENS: Final = 6000
_DEEPEST: Final = 20
_MAX_TEXT: Final = 20_000
_MAX_CELLS: Final = 10_000
_LONG_LIST: Final = 30  # lines
_ITEMS: Final = 10
# Each part begins at a sign that it can't run over again: linear, whatever the text is.
_SIGNS: Final = re.compile(
    r"^ {0,3}(?:```|~~~)|^ {0,3}#{1,6} \S|^ {0,3}> ?\S|^(?=[^\n-]*--)(?=[^\n|]*\|)[ :|-]+$"
    r"|\*\*[^\s*][^*\n]{0,300}\*\*|(?<!`)`[^`\n]{1,300}`(?!`)"
    r"|\[[^][\n]{1,300}\]\([^][\s()]{1,2000}[()]"
    r"|(?:^|[\s(])\*[^\W\d_][^*\n]{0,200}\*(?=[\s).,;:!?]|$)",
    re.MULTILINE,
)
_ITEM: Final = re.compile(r"^ {0,3}(?:[-*+]|\d{1,3}[.)]) \S", re.MULTILINE)
_TAGS: Final = {
    "paragraph": "p", "bullet_list": "ul", "list_item": "li", "tbody": "tbody",
    "thead": "thead", "tr": "tr", "em": "em", "strong": "strong", "s": "s",
    "blockquote": "blockquote",
}  # fmt: skip
_LINES: Final = {"p", "li", "blockquote"}  # each has its own direction


def has_marks(text: str) -> bool:
    """Whether a text is written in Markdown, as far as a reader would say so."""
    start = text[:_MAX_TEXT]
    return bool(_SIGNS.search(start)) or len(_ITEM.findall(start)) >= 2


@cache
def _parser(*, tables: bool) -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - only where a text has marks

    options = {"html": False, "breaks": True, "linkify": False, "maxNesting": _DEEPEST}
    parser = MarkdownIt("commonmark", options).enable("strikethrough")
    return parser.enable("table") if tables else parser


def blocks(text: str) -> list[tuple[str, int]]:
    """The blocks of a text, each as HTML and with the number of its lines."""
    writer, start = _Writer(), visible(text[:_MAX_TEXT])
    parts = _top_level(_parser(tables=_has_few_cells(start)).parse(start))
    shown = [(writer.block(piece), _line_count(piece)) for part in parts for piece in _pieces(part)]
    return shown + writer.rest()


def _has_few_cells(text: str) -> bool:
    """A row is filled up to the width of its table: a few letters may be a million cells."""
    lines = text.split("\n")
    return max(line.count("|") for line in lines) * len(lines) <= _MAX_CELLS


def _top_level(tokens: Sequence[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if depth == 0:
            parts.append([])
        parts[-1].append(token)
        depth += token.nesting
    return parts


def _pieces(part: list[Token]) -> list[list[Token]]:
    """A long list in several, so that it can be folded between two of its items."""
    if not part[0].type.endswith("_list_open") or _line_count(part) <= _LONG_LIST:
        return [part]
    pieces: list[list[Token]] = []
    items = _top_level(part[1:-1])
    for n in range(0, len(items), _ITEMS):
        opening = copy(part[0])
        opening.attrs = {"start": int(part[0].attrs.get("start", 1)) + n}
        some = items[n : n + _ITEMS]
        opening.map = [(some[0][0].map or [0])[0], (some[-1][0].map or [0, 1])[1]]
        pieces.append([opening, *(token for item in some for token in item), part[-1]])
    return pieces


def _line_count(part: list[Token]) -> int:
    first, last = part[0].map or (0, 1)
    return max(1, last - first)


class _Writer:
    """Writes tokens as HTML, up to a number of them, and always closes what it has opened."""

    def __init__(self) -> None:
        self._left = MAX_TOKENS
        self._open: list[str] = []

    def rest(self) -> list[tuple[str, int]]:
        if self._left >= 0:
            return []
        return [('<p class="ogpu-rest">… and more than is shown.</p>', 1)]

    def block(self, tokens: Sequence[Token]) -> str:
        written = "".join(self._tokens(tokens))
        while self._open:
            written += self._open.pop()
        return written

    def _tokens(self, tokens: Sequence[Token]) -> list[str]:
        return [self._token(token) for token in tokens]

    def _token(self, token: Token) -> str:
        self._left -= 1
        if self._left < 0:
            return ""
        name = token.type
        if name.endswith("_open"):
            start, end = self._element(name.removesuffix("_open"), token)
            self._open.append(end)
            return start
        if name.endswith("_close"):
            return self._open.pop() if self._open else ""
        write = getattr(self, f"_{name}", None)
        return str(write(token)) if write else esc(token.content, _MAX_TEXT)

    def _element(self, name: str, token: Token) -> tuple[str, str]:
        """Its first tag and its last."""
        if token.hidden:  # a paragraph within a tight list
            return "", ""
        special = getattr(self, f"_{name}_element", None)
        if special is not None:
            start, end = special(token)
            return str(start), str(end)
        tag = _TAGS.get(name, "span")
        return f'<{tag} dir="auto">' if tag in _LINES else f"<{tag}>", f"</{tag}>"

    def _heading_element(self, token: Token) -> tuple[str, str]:
        tag = "h5" if token.tag in {"h1", "h2"} else "h6"
        large = f" ogpu-m{token.tag}" if tag == "h5" else ""
        return f'<{tag} class="jp-toc-ignore tocSkip{large}">', f"</{tag}>"

    def _ordered_list_element(self, token: Token) -> tuple[str, str]:
        start = int(token.attrs.get("start", 1))
        return f'<ol start="{start}">' if start != 1 else "<ol>", "</ol>"

    def _table_element(self, _: Token) -> tuple[str, str]:
        head = '<div class="ogpu-scroll" tabindex="0"><table class="ogpu-table">'
        return head, "</table></div>"

    def _cell_element(self, token: Token) -> tuple[str, str]:
        right = ' class="ogpu-num"' if "right" in str(token.attrs.get("style", "")) else ""
        return f'<{token.tag}{right} dir="auto">', f"</{token.tag}>"

    _th_element = _td_element = _cell_element

    def _link_element(self, token: Token) -> tuple[str, str]:
        """A link that can't be made is its text, and where it would have led, in words."""
        href = str(token.attrs.get("href", ""))
        if links.place(href) is None:
            return "", f' <span class="ogpu-soft">({esc(href, 200)})</span>'
        text = href if token.info == "auto" else token.meta.get("text", "")
        return links.opening(href), links.closing(href, text)

    def _inline(self, token: Token) -> str:
        children = token.children or []
        _note_link_texts(children)
        return "".join(self._tokens(children))

    def _image(self, token: Token) -> str:
        src, words = str(token.attrs.get("src", "")), esc(token.content or "image", 300)
        sign = f"[image: {words}]"
        in_link = any(end.startswith("</a>") for end in self._open)  # a link holds no other
        if in_link or links.place(src) is None:
            return sign
        return f"{links.opening(src)}{sign}{links.closing(src, '')}"

    def _fence(self, token: Token) -> str:
        language = esc(token.info.split()[0], 30) if token.info.strip() else ""
        label = f'<div class="ogpu-role">{language}</div>' if language else ""
        return f"{label}{self._code_block(token)}"

    def _code_block(self, token: Token) -> str:
        code = esc(token.content.rstrip("\n"), _MAX_TEXT)
        return f'<pre class="ogpu-code" tabindex="0"><code>{code}</code></pre>'

    def _code_inline(self, token: Token) -> str:
        return f"<code>{esc(token.content, _MAX_TEXT)}</code>"

    def _hr(self, _: Token) -> str:
        return "<hr>"

    def _hardbreak(self, _: Token) -> str:
        return "<br>"

    _softbreak = _hardbreak


def _note_link_texts(children: Sequence[Token]) -> None:
    """What each link says, written at its beginning, where the end will ask for it."""
    begun: list[Any] = []
    for token in children:
        if token.type == "link_open":
            token.meta["text"] = ""
            begun.append(token)
        elif token.type == "link_close" and begun:
            begun.pop()
        elif begun:
            begun[-1].meta["text"] += token.content
