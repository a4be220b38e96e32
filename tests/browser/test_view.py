"""The view of a task in JupyterLab and Notebook 7: what a browser makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers import ROOT, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.driver import Frontend, NotebookPage

pytestmark = pytest.mark.browser

SETUP = f"""import sys; sys.path.insert(0, {str(ROOT)!r})
from ogpu_jupyter import display
from ogpu_jupyter.tasks import Answer, Stage
from tests.fake_task import FakeTask
from tests.render import samples
answers = {{samples.RESPONSES[0]: Answer(value="$x$ costs $5, <b>42</b>")}}
task = FakeTask(samples.record(Stage.PUBLISHED))
"""


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"])
def theme(request: pytest.FixtureRequest, frontend: Frontend) -> Iterator[str]:
    frontend.configure("apputils-extension/themes", theme=request.param)
    yield request.param.split()[-1].lower()
    frontend.configure("apputils-extension/themes", theme="JupyterLab Light")


def outputs(page: NotebookPage, index: int) -> list[float]:
    """The heights of what stands below a cell."""
    children = page.output(index).locator(".jp-OutputArea-child")
    return [child.bounding_box()["height"] for child in children.all()]  # type: ignore[index]


@pytest.mark.lab
def test_cancel_by_its_button(page: NotebookPage) -> None:
    """Pressed twice at once it calls once; then the buttons are gone and leave no space."""
    page.create(SETUP, "display.show(task)", "print(task.calls)", "")
    page.run_cell(0)
    page.run_cell(1)
    button = page.output(1).get_by_role("button", name="Cancel")
    button.wait_for()
    button.dblclick()
    wait_until(lambda: page.evaluate(3, "task.calls") == ["cancel"])

    page.type_cell(3, "task.advance(Stage.CANCELED)")
    page.run_cell(3)
    button.wait_for(state="detached")

    assert page.evaluate(3, "task.calls") == ["cancel"]
    assert sum(outputs(page, 1)[1:]) < 6
    assert "Canceled" in page.output(1).inner_text()


def test_live_and_saved_then_reopened(page: NotebookPage) -> None:
    """Saved while it is live, its kernel gone: the last known state, and no error in words."""
    page.create(SETUP, "display.show(task)", "")
    page.run_cell(0)
    page.run_cell(1)
    page.output(1).get_by_role("button", name="Cancel").wait_for()
    page.save()

    page.restart_kernel()
    page.open(page.name)
    page.output(1).get_by_text("Waiting for a provider").wait_for()
    page.page.wait_for_timeout(3500)  # what is not found is looked for during two seconds

    words = page.output(1).inner_text()
    assert "not found" not in words
    assert "Loading widget" not in words


def test_loaded_again_it_goes_on(page: NotebookPage) -> None:
    """With the same kernel: each change is seen, once, and the button works."""
    page.create(SETUP, "display.show(task)", "")
    page.run_cell(0)
    page.run_cell(1)
    page.output(1).get_by_role("button", name="Cancel").wait_for()
    page.save()

    page.open(page.name)
    page.output(1).get_by_text("This page was loaded again").wait_for()
    assert page.output(1).get_by_text("Waiting for a provider").filter(visible=True).count() == 1
    page.output(1).get_by_role("button", name="Cancel").click()
    wait_until(lambda: page.evaluate(2, "task.calls") == ["cancel"])
    page.type_cell(2, "task.advance(Stage.ATTEMPTED)")
    page.run_cell(2)
    page.output(1).get_by_text("is working on it").filter(visible=True).wait_for()
    page.type_cell(2, "task.advance(Stage.FINALIZED, answers)")
    page.run_cell(2)
    page.output(1).get_by_text("costs $5").filter(visible=True).wait_for()

    assert page.output(1).locator("article").filter(visible=True).count() == 1
    assert page.output(1).get_by_role("button", name="Cancel").count() == 0


@pytest.mark.lab
def test_words_stay_words(page: NotebookPage) -> None:
    """Dollars are no formula, and tags no elements."""
    page.create(SETUP, "task.advance(Stage.FINALIZED, answers); display.show(task)")
    page.run_cell(0)
    page.run_cell(1)
    page.page.wait_for_timeout(1000)

    assert "$x$ costs $5, <b>42</b>" in page.output(1).inner_text()
    assert page.output(1).locator("mjx-container, .MathJax").count() == 0


@pytest.mark.lab
def test_what_is_unfolded_stays_so_while_time_runs(page: NotebookPage) -> None:
    """The clock doesn't redraw the view under the reader."""
    page.create(SETUP, "display.show(task)", "import time\nfor n in range(30):\n"
                "    task.now += 1; time.sleep(0.1)")  # fmt: skip
    page.run_cell(0)
    page.run_cell(1)
    page.output(1).get_by_text("Data sent").click()
    page.run_cell(2)

    assert page.output(1).get_by_text("Why is it?").is_visible()


@pytest.mark.lab
def test_no_jump_between_stages(page: NotebookPage) -> None:
    """From published to attempted to answered, what stands above the answer keeps its height."""
    page.create(SETUP, "display.show(task, controls=False)", "")
    page.run_cell(0)
    page.run_cell(1)
    heights = [outputs(page, 1)[0]]
    for stage, words in (("ATTEMPTED", "is working on it"), ("CANCELED", "Canceled")):
        page.type_cell(2, f"task.advance(Stage.{stage})")
        page.run_cell(2)
        page.output(1).get_by_text(words).first.wait_for()
        heights.append(outputs(page, 1)[0])

    assert len(set(heights)) == 1


@pytest.mark.lab
def test_the_widget_is_the_same_view(page: NotebookPage) -> None:
    """`view(task)` follows too, in one widget."""
    page.create(SETUP, "from ogpu_jupyter.widgets.view import view\nview(task)", "")
    page.run_cell(0)
    page.run_cell(1)
    page.output(1).get_by_text("Waiting for a provider").wait_for()
    page.type_cell(2, "task.advance(Stage.FINALIZED, answers)")
    page.run_cell(2)

    page.output(1).get_by_text("costs $5").wait_for()
    assert page.output(1).get_by_role("button", name="Cancel").count() == 0


GALLERY = """from tests import gallery
from IPython.display import HTML, display as show
for part in (gallery.states(), gallery.answers(), gallery.tables()):
    show(HTML("".join(part.values())))  # JupyterLab folds what is more than fifty outputs
show(HTML("<p>The end.</p>"))
"""


@pytest.mark.lab
def test_gallery(page: NotebookPage, theme: str) -> None:
    """Every state and kind in this frontend and theme, kept as a picture; nothing is too wide."""
    folder = ROOT / "artefacts" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    page.frontend.configure("notebook-extension/tracker", windowingMode="none")
    page.page.set_viewport_size({"width": 1200, "height": 12_000})
    page.create(SETUP, "task.advance(Stage.PUBLISHED); display.show(task)", GALLERY)
    page.run_cell(0)
    page.run_cell(1)
    page.run_cell(2)
    page.output(2).get_by_text("The end.").wait_for()
    page.page.wait_for_timeout(300)
    page.page.screenshot(path=folder / f"{page.frontend.kind}-{theme}.png")

    wide: Any = page.page.evaluate(
        """[...document.querySelectorAll('.jp-OutputArea-output')]
           .filter(e => e.scrollWidth > e.clientWidth + 1).length"""
    )
    assert wide == 0
