"""A form in JupyterLab and Notebook 7, by keyboard alone, on a real local market."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers import ROOT, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.driver import NotebookPage

pytestmark = pytest.mark.browser

SETUP = "%load_ext ogpu_jupyter\n%ogpu connect local\n%ogpu deposit 1 --if-below 0.5"
FORM = "%ogpu form text2text text2text --as chat"
BUSY = "import time; time.sleep(2)"
COUNT = "len(__import__('ogpu_jupyter').kernel.current().tasks())"
MODEL = """from __future__ import annotations
import datetime as dt
from typing import Annotated, Literal, Optional, Union
from pydantic import BaseModel, Field
class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    name: str
    lives: int = Field(9, ge=1, le=9)
class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str
class Person(BaseModel):
    name: str = Field(min_length=2, description="As on the letter")
class Job(BaseModel):
    title: str = Field(description="What it is about", examples=["A lighthouse"])
    warmth: float = Field(0.7, ge=0, le=2, description="How free the answer is")
    mood: Literal["calm", "wild"] = "calm"
    exact: bool = True
    day: dt.date
    people: list[Person] = Field([], max_length=4)
    weights: dict[str, float] = {}
    pet: Annotated[Union[Cat, Dog], Field(discriminator="kind")]
    note: Optional[str] = None
    image: Annotated[bytes, Field(json_schema_extra={"contentEncoding": "base64",
        "contentMediaType": "image/png"})] = b"" """
FILLED = """_ = f.fill({"title": "x", "warmth": 7, "people": [{"name": "Ada"}, {"name": "B"}],
    "weights": {"a": 1.5}, "pet": {"kind": "dog", "name": "Rex"}})"""

NOISE = """import io
from PIL import Image
d = io.BytesIO()
Image.effect_noise((1200, 1200), 90).save(d, "PNG")
d = d.getvalue()"""


def shown(page: NotebookPage, index: int) -> Locator:
    """The form below a cell, when the source has been looked at."""
    form = page.output(index)
    form.get_by_text("the first answer").wait_for(timeout=30_000)
    return form


def focused(page: NotebookPage) -> dict[str, Any]:
    """What has the focus: its name as a screen reader gets it, and what describes it."""
    found: dict[str, Any] = page.page.evaluate(
        """() => {
          const e = document.activeElement;
          const text = (ids) => (ids || '').split(' ').filter(Boolean)
            .map((id) => document.getElementById(id)?.textContent.trim()).join(' ');
          const label = e.getAttribute('aria-label') || e.labels?.[0]?.textContent
            || e.textContent;
          const about = text(e.getAttribute('aria-describedby'));
          return {name: label.trim(), about, wrong: e.getAttribute('aria-invalid')};
        }"""
    )
    return found


def tab_to(page: NotebookPage, name: str, most: int = 40) -> None:
    """Press Tab until the focus is there: it can be reached."""
    for _ in range(most):
        if focused(page)["name"].startswith(name):
            return
        page.page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {name}: {focused(page)}")


def said(form: Locator) -> str:
    return form.locator(".ogpu-f-said").inner_text()


def test_by_keyboard_alone(page: NotebookPage) -> None:
    """Fill in, be corrected, check, publish, see the answer; then reopen the saved notebook."""
    page.create(SETUP, FORM, "")
    page.run_cell(0)
    page.run_cell(1)
    form = shown(page, 1)
    keys = page.page.keyboard

    form.get_by_role("radio", name="user").focus()  # from the cell into its output
    tab_to(page, "Content")
    assert "At most 100,000 characters" in focused(page)["about"]
    keys.type("What is 17 * 23?")
    tab_to(page, "Add to Messages")
    keys.press("Enter")
    wait_until(lambda: focused(page)["name"] == "system")
    tab_to(page, "Remove Message 2")
    keys.press("Enter")
    wait_until(lambda: form.get_by_role("textbox", name="Content").count() == 1)
    tab_to(page, "Payment")
    keys.type("0.0001")
    wait_until(lambda: focused(page)["wrong"] == "true")
    assert focused(page)["about"].startswith("The payment of 0.0001 OGPU is below")
    tab_to(page, "Publish")
    tab_to(page, "Publish ·")
    keys.press("Enter")
    wait_until(lambda: focused(page)["name"] == "Payment")
    assert form.get_by_role("alert").inner_text().startswith("The payment of 0.0001 OGPU")
    keys.press("Control+a")
    keys.press("Delete")
    tab_to(page, "Check")
    keys.press("Enter")
    form.get_by_text("All checks passed; nothing was sent.").wait_for()
    form.get_by_text("Dry run").wait_for()
    tab_to(page, "Publish ·")
    for _ in range(3):
        keys.press("Enter")
    form.get_by_text("Published for 0.001 OGPU. It is `chat` in this notebook.").wait_for()
    form.get_by_text("17 * 23 = 391").first.wait_for(timeout=30_000)

    assert page.evaluate(2, COUNT) == 1
    assert page.evaluate(2, "chat.result()['content']").startswith("17 * 23 = 391")
    saved = page.save().cells[1].outputs
    (record,) = [each for each in saved if each.metadata.get("ogpu")]
    assert "17 * 23 = 391" in record.data["text/html"]
    assert "17 * 23 = 391" in record.data["text/plain"]

    page.restart_kernel()
    page.open(page.name)
    page.output(1).get_by_text("The form itself is alive only while").wait_for()
    page.page.wait_for_timeout(3500)  # what is not found is looked for during two seconds
    words = page.output(1).inner_text()
    assert "17 * 23 = 391" in words
    assert "not found" not in words
    assert "Loading widget" not in words


def test_who_has_gone_on_is_not_called_back(page: NotebookPage) -> None:
    """Where the kernel is slow to say where the focus goes after a press."""
    page.create(SETUP, FORM, BUSY)
    page.run_cell(0)
    page.run_cell(1)
    form = shown(page, 1)
    add = form.get_by_role("button", name="Add to Messages")
    page.start_cell(2)  # the kernel hears of the press when this is over
    add.click()
    content = form.get_by_role("textbox", name="Content").first
    content.focus()
    page.page.keyboard.type("What is ")
    wait_until(lambda: form.get_by_role("textbox", name="Content").count() == 2)
    page.page.wait_for_timeout(500)  # for as long as the page would still look for its place
    page.page.keyboard.type("6 * 7?")

    assert content.input_value() == "What is 6 * 7?"


@pytest.mark.lab
@pytest.mark.parametrize("clicks", [2, 3])
def test_clicks_pay_once(page: NotebookPage, clicks: int) -> None:
    """Double and triple, also where a question stands between."""
    page.create(SETUP, FORM, "")
    page.run_cell(0)
    page.run_cell(1)
    form = shown(page, 1)
    form.get_by_role("textbox", name="Content").fill(f"What is 2 + {clicks}?")
    form.get_by_role("button", name="Publish ·").click(click_count=clicks)
    form.get_by_text("Published for").wait_for()
    assert page.evaluate(2, COUNT) == 1

    page.type_cell(2, "%config OgpuMagics.confirm_spending = True")
    page.run_cell(2)
    form.get_by_role("textbox", name="Content").fill(f"What is 3 + {clicks}?")
    form.get_by_role("button", name="Publish ·").click(click_count=clicks)
    pay = form.get_by_role("button", name="Pay 0.001 OGPU")
    pay.wait_for()
    wait_until(lambda: focused(page)["name"] == "Pay 0.001 OGPU")
    assert page.evaluate(2, COUNT) == 1
    pay.click(click_count=clicks)
    wait_until(lambda: "Published for" in said(form))

    assert page.evaluate(2, COUNT) == 2


@pytest.mark.lab
def test_every_control_has_a_name(page: NotebookPage) -> None:
    """As a screen reader gets it; groups too; and nothing stands there twice."""
    page.create(SETUP, MODEL, "f = %ogpu form text2text text2text --model Job\nf", FILLED)
    for index in range(4):
        page.run_cell(index)
    form = shown(page, 2)
    form.get_by_role("button", name="Check").click()
    form.get_by_role("alert").wait_for()

    nameless = form.locator(".ogpu-form").evaluate(
        """(form) => [...form.querySelectorAll('input, select, textarea, button')]
          .filter((e) => e.offsetParent && !e.getAttribute('aria-label') && !e.title
                         && !e.labels?.[0]?.textContent.trim() && !e.textContent.trim())
          .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    for role, name in (
        ("textbox", "Title"), ("textbox", "Warmth"), ("radiogroup", "Mood"), ("checkbox", "Exact"),
        ("textbox", "Day"), ("group", "People"), ("group", "Person 2"),
        ("button", "Move Person 2 up"), ("textbox", "Key 1"), ("combobox", "Kind"),
        ("textbox", "Note (optional)"), ("group", "Image"),
    ):  # fmt: skip
        form.get_by_role(role, name=name, exact=True).wait_for()  # type: ignore[arg-type]
    wrong = form.locator("[aria-invalid=true]")
    assert wrong.count() == 3  # warmth, day, the second name
    wait_until(lambda: focused(page)["name"] == "Warmth")
    assert form.get_by_role("alert").inner_text().startswith("3 fields to mend: Warmth, Day, Name")


@pytest.mark.lab
def test_a_picture_is_chosen_and_shown(page: NotebookPage) -> None:
    """In the browser, in parts; too large is told before anything is sent."""
    page.create(SETUP, MODEL, "f = %ogpu form text2text text2text --model Job\nf", "")
    for index in range(3):
        page.run_cell(index)
    form = shown(page, 2)
    page.type_cell(3, NOISE)
    page.run_cell(3)
    picture = page.evaluate(3, "__import__('base64').b64encode(d).decode()")
    data = base64.b64decode(picture)
    box = form.locator("input[type=file]")
    box.set_input_files({"name": "noise.png", "mimeType": "image/png", "buffer": data})
    form.get_by_text("noise.png, PNG image, 1200").wait_for()
    form.locator("img.ogpu-f-thumb").wait_for()
    assert page.evaluate(3, "len(f.value['image'])") == len(picture)
    box.set_input_files({"name": "big.png", "mimeType": "image/png", "buffer": bytes(9 * 2**20)})
    form.get_by_text("big.png has 9.4 MB; this takes at most").first.wait_for()
    assert page.evaluate(3, "len(f.value['image'])") == len(picture)


@pytest.mark.lab
def test_the_clipboard_or_a_selection(page: NotebookPage) -> None:
    """Copied where the browser lets us; else selected, so that one key copies it."""
    page.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.create(SETUP, FORM, "")
    page.run_cell(0)
    page.run_cell(1)
    form = shown(page, 1)
    form.get_by_role("textbox", name="Content").fill("Hello")
    form.get_by_role("button", name="Copy as cell").click()
    form.get_by_text("Copied. Paste it into an empty cell.").wait_for()
    text = page.page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("%%ogpu_task text2text text2text --as chat\n{")
    assert '"content": "Hello"' in text

    page.page.evaluate(
        """() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no'));
                   document.execCommand = () => false; }"""
    )
    form.get_by_role("button", name="Copy as cell").click()
    form.get_by_text("The clipboard is closed to this page.").wait_for()
    selected = page.page.evaluate("String(window.getSelection())")
    assert selected.startswith("%%ogpu_task text2text text2text --as chat")


@pytest.mark.lab
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_screens(page: NotebookPage, theme: str) -> None:
    """Pictures in both themes, wide and at 480 pixels; nothing is wider than its place."""
    folder = ROOT / "artefacts" / "screens"
    folder.mkdir(parents=True, exist_ok=True)
    page.frontend.configure("apputils-extension/themes", theme=theme)
    page.frontend.configure("notebook-extension/tracker", windowingMode="none")
    page.page.set_viewport_size({"width": 1300, "height": 3200})
    page.create(SETUP, FORM, MODEL, "f = %ogpu form text2text text2text --model Job\nf", FILLED)
    for index in range(5):
        page.run_cell(index)
    shown(page, 1).get_by_role("textbox", name="Content").fill("What is 17 * 23?")
    form = shown(page, 3)
    form.get_by_role("button", name="Check").click()
    form.get_by_role("alert").wait_for()
    name = f"form-{page.frontend.kind}-{theme.rsplit(maxsplit=1)[-1].lower()}"
    page.page.screenshot(path=folder / f"{name}.png")
    if page.frontend.kind == "lab":
        page.page.locator(".jp-SideBar [data-id=filebrowser]").click()  # it takes the room
    for width in (480, 1600):
        page.page.set_viewport_size({"width": width, "height": 3200})
        page.page.wait_for_timeout(500)
        page.page.screenshot(path=folder / f"{name}-{width}.png")
        wide = page.page.evaluate(
            """[...document.querySelectorAll('.ogpu-form')].flatMap((form) => {
                 const edge = form.getBoundingClientRect().right + 1;
                 return [...form.querySelectorAll('*')].filter((e) =>
                   e.offsetParent && e.getBoundingClientRect().right > edge)
                   .map((e) => e.className);
               })"""
        )
        assert wide == []
    page.frontend.configure("apputils-extension/themes", theme="JupyterLab Light")
