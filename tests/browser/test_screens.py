"""Pictures of the real view, light and dark: `artefacts/screens/`, for people to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.driver import Frontend, NotebookPage

pytestmark = pytest.mark.browser

SCREENS = ROOT / "artefacts" / "screens"
SETUP = "%load_ext ogpu_jupyter\n%ogpu connect local\n%ogpu deposit 1"
CELLS = {
    "chat": "%%ogpu_task text2text text2text --as chat --template chat --wait\n"
    "What is a vault, and what is 17 * 23?",
    "picture": "%%ogpu_task text2image text2image --as picture --wait\n"
    '{"prompt": "a small boat on a calm sea at sunset"}',
    "table": "%%ogpu_task describe describe --as table --wait\n"
    '{"rows": [{"city": "Lisbon", "sun": 2806}, {"city": "Bergen", "sun": 1187}]}',
    "labels": "%%ogpu_task inference inference --as mood --wait\n"
    "input: I love this little harbour, the food was wonderful.\n"
    "args: {task: text-classification}",
    "failing": "%%ogpu_task fail fail --as broken --expires 10m\n{}",
    "price": "%%ogpu_task text2text text2text --as why --template chat --dry-run\n"
    "Why is the sky blue?",
    "history": "%ogpu tasks",
    "status": "%ogpu status",
    "sources": "%ogpu sources",
    "mistake": "%%ogpu_task text2text text2text --pya 0.1 --template chat\nHello",
}


FRONT = (
    """%load_ext ogpu_jupyter
%ogpu connect local
%ogpu deposit 1 --if-below 0.5""",
    """%%ogpu_task text2text text2text --as hello --template chat
What is 17 * 23?""",
    'hello.result()["content"]',
)


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"])
def theme(request: pytest.FixtureRequest, frontend: Frontend) -> Iterator[str]:
    frontend.configure("apputils-extension/themes", theme=request.param)
    yield request.param.split()[-1].lower()
    frontend.configure("apputils-extension/themes", theme="JupyterLab Light")


@pytest.mark.lab
def test_screens(page: NotebookPage, theme: str) -> None:
    """Every kind of output, as it looks in this frontend and theme, wide enough to read."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.create(SETUP, *CELLS.values())
    page.run_cell(0)
    for index in range(1, len(CELLS) + 1):
        page.run_cell(index)
    page.page.wait_for_timeout(500)

    for index, name in enumerate(CELLS, 1):
        cell = page.cell(index)
        cell.scroll_into_view_if_needed()
        box = page.output(index).bounding_box()
        cell.screenshot(path=SCREENS / f"{page.frontend.kind}-{theme}-{name}.png")

        assert box is not None
        assert box["height"] > 20
        assert box["x"] + box["width"] <= 1200
    page.page.screenshot(path=SCREENS / f"{page.frontend.kind}-{theme}.png")
    assert page.page.evaluate("document.body.dataset.jpThemeLight") == str(theme == "light").lower()


def test_front_page(page: NotebookPage) -> None:
    """The README's example, as a person has it on the screen: `docs/view.png` is this one."""
    page.page.set_viewport_size({"width": 980, "height": 780})
    page.create(*FRONT)
    if page.frontend.kind == "lab":
        page.page.keyboard.press("Control+b")
    for index in range(len(FRONT)):
        page.run_cell(index)

    assert "'17 * 23 = 391'" in page.output(2).inner_text()
    page.page.screenshot(path=SCREENS / f"{page.frontend.kind}-front.png")
