"""The hostile corpus in a real page: nothing runs, nothing is fetched, nothing moves.

In JupyterLab, in Notebook 7, in the notebook as it is reopened without trust, and in the
exported page, with Chromium's own parser as the judge of what is in the page.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests import hostile
from tests.helpers import ROOT, wait_until
from tests.render import checks

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.browser.driver import NotebookPage

pytestmark = pytest.mark.browser

SETUP = f"""import sys; sys.path.insert(0, {str(ROOT)!r})
from ogpu_jupyter import display
{hostile.notebook_code()}
for task in shown:
    task.now = task.record.expires_at  # no clock moves
"""
SHOW = "for task in shown:\n    display.show(task, controls=False)\nprint('all of them')"
# One view between two neighbours; the last cell puts the next task into it.
ONE = """from tests.render import samples
from ogpu_jupyter.tasks import Answer, Stage
one = FakeTask(samples.record(Stage.RESPONDED), {samples.RESPONSES[0]: Answer(value="harmless")})
one.now = one.record.expires_at
others = iter(enumerate([FakeTask(one.record, one.answers), *shown]))
display.show(one, controls=False)"""
NEXT = """n, other = next(others)
one.note = f"Number {n}."
one.record, one.answers = other.record, other.answers
one.advance()
"""

# Boxes of everything but the view: what is in the notebook by its place in it, less the height
# of the view's cell when it is below; all else by its place in the window.
LEFT_OUT = """
  .jp-InputArea-prompt, .cm-editor, .jp-NotebookPanel-toolbar, .jp-Notebook-footer, script, style,
  #jp-main-statusbar, #jupyterlab-splash, .lm-ScrollBar, .jp-DebuggerBugButton, head,
  .jp-WindowedPanel-scrollbar, [class*=ExecutionIndicator], .jp-NotebookKernelLogo,
  .jp-NotebookCheckpoint, .jp-NotebookCheckpoint ~ .jp-Toolbar-spacer
"""
OUTSIDE = """
leftOut => {
  const view = document.querySelector('.ogpu').closest('.jp-OutputArea');
  const own = view.closest('.jp-Cell'), cells = [...document.querySelectorAll('.jp-Cell')];
  const start = cells[0].getBoundingClientRect().top;
  const height = own.getBoundingClientRect().height;
  const found = [];
  for (const e of document.querySelectorAll('*')) {
    if (!e.getClientRects().length || view.contains(e) || e.contains(view)) continue;
    if (e.closest(leftOut)) continue;
    const box = e.getBoundingClientRect(), cell = e.closest('.jp-Cell');
    const below = cell && cells.indexOf(cell) > cells.indexOf(own);
    if (cell ? cell === own && !e.closest('.jp-Cell-inputWrapper') : e.closest('.jp-Notebook'))
      continue;  // as high as the view
    const y = cell ? box.top - start - (below ? height : 0) : box.top;
    found.push([e.tagName, String(e.className.baseVal ?? e.className).slice(0, 60),
      ...[box.left, y, box.width, box.height].map(n => Math.round(n))].join(' '));
  }
  return found;
}"""
# What a parser made of our views.
WRONG = """
([tags, never]) => [...document.querySelectorAll('.ogpu, .ogpu *')].flatMap(e => {
  const wrong = [];
  if (!tags.includes(e.localName)) wrong.push(`<${e.localName}>`);
  for (const {name, value} of e.attributes) {
    if (name.startsWith('on') || never.includes(name)) wrong.push(`${name}=${value.slice(0, 40)}`);
    const fine = new RegExp('^(https?://|mailto:|'
      + 'data:(image|audio|video|application|text/(plain|csv))[^,]*,)');
    if (['href', 'src'].includes(name) && !fine.test(value)) wrong.push(value.slice(0, 60));
    if (name === 'src' && !value.startsWith('data:')) wrong.push(`src=${value.slice(0, 60)}`);
  }
  if (getComputedStyle(e).position === 'fixed') wrong.push(`${e.localName} is fixed`);
  return wrong;
})"""
# What is wider than its place, or paints beyond the view.
BEYOND = """
() => [...document.querySelectorAll('.ogpu')].flatMap(view => {
  const place = view.parentElement.getBoundingClientRect(), box = view.getBoundingClientRect();
  const style = getComputedStyle(view);
  const wrong = [];
  if (box.right > place.right + 1 || box.left < place.left - 1) wrong.push('too wide');
  if (!['clip', 'hidden'].includes(style.overflowX)) wrong.push('not clipped');
  return wrong;
})"""
NEVER = ["id", "srcset", "srcdoc", "formaction", "action", "ping", "background", "popover",
         "autofocus", "contenteditable", "accesskey", "data-commandlinker-command"]  # fmt: skip
TAGS = sorted(checks.TAGS | hostile.HARMLESS)
THEIRS = {"Cannot read properties of undefined (reading 'schema')"}  # Notebook 7's, at its start
OURS = ("ogpu", "hostile", "refused to", "content security", "mixed content", "mathjax")


class Watch:
    """What a page does that it should not."""

    def __init__(self, page: Page, *origins: str) -> None:
        self.page = page
        self.dialogs: list[str] = []
        self.outside: list[str] = []
        self.said: list[str] = []
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self._asked(request.url, origins))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._broken(str(error)))

    def _dialog(self, dialog: Any) -> None:
        if dialog.type == "beforeunload":  # the frontend's own, where a widget came after the save
            dialog.accept()
            return
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _broken(self, error: str) -> None:
        if error not in THEIRS:
            self.said.append(error)

    def _asked(self, url: str, origins: tuple[str, ...]) -> None:
        if not url.startswith((*origins, "data:", "blob:", "about:")):
            self.outside.append(url)

    def _console(self, message: Any) -> None:
        words = message.text.lower()
        if message.type in {"error", "warning"} and any(word in words for word in OURS):
            self.said.append(message.text)

    def finds_nothing(self, *extra: str) -> None:
        """`extra` are tags that a live widget has beside those of a view."""
        self.page.wait_for_timeout(500)  # what was to be loaded or run late
        assert self.page.evaluate(f"window.{hostile.FLAG}") is None
        assert self.dialogs == []
        assert self.outside == []
        assert self.said == []
        assert self.page.evaluate(WRONG, [[*TAGS, *extra], [] if extra else NEVER]) == []
        assert self.page.evaluate(BEYOND) == []


def test_the_corpus_in_a_notebook(page: NotebookPage) -> None:
    """Run, saved, and opened again without trust."""
    page.frontend.configure("notebook-extension/tracker", windowingMode="none")
    watch = Watch(page.page, page.frontend.url, page.frontend.url.replace("http", "ws"))
    page.create(SETUP, SHOW)
    page.run_cell(0)
    page.run_cell(1, 120)
    page.output(1).get_by_text("all of them").wait_for(timeout=60_000)
    count = page.page.locator(".ogpu").count()
    watch.finds_nothing()
    page.page.screenshot(path=ROOT / "artefacts" / "screens" / f"{page.frontend.kind}-hostile.png")

    stranger = page.save()
    stranger.metadata["from"] = "a stranger"  # so that it is no longer the one that was signed
    name = f"strange-{page.name}"
    nbformat.write(stranger, page.frontend.root / name)
    page.open(name)
    page.output(1).get_by_text("all of them").wait_for(timeout=60_000)
    page.page.wait_for_timeout(1000)

    assert count == len(hostile.tasks())
    assert page.page.evaluate(f"window.{hostile.FLAG}") is None
    assert watch.dialogs == watch.outside == []
    assert page.page.evaluate(WRONG, [TAGS, NEVER]) == []


def test_nothing_outside_the_view_moves(page: NotebookPage) -> None:
    """Its neighbours, the toolbars and the menus are where they are with a harmless answer."""
    page.frontend.configure("notebook-extension/tracker", windowingMode="none")
    scrolling = {"of": "@jupyter-notebook", "autoScrollOutputs": False}  # after a while, if tall
    page.frontend.configure("notebook-extension/scroll-output", **scrolling)
    page.page.set_viewport_size({"width": 1200, "height": 900})
    page.create(SETUP, "print('above')", ONE, NEXT)
    for index in (0, 1, 2):
        page.run_cell(index)
    page.page.mouse.move(5, 5)
    harmless = None
    for n in range(len(hostile.tasks()) + 1):
        page.run_cell(3)
        page.output(2).get_by_text(f"Number {n}.").wait_for()
        page.page.locator(".jp-Cell.jp-mod-active .jp-cell-toolbar").wait_for()  # late, if busy
        after = page.page.evaluate(OUTSIDE, LEFT_OUT)
        harmless = harmless or after
        assert after == harmless, sorted(set(harmless) ^ set(after))[:8]
        assert page.page.evaluate(BEYOND) == []


@pytest.mark.lab
def test_a_link_tells_nobody_where_it_is(page: NotebookPage) -> None:
    """Opened in a tab of its own, without an opener and without a referrer."""
    code = "from tests.render import samples\nfrom ogpu_jupyter.tasks import Answer\n"
    text = f"See [the page]({hostile.LINK})."
    page.page.context.route("https://example.com/**", lambda route: route.fulfill(
        content_type="text/html", body="<title>there</title>", status=200))  # fmt: skip
    page.create(SETUP, f"{code}task = FakeTask(*samples.answered({{'role': 'assistant', "
                f"'content': {text!r}}}))\ndisplay.show(task)")  # fmt: skip
    page.run_cell(0)
    page.run_cell(1)
    link = page.output(1).locator(f'a[href="{hostile.LINK}"]')
    assert "example.com" in link.locator("xpath=..").inner_text()

    with page.page.context.expect_page() as opened, page.page.context.expect_event(
        "request", lambda request: request.url.startswith("https://example.com")
    ) as asked:  # fmt: skip
        link.click()

    there = opened.value
    there.wait_for_load_state()
    assert there.evaluate("[window.opener, document.referrer]") == [None, ""]
    assert "referer" not in asked.value.all_headers()
    there.close()
    assert page.page.url.startswith(page.frontend.url)


def test_the_corpus_in_live_widgets(page: NotebookPage) -> None:
    """`view()` and the words of an error beside the buttons."""
    watch = Watch(page.page, page.frontend.url, page.frontend.url.replace("http", "ws"))
    page.create(
        SETUP,
        "from ogpu_jupyter.widgets.view import view\n"
        "import ipywidgets\nipywidgets.VBox([view(task) for task in shown])",
        "from ogpu_jupyter.errors import RpcError\nfrom tests.render import samples\n"
        "from ogpu_jupyter.tasks import Stage\n"
        "failing = FakeTask(samples.record(Stage.PUBLISHED))\n"
        "words = ' '.join(hostile.TEXTS[name] for name in hostile.WORST)\n"
        "failing.failure = RpcError('words: ' + words)\n"
        "display.show(failing)",
    )
    page.run_cell(0)
    page.run_cell(1, 120)
    page.page.locator(".ogpu").nth(3).wait_for(timeout=60_000)
    page.run_cell(2)
    page.output(2).get_by_role("button", name="Cancel").click()
    page.output(2).get_by_text("words:").wait_for()

    wait_until(lambda: page.page.locator(".ogpu").count() > len(hostile.tasks()))
    watch.finds_nothing()


# Elements that only a stranger's markup could have made below a cell.
MADE = """() => [...document.querySelectorAll('.jp-OutputArea *')].filter(e =>
  ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'MARQUEE', 'META', 'BASE', 'LINK', 'MATH', 'FRAMESET']
    .includes(e.tagName.toUpperCase())
  || [...e.attributes].some(a => a.name.startsWith('on') || a.name === 'srcdoc'
    || a.name === 'data-commandlinker-command' || /^\\s*javascript:/i.test(a.value)
       && ['href', 'src', 'action', 'formaction', 'xlink:href'].includes(a.name))
).map(e => e.outerHTML.slice(0, 120))"""
FORMS = """import ipywidgets
from ogpu_jupyter.forms.shapes import of_schema
from tests.widgets.forms import Heard
def form(text):
    bench = Heard().bench
    shape = of_schema(hostile.metadata(text)["functions"][0]["schema"], text)
    return bench.control(shape.root, text, 0).widget
names = [n for n in hostile.TEXTS if not n.startswith(("giant", "letters"))][::3]
ipywidgets.VBox([form(hostile.TEXTS[name]) for name in names] + [ipywidgets.Label("the end")])
"""
HISTORY = """import os, tempfile
os.environ["OGPU_JUPYTER_HOME"] = tempfile.mkdtemp()
%load_ext ogpu_jupyter
from ogpu_jupyter.journal import Journal
from tests.journalling import draft
fields = ("name", "source_name", "function", "network", "notebook", "problem", "address")
with Journal() as journal:
    for text in list(hostile.TEXTS.values())[::2]:
        facts = dict.fromkeys(fields, text) | {"stage": samples.Stage.FAILED}
        journal.intend(draft(**facts), new=True)
"""


@pytest.mark.lab
def test_a_form_of_hostile_metadata(page: NotebookPage) -> None:
    """Titles, descriptions, defaults and choices of a stranger's schema are words."""
    watch = Watch(page.page, page.frontend.url, page.frontend.url.replace("http", "ws"))
    page.create(SETUP, FORMS)
    page.run_cell(0)
    page.run_cell(1, 120)
    page.output(1).get_by_text("the end").wait_for(timeout=60_000)

    watch.finds_nothing()
    assert page.page.evaluate(MADE) == []
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")


@pytest.mark.lab
def test_a_history_of_hostile_tasks(page: NotebookPage) -> None:
    """The live table, with a stranger's words in every column."""
    watch = Watch(page.page, page.frontend.url, page.frontend.url.replace("http", "ws"))
    page.create(SETUP, f"from tests.render import samples\n{HISTORY}", "%ogpu tasks")
    for index in (0, 1, 2):
        page.run_cell(index, 120)
    grid = page.output(2).get_by_role("grid")
    grid.wait_for(timeout=60_000)
    for _ in range(4):
        grid.evaluate("grid => { grid.scrollTop += 300 }")
        page.page.wait_for_timeout(300)

    watch.finds_nothing("select", "option", "tfoot")
    assert page.page.evaluate(MADE) == []


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as the outputs of a notebook, through nbconvert, without its own scripts."""
    from ogpu_jupyter.display import bundle
    from tests.fake_task import FakeTask

    notebook = nbformat.v4.new_notebook()
    for task in hostile.tasks().values():
        data, metadata = bundle(FakeTask(*task))
        output = nbformat.v4.new_output("display_data", data, metadata=metadata)
        notebook.cells.append(nbformat.v4.new_code_cell("task", outputs=[output]))
    notebook = nbformat.from_dict(json.loads(json.dumps(notebook)))  # as it is read from a file
    scripts = ("mathjax_url", "require_js_url", "jquery_url", "widget_renderer_url")
    exporter = HTMLExporter(**dict.fromkeys(scripts, ""))
    text, _ = exporter.from_notebook_node(notebook)
    file = tmp_path_factory.mktemp("exported") / "page.html"
    file.write_text(text, errors="surrogatepass")
    return file


@pytest.mark.parametrize("width", [480, 1600])
def test_the_corpus_exported(exported: Path, chromium: Browser, width: int) -> None:
    """The page alone, opened from the disk, also with everything unfolded."""
    tab = chromium.new_page(viewport={"width": width, "height": 900})
    watch = Watch(tab, exported.as_uri())
    tab.goto(exported.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

    assert tab.locator(".ogpu").count() == len(hostile.tasks())
    watch.finds_nothing()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    tab.close()
