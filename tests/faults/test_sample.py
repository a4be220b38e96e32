"""A small part of `make faults`, with seeds that never change."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.helpers import ROOT

SEEDS = ["2", "5", "6", "7", "8", "10", "16"]  # of each kind of episode, with each kind of trouble


def test_a_storm_publishes_once_loses_nothing_and_ends(anvil_path):
    """Publishes, batches, watches, kills and returns; reorgs and restarts among them."""
    command = [sys.executable, "-m", "tests.faults.run", "--processes", "3"]
    command += ["--anvil", str(anvil_path), "--seed", *SEEDS]

    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )

    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    counts = {
        words: int(number) for number, words in re.findall(r"^ *(\d+) (.*)$", said, re.MULTILINE)
    }
    assert counts["intents"] == counts["tasks on chain"] > 20
    assert counts[f"faults in {len(SEEDS)} seeds"] > 50
