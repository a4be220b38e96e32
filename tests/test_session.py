"""A session on a real market: published once, followed to its answer, nothing lost."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

import ogpu_jupyter
from ogpu_jupyter.errors import (
    AccountError,
    AmountError,
    ContentError,
    ExpiryError,
    InputError,
    NotConnected,
    OverBudget,
    Reverted,
    SourceInactive,
    TaskCanceled,
    TaskError,
    TaskExpired,
    TaskTimeout,
    UnknownName,
    VaultBalanceLow,
    WrongChain,
)
from ogpu_jupyter.journal import Journal
from ogpu_jupyter.spending import Limits
from ogpu_jupyter.tasks import (
    DeliveryMethod,
    Stage,
    TaskInfo,
    TaskInput,
    TaskStatus,
    TransactionState,
    encode_payload,
)
from ogpu_jupyter.units import WEI_PER_OGPU
from tests.helpers import funded_account
from tests.helpers import wait_until as until
from tests.market import Provider, Publisher

QUESTION = {"messages": [{"role": "user", "content": "What is 6 * 7?"}]}
SOON = 30


@pytest.fixture
def funded(session):
    session.deposit(1)
    return session


@pytest.fixture
def publisher(localnet):
    return Publisher(localnet)


@pytest.fixture
def idle_source(publisher):
    """A source that no provider serves: its tasks stay NEW."""
    return publisher.publish_source()


@pytest.fixture
def bids(publisher):
    """A source whose responses a person chooses among."""
    return publisher.publish_source(delivery=DeliveryMethod.MANUAL_CONFIRMATION)


@pytest.fixture
def other_session(session, localnet, tmp_path):
    """Somebody else on the same network."""
    account = funded_account(localnet)
    other = ogpu_jupyter.connect(localnet.network, account=account, journal=tmp_path / "other.db")
    other.deposit(1)
    yield other
    other.close()


def ask(session, **options):
    return session.publish("text2text", "text2text", QUESTION, **options)


def sent(session):
    """How many transactions the account has in blocks."""
    return int(session.client.rpc.call("eth_getTransactionCount", session.account, "latest"), 16)


def slow(session, **options):
    """A task that a provider takes at once and answers much later."""
    return session.publish("sleep", "sleep", {"seconds": 20}, **options)


def test_a_task_is_published_and_its_answer_read(funded):
    task = ask(funded)

    answer = task.result(timeout=SOON)

    assert answer["role"] == "assistant"
    assert "42" in answer["content"]
    assert task.stage is Stage.FINALIZED
    assert task.status is TaskStatus.FINALIZED
    assert task.record.winner == task.responses[0].provider
    assert task.record.fee > 0


def test_publishing_takes_four_requests(funded):
    """A look, a simulation, the upload, the sending; then one request a tick for all tasks."""
    seen = []
    funded._follower.stop()
    rpc = funded.client.rpc
    before = rpc.requests
    put = funded.client.store.put
    funded.client.store.put = lambda *args, **options: seen.append(1) or put(*args, **options)

    ask(funded)

    assert rpc.requests - before + len(seen) <= 4


@pytest.mark.parametrize("new", [False, True])
def test_publishing_looks_for_the_same_task_where_it_counts(funded, monkeypatch, new):
    """Before anything is asked of the node, and again under the lock that intents hold."""
    looks = []
    find_same = funded.journal.find_same
    monkeypatch.setattr(funded.journal, "find_same", lambda d: looks.append(d) or find_same(d))

    ask(funded, new=new)

    assert len(looks) == (0 if new else 2)


def test_the_same_task_again_is_shown_not_paid(funded):
    first = ask(funded)
    first.result(timeout=SOON)
    vault, transactions = funded.balance().vault, sent(funded)

    again = ask(funded)

    assert again is first
    assert again.earlier
    assert funded.balance().vault == vault
    assert sent(funded) == transactions


def test_new_publishes_it_again(funded):
    first = ask(funded)
    again = ask(funded, new=True)

    assert again.record.key != first.record.key
    assert again.result(timeout=SOON) == first.result(timeout=SOON)


def test_another_name_is_another_task(funded):
    assert ask(funded).record.key != ask(funded, name="other").record.key


def test_the_payment_leaves_the_vault_just_once(funded):
    before = funded.balance().vault

    task = ask(funded, pay="0.01")
    task.result(timeout=SOON)

    assert task.payment == 10**16
    assert before - funded.balance().vault == 10**16


def test_a_plan_sends_nothing(funded):
    before, transactions = funded.balance(), sent(funded)

    plan = funded.plan("text2text", "text2text", QUESTION, pay="0.01", expires="10m")

    assert json.loads(plan.payload) == {"function_name": "text2text", "data": QUESTION}
    assert plan.payment == 10**16
    assert plan.gas > 21_000
    assert plan.vault_after == before.vault - 10**16
    assert plan.wallet_after == before.wallet - plan.max_fee
    assert (funded.balance(), sent(funded), funded.tasks()) == (before, transactions, [])


def test_deposit_and_withdrawal_move_the_money(session):
    deposited = session.deposit("1.5")
    withdrawn = session.withdraw(1)

    assert deposited.state is withdrawn.state is TransactionState.MINED
    assert session.balance().vault == WEI_PER_OGPU // 2


def test_a_deposit_with_a_floor_is_made_once(session):
    """A cell with it can be run again: nothing is moved while the vault holds enough."""
    first = session.deposit(1, if_below="0.5")
    again = session.deposit(1, if_below="0.5")

    assert first.state is TransactionState.MINED
    assert again is None
    assert session.balance().vault == WEI_PER_OGPU


def test_more_than_the_vault_holds_cannot_be_withdrawn(funded):
    with pytest.raises(VaultBalanceLow):
        funded.withdraw(5)

    assert funded.balance().vault == WEI_PER_OGPU


def test_a_result_can_be_a_model(funded):
    class Message(BaseModel):
        role: str
        content: str

    assert ask(funded).result(Message, timeout=SOON).role == "assistant"


def test_a_result_is_the_persons_to_change(funded):
    """The views draw what came, whatever became of what was given away."""
    task = ask(funded)
    task.result(timeout=SOON)["role"] = "mine"

    assert task.result()["role"] == "assistant"
    assert [answer.value["role"] for answer in task.answers.values()] == ["assistant"]


def test_a_task_can_be_awaited(funded):
    async def answer():
        return await ask(funded)

    assert asyncio.run(answer())["role"] == "assistant"


def test_waiting_ends_after_its_time(funded):
    task = slow(funded)

    with pytest.raises(TaskTimeout, match="no answer after"):
        task.result(timeout=0.2)


def test_a_failing_service_leaves_the_task_attempted_until_it_expires(funded):
    """The expiry is counted on the chain's clock."""
    task = funded.publish("fail", "fail", {}, expires=timedelta(seconds=4))
    until(lambda: task.stage is Stage.ATTEMPTED)

    with pytest.raises(TaskExpired):
        task.result(timeout=SOON)


def test_a_late_task_is_shown_and_not_paid_again(funded):
    """Its payment is held until the chain itself ends it; `new` publishes beside it."""
    first = funded.publish("fail", "fail", {}, expires="3s")
    until(lambda: first.stage is Stage.LATE)

    again = funded.publish("fail", "fail", {}, expires="3s")

    assert again is first
    assert again.earlier
    assert first.status is TaskStatus.EXPIRED
    assert funded.journal.spent(funded.network_id, funded.account) == first.payment
    new = funded.publish("fail", "fail", {}, expires="3s", new=True)
    assert new.record.key != first.record.key


def test_a_new_session_finds_what_the_old_one_left(funded, localnet, account):
    """Publish, end, connect again: the answer that came meanwhile is there."""
    task = ask(funded)
    funded.close()
    again = ogpu_jupyter.connect(localnet.network, account=account, journal=funded.journal.path)
    try:
        found = ask(again)

        assert found.earlier
        assert found.record.key == task.record.key
        assert "42" in found.result(timeout=SOON)["content"]
    finally:
        again.close()


def test_what_looks_at_all_that_is_open_reads_no_payloads(funded, idle_source, localnet, account):
    """To connect, the status and what is waited for: thirty late tasks of a megabyte are there."""
    task = funded.publish(idle_source, "f", {"n": 1}, expires="1h")
    until(lambda: task.address)
    funded.close()
    large = encode_payload(TaskInput("f", {"text": "x" * 10**6}))
    with Journal(funded.journal.path) as journal:
        for number in range(30):
            journal.intend(late_as(task.record, number, large), new=True)

    tracemalloc.start()
    again = ogpu_jupyter.connect(localnet.network, account=account, journal=funded.journal.path)
    try:
        assert again.status().late == 30
        (waited,) = again.under_way()
        peak = tracemalloc.get_traced_memory()[1]
        assert waited.payload == task.payload
    finally:
        tracemalloc.stop()
        again.close()

    assert peak < 10**7


def late_as(record, number, payload):
    """Such a task beside it, which no chain knows."""
    other = {"address": f"0x{number + 1:040x}", "tx_hash": f"0x{number + 1:064x}", "name": "large"}
    return record.model_copy(update={**other, "stage": Stage.LATE, "payload": payload})


def test_a_task_is_found_by_each_of_its_references(funded):
    task = ask(funded, name="mine")
    task.result(timeout=SOON)

    for reference in (task, task.address, task.tx_hash, f"#{task.record.key}", "mine"):
        assert funded.task(reference) is task


def test_a_strangers_task_can_be_followed(funded, localnet, other_session):
    """Any task of the chain shows by its address, with what it was asked."""
    theirs = ask(other_session)
    theirs.result(timeout=SOON)

    ours = funded.task(theirs.address)

    assert ours.payload == theirs.payload
    assert ours.result(timeout=SOON) == theirs.result()


def test_the_sdks_words_publish_too(funded):
    head = funded.client.head()
    info = TaskInfo(
        source=funded.names()["text2text"],
        config=TaskInput("text2text", QUESTION, priority="high"),
        expiryTime=head.timestamp + 600,
        payment=10**16,
    )

    task = ogpu_jupyter.publish_task(info)

    assert task.payload["priority"] == "high"
    assert task.expires_at == head.timestamp + 600
    assert "42" in task.result(timeout=SOON)["content"]


def test_publish_uses_the_kernels_session(funded):
    task = ogpu_jupyter.publish("text2text", "text2text", QUESTION)

    assert task.session is funded


def test_without_a_connection_the_error_says_how_to_connect(session):
    session.close()

    with pytest.raises(NotConnected, match="%ogpu connect local"):
        ogpu_jupyter.publish("text2text", "text2text", QUESTION)


def test_a_source_gets_a_name_of_ones_own(session):
    record = session.use("text2text", "chat")

    assert session.names()["chat"] == record.address
    assert session.source("chat").address == record.address


def test_sources_show_what_they_ask(session):
    found = {record.name: record for record in session.sources()}

    assert set(session.localnet.services) <= set(found)
    assert found["text2text"].min_payment > 0


def test_status_counts_the_spending(funded):
    ask(funded, pay="0.01").result(timeout=SOON)

    status = funded.status()

    assert status.spent == 10**16
    assert status.live == 0
    assert status.account == funded.account


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"pay": "0.0000001"}, AmountError, "below the source's minimum"),
        ({"pay": "much"}, AmountError, "'much' is not an amount"),
        ({"pay": "5"}, VaultBalanceLow, "Type `%ogpu deposit 4`"),
        ({"expires": "86400"}, ExpiryError, "1970"),
        ({"expires": 86400}, ExpiryError, "1970"),
        ({"expires": "2020-01-01T00:00:00Z"}, ExpiryError, "in the past"),
        ({"expires": "400d"}, ExpiryError, "the source takes at most"),
        ({"complexity": "hard"}, InputError, "is not a complexity"),
        ({"extras": {"data": 1}}, InputError, "can't be an extra"),
    ],
    ids=str,
)
def test_a_mistake_is_told_before_anything_is_spent(funded, options, error, words):
    before, transactions = funded.balance(), sent(funded)

    with pytest.raises(error, match=words):
        ask(funded, **options)

    assert (funded.balance(), sent(funded), funded.tasks()) == (before, transactions, [])


@pytest.mark.parametrize("data", [[1], "text", 3, None], ids=repr)
def test_data_must_be_an_object(session, data):
    with pytest.raises(InputError, match="a task takes an object"):
        session.publish("text2text", "text2text", data)


def test_an_unknown_source_names_a_near_one(session):
    with pytest.raises(UnknownName, match="Did you mean 'text2text'"):
        session.publish("text2txt", "text2text", {})


def test_the_wrong_chain_is_refused_before_anything_is_signed(localnet, account):
    network = SimpleNamespace(**vars(localnet.network))
    network.chain_id = 1071
    other = type(localnet.network)(**vars(network))

    with pytest.raises(WrongChain, match="speaks for chain"):
        ogpu_jupyter.connect(other, account=account)


def test_the_persons_key_is_not_used_on_a_local_network(localnet, monkeypatch):
    """A key that is set for the real network stays out of play."""
    monkeypatch.setenv("CLIENT_PRIVATE_KEY", "0x" + "11" * 32)
    connected = ogpu_jupyter.connect(localnet.network)
    try:
        assert connected.account == localnet.accounts[0]["address"]
    finally:
        connected.close()


def test_without_a_key_the_error_names_the_variable():
    with pytest.raises(AccountError, match="CLIENT_PRIVATE_KEY"):
        ogpu_jupyter.connect("testnet")


def test_a_response_that_is_paid_cannot_be_confirmed_again(funded):
    task = ask(funded)
    task.result(timeout=SOON)

    with pytest.raises(TaskError, match="no response to confirm"):
        task.confirm()
    with pytest.raises(Reverted, match="Already"):
        funded.confirm(task.responses[0])


def test_a_task_that_nobody_took_can_be_canceled(funded, idle_source):
    """The payment returns to the vault, and the same task is published anew afterwards."""
    vault = funded.balance().vault
    task = funded.publish(idle_source, "nothing", {"a": 1})
    until(lambda: task.stage is Stage.PUBLISHED)

    task.cancel()

    assert task.stage is Stage.CANCELED
    assert funded.balance().vault == vault
    with pytest.raises(TaskCanceled):
        task.result()
    assert funded.publish(idle_source, "nothing", {"a": 1}).record.key != task.record.key


def test_responses_wait_for_a_choice_which_pays_the_chosen_bid(funded, localnet, bids):
    """MANUAL_CONFIRMATION: two providers bid, the person picks, the rest returns."""
    vault = funded.balance().vault
    task = funded.publish(bids, "draw", {"a": 1}, pay="0.01")
    until(lambda: task.address)
    for provider, bid, answer in (
        (Provider(localnet, bids), 6 * 10**15, {"by": "one"}),
        (Provider(localnet, bids), 5 * 10**15, {"by": "two"}),
    ):
        provider.attempt(task.address, bid)
        provider.submit(task.address, answer, bid)
    until(lambda: len(task.answers) == 2)

    with pytest.raises(TaskError, match="none is confirmed"):
        task.result(timeout=SOON)
    with pytest.raises(TaskError, match="2 responses to confirm"):
        task.confirm()
    task.confirm(task.responses[1])

    assert task.wait(SOON).result() == {"by": "two"}
    assert task.stage is Stage.FINALIZED
    assert task.record.winner == task.responses[1].provider
    assert vault - funded.balance().vault in {5 * 10**15, 10**16}
    assert [attempt.bid for attempt in task.record.attempts] == [6 * 10**15, 5 * 10**15]


def test_an_answer_that_is_not_what_its_cid_says_is_never_shown(funded, localnet, bids):
    task = funded.publish(bids, "draw", {"a": 2})
    until(lambda: task.address)
    provider = Provider(localnet, bids)
    provider.attempt(task.address, task.payment)
    url = provider.store.put(b"<html>not JSON</html>")
    provider.submit_url(task.address, url, task.payment)
    until(lambda: task.answers)
    task.confirm()

    with pytest.raises(ContentError, match="HTML"):
        task.wait(SOON).result()


def test_an_answer_elsewhere_is_not_fetched(funded, localnet, bids):
    """A provider's link to another host is refused, and said."""
    task = funded.publish(bids, "draw", {"a": 3})
    until(lambda: task.address)
    provider = Provider(localnet, bids)
    provider.attempt(task.address, task.payment)
    provider.submit_url(task.address, "http://127.0.0.1:1/secret", task.payment)

    until(lambda: task.answers)

    (answer,) = task.answers.values()
    assert answer.value is None
    assert answer.problem


def test_an_inactive_source_takes_no_tasks(funded, publisher, idle_source):
    publisher.inactivate(idle_source)

    with pytest.raises(SourceInactive) as caught:
        funded.publish(idle_source, "nothing", {})

    assert str(caught.value) == (
        f"The source {idle_source} is inactive: it takes no tasks.\n"
        "Nothing was spent.\n"
        "Type `%ogpu sources` to see those that are active."
    )


def test_a_view_is_told_of_every_change(funded):
    seen = []
    task = ask(funded)
    unsubscribe = task.subscribe(lambda: seen.append(task.stage))

    task.result(timeout=SOON)
    until(lambda: Stage.FINALIZED in seen)
    unsubscribe()

    assert seen == sorted(seen, key=list(Stage).index)


def test_a_view_says_when_nothing_more_is_heard(funded, idle_source):
    """It would go on counting down as if it were followed."""
    task = funded.publish(idle_source, "f", {})
    until(lambda: task.stage is Stage.PUBLISHED)
    assert task.note == ""

    funded.close()

    assert task.note.startswith("As it was last seen: its session is closed.")
    assert task.note in repr(task)
    assert "its session is closed" in task._repr_html_()


def test_threads_that_publish_at_once_stay_within_the_budget_together(funded, idle_source):
    """Each would fit alone; all check before any has paid."""
    funded.limits = Limits(session_budget=2 * 10**15)
    together = threading.Barrier(6)
    plan = funded._plan
    funded._plan = lambda *words: (plan(*words), together.wait(SOON))[0]

    def publish(n):
        try:
            return funded.publish(idle_source, "f", {"n": n}, pay="0.001")
        except OverBudget as error:
            return error

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(publish, range(6)))

    refused = [outcome for outcome in outcomes if isinstance(outcome, OverBudget)]
    assert len(refused) == 4
    assert funded.spent == 2 * 10**15
    assert funded.balance().vault == 10**18 - 2 * 10**15


def test_many_tasks_at_once_all_land(funded):
    tasks = [ask(funded, item=number) for number in range(5)]

    started = time.monotonic()
    answers = [task.result(timeout=SOON) for task in tasks]

    assert all("42" in answer["content"] for answer in answers)
    assert time.monotonic() - started < SOON
    assert len({task.address for task in tasks}) == 5
