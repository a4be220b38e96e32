"""`%ogpu show --all`: the tasks of a notebook's file, in a shell and in a kernel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from ogpu_jupyter.journal import Journal
from ogpu_jupyter.notebooks import facts, many_facts
from ogpu_jupyter.tasks import Answer, Stage
from tests.helpers import ROOT
from tests.notebooks.cells import notebook_of, shown
from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[[str], tuple[str, object]]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The notebook that runs, as a server tells its kernel."""
    path = tmp_path / "analysis.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    monkeypatch.chdir(tmp_path)
    return path


def save(path: Path, *records: object) -> None:
    notebook = notebook_of("%ogpu status")
    notebook.cells[0].outputs = [
        nbformat.v4.new_output("display_data", {}, metadata={"ogpu": facts(record)})
        for record in records
    ]
    nbformat.write(notebook, path)


def journalled(count: int, stage: Stage = Stage.FINALIZED) -> list:
    """As many tasks of this machine's journal, and the answer of each."""
    with Journal() as journal:
        records = []
        for n in range(count):
            draft = samples.record(
                stage, name=f"t{n}", tx_hash=f"0x{n:064x}", address=f"0x{n:040x}"
            )
            record, _ = journal.intend(draft, new=True)
            records.append(journal.update(record.key, stage=stage))
            for response in record.responses:
                journal.put_answer(record.key, response.address, Answer(value=f"answer {n}"))
    return records


def test_without_a_connection_the_journal_shows_them(run: Run, file: Path) -> None:
    """After a restart, before `%ogpu connect`: each once, in the notebook's order."""
    one, two = journalled(2)
    save(file, two, one, two)
    text, _ = run("%ogpu show --all")
    lines = text.splitlines()

    assert lines[0].startswith("2 tasks in analysis.ipynb, as it was saved at 20")
    assert [line.split()[0] for line in lines[1:]] == ["t1", "answer:", "answer", "t0", "answer:",
                                                       "answer"]  # fmt: skip
    assert "paid" in lines[1]


def test_a_file_can_be_named(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME")
    save(file, *journalled(1))

    assert "1 task in analysis.ipynb" in run("%ogpu show --all analysis.ipynb")[0]
    assert "1 task in analysis.ipynb" in run("%ogpu show analysis --all")[0]


def test_many_are_a_line_each(run: Run, file: Path) -> None:
    records = journalled(30)
    save(file, *records)
    lines = run("%ogpu show --all")[0].splitlines()

    assert [line.split()[0] for line in lines[1:]] == [record.name for record in records]


def test_a_batch_that_was_too_long_to_list_is_told_of(run: Run, file: Path) -> None:
    (record,) = journalled(1)
    save(file, record)
    notebook = nbformat.read(file, as_version=4)
    notebook.cells[0].outputs[0].metadata["ogpu"] = many_facts([facts(record)], 5)
    nbformat.write(notebook, file)

    assert "Outputs of many list the first: `%ogpu tasks` has all." in run("%ogpu show --all")[0]


def test_nothing_to_show_is_said(run: Run, file: Path) -> None:
    save(file)
    text, _ = run("%ogpu show --all")

    assert text.startswith("analysis.ipynb, as it was saved at ")
    assert text.endswith(", shows no task. Save it if there are newer ones.")


def test_what_makes_no_sense_is_counted(run: Run, file: Path) -> None:
    file.write_text(json.dumps({"cells": [{"outputs": [{"metadata": {"ogpu": {"task": 5}}}]}]}))

    assert "shows no task. 1 output can't be read." in run("%ogpu show --all")[0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%ogpu show", "`%ogpu show` needs a task, or `--all`."),
        ("%ogpu show --all --as x", "`--as` is for one task."),
        ("%ogpu show --all gone.ipynb", "There is no file 'gone.ipynb' in "),
    ],
)
def test_mistakes_say_what_to_type(run: Run, file: Path, line: str, words: str) -> None:
    assert words in run(line)[0]


KERNEL = "%load_ext ogpu_jupyter\n%ogpu show --all analysis.ipynb"


@pytest.mark.parametrize("count", [3, 40])
def test_in_a_notebook_the_views_are_there_again(
    file: Path, kernel_env: Callable[..., dict[str, str]], count: int
) -> None:
    """A few stand by themselves, many in one output, folded; each with its answer and facts."""
    save(file, *journalled(count))
    metadata = {"metadata": {"path": str(file.parent)}}
    client = NotebookClient(notebook_of(KERNEL), timeout=60, resources=metadata)
    (cell,) = client.execute(env=kernel_env(PYTHONPATH=ROOT)).cells
    page = shown(cell, "text/html")
    told = [output.metadata["ogpu"] for output in cell.outputs if "data" in output]

    assert page.count("ogpu-card ogpu-ok") == count
    assert all(f"answer {n}" in page for n in range(count))
    assert page.count('<details><summary><span class="ogpu-fold">') == (count if count > 24 else 0)
    names = [each["name"] for one in told for each in one.get("tasks", [one])]
    assert names == [f"t{n}" for n in range(count)]
