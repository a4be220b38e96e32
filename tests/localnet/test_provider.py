"""The provider on real nodes: what it answers, what it leaves, and what it survives."""

from __future__ import annotations

import http.client
import json
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

import psutil
import pytest

from ogpu_jupyter.chain._web3 import eth_abi, eth_utils
from ogpu_jupyter.content import decode_json
from ogpu_jupyter.localnet import calls
from ogpu_jupyter.localnet.accounts import PROVIDER, USERS
from ogpu_jupyter.localnet.contracts import INTERFACE
from ogpu_jupyter.localnet.market import set_up
from ogpu_jupyter.localnet.node import choose, launch
from ogpu_jupyter.localnet.options import Options
from ogpu_jupyter.localnet.pinning import PinServer
from ogpu_jupyter.localnet.provider import Provider
from ogpu_jupyter.localnet.rpc import Rpc
from ogpu_jupyter.localnet.services import SERVICES
from ogpu_jupyter.tasks import TaskStatus
from tests.helpers import ROOT, wait_until
from tests.localnet.test_workers import workers_of

CLIENT = USERS[0].address
PAYMENT = 3 * 10**15


class Bench:
    """A market on a node, and the least that a client and a test need of it."""

    def __init__(self, node, pins):
        self.node = node
        self.rpc = node.rpc
        self.pins = pins
        self.market = set_up(node.rpc, SERVICES, pins.put)
        self.send(self.market.contracts["vault"], "deposit(address)", CLIENT, value=10**20)

    def provider(self):
        return Provider(
            rpc=lambda: Rpc(urlsplit(self.rpc.url).port),
            contracts=self.market.contracts,
            sources=self.market.services,
            store=self.pins,
        )

    def send(self, to, signature, *arguments, value=0, tail=""):
        fields = {"from": CLIENT, "to": to, "value": hex(value), "gas": hex(3_000_000)}
        fields["data"] = called(signature, *arguments) + tail
        sent = self.rpc.call("eth_sendTransaction", fields)
        receipt = wait_until(lambda: self.rpc.call("eth_getTransactionReceipt", sent), every=0.01)
        assert receipt["status"] == "0x1"
        return receipt

    def publish(self, service, data=None, *, expires=120, payload=None):
        """The new task's address."""
        if payload is None:
            payload = json.dumps({"function_name": service, "data": data or {}}).encode()
        config = self.pins.put(payload).encode()
        words = [32, self.market.services[service], 128, self.now() + expires, PAYMENT, len(config)]
        receipt = self.send(
            self.market.contracts["controller"],
            "publishTask((address,string,uint256,uint256))",
            *words,
            tail=config.hex().ljust(-(-len(config) // 32) * 64, "0"),
        )
        [log] = [log for log in receipt["logs"] if log["topics"][0] == calls.TASK_PUBLISHED]
        return calls.address_at(bytes.fromhex(log["data"][2:]), 0)

    def now(self):
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def read(self, to, signature, *arguments):
        data = called(signature, *arguments)
        return self.rpc.call("eth_call", {"to": to, "data": data}, "latest")[2:]

    def status(self, task):
        return TaskStatus(int(self.read(task, "getStatus()"), 16))

    def wait(self, task, status=TaskStatus.FINALIZED, seconds=30):
        wait_until(lambda: self.status(task) == status, seconds, every=0.02)

    def response(self, task):
        """What the provider responded: its words, fetched and checked, and the payment."""
        address = "0x" + self.read(task, "responseOf(address)", PROVIDER.address)[-40:]
        params = bytes.fromhex(self.read(address, "responseParams()"))
        types = ["address", "address", "string", "uint256"]
        answered, provider, url, payment = eth_abi.decode(types, params)
        assert (answered, provider) == (task, PROVIDER.address.lower())
        return decode_json(self.pins.get(url)), payment


def called(signature, *arguments):
    words = (int(a, 16) if isinstance(a, str) else a for a in arguments)
    selector = eth_utils.keccak(text=signature)[:4].hex()
    return "0x" + selector + "".join(f"{word:064x}" for word in words)


@pytest.fixture(scope="module")
def bench(node, request):
    with pytest.MonkeyPatch.context() as patch:
        if node == "anvil":
            patch.setenv("OGPU_ANVIL", str(request.getfixturevalue("anvil_path")))
        options = Options(node=node)
        running = launch(choose(options), options)
    try:
        with PinServer() as pins:
            yield Bench(running, pins)
    finally:
        running.stop()


@pytest.fixture(scope="module")
def at_work(bench):
    """The bench while its provider runs."""
    with bench.provider():
        yield bench


def ask(number):
    return {"messages": [{"role": "user", "content": f"{number}+1"}]}


# --- answers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "data"),
    [
        ("text2text", ask(41)),
        ("text2image", {"prompt": "sea", "size": 256}),
        ("inference", {"input": "I love it", "args": {"top_k": 2}}),
        ("describe", {"rows": [{"a": 1}, {"a": 2}]}),
        ("montecarlo", {"samples": 1000}),
        ("sleep", {"seconds": 0.1}),
    ],
)
def test_each_service_answers_on_chain_what_it_answers_here(at_work, service, data):
    task = at_work.publish(service, data)

    at_work.wait(task)

    assert at_work.response(task) == (SERVICES[service].answer(data), PAYMENT)


def test_the_provider_is_paid(at_work):
    def earned():
        vault = at_work.market.contracts["vault"]
        return int(at_work.read(vault, "totalEarningsOf(address)", PROVIDER.address), 16)

    before = earned()
    at_work.wait(at_work.publish("text2text", ask(1)))

    assert earned() - before == PAYMENT


def test_a_slow_service_holds_up_no_other(at_work):
    slow = [at_work.publish("sleep", {"seconds": 60}) for _ in range(6)]
    for task in slow:
        at_work.wait(task, TaskStatus.ATTEMPTED)

    at_work.wait(at_work.publish("text2text", ask(2)))

    assert {at_work.status(task) for task in slow} == {TaskStatus.ATTEMPTED}


def test_many_tasks_at_once_are_all_answered(at_work):
    tasks = [at_work.publish("text2text", ask(n)) for n in range(12)]

    for task in tasks:
        at_work.wait(task)

    assert [at_work.response(task)[0]["content"] for task in tasks] == [
        f"{n} + 1 = {n + 1}" for n in range(12)
    ]


# --- no answers -------------------------------------------------------------------------------


BAD = {
    "fails": ("fail", None),
    "other function": ("describe", b'{"function_name": "other", "data": {"rows": [{"a": 1}]}}'),
    "data that don't fit": ("describe", b'{"function_name": "describe", "data": {}}'),
    "no data": ("describe", b'{"function_name": "describe"}'),
    "a list": ("describe", b"[]"),
    "no JSON": ("describe", b"<html>"),
    "deep JSON": ("describe", b"[" * 100_000),
    "empty": ("describe", b""),
    "not UTF-8": ("describe", b"\xff"),
    "huge": ("describe", b" " * (33 << 20)),
}


@pytest.mark.parametrize(("service", "payload"), BAD.values(), ids=BAD)
def test_what_can_t_be_answered_stays_attempted(at_work, service, payload, caplog):
    """And the provider says why, and goes on."""
    task = at_work.publish(service, payload=payload)

    wait_until(lambda: task in caplog.text)
    at_work.wait(at_work.publish("text2text", ask(3)))

    assert "stays unanswered" in caplog.text
    assert "Traceback" not in caplog.text
    assert at_work.status(task) == TaskStatus.ATTEMPTED


def test_a_config_that_is_no_link_stays_attempted(at_work, caplog):
    store, at_work.pins = at_work.pins, LiesAboutLinks()
    try:
        task = at_work.publish("text2text", ask(4))
    finally:
        at_work.pins = store

    wait_until(lambda: task in caplog.text)

    assert "only http, https and ipfs links are" in caplog.text
    assert at_work.status(task) == TaskStatus.ATTEMPTED


class LiesAboutLinks:
    def put(self, _):
        return "file:///etc/passwd"


def test_a_service_that_never_answers_is_ended_when_its_task_expires(at_work, caplog):
    before = {worker.pid for worker in workers_of()}
    task = at_work.publish("sleep", {"seconds": 3000}, expires=4)
    at_work.wait(task, TaskStatus.ATTEMPTED)
    [worker] = wait_until(lambda: [w for w in workers_of() if w.pid not in before])

    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)

    wait_until(lambda: f"{task} of sleep stays unanswered: the task has expired" in caplog.text)
    assert at_work.status(task) == TaskStatus.ATTEMPTED


def test_a_killed_worker_costs_its_task_alone(at_work, caplog):
    before = {worker.pid for worker in workers_of()}
    task = at_work.publish("sleep", {"seconds": 3000})
    [worker] = wait_until(lambda: [w for w in workers_of() if w.pid not in before])
    at_work.wait(task, TaskStatus.ATTEMPTED)

    worker.kill()

    wait_until(lambda: f"{task} of sleep stays unanswered: its process ended" in caplog.text)
    at_work.wait(at_work.publish("sleep", {"seconds": 0}))


# --- what it survives -------------------------------------------------------------------------


def test_a_chain_that_was_turned_back_is_served_on(at_work):
    """As tests do it with a snapshot: the account's nonces and known blocks are gone."""
    snapshot = at_work.rpc.call("evm_snapshot")
    for number in range(3):
        at_work.wait(at_work.publish("text2text", ask(number)))
    assert at_work.rpc.call("evm_revert", snapshot)

    for number in range(3):
        at_work.wait(at_work.publish("text2text", ask(number)))


def test_a_node_that_does_not_answer_for_a_while_is_waited_for(at_work):
    task = at_work.publish("sleep", {"seconds": 0.5})
    node = listening(at_work.rpc.url)
    node.suspend()
    try:
        wait_until(lambda: is_silent(at_work.rpc.url))
    finally:
        node.resume()

    at_work.wait(task)
    at_work.wait(at_work.publish("text2text", ask(5)))


def listening(url):
    """The process behind a URL."""
    port = int(url.rpartition(":")[2])
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if any(c.laddr.port == port and c.status == "LISTEN" for c in child.net_connections()):
                return child
    raise LookupError(port)


def is_silent(url):
    """Whether the node says nothing for a second; a signal may take a moment to stop it."""
    connection = http.client.HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]), timeout=1)
    with closing(connection):
        try:
            connection.request("POST", "/", '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}')
            connection.getresponse()
        except TimeoutError:
            return True
    return False


def test_tasks_of_a_time_without_a_provider_are_found(node, anvil_at):
    """And those that it attempted, but had not answered when it was stopped."""
    with fresh_bench(node) as bench:
        with bench.provider():
            attempted = bench.publish("sleep", {"seconds": 2})
            bench.wait(attempted, TaskStatus.ATTEMPTED)
        published = bench.publish("text2text", ask(6))
        canceled = bench.publish("text2text", ask(7))
        bench.send(bench.market.contracts["controller"], "cancelTask(address)", canceled)
        assert bench.status(published) == TaskStatus.NEW

        with bench.provider():
            bench.wait(published)
            bench.wait(attempted)

        assert bench.status(canceled) == TaskStatus.CANCELED


@pytest.fixture
def anvil_at(node, request, monkeypatch):
    if node == "anvil":
        monkeypatch.setenv("OGPU_ANVIL", str(request.getfixturevalue("anvil_path")))


@contextmanager
def fresh_bench(node):
    options = Options(node=node)
    running = launch(choose(options), options)
    try:
        with PinServer() as pins:
            yield Bench(running, pins)
    finally:
        running.stop()


# --- the bytes of its calls -------------------------------------------------------------------


def test_the_calls_are_those_of_the_contracts():
    abi = {name: read_abi(name) for name in INTERFACE}

    def selector(contract, name):
        [found] = [e for e in abi[contract] if e.get("name") == name and e["type"] == "function"]
        return "0x" + eth_utils.function_abi_to_4byte_selector(found).hex()

    [event] = [each for each in abi["Nexus"] if each.get("name") == "TaskPublished"]
    zero = "0x" + "00" * 20
    assert "0x" + eth_utils.event_abi_to_log_topic(event).hex() == calls.TASK_PUBLISHED
    assert selector("Task", "taskParams") == calls.TASK_PARAMS
    assert selector("Task", "getStatus") == calls.GET_STATUS
    assert calls.attempt(zero, zero, 1).startswith(selector("Nexus", "attempt"))
    assert calls.submit(zero, zero, "", 1).startswith(selector("Nexus", "submitResponse"))


def read_abi(name):
    path = ROOT / "ogpu_jupyter" / "chain" / "abi" / f"{name}.json"
    return json.loads(path.read_text())


@pytest.mark.parametrize("url", ["", "x" * 31, "x" * 32, "x" * 33, "ü" * 40])
def test_a_response_is_encoded_as_the_library_does_it(url):
    task, provider = "0x" + "11" * 20, "0x" + "aB" * 20
    expected = eth_abi.encode(
        ["(address,address,string,uint256)"], [(task, provider, url, 7)]
    ).hex()

    assert calls.submit(task, provider, url, 7)[10:] == expected


def test_a_task_s_words_are_read_as_they_were_written():
    source = "0x" + "ab" * 20
    params = eth_abi.encode(
        ["address", "string", "uint256", "uint256"], [source, "ipfs://ü", 99, 10**18]
    )

    told = calls.told("0xtask", params, (4).to_bytes(32, "big"))

    assert told == ("0xtask", source, "ipfs://ü", 99, 10**18, TaskStatus.EXPIRED)


@pytest.mark.parametrize("params", [b"", bytes(31), bytes(32) + b"\xff" * 96, b"\xff" * 200])
def test_bytes_that_are_no_task_are_read_without_harm(params):
    assert isinstance(calls.told("0x", params, b"").config, str)
