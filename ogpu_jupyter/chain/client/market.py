"""The client itself: the questions, each with as few requests as it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ogpu_jupyter.chain.client.past import Past
from ogpu_jupyter.chain.client.pricing import (
    FEE_CALLS,
    LATEST_BLOCK,
    fees_of,
    quote_calls,
    quote_of,
)
from ogpu_jupyter.chain.client.sources import Labels, decode_source, source_calls
from ogpu_jupyter.chain.contracts import (
    CONTROLLER,
    NEXUS,
    RESPONSE,
    SOURCE,
    VAULT,
    ContractCall,
    checksum,
)
from ogpu_jupyter.chain.rpc import Call, Rpc, digest, hex_bytes, quantity
from ogpu_jupyter.chain.transactions import Facts, Head, Order, Quote, Receipt, translate
from ogpu_jupyter.errors import (
    NOTHING_SPENT,
    AddressError,
    NetworkError,
    NodeUnavailable,
    OgpuError,
    RpcError,
    WrongChain,
)
from ogpu_jupyter.tasks import NetworkId, SourceRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ogpu_jupyter.chain.networks import Network
    from ogpu_jupyter.content import ContentStore
    from ogpu_jupyter.transport import Headers

_LOOKS = 3
_MOST_TASKS = 2000
_PAUSE = 0.3
_BLOCKS = 32  # that are searched for whoever used a nonce
_BLOCKS_AT_ONCE = 8
_DOING = {
    "publishTask": "publishing the task",
    "confirmResponse": "confirming the response",
    "cancelTask": "canceling the task",
    "deposit": "the deposit",
    "withdraw": "the withdrawal",
}


@dataclass(frozen=True)
class Balances:
    """In wei: what the account holds, and what is in the vault for it."""

    wallet: int
    vault: int


@dataclass(frozen=True)
class Look:
    """All that the checks before a task need, from one request."""

    head: Head
    source: SourceRecord
    balances: Balances


class Client:
    """One network's market. Threads may share it."""

    def __init__(self, network: Network, store: ContentStore, rpc: Rpc | None = None) -> None:
        self.network = network
        self.store = store
        self.rpc = rpc or Rpc(
            network.rpc_url,
            *network.rpc_urls,
            chain_id=network.chain_id,
            headers=network.rpc_headers,
        )
        self._labels = Labels(store)
        self._past = Past(self.rpc, (network.nexus, network.vault))

    def __repr__(self) -> str:
        return f"<Client {self.network.name} at {self.rpc.where}>"

    @staticmethod
    def chain_id_of(url: str, headers: Headers = ()) -> int:
        """The chain that the node at `url` speaks for."""
        rpc = Rpc(url, headers=headers)
        try:
            return quantity(rpc.call("eth_chainId"), "a chain id")
        finally:
            rpc.close()

    def close(self) -> None:
        self.rpc.close()

    # Which chain it is

    def identify(self) -> NetworkId:
        """What the node speaks for; WrongChain where that is not the network."""
        places = {name: getattr(self.network, name) for name in ("nexus", "controller", "vault")}
        codes = [Call("eth_getCode", (address, "latest")) for address in places.values()]
        first = Call("eth_getBlockByNumber", ("0x0", False))
        chain_id, block, *code = self._batch([Call("eth_chainId"), first, *codes])
        self._check_chain(quantity(chain_id, "a chain id"))
        for (name, address), held in zip(places.items(), code, strict=True):
            if not hex_bytes(held):
                raise self._no_contract(name.capitalize(), address)
        return NetworkId(
            chain_id=self.network.chain_id,
            genesis=_genesis(block, self.rpc.where),
            controller=checksum(self.network.controller),
        )

    def _check_chain(self, chain_id: int) -> None:
        if chain_id != self.network.chain_id:
            raise WrongChain(
                f"The node at {self.rpc.where} speaks for chain {chain_id}; "
                f"{self.network.name} is chain {self.network.chain_id}.",
                spent=NOTHING_SPENT,
                hint="Connect to a node of that network.",
            )

    def _no_contract(self, name: str, address: str) -> WrongChain:
        return WrongChain(
            f"The node at {self.rpc.where} has no {name} at {address}.",
            spent=NOTHING_SPENT,
            hint="Either it is behind its chain, or the network's addresses are another's.",
        )

    # What the chain holds

    def head(self) -> Head:
        return Head.of(self.rpc.call(LATEST_BLOCK.method, *LATEST_BLOCK.params))

    def head_at(self, number: int) -> Head:
        """What was the newest block at this height."""
        return Head.of(self.rpc.call("eth_getBlockByNumber", hex(number), False))

    def block_time(self, number: int) -> int:
        """Unix seconds of a block."""
        return self.head_at(number).timestamp

    def balances(self, account: str) -> Balances:
        wallet, vault = self._balance_calls(account)
        held, deposited = self._batch([wallet, vault.rpc])
        return Balances(quantity(held, "a balance"), vault.decode(deposited))

    def vault_at(self, account: str, block: int) -> int:
        """Wei in the vault; the head's, or that of a later block that is known to be there.

        A replica that lags behind has an error for it, and no older balance.
        """
        block = max(block, self.head().number)
        vault = VAULT.call(self.network.vault, "getBalanceOf", account, block=block)
        return int(self._read(vault))

    def look(self, source: str, account: str) -> Look:
        """The source, the balances and the chain's clock."""
        wallet, vault = self._balance_calls(account)
        reads = source_calls(checksum(source), counts=False)
        calls = [LATEST_BLOCK, wallet, vault.rpc, *(read.rpc for read in reads)]
        head, held, deposited, *rest = self.rpc.batch(calls)
        return Look(
            head=Head.of(_raised(head)),
            source=self._source(reads, rest),
            balances=Balances(quantity(_raised(held), "a balance"), vault.decode(deposited)),
        )

    def source(self, address: str) -> SourceRecord:
        """A source with its counts, and its name where its metadata can be had."""
        reads = source_calls(checksum(address), counts=True)
        record = self._source(reads, self.rpc.batch([read.rpc for read in reads]))
        return self._labels.put_on([record])[0]

    def sources(self, *, limit: int = 100) -> list[SourceRecord]:
        """The newest `limit` sources, the oldest of them first."""
        count = self._read(NEXUS.call(self.network.nexus, "getSourceCount"))
        if not count or limit < 1:
            return []
        bounds = max(0, count - limit), count - 1  # both are inclusive
        addresses = self._read(NEXUS.call(self.network.nexus, "getSources", *bounds))[:limit]
        groups = [source_calls(address, counts=True) for address in addresses]
        answers = iter(self.rpc.batch([read.rpc for group in groups for read in group]))
        found = [_decoded_or_none(group, [next(answers) for _ in group]) for group in groups]
        return self._labels.put_on([record for record in found if record])

    def source_tasks(self, source: str, *, limit: int = 100) -> list[str]:
        """The addresses of a source's tasks, the newest last: those among its first 2000.

        The contract gives them from the first one on or not at all.
        """
        count = self._read(SOURCE.call(checksum(source), "getTaskCount"))
        if not count or limit < 1:
            return []
        last = min(count, _MOST_TASKS) - 1  # inclusive
        found: list[str] = self._read(SOURCE.call(checksum(source), "getTasks", 0, last))
        return found[-limit:]

    # What is to be done

    def publish_order(self, source: str, config_url: str, expires_at: int, payment: int) -> Order:
        task = {
            "source": checksum(source),
            "config": config_url,
            "expiryTime": expires_at,
            "payment": payment,
        }
        return self._to_controller("publishTask", task)

    def bid(self, response: str) -> int:
        """Wei that confirming the response pays."""
        params = self._read(RESPONSE.call(checksum(response), "responseParams"))
        return int(params["payment"])

    def confirm_order(self, response: str) -> Order:
        return self._to_controller("confirmResponse", checksum(response))

    def cancel_order(self, task: str) -> Order:
        return self._to_controller("cancelTask", checksum(task))

    def deposit_order(self, account: str, amount: int) -> Order:
        data = VAULT.encode("deposit", checksum(account))
        return Order(checksum(self.network.vault), data, amount)

    def withdraw_order(self, amount: int) -> Order:
        return Order(checksum(self.network.vault), VAULT.encode("withdraw", amount))

    def quote(self, sender: str, order: Order) -> Quote:
        """What the order would cost now.

        Its gas estimate is a simulation: what the contracts would refuse is raised here,
        before anything is spent.
        """
        answers = self.rpc.batch(quote_calls(sender, order))
        if isinstance(answers[0], RpcError):
            raise self._refusal(answers[0], sender, order)
        return quote_of(answers, sender, order)

    def quote_each(self, sender: str, orders: Sequence[Order]) -> list[Quote | OgpuError]:
        """As `quote`, of many in few requests: each has its price, or why it is refused."""
        if not orders:
            return []
        simulations = [quote_calls(sender, order)[0] for order in orders]
        answers = self.rpc.batch([*simulations, *quote_calls(sender, orders[0])[1:]])
        prices = answers[len(orders) :]
        return [
            _refused(answer, sender, order)
            if isinstance(answer, RpcError)
            else quote_of([answer, *prices], sender, order)
            for order, answer in zip(orders, answers[: len(orders)], strict=True)
        ]

    def canceled_by(self, order: Order) -> str:
        """The address of the task that the order cancels; empty where it cancels none."""
        function, args = CONTROLLER.decode_input(order.data) or ("", {})
        return str(next(iter(args.values()))) if function == "cancelTask" else ""

    # What became of it

    def fate(self, tx_hash: str, account: str, nonce: int) -> tuple[Receipt | None, bool, int]:
        """Its receipt, whether the node knows it, and how many nonces of the account are used.

        A nonce below that count that is neither known nor in a receipt went to another
        transaction.
        """
        return self.fates(account, [(tx_hash, nonce)])[0]

    def fates(
        self, account: str, transactions: Sequence[tuple[str, int]]
    ) -> list[tuple[Receipt | None, bool, int]]:
        """`fate` of many, each by its hash and nonce, in one request for fifty of them."""
        found: dict[str, tuple[Receipt | None, bool, int]] = {}
        unsure = list(transactions)
        for look in range(1, _LOOKS + 1):
            found |= self._fates(account, [tx_hash for tx_hash, _ in unsure])
            unsure = [(h, nonce) for h, nonce in unsure if _is_unsure(found[h], nonce)]
            if not unsure or look == _LOOKS:
                break
            time.sleep(_PAUSE)  # mined between the answers, or told by a replica that lags
        return [found[tx_hash] for tx_hash, _ in transactions]

    def _fates(
        self, account: str, hashes: Sequence[str]
    ) -> dict[str, tuple[Receipt | None, bool, int]]:
        count, *answers = self._batch(
            [  # in this order: a count that includes one comes with its receipt
                Call("eth_getTransactionCount", (account, "latest")),
                *(Call("eth_getTransactionByHash", (tx_hash,)) for tx_hash in hashes),
                *(Call("eth_getTransactionReceipt", (tx_hash,)) for tx_hash in hashes),
            ]
        )
        used, known, receipts = quantity(count, "a nonce"), answers, answers[len(hashes) :]
        return {
            tx_hash: (Receipt.of(receipts[i]), isinstance(known[i], dict), used)
            for i, tx_hash in enumerate(hashes)
        }

    def users_of(self, account: str, nonces: Collection[int]) -> dict[int, str | None]:
        """The hashes of the account's transactions that have these nonces, by the newest blocks.

        Empty for one that lies further back: `old_receipts` looks for it. None for one that
        the node itself has not come to. An index of transactions may lag; what stands in a
        block is proof.
        """
        top, left, found = self.head().number, set(nonces), dict[int, str | None]()
        count = Call("eth_getTransactionCount", (account, hex(top)))
        for first in range(top, max(-1, top - _BLOCKS), -_BLOCKS_AT_ONCE):
            numbers = range(first, max(-1, first - _BLOCKS_AT_ONCE), -1)
            blocks = [Call("eth_getBlockByNumber", (hex(number), True)) for number in numbers]
            used, *given = self._batch([count, *blocks])
            ahead = {nonce for nonce in left if nonce >= quantity(used, "a nonce")}
            found |= dict.fromkeys(ahead)
            found |= _by_nonce(given, account, left - ahead)
            left -= found.keys()
            if not left:
                break
        return found | dict.fromkeys(left, "")

    def next_nonce(self, account: str) -> int:
        """One past those that the node has, in blocks and waiting."""
        count = self.rpc.call("eth_getTransactionCount", account, "pending")
        return quantity(count, "a nonce")

    def fees(self) -> tuple[Head, int, int | None]:
        """The newest block, and what a unit of gas should offer now: at most, and as a tip."""
        return fees_of(self.rpc.batch(FEE_CALLS))

    def receipts(self, hashes: Sequence[str]) -> list[Receipt | None]:
        calls = [Call("eth_getTransactionReceipt", (hash_,)) for hash_ in hashes]
        answers = self._batch(calls)
        return [
            Receipt.of(answer) or self._past.receipt(tx_hash)
            for tx_hash, answer in zip(hashes, answers, strict=True)
        ]

    def old_receipts(self, signed_at: Mapping[str, float]) -> dict[str, Receipt | None]:
        """Of transactions whose nonces were used in blocks of which the node has no index.

        By their logs, from the time on when each was signed; None: none of them was mined.
        Those that are missing are not known yet: ask again.
        """
        return self._past.look(signed_at)

    def task_address(self, receipt: Receipt) -> str | None:
        """The task that a publishing transaction made: the market tells it in an event."""
        nexus = checksum(self.network.nexus)
        for log in map(NEXUS.decode_log, receipt.logs):
            if log and log.name == "TaskPublished" and log.address == nexus:
                return str(log.args["task"])
        return None

    # Inside

    def _batch(self, calls: Sequence[Call]) -> list[Any]:
        return [_raised(answer) for answer in self.rpc.batch(calls)]

    def _read(self, read: ContractCall) -> Any:
        return read.decode(self.rpc.batch([read.rpc])[0])

    def _balance_calls(self, account: str) -> tuple[Call, ContractCall]:
        vault = VAULT.call(self.network.vault, "getBalanceOf", account)
        return Call("eth_getBalance", (account, "latest")), vault

    def _source(self, reads: Sequence[ContractCall], answers: Sequence[Any]) -> SourceRecord:
        try:
            return decode_source(reads, answers)
        except AddressError:
            raise AddressError(
                f"There is no source at {reads[0].address} on {self.network.name}.",
                hint="Type `%ogpu sources` to see those that there are.",
            ) from None

    def _to_controller(self, function: str, *args: Any) -> Order:
        data = CONTROLLER.encode(function, *args)
        return Order(checksum(self.network.controller), data)

    def _refusal(self, error: RpcError, sender: str, order: Order) -> OgpuError:
        """The refusal of a simulated order, told with the values that the chain has now."""
        function, args = _decoded(order)
        intent = _intent(sender, order, function, args)
        try:
            facts = self._facts(intent)
        except AddressError as no_source:
            return no_source
        except NetworkError:
            facts = intent
        return translate(error, doing=_DOING.get(function, "the transaction"), facts=facts)

    def _facts(self, intent: Facts) -> Facts:
        if not intent.source:
            balances = self.balances(intent.account)
            return replace(intent, wallet=balances.wallet, vault=balances.vault)
        look = self.look(intent.source, intent.account)
        return replace(
            intent,
            wallet=look.balances.wallet,
            vault=look.balances.vault,
            min_payment=look.source.min_payment,
            max_expiry=look.source.max_expiry,
            now=look.head.timestamp,
        )


def _decoded(order: Order) -> tuple[str, dict[str, Any]]:
    decoded = CONTROLLER.decode_input(order.data) or VAULT.decode_input(order.data)
    return decoded or ("", {})


def _refused(error: RpcError, sender: str, order: Order) -> OgpuError:
    """Of one among many: told with the values of the order alone, for nothing more is asked."""
    function, args = _decoded(order)
    doing = _DOING.get(function, "the transaction")
    return translate(error, doing=doing, facts=_intent(sender, order, function, args))


def _intent(sender: str, order: Order, function: str, args: dict[str, Any]) -> Facts:
    task = args.get("_taskParams", {})
    return Facts(
        account=sender,
        sent=order.value,
        source=task.get("source", ""),
        payment=task.get("payment", args.get("amount")),
        withdraws=function == "withdraw",
        expires_at=task.get("expiryTime"),
    )


def _genesis(block: Any, where: str) -> str:
    """What tells a chain from another with its id. Never guessed: tasks are the same by it."""
    if not isinstance(block, dict):
        raise NodeUnavailable(
            f"The node at {where} doesn't have the chain's first block, by which the tasks of "
            "one chain are told from those of another.",
            spent=NOTHING_SPENT,
            hint="Connect to another node of the network.",
        )
    return digest(block.get("hash"), "a block's hash")


def _decoded_or_none(reads: Sequence[ContractCall], answers: Sequence[Any]) -> SourceRecord | None:
    """Among many, one that can't be read is left out."""
    try:
        return decode_source(reads, answers)
    except AddressError:
        return None


def _by_nonce(blocks: Sequence[Any], account: str, nonces: set[int]) -> dict[int, str]:
    """The hashes of those of the account's transactions in whole blocks."""
    found = {}
    for block in blocks:
        listed = block.get("transactions") if isinstance(block, dict) else None
        for given in listed if isinstance(listed, list) else ():
            if isinstance(given, dict) and str(given.get("from")).lower() == account.lower():
                nonce = quantity(given.get("nonce"), "a nonce")
                if nonce in nonces:
                    found[nonce] = digest(given.get("hash"), "a transaction's hash")
    return found


def _is_unsure(fate: tuple[Receipt | None, bool, int], nonce: int) -> bool:
    receipt, known, used = fate
    return receipt is None and not known and used > nonce


def _raised(answer: Any) -> Any:
    if isinstance(answer, RpcError):
        raise answer
    return answer
