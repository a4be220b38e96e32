"""The codec: what is sent is what was meant, and what comes back is a value or an error."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.chain._web3 import eth_abi, eth_utils
from ogpu_jupyter.chain.contracts import (
    CONTRACTS,
    CONTROLLER,
    NEXUS,
    PANICS,
    RESPONSE,
    SOURCE,
    TASK,
    VAULT,
    Contract,
    Revert,
    checksum,
    decode_revert,
)
from ogpu_jupyter.errors import AddressError, RpcError

ONE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # from EIP-55
TWO = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"


def word(number: int) -> str:
    return f"{number:064x}"


def hexed(types: list[str], values: list) -> str:
    return "0x" + eth_abi.abi.encode(types, values).hex()


# --- calls -----------------------------------------------------------------------------


def test_call_data_is_selector_and_arguments():
    """As any other encoder of the published ABI gives it."""
    assert VAULT.encode("getBalanceOf", ONE) == "0x9b96eece" + word(int(ONE, 16))


def test_a_struct_is_given_by_its_names_or_in_order():
    by_name = {"payment": 4, "source": ONE, "config": "é", "expiryTime": 3}

    assert CONTROLLER.encode("publishTask", by_name) == CONTROLLER.encode(
        "publishTask", (ONE, "é", 3, 4)
    )
    assert CONTROLLER.decode_input(CONTROLLER.encode("publishTask", by_name)) == (
        "publishTask",
        {"_taskParams": by_name},
    )


@pytest.mark.parametrize("data", ["", "0x", "0x12345678", "nonsense"])
def test_input_of_another_contract_is_none(data):
    assert CONTROLLER.decode_input(data) is None


def test_a_call_names_its_block():
    assert TASK.call(ONE, "getStatus").rpc.params == (
        {"to": ONE, "data": TASK.encode("getStatus")},
        "latest",
    )
    assert TASK.call(ONE, "getStatus", block=255).rpc.params[1] == "0xff"


@given(st.text(max_size=50), st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1))
def test_a_struct_comes_back_by_its_names(config, expires, payment):
    values = (ONE.lower(), config, expires, payment)
    answer = hexed(["(address,string,uint256,uint256)"], [values])[66:]  # as four outputs

    assert TASK.call(ONE, "taskParams").decode("0x" + answer) == {
        "source": ONE,
        "config": config,
        "expiryTime": expires,
        "payment": payment,
    }


def test_a_single_struct_and_a_list_of_addresses():
    response = (ONE, TWO, "https://gateway/ipfs/Qm", 7)
    answer = hexed(["(address,address,string,uint256)"], [response])

    assert RESPONSE.call(ONE, "getResponseParams").decode(answer) == {
        "task": ONE,
        "provider": TWO,
        "data": "https://gateway/ipfs/Qm",
        "payment": 7,
    }
    assert NEXUS.call(ONE, "getSources", 0, 1).decode(hexed(["address[]"], [[TWO, ONE]])) == [
        TWO,
        ONE,
    ]


def test_a_string_that_is_not_utf8_is_shown_as_such():
    """A provider stores what it likes: it must not make the rest unreadable."""
    answer = hexed(["(address,address,bytes,uint256)"], [(ONE, TWO, b"\xff\xfeok", 7)])

    found = RESPONSE.call(ONE, "getResponseParams").decode(answer)

    assert found["data"] == "\ufffd\ufffdok"
    assert found["payment"] == 7


@pytest.mark.parametrize(
    "answer",
    ["0x", "0x00", "0x" + word(1), "0x" + word(2**255), "0x" + word(0x20) + word(2**200)],
)
def test_an_answer_of_another_shape_says_what_is_not_there(answer):
    """An account without code answers with nothing."""
    with pytest.raises(AddressError) as caught:
        RESPONSE.call(ONE, "getResponseParams").decode(answer)

    assert caught.value.what == f"There is no Response at {ONE}."


@pytest.mark.parametrize("answer", [None, 5, [], {}, "", "0x1", "0xzz", "abcd", True])
def test_an_answer_that_is_not_data_is_an_rpc_error(answer):
    with pytest.raises(RpcError):
        TASK.call(ONE, "getStatus").decode(answer)


def test_an_error_in_a_batch_is_raised_where_it_is_decoded():
    error = RpcError("no", code=3)

    with pytest.raises(RpcError) as caught:
        TASK.call(ONE, "getStatus").decode(error)

    assert caught.value is error


@given(st.binary(max_size=300))
def test_no_bytes_break_the_decoder(data):
    """Each is a value or a typed error, for every shape of output."""
    reads = [
        TASK.call(ONE, "taskParams"),
        SOURCE.call(ONE, "getSourceParams"),
        NEXUS.call(ONE, "getSources", 0, 1),
        TASK.call(ONE, "getStatus"),
    ]
    for read in reads:
        with suppress(AddressError):
            read.decode("0x" + data.hex())


# --- events ----------------------------------------------------------------------------


def log(**changes) -> dict:
    raw = {
        "address": ONE.lower(),
        "topics": [NEXUS.topics["Attempted"]],
        "data": hexed(["address", "address", "uint256"], [ONE, TWO, 5]),
        "blockNumber": "0x10",
        "blockHash": "0x" + "ab" * 32,
        "transactionHash": "0x" + "CD" * 32,
        "logIndex": "0x2",
        "removed": False,
    }
    return raw | changes


def test_an_event_is_told_with_its_place():
    found = NEXUS.decode_log(log(removed=True))

    assert (found.name, found.args) == (
        "Attempted",
        {"task": ONE, "provider": TWO, "suggestedPayment": 5},
    )
    assert (found.address, found.block, found.index) == (ONE, 16, 2)
    assert (found.block_hash, found.tx_hash) == ("0x" + "ab" * 32, "0x" + "cd" * 32)
    assert found.removed


def test_indexed_arguments_are_read_from_the_topics():
    topics = [NEXUS.topics["OwnershipTransferred"], "0x" + word(0), "0x" + word(int(TWO, 16))]
    found = NEXUS.decode_log(log(topics=topics, data="0x"))

    assert found.args == {"previousOwner": "0x" + "0" * 40, "newOwner": TWO}


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "0x",
        {},
        log(topics=[]),
        log(topics=None),
        log(topics=[5]),
        log(topics=["0x" + "00" * 32]),
        log(topics=[NEXUS.topics["OwnershipTransferred"]]),
        log(topics=[NEXUS.topics["Attempted"]] * 2),
        log(data="0x"),
        log(data=None),
        log(data="0x12"),
        log(address="0x12"),
        log(address=7),
        log(blockNumber=None),
        log(blockNumber=16),
        log(blockHash="0x12"),
        log(transactionHash=None),
        log(logIndex="two"),
    ],
)
def test_what_is_not_an_event_of_ours_is_none(raw):
    """A pending log, a stranger's, or a broken one: never an exception in the follower."""
    assert NEXUS.decode_log(raw) is None


def test_every_event_of_the_interface_has_its_topic():
    """As the ABI files have them: the topics are those of the signatures."""
    assert (
        NEXUS.topics["TaskPublished"]
        == "0x" + eth_utils.crypto.keccak(text="TaskPublished(address,address)").hex()
    )
    assert (
        NEXUS.topics["SourceUpdated"]
        == "0x"
        + eth_utils.crypto.keccak(
            text="SourceUpdated(address,(address,string,uint8,uint256,uint256,uint256,bool,string,"
            "uint8,uint256))"
        ).hex()
    )


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_no_name_hides_another(contract: Contract):
    """Functions, events and errors are found by name: an overload would be lost."""
    abi = json.loads((files("ogpu_jupyter.chain") / "abi" / f"{contract.name}.json").read_text())
    for kind, held in (
        ("function", contract.functions),
        ("event", contract.topics),
        ("error", contract.errors),
    ):
        assert len(held) == sum(item["type"] == kind for item in abi)


# --- reverts ---------------------------------------------------------------------------


@pytest.mark.parametrize("code", [*PANICS, 0x99])
def test_panics_are_told_in_words(code):
    found = decode_revert("0x4e487b71" + word(code))

    assert (found.name, found.args) == ("Panic", {"code": code})
    assert str(found) == f"Panic 0x{code:02x}, {PANICS.get(code, 'of an unknown kind')}"


def test_a_revert_string_is_the_name():
    data = "0x08c379a0" + hexed(["string"], ["SourceInactive"])[2:]

    assert decode_revert(data) == Revert("SourceInactive")
    assert str(decode_revert(data)) == "SourceInactive"


@pytest.mark.parametrize(
    ("contract", "error"),
    [(c, e) for c in CONTRACTS for e in c.errors.values()],
    ids=lambda value: getattr(value, "name", ""),
)
def test_every_custom_error_is_named(contract, error):
    """None of the interface is shown as hex."""
    values = {"address": TWO, "bytes32": b"\x07" * 32}
    types = [part["type"] for part in error.inputs]
    data = "0x" + (error.selector + eth_abi.abi.encode(types, [values[t] for t in types])).hex()

    found = decode_revert(data)

    assert found.name == error.name
    assert list(found.args) == [part["name"] for part in error.inputs]
    assert error.name in str(found)


def test_an_error_shows_its_arguments():
    data = "0x118cdaa7" + word(int(TWO, 16))

    assert str(decode_revert(data)) == f"OwnableUnauthorizedAccount(account={TWO})"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("0x", ""),
        (None, ""),
        (5, ""),
        ("reverted", ""),
        ("0x08c379a0", "0x08c379a0"),
        ("0x08c379a0" + word(2**255), "0x08c379a0" + word(2**255)),
        ("0x4e487b71", "0x4e487b71"),
        ("0x12345678" + word(1), "0x12345678" + word(1)),
        ("0x12", "0x12"),
    ],
)
def test_what_is_unknown_is_shown_as_it_is(data, name):
    assert decode_revert(data) == Revert(name)


@given(st.binary(max_size=200), st.sampled_from(["", "08c379a0", "4e487b71", "118cdaa7"]))
def test_no_data_breaks_the_reading_of_reverts(data, selector):
    text = str(decode_revert("0x" + selector + data.hex()))

    assert "\n" not in text
    assert len(text) <= 300


def test_a_long_reason_is_cut():
    """It is a stranger's text: one line, no control characters, and an end."""
    data = "0x08c379a0" + hexed(["string"], ["a\nb\x1b[2J" + "x" * 10_000])[2:]

    assert decode_revert(data).name == "a b [2J" + "x" * 193 + "…"


# --- addresses -------------------------------------------------------------------------


@pytest.mark.parametrize("text", [ONE, ONE.lower(), "0x" + ONE[2:].upper(), f" {ONE}\n"])
def test_addresses_get_their_checksum(text):
    assert checksum(text) == ONE


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            ONE[:-1] + "D",
            f"{ONE[:-1]}D has a wrong checksum: one of its characters is not as it was.",
        ),
        (ONE[:-1], "That is not an address: it has 39 hex digits after 0x, not 40."),
        (ONE[2:], "That is not an address: it doesn't begin with 0x."),
        ("chat", "'chat' is not an address."),
        ("", "'' is not an address."),
        (7, "An address is text, not int."),
        (None, "An address is text, not NoneType."),
        (ONE[:-1] + "g", f"'{ONE[:-1]}g' is not an address."),
    ],
)
def test_what_is_no_address_is_told(text, what):
    with pytest.raises(AddressError) as caught:
        checksum(text)

    assert caught.value.what == what


@pytest.mark.parametrize("key", ["0x" + "ca11ab1e" * 8, "ca11ab1e" * 8])
def test_a_key_in_an_address_place_is_not_shown(key):
    with pytest.raises(AddressError) as caught:
        checksum(key)

    assert "ca11ab1e" not in str(caught.value)


@given(st.text())
def test_any_text_is_an_address_or_an_address_error(text):
    with pytest.raises(AddressError):
        checksum(text + "?")
