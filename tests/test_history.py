"""The history: what is asked of thousands of tasks at once, and that it is true."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ogpu_jupyter
from ogpu_jupyter.errors import InputError, NotConnected, OgpuError, UnknownName
from ogpu_jupyter.histories import History, read_stages
from ogpu_jupyter.journal import Journal, file
from ogpu_jupyter.journal.listing import PAYLOAD_BYTES
from ogpu_jupyter.journal.queries import SORTS, Filters, Queries
from ogpu_jupyter.tasks import Attempt, DeliveryMethod, Response, ResponseStatus, Stage, TaskRecord
from tests import histories
from tests.histories import HOSTILE, fill, older_journal, payload
from tests.journalling import NETWORK, OTHER, SOURCE, draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPENT_NOTHING = {
    Stage.INTENDED, Stage.UPLOADED, Stage.CANCELED, Stage.EXPIRED, Stage.FAILED, Stage.ABANDONED,
}  # fmt: skip


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Queries, list[TaskRecord]]]:
    """A journal of 700 tasks, and what is in it, newest first."""
    path = tmp_path_factory.mktemp("many") / "journal.sqlite3"
    with Journal(path) as journal:
        records = fill(700, journal)
    queries = Queries(path)
    yield queries, records[::-1]
    queries.close()


def found(queries: Queries, **filters: object) -> list[TaskRecord]:
    return list(queries.records(queries.keys(Filters(**filters))))


# What is counted


def test_a_stranger_s_task_is_listed_and_in_no_sum(tmp_path: Path) -> None:
    """It was only looked at: nothing of it was paid from here."""
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as journal:
        for stage in (Stage.FINALIZED, Stage.PUBLISHED, Stage.EXPIRED):
            journal.intend(draft(stage=stage, fee=5, payment=10), new=True)
            journal.intend(draft(stage=stage, fee=7, payment=1000, account=""), new=True)
    seen = History(Filters(), path)

    totals = seen.totals
    assert (totals.count, totals.others, len(seen), len(list(seen))) == (3, 3, 6, 6)
    assert (totals.held, totals.paid, totals.fees) == (10, 10, 15)
    assert set(totals.stages.values()) == {1}
    assert repr(seen).endswith("3 tasks of others: not counted.")
    alone = History(Filters(stages=(Stage.EXPIRED,), limit=1), path)
    assert (len(alone), alone.totals.held) == (1, 0)
    seen.queries.close()


def test_a_stranger_s_task_belongs_to_no_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "survey.ipynb")
    with Journal(tmp_path / "journal.sqlite3") as journal:
        kept = [journal.intend(draft(account=account), new=True)[0] for account in ("0x1", "")]

    assert [record.notebook for record in kept] == ["survey.ipynb", ""]


def test_a_stranger_s_task_tells_nothing_of_providers(tmp_path: Path) -> None:
    """What a provider did for others is not what it did for me."""
    provider = "0x" + "7" * 40
    answer = Response(address="0x" + "9" * 40, provider=provider, url="", payment=1, at=2)
    facts = {
        "stage": Stage.FINALIZED,
        "attempts": (Attempt(provider=provider, at=1),),
        "responses": (answer,),
        "address": "0x" + "8" * 40,
    }
    with Journal(tmp_path / "journal.sqlite3") as journal:
        journal.intend(draft(**facts), new=True)
        journal.intend(draft(account="", **facts), new=True)

        assert journal.reputations(NETWORK, [provider], besides=0)[provider].tasks == 1


# What is found


def test_all_newest_first(many) -> None:
    queries, records = many

    assert found(queries) == records


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({"network": "testnet"}, lambda r: r.network == "testnet"),
        ({"network_id": OTHER}, lambda r: r.network_id == OTHER),
        ({"source": "detect"}, lambda r: r.source_name == "detect"),
        ({"source": f"0x{2:040X}"}, lambda r: r.source == f"0x{2:040x}"),
        ({"source": f"0x{4:040x}"}, lambda r: not r.source_name),
        ({"stages": (Stage.EXPIRED,)}, lambda r: r.stage is Stage.EXPIRED),
        ({"stages": (Stage.SENT, Stage.FINALIZED), "network": "local"},
         lambda r: r.stage in {Stage.SENT, Stage.FINALIZED} and r.network == "local"),
        ({"text": "7th"}, lambda r: b"7th" in r.payload),
        ({"text": "SURVEY  openchat"},
         lambda r: r.notebook == "survey.ipynb" and "OpenChat" in r.source_name),
    ],
)  # fmt: skip
def test_a_filter_finds_those_and_no_others(
    many, filters: dict[str, object], fits: Callable[[TaskRecord], bool]
) -> None:
    """The same as looking at each of them; and the totals count the same."""
    queries, records = many
    expected = [record for record in records if fits(record)]

    assert 0 < len(expected) < len(records)
    assert found(queries, **filters) == expected
    assert queries.totals(Filters(**filters)).count == len(expected)


def test_since_a_moment(many) -> None:
    queries, records = many

    assert found(queries, since=records[99].created_at) == records[:100]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [True, False])
def test_every_order(many, sort: str, descending: bool) -> None:
    """Numbers by size, words by the alphabet, states by their life; what isn't known last."""
    queries, records = many
    rank = list(Stage).index
    keys: dict[str, Callable[[TaskRecord], object]] = {
        "created": lambda r: r.created_at, "payment": lambda r: r.cost, "fee": lambda r: r.fee,
        "status": lambda r: rank(r.stage), "finished": lambda r: r.finished_at,
        "source": lambda r: (r.source_name or r.source).lower(),
        "function": lambda r: r.function.lower(), "name": lambda r: r.name.lower(),
        "network": lambda r: r.network.lower(),
        "notebook": lambda r: r.notebook.lower() or None,
    }  # fmt: skip
    values = [keys[sort](r) for r in found(queries, sort=sort, descending=descending)]
    known = [value for value in values if value is not None]

    assert len(values) == len(records)
    assert known == sorted(known, reverse=descending)
    assert values[: len(known)] == known


def test_windows_are_parts_of_the_whole(many) -> None:
    queries, _ = many
    whole = queries.keys(Filters(sort="payment"))

    assert queries.keys(Filters(sort="payment"), 100, 50) == whole[100:150]
    assert queries.keys(Filters(sort="payment", limit=120), 100, 50) == whole[100:120]
    assert queries.keys(Filters(sort="payment", limit=120), 200, 50) == []
    assert queries.keys(Filters(limit=0)) == []


def test_totals_are_right(many) -> None:
    """Paid is what providers got, held what may still be paid; each wei of it."""
    queries, records = many
    totals = queries.totals(Filters(network="local", limit=3))
    mine = [record for record in records if record.network == "local"]
    paid = [record for record in mine if record.stage is Stage.FINALIZED]
    held = [r for r in mine if r.stage not in SPENT_NOTHING and r not in paid]

    assert totals.paid == sum(min(r.payment, r.responses[0].payment) for r in paid)
    assert totals.held == sum(r.payment for r in held)
    assert totals.fees == sum(r.fee or 0 for r in mine)
    assert sum(totals.stages.values()) == totals.count == len(mine)


def test_sums_of_the_largest_amounts_are_exact(tmp_path: Path) -> None:
    """Wei don't fit SQLite's integers; here they are in no float either."""
    most = 2**256 - 1
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as journal:
        for n in (most, most, 1):
            journal.intend(draft(payment=n, fee=n, stage=Stage.SENT), new=True)
    queries = Queries(path)

    assert queries.totals(Filters()).held == queries.totals(Filters()).fees == 2 * most + 1
    assert [r.payment for r in found(queries, sort="payment", descending=False)] == [1, most, most]
    queries.close()


def test_choices_count_what_they_would_show(many) -> None:
    """Each with the other filters as they are."""
    queries, records = many
    facets = queries.facets(Filters(network="local", stages=(Stage.EXPIRED,)))
    expired = [record for record in records if record.stage is Stage.EXPIRED]

    assert facets.networks == {
        name: sum(r.network == name for r in expired) for name in ("local", "testnet")
    }
    assert sum(facets.stages.values()) == sum(record.network == "local" for record in records)
    assert sum(facets.sources.values()) == facets.networks["local"]


# What is searched


def words_of(record: TaskRecord) -> str:
    text = record.payload[:PAYLOAD_BYTES].decode(errors="replace")
    names = (record.name, record.function, record.source_name, record.network, record.problem)
    return "\n".join([f"#{record.key}", *names, text]).casefold()


@settings(max_examples=60)
@given(
    text=st.text(max_size=30), names=st.lists(st.text(max_size=12), max_size=4), cut=st.integers(0)
)
def test_any_text_is_found_by_any_part_of_it(text: str, names: list[str], cut: int) -> None:
    """Also what is a pattern elsewhere: %, _, quotes, every script and case."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder, "j.sqlite3")) as journal:
        text = text.encode(errors="replace").decode()
        record, _ = journal.intend(draft(payload=payload(text), problem=text), new=True)
        journal.intend(draft(payload=payload("%_"), function="other"), new=True)
        queries = Queries(journal.path)
        for word in text.split():
            part = word[cut % len(word) :]
            assert record.key in queries.keys(Filters(text=part.swapcase().casefold()))
        for name in names:
            expected = all(term in words_of(record) for term in Filters(text=name).terms)
            if not any("a" <= c <= "f" or c.isdigit() for c in name.casefold()):
                assert (record.key in queries.keys(Filters(text=name))) == expected
        queries.close()


def test_addresses_are_found_as_they_are_typed_and_shown(tmp_path: Path) -> None:
    """Whole, by their start, and shortened; a short number is none."""
    with Journal(tmp_path / "journal.sqlite3") as journal:
        address, tx_hash = "0x" + "7A5e" * 10, "0x" + "9c" * 32
        one, _ = journal.intend(draft(address=address, tx_hash=tx_hash), new=True)
        journal.intend(draft(), new=True)
        queries = Queries(journal.path)
        for text in (address, "0x7a5e", f"{address[:6]}…{address[-4:]}", tx_hash, "9c9c", "#1"):
            assert queries.keys(Filters(text=text)) == [one.key], text
        assert queries.keys(Filters(text="9c")) == []
        queries.close()


def test_what_is_large_is_searched_in_part(tmp_path: Path) -> None:
    """A picture in the data costs the search nothing; its words before are found."""
    with Journal(tmp_path / "journal.sqlite3") as journal:
        big = payload("a lighthouse " + "x" * 3_000_000 + " needle")
        journal.intend(draft(payload=big), new=True)
        queries = Queries(journal.path)
        begun = time.process_time()
        assert len(queries.keys(Filters(text="lighthouse"))) == 1
        assert queries.keys(Filters(text="needle")) == []
        assert time.process_time() - begun < 1
        assert next(queries.records([1], payloads=False)).payload == b""
        assert next(queries.records([1])).payload == big
        queries.close()


# Changes, versions, size


def test_what_others_write_is_seen(tmp_path: Path) -> None:
    """By a number that changes only then, and by the next question."""
    with Journal(tmp_path / "journal.sqlite3") as journal:
        queries = Queries(journal.path)
        assert queries.totals(Filters()).count == 0
        before = queries.changes()
        assert queries.changes() == before

        record, _ = journal.intend(draft(stage=Stage.SENT))

        assert queries.changes() != before
        assert queries.totals(Filters()).stages == {Stage.SENT: 1}
        journal.update(record.key, stage=Stage.FINALIZED, address="0x" + "7a" * 20)
        assert queries.totals(Filters()).stages == {Stage.FINALIZED: 1}
        assert queries.keys(Filters(text="0x7a7a")) == [record.key]
        queries.close()


@pytest.mark.parametrize("version", range(1, len(file._MIGRATIONS)))
def test_a_file_of_an_older_version_has_its_history(tmp_path: Path, version: int) -> None:
    """Its tasks are listed when they are asked for; nothing of them is lost."""
    path = tmp_path / "journal.sqlite3"
    records = older_journal(path, histories.many(30), version)

    history = History(Filters(), path)

    assert history.totals.count == 30
    assert [record.payload for record in history] == [record.payload for record in records[::-1]]
    assert {record.notebook for record in history} == {""}


@pytest.mark.parametrize("is_seen", [False, True])
def test_a_record_that_can_not_be_read_keeps_no_other_from_being_shown(
    tmp_path: Path, *, is_seen: bool
) -> None:
    """Also where it could be read before: a newer version may have written it since."""
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as journal:
        fill(3, journal)
    if is_seen:
        assert len(list(History(Filters(), path))) == 3
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE tasks SET record = '{}' WHERE key = 2")
    connection.close()

    history = History(Filters(), path)
    assert [record.key for record in history] == [3, 1]
    assert history.totals.count == 2


def test_a_task_that_is_gone_is_not_looked_for_again(tmp_path: Path) -> None:
    """Somebody has tidied up their journal by hand."""
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as journal:
        fill(3, journal)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("DELETE FROM tasks WHERE key = 2")
    connection.close()

    assert [record.key for record in History(Filters(), path)] == [3, 1]


def test_orders_that_are_asked_for_most_have_an_index(many) -> None:
    """The newest, those of a network or a state, the dearest: nothing is sorted for them."""
    queries, _ = many
    for filters in (
        Filters(), Filters(network_id=NETWORK), Filters(stages=(Stage.SENT,)),
        Filters(sort="payment"), Filters(since=0.0),
    ):  # fmt: skip
        plan = " ".join(queries.plan(filters))
        assert "INDEX listed_by_" in plan
        assert "TEMP B-TREE" not in plan


def test_ten_thousand_are_quick(tmp_path: Path) -> None:
    """A window, totals and choices in a tenth of a second of work, whatever is asked."""
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as journal:
        fill(10_000, journal)
    queries = Queries(path)
    queries.totals(Filters())  # lists them, once
    asked = [Filters(), Filters(text="table 7th"), *(Filters(sort=sort) for sort in SORTS)]
    took = []
    for filters in asked:
        begun = time.process_time()
        rows = list(queries.records(queries.keys(filters, 4_000, 60), payloads=False))
        queries.totals(filters)
        queries.facets(filters)
        took.append(time.process_time() - begun)
        assert len(rows) == (60 if not filters.text else 0)
    queries.close()

    assert sorted(took)[len(took) // 2] < 0.2  # process time, on a slow machine too


# `History`


@pytest.fixture
def home(ogpu_home: Path) -> list[TaskRecord]:
    """Twelve tasks in this test's journal, newest first."""
    return fill(12)[::-1]


def test_it_needs_no_network(home) -> None:
    history = ogpu_jupyter.history()

    assert list(history) == home
    assert len(history) == 12
    with pytest.raises(NotConnected):
        _ = history.tasks
    assert not history.is_mine(home[0])
    assert history.task(home[0]) is None


def test_there_need_be_no_journal_yet(ogpu_home: Path) -> None:
    assert repr(ogpu_jupyter.history()) == "No task matches."
    assert len(ogpu_jupyter.history()) == 0


def test_filters_as_words(home) -> None:
    """As they are said on the magic's line."""
    assert len(ogpu_jupyter.history(limit=5)) == 5
    paid = ogpu_jupyter.history(status="paid, not-sent", sort="payment:asc", network="all")
    expected = [r for r in home if r.stage in {Stage.FINALIZED, Stage.ABANDONED}]
    assert list(paid) == sorted(expected, key=lambda r: (r.cost, r.key))
    assert list(ogpu_jupyter.history(since="3m")) == home[:1]
    assert list(ogpu_jupyter.history(source="detect")) == [
        record for record in home if record.source_name == "detect"
    ]


@pytest.mark.parametrize(
    ("filters", "error", "words"),
    [
        ({"status": "payed"}, UnknownName, "'payed' is no status of a task."),
        ({"sort": "price"}, UnknownName, "Tasks can't be sorted by 'price'."),
        ({"sort": "fee:up"}, InputError, "'up' is no order."),
        ({"limit": -1}, InputError, "The limit is -1."),
        ({"since": "yesterday"}, OgpuError, "'yesterday' is not a duration."),
    ],
)
def test_a_slip_is_said(
    ogpu_home: Path, filters: dict[str, object], error: type[OgpuError], words: str
) -> None:
    with pytest.raises(error) as told:
        ogpu_jupyter.history(**filters)

    assert told.value.what == words


def test_every_state_has_its_word() -> None:
    """As the views say it, and as the journal has it."""
    for stage in Stage:
        also = (Stage.LATE,) if stage is Stage.EXPIRED else ()
        assert read_stages(stage) == read_stages(stage.value) == (*also, stage)
    assert read_stages("Paid,not sent") == (Stage.FINALIZED, Stage.ABANDONED)
    assert read_stages("open") == tuple(stage for stage in Stage if not stage.is_final)
    assert read_stages(None) == read_stages("") == ()


def test_as_text_and_html_it_is_the_newest_and_the_totals(ogpu_home: Path) -> None:
    fill(60)
    history = ogpu_jupyter.history()
    lines = repr(history).splitlines()

    assert len(lines) == 1 + 50 + 2
    assert lines[1].startswith("#60  rows[59]")
    assert lines[-2] == "50 of 60 are shown."
    assert lines[-1].startswith("60 tasks · ")
    assert "rows</b>" not in history.html()
    assert history.html("mark-1").startswith('<div class="mark-1">')
    assert "50 of 60 are shown." in history._repr_html_()


def test_strangers_words_are_text(ogpu_home: Path) -> None:
    with Journal() as journal:
        journal.intend(draft(name=HOSTILE, function=HOSTILE, source_name=HOSTILE,
                             network=HOSTILE, notebook=HOSTILE, problem=HOSTILE))  # fmt: skip
    history = ogpu_jupyter.history()

    assert "<img" not in history._repr_html_()
    assert not any(c in repr(history) for c in "\x1b\u202e")


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_a_frame_has_a_row_for_each(home, kind: str) -> None:
    """Amounts to calculate with and exact ones; times as times."""
    pytest.importorskip({"arrow": "pyarrow"}.get(kind, kind))
    frame = ogpu_jupyter.history().to_frame(kind)
    rows = frame.to_pylist() if kind == "arrow" else (
        frame.to_dicts() if kind == "polars" else frame.to_dict("records"))  # fmt: skip

    assert [row["task"] for row in rows] == [record.key for record in home]
    assert [row["payment_wei"] for row in rows] == [str(record.cost) for record in home]
    assert rows[0]["payment"] == pytest.approx(home[0].cost / 10**18)
    created = rows[0]["created"]
    if kind != "arrow":
        assert abs(created.timestamp() - home[0].created_at) < 1


def test_a_frame_of_nothing_has_its_columns(ogpu_home: Path) -> None:
    frame = ogpu_jupyter.history().to_frame()

    assert len(frame) == 0
    assert "payment_wei" in frame.columns


def test_the_notebook_is_kept_by_its_name_alone(
    ogpu_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server says it; a path may say more than a person means to keep."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/secret/survey 2.ipynb")
    with Journal() as journal:
        assert journal.intend(draft())[0].notebook == "survey 2.ipynb"
        monkeypatch.setenv("JPY_SESSION_NAME", "console-1-ab12")
        assert journal.intend(draft(), new=True)[0].notebook == ""

    assert [record.notebook for record in ogpu_jupyter.history()] == ["", "survey 2.ipynb"]


@pytest.mark.parametrize("node", ["anvil"], indirect=True)
def test_with_a_session_it_is_of_its_network(session) -> None:
    """Unless all are asked for; its tasks are the session's handles."""
    with session.journal.atomic():
        fill(5, session.journal)
    session.deposit(1)
    task = session.publish(
        "text2text", "text2text", {"messages": [{"role": "user", "content": "Hello"}]}
    )

    assert [found.key for found in session.history()] == [task.record.key]
    assert session.history().tasks == [task]
    assert ogpu_jupyter.history().tasks == [task]
    assert len(ogpu_jupyter.history(network="all")) == 6
    assert session.history().is_mine(task.record)


def test_a_lower_bid_is_what_was_paid() -> None:
    confirmed = Response(address="0xa", provider="0xb", url="", payment=7,
                         status=ResponseStatus.CONFIRMED)  # fmt: skip
    record = draft(payment=10, responses=(confirmed,), stage=Stage.FINALIZED,
                   delivery=DeliveryMethod.MANUAL_CONFIRMATION, source=SOURCE)  # fmt: skip

    assert record.cost == 7
    assert record.model_copy(update={"stage": Stage.RESPONDED}).cost == 10
