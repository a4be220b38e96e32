"""A button that writes an answer beside the notebook, and says where it is."""

from __future__ import annotations

import threading
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets

from ogpu_jupyter import saving
from ogpu_jupyter.errors import OgpuError
from ogpu_jupyter.render.drawing import file_name
from ogpu_jupyter.render.page import asked
from ogpu_jupyter.render.safe import visible
from ogpu_jupyter.render.words import short

if TYPE_CHECKING:
    from ogpu_jupyter.live import Shown
    from ogpu_jupyter.tasks import Answer, Response

_MAX_BUTTONS = 24


class Saver:
    """One button for each answer that is here and can be read. Pressed twice, it is one file."""

    def __init__(self, task: Shown) -> None:
        self._task = task
        self._lock = threading.RLock()
        self._buttons: dict[str, ipywidgets.Button] = {}
        self._said = ipywidgets.HTML()
        row = ipywidgets.Layout(flex_flow="row wrap", align_items="center", overflow="hidden")
        self.box = ipywidgets.Box(layout=row)
        self.draw()

    def draw(self) -> None:
        """Take the task as it is now."""
        with self._lock:
            answers = self._task.answers
            found = [
                (response, answer)
                for response in self._task.record.responses
                if (answer := answers.get(response.address)) and not answer.problem
            ][:_MAX_BUTTONS]
            buttons = [self._button(each, len(found)) for each, _ in found]
            self.box.children = (*buttons, self._said) if buttons else ()

    def _button(self, response: Response, count: int) -> ipywidgets.Button:
        if response.address not in self._buttons:
            button = ipywidgets.Button(
                tooltip="Write the answer to a file beside the notebook",
                layout=ipywidgets.Layout(width="auto"),
            )
            button.on_click(lambda _: self.press(response))
            self._buttons[response.address] = button
        button = self._buttons[response.address]
        button.description = f"Save {short(response.provider)}" if count > 1 else "Save"
        return button

    def press(self, response: Response) -> None:
        """Write it, or find that it is written, and say what became of it."""
        with self._lock:
            answer = self._task.answers.get(response.address)
            if answer is not None:
                self._said.value = self._saved(response, answer)

    def _saved(self, response: Response, answer: Answer) -> str:
        record = self._task.record
        many = len(record.responses) > 1
        name = file_name(record) + (f"-{response.address[2:8]}" if many else "")
        try:
            places = saving.save_beside(
                answer.value,
                Path.cwd(),
                name=name,
                data=asked(record),
                linked=answer.linked,
            )
        except (OgpuError, OSError) as error:
            return _line(str(error), "alert")
        return _line(saving.said(places), "status")


def _line(text: str, role: str) -> str:
    return f'<div role="{role}">{escape(visible(text[:1000]), quote=True)}</div>'
