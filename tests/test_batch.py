"""Many tasks at once: checked and priced together, each published once, each with its own end."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from functools import partial

import pytest
from pydantic import BaseModel

import ogpu_jupyter
from ogpu_jupyter import display, jobs, notebooks
from ogpu_jupyter.batch import Batch
from ogpu_jupyter.errors import (
    BatchFailed,
    GasBalanceLow,
    GatewayUnavailable,
    InputError,
    Interrupted,
    JournalError,
    NotConnected,
    OgpuError,
    OverBudget,
    PinFailed,
    TaskExpired,
    TaskFailed,
    TaskTimeout,
    VaultBalanceLow,
)
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.session import Session
from ogpu_jupyter.spending import Limits
from ogpu_jupyter.tasks import Response, ResponseStatus, Stage
from tests import journalling
from tests.helpers import ROOT, funded_account
from tests.helpers import wait_until as until
from tests.killed_many import STEPS
from tests.market import Publisher

SOON = 60
PRICE = 10**15


@pytest.fixture
def funded(session):
    session.deposit(1)
    return session


@pytest.fixture
def account(localnet):
    """With 5 OGPU: the market's giver is not endless."""
    return funded_account(localnet, 5 * 10**18)


@pytest.fixture(scope="module")
def source(localnet):
    """No provider serves it."""
    return Publisher(localnet).publish_source()


def questions(*numbers):
    return [{"messages": [{"role": "user", "content": f"What is {n} * 2?"}]} for n in numbers]


def rows(number, start=0):
    return [{"row": n} for n in range(start, start + number)]


def sent(session):
    return int(session.client.rpc.call("eth_getTransactionCount", session.account, "latest"), 16)


def all_on_chain(session, batch):
    until(lambda: all(stage.is_on_chain for stage in session.journal.stages(batch.keys)))


def interrupt():
    """As a kernel is interrupted: in the main thread, while another one works."""
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    time.sleep(0.3)


def every_put(session, before):
    """`before` sees each payload that is uploaded."""
    put = session.client.store.put

    def watched(payload, **options):
        before(payload)
        return put(payload, **options)

    session.client.store.put = watched


def test_a_batch_gives_each_item_its_answer_in_order(funded):
    before = funded.balance().vault

    batch = ogpu_jupyter.publish_many("text2text", "text2text", questions(3, 4, 5))
    answers = batch.results(timeout=SOON)

    contents = [answer["content"] for answer in answers]
    assert [text in said for text, said in zip(("6", "8", "10"), contents, strict=True)] == [
        True
    ] * 3
    assert len(batch) == 3
    assert batch.status == {Stage.FINALIZED: 3}
    assert batch.total_paid == before - funded.balance().vault == 3 * PRICE
    assert [task.record.item for task in batch] == [0, 1, 2]
    assert {task.name for task in batch} == {"batch"}


def test_items_and_answers_can_be_models(funded):
    class Question(BaseModel):
        messages: list[dict[str, str]]

    class Message(BaseModel):
        role: str
        content: str

    batch = funded.publish_many(
        "text2text", "text2text", map(Question.model_validate, questions(6))
    )

    assert [type(answer) for answer in batch.results(SOON, model=Message)] == [Message]


def test_each_comes_once_as_it_is_completed(funded):
    batch = funded.publish_many("text2text", "text2text", questions(1, 2, 3, 4))

    found = list(batch.as_completed(timeout=SOON))

    assert sorted(task.record.item for task in found) == [0, 1, 2, 3]
    assert all(task.is_settled for task in found)
    assert len(list(batch.as_completed(timeout=1))) == 4


def test_run_again_nothing_is_sent(funded, source):
    first = funded.publish_many(source, "f", rows(5))
    all_on_chain(funded, first)
    count = sent(funded)

    again = funded.publish_many(source, "f", rows(5))

    assert again.keys == first.keys
    assert (first.earlier, again.earlier) == (0, 5)
    assert all(task.earlier for task in again)
    assert sent(funded) == count


def test_rows_that_are_added_or_sorted_anew_dont_make_the_others_new(funded, source):
    first = funded.publish_many(source, "f", rows(4))

    again = funded.publish_many(source, "f", [{"row": 99}, *reversed(rows(4))])

    assert again.keys[1:] == first.keys[::-1]
    assert again.earlier == 4
    all_on_chain(funded, again)
    assert sent(funded) == 1 + 5


def test_another_name_and_new_are_published_anew(funded, source):
    first = funded.publish_many(source, "f", rows(2))
    named = funded.publish_many(source, "f", rows(2), name="other")
    new = funded.publish_many(source, "f", rows(2), new=True)

    assert len({*first.keys, *named.keys, *new.keys}) == 6


def test_equal_items_are_two_tasks_and_one_upload(funded, source):
    uploads = []
    every_put(funded, uploads.append)

    batch = funded.publish_many(source, "f", [{"row": 1}, {"row": 2}, {"row": 1}])

    assert len(set(batch.keys)) == 3
    assert len(uploads) == len(set(uploads)) == 2
    assert funded.publish_many(source, "f", [{"row": 1}] * 3).earlier == 2


def test_uploads_run_together_at_most_sixteen(funded, source):
    busy, most, lock = [0], [0], threading.Lock()

    def enter(_payload):
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.05)
        with lock:
            busy[0] -= 1

    every_put(funded, enter)

    funded.publish_many(source, "f", rows(48))

    assert 2 <= most[0] <= 16


def test_a_hundred_take_a_handful_of_requests(funded, source):
    """A look, a price, and the windows; the rest are uploads."""
    rpc = funded.client.rpc
    funded._follower.stop()
    before = rpc.requests

    funded.publish_many(source, "f", rows(100))

    assert rpc.requests - before <= 5


def test_an_upload_that_fails_stops_no_other(funded, source):
    def fail(payload):
        if b'"row": 2' in payload:
            raise PinFailed("The pinning service took no row 2.")

    every_put(funded, fail)

    batch = funded.publish_many(source, "f", rows(4))

    assert batch.status.get(Stage.ABANDONED) == 1
    with pytest.raises(TaskFailed, match="took no row 2"):
        batch[2].result()
    until(lambda: batch.status == {Stage.PUBLISHED: 3, Stage.ABANDONED: 1})
    assert batch.total_paid == 3 * PRICE


def test_a_store_that_is_away_costs_nothing(funded, source):
    tried = []

    def away(payload):
        tried.append(payload)
        raise GatewayUnavailable("The pinning service could not be reached.")

    every_put(funded, away)

    with pytest.raises(GatewayUnavailable):
        funded.publish_many(source, "f", rows(60))

    assert len(tried) < 30
    assert sent(funded) == 1
    assert funded.spent == 0


def test_the_total_must_be_in_the_vault(funded, source):
    with pytest.raises(VaultBalanceLow) as low:
        funded.publish_many(source, "f", rows(4), pay="0.3")

    assert "The vault holds 1 OGPU; these 4 tasks pay 1.2 OGPU." in str(low.value)
    assert "%ogpu deposit 0.2" in str(low.value)
    assert (sent(funded), funded.tasks()) == (1, [])


def test_the_gas_of_all_must_be_there(localnet, source, tmp_path):
    poor = funded_account(localnet, 10**17 + 10**15)
    with_little = ogpu_jupyter.connect(localnet.network, account=poor, journal=tmp_path / "poor.db")
    with_little.deposit("0.1")
    try:
        with pytest.raises(GasBalanceLow, match="these 90 transactions may need"):
            with_little.publish_many(source, "f", rows(90))
        assert with_little.tasks() == []
    finally:
        with_little.close()


def test_the_total_must_fit_the_budget_and_is_asked_for(funded, source):
    asked = []
    funded.limits = Limits(session_budget=2 * PRICE)
    with pytest.raises(OverBudget, match=r"These 3 tasks pay 0\.003 OGPU"):
        funded.publish_many(source, "f", rows(3))
    funded.limits = Limits(confirm=True)
    with pytest.raises(OverBudget, match="did not agree"):
        funded.publish_many(source, "f", rows(3), ask=lambda text: asked.append(text) and False)

    assert funded.tasks() == []
    assert asked[0].startswith("Publish 3 tasks at 0.001 OGPU each: 0.003 OGPU, and at most ")
    funded.publish_many(source, "f", rows(3), yes=True)
    assert funded.spent == 3 * PRICE


def test_a_mistake_in_an_item_names_it_before_anything_is_sent(funded, source):
    with pytest.raises(InputError, match="Item 1: The data is a list"):
        funded.publish_many(source, "f", [{}, [], {}])

    assert funded.tasks() == []


def test_no_items_are_no_tasks(funded, source):
    batch = funded.publish_many(source, "f", [])

    assert (len(batch), batch.results(), batch.status, batch.total_paid) == (0, [], {}, 0)


def test_a_failure_is_named_or_returned(funded, source):
    """One that expires among those that have an answer."""
    batch = funded.publish_many(source, "f", rows(2), expires="2s")

    values = batch.results(SOON, errors="return")

    assert [type(value) for value in values] == [TaskExpired] * 2
    with pytest.raises(BatchFailed, match=r"2 of 2 tasks have no answer:\n\[0\] The task expired"):
        batch.results(timeout=SOON)
    with pytest.raises(ValueError, match="errors must be"):
        batch.results(errors="ignore")


def test_waiting_ends_after_its_time(funded, source):
    batch = funded.publish_many(source, "f", rows(2))

    with pytest.raises(TaskTimeout, match="2 of 2 tasks have no answer after 1 s"):
        batch.wait(1)


def test_waiting_ends_with_the_session(funded, source):
    batch = funded.publish_many(source, "f", rows(2))
    threading.Timer(0.3, funded.close).start()

    with pytest.raises(NotConnected):
        batch.wait(SOON)


def test_a_batch_holds_no_handles(funded, source):
    batch = funded.publish_many(source, "f", rows(3))
    handles = [weakref.ref(task) for task in batch]

    gc.collect()

    assert [handle() for handle in handles] == [None] * 3
    assert batch[1].record.item == 1
    assert batch[-1].record.item == 2
    assert [task.record.item for task in batch[:2]] == [0, 1]


def test_a_batch_shows_where_it_is(funded, source):
    batch = funded.publish_many(source, "f", rows(3))
    all_on_chain(funded, batch)

    again = funded.publish_many(source, "f", rows(3))

    assert repr(batch) == "3 tasks: 3 published. 0.003 OGPU."
    assert repr(again) == "3 tasks: 3 published. 0.003 OGPU. 3 of them from before."
    assert "3 published" in batch._repr_html_()


def test_the_total_is_what_the_tasks_take_from_the_vault(session):
    """Not what was never sent or came back; of a paid one what its provider got; to the wei."""
    large, stages = 10**20, [Stage.INTENDED, Stage.SENT, Stage.PUBLISHED, Stage.CANCELED]
    drafts = [journalling.draft(item=n, payment=large) for n in range(len(stages))]
    keys = [session.journal.intend(draft, new=True)[0].key for draft in drafts]
    for key, stage in zip(keys[1:], stages[1:], strict=True):
        session.journal.update(key, stage=stage)
    batch = Batch(session, keys)

    assert batch.total_paid == 2 * large
    low = Response(address="0x" + "01" * 20, provider="0x" + "02" * 20, url="", payment=7,
                   status=ResponseStatus.CONFIRMED)  # fmt: skip
    session.journal.update(keys[2], stage=Stage.FINALIZED, responses=(low,))

    assert batch.total_paid == large + 7
    assert repr(batch).startswith("4 tasks: 1 intended, 1 sent, 1 paid, 1 canceled. 100.0000")
    assert Batch(session, []).total_paid == 0


def test_a_batch_of_a_closed_session_says_so(funded, source):
    batch = funded.publish_many(source, "f", rows(2))
    all_on_chain(funded, batch)
    funded.close()

    assert "As it was last seen: its session is closed." in repr(batch)
    assert "its session is closed" in batch._repr_html_()


def test_other_tasks_are_no_news(funded, source):
    batch, other = (funded.publish_many(source, "f", rows(2), name=name) for name in "ab")
    heard = []
    batch.news_to(lambda: heard.append(1))

    batch.news(other.keys[0])
    assert heard == []
    batch.news(batch.keys[0])
    batch.news()
    assert heard == [1, 1]


class Broken:
    """A display that can't show anything."""

    def update(self, *_, **__):
        raise OSError("the page is gone")


@pytest.mark.parametrize("fails", ["from the start", "later"])
def test_a_page_that_is_gone_costs_nothing(funded, source, monkeypatch, fails):
    """All is sent, counted and followed; nothing is said to be unspent that isn't."""
    monkeypatch.setattr(display, "in_notebook", lambda: True)
    if fails == "later":
        monkeypatch.setattr(display, "_publish", lambda *_: Broken())

    batch = funded.publish_many(source, "f", rows(3))

    assert len(batch) == 3
    assert funded.spent == 3 * PRICE
    all_on_chain(funded, batch)
    assert [task.stage for task in batch] == [Stage.PUBLISHED] * 3


def test_what_may_have_left_is_counted_also_where_its_end_is_an_error(funded, source):
    """The journal fails after the broadcast: the tasks are out, paid for, and followed."""
    advance = funded._sender._ledger.advance
    calls = []

    def failing(*args, **words):
        calls.append(args)
        if len(calls) == 1:
            raise JournalError("the disk is full")
        return advance(*args, **words)

    funded._sender._ledger.advance = failing
    with suppress(OgpuError):
        funded.publish_many(source, "f", rows(3))
    funded._sender._ledger.advance = advance

    assert calls
    tasks = funded.tasks()
    until(lambda: all(task.stage is Stage.PUBLISHED for task in tasks), SOON)
    assert funded.spent == 3 * PRICE


def test_a_batch_is_found_again_in_its_notebook(funded, source, monkeypatch):
    """Its output's metadata names its tasks: the first of them, and how many more there are."""
    monkeypatch.setattr(notebooks, "MOST_LISTED", 2)
    batch = funded.publish_many(source, "f", rows(3))
    all_on_chain(funded, batch)

    data, metadata = batch.bundle()

    assert data["text/plain"] == repr(batch)
    told = metadata["ogpu"]
    assert [facts["task"] for facts in told["tasks"]] == [task.address for task in batch[:2]]
    assert told["more"] == 1


def test_an_interrupt_between_windows_keeps_what_was_sent(funded, source):
    """The rest is given up at once, and sent when the cell runs again."""
    send = funded.client.rpc.send_raws

    def interrupted(raws, **options):
        answers = send(raws, **options)
        interrupt()
        return answers

    funded.client.rpc.send_raws = interrupted
    with pytest.raises(Interrupted, match="after 16 of 20 tasks were sent") as caught:
        funded.publish_many(source, "f", rows(20))
    funded.client.rpc.send_raws = send

    assert len(caught.value.task) == 20
    again = funded.publish_many(source, "f", rows(20))
    assert again.earlier == 16
    all_on_chain(funded, again)
    assert sent(funded) == 1 + 20


def test_what_was_signed_and_never_left_was_not_sent(funded, source):
    """It counts after its worker has ended, not what the journal holds in between."""
    ledger = funded._sender._ledger
    sign = ledger.sign

    def interrupted(orders):
        tickets = sign(orders)
        interrupt()
        return tickets

    ledger.sign = interrupted
    with pytest.raises(Interrupted) as caught:
        funded.publish_many(source, "f", rows(12))
    ledger.sign = sign

    assert str(caught.value) == "Interrupted before anything was sent.\nNothing was spent."
    assert (funded.spent, funded.tasks(open_only=True)) == (0, [])
    again = funded.publish_many(source, "f", rows(12))
    assert (again.earlier, len(again)) == (0, 12)
    all_on_chain(funded, again)
    assert funded.spent == 12 * PRICE


def test_an_interrupt_counts_what_it_sent_and_not_what_was_there(funded, source):
    """The rows of before are neither sent by it nor paid by it."""
    funded.publish_many(source, "f", rows(5))
    send = funded.client.rpc.send_raws

    def interrupted(raws, **options):
        answers = send(raws, **options)
        interrupt()
        return answers

    funded.client.rpc.send_raws = interrupted
    with pytest.raises(Interrupted) as caught:
        funded.publish_many(source, "f", rows(25))
    funded.client.rpc.send_raws = send

    assert str(caught.value) == (
        "Interrupted after 16 of 20 tasks were sent: those go on.\n"
        "0.016 OGPU is paid or held in escrow for them.\n"
        "Run the cell again to send the others; `%ogpu tasks` shows what there is."
    )
    assert funded.spent == 21 * PRICE


def test_an_interrupt_while_a_node_hangs_says_the_most_that_is_out(funded, source, monkeypatch):
    monkeypatch.setattr(jobs, "_LETTING_GO_SECONDS", 0.2)
    send, goes_on = funded.client.rpc.send_raws, threading.Event()

    def hang(raws, **options):
        answers = send(raws, **options)
        interrupt()
        goes_on.wait(SOON)
        return answers

    funded.client.rpc.send_raws = hang
    with pytest.raises(Interrupted) as caught:
        funded.publish_many(source, "f", rows(20))
    goes_on.set()
    funded.client.rpc.send_raws = send

    assert str(caught.value) == (
        "Interrupted while 20 tasks were being sent: at most 16 of them are out, and those go on.\n"
        "At most 0.016 OGPU is paid or held in escrow for them.\n"
        "Run the cell again to send the others; `%ogpu tasks` shows what there is."
    )
    again = funded.publish_many(source, "f", rows(20))
    assert again.earlier == 16
    all_on_chain(funded, again)
    until(lambda: funded.spent == 20 * PRICE)


def test_an_interrupt_before_the_first_costs_nothing(funded, source):
    every_put(funded, lambda _: interrupt())

    with pytest.raises(Interrupted, match="before anything was sent"):
        funded.publish_many(source, "f", rows(3))

    assert funded.tasks(open_only=True) == []
    assert sent(funded) == 1


@pytest.mark.parametrize("many", [True, False])
def test_an_interrupted_upload_holds_no_money(funded, source, many):
    """The cell can be run again at once, with all of the budget, while the old one still ends."""
    funded.limits = Limits(session_budget=3 * PRICE)
    hanging = threading.Event()

    def hang(_):
        interrupt()
        hanging.wait(SOON)

    put = funded.client.store.put
    every_put(funded, hang)
    publish, what = funded.publish_many, (source, "f", rows(3))
    if not many:
        publish, what = partial(funded.publish, pay="0.003"), (source, "f", {"n": 1})
    with pytest.raises(Interrupted, match="before anything was sent"):
        publish(*what)
    funded.client.store.put = put

    again = funded.publish_many(source, "f", rows(3))
    hanging.set()

    assert len(again) == 3
    assert funded.spent == 3 * PRICE


@pytest.mark.parametrize("step", STEPS)
def test_a_kernel_killed_in_the_middle_publishes_each_once(
    step, localnet, account, session, source
):
    """The same cell in the next kernel sends just what is missing."""
    number = 20
    session.deposit(1)
    session.close()
    order = {
        "network": {**vars(localnet.network)},
        "key": account.key.hex(),
        "journal": str(session.journal.path),
        "step": step,
        "source": source,
        "number": number,
    }
    command = [sys.executable, "-m", "tests.killed_many"]

    done = subprocess.run(
        command, cwd=ROOT, input=json.dumps(order).encode(), timeout=60, check=False
    )
    again = ogpu_jupyter.connect(localnet.network, account=account, journal=session.journal.path)
    try:
        batch = again.publish_many(source, "f", rows(number))
        all_on_chain(again, batch)
        addresses = {task.address for task in batch}
        count, vault = sent(again), again.balance().vault
    finally:
        again.close()

    assert done.returncode == -signal.SIGKILL
    assert len(addresses) == number
    assert count == 1 + number
    assert vault == 10**18 - number * PRICE
    expected = {"signed": 20, "broadcast": 20, "receipts": 20}.get(step, 0)
    assert batch.earlier == expected


def test_two_kernels_with_the_same_batch_publish_it_once(localnet, account, funded, source):
    """One account, one journal, both at once."""
    other = Session(localnet.network, account, Journal(funded.journal.path))
    batches = {}

    def publish(session):
        batches[session] = session.publish_many(source, "f", rows(30))

    both = [threading.Thread(target=publish, args=(session,)) for session in (funded, other)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    all_on_chain(funded, batches[funded])
    other.close()

    assert batches[funded].keys == batches[other].keys
    assert sent(funded) == 1 + 30


def go(*processes):
    for process in processes:
        print("go", file=process.stdin, flush=True)


@contextmanager
def publishers(localnet, account, session, source, *orders):
    """Processes that publish rows, each stopped when all is checked and nothing written."""
    common = {
        "network": {**vars(localnet.network)},
        "key": account.key.hex(),
        "journal": str(session.journal.path),
        "source": source,
    }
    running = []
    try:
        for order in orders:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.two_many"],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            running.append(process)
            print(json.dumps(common | order), file=process.stdin, flush=True)
        assert [process.stdout.readline() for process in running] == ["planned\n"] * len(orders)
        yield running
    finally:
        for process in running:
            process.kill()
            process.communicate()


@pytest.mark.parametrize(
    ("mine", "yours", "different"),
    [
        (range(12), range(-1, 12), 13),  # moved by one
        (range(12), [11, *range(11), 20, 21], 14),  # sorted anew, and added to
        ([1, 1, 2, 3], [2, 1, 3, 1, 1], 5),  # equal rows are as many tasks
    ],
)
def test_of_two_kernels_rows_that_were_moved_are_each_sent_once(
    localnet, account, funded, source, mine, yours, different
):
    """Both have looked before either writes, and the parts of both lie between each other."""
    orders = [{"rows": list(mine), "part": 5}, {"rows": list(yours), "part": 3}]
    with publishers(localnet, account, funded, source, *orders) as running:
        go(*running)
        (_, *mine), (_, *yours) = (json.loads(process.stdout.readline()) for process in running)
        keys = {*mine, *yours}
        until(lambda: all(s.is_on_chain for s in funded.journal.stages([*keys])))

    assert len(keys) == different
    assert funded.balance().vault == 10**18 - different * PRICE
    assert sent(funded) == 1 + different


@pytest.mark.parametrize("step", ["intended", "signed", "broadcast"])
def test_of_two_kernels_one_may_be_killed_and_each_row_is_sent_once(
    step, localnet, account, funded, source
):
    """The cell that is run again sends just what the dead one left unsent."""
    orders = [{"rows": list(range(30)), "step": step}, {"rows": list(range(-1, 30))}]
    with publishers(localnet, account, funded, source, *orders) as (dying, other):
        go(dying)
        dying.wait(60)
        go(other)
        other.stdout.readline()
        batch = funded.publish_many(source, "f", rows(31, -1))
        all_on_chain(funded, batch)

    assert dying.returncode == -signal.SIGKILL
    assert len({task.address for task in batch}) == 31
    assert sent(funded) == 1 + 31
    assert funded.balance().vault == 10**18 - 31 * PRICE


def test_two_kernels_share_the_account_while_both_send(localnet, account, funded, source):
    other = Session(localnet.network, account, Journal(funded.journal.path))
    batches = {}

    def publish(session, start):
        batches[session] = session.publish_many(source, "f", rows(40, start))

    both = [threading.Thread(target=publish, args=pair) for pair in ((funded, 0), (other, 100))]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    all_on_chain(funded, batches[funded])
    all_on_chain(other, batches[other])
    other.close()

    assert sent(funded) == 1 + 80


def test_every_error_of_a_batch_is_ours():
    assert issubclass(BatchFailed, OgpuError)
