"""The choosing of one task: at once by a rule, or by the chooser that is at work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from ogpu_jupyter.errors import NOTHING_SPENT, InputError, OgpuError, TaskError
from ogpu_jupyter.render.choices import NO_CHOICE, Choice
from ogpu_jupyter.tasks import Decision, DeliveryMethod

from .auto import Chooser, Chosen, Market
from .deciding import decide, look
from .rules import Judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ogpu_jupyter.render.choices import Rank
    from ogpu_jupyter.tasks import Reputation, TransactionRecord

    from .rules import Rule

_PROVIDERS: Final = 24
_TOLD: Final = 3


class Session(Market, Protocol):
    """What the choosing of a task needs of its session."""

    def reputations(self, key: int, providers: Sequence[str], /) -> Mapping[str, Reputation]: ...
    def confirm(
        self, target: object, /, *, decision: Decision | None = None
    ) -> TransactionRecord: ...


class Course:
    """What has been done, and is being done, to choose among a task's responses."""

    def __init__(self, task: Chosen, session: Session) -> None:
        self._task = task
        self._session = session
        self._ranks: tuple[Rank, ...] = ()
        self._known: tuple[tuple[str, ...], Mapping[str, Reputation]] = ((), {})
        self.auto: Chooser | None = None

    @property
    def is_under_way(self) -> bool:
        return self.auto is not None and self.auto.is_live

    def begin(self, rule: Rule, *, expected: int | None) -> Chooser:
        """Choose as answers come, instead of any chooser from before."""
        _check_open(self._task)
        self.stop()
        self.auto = Chooser(self._task, rule, self._session, expected=expected)
        self.auto.start()
        self._task.renew()
        return self.auto

    def stop(self) -> None:
        if self.auto is not None and self.auto.is_live:
            self.auto.cancel()

    def now(self, rule: Rule) -> TransactionRecord:
        """Confirm what the rule chooses among the answers that are here."""
        if rule.within is not None:
            raise InputError(
                "`within` is how long an unattended choice waits for more answers.",
                hint="Add `--auto` (in Python: auto=True), or leave `within` away.",
            )
        task, record = self._task, self._task.record
        _check_open(task)
        sight = look(record, task.answers, Judge(rule), task.chain_time(), at_once=True)
        verdict = decide(rule, sight)
        self._ranks = verdict.ranks
        if not self.is_under_way:
            self.auto = None  # what it thought of the answers is out of date
        task.renew()
        if not verdict.chosen:
            words = verdict.words.partition(";")[0] if sight.found else "no answer is here yet"
            raise _undecided(rule, words, verdict.ranks, record.reference)
        decision = Decision(
            response=verdict.chosen,
            strategy=rule.words,
            words=verdict.words,
            at=int(task.chain_time()),
        )
        return self._session.confirm(verdict.chosen, decision=decision)

    def choice(self) -> Choice:
        """For the views."""
        record = self._task.record
        is_chosen = record.delivery is DeliveryMethod.MANUAL_CONFIRMATION
        if self.auto is None and not (record.responses and is_chosen):
            return NO_CHOICE
        ranks = self.auto.ranks if self.auto else self._ranks
        return Choice(self.auto.line if self.auto else "", ranks, self._reputations())

    def _reputations(self) -> Mapping[str, Reputation]:
        """Asked of the journal once for the same providers."""
        record = self._task.record
        providers = tuple(response.provider for response in record.responses[:_PROVIDERS])
        if providers != self._known[0]:
            try:
                self._known = providers, self._session.reputations(record.key, providers)
            except OgpuError:  # a journal that is closed: the view does without
                self._known = providers, {}
        return self._known[1]


def _check_open(task: Chosen) -> None:
    stage = task.record.stage
    if stage.is_over:
        raise TaskError(
            f"The task is {stage.value}: there is nothing to choose any more.",
            task=task.record.reference,
            spent=NOTHING_SPENT,
        )


def _undecided(rule: Rule, words: str, ranks: Sequence[Rank], task: str) -> TaskError:
    problems = dict.fromkeys(rank.note for rank in ranks if not rank.place and rank.note)
    told = "".join(f" {problem}." for problem in list(problems)[:_TOLD])
    return TaskError(
        f"Nothing can be chosen now by {rule.words}: {words}.{told}",
        task=task,
        spent=NOTHING_SPENT,
        hint="Add `--auto` (in Python: auto=True) to choose as answers come, or name one: "
        f"`%ogpu confirm {task} <response>`.",
    )
