"""A real IPython shell with the extension loaded; each test has one of its own."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def bare_shell() -> Iterator[InteractiveShell]:
    """Before the extension is loaded."""
    config = Config()
    config.HistoryManager.enabled = False
    hook, excepthook = sys.displayhook, sys.excepthook
    shell = InteractiveShell.instance(config=config, colors="nocolor")
    yield shell
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()
    sys.displayhook, sys.excepthook = hook, excepthook


@pytest.fixture
def shell(bare_shell: InteractiveShell) -> InteractiveShell:
    bare_shell.run_line_magic("load_ext", "ogpu_jupyter")
    return bare_shell


@pytest.fixture
def run(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], tuple[str, object]]:
    """Run a cell as the frontend would: what the person reads, and the cell's value."""

    def run_cell(source: str) -> tuple[str, object]:
        capsys.readouterr()
        outcome = shell.run_cell(source, store_history=False)
        return capsys.readouterr().out.rstrip("\n"), outcome.result

    return run_cell
