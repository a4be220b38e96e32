"""What an answer links to is fetched with it: of the gateway, by its CID, and within bounds."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from ogpu_jupyter import display, linked
from ogpu_jupyter.content import MemoryContentStore, cid
from ogpu_jupyter.errors import GatewayUnavailable
from ogpu_jupyter.render import answer_html
from tests.helpers import wait_until as until
from tests.market import Provider, Publisher
from tests.render import samples

PICTURE = base64.b64decode(samples.picture())


class Counting(MemoryContentStore):
    """Notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, url: str, **bounds: Any) -> bytes:
        data = super().get(url, **bounds)
        self.asked.append(url)
        return data


@pytest.fixture
def store() -> Counting:
    return Counting()


def test_a_picture_behind_a_link(store: Counting) -> None:
    """By the gateway's address or by `ipfs://`, at any place in the answer."""
    url = store.put(PICTURE)
    sound = store.put(base64.b64decode(samples.sound()))
    ipfs = f"ipfs://{cid(PICTURE)}"

    found = linked.fetched({"images": [url, {"also": ipfs}], "audio": sound}, store)

    assert set(found) == {url, ipfs, sound}
    assert base64.b64decode(found[ipfs]) == PICTURE


@pytest.mark.parametrize("link", [
    "https://elsewhere.example/ipfs/{0}", "http://127.0.0.1/ipfs/{0}", "https://gateway.invalid/x",
    "file:///ipfs/{0}", "look at ipfs://{0}", "ipfs://{0}/../x", "//gateway.invalid/ipfs/{0}",
    "https://gateway.invalid@elsewhere.example/ipfs/{0}", "{0}",
])  # fmt: skip
def test_no_other_place_is_asked(store: Counting, link: str) -> None:
    """A link elsewhere stays a link."""
    store.put(PICTURE)

    assert linked.fetched({"image": link.format(cid(PICTURE))}, store) == {}
    assert store.asked == []


def test_the_picture_that_was_asked_about(store: Counting) -> None:
    """What is drawn on it needs it too; the answer's own links come first."""
    value, _ = samples.ANSWERS["detections"]
    link = store.put(PICTURE)

    found = linked.fetched(value, store, {"input": link})

    assert answer_html(value, data={"input": link}, linked=found).count("<img") == 1


def test_what_can_not_be_shown_is_not_kept(store: Counting) -> None:
    """A page, or a polyglot that only begins like a picture."""
    links = [store.put(data) for data in (b"<script>alert(1)</script>", PICTURE + b"<script>")]

    assert linked.fetched(links, store) == {}
    assert store.asked == links


def test_it_is_bounded(store: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    """In number, in size and together."""
    links = [store.put(base64.b64decode(samples.picture(size=(60 + n, 40)))) for n in range(20)]
    assert len(linked.fetched(links, store)) == linked.MAX_LINKS

    monkeypatch.setattr(linked, "MAX_BYTES", 10)
    assert linked.fetched(links, store) == {}

    monkeypatch.setattr(linked, "MAX_BYTES", 10_000)
    monkeypatch.setattr(linked, "MAX_TOGETHER", 1500)
    assert 0 < len(linked.fetched(links, store)) < linked.MAX_LINKS


def test_a_gateway_that_is_away_takes_nothing_else_along(store: Counting) -> None:
    """The answer is there without it, and what it lacks can be asked for again."""
    value = {"image": f"{store.gateway_url}/{cid(PICTURE)}"}
    with pytest.raises(GatewayUnavailable):
        store.get(value["image"])

    assert linked.fetched(value, store) == {}
    assert linked.links_in(value) == [value["image"]]

    store.put(PICTURE)
    assert set(linked.fetched(value, store)) == {value["image"]}


def test_an_answer_comes_with_its_picture(session: Any, localnet: Any) -> None:
    """From the provider's link to the view: fetched once, kept in the journal, in the page."""
    session.deposit(1)
    source = Publisher(localnet).publish_source()
    provider = Provider(localnet, source)
    task = session.publish(source, "paint", {"prompt": "a house"})
    until(lambda: task.address)
    link = provider.store.put(PICTURE, filename="house.png")
    provider.attempt(task.address, task.payment)
    provider.submit(task.address, {"image": link, "seed": 7}, task.payment)

    answer = until(lambda: next(iter(task.answers.values()), None))

    assert task.result() == {"image": link, "seed": 7}
    assert list(answer.linked) == [link]
    kept = session.journal.answers(task.record.key)
    assert next(iter(kept.values())).linked == answer.linked
    assert samples.picture() in display.bundle(task)[0]["text/html"]
    assert "PNG image, 360" in display.bundle(task)[0]["text/plain"]
