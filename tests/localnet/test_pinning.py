"""The content server: the pinning service's calls as clients of any kind make them."""

from __future__ import annotations

import http.client
import io
import os
import socket
import threading
from contextlib import suppress

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter import errors
from ogpu_jupyter.content import MAX_UPLOAD, HttpContentStore, cid
from ogpu_jupyter.localnet.multipart import Malformed, TooLarge, read_file
from ogpu_jupyter.localnet.pinning import PinServer, content_type

HELLO = "QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX"


@pytest.fixture(scope="module")
def server():
    with PinServer() as running:
        yield running


def upload(server, data, **options):
    return requests.post(server.pin_url, files={"file": ("taskConfig.json", data)}, **options)


# --- the calls ----------------------------------------------------------------------------


def test_an_upload_answers_201_with_its_link(server):
    answer = upload(server, b"hello")

    assert answer.status_code == 201
    assert answer.json() == {"link": f"{server.gateway_url}/{HELLO}"}
    assert requests.get(answer.json()["link"]).content == b"hello"


@pytest.mark.parametrize("size", [0, 1, 262_145, MAX_UPLOAD])
def test_bytes_come_back_as_they_went_in(server, size):
    data = os.urandom(size)
    store = HttpContentStore(server.pin_url, server.gateway_url)

    link = store.put(data)

    assert link == store.predict(data) == server.predict(data)
    assert store.get(link, max_bytes=MAX_UPLOAD) == data
    assert server.get(link, max_bytes=MAX_UPLOAD) == data
    store.close()


def test_content_that_was_put_in_process_is_served(server):
    link = server.put(b"in process")

    assert requests.get(link).content == b"in process"


def test_a_head_tells_the_same_without_the_body(server):
    link = server.put(b'{"a": 1}')
    full, head = requests.get(link), requests.head(link)

    assert head.content == b""
    assert head.headers["Content-Length"] == full.headers["Content-Length"] == "8"
    assert head.headers["Content-Type"] == "application/json"
    assert head.headers["ETag"] == f'"{cid(b"""{"a": 1}""")}"'


def test_known_content_is_not_sent_again(server):
    link = server.put(b"hello")

    answer = requests.get(link, headers={"If-None-Match": f'"{HELLO}"'})

    assert (answer.status_code, answer.content) == (304, b"")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"[1]", "application/json"),
        ("grüß".encode(), "text/plain; charset=utf-8"),
        (("x" * 4095 + "ß" * 9).encode(), "text/plain; charset=utf-8"),
        (b"<script>alert(1)</script>", "text/plain; charset=utf-8"),
        (b"<svg/>", "text/plain; charset=utf-8"),
        (b"\x00\xff", "application/octet-stream"),
        (b"", "text/plain; charset=utf-8"),
    ],
)
def test_the_type_is_by_the_bytes_and_never_one_that_runs(server, data, kind):
    answer = requests.get(server.put(data))

    assert content_type(data) == answer.headers["Content-Type"] == kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    ["/", "/ipfs", "/ipfs/", "/ipfs/x", f"/ipfs/{HELLO[:-1]}A", "/ipfs/../../etc/passwd", "/x"],
)
def test_what_is_not_there_is_404(server, path):
    base = server.gateway_url.removesuffix("/ipfs")

    answer = requests.get(base + path)

    assert answer.status_code == 404
    assert "error" in answer.json()


def test_an_upload_to_another_path_is_404(server):
    base = server.gateway_url.removesuffix("/ipfs")

    assert requests.post(f"{base}/file/other", files={"file": b"x"}).status_code == 404


# --- what it doesn't take -------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"files": {"other": b"x"}},
        {"data": {"file": "x"}},
        {"data": b"x"},
        {"json": {"file": "x"}},
        {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"data": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"data": b"--b\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"data": b"--b--\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
    ],
    ids=range(8),
)
def test_without_a_file_it_is_400(server, options):
    answer = requests.post(server.pin_url, **options)

    assert answer.status_code == 400
    assert "error" in answer.json()


@pytest.mark.parametrize("extra", [1, 100_000, 20 << 20])
def test_more_than_fifty_megabytes_is_413(server, extra):
    """Said so that the client hears it, who is still sending."""
    answer = upload(server, bytes(MAX_UPLOAD + extra))

    assert answer.status_code == 413


def test_a_length_that_is_a_lie_is_not_read(server):
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(
            f"POST /file/create HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
            "Content-Length: 99999999999999999999999999\r\n\r\n".encode()
        )
        client.shutdown(socket.SHUT_WR)

        assert b" 413 " in client.recv(100)


def test_without_a_length_it_is_411(server):
    answer = requests.post(server.pin_url, data=iter([b"chunk"]))

    assert answer.status_code == 411


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_web_page_gets_nothing(server, headers):
    """Neither under another name for this machine, nor across origins."""
    link = server.put(b"hello")

    assert requests.get(link, headers=headers).status_code == 403
    assert upload(server, b"from a page", headers=headers).status_code == 403
    assert requests.get(server.predict(b"from a page")).status_code == 404


def test_a_client_that_goes_away_harms_nobody(server):
    for text in (b"", b"GET", b"POST /file/create HTTP/1.1\r\nContent-Length: 10\r\n\r\nx"):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(text)

    assert upload(server, b"still here").status_code == 201


def test_many_upload_at_once(server):
    results = []

    def one(number):
        results.append(upload(server, b"%d" % number).status_code)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [201] * 20


# --- its life -------------------------------------------------------------------------------


def test_no_port_is_kept_after_the_end():
    with PinServer() as first:
        port = first.port
        kept = http.client.HTTPConnection("127.0.0.1", port)
        kept.request("GET", "/")
        kept.getresponse().read()

    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        pass
    with PinServer(port=port) as second:
        assert second.port == port
    kept.close()


def test_a_port_that_is_taken_is_an_error():
    with PinServer() as first, pytest.raises(OSError):
        PinServer(port=first.port).start()


def test_what_lies_in_a_folder_outlives_the_server(tmp_path):
    with PinServer(tmp_path / "content") as first:
        upload(first, b"hello")
        port = first.port

    with PinServer(tmp_path / "content", port) as second:
        assert requests.get(f"{second.gateway_url}/{HELLO}").content == b"hello"
    assert [path.name for path in (tmp_path / "content").iterdir()] == [HELLO]


def test_half_a_file_of_a_crash_is_swept_away(tmp_path):
    (tmp_path / f".{HELLO}.1.0.partial").write_bytes(b"he")

    PinServer(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_damaged_is_not_served(tmp_path):
    with PinServer(tmp_path) as server:
        link = server.put(b"hello")
        (tmp_path / HELLO).write_bytes(b"hellO")

        assert requests.get(link).status_code == 404
        with pytest.raises(errors.GatewayUnavailable):
            server.get(link)


# --- multipart ------------------------------------------------------------------------------


def body(boundary, *parts):
    lines = [b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary, head, data) for head, data in parts]
    return b"".join(lines) + b"--%s--\r\n" % boundary


def head(name):
    return b'Content-Disposition: form-data; name="%s"; filename="a"' % name


def parse(data, boundary, *, step=65536, limit=1 << 20):
    stream = io.BytesIO(data)
    return read_file(lambda n: stream.read(min(n, step)), len(data), boundary, limit=limit)


BOUNDARY = b"XyZ"
# Bytes out of which a boundary, and what only looks like one, is made.
TRICKY = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b"-", b"--", b"XyZ", b"--XyZ", b"\r\n--Xy", b"\x00"])
).map(b"".join)


@given(TRICKY | st.binary(max_size=200), TRICKY, st.integers(1, 50))
def test_any_content_is_read_whatever_way_it_arrives(data, other, step):
    """Unless it holds the boundary, which a client then doesn't choose."""
    if b"\r\n--XyZ" in b"\r\n" + data or b"\r\n--XyZ" in b"\r\n" + other:
        return
    sent = body(BOUNDARY, (head(b"other"), other), (head(b"file"), data))

    assert parse(sent, BOUNDARY, step=step) == data


@given(TRICKY | st.binary(max_size=300), st.integers(1, 50))
def test_no_body_breaks_the_reader(data, step):
    with suppress(Malformed):
        parse(data, BOUNDARY, step=step)


@pytest.mark.parametrize(
    "sent",
    [
        b"preamble\r\n" + body(b"b", (head(b"file"), b"data")),
        body(b"b", (b'content-disposition:form-data;name="file"', b"data")),
        body(b"b", (b"Content-Disposition: form-data; name=file", b"data")),
        body(b"b", (b"X: y\r\n" + head(b"file") + b"\r\nContent-Type: a/b", b"data")),
        body(b"b", (head(b"file"), b"data")).replace(b"--b\r\n", b"--b \t\r\n"),
        body(b"b", (head(b"file"), b"data"), (head(b"file"), b"second")),
        body(b"b", (head(b"file"), b"data")).removesuffix(b"--\r\n"),
        body(b"b", (b'Content-Disposition: form-data; filename="\xc3\xa9"; name="file"', b"data")),
        b"--b\r\n\r\nno headers\r\n" + body(b"b", (head(b"file"), b"data")),
    ],
    ids=range(9),
)
def test_each_way_to_write_it_is_read(sent):
    assert parse(sent, b"b") == b"data"


def test_a_file_over_the_limit_is_not_held():
    sent = body(b"b", (head(b"file"), bytes(5000)))

    assert parse(sent, b"b", limit=5000) == bytes(5000)
    with pytest.raises(TooLarge):
        parse(sent, b"b", limit=4999)
    with pytest.raises(TooLarge):
        parse(sent, b"b", limit=10, step=7)


def test_headers_and_parts_without_end_are_refused():
    with pytest.raises((TooLarge, Malformed)):
        parse(b"--b\r\n" + b"X: y\r\n" * 10_000, b"b")
    with pytest.raises(Malformed):
        parse(body(b"b", *[(head(b"x"), b"")] * 200), b"b")
