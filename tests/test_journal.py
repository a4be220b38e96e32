"""What is written down is there again, exactly; and the file is nobody else's to read."""

from __future__ import annotations

import json
import string
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ogpu_jupyter.errors import JournalError, UnknownName
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.journal.rows import LASTING
from ogpu_jupyter.tasks import (
    Answer,
    Attempt,
    DeliveryMethod,
    Response,
    ResponseStatus,
    Stage,
    TaskRecord,
    TransactionKind,
    TransactionRecord,
    TransactionState,
    payload_digest,
)
from tests.journalling import ACCOUNT, NETWORK, OTHER, RAW, draft, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OVER = {Stage.CANCELED, Stage.EXPIRED, Stage.FAILED, Stage.ABANDONED}
UNSENT = {Stage.INTENDED, Stage.UPLOADED}
MORE_THAN_64_BITS = 2**64 + 12345678901234567890


@pytest.fixture
def journal(ogpu_home: Path) -> Iterator[Journal]:
    with Journal() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    with Journal(tmp_path_factory.mktemp("journal") / "journal.sqlite3") as opened:
        yield opened


def address(number: int) -> str:
    return f"0x{number:040X}".replace("0X", "0x")


# --- what is there again ---------------------------------------------------------------

WORDS = st.text(st.characters(), max_size=30)  # also control characters and lone surrogates
WEI = st.integers(0, 2**256 - 1)
BLOCK = st.none() | st.integers(0, 2**64)
ADDRESS = st.text("0123456789abcdefABCDEF", min_size=40, max_size=40).map("0x".__add__)
ATTEMPTS = st.lists(st.builds(Attempt, provider=ADDRESS, bid=st.none() | WEI, at=BLOCK), max_size=3)
RESPONSES = st.lists(
    st.builds(
        Response,
        address=ADDRESS,
        provider=ADDRESS,
        url=WORDS,
        payment=WEI,
        status=st.sampled_from(ResponseStatus),
        at=BLOCK,
    ),
    max_size=3,
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "source_name": WORDS,
        "name": WORDS,
        "payment": WEI,
        "fee": st.none() | WEI,
        "block": BLOCK,
        "expires_at": st.integers(0, 2**256 - 1),
        "delivery": st.sampled_from(DeliveryMethod),
        "stage": st.sampled_from(Stage),
        "config_url": WORDS,
        "address": ADDRESS,
        "attempts": ATTEMPTS.map(tuple),
        "responses": RESPONSES.map(tuple),
        "problem": WORDS,
        "created_at": st.floats(0, 1e12),
    },
)


@given(changes=CHANGES, payload=st.dictionaries(st.text(max_size=5), st.text(max_size=20)))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_task_comes_back_as_it_was(shared: Journal, changes: dict, payload: dict) -> None:
    """All text, and amounts that no SQLite integer holds."""
    body = json.dumps({"function_name": "f", "data": payload}, ensure_ascii=False).encode()
    lasting = {name: value for name, value in changes.items() if name in LASTING}
    first, _ = shared.intend(draft(payload=body, **lasting), new=True)
    changes = {name: value for name, value in changes.items() if name not in LASTING}
    changed = shared.update(first.key, **changes)

    assert shared.task(first.key) == changed
    assert changed == first.model_copy(update=changes)


@given(
    raw=st.binary(max_size=300),
    nonce=st.integers(0, 2**64 - 1),
    number=st.integers(0, 2**256 - 1),
    note=WORDS,
)
@settings(deadline=None, max_examples=40)
def test_a_transaction_comes_back_as_it_was(
    shared: Journal, raw: bytes, nonce: int, number: int, note: str
) -> None:
    """To the last byte of what was signed."""
    record = transaction(number, raw=raw, nonce=nonce, note=note, kind=TransactionKind.DEPOSIT)
    kept = shared.transaction(NETWORK, record.hash)
    if kept is None:
        shared.add_transaction(record)

        assert shared.transaction(NETWORK, record.hash) == record


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(value=JSON, problem=WORDS)
@settings(deadline=None, max_examples=60)
def test_an_answer_comes_back_as_it_was(shared: Journal, value: object, problem: str) -> None:
    """Whatever JSON a provider sends."""
    task, _ = shared.intend(draft(), new=True)
    shared.put_answer(task.key, address(1), Answer(value=value, problem=problem))

    assert shared.answers(task.key) == {address(1): Answer(value=value, problem=problem)}


def test_it_is_there_after_a_new_start(ogpu_home: Path) -> None:
    """Tasks, transactions, answers and names."""
    with Journal() as journal:
        task, _ = journal.intend(draft())
        journal.add_transaction(transaction(task=task.key))
        journal.put_answer(task.key, address(9), Answer(value={"role": "assistant"}))
        journal.name_source(NETWORK, "chat", address(5))

    with Journal() as journal:
        assert journal.task(task.key).stage is Stage.SIGNED
        assert journal.transactions(NETWORK, ACCOUNT)[0].raw == RAW
        assert journal.answers(task.key) == {address(9): Answer(value={"role": "assistant"})}
        assert journal.source_names(NETWORK) == {"chat": address(5)}


# --- one intent, one task --------------------------------------------------------------


@pytest.mark.parametrize("stage", Stage)
def test_an_earlier_task_stands_unless_it_is_over(journal: Journal, stage: Stage) -> None:
    """Canceled, expired, failed and abandoned ones are published again; no others."""
    earlier, _ = journal.intend(draft())
    journal.update(earlier.key, stage=stage)
    found = journal.find_same(draft())
    record, new = journal.intend(draft())

    assert new == (stage in OVER)
    assert (found is None) == new
    assert (record.key == earlier.key) != new


@pytest.mark.parametrize(
    "other",
    [
        {"network_id": OTHER},
        {"account": address(7)},
        {"source": address(7)},
        {"payload": b'{"function_name": "text2text", "data": {"n": 2}}'},
        {"name": "other"},
        {"item": 1},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_order_is_another_task(journal: Journal, other: dict) -> None:
    """Network with its genesis, account, source, payload, name and item make the identity."""
    journal.intend(draft())

    assert journal.intend(draft(**other))[1] is True


def test_the_same_order_in_other_words_is_the_same_task(journal: Journal) -> None:
    """The order of keys, the case of addresses, the price and the time are no difference."""
    first, _ = journal.intend(draft(payload=b'{"function_name":"f","data":{"a":1,"b":2}}'))
    again = draft(
        payload=b'{"data":{"b":2,"a":1},"function_name":"f"}',
        account=ACCOUNT.lower(),
        payment=10**18,
        created_at=1.0,
    )

    assert journal.intend(again) == (first, False)


def test_new_publishes_again(journal: Journal) -> None:
    """And the newest one is what is shown from then on."""
    journal.intend(draft())
    second, new = journal.intend(draft(), new=True)

    assert new
    assert journal.intend(draft()) == (second, False)


def test_threads_that_intend_at_once_get_one_task(journal: Journal) -> None:
    """One of them is told that it is new."""
    barrier = threading.Barrier(8)
    answers = []

    def intend() -> None:
        barrier.wait()
        answers.append(journal.intend(draft()))

    threads = [threading.Thread(target=intend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(new for _, new in answers) == [False] * 7 + [True]
    assert len(journal.tasks()) == 1


# --- changes ---------------------------------------------------------------------------


def test_changes_from_threads_are_all_kept(journal: Journal) -> None:
    """A change reads and writes in one step."""
    task, _ = journal.intend(draft())

    def attempt(number: int) -> None:
        for n in range(10):
            with journal.atomic():
                old = journal.task(task.key).attempts
                new = Attempt(provider=address(100 * number + n))
                journal.update(task.key, attempts=(*old, new))

    threads = [threading.Thread(target=attempt, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(journal.task(task.key).attempts) == 40


def test_a_change_can_depend_on_the_stage(journal: Journal) -> None:
    """What comes late doesn't turn a task back."""
    task, _ = journal.intend(draft())
    journal.update(task.key, stage=Stage.PUBLISHED)

    unchanged = journal.update(task.key, when={Stage.SIGNED}, stage=Stage.SENT)

    assert unchanged.stage is Stage.PUBLISHED
    assert journal.task(task.key).stage is Stage.PUBLISHED


@pytest.mark.parametrize("name", ["stagee", "identity", "status", "model_config"])
def test_what_is_no_field_can_not_be_changed(journal: Journal, name: str) -> None:
    """A slip of the pen is an error, not a column."""
    task, _ = journal.intend(draft())

    with pytest.raises(TypeError, match=f"'{name}' is not a field of TaskRecord"):
        journal.update(task.key, **{name: 1})


@pytest.mark.parametrize("name", ["raw", "hash", "colour"])
def test_what_was_signed_can_not_be_changed(journal: Journal, name: str) -> None:
    """The bytes are what they are."""
    journal.add_transaction(transaction(kind=TransactionKind.DEPOSIT))

    with pytest.raises(TypeError, match=f"'{name}' is not a field of TransactionRecord"):
        journal.update_transaction("0x" + "1" * 64, network_id=NETWORK, **{name: b""})


def test_a_transaction_that_is_not_there_can_not_be_changed(journal: Journal) -> None:
    """It is named."""
    with pytest.raises(UnknownName, match="The journal has no transaction 0x77"):
        journal.update_transaction("0x77", network_id=NETWORK, state=TransactionState.SENT)


def test_what_fails_in_the_middle_leaves_nothing(journal: Journal) -> None:
    """All or nothing, and the journal works on."""
    task, _ = journal.intend(draft())

    def fail() -> None:
        with journal.atomic():
            journal.update(task.key, stage=Stage.UPLOADED)
            journal.name_source(NETWORK, "chat", address(1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert journal.task(task.key).stage is Stage.INTENDED
    assert journal.source_names(NETWORK) == {}
    assert journal.update(task.key, stage=Stage.UPLOADED).stage is Stage.UPLOADED


# --- finding ---------------------------------------------------------------------------


def test_a_task_is_found_by_what_a_person_has_of_it(journal: Journal) -> None:
    """Address, hash, number and variable, whole or as they are shown."""
    task, _ = journal.intend(draft(name="answer"))
    journal.intend(draft(name="other"))
    where, sent = "0xABCDEF" + "12" * 16 + "3456", f"0x{0xFEED << 240:064x}"
    journal.add_transaction(transaction(0xFEED << 240, task=task.key))
    journal.update(task.key, address=where)
    words = [
        where,
        where.lower(),
        "0xabcd",
        "0xABCDEF1212",
        "0xabcd…3456",
        "0xABCD...3456",
        sent,
        sent[:8],
        "#1",
        "1",
        " answer ",
    ]

    for word in words:
        assert [found.key for found in journal.find(NETWORK, word)] == [task.key], word


@pytest.mark.parametrize(
    "word",
    ["0xab", "0xabc", "answe", "ANSWER", "#3", "#0", "%", "_nswer", "0xabcd*", "0xabcd…99", ""],
)
def test_a_task_is_not_found_by_less(journal: Journal, word: str) -> None:
    """A few characters of an address are anybody's, and nothing is a pattern."""
    task, _ = journal.intend(draft(name="answer"))
    journal.update(task.key, address="0xabcdef" + "12" * 17)

    assert journal.find(NETWORK, word) == []


def test_the_start_of_an_address_that_several_have_means_none_of_them(journal):
    """Whoever acts on a task is told which there are, the newest first."""
    made = []
    for number in range(7):
        task, _ = journal.intend(draft(function=f"f{number}"), new=True)
        made.append(journal.update(task.key, address=f"0xabcd{number:036x}", stage=Stage.PUBLISHED))

    with pytest.raises(UnknownName) as caught:
        journal.one(NETWORK, "0xABCD")

    lines = [f"  #{t.key} {t.address}: {t.function}, published" for t in reversed(made[2:])]
    assert str(caught.value) == "\n".join(
        [
            "'0xABCD' may be any of 7 tasks:",
            *lines,
            "  and 2 more",
            "Nothing was spent.",
            f"Type more of its address, or its number: `#{made[-1].key}`.",
        ]
    )
    assert journal.one(NETWORK, made[0].address) == made[0]
    assert journal.one(NETWORK, f"0xabcd…{3:04x}") == made[3]
    assert journal.one(NETWORK, f"#{made[1].key}") == made[1]
    assert journal.one(NETWORK, "0xabce") is None


def test_the_start_of_a_hash_that_is_also_that_of_an_address_means_neither(journal):
    one, _ = journal.intend(draft(), new=True)
    other, _ = journal.intend(draft(function="other"), new=True)
    journal.update(one.key, address="0xabcd" + "1" * 36, stage=Stage.PUBLISHED)
    other = journal.update(other.key, tx_hash="0xabcd" + "2" * 60, stage=Stage.SENT)

    with pytest.raises(UnknownName, match=r"^'0xabcd' may be any of 2 tasks:\n"):
        journal.one(NETWORK, "0xabcd")
    assert journal.one(NETWORK, "0xabcd22") == other
    assert journal.one(NETWORK, other.tx_hash) == other


def test_a_name_means_its_newest_task_and_no_row_of_a_batch(journal):
    """A variable holds what was published last; that of a batch holds no task at all."""
    journal.intend(draft(name="answer"), new=True)
    newest, _ = journal.intend(draft(name="answer", function="again"), new=True)
    for item in range(2):
        journal.intend(draft(name="rows", item=item), new=True)

    assert journal.one(NETWORK, "answer") == newest
    with pytest.raises(UnknownName, match=r"^'rows' may be any of 2 tasks:\n"):
        journal.one(NETWORK, "rows")


@given(text=st.text(st.characters()) | st.from_regex(r"[#0-9a-fx.…*?\[\]%_'\";-]{0,80}"))
@settings(deadline=None, max_examples=150)
def test_any_text_may_be_looked_for(shared: Journal, text: str) -> None:
    """It is found or it isn't; it never is a part of the question."""
    found = shared.find(None, text)

    assert isinstance(found, list)


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@settings(deadline=None, max_examples=60)
def test_a_variable_of_any_name_is_found_by_it(shared: Journal, name: str) -> None:
    """Unless its name reads like a number or an address."""
    task, _ = shared.intend(draft(name=name), new=True)
    found = [record.key for record in shared.find(NETWORK, name)]

    if name == name.strip() and name[0] not in string.digits + "#":
        assert task.key in found


def test_a_transaction_that_was_replaced_finds_its_task(journal: Journal) -> None:
    """The hash in a message of an hour ago still means something."""
    task, _ = journal.intend(draft())
    journal.add_transaction(transaction(1, task=task.key))
    journal.add_transaction(transaction(2, task=task.key))

    assert journal.task(task.key).tx_hash == transaction(2).hash
    for number in (1, 2):
        assert journal.by_hash(NETWORK, transaction(number).hash) == journal.task(task.key)
        (found,) = journal.find(NETWORK, transaction(number).hash)
        assert found.key == task.key
    assert journal.by_hash(NETWORK, transaction(3).hash) is None
    assert journal.by_hash(OTHER, transaction(1).hash) is None


def test_a_new_local_chain_is_not_an_old_one(journal: Journal) -> None:
    """With the same chain id, addresses, and even the same signed bytes."""
    old, _ = journal.intend(draft())
    new, _ = journal.intend(draft(network_id=OTHER))
    for record in (old, new):
        journal.update(record.key, address=address(3))
        journal.add_transaction(transaction(task=record.key, network_id=record.network_id))
    journal.update_transaction(transaction().hash, network_id=OTHER, state=TransactionState.MINED)

    assert journal.by_address(NETWORK, address(3)) == journal.task(old.key)
    assert journal.by_address(OTHER, address(3)) == journal.task(new.key)
    assert len(journal.transactions(NETWORK, ACCOUNT, unsettled_only=True)) == 1
    assert journal.transactions(OTHER, ACCOUNT, unsettled_only=True) == []
    assert [task.key for task in journal.find(None, address(3))] == [new.key, old.key]


def test_tasks_are_listed_newest_first(journal: Journal) -> None:
    """Of one network, one account, the open ones, or the last few."""
    keys = [journal.intend(draft(name=f"t{n}"))[0].key for n in range(4)]
    journal.update(keys[1], stage=Stage.FINALIZED)
    journal.intend(draft(account=address(1)))
    journal.intend(draft(network_id=OTHER))

    def listed(**words: object) -> list[int]:
        return [task.key for task in journal.tasks(NETWORK, account=ACCOUNT.lower(), **words)]

    assert listed() == keys[::-1]
    assert listed(open_only=True) == [keys[3], keys[2], keys[0]]
    assert listed(limit=2) == [keys[3], keys[2]]
    assert len(journal.tasks()) == 6
    assert len(journal.tasks(NETWORK)) == 5


def test_an_unknown_number_is_an_error(journal: Journal) -> None:
    """It names the number, and where to look."""
    for key in (7, 0, -1, 2**70):
        with pytest.raises(UnknownName) as error:
            journal.task(key)

        assert str(error.value) == (
            f"The journal has no task #{key}.\nNothing was spent.\n"
            "`%ogpu tasks` lists those it has."
        )


# --- money -----------------------------------------------------------------------------


def test_spent_is_what_is_paid_or_frozen_or_may_be(journal: Journal) -> None:
    """To the wei, beyond 64 bits; what came back and what never left costs nothing."""
    for stage in Stage:
        key = journal.intend(draft(name=stage.value, payment=MORE_THAN_64_BITS))[0].key
        journal.update(key, stage=stage)
    costing = set(Stage) - OVER - UNSENT

    assert journal.spent(NETWORK, ACCOUNT) == MORE_THAN_64_BITS * len(costing)
    assert journal.spent(OTHER, ACCOUNT) == 0
    assert journal.spent(NETWORK, address(1)) == 0


def test_a_provider_that_asks_for_less_costs_less(journal: Journal) -> None:
    """The bid of the confirmed response is what is paid."""
    key = journal.intend(draft(payment=100))[0].key
    bid = Response(address=address(1), provider=address(2), url="", payment=30)
    journal.update(key, stage=Stage.RESPONDED, responses=(bid,))

    assert journal.spent(NETWORK, ACCOUNT) == 100

    paid = bid.model_copy(update={"status": ResponseStatus.CONFIRMED})
    journal.update(key, stage=Stage.FINALIZED, responses=(paid,))

    assert journal.spent(NETWORK, ACCOUNT) == 30


def test_spent_can_be_asked_since_a_moment(journal: Journal) -> None:
    """Such as the start of the session."""
    for at in (100.0, 200.0, 300.0):
        key = journal.intend(draft(name=f"t{at:.0f}", payment=7, created_at=at))[0].key
        journal.update(key, stage=Stage.SENT)

    assert journal.spent(NETWORK, ACCOUNT, since=200) == 14


# --- transactions ----------------------------------------------------------------------


def test_transactions_come_in_the_order_of_their_nonces(journal: Journal) -> None:
    """The unsettled ones are those whose fate is not known."""
    for number, state in enumerate(TransactionState):
        record = transaction(number, nonce=100 - number, kind=TransactionKind.DEPOSIT, state=state)
        journal.add_transaction(record)
    found = journal.transactions(NETWORK, ACCOUNT.lower())
    open_ones = journal.transactions(NETWORK, ACCOUNT, unsettled_only=True)

    assert [record.nonce for record in found] == sorted(record.nonce for record in found)
    assert {record.state for record in open_ones} == {
        TransactionState.SIGNED,
        TransactionState.SENT,
    }


def test_the_same_bytes_again_change_nothing(journal: Journal) -> None:
    """What is known of them stays known."""
    journal.add_transaction(transaction(kind=TransactionKind.DEPOSIT))
    journal.update_transaction(transaction().hash, network_id=NETWORK, state=TransactionState.SENT)
    journal.add_transaction(transaction(kind=TransactionKind.DEPOSIT))

    assert [t.state for t in journal.transactions(NETWORK, ACCOUNT)] == [TransactionState.SENT]


@pytest.mark.parametrize("state", [TransactionState.REFUSED, TransactionState.REPLACED])
def test_the_same_bytes_are_open_again_after_they_were_given_up(
    journal: Journal, state: TransactionState
) -> None:
    """A deposit that was refused for want of gas is signed to the same bytes later."""
    first, _ = journal.intend(draft())
    journal.add_transaction(transaction(task=first.key))
    journal.update_transaction(transaction().hash, network_id=NETWORK, state=state)
    journal.update(first.key, stage=Stage.ABANDONED)
    second, _ = journal.intend(draft())
    journal.add_transaction(transaction(task=second.key))

    (found,) = journal.transactions(NETWORK, ACCOUNT, unsettled_only=True)
    assert found.task == second.key
    assert journal.task(second.key).stage is Stage.SIGNED


def test_two_tasks_never_share_a_transaction(journal: Journal) -> None:
    """One payment makes one task."""
    first, _ = journal.intend(draft())
    second, _ = journal.intend(draft(), new=True)
    journal.add_transaction(transaction(task=first.key))

    with pytest.raises(JournalError, match="another task's"):
        journal.add_transaction(transaction(task=second.key))

    assert journal.task(second.key).stage is Stage.INTENDED


@pytest.mark.parametrize("stage", sorted(set(Stage) - UNSENT - {Stage.SIGNED, Stage.SENT}))
def test_what_is_published_or_given_up_is_not_signed_again(journal: Journal, stage: Stage) -> None:
    """The journal is the last door before a second payment."""
    task, _ = journal.intend(draft())
    journal.update(task.key, stage=stage)

    with pytest.raises(JournalError, match=f"Task #1 is {stage.value} and can't be sent again"):
        journal.add_transaction(transaction(task=task.key))

    assert journal.transactions(NETWORK, ACCOUNT) == []
    assert journal.task(task.key).stage is stage


def test_a_confirmation_leaves_the_stage_alone(journal: Journal) -> None:
    """Only a publish signs the task."""
    task, _ = journal.intend(draft())
    journal.update(task.key, stage=Stage.RESPONDED)
    journal.add_transaction(transaction(task=task.key, kind=TransactionKind.CONFIRM))

    assert journal.task(task.key).stage is Stage.RESPONDED


def test_a_transaction_shows_no_bytes(journal: Journal) -> None:
    """Whoever has them can send them."""
    journal.add_transaction(transaction(kind=TransactionKind.DEPOSIT))
    found = journal.transaction(NETWORK, transaction().hash)

    assert isinstance(found, TransactionRecord)
    assert "raw" not in repr(found)


# --- answers and names -----------------------------------------------------------------


def test_a_problem_does_not_take_an_answers_place(journal: Journal) -> None:
    """A gateway that is down today leaves yesterday's answer as it is."""
    task, _ = journal.intend(draft())
    journal.put_answer(task.key, address(0xA), Answer(problem="no gateway"))
    journal.put_answer(task.key, address(0xA).lower(), Answer(value=1))
    journal.put_answer(task.key, address(0xA), Answer(problem="no gateway"))

    assert list(journal.answers(task.key).values()) == [Answer(value=1)]


def test_an_answer_belongs_to_a_task(journal: Journal) -> None:
    """One that isn't there gets none."""
    with pytest.raises(JournalError):
        journal.put_answer(5, address(1), Answer(value=1))


def test_a_name_means_the_source_it_was_given_last(journal: Journal) -> None:
    """On its network."""
    journal.name_source(NETWORK, "chat", address(1))
    journal.name_source(NETWORK, "chat", address(2))
    journal.name_source(NETWORK, "Bilder 🎨", address(3))
    journal.name_source(OTHER, "chat", address(4))

    assert journal.source_names(NETWORK) == {"Bilder 🎨": address(3), "chat": address(2)}


# --- many at once ----------------------------------------------------------------------


def test_many_transactions_are_added_together_or_not_at_all(journal: Journal) -> None:
    first, second = (journal.intend(draft(name=name))[0] for name in "ab")
    with pytest.raises(JournalError):
        journal.add_transactions([transaction(1, task=first.key), transaction(1, task=second.key)])
    assert journal.transactions(NETWORK, ACCOUNT) == []
    assert journal.task(first.key).stage is Stage.INTENDED

    journal.add_transactions([transaction(1, task=first.key), transaction(2, task=second.key)])

    assert journal.stages([second.key, first.key]) == [Stage.SIGNED, Stage.SIGNED]
    assert [t.hash for t in journal.transactions_of(second.key)] == [transaction(2).hash]


def test_nonces_are_those_that_may_be_mined(journal: Journal) -> None:
    for number, state in enumerate(TransactionState):
        record = transaction(number, nonce=number, kind=TransactionKind.DEPOSIT, state=state)
        journal.add_transaction(record)
    states = list(TransactionState)
    live = {n for n, state in enumerate(states) if state.value not in {"replaced", "refused"}}
    in_blocks = {n for n, state in enumerate(states) if state.value in {"mined", "reverted"}}

    assert journal.nonces(NETWORK, ACCOUNT.lower(), 0) == live
    assert journal.nonces(NETWORK, ACCOUNT, 2) == {nonce for nonce in live if nonce >= 2}
    assert {r.nonce for r in journal.mined_since(NETWORK, ACCOUNT, 0)} == in_blocks
    assert journal.mined_since(NETWORK, ACCOUNT, 99) == []
    assert [r.nonce for r in journal.at_nonce(NETWORK, ACCOUNT, 5)] == [5]
    assert journal.nonces(OTHER, ACCOUNT, 0) == set()


def rows_of(*numbers: int, **changes: str) -> list[TaskRecord]:
    """The rows of a batch, in this order; equal numbers are equal rows."""
    payloads = [json.dumps({"function_name": "f", "data": {"n": n}}).encode() for n in numbers]
    return [draft(name="rows", item=i, payload=p, **changes) for i, p in enumerate(payloads)]


def test_a_row_is_the_same_by_its_content_whatever_its_place(journal: Journal) -> None:
    """At its own place first; equal rows are as many tasks."""
    first = [record.key for record, _ in journal.intend_items(rows_of(1, 2, 2, 3))]

    assert journal.same_items(rows_of(2, 2, 2, 1, 9)) == [None, first[1], first[2], first[0], None]
    again = journal.intend_items(rows_of(0, 1, 2, 2, 3, 2))
    assert [new for _, new in again] == [True, False, False, False, False, True]
    assert [again[n][0].key for n in (1, 3, 2, 4)] == first
    assert [new for _, new in journal.intend_items(rows_of(1, 2), new=True)] == [True, True]


def test_a_row_that_is_over_or_taken_stands_for_no_other(journal: Journal) -> None:
    """Nor does a single task of the same content and name, or another account's."""
    first = [record.key for record, _ in journal.intend_items(rows_of(1, 2, 2))]
    journal.update(first[0], stage=Stage.EXPIRED)
    journal.intend(rows_of(7)[0].model_copy(update={"item": None}))
    journal.intend_items(rows_of(8, account="0x" + "11" * 20))

    assert journal.same_items(rows_of(1, 7, 8)) == [None] * 3
    found = journal.intend_items(rows_of(2, 2), taken={first[1]})
    assert [(found[0][0].key, found[0][1]), found[1][1]] == [(first[2], False), True]


def test_rows_of_an_older_file_are_known_too(journal: Journal) -> None:
    """Their content is filled in when it is first looked for."""
    first = [record.key for record, _ in journal.intend_items(rows_of(*range(1200)))]
    journal._file.rows("UPDATE tasks SET content = ''")
    journal._file.rows("UPDATE tasks SET record = '{' WHERE key = ?", first[5])

    found = journal.same_items(rows_of(*reversed(range(1200))))

    assert list(reversed(found)) == [*first[:5], None, *first[6:]]


def test_a_look_for_rows_costs_as_much_as_the_rows(journal: Journal) -> None:
    """Not as all that was ever published under that name."""
    few, many = rows_of(1, 2, 3), rows_of(*range(100, 1100))
    costs = []
    for records in (few, many):
        journal.intend_items(records)
        steps: list[int] = []
        journal._file._connection.set_progress_handler(lambda s=steps: s.append(0), 1)
        journal.same_items(few)
        costs.append(len(steps))
    journal._file._connection.set_progress_handler(None, 0)

    assert costs[1] < 2 * costs[0]


def test_some_are_read_without_their_payloads(journal: Journal) -> None:
    """In the order of their numbers, and more than one statement can name."""
    keys = [journal.intend(draft(item=n), new=True)[0].key for n in range(3)]
    some = [keys[2], keys[0], *[keys[1]] * 600]

    found = journal.tasks_of(some)

    assert [record.key for record in found] == some
    assert {record.payload for record in found} == {b""}
    assert journal.tasks_of([]) == []


def test_what_asks_for_no_payload_reads_none(tmp_path: Path) -> None:
    """Sums, what is under way, and one task by its name: forty tasks of a megabyte are there."""
    with Journal(tmp_path / "journal.sqlite3") as journal:
        for n in range(40):
            data = json.dumps({"function_name": "f", "data": {"text": "x" * 10**6, "n": n}})
            journal.intend(draft(payload=data.encode(), stage=Stage.PUBLISHED), new=True)
        one = draft()
        asked = [
            lambda: journal.spent(one.network_id, one.account),
            lambda: journal.tasks(one.network_id, open_only=True, payloads=False),
            lambda: journal.find(one.network_id, one.name),
            lambda: journal.one(one.network_id, one.name),  # its own, and no other's
        ]
        tracemalloc.start()
        peaks = []
        for ask in asked:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            assert ask()
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        tracemalloc.stop()

    assert max(peaks[:3]) < 10**6
    assert 10**6 < peaks[3] < 8 * 10**6


# --- answers are read once --------------------------------------------------------------


def answered(journal: Journal, *values: object) -> int:
    task, _ = journal.intend(draft(), new=True)
    for n, value in enumerate(values):
        journal.put_answer(task.key, address(n), Answer(value=value))
    return task.key


def test_answers_are_the_same_objects_until_they_change(journal: Journal) -> None:
    key = answered(journal, {"n": 1}, {"n": 2})
    one, two = journal.answers(key).values()
    assert journal.answers(key)[address(0)] is one

    journal.put_answer(key, address(0), Answer(value={"n": 3}))

    assert journal.answers(key)[address(0)].value == {"n": 3}
    assert journal.answers(key)[address(1)] == two


def test_what_another_connection_writes_is_read(journal: Journal) -> None:
    """An answer of this task; by what it writes elsewhere nothing is read anew."""
    key = answered(journal, {"n": 1})
    one = journal.answers(key)[address(0)]
    with Journal() as other:
        answered(other, {"n": 5})
        assert journal.answers(key)[address(0)] is one
        other.put_answer(key, address(0), Answer(value={"n": 2}))
        other.put_answer(key, address(1), Answer(problem="It is away."))

    assert journal.answers(key)[address(0)].value == {"n": 2}
    assert journal.answers(key)[address(1)].problem == "It is away."


def test_what_is_kept_of_answers_is_bounded(journal: Journal) -> None:
    """The oldest are read again; all are right."""
    keys = [answered(journal, "x" * (5 << 20) + str(n)) for n in range(9)]
    found = [journal.answers(key)[address(0)] for key in keys]

    assert journal._decoded._size < 33 << 20
    assert journal.answers(keys[-1])[address(0)] is found[-1]
    assert journal.answers(keys[0])[address(0)] is not found[0]
    assert [journal.answers(key)[address(0)].value[5 << 20 :] for key in keys] == [
        str(n) for n in range(9)
    ]


def test_a_thread_that_reads_beside_a_write_keeps_nothing_old(journal: Journal) -> None:
    key = answered(journal, 0)
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            journal.answers(key)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for n in range(1, 300):
            journal.put_answer(key, address(0), Answer(value=n))
            assert journal.answers(key)[address(0)].value == n
    finally:
        stop.set()
        for reader in readers:
            reader.join()


def test_a_tasks_identity_is_computed_once(journal: Journal) -> None:
    """Publishing asks for it several times, and no update does: what it is made of stays."""
    data = json.dumps({"function_name": "f", "data": {"text": "x" * 10**5}}).encode()
    payload_digest.cache_clear()
    task, _ = journal.intend(draft(payload=data))
    assert journal.find_same(draft(payload=data)) == task
    assert payload_digest.cache_info().misses == 1

    payload_digest.cache_clear()
    journal.update(task.key, stage=Stage.SENT, tx_hash="0x" + "1" * 64)
    assert payload_digest.cache_info().misses == 0
    assert journal.find_same(draft(payload=data)).stage is Stage.SENT


@pytest.mark.parametrize("name", sorted(LASTING))
def test_what_makes_two_tasks_the_same_does_not_change(journal: Journal, name: str) -> None:
    task, _ = journal.intend(draft())
    with pytest.raises(TypeError, match=name):
        journal.update(task.key, **{name: getattr(task, name)})
