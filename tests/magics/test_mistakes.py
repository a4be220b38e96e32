"""Every mistake of a new user: the whole text it gets, the cell stopped, nothing spent."""

from __future__ import annotations

import dataclasses
import re
import socket
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

import ogpu_jupyter
from ogpu_jupyter.errors import NOTHING_SPENT, OgpuError
from ogpu_jupyter.units import format_time, parse_amount
from tests.helpers import ROOT, funded_account
from tests.market import Hand, Publisher

if TYPE_CHECKING:
    from collections.abc import Callable

CHAT = "%%ogpu_task text2text text2text --template chat"
SPENT = f"\n{NOTHING_SPENT}\n"


@pytest.fixture
def market(session, shell):
    """A session whose vault holds 1 OGPU, in a shell with the magics."""
    session.deposit("1")
    return session


@pytest.fixture
def fails(shell, capsys) -> Callable[[str], str]:
    """Run a cell that must stop; what the person reads."""

    def run_cell(source: str) -> str:
        capsys.readouterr()
        shell.user_ns["reached"] = False
        rest = "" if source.startswith("%%") else "\nreached = True"
        outcome = shell.run_cell(source + rest, store_history=False)
        assert isinstance(outcome.error_in_exec, OgpuError)
        assert not shell.user_ns["reached"]
        return capsys.readouterr().out.rstrip("\n")

    return run_cell


def spent_nothing(session, before) -> bool:
    fresh = session.balance()
    return (fresh.wallet, fresh.vault) == (before.wallet, before.vault) and session.spent == 0


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Without any network


@pytest.mark.parametrize(
    "cell",
    [
        "%ogpu status",
        "%ogpu deposit 1",
        "%ogpu withdraw 1",
        "%ogpu sources",
        "%ogpu source text2text",
        "%ogpu use text2text --as chat",
        "%ogpu show #1",
        "%ogpu confirm #1",
        "%ogpu cancel #1",
        "%ogpu wait #1",
        f"{CHAT}\nHello",
        f"{CHAT} --dry-run\nHello",
        "import ogpu_jupyter\nogpu_jupyter.publish('text2text', 'text2text', {})",
    ],
)
def test_no_network_is_connected(fails, cell: str) -> None:
    assert fails(cell) == (
        "NotConnected: No network is connected."
        f"{SPENT}"
        "Type `%ogpu connect local` for a network on this machine, or `%ogpu connect testnet`."
    )


def test_the_extra_is_not_installed() -> None:
    """In an environment where neither Pillow nor py-evm can be found."""
    program = """
    import sys
    from importlib.machinery import PathFinder
    class Bare(PathFinder):
        @classmethod
        def find_spec(cls, name, path=None, target=None):
            if name.partition(".")[0] not in {"PIL", "eth"}:
                return PathFinder.find_spec(name, path, target)
    sys.meta_path[:] = [Bare if finder is PathFinder else finder for finder in sys.meta_path]
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance(colors="nocolor")
    shell.run_cell("%load_ext ogpu_jupyter")
    shell.run_cell("%ogpu connect local")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    assert done.stdout.strip() == (
        "MissingExtra: The local network needs the extra `local`, which is not installed."
        f"{SPENT}"
        'Type `%pip install "ogpu-jupyter[local]"`, then restart the kernel.'
    ), done.stderr


def test_there_is_no_key(fails) -> None:
    assert fails("%ogpu connect testnet") == (
        "AccountError: There is no key: CLIENT_PRIVATE_KEY is not set.\n"
        "Nothing was spent.\n"
        "Set the environment variable CLIENT_PRIVATE_KEY before the kernel starts, or give an "
        "`eth_account` account: `ogpu_jupyter.connect(network, account=…)`."
    )


def test_the_key_is_no_key(fails, monkeypatch) -> None:
    monkeypatch.setenv("CLIENT_PRIVATE_KEY", "not-a-key-but-secret")

    text = fails("%ogpu connect testnet")

    assert text.startswith("AccountError: ")
    assert "secret" not in text


def test_the_account_is_none(fails, shell) -> None:
    shell.user_ns["wallet"] = object()

    text = fails("%ogpu connect testnet --account wallet")

    assert text.startswith("AccountError: ")
    assert "`wallet`" in fails("%ogpu connect testnet --account walet")


def test_there_is_no_such_network(fails) -> None:
    assert fails("%ogpu connect tesnet") == (
        "UnknownName: There is no network 'tesnet'."
        f"{SPENT}"
        "Type `%ogpu connect local`, `testnet`, `mainnet`, or an RPC URL."
    )


def test_an_option_of_the_local_network_is_for_it_alone(fails) -> None:
    assert fails("%ogpu connect testnet --block-time 1s") == (
        f"InputError: `--block-time` is for `%ogpu connect local`.{SPENT}Leave `--block-time` away."
    )


def test_a_name_is_missing(fails) -> None:
    assert fails("%ogpu use text2text") == (
        "InputError: `%ogpu use` needs a name for the source."
        f"{SPENT}"
        "Type `%ogpu use text2text --as NAME`."
    )


def test_a_model_is_none(fails, shell) -> None:
    shell.user_ns["Reply"] = dict

    assert fails(f"{CHAT} --model Reply\nHello") == (
        f"InputError: `Reply` is not a pydantic model.{SPENT}Make it a class that is a BaseModel."
    )


def test_timeout_without_wait(fails) -> None:
    assert fails(f"{CHAT} --timeout 5m\nHello") == (
        "InputError: `--timeout` is how long `--wait` waits."
        f"{SPENT}"
        "Add `--wait`, or leave `--timeout` away."
    )


# On a network


def test_the_node_speaks_for_another_chain(localnet, account, fails, shell) -> None:
    shell.user_ns["wallet"] = account
    shell.user_ns["elsewhere"] = dataclasses.replace(localnet.network, name="testnet", chain_id=7)

    text = fails("import ogpu_jupyter\nogpu_jupyter.connect(elsewhere, account=wallet)")

    assert text == (
        f"WrongChain: The node at {localnet.network.rpc_url} speaks for chain 31337; "
        "testnet is chain 7."
        f"{SPENT}"
        "Connect to a node of that network."
    )


CELLS = [
    (
        "%%ogpu_task text2txt text2text --template chat\nHello",
        (f"UnknownName: There is no source 'text2txt' on local.{SPENT}Did you mean 'text2text'?"),
    ),
    (
        "%%ogpu_task zzz f\na: 1",
        (
            "UnknownName: There is no source 'zzz' on local."
            f"{SPENT}"
            "Type `%ogpu sources` to see them all."
        ),
    ),
    (
        "%%ogpu_task 0x12 f\na: 1",
        (
            "AddressError: That is not an address: it has 2 hex digits after 0x, not 40."
            f"{SPENT}"
            "An address is 0x and 40 hex digits; `%ogpu sources` shows those of sources."
        ),
    ),
    (
        "%%ogpu_task 0x000000000000000000000000000000000000dEaD f\na: 1",
        (
            "AddressError: There is no source at "
            "0x000000000000000000000000000000000000dEaD on local."
            f"{SPENT}"
            "Type `%ogpu sources` to see those that there are."
        ),
    ),
    (
        f"{CHAT} --pay 0.0001\nHello",
        (
            "AmountError: The payment of 0.0001 OGPU is below the source's minimum of 0.001 OGPU."
            f"{SPENT}"
            "Type `--pay 0.001`, or leave `--pay` away."
        ),
    ),
    (
        f"{CHAT} --pay cheap\nHello",
        (
            "AmountError: 'cheap' is not an amount."
            f"{SPENT}"
            "Type an amount of OGPU such as 0.01, or one with a unit: 5gwei, 1000wei."
        ),
    ),
    (
        f"{CHAT} --expires 86400\nHello",
        (
            "ExpiryError: 86400 has no unit. Taken as a time it is 1970-01-02 00:00 UTC, long past."
            f"{SPENT}"
            "Type a duration such as 90s, 10m or 2h, or a time with a zone."
        ),
    ),
    (
        f"{CHAT} --expires 2d\nHello",
        (
            "ExpiryError: The expiry is 2 d away; the source takes at most 1 d."
            f"{SPENT}"
            "Type `--expires 1d`, or less."
        ),
    ),
    (
        f"{CHAT} --expires soon\nHello",
        (
            "ExpiryError: 'soon' is not a time."
            f"{SPENT}"
            "Type a duration such as 90s, 10m or 2h, or a time with a zone."
        ),
    ),
    (
        f"{CHAT} --expires 2030-01-01T00:00\nHello",
        (
            "ExpiryError: '2030-01-01T00:00' has no time zone."
            f"{SPENT}"
            "Type it with one: 2030-01-01T00:00Z, or 2030-01-01T00:00+02:00."
        ),
    ),
    (
        f"{CHAT} --pay 2\nHello",
        (
            "VaultBalanceLow: The vault holds 1 OGPU; this task pays 2 OGPU."
            f"{SPENT}"
            "Type `%ogpu deposit 1`."
        ),
    ),
    (
        "%%ogpu_task text2text text2text --dryrun\nprompt: Hello",
        (
            "UnknownName: `--dryrun` is not an option of `%%ogpu_task`."
            f"{SPENT}"
            "Did you mean `--dry-run`?"
        ),
    ),
    (
        (
            '%%ogpu_task text2text text2text\n{"messages": [\n  {"role": "user" '
            '"content": "Hello"}\n]}'
        ),
        (
            "BodyError: The body is not JSON: expecting ',' delimiter, in line 2 of the body, "
            "column 19.\n"
            '      {"role": "user" "content": "Hello"}\n'
            "                      ^"
            f"{SPENT}"
            "For YAML begin with a key, as in `prompt: …`; for Python add `--python`."
        ),
    ),
    (
        "%%ogpu_task text2image text2image\nprompt: a house\n  size: 3",
        (
            "BodyError: The body is not YAML that can be sent: mapping values are "
            "not allowed here, "
            "in line 2 of the body, column 7.\n"
            "      size: 3\n"
            "          ^"
            f"{SPENT}"
            "Quote a text that holds a colon; for text alone add `--template chat`."
        ),
    ),
    (
        "%%ogpu_task text2text text2text\nHello",
        (
            "BodyError: The data is text; a task takes an object."
            f"{SPENT}"
            "For text alone add `--template chat`, or write `name: …` before it."
        ),
    ),
    (
        "%%ogpu_task describe describe\nrows: {{ messurements }}",
        (
            "UnknownName: The variable `messurements` is not known in this notebook."
            f"{SPENT}"
            "Did you mean `measurements`?"
        ),
    ),
    (
        "%%ogpu_task describe describe --vars nothing\na: 1",
        (
            "UnknownName: The variable `nothing` is not known in this notebook."
            f"{SPENT}"
            "Run the cell that makes `nothing` first."
        ),
    ),
    (
        "%%ogpu_task text2text text2text\n{\u201cmessages\u201d: []}",
        (
            "BodyError: The body is not JSON: \u201c is a typographic quote, "
            "in line 1 of the body, column 2.\n"
            "    {\u201cmessages\u201d: []}\n"
            "     ^"
            f"{SPENT}"
            "Type straight quotes in place of typographic ones."
        ),
    ),
    (
        '%%ogpu_task text2text text2text\n{"prompt\u201d: "a house"}',
        (
            "BodyError: The body is not JSON: \u201d is a typographic quote, "
            "in line 1 of the body, column 9.\n"
            '    {"prompt\u201d: "a house"}\n'
            "            ^"
            f"{SPENT}"
            "Type straight quotes in place of typographic ones."
        ),
    ),
    (
        "%%ogpu_task text2text text2text\n\u201cprompt\u201d: a house",
        (
            "BodyError: The body is not YAML that can be sent: \u201c is a typographic quote, "
            "in line 1 of the body, column 1.\n"
            "    \u201cprompt\u201d: a house\n"
            "    ^"
            f"{SPENT}"
            "Type straight quotes in place of typographic ones."
        ),
    ),
    (
        "%%ogpu_task text2text text2text --extra who=\u201cme and you\u201d\na: 1",
        (
            "InputError: The word `who=\u201cme` has the typographic quote \u201c, which holds no "
            "words together."
            f"{SPENT}"
            'Type `"` in its place; a word in straight quotes is taken as it is.'
        ),
    ),
    (
        '%%ogpu_task text2text text2text\n{"messages": [\n  {"role": "user"\n]}',
        (
            "BodyError: The body is not JSON: the `{` is never closed, in line 2 of the body, "
            "column 3.\n"
            '      {"role": "user"\n'
            "      ^"
            f"{SPENT}"
            "Type `}` where it ends."
        ),
    ),
    (
        '%%ogpu_task text2text text2text\n{"messages": [{"role": "user"}]',
        (
            "BodyError: The body is not JSON: the `{` is never closed, in line 1 of the body, "
            "column 1.\n"
            '    {"messages": [{"role": "user"}]\n'
            "    ^"
            f"{SPENT}"
            "Type `}` where it ends."
        ),
    ),
    (
        '%%ogpu_task text2text text2text\nmessages: {"role": "user"',
        (
            "BodyError: The body is not YAML that can be sent: the `{` is never closed, "
            "in line 1 of the body, column 11.\n"
            '    messages: {"role": "user"\n'
            "              ^"
            f"{SPENT}"
            "Type `}` where it ends."
        ),
    ),
    (
        f"{CHAT} --as my task\nHello",
        (
            "InputError: A name has no spaces: `my task` after `--as` is 2 words."
            f"{SPENT}"
            "Type `--as my_task`."
        ),
    ),
    (
        f'{CHAT} --as "my task"\nHello',
        (
            "InputError: A name has no spaces: `my task` after `--as` is 2 words."
            f"{SPENT}"
            "Type `--as my_task`."
        ),
    ),
    (
        "%ogpu confirm nothing",
        (
            "UnknownName: There is no task 'nothing' in the journal of local, and it is not the "
            "address of a response."
            f"{SPENT}"
            "Type `%ogpu tasks` to see the tasks, or a response's whole address."
        ),
    ),
    (
        "%ogpu show #99",
        (
            "UnknownName: There is no task '#99' in the journal of local."
            f"{SPENT}"
            "Type `%ogpu tasks` to see them, or a task's whole address."
        ),
    ),
]


@pytest.mark.parametrize(
    ("cell", "text"), CELLS, ids=[cell.replace("\n", " ")[:60] for cell, _ in CELLS]
)
def test_what_was_typed_cannot_be_meant(market, shell, fails, cell: str, text: str) -> None:
    shell.user_ns["measurements"] = [{"a": 1}]
    before = market.balance()

    assert fails(cell) == text.rstrip("\n")
    assert spent_nothing(market, before)
    assert market.journal.tasks(market.network_id) == []


CHECKED = [
    (
        "%%ogpu_task text2text text2txt --template chat\nHello",
        (
            "UnknownName: The source text2text has no function 'text2txt'. It has: text2text."
            f"{SPENT}"
            "Did you mean `text2text`? "
            "`--unchecked` (in Python: unchecked=True) publishes it all the same."
        ),
    ),
    (
        "%ogpu_task text2text text2text",
        (
            "InputError: The data is not what the function text2text of text2text takes:\n"
            "  messages is missing: Field required."
            f"{SPENT}"
            "`%ogpu form text2text text2text` shows what it takes; "
            "`--unchecked` (in Python: unchecked=True) publishes the data as it is."
        ),
    ),
    (
        '%%ogpu_task text2text text2text\n{"messages": "hi"}',
        (
            "InputError: The data is not what the function text2text of text2text takes:\n"
            "  messages is 'hi': Input should be a valid array."
            f"{SPENT}"
            "`%ogpu form text2text text2text` shows what it takes; "
            "`--unchecked` (in Python: unchecked=True) publishes the data as it is."
        ),
    ),
    (
        (
            "%%ogpu_task text2text text2text --dry-run\n"
            '{"messages": [{"role": "robot", "content": "hi"}]}'
        ),
        (
            "InputError: The data is not what the function text2text of text2text takes:\n"
            "  messages[0].role is 'robot': Input should be 'system', 'user' or 'assistant'."
            f"{SPENT}"
            "`%ogpu form text2text text2text` shows what it takes; "
            "`--unchecked` (in Python: unchecked=True) publishes the data as it is."
        ),
    ),
    (
        "%%ogpu_task inference inference\ninput:\n  image: C:\\Users\\me\\pic.png\nargs: {}",
        (
            "InputError: The data is not what the function inference of inference takes:\n"
            "  input.image is 'C:\\Users\\me\\pic.png': This should be base64, the content "
            "of a file and not its name."
            f"{SPENT}"
            "`%ogpu form inference inference` shows what it takes; "
            "`--unchecked` (in Python: unchecked=True) publishes the data as it is."
        ),
    ),
    (
        (
            "%%ogpu_task inference inference\ninput: C:\\Users\\me\\pic.png\n"
            "args: {task: object-detection}"
        ),
        (
            "InputError: The data is not what the function inference of inference takes:\n"
            "  Input is 'C:\\\\Users\\\\me\\\\pic.png': This should be base64, the content of a "
            "file and not its name."
            f"{SPENT}"
            "`%ogpu form inference inference` shows what it takes; "
            "`--unchecked` (in Python: unchecked=True) publishes the data as it is."
        ),
    ),
]


@pytest.mark.parametrize(
    ("cell", "text"), CHECKED, ids=[cell.replace("\n", " ")[:60] for cell, _ in CHECKED]
)
def test_what_the_source_would_not_take(market, fails, cell: str, text: str) -> None:
    """No provider could answer it: it is told before it is paid."""
    before = market.balance()

    assert fails(cell) == text
    assert spent_nothing(market, before)
    assert market.journal.tasks(market.network_id) == []


def test_unchecked_goes_past_what_the_source_says(market, shell) -> None:
    shell.run_cell('%%ogpu_task text2text text2txt --unchecked --as odd\n{"messages": "hi"}')

    assert shell.user_ns["odd"].record.function == "text2txt"
    assert shell.user_ns["odd"].payload["data"] == {"messages": "hi"}


@pytest.mark.parametrize("command", ["show", "confirm", "cancel", "wait"])
def test_a_word_that_may_mean_several_tasks_means_none(market, fails, command: str) -> None:
    """No command acts on one of them by chance."""
    prefix = "0x77aa"
    for number in range(2):
        task = market.publish("sleep", "sleep", {"seconds": 0}, name=f"t{number}")
        market.wait(task, timeout=60)
        market.journal.update(task.record.key, address=f"{prefix}{number}{task.address[7:]}")
    first, second = reversed(market.journal.tasks(market.network_id))
    before = market.balance()

    assert fails(f"%ogpu {command} {prefix}") == (
        f"UnknownName: '{prefix}' may be any of 2 tasks:\n"
        f"  #{second.key} {second.address}: sleep, finalized\n"
        f"  #{first.key} {first.address}: sleep, finalized"
        f"{SPENT}"
        f"Type more of its address, or its number: `#{second.key}`."
    )
    assert market.balance() == before


def test_an_expiry_in_the_past(market, fails) -> None:
    before = market.balance()

    text = fails(f"{CHAT} --expires 2020-01-01T00:00Z\nHello")

    clock = re.search(r"it is (\S+ \S+ UTC)\.", text)[1]
    assert text == (
        f"ExpiryError: The expiry 2020-01-01 00:00:00 UTC is in the past; on the chain's clock "
        f"it is {clock}."
        f"{SPENT}"
        "Type a duration from now: `--expires 10m`."
    )
    assert clock[:10] in {format_time(market.chain_time() + d)[:10] for d in (-60, 0, 60)}
    assert spent_nothing(market, before)


def test_a_source_that_is_inactive(market, localnet, fails) -> None:
    publisher = Publisher(localnet)
    source = publisher.publish_source()
    publisher.inactivate(source)
    before = market.balance()

    assert fails(f"%%ogpu_task {source} f\na: 1") == (
        f"SourceInactive: The source {source} is inactive: it takes no tasks."
        f"{SPENT}"
        "Type `%ogpu sources` to see those that are active."
    )
    assert spent_nothing(market, before)


def test_an_empty_vault(session, shell, fails) -> None:
    before = session.balance()

    assert fails(f"{CHAT}\nHello") == (
        "VaultBalanceLow: The vault holds 0 OGPU; this task pays 0.001 OGPU."
        f"{SPENT}"
        "Type `%ogpu deposit 0.001`."
    )
    assert spent_nothing(session, before)


def test_no_gas(localnet, shell, fails, tmp_path) -> None:
    """The vault is full, and the account itself has nothing."""
    from ogpu_jupyter.chain._web3 import eth_account
    from ogpu_jupyter.chain.contracts import VAULT

    poor = eth_account.Account.create()
    giver = Hand(localnet)
    giver.call(VAULT, localnet.network.vault, "deposit", poor.address, value=10**18)
    session = ogpu_jupyter.connect(localnet.network, poor, tmp_path / "journal.sqlite3")
    try:
        text = fails(f"{CHAT}\nHello")

        assert re.fullmatch(
            rf"GasBalanceLow: The account {poor.address} holds 0 OGPU; this transaction may need "
            rf"(\S+ \S+)\.{SPENT}Send at least \1 to {poor.address}\.",
            text,
        )
        assert session.balance().vault == 10**18
    finally:
        session.close()


def test_the_gateway_is_gone(localnet, shell, fails, tmp_path) -> None:
    gone = f"http://127.0.0.1:{closed_port()}"
    network = dataclasses.replace(
        localnet.network, pin_url=f"{gone}/file/create", gateway_url=f"{gone}/ipfs"
    )
    account = funded_account(localnet)
    session = ogpu_jupyter.connect(network, account, tmp_path / "journal.sqlite3")
    try:
        session.deposit("1")
        before = session.balance()

        text = fails(f"%%ogpu_task {localnet.services['text2text']} f\na: 1")

        assert text == (
            f"GatewayUnavailable: The pinning service {gone}/file/create could not be reached: "
            "the connection was refused.\n"
            "Nothing was published, and nothing was spent.\n"
            "Run the cell again when it is back."
        )
        assert spent_nothing(session, before)
    finally:
        session.close()


@pytest.mark.anvil
def test_the_node_is_gone(anvil_path, shell, fails, tmp_path, monkeypatch) -> None:
    from ogpu_jupyter import localnet

    monkeypatch.setenv("OGPU_ANVIL", str(anvil_path))
    with localnet.start(node="anvil") as net:
        session = ogpu_jupyter.connect(net.network, funded_account(net), tmp_path / "j.sqlite3")
    try:
        text = fails(f"{CHAT}\nHello")

        assert text == (
            f"NodeUnavailable: The node at {net.network.rpc_url} doesn't answer: connection "
            "refused.\n"
            "Nothing was spent.\n"
            "Type `%ogpu status` to ask it again, or `%ogpu connect <network>` for another."
        )
        assert session.journal.tasks(session.network_id) == []
        assert parse_amount("0") == session.spent
    finally:
        session.close()
