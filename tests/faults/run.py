"""`make faults`: at least 1000 faults, counted with what they did. `--seed N` runs one again.

Each seed is an episode on a chain of its own, in one of a few processes; one that is silent
for too long is a hang, and is killed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.episodes import Episode, Tally
from tests.faults.world import hurry, world

ROOT = Path(__file__).parent.parent.parent
EPISODE_SECONDS = 180.0
LINES = (
    ("double publishes", "doubles"),
    ("lost tasks", "lost_tasks"),
    ("lost events", "lost_events"),
    ("duplicate events", "duplicate_events"),
    ("unretracted events", "unretracted_events"),
    ("hangs", "hangs"),
)


def main() -> int:
    options = _options()
    if options.work:
        return _work(options.anvil)
    report = Report()
    seeds = Seeds(options.seed, options.first, options.faults, report)
    workers = [
        threading.Thread(target=_manage, args=(seeds, report, options), daemon=True)
        for _ in range(min(options.processes, len(options.seed) or options.processes))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return report.end(0 if options.seed else options.faults)


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="*", default=[], help="only these")
    parser.add_argument("--first", type=int, default=1, help="the first of all seeds")
    parser.add_argument("--faults", type=int, default=1000, help="how many, at least")
    parser.add_argument("--processes", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--anvil", type=Path, default=_anvil())
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _anvil() -> Path:
    from ogpu_jupyter.localnet.node import find_anvil

    found = find_anvil(ROOT)
    if found is None:
        sys.exit("anvil is missing: `npm install`")
    return found


class Seeds:
    """Those that were asked for, or one after the other until there were faults enough."""

    def __init__(self, asked: list[int], first: int, faults: int, report: Report) -> None:
        self._asked = list(asked)
        self._endless = not asked
        self._next = first
        self._faults = faults
        self._report = report
        self._lock = threading.Lock()

    def take(self) -> int | None:
        with self._lock:
            if not self._endless:
                return self._asked.pop(0) if self._asked else None
            if self._report.faults >= self._faults:
                return None
            self._next += 1
            return self._next - 1


class Report:
    """The sum of all episodes."""

    def __init__(self) -> None:
        self.total = Tally()
        self.failed: list[int] = []
        self._count = 0
        self._since = time.monotonic()
        self._lock = threading.Lock()

    @property
    def faults(self) -> int:
        return sum(self.total.faults.values())

    def take(self, seed: int, tally: Tally) -> None:
        with self._lock:
            self._count += 1
            self.total.add(tally)
            if not tally.is_clean:
                self.failed.append(seed)
                for name, found in tally.wrongs.items():
                    for one in found:
                        print(f"! {name}: {one}", flush=True)
                print(f"! again: make faults SEED={seed}", flush=True)
            elif self._count % 10 == 0:
                print(f"  {self._count} seeds, {self.faults} faults", flush=True)

    def end(self, wanted: int) -> int:
        """Print the count; 0 when all is well."""
        total = self.total
        for name, times in sorted(total.faults.items()):
            print(f"  {times:5} {name}")
        print(f"{self.faults:7} faults in {self._count} seeds")
        print(f"{total.intents:7} intents")
        print(f"{total.on_chain:7} tasks on chain")
        for words, name in LINES:
            print(f"{len(getattr(total, name)):7} {words}")
        if total.surprises:
            print(f"{len(total.surprises):7} errors that are none of ours")
        print(f"        in {time.monotonic() - self._since:.0f} s")
        if self.failed:
            print(f"failed: {' '.join(map(str, sorted(self.failed)))}")
        return int(bool(self.failed) or self.faults < wanted)


def _manage(seeds: Seeds, report: Report, options: Any) -> None:
    """Keep one worker busy, and replace it when it hangs or dies."""
    worker = None
    while (seed := seeds.take()) is not None:
        worker = worker or _Worker(options.anvil)
        tally = worker.run(seed)
        if not worker.is_alive:
            worker.stop()
            worker = None
        report.take(seed, tally)
    if worker:
        worker.stop()


class _Worker:
    """A process that takes seeds on its standard input."""

    def __init__(self, anvil: Path) -> None:
        command = [sys.executable, "-m", "tests.faults.run", "--work", "--anvil", str(anvil)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def run(self, seed: int) -> Tally:
        assert self._process.stdin
        assert self._process.stdout
        watch = threading.Timer(EPISODE_SECONDS, self._process.kill)
        watch.start()
        self._process.stdin.write(f"{seed}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        watch.cancel()
        if not answer:
            code = self._process.wait()
            return Tally(hangs=[f"seed {seed}: no end; the process ended with {code}"])
        tally = Tally(**json.loads(answer))
        tally.faults = Counter(tally.faults)
        return tally

    def stop(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def _work(anvil: Path) -> int:
    hurry()
    for line in sys.stdin:
        tally = _episode(anvil, int(line))
        print(json.dumps(vars(tally)), flush=True)
    return 0


def _episode(anvil: Path, seed: int) -> Tally:
    with tempfile.TemporaryDirectory(prefix="ogpu-faults-") as name:
        folder = Path(name)
        os.environ["OGPU_JUPYTER_HOME"] = name
        try:
            with world(anvil, folder) as opened:
                return Episode(opened, seed, folder).run()
        except Exception as error:  # noqa: BLE001 - whatever it is, the seed is told with it
            traceback.print_exc()
            return Tally(surprises=[f"seed {seed}: {error!r}"])


if __name__ == "__main__":
    sys.exit(main())
