"""No text makes a regular expression of the package take worse than linear time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def walk(*arguments: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "tests.patterns", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr[-1000:]).splitlines()


def test_every_pattern_is_linear() -> None:
    """Each is fed its worst at 1 MB, in a process that ends when one takes 5 s for a text."""
    ended, said = walk()

    assert ended == 0, said[-1]
    assert len(said) > 150


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"\s*:?\s*x", r"(fee|price)[^:]*low"])
def test_one_that_is_worse_is_found(pattern: str) -> None:
    ended, said = walk(pattern)

    assert ended < 0
    assert said == [f"{pattern} search"]
