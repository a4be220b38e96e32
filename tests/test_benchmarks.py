"""The benchmarks' own parts: what is counted, and what is written. No time is asserted."""

from __future__ import annotations

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.orders import Worker
from benchmarks.proxy import Proxy
from benchmarks.raw import Line
from benchmarks.results import UNITS, Result, table, write
from ogpu_jupyter.chain.rpc import Call, Rpc
from tests.helpers import ROOT

NAMES = {
    "http_per_publish",
    "publish_100_seconds",
    "publish_100_http",
    "publish_100_seconds_50ms",
    "snapshot_1000_seconds",
    "snapshot_1000_http",
    "snapshot_1000_seconds_50ms",
    "watch_http_per_block_1",
    "watch_http_per_block_10000",
    "event_to_callback_ms",
    "import_seconds",
    "load_ext_seconds",
    "rss_mb_1000_tasks",
}


def test_the_committed_results_have_every_name_and_key_once():
    rows = json.loads((ROOT / "benchmarks" / "results.json").read_text())

    assert [row["name"] for row in rows] == list(UNITS)
    assert set(UNITS) == NAMES
    for row in rows:
        assert set(row) - {"peer_note", "peer_patched"} == {
            "name", "ours", "peer", "limit", "unit", "ratio"
        }  # fmt: skip
        assert row["unit"] == UNITS[row["name"]]
        assert row["ratio"] == pytest.approx(row["ours"] / row["limit"], rel=0.01, abs=0.01)
        assert row["peer"] is not None or row["peer_note"]


def test_the_readme_says_how_each_limit_is_found():
    section = (ROOT / "README.md").read_text().partition("## Benchmarks")[2].partition("\n## ")[0]

    assert {name for name in NAMES if f"`{name}`" in section} == NAMES


def test_what_the_peer_cannot_do_is_null_with_its_reason(tmp_path):
    rows = [Result(name, 3, 2, 4.56789) for name in UNITS]
    rows[3] = Result(rows[3].name, 3, 2, None, "raises", 5)
    write(rows, tmp_path / "results.json")
    read = json.loads((tmp_path / "results.json").read_text())

    assert (read[3]["peer"], read[3]["peer_patched"], read[3]["peer_note"]) == (None, 5, "raises")
    assert (read[0]["peer"], read[0]["ratio"]) == (4.568, 1.5)
    assert all(name in table(rows) for name in UNITS)
    with pytest.raises(AssertionError):
        Result("import_seconds", 1, 1)
    with pytest.raises(AssertionError):
        write(rows[1:], tmp_path / "results.json")


def test_the_proxy_counts_requests_calls_and_ticks(localnet):
    """And hands on what both sides say, also many at a time."""
    network = localnet.network
    logs = {"address": network.nexus, "fromBlock": "latest", "toBlock": "latest"}
    with Proxy(network.rpc_url) as proxy:
        rpc = Rpc(proxy.url)
        assert int(rpc.call("eth_chainId"), 16) == network.chain_id
        found = rpc.batch([Call("eth_chainId", ()), Call("eth_getLogs", (logs,))])
        assert int(found[0], 16) == network.chain_id
        assert (proxy.requests, proxy.calls, proxy.ticks) == (2, 3, 1)
        assert b"eth_getLogs" in proxy.longest
        proxy.reset()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: rpc.call("eth_blockNumber"), range(40)))
        assert (proxy.requests, proxy.calls, proxy.ticks) == (40, 40, 0)
        rpc.close()


def test_the_proxy_says_502_for_a_server_that_is_away():
    with Proxy("http://127.0.0.1:9/x") as proxy:
        line = Line(proxy.url)
        with pytest.raises(AssertionError):
            line.post(b"{}")
        assert proxy.requests == 1
        line.close()


def test_a_worker_answers_and_its_errors_are_raised_here(tmp_path):
    with Worker(sys.executable, "benchmarks.ours", tmp_path) as worker:
        assert worker.rss_mb > 1
        with pytest.raises(RuntimeError, match=re.escape("NotConnected")):
            worker("hold")
        with pytest.raises(RuntimeError, match="KeyError"):
            worker("no such order")
