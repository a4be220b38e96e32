"""Markdown of strangers is read as Markdown, and nothing in it acts, loads or pretends."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogpu_jupyter.render.kinds.links import alone, place
from ogpu_jupyter.render.kinds.markdown import has_marks
from ogpu_jupyter.render.kinds.texts import markdown_html, text_html, words_html
from tests.render import samples
from tests.render.checks import HOSTILE, safe


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**a** *b* ~~c~~ `d`", "<strong>a</strong> <em>b</em> <s>c</s> <code>d</code>"),
        ("one\ntwo", "one<br>two"),
        ("# Title", '<h5 class="jp-toc-ignore tocSkip ogpu-mh1">Title</h5>'),
        ("#### Deep", '<h6 class="jp-toc-ignore tocSkip">Deep</h6>'),
        ("- a\n- b", '<ul><li dir="auto">a</li><li dir="auto">b</li></ul>'),
        ("3. a\n4. b", '<ol start="3"><li dir="auto">a</li><li dir="auto">b</li></ol>'),
        ("> q", '<blockquote dir="auto"><p dir="auto">q</p></blockquote>'),
        ("```py\nx\n```", '<div class="ogpu-role">py</div><pre class="ogpu-code" tabindex="0">'),
        ("```\nx < 1\n```", "<code>x &lt; 1</code></pre>"),
        ("a\n\n---", "<hr>"),
        ("|a|b|\n|-|-:|\n|1|2|", '<td class="ogpu-num" dir="auto">2</td>'),
    ],
)  # fmt: skip
def test_its_marks(text: str, html: str) -> None:
    """Each mark becomes one tag; a heading has no place in the notebook's outline."""
    shown = markdown_html(text)

    assert html in shown
    safe(shown)


@pytest.mark.parametrize(
    ("text", "seen", "links"),
    [
        ("[a](https://example.com/x)", "a (example.com)", ["https://example.com/x"]),
        ("<https://example.com/x>", "https://example.com/x", ["https://example.com/x"]),
        ("[example.com](https://example.com/)", "example.com", ["https://example.com/"]),
        ("[http://a.example](https://b.example)", "http://a.example (b.example)",
         ["https://b.example"]),
        ("<me@example.com>", "me@example.com", ["mailto:me@example.com"]),
        ("![a cat](https://example.com/c.png)", "[image: a cat] (example.com)",
         ["https://example.com/c.png"]),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))", []),
        ("[x](data:text/html,hi)", "[x](data:text/html,hi)", []),
        ("[x](file:///etc/passwd)", "[x](file:///etc/passwd)", []),
        ("[x](//example.com)", "x (//example.com)", []),
        ("[x](/api/kernels)", "x (/api/kernels)", []),
        ("[x](http://localhost:8888/)", "x (http://localhost:8888/)", []),
        ("[x](http://127.0.0.1/)", "x (http://127.0.0.1/)", []),
        ("[x](http://2130706433/)", "x (http://2130706433/)", []),
        ("[x](http://[::1]/)", "x (http://[::1]/)", []),
        ("[x](https://example.com@evil.example.net)", "x (https://example.com@evil.example.net)",
         []),
        ("![x](javascript:alert(1))", "![x](javascript:alert(1))", []),
        ("![x](data:image/svg+xml;base64,AAAA)", "![x](data:image/svg+xml;base64,AAAA)", []),
    ],
)  # fmt: skip
def test_links_show_where_they_go(text: str, seen: str, links: list[str]) -> None:
    """Only those that lead to a public place are links; a picture is one too, and not loaded."""
    read = safe(markdown_html(text))

    assert read.text == seen
    assert read.links == links


def test_a_link_tells_nobody_where_it_comes_from() -> None:
    """Each opens in a page of its own, without a referrer."""
    shown = markdown_html("[a](https://example.com/?a=1&b=2)")

    assert 'href="https://example.com/?a=1&amp;b=2"' in shown
    assert 'target="_blank" rel="noopener noreferrer nofollow"' in shown
    assert 'referrerpolicy="no-referrer"' in shown


@pytest.mark.parametrize("text", [
    "https://exa\u0441mple.com/", "https://example.com\\@evil.example.net", "https://example.com:x",
    "http://x", "https://-", "mailto:a@b.example?bcc=c@d.example", "HTTPS://EXAMPLE.COM /",
    "https://example.com/" + "x" * 3000, "https://printer.local/", "https://example.com/\u202e",
    "ftp://example.com/", "", "https://", "https://user:secret@example.com/",
])  # fmt: skip
def test_no_link_is_made_of_it(text: str) -> None:
    """What can't be read off as a public place is left a text."""
    assert place(text) is None
    assert alone(text) is None


def test_a_text_that_is_a_link_is_one() -> None:
    """It is shown in full."""
    assert safe(text_html(" https://example.com/a?b=c\n")).links == ["https://example.com/a?b=c"]


@pytest.mark.parametrize(
    ("text", "is_marked"),
    [
        ("```\ncode\n```", True), ("# Title", True), ("use **this**", True), ("a `b` c", True),
        ("- a\n- b", True), ("1. a\n2. b", True), ("[a](b)", True), ("> quoted", True),
        ("|a|b|\n|---|---|\n|1|2|", True), ("an *emphasis* here", True),
        ("plain", False), ("2 * 3 * 4", False), ("2*3*4 = 24", False), ("a_b_c", False),
        ("- only one item", False), ("$5 or $6", False), ("#hashtag", False), ("", False),
        ("Price: 5-6\n-----", False), ("a | b", False), ("snake_case and __init__", False),
        ("#!/bin/sh\necho", False), ("**", False), ("* * *", False),
    ],
)  # fmt: skip
def test_a_text_without_marks_stays_as_it_is(text: str, is_marked: bool) -> None:
    """A poem keeps its lines, a sum its stars."""
    assert has_marks(text) is is_marked
    safe(words_html(text))


BOMBS = {
    "brackets": "[" * 20_000, "images": "![" * 10_000, "stars": "*a " * 7000,
    "ticks": "".join("`" * n + "a" for n in range(190)), "quotes": "> " * 10_000,
    "items": "- " * 10_000, "columns": "|a" * 3000 + "\n" + "|-" * 3000 + "\n" + "|b" * 3000,
    "wide": "|a" * 400 + "\n" + "|-" * 400 + "\n" + "|b\n" * 5000, "links": "[x](" * 5000,
    "tags": "<a" * 10_000, "references": "[a]: " + "x" * 200 + "\n\n" + "[a]" * 6000,
    "entities": "&" * 20_000, "nested": "\n".join("  " * n + "- a" for n in range(180)),
    "rows": "|a|\n|-|\n" + "|b|\n" * 4900, "mixed": "*a_ " * 5000, "words": "**x** " * 3000,
    "long": "# t\n" + "x" * 5_000_000, "headings": "# a\n" * 5000, "rules": "---\n\n" * 4000,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_bounded(name: str) -> None:
    """In size, time and depth."""
    begun = time.process_time()

    shown = markdown_html(BOMBS[name])

    assert time.process_time() - begun < 4
    assert len(shown) < 700_000
    safe(shown)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "form",
    ["**{}**", "# {}", "[{0}]({0})", "![{0}]({0})", "`{}`", "```{0}\n{0}\n```", "> {}", "<{}>",
     "|{0}|b|\n|-|-|\n|{0}|{0}|", '[a](https://example.com/ "{}")', "[a]: {0}\n\n[a] **x**",
     "- {0}\n- {0}", "[a](https://example.com/{})", "{}"],
)  # fmt: skip
def test_hostile_strings_in_every_mark(text: str, form: str) -> None:
    """Whatever mark they stand in."""
    safe(markdown_html(form.format(text[:3000])))


MARKS = st.sampled_from(
    ["*", "**", "_", "`", "```", "\n", "\n\n", "# ", "> ", "- ", "1. ", "|", "|-|-|\n", "[", "](",
     ")", "![", "<", ">", "https://", "javascript:", "&", "\\", "~~", "    ", "\t", "a", " ", '"',
     "'", "\u202e", "\x00", "\ud800", "<script>", "](data:text/html,x)", "[a]: x\n"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(MARKS, max_size=60).map("".join))
def test_any_text(text: str) -> None:
    """It is closed, and made of the tags that we write."""
    safe(markdown_html(text))


def test_long_texts_are_folded() -> None:
    """The beginning is there; the rest is one click away, and its length is told."""
    plain = text_html("\n".join(f"line {n}" for n in range(100)))
    marked = markdown_html("\n\n".join(f"**paragraph** {n}" for n in range(100)))
    items = markdown_html("\n".join(f"{n}. item" for n in range(1, 100)))

    assert "76 more lines, of 789 characters in all" in plain
    for shown in (plain, marked, items):
        assert shown.count("<details") == 1
        safe(shown)
    assert '<ol start="31">' in items
    assert "<details" not in text_html("\n".join("x" for _ in range(30)))
    assert "<details" in text_html("\n".join(["word " * 400] * 2))


def test_a_sample_with_all_marks() -> None:
    """As a model writes it."""
    read = safe(markdown_html(samples.MARKDOWN))

    assert read.links == [
        "https://docs.python.org/3/howto/sorting.html",
        "https://docs.python.org/3/library/heapq.html",
        "https://example.com/sorting.png",
    ]
    assert "Premature optimization" in read.text
