"""The faults of content, row by row: behind each a real store, a real chain, a real session.

The first words of a test are the row's name; its number in brackets is the seed.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import socket
import subprocess
import sys
import threading
import time

import pytest

import ogpu_jupyter
from ogpu_jupyter import errors, render
from ogpu_jupyter.content import Cache, HttpContentStore, cid, decode_json
from ogpu_jupyter.localnet.pinning import PinServer
from ogpu_jupyter.tasks import DeliveryMethod
from tests.gateways import (
    altered,
    drip,
    endless,
    faulty_gateway,
    hangs_up,
    on_reading,
    says,
    says_json,
    silent,
)
from tests.helpers import LATE, funded_account, wait_until
from tests.market import Provider, Publisher
from tests.render.checks import HOSTILE, safe

pytestmark = pytest.mark.anvil
DATA = json.dumps({"role": "assistant", "content": "The honest answer."}).encode()
DEEP = b"[" * 50_000 + b"]" * 50_000
LARGE = b"1" + b"0" * 100_000


@pytest.fixture(scope="module")
def pins():
    with_content = PinServer().start()
    yield with_content
    with_content.stop()


@pytest.fixture
def gateway(pins, request):
    seed = request.node.callspec.params.get("seed", 0) if hasattr(request.node, "callspec") else 0
    with faulty_gateway(pins.pin_url.removesuffix("/file/create"), seed) as server:
        yield server


@pytest.fixture(scope="module")
def market(anvil_path):
    """A whole market, on the node that is quick to start."""
    from ogpu_jupyter import localnet

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OGPU_ANVIL", str(anvil_path))
        with localnet.start(node="anvil") as net:
            yield net


@pytest.fixture(scope="module")
def before_market(market):
    """What stands between a session and the market's content store."""
    with faulty_gateway(market.network.pin_url.removesuffix("/file/create")) as server:
        yield server


@pytest.fixture(scope="module")
def bids(market):
    """A source whose responses a person chooses among, and a provider for it."""
    manual = DeliveryMethod.MANUAL_CONFIRMATION
    source = Publisher(market).publish_source(delivery=manual)
    return source, Provider(market, source)


@pytest.fixture
def session(market, before_market, tmp_path):
    before_market.fault = None
    network = dataclasses.replace(
        market.network, pin_url=before_market.pin_url, gateway_url=before_market.gateway_url
    )
    made = ogpu_jupyter.connect(network, funded_account(market), tmp_path / "journal.sqlite3")
    made.deposit(1)
    yield made
    before_market.fault = None
    made.close()


def answered(session, bids, url):
    """A task with one response at this link, and what became of it for the person."""
    source, provider = bids
    task = session.publish(source, "draw", {"url": url}, new=True)
    wait_until(lambda: task.address)
    provider.attempt(task.address, task.payment)
    provider.submit_url(task.address, url, task.payment)
    wait_until(lambda: task.answers)
    (answer,) = task.answers.values()
    return task, answer


def pinned(session, bids, content):
    """A link to these bytes, stored by the provider, on the session's gateway."""
    bids[1].store.put(content)
    return session.client.store.predict(content)


def shown(session, task):
    """All that the person sees of a task."""
    text = render.text(task.record, task.answers, session.chain_time())
    return text + render.html(task.record, task.answers, session.chain_time())


# --- bytes don't match the CID --------------------------------------------------------------


def test_a_store_gets_the_password_of_its_url_and_no_other(gateway, tmp_path, monkeypatch):
    """A .netrc has one for the same host: it is for other programs."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    told = []
    gateway.fault = lambda exchange, honest: (
        told.append(exchange.headers["Authorization"]),
        exchange.reply(honest),
    )
    ours = gateway.url.replace("//", "//me:p%40ss@")
    for url, body in ((ours, b"1"), (gateway.url, b"2")):
        store = HttpContentStore(f"{url}/file/create", f"{url}/ipfs")
        assert store.get(store.put(body)) == body

    basic = "Basic " + base64.b64encode(b"me:p@ss").decode()
    assert told == [basic, basic, None, None]


@pytest.mark.parametrize("seed", range(12))
def test_bytes_that_do_not_match_the_cid_are_an_error(gateway, pins, seed, tmp_path):
    """Nothing is given and nothing is kept; honest again, the gateway is believed again."""
    gateway.fault = altered
    store = gateway.store(Cache(tmp_path))
    pins.put(DATA)

    for _ in range(8):
        with pytest.raises(errors.ContentMismatch):
            store.get(store.predict(DATA))
    gateway.fault = None

    assert store.get(store.predict(DATA)) == DATA


def test_bytes_that_do_not_match_the_cid_are_not_shown_as_an_answer(session, before_market, bids):
    url = pinned(session, bids, DATA)
    before_market.fault = on_reading(says(DATA.replace(b"honest", b"forged")))

    task, answer = answered(session, bids, url)

    assert answer.value is None
    assert "are not its content" in answer.problem
    assert "forged" not in shown(session, task)
    task.confirm()
    with pytest.raises(errors.ContentError, match="not its content"):
        task.wait(30).result()


# --- 300 MB body, gzip bomb, one byte a second, ... -------------------------------------------

SENT = {
    "300 MB body": (endless, errors.ContentTooLarge),
    "gzip bomb": (
        says(gzip.compress(bytes(300 << 20), 1), Content_Encoding="gzip"),
        errors.ContentTooLarge,
    ),
    "gzip in gzip": (
        says(gzip.compress(gzip.compress(bytes(40 << 20))), Content_Encoding="gzip, gzip"),
        errors.ContentInvalid,
    ),
    "one byte a second": (drip, errors.GatewayUnavailable),
    "not at all": (silent, errors.GatewayUnavailable),
    "HTML with status 200": (says(b"<html>Busy</html>"), errors.ContentMismatch),
    "empty": (says(b""), errors.ContentMismatch),
    "redirect to this machine": (
        says(b"", 302, Location="http://127.0.0.1:8545/"),
        errors.ContentRefused,
    ),
    "redirect to a file": (says(b"", 307, Location="file:///etc/passwd"), errors.ContentRefused),
    "redirect to a private network": (
        says(b"", 301, Location="http://169.254.169.254/latest/"),
        errors.ContentRefused,
    ),
}


@pytest.mark.parametrize("kind", SENT)
def test_a_hostile_body_is_a_typed_error_within_cap_and_deadline(gateway, pins, kind):
    """32 MB at most, and the whole of it within the timeout."""
    gateway.fault, error = SENT[kind]
    pins.put(DATA)
    store = gateway.store()
    start = time.monotonic()

    with pytest.raises(error):
        store.get(store.predict(DATA), timeout=2)

    assert time.monotonic() - start < LATE
    assert len(gateway.seen) == 1


STORED = {
    "50,000 nested brackets": (DEEP, "nested more than 200 deep"),
    "10^100000": (LARGE, "a number of 100,001 digits"),
    "1e100000": (b'{"a": 1e100000}', "a number that is too large"),
    "NaN": (b'{"a": NaN}', "has NaN"),
    "duplicate keys": (b'{"a": 1, "a": 2}', "the key 'a' twice"),
    "invalid UTF-8": (b'{"a": "\xff"}', "not UTF-8"),
    "an HTML error page": (b"<!doctype html><title>502</title>", "HTML page"),
    "empty": (b"", "is empty"),
    "half of a character": (b'{"a": "\\ud800"}', "surrogate"),
}


@pytest.mark.parametrize("kind", STORED)
def test_a_hostile_answer_is_told_and_the_kernel_lives(session, bids, kind):
    """Stored by the provider, so its CID is right. eth_account is imported in this process."""
    content, said = STORED[kind]

    task, answer = answered(session, bids, pinned(session, bids, content))

    assert answer.value is None
    assert said in answer.problem
    safe(render.html(task.record, task.answers, session.chain_time()))
    assert len(shown(session, task)) < 100_000


def test_nested_brackets_end_no_process_whatever_the_recursion_limit_is():
    """In a process of its own, which would be the one that dies."""
    code = (
        "import sys, eth_account\n"
        "from ogpu_jupyter.content import decode_json\n"
        "from ogpu_jupyter.errors import ContentInvalid\n"
        "for limit in 60, 1000, 100_000, 1_000_000:\n"
        "    sys.setrecursionlimit(limit)\n"
        "    for depth in 201, 50_000, 1_000_000:\n"
        "        for piece in b'[', b'{\"a\":', b'[{\"a\":':\n"
        "            try: decode_json(piece * depth)\n"
        "            except ContentInvalid: continue\n"
        "            raise SystemExit('read')\n"
        "print('alive')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (run.stdout, run.returncode) == ("alive\n", 0)


# --- a response URL to loopback, ... ----------------------------------------------------------

ELSEWHERE = {
    "loopback": ("http://127.0.0.1:{port}/ipfs/{name}", "points into this machine"),
    "localhost": ("http://localhost:{port}/ipfs/{name}", "points into this machine"),
    "loopback v6": ("http://[::1]:{port}/ipfs/{name}", "points into this machine"),
    "a private address": ("http://10.1.2.3/ipfs/{name}", "points into a private network"),
    "a link-local address": ("http://169.254.169.254/{name}", "points into a private network"),
    "file:": ("file:///etc/passwd", "only http, https and ipfs links"),
    "another scheme": ("ftp://gateway.example/ipfs/{name}", "only http, https and ipfs links"),
    "another host": ("https://gateway.example/ipfs/{name}", "points elsewhere"),
    "a password": ("http://me@{gateway}/ipfs/{name}", "is not fetched"),
    "no CID": ("http://{gateway}/ipfs/../secret", "names no file by its CID"),
}


@pytest.fixture
def knocks():
    """A port of this machine, and how often something connected to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard = []

        def listen():
            while True:
                try:
                    heard.append(server.accept()[0].close())
                except OSError:
                    return

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_a_response_url_elsewhere_is_not_fetched_and_said(
    session, before_market, bids, knocks, kind
):
    pattern, said = ELSEWHERE[kind]
    port, heard = knocks
    place = f"127.0.0.1:{before_market.server_port}"

    _, answer = answered(session, bids, pattern.format(port=port, name=cid(DATA), gateway=place))

    assert answer.value is None
    assert said in answer.problem
    assert heard == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_this_machine_is_not_followed_and_said(
    session, before_market, bids, knocks, status
):
    port, heard = knocks
    url = pinned(session, bids, DATA)
    redirect = says(b"", status, Location=f"http://127.0.0.1:{port}/secret")
    before_market.fault = on_reading(redirect)

    _, answer = answered(session, bids, url)

    assert "no redirect is followed" in answer.problem
    assert heard == []


# --- pin service answers without a link, ... --------------------------------------------------

UNPINNED = {
    "without a link": (says_json({}), "with no link in it"),
    "with null": (says(b"null"), "with no link in it"),
    "with a link that is null": (says_json({"link": None}), "with no link in it"),
    "with a list": (says_json([1, 2]), "with no link in it"),
    "with HTML": (says(b"<html></html>"), "HTML page"),
    "with nothing": (says(b""), "is empty"),
    "with 300 MB": (endless, "larger than"),
    "with a link elsewhere": (says_json({"link": "http://10.0.0.1/x"}), "can't be used"),
    "400": (says(b"", 400), "answered 400"),
    "403": (says(b"", 403), "answered 403"),
    "500": (says(b"", 500), "answered 500"),
    "503": (says(b"", 503), "answered 503"),
    "not at all": (silent, "no complete answer"),
    "by hanging up": (hangs_up, "broken off"),
}


@pytest.mark.parametrize("kind", UNPINNED)
def test_a_pin_service_that_gives_no_link_publishes_nothing(session, before_market, bids, kind):
    """No task, nothing paid, no transaction used; and what to do is said."""
    before_market.fault, said = UNPINNED[kind]
    balance = session.balance()

    with pytest.raises(errors.OgpuError, match=said) as caught:
        session.publish(bids[0], "draw", {"kind": kind}, timeout=3)

    assert isinstance(caught.value, (errors.PinFailed, errors.GatewayUnavailable))
    assert caught.value.spent == "Nothing was published, and nothing was spent."
    assert "again" in caught.value.hint
    assert session.balance() == balance
    assert [task.stage.value for task in session.tasks()] == ["abandoned"]
    before_market.fault = None
    assert session.publish(bids[0], "draw", {"kind": kind}).stage.value != "abandoned"


# --- HTML, script, SVG, Markdown and link payloads --------------------------------------------


def test_payloads_in_any_string_of_a_response_are_text(session, bids):
    """From the chain to the page, through the journal."""
    words = [text for text in HOSTILE if "\ud800" not in text]
    content = {"role": words[0], "content": "\n".join(words), "rows": [{w: w} for w in words]}

    task, answer = answered(session, bids, pinned(session, bids, json.dumps(content).encode()))

    assert answer.value == content
    page = safe(render.html(task.record, task.answers, session.chain_time()))
    assert [link for link in page.links if not link.startswith(("http:", "https:", "#"))] == []


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_payloads_in_a_source_s_metadata_are_text(session, market, number):
    text = HOSTILE[number].encode(errors="replace").decode()[:5000]
    source = Publisher(market).publish_source(name=text)

    record = session.source(source)

    safe(render.sources_html([record]))
    assert "<script" not in render.sources_html([record])


# --- an image that is not one, is huge, or is a polyglot --------------------------------------


def pictures():
    from tests.render.samples import picture
    from tests.render.test_images import png

    real = base64.b64decode(picture())
    return {
        "real": real,
        "not one": b"\x89PNG\r\n\x1a\n" + b"A" * 200,
        "huge": png(50_000, 50_000),
        "a polyglot": real + b"<script>alert(1)</script>",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>" * 4,
    }


@pytest.mark.parametrize("kind", ["real", "not one", "huge", "a polyglot", "SVG"])
def test_an_image_is_shown_only_where_it_is_one(session, bids, kind):
    """Else it is shown as the data that it is."""
    content = {"image_base64": base64.b64encode(pictures()[kind]).decode()}

    task, _ = answered(session, bids, pinned(session, bids, json.dumps(content).encode()))

    page = render.html(task.record, task.answers, session.chain_time())
    safe(page)
    assert ("<img" in page) == (kind == "real")
    assert kind == "real" or "image_base64" in page or "Encoded bytes" in page


def test_the_rows_above_are_all_typed_errors():
    """What the decoder and the store raise is in one tree, under ContentError."""
    kinds = {error for _, error in SENT.values()}

    assert all(issubclass(kind, errors.ContentError) for kind in kinds)
    with pytest.raises(errors.ContentInvalid):
        decode_json(DEEP)
