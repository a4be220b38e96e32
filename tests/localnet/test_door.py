"""No web page drives the local network: not by its origin, a name of its own, or a WebSocket."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from ogpu_jupyter.localnet import node as nodes
from ogpu_jupyter.localnet.accounts import ALL
from ogpu_jupyter.localnet.door import METHODS
from ogpu_jupyter.localnet.embedded import methods, testing
from ogpu_jupyter.localnet.embedded import node as embedded
from tests.helpers import wait_until
from tests.localnet.conftest import behind

CHAIN_ID = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}'
RESET = {"forking": {"jsonRpcUrl": "http://127.0.0.1:9/"}}
DRIVES = [
    ("evm_mine", []),
    ("evm_snapshot", []),
    ("anvil_setCode", [ALL[0].address, "0x00"]),
    ("anvil_setBalance", [ALL[0].address, "0x0"]),
    ("anvil_reset", [RESET]),
    ("hardhat_reset", [RESET]),
    ("anvil_setRpcUrl", ["http://127.0.0.1:9/"]),
    ("anvil_dumpState", []),
    ("debug_traceTransaction", ["0x" + "00" * 32]),
    ("txpool_content", []),
    ("eth_sign", [ALL[0].address, "0x00"]),
    ("eth_subscribe", ["newHeads"]),
]


def door_of(net) -> tuple[str, int]:
    place = urlsplit(net.network.rpc_url)
    return place.hostname, place.port


def post(address: tuple[str, int], body: bytes, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request("POST", "/", body, headers)
    answer = connection.getresponse()
    told = answer.status, answer.read()
    connection.close()
    return told


def ask(net, request: object) -> object:
    status, answer = post(door_of(net), json.dumps(request).encode())
    assert status == 200
    return json.loads(answer)


def call(method: str, *params: object, number: object = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def family(net) -> list[psutil.Process]:
    top = psutil.Process(net.pid)
    wait_until(lambda: len(top.children(recursive=True)) >= 2)
    return [top, *top.children(recursive=True)]


def listening(net) -> set[tuple[str, int]]:
    """Each address and port at which a process of the network takes connections, or datagrams."""
    found = set()
    for process in family(net):
        for one in process.net_connections("inet"):
            assert one.type == socket.SOCK_STREAM
            if one.status == psutil.CONN_LISTEN:
                found.add((one.laddr.ip, one.laddr.port))
    return found


def upgrade(address: tuple[str, int], **headers: str) -> bytes:
    """The status line of the answer to a WebSocket's first request."""
    key = base64.b64encode(os.urandom(16)).decode()
    wanted = {"Host": f"{address[0]}:{address[1]}", "Upgrade": "websocket"}
    wanted |= {"Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    head = "".join(f"{name}: {value}\r\n" for name, value in (wanted | headers).items())
    with socket.create_connection(address, timeout=30) as line:
        line.sendall(f"GET / HTTP/1.1\r\n{head}\r\n".encode())
        return line.makefile("rb").readline()


def test_each_port_refuses_a_page(net) -> None:
    """Whatever listens: by the page's origin, by its own name for this machine, by WebSocket."""
    reached = []
    for address in listening(net):
        try:
            socket.create_connection(address, timeout=5).close()
        except OSError:
            assert address[0] != "127.0.0.1"  # an anvil that listens where nobody gets to
            continue
        reached.append(address[1])
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
            assert post(address, CHAIN_ID, **headers)[0] == 403
        assert post(address, CHAIN_ID, Host=f"evil.example:{address[1]}")[0] == 403
        assert post(address, CHAIN_ID, Origin="null")[0] == 403
        assert b" 101 " not in upgrade(address)
        assert b" 101 " not in upgrade(address, Origin="https://evil.example")
        assert b" 101 " not in upgrade(address, Host="evil.example")

    told = net.description
    assert sorted(reached) == sorted(urlsplit(told[url]).port for url in ("rpc_url", "pin_url"))


def test_a_huge_request_is_not_read(net) -> None:
    connection = http.client.HTTPConnection(*door_of(net), timeout=30)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()

    assert connection.getresponse().status == 413
    connection.close()


def test_no_page_is_told_that_it_may_read(net) -> None:
    connection = http.client.HTTPConnection(*door_of(net), timeout=30)
    connection.request("POST", "/", CHAIN_ID)
    headers = connection.getresponse().getheaders()
    connection.close()

    assert not any(name.lower().startswith("access-control") for name, _ in headers)


def test_the_node_itself_is_in_a_folder_of_its_person(net) -> None:
    """It takes everything there."""
    place = Path(net.description["socket"])
    node = behind(net)

    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert node.call("evm_setAutomine", True) is None
    node.close()


@pytest.mark.parametrize(("method", "params"), DRIVES)
def test_what_no_client_needs_stays_outside(net, method: str, params: list[object]) -> None:
    """Alone, and among others, which are answered."""
    alone = ask(net, call(method, *params))
    batch = ask(net, [call("eth_chainId"), call(method, *params, number=2)])

    assert alone["error"]["code"] == -32601
    assert method in alone["error"]["message"]
    by_id = {answer["id"]: answer for answer in batch}
    assert by_id[1]["result"] == hex(31337)
    assert by_id[2] == alone | {"id": 2}


def test_the_door_lets_through_what_both_nodes_have() -> None:
    """All of the embedded node's methods but those that tests use."""
    assert methods.testing is testing
    kept = {
        name
        for name, (function, _) in embedded._METHODS.items()
        if function.__module__ != testing.__name__
    }

    assert kept == METHODS


@pytest.mark.parametrize("method", sorted(METHODS))
def test_what_a_client_needs_is_there(net, method: str) -> None:
    """Whatever it says to a call without parameters, it knows the method."""
    assert ask(net, call(method)).get("error", {}).get("code") != -32601


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{bad", -32700),
        (b"[" * 200_000, -32700),
        (b"\xff\xfe", -32700),
        (b'{"id":NaN}', -32700),
        (b"1", -32600),
        (b"[]", -32600),
        (b"{}", -32600),
        (b'{"method":"eth_chainId"}', -32600),
        (b'{"id":{},"method":"eth_chainId"}', -32600),
        (b'{"id":1.5,"method":"eth_chainId"}', -32600),
        (b'{"id":-1,"method":"eth_chainId"}', -32600),
        (b'{"id":true,"method":"eth_chainId"}', -32600),
        (b'{"id":1,"method":["eth_chainId"]}', -32600),
        (b'{"id":1,"method":"eth_chainId","params":{}}', -32602),
        (b'{"id":1,"method":"eth_call","method":"anvil_reset"}', -32601),
        (b'{"id":1,"method":"__init__"}', -32601),
        (b"[" + b",".join([CHAIN_ID] * 5001) + b"]", -32600),
    ],
)
def test_a_bad_request_has_its_code(net, body: bytes, code: int) -> None:
    """From the door itself: the node never sees it."""
    status, answer = post(door_of(net), body)

    assert status == 200
    assert json.loads(answer)["error"]["code"] == code


@pytest.mark.parametrize("number", [0, 7, "a", "\ud800", 'a"}\n{', None, 2**63])
def test_an_answer_has_its_calls_id(net, number: object) -> None:
    """Whatever a client counts with, also what a careless reader would stumble over."""
    told = ask(net, call("eth_chainId", number=number))

    assert told["id"] == number or told["error"]


def test_a_method_can_not_be_hidden_in_another_field(net) -> None:
    """What goes through has the fields of a call alone."""
    request = {**call("eth_chainId"), "Method": "evm_mine", "extra": [call("evm_mine")]}

    assert ask(net, request) == {"jsonrpc": "2.0", "id": 1, "result": hex(31337)}


def test_a_thousand_calls_go_through_at_once(net) -> None:
    """In the order in which they were asked, and large ones too."""
    told = ask(net, [call("eth_chainId", number=n) for n in range(1000)])
    data = "0x" + "00" * 1_000_000
    large = ask(net, [call("eth_call", {"to": ALL[0].address, "data": data}, "latest")])

    assert [answer["id"] for answer in told] == list(range(1000))
    assert large[0]["id"] == 1


def test_an_anvil_listens_where_nobody_gets_to() -> None:
    """Where the system lets it; else at a port that browsers leave alone."""
    host, port = nodes.out_of_reach()

    assert (host, port) == ("224.0.0.1", 0) or port in nodes._BLOCKED
    if host == "224.0.0.1":
        with socket.create_server((host, 0)) as hidden:
            for wanted in (host, "127.0.0.1", "0.0.0.0"):
                place = (wanted, hidden.getsockname()[1])
                with pytest.raises(OSError, match=r"unreachable|refused"):
                    socket.create_connection(place, timeout=5)
