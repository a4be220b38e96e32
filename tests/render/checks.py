"""What must hold for every fragment that we put into a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

TAGS = {
    "a", "article", "audio", "b", "blockquote", "br", "button", "code", "dd", "del", "details",
    "div", "dl", "dt", "em", "figcaption", "figure", "form", "h3", "h4", "h5", "h6", "header",
    "hr", "i", "img", "input", "ins", "label", "li", "mark", "ol", "p", "path", "polyline", "pre",
    "s", "section", "small", "span", "strong", "style", "summary", "svg", "table", "tbody", "td",
    "th", "thead", "time", "title", "tr", "ul", "video",
}  # fmt: skip
ATTRIBUTES = {
    "alt", "aria-current", "aria-label", "aria-rowcount", "checked", "class", "controls", "d",
    "data-lm-suppress-shortcuts", "dir", "download", "height", "hidden", "method", "name", "open",
    "points", "preload", "preserveaspectratio", "referrerpolicy", "rel", "role", "scope", "start",
    "style", "tabindex", "target", "title", "type", "value", "viewbox", "width",
}  # fmt: skip
SIZE = r"-?[0-9]+(?:\.[0-9]+)?%"
OWN = r"--(?:n|like|[cv][0-9]+):[0-9]+%?"  # numbers for a table's own rules
STYLE = re.compile(rf"white-space:pre-wrap|(?:(?:width|height|left|top):{SIZE};?)+|(?:{OWN};?)+")
SAVED = re.compile(  # a file in a link that saves it: of a type that no browser runs
    r"data:(?:application/json|text/(?:plain|csv);charset=utf-8|image/(?:png|jpeg|gif|webp)"
    r"|audio/(?:wav|mpeg|ogg|flac|mp4|webm)|video/(?:mp4|webm|ogg));base64,[A-Za-z0-9+/=]*"
)
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Fragment(HTMLParser):
    """Reads a fragment as a browser would, and notes what should not be in it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += [f"unclosed {tag}" for tag in self.open]
        self.wrong += [f"control {found!r}" for found in CONTROLS.findall(text)]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            self.check(tag, name, value or "")
        if tag not in {"br", "hr", "img", "input"}:
            self.open.append(tag)

    def check(self, tag: str, name: str, value: str) -> None:
        if (tag, name) == ("img", "src"):
            fine = re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+", value)
        elif tag in {"audio", "video"} and name == "src":
            kinds = rf"{tag}/(wav|mpeg|ogg|flac|mp4|webm)"
            fine = re.fullmatch(rf"data:{kinds};base64,[A-Za-z0-9+/=]+", value)
        elif (tag, name) == ("a", "href"):
            self.links.append(value)
            fine = re.match(r"https?://|mailto:[a-zA-Z0-9]", value) or SAVED.fullmatch(value)
        elif name == "style":
            fine = STYLE.fullmatch(value)
        else:
            fine = name in ATTRIBUTES
        if not fine:
            self.wrong.append(f"{tag} {name}={value[:60]!r}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"comment {data[:60]!r}")


def safe(fragment: str) -> Fragment:
    """The fragment, read; it fails the test when anything is in it that we don't write."""
    read = Fragment(fragment)
    assert read.wrong == []
    return read


HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>",
    "[x](javascript:alert(1)) ![y](http://example.com/y.png)",
    "\x1b[2J\x1b]0;title\x07\x9b31m",
    "abc\u202ecba\u2066x",
    "a\x00b\x08c\x7f",
    "\ud800 alone",
    "$\\href{javascript:alert(1)}{x}$",
    "&lt;b&gt; &amp;",
    "<!-- x",
    "]]>",
    "{{constructor}}",
    "x" * 100_000,
]
