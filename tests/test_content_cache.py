"""The cache of fetched content: right or not there, bounded, and shared by kernels."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time

import pytest

from ogpu_jupyter.content import Cache, HttpContentStore, cid
from ogpu_jupyter.content.cids import parse
from ogpu_jupyter.errors import ContentMismatch, ContentRefused, ContentTooLarge, GatewayUnavailable
from ogpu_jupyter.localnet.pinning import PinServer
from tests.gateways import faulty_gateway, says

MB = 1 << 20


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "content")


@pytest.fixture
def pins():
    server = PinServer()
    server.start()
    yield server
    server.stop()


def store_of(pins, cache):
    return HttpContentStore(pins.pin_url, pins.gateway_url, cache)


def files(cache):
    return sorted(cache.folder.iterdir())


def test_what_was_fetched_is_not_fetched_again(pins, cache, tmp_path):
    """By another kernel too, and while the gateway is away."""
    link = pins.put(b"hello")
    first = store_of(pins, cache)
    assert first.get(link) == b"hello"
    pins.stop()
    second = store_of(pins, Cache(cache.folder))

    assert second.get(link) == b"hello"
    assert second.get(f"ipfs://{cid(b'hello')}") == b"hello"
    with pytest.raises(GatewayUnavailable):
        second.get(second.predict(b"other"))


def test_nothing_is_given_for_a_link_that_is_refused(pins, cache):
    """Though the bytes of its CID are here: where a link points is looked at first."""
    store = store_of(pins, cache)
    store.get(pins.put(b"hello"))

    with pytest.raises(ContentRefused):
        store.get(f"http://10.0.0.7/ipfs/{cid(b'hello')}")


def test_the_cap_of_a_fetch_holds_for_the_cache(pins, cache):
    store = store_of(pins, cache)
    link = pins.put(b"hello")
    store.get(link)

    with pytest.raises(ContentTooLarge):
        store.get(link, max_bytes=3)
    assert store.get(link) == b"hello"


@pytest.mark.parametrize("damage", [b"", b"hell", b"hellO", b"hello!", b"x" * 100])
def test_a_damaged_file_is_fetched_again(pins, cache, damage):
    store = store_of(pins, cache)
    link = pins.put(b"hello")
    store.get(link)
    (file,) = files(cache)
    file.write_bytes(damage)

    assert cache.get(cid(b"hello"), MB) is None
    assert not file.exists()
    assert store.get(link) == b"hello"
    assert file.read_bytes() == b"hello"


def test_bytes_that_do_not_match_are_not_kept(pins, cache):
    """The gateway lies: there is an error, and nothing for the next one."""
    pins.put(b"hello")
    with faulty_gateway(pins.pin_url.removesuffix("/file/create")) as gateway:
        gateway.fault = says(b"hellO")
        store = gateway.store(cache)

        with pytest.raises(ContentMismatch):
            store.get(store.predict(b"hello"))

    assert not cache.folder.exists()


def test_its_files_are_for_their_owner_alone(cache):
    cache.put(cid(b"hello"), b"hello")

    (file,) = files(cache)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


def test_names_differ_in_more_than_upper_and_lower_case(cache):
    """Some file systems take `a` for `A`, and a CIDv0 has both."""
    cache.put(cid(b"hello"), b"hello")

    (file,) = files(cache)
    assert file.name == f"70-{parse(cid(b'hello'))[1].hex()}"


@pytest.mark.parametrize("limit", [MB, 4 * MB])
def test_it_stays_within_its_limit(tmp_path, limit):
    """Small files count as the blocks that they take."""
    cache = Cache(tmp_path / "content", limit)
    for number in range(600):
        data = os.urandom(number * 97 % (limit // 8))
        cache.put(cid(data), data)

    taken = sum(file.stat().st_blocks * 512 for file in files(cache))
    assert limit // 2 < taken <= limit


def test_what_was_used_longest_ago_goes_first(tmp_path):
    cache = Cache(tmp_path / "content", MB)
    pieces = [bytes([n]) * 60_000 for n in range(13)]
    for age, data in enumerate(pieces):
        cache.put(cid(data), data)
        path = cache._path(cid(data))
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    assert cache.get(cid(pieces[0]), MB) == pieces[0]  # used now

    for n in range(100, 108):
        data = bytes([n]) * 60_000
        cache.put(cid(data), data)

    assert cache.get(cid(pieces[0]), MB) == pieces[0]
    assert cache.get(cid(pieces[1]), MB) is None


def test_one_piece_never_drives_out_all_others(tmp_path):
    cache = Cache(tmp_path / "content", MB)
    cache.put(cid(b"small"), b"small")
    large = bytes(MB // 2)

    cache.put(cid(large), large)

    assert cache.get(cid(large), MB) is None
    assert cache.get(cid(b"small"), MB) == b"small"


def test_what_a_dead_kernel_left_unfinished_is_taken_away(tmp_path):
    cache = Cache(tmp_path / "content")
    cache.folder.mkdir()
    old, fresh = cache.folder / ".new-old", cache.folder / ".new-fresh"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)

    cache.put(cid(b"hello"), b"hello")

    assert not old.exists()
    assert fresh.exists()


@pytest.mark.parametrize("obstacle", ["file", "folder in place of the content"])
def test_without_a_place_to_keep_it_content_is_fetched_all_the_same(pins, cache, obstacle):
    """A disk that is full or read only is no reason to lose an answer."""
    link = pins.put(b"hello")
    if obstacle == "file":
        cache.folder.write_bytes(b"")
    else:
        cache._path(cid(b"hello")).mkdir(parents=True)
    store = store_of(pins, cache)

    assert store.get(link) == b"hello"
    assert store.get(link) == b"hello"


WRITER = """
import random, sys
from pathlib import Path
from ogpu_jupyter.content import Cache, cid
cache, dice = Cache(Path(sys.argv[1]), 1 << 20), random.Random(int(sys.argv[2]))
for _ in range(400):
    data = dice.randrange(60).to_bytes(2, "big") * 20_000
    found = cache.get(cid(data), 1 << 20)
    assert found in (None, data)
    cache.put(cid(data), data)
"""


def test_several_kernels_use_it_at_once(tmp_path):
    """They write, read and take away the same files: each gets right bytes or none."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "content")]
    writers = [subprocess.Popen([*command, str(seed)]) for seed in range(3)]
    cache = Cache(tmp_path / "content", MB)
    wrong = []

    def read():
        while any(writer.poll() is None for writer in writers):
            for number in range(60):
                data = number.to_bytes(2, "big") * 20_000
                if cache.get(cid(data), MB) not in {None, data}:
                    wrong.append(number)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert wrong == []
    assert not [file for file in files(cache) if file.name.startswith(".new-")]
    assert sum(file.stat().st_size for file in files(cache)) <= MB + 3 * MB // 16
