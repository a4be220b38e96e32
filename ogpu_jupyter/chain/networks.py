"""A network is a value. The local one is one more value, made by `localnet`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """Where a market is: its chain, its contracts, its content store.

    `explorer_url` is the address of a web page for a task, without the task's own part;
    empty where there is none. `rpc_urls` are more nodes, for when the first one fails;
    `ws_url` tells of new blocks at once. With `confirmations`, what happens on chain counts
    when its block is that deep.
    """

    name: str
    chain_id: int
    rpc_url: str
    nexus: str
    controller: str
    terminal: str
    vault: str
    pin_url: str
    gateway_url: str
    explorer_url: str = ""
    rpc_urls: tuple[str, ...] = ()
    ws_url: str = ""
    confirmations: int = 1


MAINNET = Network(
    name="mainnet",
    chain_id=1071,
    rpc_url="https://mainnet-rpc.ogpuscan.io",
    nexus="0x2b0cC6058313801D5feb184a539e3a0C5A87a6a1",
    controller="0x8661F4B9c30e07A04d795A192478dfD905625a1D",
    terminal="0xaEBC7b712D38Fc4d841f0732c21B8774339869D3",
    vault="0xa5c582254AA313528898311362bc698b041580cC",
    pin_url="https://capi.ogpuscan.io/file/create",
    gateway_url="https://cipfs.ogpuscan.io/ipfs",
    explorer_url="https://ogpuscan.io/task",
)

TESTNET = Network(
    name="testnet",
    chain_id=200820172034,
    rpc_url="https://testnetrpc.ogpuscan.io",
    nexus="0xF87bb2f3edB991a998992f14d35fE142e6Bb50b1",
    controller="0x9fb6022074Fd7Bdb429de0776eb693cA0CB55E09",
    terminal="0x1ea332Fc14a5AFD3AF3852B45C263Ab5b1Dd6f52",
    vault="0x15905a2FbD3EF5d3532b931b5656BB9EB493Bb15",
    pin_url="https://capi.ogpuscan.io/file/create",
    gateway_url="https://cipfs.ogpuscan.io/ipfs",
)

KNOWN = {network.name: network for network in (MAINNET, TESTNET)}
