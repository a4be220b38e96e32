"""The one stateful object of a kernel: what it is connected to.

`connect` makes a session and makes it the kernel's; `publish` uses it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from . import display, histories, localnet, urls
from .accounts import signer_of, stated_address
from .chain.client import Client
from .chain.networks import KNOWN, Network
from .chain.rpc import Rpc
from .errors import InputError, NotConnected, UnknownName
from .journal import Journal
from .session import Session
from .spending import SETTINGS, Purses

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping
    from pathlib import Path

    from pydantic import BaseModel
    from web3 import Web3

    from .batch import Batch
    from .chain.transactions import Signer
    from .handle import Task
    from .histories import History
    from .transport import Headers
    from .widgets.form import Form

_current: Session | None = None
_purses: Final = Purses()


def current() -> Session:
    """The kernel's session, or `NotConnected`."""
    if _current is None or _current.closed:
        raise NotConnected
    return _current


def connect(
    network: Network | Web3 | str, account: object = None, journal: Journal | Path | None = None
) -> Session:
    """Connect this kernel: to a `Network`, or to `local`, `testnet`, `mainnet`, an RPC URL.

    A `Web3` of your own stands for its provider's URL and headers; nothing else of it is used.

    `account` is an eth_account account, anything with an `address` that can
    `sign_transaction`, or a name: `env:NAME`, `keystore:NAME` or `keystore:PATH`,
    `keyring:NAME`, `colab:NAME`. By default it is `env:CLIENT_PRIVATE_KEY`, and on the local
    network that network's first funded account. Connecting to what the kernel is
    connected to already gives the same session, and asks for no password again.
    """
    global _current  # noqa: PLW0603 - the one stateful object of a kernel
    net, local = _resolve(network)
    path = journal.path if isinstance(journal, Journal) else journal
    stated = stated_address(account)
    if _current is not None and stated and _current.serves(net, stated, path):
        return _current
    signer = _signer(local, account)
    if _current is not None and _current.serves(net, signer.address, path):
        return _current
    kept = journal if isinstance(journal, Journal) else Journal(journal)
    for name, value in display.profile("OgpuMagics").items():
        SETTINGS.suggest(name, value)
    _current = Session(net, signer, kept, local, _purses)
    return _current


def publish(source: object, function: str, data: Any, **options: Any) -> Task:
    """`Session.publish` of the kernel's session."""
    return current().publish(source, function, data, **options)


def publish_many(source: object, function: str, items: Iterable[Any], **options: Any) -> Batch:
    """`Session.publish_many` of the kernel's session."""
    return current().publish_many(source, function, items, **options)


def publish_task(task_info: Any, **options: Any) -> Task:
    """Publish a `TaskInfo`, ours or the official SDK's, with the kernel's session."""
    return current().publish_info(task_info, **options)


def history(**filters: Any) -> History:
    """The tasks of all notebooks, newest first; it needs no network.

    `network` is `all` or a name, by default the one that is connected; `source` a name or an
    address; `status` a word such as `responded`, `paid` or `open`; `text` words that stand in
    a task; `since` a duration back from now; `sort` one of created, payment, fee, status,
    finished, source, function, name, network, notebook, with `:asc` or `:desc`; `limit` a
    number of tasks.
    """
    session = _connected()
    if session is None:
        return histories.history(None, _connected, None, **filters)
    return histories.history(session.journal.path, _connected, session.network_id, **filters)


def form(
    source: object,
    function: str,
    data: Any = None,
    *,
    model: type[BaseModel] | None = None,
    template: str | None = None,
    name: str = "task",
    names: MutableMapping[str, Any] | None = None,
) -> Form:
    """A form for the data of a source's function; show it at the end of a cell.

    Its fields are those of the pydantic `model` or the `template` given, else what the
    source is known to take. `data` is what it is filled with. What is published from it is
    in its `task`, and under `name` in `names`.
    """
    from .forms.origins import shape_of  # noqa: PLC0415 - only for those who want a form
    from .widgets.form import Form  # noqa: PLC0415 - ipywidgets is heavy

    session = current()
    shape = shape_of(session, source, function, model=model, template=template)
    made = Form(session, source, function, shape, name=name, names=names, template=template)
    return made if data is None else made.fill(data)


def _connected() -> Session | None:
    return None if _current is None or _current.closed else _current


def _resolve(network: Network | Web3 | str) -> tuple[Network, localnet.LocalNet | None]:
    if isinstance(network, Network):
        return network, next((n for n in localnet.running() if n.network == network), None)
    if not isinstance(network, str):
        return _by_url(*_node_of(network))
    if network == "local":
        local = next(iter(localnet.running()), None) or localnet.start()
        return local.network, local
    if network in KNOWN:
        return KNOWN[network], None
    if network.startswith(("http://", "https://", "ws://", "wss://")):
        return _by_url(network)
    meant = urls.told(network) if any(sign in network for sign in "/@?") else network
    raise UnknownName(
        f"There is no network {meant!r}.",
        hint="Type `%ogpu connect local`, `testnet`, `mainnet`, or an RPC URL.",
    )


def _node_of(w3: object) -> tuple[str, Headers]:
    """The URL and the headers of a Web3's provider."""
    if not hasattr(w3, "provider"):
        raise InputError(
            f"An object of type {type(w3).__name__} is no network.",
            hint="Give a `Network`, a `Web3`, a name such as 'mainnet', or an RPC URL.",
        )
    from .chain.w3 import node_of  # noqa: PLC0415 - web3 is heavy, and here already

    return node_of(w3.provider)


def _by_url(url: str, headers: Headers = ()) -> tuple[Network, localnet.LocalNet | None]:
    """The network whose chain the node at `url` speaks for."""
    plain = url.replace("ws://", "http://", 1)  # the local node speaks both at one port
    local = next((n for n in localnet.running() if n.network.rpc_url == plain), None)
    if local:
        return replace(local.network, rpc_url=url, rpc_headers=tuple(headers)), local
    chain_id = Client.chain_id_of(url, headers)
    for known in KNOWN.values():
        if known.chain_id == chain_id:
            return replace(known, rpc_url=url, rpc_headers=tuple(headers)), None
    raise UnknownName(
        f"The node at {Rpc(url).where} speaks for chain {chain_id}, "
        "where no OpenGPU contracts are known.",
        hint="In Python: `ogpu_jupyter.connect(Network(…))` with their addresses.",
    )


def _signer(local: localnet.LocalNet | None, account: object) -> Signer:
    """A person's real key is never used on a local network by accident."""
    if account is None and local is not None:
        signer: Signer = local.signer()
        return signer
    return signer_of(account)
