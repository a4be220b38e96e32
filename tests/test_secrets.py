"""FAULTS, Secrets: a canary key is used in every way, and then searched for everywhere.

One real kernel does it all: keystore, environment, keyring; a wrong password; each error,
with verbose tracebacks, and bugs of ours. Then everything that it said or left is searched.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import time
from contextlib import suppress
from typing import NamedTuple

import nbformat
import psutil
import pytest
from jupyter_client.manager import KernelManager

from ogpu_jupyter.chain._web3 import eth_account
from tests.helpers import lacking

pytestmark = pytest.mark.anvil
SECONDS = 90

# Each comes from a place of its own, so that a hit tells which place leaks.
KEYS = {
    "environment": "ca11ab1e" * 7 + "00000e1f",
    "keystore": "ca11ab1e" * 7 + "00000e2f",
    "keyring": "ca11ab1e" * 7 + "00000e3f",
    "a bad one": "ca11ab1e" * 7 + "00000e4",
}
CANARY = "ca11ab1e" * 3  # what they share
PASSWORD = "c4n4ry-Horse"
ADDRESS = {n: eth_account.Account.from_key(k).address for n, k in KEYS.items() if len(k) == 64}

RING = """
import json, os
from keyring.backend import KeyringBackend
class Keyring(KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        words = json.load(open(os.environ["CANARY_RING"]))
        if username == "locked":
            raise RuntimeError("can't show " + words["main"])
        return words.get(username)
    def set_password(self, service, username, password): ...
    def delete_password(self, service, username): ...
"""
LOGS = """
import logging
logging.basicConfig(filename="debug.log", level=logging.DEBUG, force=True)
"""
CHAT = "%%ogpu_task text2text text2text --template chat --yes --wait --as "
FUND = f"""
from ogpu_jupyter import localnet
from ogpu_jupyter.kernel import current
giver = localnet.running()[0].accounts[1]["address"]
for address in {list(ADDRESS.values())}:
    gift = {{"from": giver, "to": address, "value": hex(10 * 10**18)}}
    current().client.rpc.call("eth_sendTransaction", gift)
"""
BUGS = """
from ogpu_jupyter.kernel import current
session = current()
class Broken:
    def __getattr__(self, name):
        raise ZeroDivisionError("a bug of ours")
"""
BROKEN_WALLET = """
from eth_account.signers.local import LocalAccount
def broken(*args, **options):
    raise ZeroDivisionError("a bug of ours")
wallet = LocalAccount.sign_transaction
LocalAccount.sign_transaction = broken
"""
BROKEN_SIGNING = """
from ogpu_jupyter.chain.transactions import accounts as signing
LocalAccount.sign_transaction = wallet
signing._fields, kept = broken, signing._fields
"""
LOOK = """
import contextlib, gc
ours = [x for x in gc.get_objects() if str(type(x).__module__).startswith(("ogpu_j", "eth_a"))]
for thing in ours:
    with contextlib.suppress(Exception):  # some are half made
        print(type(thing).__name__, repr(thing)[:2000], str(thing)[:2000])
"""


class Cell(NamedTuple):
    source: str
    answers: tuple[str, ...] = ()
    error: str = ""  # the name of the error that it ends with


def named(name: str) -> str:
    return f"%ogpu connect local --node anvil --account {name}"


def mistaken(kind: str) -> str:
    """A key where the name of one belongs."""
    return (
        "import ogpu_jupyter, os\n"
        f"ogpu_jupyter.connect('local', '{kind}:0x' + os.environ['BROKEN'])"
    )


CELLS = [
    Cell("%load_ext ogpu_jupyter"),
    Cell("%xmode Verbose"),
    Cell("%colors NoColor"),  # which would stand between the letters of a canary
    Cell(LOGS),
    Cell(named("env:CLIENT_PRIVATE_KEY")),
    Cell(FUND),
    Cell("%ogpu deposit 1"),
    Cell(CHAT + "first\nWhat is 1 + 1?"),
    Cell("%ogpu deposit 100000", error="GasBalanceLow"),
    Cell(CHAT + "dear --pay 50\nHello", error="VaultBalanceLow"),
    Cell(CHAT.replace("text2text", "nowhere") + "no\nHello", error="UnknownName"),
    Cell(named("env:BROKEN"), error="AccountError"),
    # From variables: a line that a person typed is in the history, and can't be taken back.
    *[Cell(mistaken(kind), error="AccountError") for kind in ("keystore", "keyring", "env", "x")],
    Cell(named("env:MISSING"), error="AccountError"),
    Cell("import ogpu_jupyter; ogpu_jupyter.connect('local', 'env:BROKEN')", error="AccountError"),
    Cell("%ogpu account import main", (KEYS["keystore"], PASSWORD, PASSWORD)),
    Cell("%ogpu account import main", error="AccountError"),
    Cell("%ogpu account import bad", (KEYS["a bad one"],), "AccountError"),
    Cell("%ogpu account import bad", (KEYS["keystore"], PASSWORD, "other"), "AccountError"),
    Cell("%ogpu account new bad", (PASSWORD, "other"), "AccountError"),
    Cell("%ogpu account list"),
    Cell(named("keystore:main"), error="AccountError"),  # nobody can be asked
    Cell(named("keystore:main"), (PASSWORD + "!",), "AccountError"),
    Cell(named("keystore:main"), (PASSWORD,)),
    Cell(named("keystore:main")),  # is connected already: asks for nothing
    Cell("%ogpu deposit 1"),
    Cell(CHAT + "second\nWhat is 2 + 2?"),
    Cell(named("keyring:none"), error="AccountError"),
    Cell(named("keyring:locked"), error="AccountError"),
    Cell(named("keyring:bad"), error="AccountError"),
    Cell(named("keyring:main")),
    Cell("%ogpu deposit 1"),
    Cell(CHAT + "third\nWhat is 3 + 3?"),
    Cell("%ogpu status"),
    Cell(BUGS),
    Cell(
        "session.client, client = Broken(), session.client\n%ogpu deposit 1",
        error="ZeroDivisionError",
    ),
    Cell("session.client = client; session.publish('text2text', 'f', object())", error="*"),
    Cell(BROKEN_WALLET),
    Cell("%ogpu deposit 0.1", error="AccountError"),
    Cell(BROKEN_SIGNING),
    Cell("%ogpu deposit 0.1", error="ZeroDivisionError"),
    Cell("signing._fields = kept; session.balance()"),
    Cell(LOOK),
    Cell("%history"),
    Cell("%whos"),
]


class Frontend:
    """Runs cells as a frontend does, and keeps every message that it got."""

    def __init__(self, client):
        self.client = client
        self.heard = []
        self.notebook = nbformat.v4.new_notebook()

    def run(self, cell):
        """The name of the error that it ended with, or nothing."""
        request = self.client.execute(
            cell.source, allow_stdin=bool(cell.answers), stop_on_error=False
        )
        made = nbformat.v4.new_code_cell(cell.source)
        self.notebook.cells.append(made)
        answers = list(cell.answers)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if answers and self._message(self.client.get_stdin_msg, request):
                self.client.input(answers.pop(0))
            message = self._message(self.client.get_iopub_msg, request)
            kind = message and message["msg_type"]
            if kind in {"stream", "display_data", "execute_result", "error"}:
                made.outputs.append(nbformat.v4.output_from_msg(message))
            if kind == "status" and message["content"]["execution_state"] == "idle":
                return self._reply(request).get("ename", "")
        pytest.fail(f"{cell.source} did not end: {made.outputs}")

    def _reply(self, request):
        while True:
            message = self.client.get_shell_msg(timeout=SECONDS)
            self.heard.append(message)
            if message["parent_header"]["msg_id"] == request:
                return message["content"]

    def _message(self, get, request):
        try:
            message = get(timeout=0.05)
        except queue.Empty:
            return None
        self.heard.append(message)
        return message if message["parent_header"].get("msg_id") == request else None


class Left(NamedTuple):
    """What the kernel left behind when it had ended."""

    ended: list[tuple[str, str]]  # each cell's source, and its error
    children: list[str]
    places: dict[str, bytes]


@pytest.fixture(scope="module")
def left(tmp_path_factory, kernel_env, anvil_path):
    place, secret = tmp_path_factory.mktemp("left"), tmp_path_factory.mktemp("ring")
    env = environment(kernel_env, anvil_path, place, secret)
    manager = KernelManager()
    with (place / "kernel.log").open("wb") as log:
        manager.start_kernel(env=env, cwd=place, stdout=log, stderr=log)
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=SECONDS)
            frontend = Frontend(client)
            ended = [(cell.source, frontend.run(cell)) for cell in CELLS]
            names, started_with = children_of(manager.provisioner.pid)
        finally:
            client.stop_channels()
            manager.shutdown_kernel()
            manager.cleanup_resources()
    places = {
        "outputs": json.dumps(frontend.heard, default=repr).encode(),
        "saved notebooks": nbformat.writes(frontend.notebook).encode(),
        "history": all_below(place / "ipython"),
        "journal": all_below(place / "home"),
        "logs": all_below(place, "*.log"),
        "children": started_with,
    }
    return Left(ended, names, places)


def environment(kernel_env, anvil_path, place, secret):
    try:
        import keyring  # noqa: F401 - the kernel needs it
    except ImportError:
        lacking("keyring (`make test` installs it)")
    (secret / "canary_ring.py").write_text(RING)
    words = {"main": KEYS["keyring"], "bad": KEYS["a bad one"]}
    (secret / "words.json").write_text(json.dumps(words))
    path = ":".join(filter(None, [str(secret), os.environ.get("PYTHONPATH", "")]))
    return kernel_env(
        OGPU_JUPYTER_HOME=place / "home",
        IPYTHONDIR=place / "ipython",
        OGPU_ANVIL=anvil_path,
        CLIENT_PRIVATE_KEY="0x" + KEYS["environment"],
        BROKEN=KEYS["a bad one"],
        CANARY_RING=secret / "words.json",
        PYTHON_KEYRING_BACKEND="canary_ring.Keyring",
        PYTHONPATH=path,
    )


def children_of(pid):
    """All that runs below a process: names, and environments with command lines."""
    names, started_with = [], []
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            started_with.append([child.cmdline(), child.environ()])
            names.append(child.name())
    return names, json.dumps(started_with).encode()


def all_below(folder, pattern="*"):
    return b"\n".join(path.read_bytes() for path in folder.rglob(pattern) if path.is_file())


def forms(secret):
    """A secret as text, as bytes, and as what these look like in other writings."""
    texts = {secret, secret.upper(), secret[::-1]}
    raws = {secret.encode()}
    with suppress(ValueError):
        raw = bytes.fromhex(secret)
        raws.add(raw)
        texts |= {repr(raw)[2:-1], str(list(raw))[1:-1]}
    for raw in list(raws):
        for shift in range(3):  # base64 has three ways to write what stands inside other bytes
            inner = base64.b64encode(bytes(shift) + raw)[4:-4]
            texts |= {inner.decode(), inner.translate(bytes.maketrans(b"+/", b"-_")).decode()}
    texts |= {json.dumps(text)[1:-1] for text in texts}
    return {text.encode() for text in texts} | raws


NEEDLES = {form for secret in (CANARY, PASSWORD) for form in forms(secret)}


def test_the_search_finds_what_it_searches_for():
    """Else its silence would say nothing."""
    key = KEYS["keyring"]
    raw = bytes.fromhex(key)
    for hidden in (
        f"x0x{key}y".encode(), key.upper().encode(), b"--" + raw + b"--", repr({"k": raw}).encode(),
        base64.b64encode(b"ab" + raw), base64.urlsafe_b64encode(b"{" + key.encode()),
        json.dumps(list(raw)).encode(), f"password={PASSWORD};".encode(),
    ):  # fmt: skip
        assert hits(hidden), hidden
    assert not hits(b"an honest text " * 100)


def hits(content):
    return [needle for needle in NEEDLES if needle in content]


def test_each_way_and_each_error_was_gone_through(left):
    """Every cell ended as it should: what isn't reached isn't searched."""
    due = [(cell.source, cell.error) for cell in CELLS]
    ended = [
        (source, "*" if error == "*" and said else said)
        for (source, said), (_, error) in zip(left.ended, due, strict=True)
    ]

    assert ended == due


@pytest.mark.parametrize(
    "place", ["outputs", "saved notebooks", "history", "journal", "logs", "children"]
)
def test_the_canary_is_nowhere(left, place):
    """Neither keys nor passwords, in no writing."""
    assert hits(left.places[place]) == []


def test_the_places_were_not_empty(left):
    """Each holds what it should hold, and so would have held the canary."""
    places = left.places
    tracebacks = [b"ZeroDivisionError", b"self = <", b"LocalAccount object"]

    assert [word for word in tracebacks if word not in places["outputs"]] == []
    assert [word for word in tracebacks if word not in places["saved notebooks"]] == []
    assert b"%ogpu account import main" in places["history"]
    assert ADDRESS["keyring"].encode() in places["journal"]
    assert b"scrypt" in places["journal"]
    assert b"DEBUG" in places["logs"]
    assert b"ogpu_jupyter.localnet" in places["children"]
    assert "anvil" in left.children
    assert len(left.children) >= 3
