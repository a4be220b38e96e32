"""The one stateful object of a kernel: what it is connected to.

`connect` makes a session and makes it the kernel's; `publish` uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import localnet
from .chain.client import Client
from .chain.networks import KNOWN, Network
from .chain.rpc import Rpc
from .chain.transactions import Signer, resolve_account
from .errors import NotConnected, UnknownName
from .journal import Journal
from .session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from .handle import Task

_current: Session | None = None


def current() -> Session:
    """The kernel's session, or `NotConnected`."""
    if _current is None or _current.closed:
        raise NotConnected
    return _current


def connect(
    network: Network | str, account: object = None, journal: Journal | Path | None = None
) -> Session:
    """Connect this kernel: to a `Network`, or to `local`, `testnet`, `mainnet`, an RPC URL.

    `account` is an eth_account account, or anything with an `address` that can
    `sign_transaction`; by default the key in `CLIENT_PRIVATE_KEY`, and on the local
    network that network's first funded account. Connecting to what the kernel is
    connected to already gives the same session.
    """
    global _current  # noqa: PLW0603 - the one stateful object of a kernel
    net, local = _resolve(network)
    signer = _signer(local, account)
    path = journal.path if isinstance(journal, Journal) else journal
    if _current is not None and _current.serves(net, signer.address, path):
        return _current
    kept = journal if isinstance(journal, Journal) else Journal(journal)
    _current = Session(net, signer, kept, local)
    return _current


def publish(source: object, function: str, data: Any, **options: Any) -> Task:
    """`Session.publish` of the kernel's session."""
    return current().publish(source, function, data, **options)


def publish_task(task_info: Any, **options: Any) -> Task:
    """Publish a `TaskInfo`, ours or the official SDK's, with the kernel's session."""
    return current().publish_info(task_info, **options)


def _resolve(network: Network | str) -> tuple[Network, localnet.LocalNet | None]:
    if isinstance(network, Network):
        return network, next((n for n in localnet.running() if n.network == network), None)
    if network == "local":
        local = next(iter(localnet.running()), None) or localnet.start()
        return local.network, local
    if network in KNOWN:
        return KNOWN[network], None
    if network.startswith(("http://", "https://")):
        return _by_url(network)
    raise UnknownName(
        f"There is no network {network!r}.",
        hint="Type `%ogpu connect local`, `testnet`, `mainnet`, or an RPC URL.",
    )


def _by_url(url: str) -> tuple[Network, localnet.LocalNet | None]:
    """The network whose chain the node at `url` speaks for."""
    local = next((n for n in localnet.running() if n.network.rpc_url == url), None)
    if local:
        return local.network, local
    chain_id = Client.chain_id_of(url)
    for known in KNOWN.values():
        if known.chain_id == chain_id:
            return Network(**{**vars(known), "rpc_url": url}), None
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
    return resolve_account(account)
