"""The history's table as the kernel has it: what it answers, and that nothing is done twice."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest

from ogpu_jupyter.errors import VaultBalanceLow
from ogpu_jupyter.histories import History
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.journal.queries import Filters
from ogpu_jupyter.tasks import Response, Stage, TaskRecord
from ogpu_jupyter.widgets import history as widgets
from ogpu_jupyter.widgets.history import Table, offer_of
from tests.fake_task import FakeTask
from tests.helpers import wait_until
from tests.histories import HOSTILE, fill
from tests.journalling import NETWORK, draft

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BIDS = tuple(
    Response(address=f"0x{n}", provider=f"0x{n}", url="", payment=n * 10**15) for n in (1, 2)
)


class Mine(History):
    """A history whose tasks are played by hand: each can be confirmed and canceled."""

    def __init__(self, path: Path) -> None:
        super().__init__(Filters(), path)
        self.played: dict[int, FakeTask] = {}

    def is_mine(self, record: TaskRecord) -> bool:
        return record.network_id == NETWORK

    def task(self, record: TaskRecord) -> Any:
        return self.played.setdefault(record.key, FakeTask(record))


class Page(Table):
    """The table, with what it sends to the page."""

    def __init__(self, past: History) -> None:
        self.told: list[dict[str, Any]] = []
        self.drawn = 0
        super().__init__(past, "mark", self._draw)
        self.grid.send = lambda content, buffers=None: self.told.append(content)

    def _draw(self) -> None:
        self.drawn += 1

    def say(self, **content: Any) -> None:
        self._heard(self.grid, content, [])

    def rows(self, **asked: Any) -> dict[str, Any]:
        self.say(kind="rows", view="v", id=1, offset=0, limit=50, **asked)
        return self.last("rows")

    def last(self, kind: str) -> dict[str, Any]:
        return next(m for m in reversed(list(self.told)) if m["kind"] == kind)

    def press(self, row: dict[str, Any], **other: Any) -> None:
        words = {"what": row["act"], "response": row["response"], "sure": row["sure"]}
        self.say(kind="act", key=row["key"], **(words | other))


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite3") as journal:
        yield journal


@pytest.fixture
def past(journal: Journal) -> Mine:
    return Mine(journal.path)


@pytest.fixture
def table(past: Mine) -> Iterator[Page]:
    page = Page(past)
    yield page
    for task in past.played.values():
        task.gate.set()
    page.say(kind="watch", view="v", on=False)
    wait_until(lambda: page.is_idle)
    page.grid.close()


def test_rows_of_a_window(journal: Journal, table: Page) -> None:
    """Those that were asked for, the number of all, and what can be chosen."""
    fill(60, journal)
    table.say(kind="rows", view="v", id=7, offset=10, limit=5)
    answer = table.last("rows")

    assert [row["key"] for row in answer["rows"]] == [50, 49, 48, 47, 46]
    assert (answer["id"], answer["view"], answer["offset"], answer["count"]) == (7, "v", 10, 60)
    assert answer["totals"].startswith("60 tasks · ")
    assert sum(n for _, _, n in answer["networks"]) == 60
    assert ["finalized", "Paid"] in [choice[:2] for choice in answer["stages"]]


def test_controls_are_filters(journal: Journal, table: Page) -> None:
    fill(60, journal)
    answer = table.rows(network="local", status="finalized", sort="payment", down=False)

    assert {row["stage"] for row in answer["rows"]} == {"Paid"}
    assert {row["network"] for row in answer["rows"]} == {"local"}
    assert table.rows(text="no such word")["count"] == 0
    assert {r["stage"] for r in table.rows(status="open")["rows"]} <= {
        "Intended", "Uploaded", "Signed", "Sent", "Published", "Attempted", "Late",
            "Responded",
    }  # fmt: skip


def test_a_limit_is_kept(journal: Journal, past: Mine) -> None:
    fill(60, journal)
    past.filters = replace(past.filters, limit=20)
    answer = Page(past).rows()

    assert answer["count"] == len(answer["rows"]) == 20


@pytest.mark.parametrize(
    "content",
    [
        None, "rows", {}, {"kind": "steal"}, {"kind": "open", "key": 99},
        {"kind": "act", "key": 99}, {"kind": "act", "key": -1}, {"kind": "open", "key": 2**70},
        {"kind": "rows", "view": "x" * 999, "limit": 10**9, "sort": "key; DROP TABLE tasks"},
        {"kind": "rows", "offset": -5, "limit": -5}, {"kind": "rows", "offset": "three"},
    ],
)  # fmt: skip
def test_no_word_of_the_page_breaks_it(journal: Journal, table: Page, content: object) -> None:
    """Another output's script may say anything: no row is lost, nothing is done."""
    fill(3, journal)
    table._heard(table.grid, content, [])

    assert table.rows()["count"] == 3
    assert table.opened is None


def test_strangers_words_are_bounded_and_visible(journal: Journal, table: Page) -> None:
    """They are set as text in the page; here what hides or drives is made visible."""
    journal.intend(draft(name=HOSTILE * 99, function=HOSTILE, source_name=HOSTILE, problem=HOSTILE))
    answer = table.rows()
    texts = [v for v in answer["rows"][0].values() if isinstance(v, str)]
    texts += [choice[1] for choice in answer["sources"]]

    assert not any(c in text for text in texts for c in "\x1b\u202e\n")
    assert max(map(len, texts)) < 400


def test_nothing_is_a_trait_but_how_it_begins(journal: Journal, table: Page) -> None:
    """So a saved notebook holds no row that would be old when it is opened."""
    fill(3, journal)
    table.rows()
    state = table.grid.get_state()

    assert "rows[1]" not in str(state)
    assert "http:" not in state["_esm"] + state["_css"]
    assert "https:" not in state["_esm"] + state["_css"]
    assert "innerHTML" not in state["_esm"]
    assert "url(" not in state["_css"]


# What can be done


@pytest.mark.parametrize("stage", Stage)
def test_what_a_row_offers(stage: Stage) -> None:
    """Cancel while nobody has it, confirm the one answer, look at several, else nothing."""
    answered = stage is Stage.RESPONDED
    offer = offer_of(draft(stage=stage, responses=BIDS[:1] if answered else ()))

    expected = {Stage.PUBLISHED: "Cancel · 0.01 OGPU back?",
                Stage.LATE: "Cancel · 0.01 OGPU back?",
                Stage.RESPONDED: "Confirm · pays 0.001 OGPU?"}  # fmt: skip
    assert (offer.sure if offer else None) == expected.get(stage)
    if answered:
        assert offer_of(draft(stage=stage, responses=BIDS)).words == "Choose of 2"


def one(journal: Journal, stage: Stage = Stage.RESPONDED, **changes: Any) -> TaskRecord:
    return journal.intend(draft(stage=stage, responses=BIDS[:1], **changes), new=True)[0]


def test_a_press_pays_once(journal: Journal, past: Mine, table: Page) -> None:
    """Five presses while the first is under way, and another when it is done."""
    record = one(journal)
    (row,) = table.rows()["rows"]
    task = past.task(record)
    task.gate.clear()
    for _ in range(5):
        table.press(row)
    wait_until(lambda: task.calls)
    assert table.rows()["rows"][0]["busy"] == "Paying…"

    task.gate.set()
    wait_until(lambda: any(m.get("text") == "Confirmed #1." for m in table.told))
    table.press(row)

    assert task.calls == ["confirm 0x1"]
    assert "act" not in table.rows()["rows"][0]
    wait_until(lambda: "ogpu-press" not in [thread.name for thread in threading.enumerate()])


def test_cancel(journal: Journal, past: Mine, table: Page) -> None:
    record = one(journal, Stage.PUBLISHED)
    (row,) = table.rows()["rows"]
    table.press(row)
    wait_until(lambda: any(m.get("text") == "Canceled #1." for m in table.told))

    assert past.played[record.key].calls == ["cancel"]


@pytest.mark.parametrize(
    "other", [{"sure": "Confirm · pays 0.0005 OGPU?"}, {"response": "0x2"}, {"what": "cancel"}]
)
def test_only_what_was_agreed_to_is_done(
    journal: Journal, past: Mine, table: Page, other: dict[str, str]
) -> None:
    """Another price, another answer, another act: the task has changed under the finger."""
    record = one(journal)
    table.press(table.rows()["rows"][0], **other)

    assert table.last("said")["text"] == "The task has changed meanwhile. Nothing was done."
    assert past.played[record.key].calls == []


def test_an_error_is_told_and_it_can_be_tried_again(
    journal: Journal, past: Mine, table: Page
) -> None:
    record = one(journal)
    task = past.task(record)
    task.failure = VaultBalanceLow("The vault holds <1> wei.", hint="Type it.")
    (row,) = table.rows()["rows"]
    table.press(row)
    wait_until(lambda: any(m["kind"] == "said" for m in table.told))

    assert table.last("said") == {
        "kind": "said", "text": "The vault holds <1> wei. Type it.", "bad": True,
    }  # fmt: skip
    task.failure = None
    wait_until(lambda: not table.rows()["rows"][0]["busy"])
    table.press(row)
    wait_until(lambda: len(task.calls) == 2)


def test_tasks_of_elsewhere_can_only_be_looked_at(journal: Journal) -> None:
    """No session, so nothing can be paid; the journal's record can be opened."""
    record = one(journal)
    page = Page(History(Filters(), journal.path))
    (row,) = page.rows()["rows"]
    assert "act" not in row

    page.say(kind="act", key=record.key, what="confirm", response="0x1", sure="")
    assert page.last("said")["text"] == "Its network is not connected. Nothing was done."
    page.say(kind="open", key=record.key)

    assert page.opened == record.key
    assert "ogpu-card" in page.slot.children[0].value


def test_one_view_at_a_time_and_none_left_behind(journal: Journal) -> None:
    fill(5, journal)
    page = Page(History(Filters(), journal.path))
    before = set(ipywidgets.widgets.widget._instances)
    for key in (1, 2, 3):
        page.say(kind="open", key=key)
        assert len(page.slot.children) == 1
    page.say(kind="open", key=3)

    assert page.slot.children == ()
    assert page.last("opened") == {"kind": "opened", "key": None}
    assert set(ipywidgets.widgets.widget._instances) == before


# Changes


def test_news_are_sent_while_somebody_looks(
    journal: Journal, table: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows in view again, and the saved record; no thread when nobody looks."""
    monkeypatch.setattr(widgets, "_POLL_SECONDS", 0.05)
    monkeypatch.setattr(widgets, "_RECORD_SECONDS", 0.1)
    assert table.rows()["count"] == 0
    table.say(kind="watch", view="v", on=True)
    one(journal)

    wait_until(lambda: table.last("rows")["count"] == 1)
    wait_until(lambda: table.drawn == 1)
    sent = len(table.told)
    time.sleep(0.3)  # nothing is written meanwhile
    assert len(table.told) == sent
    assert table.drawn == 1
    table.say(kind="watch", view="v", on=False)
    wait_until(lambda: table.is_idle)


def test_a_page_that_is_gone_is_not_told_for_ever(
    table: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser that was closed says no word of farewell."""
    monkeypatch.setattr(widgets, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(widgets, "_LEASE_SECONDS", 0.2)
    table.say(kind="watch", view="v", on=True)

    wait_until(lambda: table.is_idle)


def test_export(journal: Journal, past: Mine, table: Page) -> None:
    """What the table shows goes into a variable; outside IPython there is none to put it in."""
    fill(60, journal)
    table.say(kind="export", status="finalized")

    count = table.rows(status="finalized")["count"]
    assert table.last("said")["text"] == f"{count} tasks in `tasks_frame`, a pandas DataFrame."
