"""A person at the keyboard, in JupyterLab or Notebook 7."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import nbformat
import requests

from tests.helpers import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Locator, Page

LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


@dataclass(frozen=True)
class Frontend:
    kind: str  # lab or notebook
    url: str
    token: str
    root: Path
    config: Path
    data: Path

    def configure(self, name: str, *, of: str = "@jupyterlab", **values: Any) -> None:
        """A setting of the person's; a page reads it when it is loaded."""
        file = self.config / "lab/user-settings" / of / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))

    def api(self, method: str, path: str, **words: Any) -> Any:
        answer = requests.request(
            method,
            f"{self.url}/api/{path}",
            headers={"Authorization": f"token {self.token}"},
            timeout=30,
            **words,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None


class NotebookPage:
    """One notebook in one browser window. `strangers` are requests to other machines."""

    def __init__(self, page: Page, frontend: Frontend) -> None:
        self.page = page
        self.frontend = frontend
        self.name = ""
        self.strangers: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self._note(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in LOOPBACK:
            self.strangers.append(url)

    # The notebook

    def create(self, *cells: str) -> None:
        notebook = nbformat.v4.new_notebook()
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells or ("",)]
        name = f"{uuid.uuid4().hex[:8]}.ipynb"
        nbformat.write(notebook, self.frontend.root / name)
        self.open(name)

    def open(self, name: str) -> None:
        """Open it, and wait until its kernel is there and idle."""
        self.name = name
        place = {
            "lab": f"lab/workspaces/{uuid.uuid4().hex[:8]}/tree/{name}?reset&",
            "notebook": f"notebooks/{name}?",
        }[self.frontend.kind]
        self.page.goto(f"{self.frontend.url}/{place}token={self.frontend.token}")
        self.page.locator(f"{self.panel} .jp-Cell").first.wait_for(timeout=60_000)
        wait_until(self.kernel_is_idle, 60)

    @property
    def panel(self) -> str:
        return ".jp-NotebookPanel:not(.lm-mod-hidden)"

    def save(self) -> nbformat.NotebookNode:
        """Control+S, and what is in the file then."""
        file = self.frontend.root / self.name
        before = file.stat().st_mtime_ns
        time.sleep(0.05)
        self.page.keyboard.press("Control+s")
        return wait_until(lambda: file.stat().st_mtime_ns != before and _whole(file))

    # The kernel

    def session(self) -> dict[str, Any]:
        sessions = self.frontend.api("GET", "sessions")
        return next((entry for entry in sessions if entry["path"] == self.name), {})

    def kernel_is_idle(self) -> bool:
        kernel = self.session().get("kernel") or {}
        return kernel.get("execution_state") == "idle" and kernel.get("connections", 0) > 0

    def restart_kernel(self) -> None:
        self.frontend.api("POST", f"kernels/{self.session()['kernel']['id']}/restart")
        wait_until(self.kernel_is_idle, 60)

    def close(self) -> None:
        """Close the page, and end the kernel as a person does who is done."""
        session = self.session()
        self.page.close()
        if session:
            self.frontend.api("DELETE", f"sessions/{session['id']}")

    # The cells

    def cell(self, index: int) -> Locator:
        return self.page.locator(f"{self.panel} .jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        return self.cell(index).locator(".jp-Cell-outputArea")

    def prompt(self, index: int) -> str:
        """`[ ]:`, `[*]:` or `[3]:`, without the brackets' colon."""
        text = self.cell(index).locator(".jp-InputArea-prompt").text_content() or ""
        return text.strip().rstrip(":")

    def type_cell(self, index: int, source: str) -> None:
        """Click into the cell and type, line by line."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.press("Delete")
        first, *rest = source.split("\n")
        self.page.keyboard.type(first)
        for line in rest:
            self.page.keyboard.press("Enter")
            self.page.keyboard.insert_text(line)

    def start_cell(self, index: int) -> None:
        """Control+Enter, until the prompt says that the kernel has it.

        The first key after a page has loaded may be lost; the kernel takes a cell once.
        """
        before = self.prompt(index)
        for _ in range(10):
            self.cell(index).locator(".cm-content").click()
            self.page.keyboard.press("Control+Enter")
            end = time.monotonic() + 3
            while time.monotonic() < end:
                if self.prompt(index) != before and self.prompt(index) != "[ ]":
                    return
                self.page.wait_for_timeout(20)
        raise AssertionError(f"the cell did not start: {self.prompt(index)}")

    def run_cell(self, index: int, seconds: float = 60) -> None:
        self.start_cell(index)
        wait_until(lambda: self.prompt(index).strip("[]").isdigit(), seconds)

    def run_all(self, seconds: float = 120) -> None:
        """Every code cell in turn, by keyboard."""
        for index in range(self.page.locator(f"{self.panel} .jp-Notebook .jp-Cell").count()):
            if "jp-CodeCell" in (self.cell(index).get_attribute("class") or ""):
                self.run_cell(index, seconds)

    def evaluate(self, index: int, expression: str) -> Any:
        """The value of an expression in the kernel, typed into a spare cell."""
        self.type_cell(index, f"import json; print(json.dumps({expression}))")
        self.run_cell(index)
        return json.loads(self.output(index).inner_text())


def _whole(file: Path) -> nbformat.NotebookNode | None:
    """The notebook, once it is all there: Jupyter writes in place, and a large one in parts."""
    try:
        return nbformat.read(file, as_version=4)
    except nbformat.reader.NotJSONError:
        return None
