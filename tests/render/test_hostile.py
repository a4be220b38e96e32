"""Whatever a stranger sends, our page and our text have in them only what we write."""

from __future__ import annotations

import base64
import re
import time
import unicodedata
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from bleach._vendor import html5lib  # the parser that the HTML standard describes

from ogpu_jupyter import render
from ogpu_jupyter.errors import RpcError
from ogpu_jupyter.render.answers import KINDS
from ogpu_jupyter.render.kinds.images import picture
from ogpu_jupyter.render.kinds.recordings import clip
from ogpu_jupyter.render.registry import Given, Kind
from ogpu_jupyter.tasks import (
    Answer,
    DeliveryMethod,
    SourceRecord,
    SourceStatus,
    Stage,
)
from tests import hostile
from tests.render import checks, samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"
# Whatever a renderer comes to need, these it never writes.
NEVER = {
    "script", "iframe", "frame", "frameset", "object", "embed", "applet", "portal", "base",
    "link", "meta", "template", "noscript", "math", "foreignObject", "use", "animate", "set",
    "image", "track", "dialog", "marquee", "slot", "textarea", "select", "plaintext",
}  # fmt: skip
NEVER_ATTRIBUTES = re.compile(
    r"on|id$|src(?:doc|set)|form|ping$|action|background$|popover|autofocus|contenteditable"
    r"|accesskey|is$|slot|part$|nonce|http-equiv|xlink|xmlns|data-(?!ogpu|lm-suppress-shortcuts)"
)
# A table that is sorted without a script: a form that sends nothing, and its buttons.
CONTROLS = {
    "form": {"method": "dialog"},
    "button": {"type": "reset"},
}
CHOICES = {("radio", "by"), ("checkbox", None)}
DATA = {
    "img": re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+"),
    "audio": re.compile(r"data:audio/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]+"),
    "video": re.compile(r"data:video/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]+"),
    "source": re.compile(r"data:(?:audio|video)/[a-z0-9.+-]+;base64,[A-Za-z0-9+/=]+"),
}
SAVED = re.compile(
    r"data:(?!text/html|[^;,]*(?:xml|svg|script))[a-z0-9/.+-]+;(?:charset=utf-8;)?base64,"
)
ESCAPING = re.compile(
    r"position|z-index|url|expression|import|fixed|margin|transform|[<>{}\\@]", re.IGNORECASE
)
BLANK = set("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")


# What may be in a page


def elements(fragment: str) -> Iterator[Any]:
    """Every element, read by a strict parser: the least mistake in the markup is an error."""
    parser = html5lib.HTMLParser(strict=True)
    yield from parser.parseFragment(fragment, container="div").iter()


def wrong_in(fragment: str) -> list[str]:
    """What is in it that we never write."""
    wrong: list[str] = []
    for element in elements(fragment):
        tag = str(element.tag).removeprefix(XHTML).removeprefix(SVG)
        if tag == "DOCUMENT_FRAGMENT":
            continue
        if tag in NEVER or tag not in checks.TAGS | hostile.HARMLESS:
            wrong.append(f"<{tag}>")
        if tag == "input" and (element.get("type"), element.get("name")) not in CHOICES:
            wrong.append("<input> of another kind")
        if any(element.get(name) != value for name, value in CONTROLS.get(tag, {}).items()):
            wrong.append(f"<{tag}> of another kind")
        for name, value in element.attrib.items():
            wrong += _wrong_attribute(tag, str(name), value, element)
    unclosed = [w for w in checks.Fragment(fragment).wrong if w.startswith(("unclosed", "</"))]
    return wrong + unclosed + [f"{char!r} in the page" for char in sorted(unseen(fragment))]


def _wrong_attribute(tag: str, name: str, value: str, element: Any) -> list[str]:
    if name == "name":
        fine = tag == "input"
    elif name == "href":
        fine = _is_fine_link(value, element)
    elif name == "src":
        fine = tag in DATA and DATA[tag].fullmatch(value) is not None
    elif name == "style":
        fine = not ESCAPING.search(value) and len(value) < 200
    else:
        fine = not NEVER_ATTRIBUTES.match(name)
    return [] if fine else [f"<{tag} {name}={value[:80]!r}>"]


def _is_fine_link(value: str, element: Any) -> bool:
    """It opens elsewhere, tells nobody where from, and shows where it goes; or it is a file."""
    if element.get("download") is not None:
        return SAVED.match(value) is not None
    told = {"noopener", "noreferrer"} <= set(element.get("rel", "").split())
    shown = element.get("title", "") + "".join(element.itertext())
    host = re.match(r"https?://([a-z0-9.\[\]:-]+)(?:[/?#]|$)", value)
    is_shown = host is not None and host[1] in shown
    return is_shown and told and element.get("target") == "_blank"


def unseen(text: str) -> set[str]:
    """Characters that would not be seen, save where a script, an emoji or Hebrew needs them."""
    found = set()
    for n, char in enumerate(text):
        if char.isascii():
            if char < " " and char not in "\n\t":
                found.add(char)
            continue
        is_format = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} or char in BLANK
        around = text[max(0, n - 1) : n + 2]
        needed = char in "\u200c\u200d\u200e\u200f\u061c" and any(ord(c) > 0x58F for c in around)
        if is_format and not needed:
            found.add(char)
    return found


@pytest.mark.parametrize(
    "page",
    [
        "<script>x</script>", "<p onclick=x>y</p>", '<a href="javascript:x">y</a>', "<p>", "</p>",
        '<a href="https://a.b/" target="_blank" rel="noopener noreferrer">another name</a>',
        '<a href="https://a.b@c.d/" target="_blank" rel="noopener noreferrer">a.b</a>',
        '<img src="https://a.b/c.png">', '<img src="data:image/svg+xml;base64,AA==">', "a\u202eb",
        '<p style="position:fixed">x</p>', '<p id="x">y</p>', "<ul><li>x</ul>", "<p>&nope;</p>",
        '<a download="x" href="data:text/html;base64,AA==">y</a>',
    ],
)  # fmt: skip
def test_the_check_can_fail(page: str) -> None:
    """Each of these is found wrong, or is no markup."""
    with suppress(html5lib.html5parser.ParseError):
        assert wrong_in(page)


# What is shown


def card(**changes: Any) -> Any:
    return samples.record(Stage.FINALIZED, **changes)


def shown(value: Any, data: Any = None) -> tuple[str, str]:
    return render.answer_html(value, data=data), render.answer_text(value, data=data)


def pages(text: str) -> Iterator[tuple[str, Callable[[], str], Callable[[], str]]]:
    """Every renderer of records, with the text wherever a stranger's words can be."""
    source = samples.record().source
    record = card(
        source_name=text, function=text, name=text, network=text, problem=text,
        explorer_url=text, tx_hash=text, address=text,
    )  # fmt: skip
    answers = {samples.RESPONSES[0]: Answer(problem=text)}
    manual, several = samples.choosing()
    several = dict(several) | {samples.RESPONSES[1]: Answer(problem=text)}
    now = samples.NOW
    plan = render.PlanInfo(
        payload=text.encode(errors="replace"), source_name=text, source=source, function=text,
        payment=1, gas=1, max_fee_total=1, expires_at=int(now), now=now, wallet_before=1,
        wallet_after_at_least=1, vault_before=1, vault_after=1, earlier=text,
    )  # fmt: skip
    status = render.StatusInfo(text, 1, 1, text, 1, 1, 1, 1)
    market = SourceRecord(
        address=source, client=source, status=SourceStatus.ACTIVE, metadata_url=text,
        environments=1, min_payment=1, min_lockup=0, max_expiry=1, name=text, description=text,
        delivery=DeliveryMethod.FIRST_RESPONSE, task_count=1, provider_count=1,
    )  # fmt: skip
    yield "task", partial(render.html, record, answers, now, note=text), partial(
        render.text, record, answers, now)  # fmt: skip
    yield "choices", partial(render.html, manual, several, now), partial(
        render.text, manual, several, now)  # fmt: skip
    yield "tasks", partial(render.tasks_html, [record], now), partial(
        render.tasks_text, [record], now)  # fmt: skip
    yield "plan", partial(render.plan_html, plan), partial(render.plan_text, plan)
    yield "status", partial(render.status_html, status), partial(render.status_text, status)
    yield "sources", partial(render.sources_html, [market]), partial(render.sources_text, [market])


def without_style(page: str) -> str:
    """The rules are ours, and the same for all: they are checked once."""
    return re.sub(r"<style>[^<]*</style>", "", page)


@pytest.mark.parametrize("name", hostile.TEXTS)
def test_a_text_in_every_answer(name: str) -> None:
    """In each place of each shape of answer: markup of ours alone, and text that is seen."""
    text = hostile.TEXTS[name]
    views = {shape: shown(make(text), hostile.ASKED) for shape, make in hostile.SHAPES.items()}

    for shape, (page, words) in views.items():
        assert wrong_in(page) == [], shape
        assert unseen(words) == set(), shape
        assert len(page) < 700_000, shape
        assert len(words) < 100_000, shape


@pytest.mark.parametrize("name", hostile.TEXTS)
def test_a_text_in_every_record(name: str) -> None:
    """As a name, a network, a problem, a payload, an address and a description."""
    text = hostile.TEXTS[name]
    for place, page, words in pages(text):
        assert wrong_in(without_style(page())) == [], place
        assert unseen(words()) == set(), place
        assert "\n" not in render.line(card(name=text, problem=text, function=text), samples.NOW)


@pytest.mark.parametrize("name", hostile.answers())
def test_a_whole_answer(name: str) -> None:
    """Pictures that are pages, numbers that are none, trees without end."""
    value = hostile.answers()[name]
    page, words = shown(value, hostile.ASKED)
    record, _ = samples.answered(None, {"data": value} if "number" not in name else None)

    assert wrong_in(page) == []
    assert unseen(words) == set()
    answer = Answer.model_construct(value=value, problem="")  # deeper than a decoder lets in
    whole = render.html(record, {samples.RESPONSES[0]: answer}, samples.NOW)
    assert wrong_in(without_style(whole)) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_kind_by_force(kind: Any) -> None:
    """A kind that is asked for reads what it can, refuses the rest, and never fails."""
    values = [make(text) for text in _few().values() for make in hostile.SHAPES.values()]
    for value in [*values, *hostile.answers().values()]:
        read = kind.read(value, Given(hostile.ASKED))
        if read is not None:
            assert wrong_in(kind.to_html(read)) == []
            assert unseen(kind.to_text(read)) == set()


def _few() -> dict[str, str]:
    more = ("letters: marks of direction", "terminal: a link", "Markdown: a link's title")
    return {name: hostile.TEXTS[name] for name in (*hostile.WORST, *more)}


def test_our_rules_stay_with_our_views() -> None:
    """Every selector starts at the view; no rule loads anything, or leaves the view's box."""
    from ogpu_jupyter.render.style import all_rules

    rules = all_rules()
    plain = re.sub(r"@keyframes [\w-]+\{(?:[^{}]*\{[^{}]*\})*\}", "", rules)
    while "(" in plain:
        plain = re.sub(r"\([^()]*\)", "", plain)
    selectors = re.findall(r"(?:^|[{};])([^{};@]+)\{", plain)

    assert len(selectors) > 50
    for selector in ",".join(selectors).split(","):
        assert selector.strip().startswith(".ogpu.ogpu.ogpu"), selector
    assert not re.search(r"url\(|@import|@font-face|position:fixed|expression|</", rules)


@pytest.mark.parametrize("name", hostile.TEXTS)
def test_words_of_a_node_in_an_error(name: str) -> None:
    """An error's lines are text that is seen, whoever wrote its words."""
    error = RpcError(hostile.TEXTS[name], spent="Nothing was spent.", hint=hostile.TEXTS[name])

    assert unseen("\n".join(error._render_traceback_())) == set()
    assert unseen(str(error)) == set()


def _soon(value: Any) -> str:
    begin = time.process_time()
    shown = render.answer_html(value) + render.answer_text(value)
    assert time.process_time() - begin < 10
    return shown


def test_many_things_of_as_many_kinds() -> None:
    """The time grows with the things, not with their square."""
    box = {"xmin": 1, "ymin": 1, "xmax": 2, "ymax": 2}

    shown = _soon([{"label": f"a{n}", "score": 0.5, "box": box} for n in range(60_000)])

    assert "59,975 more things" in shown


def test_a_small_text_of_huge_tables() -> None:
    """Rows that are filled up to the width of their heading: such tables stay text."""
    width = 3000
    text = f"**a**\n{'|'.join('a' * width)}\n{'|'.join('-' * width)}\n" + "a\n" * 4000

    assert "<table" not in _soon([text] * 20)
    assert "<table" in _soon("|a|b|\n|--|--|\n|1|2|")


def test_many_texts_are_counted() -> None:
    assert "999,980 more texts" in _soon(["a"] * 1_000_000)


def test_a_picture_of_empty_parts_is_none() -> None:
    size = b"\xc0\0\x0b\x08\0\x10\0\x10\0\0\0\0\xff\xd9"
    few, empty = (b"\xff\xd8\xff" + b"\xe0\0\x02\xff" * n + size for n in (9, 100_000))

    assert picture(base64.b64encode(few).decode()) is not None
    assert picture(base64.b64encode(empty).decode()) is None


_SOUND = b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x08\0\0\0........"


@pytest.mark.parametrize(
    ("head", "part", "tail"),
    [
        (b"RIFF\0\0\0\0WAVE", b"xxxx\0\0\0\0", _SOUND),
        (b"\0\0\0\x18ftypisom" + bytes(12), b"\0\0\0\x08free", b"\0\0\0\x08moov"),
    ],
)
def test_a_recording_of_empty_parts_is_none(head: bytes, part: bytes, tail: bytes) -> None:
    """What would make it a recording stands behind more parts than are looked at."""
    few, many = (base64.b64encode(head + part * n + tail).decode() for n in (90, 50_000))

    assert clip(few) is not None
    assert clip(many) is None


def test_a_kind_that_fails_takes_nothing_else_away() -> None:
    """A fault of ours is logged, and the answer is shown as JSON, and that is said."""

    def fails(_: Any) -> str:
        raise ZeroDivisionError

    broken = Kind("broken", lambda value, _: value, fails, fails)
    KINDS.insert(0, broken)
    try:
        shown = render.answer_html({"a": "<b>"}), render.answer_text({"a": "<b>"})
    finally:
        KINDS.remove(broken)

    assert "&lt;b&gt;" in shown[0]
    assert '"a": "<b>"' in shown[1]
    assert all("is shown as JSON." in each for each in shown)
