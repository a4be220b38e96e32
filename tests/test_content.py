"""CIDs, stores and JSON from strangers, against a real server that does what strangers do."""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import socket
import subprocess
import sys
import threading
import time
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter import content, errors
from ogpu_jupyter.content import HttpContentStore, MemoryContentStore, cid, decode_json, matches
from ogpu_jupyter.content.cids import parse
from tests.helpers import LATE

# Made once with ipfs-unixfs-importer, the reference implementation in JavaScript, from
# shake128("ogpu"): v0 as `ipfs add` does; v1 with bare leaves of 256 KiB, and of 1 MiB.
VECTORS = [
    (
        0,
        "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    ),
    (
        1,
        "QmTTi2ugQuuGumUrMSZWJSbAixXccPjAeyZCx4qkck1udR",
        "bafkreiht34pzynmk5dwoxd6opqagcqui2ej22vjrl5hlxeexost5vlp4qq",
        "bafkreiht34pzynmk5dwoxd6opqagcqui2ej22vjrl5hlxeexost5vlp4qq",
    ),
    (
        262_143,
        "QmdpTvqFTBP6dJhHEDKx9xhtMxpmW1K4cMP2xebguMpSRk",
        "bafkreiew7xc4l4w5jwlmz73okbkzos6rgeac2piyeyjwmdcvcglxcql2ny",
        "bafkreiew7xc4l4w5jwlmz73okbkzos6rgeac2piyeyjwmdcvcglxcql2ny",
    ),
    (
        262_144,
        "QmVt8EBNT6ALDwoSQqw9NxZkkCYF7Q1q7jHK8wWTHUbc66",
        "bafkreibzccxgkbceawev7far2h4arrozjdnsccfvku3t6u7e324qj3nuly",
        "bafkreibzccxgkbceawev7far2h4arrozjdnsccfvku3t6u7e324qj3nuly",
    ),
    (
        262_145,
        "Qme2rAN3Hy6Bh3xxGyAwzC9zNX2koTtjMhZeMG4RqtVtw8",
        "bafybeihs2ubf35kcs6iy44uw7i3l7dorzppgs2y5h66by2q5ecu44rowhu",
        "bafkreid37kdreenl3hfuqbkin7jczn55cbg5bzti2vs2jgf7zy3hg7wwje",
    ),
    (
        524_288,
        "QmUAY7vMv3i2EDh97hhujD6XCjn31FX7eTPFWcCpKx4Kta",
        "bafybeidozhmz3s5qufht7e66cttyojehfpfjostvs45j3t3yeip4swprhq",
        "bafkreidw7cmikcb3x676amk2tywohk6clslyeli2qbtjrp4meig57nc4ai",
    ),
    (
        2_621_447,
        "QmUibUMLFAUxMPHXzNzUgHSwnTuuvpLyWbkAhqK49sV5BQ",
        "bafybeidg4uo3rblghsciiwt3du63czqqgomh3xpdqd7o76qynawfvuu4oi",
        "bafybeid32mrotqnkcbmcogalgmublgvorqj46b5givenyllrewypkf6d2y",
    ),
    (
        45_350_912,
        "QmcwL89ReNPd3rtdxhzBCayDTnUvi3S7X6S7NcEuF4kHbY",
        "bafybeicqeygzztlgy4itqqgbcuh3ierp6554faouw2p42h6jxf4phodtuu",
        "bafybeigzixheldppbay74uchj3jwczuzbfebh2nykmn3rrpnmm2wvtqcmy",
    ),
    (
        45_613_056,
        "QmWYJs4boYSo7pny2xNw3ETiRp76ae2GNCU65qiut4wC7b",
        "bafybeidk544d3wzj4z2cchfx7umcozu5h4jsybd43x2anntgbwy7mannqa",
        "bafybeia5or6nvnqpbf3kjygx2q5gmlgjm3hkhvkcjzlefs7i7r7pakzcli",
    ),
    (
        45_613_057,
        "QmR8h9eXhRnCUAfxgVMCZQZ6pGzHRDLhzMrGa2UpeXESXC",
        "bafybeiddsikkhtc6cryzezv2yce4guumy7a3lmokwg7nvcltyi2ne5meb4",
        "bafybeigakyqj2nt2lrwhlcwcsfreihwkvshhbx7v7kb4xzbv3gwo4l3onq",
    ),
    (
        45_875_205,
        "QmdgjhBsgrPxJ9x6yi6DBGrw3ST9XppmJkNKDN5dQf62QH",
        "bafybeiaq55vdbuls7cvbxtbapft3gyuf3jvnjzywgweeaiyea5p7chmo4q",
        "bafybeifizskk7b576qld2pnj67pnealt46lbqgbzfclvwhmlrjhahxddwm",
    ),
    (
        50_000_000,
        "QmQSBJrD5h2h1MigqSSqTwxHGngPhikVpwDWsejEkTejec",
        "bafybeidclpoxyj7v6awsnjjc5ievavhkydiam35ty5cqctd7vgzlaldjam",
        "bafybeieramu555z2gkc75yrpnj3unwfmld37kcx7i3gcpblavfz3zjpjwe",
    ),
    (
        52_428_800,
        "QmQLWzfG79RHZo9bgf2oyGLdAY5NLdukebU2dQ5QqZANE7",
        "bafybeiggkqax5uhe4usjdoyigx42i4rnts66fmzzlfs5lyhzrkpiizuuh4",
        "bafybeiczde2njlyldfq55o2rawpwoi6sch2djqtqwuvb6xf5vxdnr2ma6q",
    ),
]
KNOWN = {
    b"": "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
    b"hello world": "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD",
    b"hello world\n": "QmT78zSuBmuS4z925WZfrqQ1qHaJ56DQaTfyMUF7F8ff5o",
}


@pytest.fixture(scope="module")
def stuff() -> memoryview:
    return memoryview(hashlib.shake_128(b"ogpu").digest(50 << 20))


# --- names ------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "name"), KNOWN.items())
def test_the_cid_is_the_one_of_ipfs_add(data, name):
    assert cid(data) == name


@pytest.mark.parametrize(("size", "v0", "v1", "v1_large"), VECTORS, ids=lambda v: str(v)[:12])
def test_the_cid_equals_the_reference_implementation_s_at_any_size(stuff, size, v0, v1, v1_large):
    data = stuff[:size].tobytes()

    assert cid(data) == v0
    assert all(matches(name, data) for name in (v0, v1, v1_large))


@pytest.mark.parametrize("name", VECTORS[4][1:])
def test_other_bytes_never_match(stuff, name):
    data = stuff[: VECTORS[4][0]].tobytes()

    assert matches(name, data)
    assert not matches(name, data[:-1])
    assert not matches(name, data + b"!")
    assert not matches(name, bytes([data[0] ^ 1]) + data[1:])


def test_fifty_megabytes_take_less_than_two_seconds(stuff):
    data = stuff.tobytes()
    start = time.process_time()

    cid(data)

    assert time.process_time() - start < 2


def test_a_cid_is_read_in_base16_base32_and_base58():
    digest = parse(KNOWN[b"hello world"])[1]
    raw = hashlib.sha256(b"hello world").hexdigest()

    assert parse("f01701220" + digest.hex()) == (0x70, digest)
    assert matches("f01701220" + digest.hex(), b"hello world")
    assert matches("f01551220" + raw, b"hello world")
    assert matches("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", b"hello world")
    assert matches("zb2rhj7crUKTQYRGCRATFaQ6YFLTde2YzdqbbhAASkL9uRDXn", b"hello world")
    assert matches("bafybeihykld7uyxzogax6vgyvag42y7464eywpf55gxi5qpoisibh3c5wa", b"hello world")
    assert matches("zdj7Wn9FQAURCP6MbwcWuzi7u65kAsXCdjNTkhbJcoaXBusq9", b"hello world")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Qm",
        "Q" * 46,
        "Qm" + "0" * 44,
        "bafy",
        "b" + "a" * 58,
        "B" + "A" * 58,
        "z" * 49,
        "f" + "g" * 72,
        "f 01701220",
        "\u0660" * 46,
        "Qm" + "z" * 44,
        "a" * 10_000,
    ],
)
def test_what_is_no_cid_matches_nothing(text):
    assert not matches(text, b"hello world")


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader_of_cids(text):
    assert matches(text, b"x") in {True, False}


# --- links ------------------------------------------------------------------------------


NAME = cid(b"hello")


@pytest.mark.parametrize(
    "url",
    [
        f"https://gateway.invalid/ipfs/{NAME}",
        f"HTTPS://Gateway.Invalid:443/ipfs/{NAME}/",
        f"https://gateway.invalid/ipfs/{NAME}?filename=a.json#x",
        f"ipfs://{NAME}",
        f"ipfs://ipfs/{NAME}",
    ],
)
def test_a_link_on_the_gateway_is_followed(url):
    store = MemoryContentStore()
    store.put(b"hello")

    assert store.get(url) == b"hello"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"https://elsewhere.example/ipfs/{NAME}", "points elsewhere"),
        (f"http://127.0.0.1:8545/ipfs/{NAME}", "points into this machine"),
        (f"http://localhost/ipfs/{NAME}", "points into this machine"),
        (f"http://[::1]/ipfs/{NAME}", "points into this machine"),
        (f"http://10.0.0.7/ipfs/{NAME}", "points into a private network"),
        (f"http://192.168.1.1/ipfs/{NAME}", "points into a private network"),
        (f"http://169.254.169.254/ipfs/{NAME}", "points into a private network"),
        (f"http://[fd00::1]/ipfs/{NAME}", "points into a private network"),
        (f"http://gateway.invalid/ipfs/{NAME}", "points elsewhere"),
        (f"https://gateway.invalid:8443/ipfs/{NAME}", "points elsewhere"),
        (f"https://gateway.invalid@evil.example/ipfs/{NAME}", "points elsewhere"),
        (f"https://x@gateway.invalid/ipfs/{NAME}", "points elsewhere"),
        (f"https://gateway.invalid.evil.example/ipfs/{NAME}", "points elsewhere"),
        (f"https://gateway.invalid/api/{NAME}", "points elsewhere"),
        (f"https://gateway.invalid/ipfs/../{NAME}", "names no file by its CID"),
        (f"https://gateway.invalid/ipfs/{NAME}/sub", "names no file by its CID"),
        ("https://gateway.invalid/ipfs/", "names no file by its CID"),
        ("https://gateway.invalid/ipfs/%51m", "names no file by its CID"),
        ("ipfs://not-a-cid", "names no file by its CID"),
        ("file:///etc/passwd", "only http, https and ipfs links are"),
        ("data:application/json,{}", "only http, https and ipfs links are"),
        ("ftp://gateway.invalid/ipfs/x", "only http, https and ipfs links are"),
        ("javascript:alert(1)", "only http, https and ipfs links are"),
        ("http://[", "is not a link"),
        ("https://gateway.invalid:99999/ipfs/x", "is not a link"),
        ("", "only http, https and ipfs links are"),
    ],
)
def test_any_other_link_is_refused_and_said(url, said):
    with pytest.raises(errors.ContentRefused, match=said):
        MemoryContentStore().get(url)


def test_a_refused_link_is_told_short_and_without_control_characters():
    with pytest.raises(errors.ContentRefused) as caught:
        MemoryContentStore().get("file:\x1b[31m\n" + "x" * 10_000)

    assert len(str(caught.value)) < 300
    assert "\x1b" not in str(caught.value)


def test_the_fake_checks_as_the_real_one_does():
    store = MemoryContentStore()
    link = store.put(b"hello")
    store.files[NAME] = b"other"

    assert link == store.predict(b"hello")
    with pytest.raises(errors.ContentMismatch):
        store.get(link)
    with pytest.raises(errors.ContentTooLarge):
        store.get(link, max_bytes=3)
    with pytest.raises(errors.GatewayUnavailable):
        store.get(store.predict(b"unknown"))


# --- over HTTP ----------------------------------------------------------------------------


class Stranger(ThreadingHTTPServer):
    """A server that answers as the test says; `seen` has the paths that were asked for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer):
        self.answer = answer
        self.seen = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def store(self):
        base = f"http://127.0.0.1:{self.server_port}"
        return HttpContentStore(f"{base}/file/create", f"{base}/ipfs")

    def handle_error(self, *_):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append(self.path)
        self.server.answer(self)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def reply(self, body, status=200, **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextmanager
def stranger(answer):
    with Stranger(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def getting(answer, *, body=b"hello", **options):
    """What the store makes of this answer, when asked for `body`."""
    with stranger(answer) as server:
        store = server.store
        try:
            return store.get(store.predict(body), **options)
        finally:
            store.close()


def putting(answer, data=b"{}", **options):
    with stranger(answer) as server:
        store = server.store
        try:
            return store.put(data, **options)
        finally:
            store.close()


def test_bytes_of_the_cid_are_given():
    assert getting(lambda h: h.reply(b"hello")) == b"hello"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
def test_a_packed_answer_is_unpacked(pack):
    name = "gzip" if pack is gzip.compress else "deflate"

    assert getting(lambda h: h.reply(pack(b"hello"), Content_Encoding=name)) == b"hello"


def test_a_chunked_answer_is_read():
    def chunked(handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")

    assert getting(chunked) == b"hello"


def test_other_bytes_than_the_cid_s_are_an_error():
    with pytest.raises(errors.ContentMismatch, match="None are shown"):
        getting(lambda h: h.reply(b"hellO"))


def test_a_page_of_the_gateway_is_no_content():
    with pytest.raises(errors.ContentMismatch):
        getting(lambda h: h.reply(b"<html>Service Unavailable</html>"))


def test_a_body_over_the_cap_ends_there():
    sent = []

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        for _ in range(300):
            handler.wfile.write(b"x" * (1 << 20))
            sent.append(1)

    with pytest.raises(errors.ContentTooLarge, match="1,000,000 bytes"):
        getting(endless, max_bytes=1_000_000)

    assert len(sent) < 50


def test_a_gzip_bomb_is_counted_unpacked():
    bomb = gzip.compress(b"\0" * (200 << 20))

    with pytest.raises(errors.ContentTooLarge):
        getting(lambda h: h.reply(bomb, Content_Encoding="gzip"))


@pytest.mark.parametrize("name", ["gzip, gzip", "br", "zstd", "magic"])
def test_other_packings_are_not_taken(name):
    with pytest.raises(errors.ContentInvalid, match="not asked for"):
        getting(lambda h: h.reply(b"hello", Content_Encoding=name))


def test_broken_packing_is_an_error():
    with pytest.raises(errors.ContentInvalid, match="broken"):
        getting(lambda h: h.reply(b"\x1f\x8bnonsense", Content_Encoding="gzip"))


def drip_body(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    drip(handler)


def drip_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    drip(handler)


def drip(handler):
    for _ in range(600):
        handler.wfile.write(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [drip_body, drip_headers])
def test_an_answer_byte_by_byte_ends_at_the_deadline(answer):
    start = time.monotonic()

    with pytest.raises(errors.GatewayUnavailable, match=r"no complete answer within 0\.5 s"):
        getting(answer, timeout=0.5)

    assert time.monotonic() - start < LATE


def test_no_thread_is_left_when_the_deadline_was_met():
    before = threading.active_count()
    getting(lambda h: h.reply(b"hello"))

    assert threading.active_count() <= before


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status):
    with stranger(lambda h: h.reply(b"secret")) as inside:
        target = f"http://127.0.0.1:{inside.server_port}/ipfs/{NAME}"

        with pytest.raises(errors.ContentRefused, match="no redirect is followed"):
            getting(lambda h: h.reply(b"", status, Location=target))

        assert inside.seen == []


def test_a_gateway_that_is_not_there_is_said_to_be():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        store = HttpContentStore(f"{base}/file/create", f"{base}/ipfs")

        with pytest.raises(errors.GatewayUnavailable, match="the connection was refused"):
            store.get(store.predict(b"hello"))
        with pytest.raises(errors.GatewayUnavailable, match="Nothing was published"):
            store.put(b"hello")


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_of_the_gateway_is_not_asked_for_again(status):
    with stranger(lambda h: h.reply(b"no", status)) as server:
        with pytest.raises(errors.GatewayUnavailable, match=str(status)):
            server.store.get(server.store.predict(b"hello"))

        assert len(server.seen) == 1


def test_an_outage_of_the_gateway_is_waited_for():
    answers = iter([503, 429, 200])

    def recovering(handler):
        status = next(answers)
        handler.reply(b"hello" if status == 200 else b"busy", status)

    assert getting(recovering) == b"hello"


def test_an_outage_that_stays_is_told_within_the_deadline():
    with pytest.raises(errors.GatewayUnavailable, match="502"):
        getting(lambda h: h.reply(b"bad", 502), timeout=1)


def test_a_long_retry_after_is_not_waited_for():
    start = time.monotonic()

    with pytest.raises(errors.GatewayUnavailable, match="429"):
        getting(lambda h: h.reply(b"", 429, Retry_After="3600"), timeout=2)

    assert time.monotonic() - start < LATE


def test_a_connection_that_breaks_in_the_middle_is_tried_again():
    tries = []

    def breaking(handler):
        tries.append(1)
        if len(tries) == 1:
            handler.send_response(200)
            handler.send_header("Content-Length", "5")
            handler.end_headers()
            handler.wfile.write(b"he")
            handler.close_connection = True
        else:
            handler.reply(b"hello")

    assert getting(breaking) == b"hello"


# --- publishing -----------------------------------------------------------------------------


def linked(handler, data=b"{}"):
    gateway = f"http://127.0.0.1:{handler.server.server_port}/ipfs"
    handler.reply(json.dumps({"link": f"{gateway}/{cid(data)}"}).encode(), 201)


def test_an_upload_gives_the_predicted_link():
    with stranger(linked) as server:
        assert server.store.put(b"{}") == server.store.predict(b"{}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"null", "no link in it"),
        (b"[]", "no link in it"),
        (b'["x"]', "no link in it"),
        (b"{}", "no link in it"),
        (b'{"link": null}', "no link in it"),
        (b'{"link": 7}', "no link in it"),
        (b'{"link": {}}', "no link in it"),
        (b'"x"', "no link in it"),
        (b'{"link": ""}', "can't be used"),
        (b'{"link": "https://evil.example/x"}', "can't be used"),
        (b'{"link": "file:///etc/passwd"}', "can't be used"),
        (b"", "is empty"),
        (b"<html></html>", "HTML page"),
        (b"oops", "not JSON"),
        (b"[" * 100_000, "deep"),
    ],
)
def test_without_a_usable_link_nothing_is_published(body, said):
    with pytest.raises(errors.PinFailed, match=said) as caught:
        putting(lambda h: h.reply(body, 200))

    assert caught.value.spent == "Nothing was published, and nothing was spent."


def test_a_link_to_other_content_is_not_taken():
    with pytest.raises(errors.PinFailed, match="other content than was sent"):
        putting(lambda h: linked(h, b"other"))


@pytest.mark.parametrize("status", [400, 401, 403, 413, 302, 204])
def test_a_refused_upload_is_not_sent_again(status):
    with stranger(lambda h: h.reply(b"", status)) as server:
        with pytest.raises(errors.PinFailed, match=f"answered {status}"):
            server.store.put(b"{}")

        assert len(server.seen) == 1


def test_a_broken_pin_service_is_asked_a_few_times():
    with stranger(lambda h: h.reply(b"", 500)) as server:
        with pytest.raises(errors.PinFailed, match="answered 500") as caught:
            server.store.put(b"{}")

        assert 2 <= len(server.seen) <= 5
        assert "Nothing was published" in str(caught.value)


def test_a_pin_service_that_says_nothing_ends_at_the_deadline():
    quiet = threading.Event()
    start = time.monotonic()

    with pytest.raises(errors.GatewayUnavailable, match="Nothing was published"):
        putting(lambda _: quiet.wait(30), timeout=0.5)
    quiet.set()

    assert time.monotonic() - start < LATE


def test_more_than_fifty_megabytes_are_not_sent():
    with stranger(linked) as server:
        with pytest.raises(errors.ContentTooLarge, match="Nothing was published"):
            server.store.put(bytes(content.MAX_UPLOAD + 1))

        assert server.seen == []


def test_no_password_of_netrc_is_sent(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password canary")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    seen = []

    getting(lambda h: (seen.append(h.headers.get("Authorization")), h.reply(b"hello")))

    assert seen == [None]


def test_no_cookie_is_kept():
    seen = []

    def answer(handler):
        seen.append(handler.headers.get("Cookie"))
        handler.reply(b"hello", Set_Cookie="track=me")

    with stranger(answer) as server:
        store = server.store
        for _ in range(2):
            store.get(store.predict(b"hello"))
        store.close()

    assert seen == [None, None]


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert getting(lambda h: h.reply(b"hello")) == b"hello"


def test_the_store_without_http_imports_no_http():
    """The local network starts without waiting for a library that it doesn't use."""
    code = "import sys, ogpu_jupyter.content; print('requests' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "False"


# --- JSON -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1.5,
        "",
        '\u00e4 \U0001f600 \\ " [{',
        [],
        {},
        {"a": [1, {"b": "]"}]},
        "\\" * 9,
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_is_read_as_it_was_written(value, ascii_only):
    assert decode_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
)


@given(JSON)
def test_any_json_value_is_read(value):
    assert decode_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=300) | st.text(alphabet='[]{}",:\\0123eE+-. ntfu').map(str.encode))
def test_any_bytes_are_a_value_or_a_typed_error(data):
    """And what is a value is the one that the standard parser gives."""
    try:
        value = decode_json(data)
    except errors.ContentInvalid:
        return
    assert value == json.loads(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is blank"),
        (b"<!DOCTYPE html><p>x", "HTML page"),
        (b"  <html>", "HTML page"),
        (b"<svg onload=alert(1)>", "HTML page"),
        (b"\xff\xfe", "not UTF-8 text: the byte at 0"),
        (b'"\xc3\x28"', "not UTF-8 text: the byte at 1"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 50_000 + b"]" * 50_000, "nested more than 200 deep"),
        (b'{"a":' * 50_000, "nested more than 200 deep"),
        (b"[" * 201 + b"]" * 201, "nested more than 200 deep"),
        (b'"\\"' + b"[" * 300, "not JSON"),
        (b"1" + b"0" * 100_000, "a number of 100,001 digits"),
        (b"0." + b"1" * 100_000, "a number of 100,002 digits"),
        (b"1e400", "a number that is too large"),
        (b"-1e999999999", "a number that is too large"),
        (b"[NaN]", "has NaN, which is not JSON"),
        (b"Infinity", "has Infinity, which"),
        (b"-Infinity", "has -Infinity, which"),
        (b'{"a": 1, "a": 2}', "has the key 'a' twice"),
        (b'{"x": {"\\u0061": 1, "a": 2}}', "has the key 'a' twice"),
        (b'"\\ud800"', "half of a surrogate pair"),
        (b'{"\\uDC00x": 1}', "half of a surrogate pair"),
        (b"{'a': 1}", "not JSON: .* at line 1, column 2"),
        (b"{} {}", "not JSON: Extra data"),
        (b"[1,\n2,]", "at line 2"),
        (b"[" + b"0," * 2_100_000 + b"0]", "more than 2,000,000 values"),
        (b"[" + b"[]," * 1_100_000 + b"0]", "more than 2,000,000 values"),
    ],
    ids=range(29),
)
def test_what_is_not_strict_json_is_a_typed_error(data, said):
    with pytest.raises(errors.ContentInvalid, match=said):
        decode_json(data)


def test_a_surrogate_pair_is_a_character():
    assert decode_json(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_deep_brackets_are_an_error_whatever_the_recursion_limit_is():
    """With the limit that a wallet's library sets, the standard parser ends the process."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        for data in (b"[" * 1_000_000, b'{"":' * 500_000, b'[{"a":' * 300_000):
            with pytest.raises(errors.ContentInvalid):
                decode_json(data)
        assert decode_json(b"[" * 200 + b"]" * 200)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    "data",
    [
        b'"' * 8_000_000,
        b'\\"' * 4_000_000,
        b'"' + b'\\"' * 4_000_000,
        b"[]" * 4_000_000,
        b"][" * 4_000_000,
        b"1" * 8_000_000,
        b"1" * 399 + b" " + b"1" * 8_000_000,
    ],
    ids=range(7),
)
def test_hostile_text_of_megabytes_ends_in_seconds(data):
    start = time.process_time()

    with pytest.raises(errors.ContentInvalid):
        decode_json(data)

    assert time.process_time() - start < 5


def test_numbers_at_the_bounds_are_read():
    assert decode_json(b"1" * 400) == int("1" * 400)
    assert decode_json(b"1e308") == 1e308
    assert math.isclose(decode_json(b"0." + b"3" * 398), 1 / 3)
