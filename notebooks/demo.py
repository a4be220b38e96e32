"""What `make demo` runs: the quickstart in a real kernel, told in the terminal.

The notebook in `notebooks/` stays as it is. Its executed copy, and the same as a page, are
written to `artefacts/demo/`, also when a cell fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

from ogpu_jupyter.units import format_amount

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parent

# Runs in the notebook's kernel after its last cell, and leaves no trace in the notebook.
REPORT = """
def _report():
    import json
    from ogpu_jupyter import kernel, render, units
    for task in reversed(kernel.current().tasks()):
        record = task.record
        print(json.dumps({
            "name": record.name,
            "function": record.function,
            "stage": record.stage.value,
            "payment": record.payment,
            "fee": record.fee or 0,
            "paid": units.format_amount(record.payment),
            "gas": units.format_amount(record.fee or 0),
            "answer": [render.answer_text(answer.value) for answer in task.answers.values()],
        }))
_report()
"""


def main() -> int:
    options = arguments()
    notebook = nbformat.read(options.notebook, as_version=4)
    options.out.mkdir(parents=True, exist_ok=True)
    say(f"Running {shown(options.notebook)} in a kernel of its own ...\n")
    failure = None
    tasks: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("OGPU_JUPYTER_HOME", home)
        client = NotebookClient(
            notebook, timeout=options.timeout, resources={"metadata": {"path": str(HERE)}}
        )
        try:
            with (options.out / "kernel.log").open("wb") as log:
                tasks = run(client, log)
        except CellExecutionError as error:
            failure = error
    paths = write(notebook, options.out / options.notebook.stem)
    if failure is not None:
        say(f"\nA cell failed:\n\n{failure}")
    tell(tasks)
    say(f"\nThe executed notebook:  {shown(paths[0])}\nThe same as a page:     {shown(paths[1])}")
    say("\nNext: `make lab` opens the notebook; change a prompt, and run its cell.")
    return 1 if failure else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the quickstart and tell what it did.")
    parser.add_argument("notebook", nargs="?", type=Path, default=HERE / "quickstart.ipynb")
    parser.add_argument("--out", type=Path, default=ROOT / "artefacts" / "demo")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for one cell")
    return parser.parse_args()


def run(client: NotebookClient, log: BinaryIO) -> list[dict[str, Any]]:
    """Execute every cell, a line for each; what the kernel knows of the tasks at the end."""
    cells = [(i, cell) for i, cell in enumerate(client.nb.cells) if cell.cell_type == "code"]
    with client.setup_kernel(stderr=log):
        for number, (index, cell) in enumerate(cells, 1):
            say(f"  [{number:2}/{len(cells)}] {headline(cell.source):<60}", end="")
            start = time.monotonic()
            try:
                client.execute_cell(cell, index)
            finally:
                say(f" {time.monotonic() - start:5.1f} s")
        return list(report(client))


def report(client: NotebookClient) -> Iterator[dict[str, Any]]:
    asked = nbformat.v4.new_code_cell(REPORT)
    client.nb.cells.append(asked)
    client.execute_cell(asked, len(client.nb.cells) - 1, store_history=False)
    printed = "".join(output.get("text", "") for output in client.nb.cells.pop().outputs)
    for line in printed.splitlines():
        yield json.loads(line)


def headline(source: str) -> str:
    """A cell's first telling line, cut to the width of a terminal."""
    lines = [line for line in source.splitlines() if line.strip() and not line.startswith("#")]
    first = lines[0] if lines else ""
    return first if len(first) <= 60 else f"{first[:59]}…"


def tell(tasks: list[dict[str, Any]]) -> None:
    for task in tasks:
        cost = f"paid {task['paid']}, network fee {task['gas']}"
        say(f"\n{task['name']}: {task['function']}, {task['stage']}, {cost}")
        for answer in task["answer"]:
            say("\n".join(f"    {line}" for line in answer.splitlines()))
    if tasks:
        paid = format_amount(sum(task["payment"] for task in tasks))
        fees = format_amount(sum(task["fee"] for task in tasks))
        say(f"\n{len(tasks)} tasks: {paid} to the providers, {fees} to the network.")


def write(notebook: nbformat.NotebookNode, stem: Path) -> tuple[Path, Path]:
    page, _ = HTMLExporter().from_notebook_node(notebook)
    paths = stem.with_suffix(".ipynb"), stem.with_suffix(".html")
    nbformat.write(notebook, paths[0])
    paths[1].write_text(page, encoding="utf-8")
    return paths


def shown(path: Path) -> str:
    """Relative where that is shorter."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def say(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
