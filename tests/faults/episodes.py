"""An episode: a few intents, a storm over them, calm after it, and a count of what is left.

The seed says what happens: how many kernels publish what, one by one or as a batch whose
rows stand elsewhere in each kernel, which requests suffer, whether the chain is rewritten or
its node restarted, at which step a kernel is killed, and whether the tasks' time was over
when it came back to them.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.journal import Journal
from ogpu_jupyter.tasks import Stage, stage_of
from tests.faults import mortal
from tests.faults.kernels import HANG_SECONDS, UNTOLD, Kernel, Wish, all_at_once
from tests.faults.proxy import FAULTS, Storm, error
from tests.faults.watchers import Watcher

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from ogpu_jupyter.tasks import TaskSnapshot
    from tests.faults.world import World

_SETTLE_SECONDS = 30.0
_AWAY_SECONDS = 7200  # twice what a task has then
_READING = ("502", "drop_request", "cut", "too heavy")
_TOO_HEAVY = error(-32000, "execution aborted (timeout = 5s)")
KINDS = {"publish": 4, "batch": 2, "watch": 3, "kill": 3, "return": 2}
# A provider who comes when the time is over only makes the chain say so.
MOVES = {"publish": 0.3, "batch": 0.3, "watch": 1.0, "kill": 0.3, "return": 0.0}
TROUBLES = {"none": 4, "reorg": 3, "restart": 2, "rewind": 1}


@dataclass
class Tally:
    """What an episode, or many, came to. The lists are empty when all is well."""

    intents: int = 0
    on_chain: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    doubles: list[str] = field(default_factory=list)
    lost_tasks: list[str] = field(default_factory=list)
    lost_events: list[str] = field(default_factory=list)
    duplicate_events: list[str] = field(default_factory=list)
    unretracted_events: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)

    @property
    def wrongs(self) -> dict[str, list[str]]:
        return {name: value for name, value in vars(self).items() if isinstance(value, list)}

    @property
    def is_clean(self) -> bool:
        return not any(self.wrongs.values())

    def add(self, other: Tally) -> None:
        self.intents += other.intents
        self.on_chain += other.on_chain
        self.faults.update(other.faults)
        for name, found in other.wrongs.items():
            getattr(self, name).extend(found)


class Episode:
    """One seed, on a chain of its own."""

    def __init__(self, world: World, seed: int, folder: Path) -> None:
        self.world = world
        self.seed = seed
        self.dice = random.Random(seed)
        self.kind = _pick(self.dice, KINDS)
        self.trouble = _pick(self.dice, TROUBLES)
        is_killed = self.kind in {"kill", "return"}
        self.in_batch = self.kind == "batch" or (is_killed and self.dice.random() < 0.4)
        self.tally = Tally()
        self.account = world.account()
        self.journal = folder / "journal.sqlite3"
        self.wishes = self._wishes()
        self.storm = Storm(seed, rate=self.dice.choice([0.15, 0.3, 0.5]), budget=10)
        self.kernels: list[Kernel] = []
        world.settle()

    def _wishes(self) -> list[Wish]:
        source = self.dice.choice([self.world.first, self.world.manual])
        count = {"publish": 5, "batch": 12, "watch": 4, "kill": 2, "return": 4}[self.kind]
        return [Wish(source, self.seed, number) for number in range(count)]

    def run(self) -> Tally:
        self.watcher = Watcher(self.world)
        try:
            if self.kind == "return":
                self._go_away()
            self.world.proxy.let_loose(self.storm)
            self._storm()
            self._calm()
        finally:
            self.watcher.close()
            self._close()
        self.tally.intents = len(self.wishes)
        self.tally.faults.update(self.storm.done)
        return self.tally

    def _go_away(self) -> None:
        """All is published and the kernel ended; some is answered, and then the time is over."""
        kernel = self._kernel(expires=f"{_AWAY_SECONDS // 2}s")
        self._publish_calmly(kernel)
        kernel.wait_until_settled(_SETTLE_SECONDS)
        self._end(kernel)
        tasks = [state.address for state in self.world.tasks()]
        self._look_after(tasks)
        for task in self.dice.choices(tasks, k=len(tasks) + 2):
            self.world.step(self.dice, task)
        self.world.call("evm_increaseTime", _AWAY_SECONDS)
        self.world.mine(6)  # no reorg goes back as far

    # --- the storm ------------------------------------------------------------------------

    def _storm(self) -> None:
        threads = self._kill() if self.kind in {"kill", "return"} else self._publish()
        self._drive(threads)
        for thread in threads:
            thread.join(3 * HANG_SECONDS)
            if thread.is_alive():
                self.tally.hangs.append("a kernel is still publishing")

    def _publish(self) -> list[threading.Thread]:
        """One or two kernels run the same cells, each in an order of its own."""
        for _ in range(self.dice.choice([1, 1, 2])):
            self.kernels.append(self._kernel())
        orders = [self.dice.sample(self.wishes, len(self.wishes)) for _ in self.kernels]
        if self.in_batch:
            rows = [(kernel, self._turned(n)) for n, kernel in enumerate(self.kernels)]
            return all_at_once(*(lambda k=k, some=some: k.publish_many(some) for k, some in rows))
        lanes = [
            (kernel, order[start::2])
            for kernel, order in zip(self.kernels, orders, strict=True)
            for start in (0, 1)
        ]
        return all_at_once(
            *(lambda k=k, lane=lane: [k.publish(wish) for wish in lane] for k, lane in lanes)
        )

    def _turned(self, number: int) -> list[Wish]:
        """The same rows, moved."""
        return self.wishes[-number:] + self.wishes[:-number] if number else self.wishes

    def _kill(self) -> list[threading.Thread]:
        """One kernel after another begins, and is killed."""
        return all_at_once(self._lives)

    def _lives(self) -> None:
        try:
            for number in (1, 2):
                step = mortal.STEPS[(2 * self.seed + number) % len(mortal.STEPS)]
                if self.kind == "return":
                    step = ("reading", "connecting")[(self.seed + number) % 2]
                self._live(step, self._turned(number - 1))
        except Exception as error:  # noqa: BLE001 - told with the seed
            self.tally.surprises.append(f"seed {self.seed}: {error!r}")

    def _live(self, step: str, wishes: list[Wish]) -> None:
        if step == "reading":
            self._fail_to_read()
        life = mortal.Life(
            network=self.world.stormy,
            key=bytes(self.account.key),
            journal=self.journal,
            wishes=tuple(wishes),
            step=step,
            batch=self.in_batch,
            seconds=5.0,
        )
        child = mortal.begin(life, forked=True)
        child.join(2 * HANG_SECONDS)
        if child.is_alive():
            self.tally.hangs.append(f"a kernel to be killed at {life.step} is still publishing")
            child.kill()
            child.join()
        elif child.exitcode == -signal.SIGKILL:
            self.tally.faults[f"kill -9: {life.step}"] += 1
        elif child.exitcode != -signal.SIGTERM:
            self.tally.surprises.append(f"a child ended with {child.exitcode}")

    def _fail_to_read(self) -> None:
        """Some of the next requests that run contracts have no answer: `connect` makes them."""
        for _ in range(self.dice.randint(1, 4)):
            name = self.dice.choice(_READING)
            self.world.proxy.once("eth_call", FAULTS["read"].get(name, _TOO_HEAVY))
            self.tally.faults[f"eth_call in connect: {name}"] += 1

    def _drive(self, threads: list[threading.Thread]) -> None:
        """A provider works, and the chain has its trouble, while they publish and a bit longer."""
        rounds, before = (12 if self.kind == "watch" else 3), ""
        when = self.dice.randint(2, 6)
        n = 0
        while n < rounds or any(thread.is_alive() for thread in threads):
            time.sleep(self.dice.uniform(0.02, 0.2))
            tasks = [state.address for state in self.world.tasks()]
            self._look_after(tasks)
            if self.trouble == "rewind" and n == when - 2:
                before = self.world.call("evm_snapshot")
            if n == when:
                self._make_trouble(before)
            elif tasks and self.dice.random() < MOVES[self.kind]:
                self.world.step(self.dice, self.dice.choice(tasks))
            n += 1
            if n > 2000:
                return

    def _look_after(self, tasks: list[str]) -> None:
        self.watcher.watch(*tasks)
        for kernel in self.kernels:
            records = kernel.session.journal.tasks(kernel.session.network_id)
            self.watcher.await_receipts(*(record.tx_hash for record in records))

    def _make_trouble(self, before: str) -> None:
        if self.trouble == "reorg":
            done = self.world.reorg(self.dice)
        elif self.trouble == "rewind":
            done = self.world.rewind(self.dice, before)
        elif self.trouble == "restart":
            self.world.bounce(self.dice)
            done = True
        else:
            return
        self.tally.faults[self.trouble] += done

    # --- the calm, and the count -----------------------------------------------------------

    def _calm(self) -> None:
        self.world.proxy.settle_down()
        self.kernels.append(self._kernel())
        last = self.kernels[-1]
        told = self._told()
        self._wait(lambda: not last.unsettled and all(self._count()[w] == 1 for w in told))
        self._check_told(told)
        self._run_again(last)
        self._check_records(last)
        self._look_after([state.address for state in self.world.tasks()])
        for name, found in self.watcher.judged().items():
            getattr(self.tally, name).extend(self._named(found))

    def _told(self) -> list[Wish]:
        """What somebody was told is on its way, or the journal says so."""
        told = {wish for kernel in self.kernels for wish in kernel.told}
        by_payload = {wish.payload: wish for wish in self.wishes}
        records = self.kernels[-1].session.journal.tasks()
        told |= {by_payload[r.payload] for r in records if r.stage not in UNTOLD}
        return sorted(told, key=lambda wish: wish.number)

    def _count(self) -> Counter[Wish]:
        links = {self.world.link(wish.payload): wish for wish in self.wishes}
        return Counter(links[state.config_url] for state in self.world.tasks())

    def _check_told(self, told: list[Wish]) -> None:
        """With nobody doing anything more, each is there, once."""
        count = self._count()
        lost = [wish for wish in told if not count[wish]]
        self.tally.lost_tasks += self._named(f"{self._story(wish)}" for wish in lost)
        self._check_doubles(count, "after the storm")

    def _check_doubles(self, count: Counter[Wish], when: str) -> None:
        doubled = [wish for wish, times in count.items() if times > 1]
        self.tally.doubles += self._named(
            f"{when}: {count[wish]} times: {self._story(wish)}" for wish in doubled
        )

    def _run_again(self, kernel: Kernel) -> None:
        """The same notebook, twice: then everything is there, and nothing is paid again."""
        self._publish_calmly(kernel)
        self._wait(lambda: not kernel.unsettled and len(self._count()) == len(self.wishes))
        self._publish_calmly(kernel)
        kernel.wait_until_settled(_SETTLE_SECONDS)
        count = self._count()
        self.tally.on_chain = sum(count.values())
        missing = [wish for wish in self.wishes if not count[wish]]
        self.tally.lost_tasks += self._named(f"run again: {self._story(w)}" for w in missing)
        self._check_doubles(count, "run again")

    def _publish_calmly(self, kernel: Kernel) -> None:
        """As it was published before: an item of a batch is another task than one by itself."""
        if self.in_batch:
            kernel.publish_many(self.wishes)
        else:
            for wish in self.wishes:
                kernel.publish(wish)

    def _check_records(self, kernel: Kernel) -> None:
        """The journal knows every task that is on chain, by its address and state."""
        now = self.world.now()

        def unknown() -> list[str]:
            known = {r.address: r.stage for r in kernel.session.journal.tasks() if r.address}
            return [
                f"{state.address} is {state.status.name}, the journal says {known.get(a)}"
                for state in self.world.tasks()
                if (stage := known.get(a := state.address)) is None
                or stage.value != _word(state, now)
            ]

        self._wait(lambda: not unknown())
        self.tally.lost_events += self._named(unknown())

    def _wait(self, condition: Any) -> None:
        """Until it holds, or for as long as is reasonable."""
        end = time.monotonic() + _SETTLE_SECONDS
        while not condition() and time.monotonic() < end:
            self.kernels[-1].session._follower.poke()
            time.sleep(0.05)

    # --- helpers --------------------------------------------------------------------------

    def _kernel(self, *, expires: str | None = None) -> Kernel:
        return Kernel(self.world.stormy, self.account, self.journal, expires=expires)

    def _close(self) -> None:
        for kernel in self.kernels:
            self._end(kernel)

    def _end(self, kernel: Kernel) -> None:
        kernel.close()
        self.tally.hangs += self._named(kernel.hangs)
        self.tally.surprises += self._named(kernel.surprises)

    def _named(self, found: Any) -> list[str]:
        return [f"seed {self.seed} ({self.kind}, {self.trouble}): {one}" for one in found]

    def _story(self, wish: Wish) -> str:
        """What the journal says of it and of its transactions."""
        with Journal(self.journal) as journal:
            records = [r for r in journal.tasks() if r.payload == wish.payload]
            told = [f"#{r.key} {r.stage.value} {r.address} {r.problem}" for r in records]
            of = defaultdict(list)
            for r in records:
                for t in journal.transactions(r.network_id, r.account):
                    if t.task == r.key:
                        of[r.key].append(f"nonce {t.nonce} {t.state.value} {t.hash[:10]}")
        return f"wish {wish.number}: {told}; {dict(of)}"


def _word(state: TaskSnapshot, now: int) -> str:
    """The journal's for what the chain says at a time."""
    stage = stage_of(state.status)
    return (Stage.LATE if stage.is_waiting and state.expires_at < now else stage).value


def _pick(dice: random.Random, weights: dict[str, int]) -> str:
    return dice.choices(list(weights), list(weights.values()))[0]
