"""Every state of a task in every medium: its state, id, cost and answer are there, in words.

One notebook has a cell for each state, saved while some of its tasks are under way. It is
exported, printed, and reopened by kernels that have never heard of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from markdown_it import MarkdownIt
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat.sign import NotebookNotary
from traitlets.config import Config

from ogpu_jupyter.render.stages import badge
from ogpu_jupyter.tasks import Stage
from ogpu_jupyter.units import format_amount
from tests.fake_task import FakeTask
from tests.helpers import ROOT
from tests.notebooks.cells import notebook_of
from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.browser.driver import NotebookPage

SCREENS = ROOT / "artefacts" / "screens"
ANSWER = "It is <42>, says the provider."
SETUP = """from ogpu_jupyter import display
from tests.browser.test_record import STATES
"""


def states() -> dict[str, FakeTask]:
    """By name: each stage, and the moments between two."""
    answers = {samples.RESPONSES[0]: samples.Answer(value=ANSWER)}
    made = {
        stage.value: FakeTask(samples.record(stage, name=stage.value), answers) for stage in Stage
    }
    made["choosing"] = FakeTask(*samples.choosing())
    made["chosen"] = FakeTask(*samples.choosing(confirmed=True))
    made["unread"] = FakeTask(samples.record(name="unread"))
    late = {samples.RESPONSES[0]: samples.Answer(problem="The bytes don't match the CID.")}
    made["wrong"] = FakeTask(samples.record(name="wrong"), late)
    odd = "One.\n\n# not a heading\n\n![a](https://example.org/a.png)\n\n    [b](javascript:b)"
    late = {samples.RESPONSES[0]: samples.Answer(value=odd)}
    made["odd"] = FakeTask(samples.record(name="odd"), late)
    return made


STATES = states()


def expected(name: str) -> list[str]:
    """What a reader has to find: the state, the id, the cost, and the answer or why not."""
    record = STATES[name].record
    words = [badge(record), record.reference, format_amount(record.payment)]
    if name in {"choosing", "chosen"}:
        return [*words, "Rayleigh scattering", "The ocean."]
    if record.responses and name not in {"unread", "wrong", "odd"}:
        words.append(ANSWER)
    more = {"unread": ["being fetched"], "wrong": ["match the CID"], "odd": ["not a heading"]}
    return [*words, *more.get(name, [])]


@pytest.fixture(scope="module")
def notebook(kernel_env: Callable[..., dict[str, str]]) -> nbformat.NotebookNode:
    """All states, shown in one kernel; nobody waits for any."""
    from nbclient import NotebookClient

    cells = [f"display.show(STATES[{name!r}])" for name in STATES]
    client = NotebookClient(notebook_of(SETUP, *cells), timeout=60, kernel_name="python3")
    return client.execute(env=kernel_env(PYTHONPATH=ROOT))


@pytest.fixture
def offline(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(offline=True, viewport={"width": 1000, "height": 1000})
    yield context.new_page()
    context.close()


def check(words: dict[str, str]) -> None:
    """The text of each state says what it has to; none speaks of what is missing."""
    lacking = {
        name: missing
        for name, text in words.items()
        if (missing := [part for part in expected(name) if part.lower() not in text.lower()])
    }
    noise = ("not found", "loading widget", "error displaying", "traceback", "[object")
    assert lacking == {}
    assert [part for part in noise if part in " ".join(words.values()).lower()] == []


def export(notebook: nbformat.NotebookNode, file: Path, *, widgets: bool, template: str) -> None:
    if not widgets:
        notebook = nbformat.from_dict({**notebook, "metadata": {}})
    text, _ = HTMLExporter(template_name=template).from_notebook_node(notebook)
    file.write_text(text)


@pytest.mark.browser
@pytest.mark.parametrize("widgets", [True, False], ids=["widget state", "no widget state"])
@pytest.mark.parametrize("template", ["lab", "classic", "basic"])
def test_exported(
    notebook: nbformat.NotebookNode, offline: Page, tmp_path: Path, template: str, widgets: bool
) -> None:
    """In each of nbconvert's pages, opened without a network."""
    export(notebook, tmp_path / "page.html", widgets=widgets, template=template)
    offline.goto((tmp_path / "page.html").as_uri())
    views = offline.locator(".ogpu")

    assert views.count() == len(STATES)
    check(dict(zip(STATES, views.all_inner_texts(), strict=True)))
    check({"sent": offline.locator("body").inner_text()})


@pytest.mark.browser
def test_markdown(notebook: nbformat.NotebookNode, offline: Page) -> None:
    """As a reader of the Markdown sees it, and nothing of an answer is taken for Markdown."""
    text, _ = MarkdownExporter().from_notebook_node(notebook)
    offline.set_content(MarkdownIt("commonmark").render(text))
    views = offline.locator(".ogpu")

    check(dict(zip(STATES, views.all_inner_texts(), strict=True)))
    assert offline.locator("h1, h2, img, a[href^=javascript]").count() == 0


def test_plain_text(notebook: nbformat.NotebookNode) -> None:
    """For who asks nbconvert for text: a block for each state that needs no page."""
    config = Config(NbConvertBase={"display_data_priority": ["text/plain"]})
    text, _ = MarkdownExporter(config=config).from_notebook_node(notebook)
    blocks = text.split("display.show(STATES[")[1:]

    check({name: " ".join(block.split()) for name, block in zip(STATES, blocks, strict=True)})
    assert "<div" not in text


@pytest.mark.browser
def test_on_paper(notebook: nbformat.NotebookNode, offline: Page, tmp_path: Path) -> None:
    """Nothing is folded, cut off or scrolled, and no card's head stands alone at a page's end."""
    export(notebook, tmp_path / "page.html", widgets=False, template="lab")
    offline.goto((tmp_path / "page.html").as_uri())
    offline.emulate_media(media="print")
    SCREENS.mkdir(parents=True, exist_ok=True)

    check(dict(zip(STATES, offline.locator(".ogpu").all_inner_texts(), strict=True)))
    asked = offline.get_by_text("Why is it?")
    assert asked.count() == asked.filter(visible=True).count() >= len(Stage)
    cut: Any = offline.evaluate(
        """[...document.querySelectorAll('.ogpu *')].filter(e => {
             const way = getComputedStyle(e).overflowX;
             return way !== 'visible' && e.scrollWidth > e.clientWidth + 1;
           }).map(e => e.className)"""
    )
    assert cut == []
    pdf = offline.pdf(path=SCREENS / "record.pdf", format="A4")
    assert 3 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 2 * len(STATES)


def put(page: NotebookPage, notebook: nbformat.NotebookNode, *, trusted: bool) -> str:
    """The file beside a server; a trusted one is signed as that server signs what it ran."""
    name = f"record-{'trusted' if trusted else 'stranger'}.ipynb"
    kernel = {"name": "python3", "display_name": "Python 3"}
    last = [nbformat.v4.new_markdown_cell(name)]  # equal contents would have equal signatures
    notebook = nbformat.from_dict(
        {**notebook, "cells": [*notebook.cells, *last], "metadata": {"kernelspec": kernel}}
    )
    nbformat.write(notebook, page.frontend.root / name)
    if trusted:
        notary = NotebookNotary(data_dir=str(page.frontend.data))
        notary.sign(nbformat.read(page.frontend.root / name, as_version=4))
    return name


@pytest.mark.browser
@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "untrusted"])
def test_reopened(page: NotebookPage, notebook: nbformat.NotebookNode, trusted: bool) -> None:
    """With a kernel that doesn't know the tasks: as it was saved, and no words of a widget."""
    page.frontend.configure("notebook-extension/tracker", windowingMode="none")
    page.page.set_viewport_size({"width": 1000, "height": 9000})
    page.open(put(page, notebook, trusted=trusted))
    page.output(len(STATES)).get_by_text("not a heading").first.wait_for()
    page.page.wait_for_timeout(3500)  # what is not found is looked for during two seconds
    SCREENS.mkdir(parents=True, exist_ok=True)
    trust = "trusted" if trusted else "untrusted"
    page.page.screenshot(path=SCREENS / f"{page.frontend.kind}-{trust}.png")

    words = {name: page.output(n).inner_text() for n, name in enumerate(STATES, 1)}
    check(words)
    assert (page.page.locator(".ogpu + style").count() > 0) == trusted
