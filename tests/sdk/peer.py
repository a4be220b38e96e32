"""The official SDK at work: runs in its own environment, one JSON order a line on stdin.

The SDK is unmodified. Where its chain, contracts and pinning service are is configuration,
set here to the local network's; the key comes from `CLIENT_PRIVATE_KEY`, as its users have it.
"""

import json
import os
import sys
import time

import ogpu.ipfs.publish
from ogpu import ChainConfig, ChainId
from ogpu.client import (
    DeliveryMethod,
    Environment,
    ImageEnvironments,
    SourceInfo,
    TaskInfo,
    TaskInput,
    cancel_task,
    confirm_response,
    get_task_responses,
    publish_source,
    publish_task,
)
from ogpu.protocol import Master, Provider, Source, Task, terminal, vault
from web3 import Account


def configure(network):
    chain = ChainId[network["sdk_chain"]]
    names = ("nexus", "controller", "terminal", "vault")
    ChainConfig.CHAIN_CONTRACTS[chain] = {name.upper(): network[name] for name in names}
    ChainConfig.set_chain(chain)
    ChainConfig.set_rpc(network["rpc_url"])
    ogpu.ipfs.publish._IPFS_PUBLISH_URL = network["pin_url"]


def deposit(amount):
    account = Account.from_key(os.environ["CLIENT_PRIVATE_KEY"])
    vault.deposit(account.address, amount, signer=account)
    return vault.get_balance_of(account.address)


def balance(address):
    return vault.get_balance_of(address)


def source(name, delivery, min_payment):
    info = SourceInfo(
        name=name,
        description="made by the SDK",
        logoUrl="",
        imageEnvs=ImageEnvironments(cpu="https://example.invalid/compose.yml"),
        minPayment=min_payment,
        minAvailableLockup=0,
        maxExpiryDuration=86400,
        deliveryMethod=DeliveryMethod[delivery],
    )
    return publish_source(info).address


def enroll(provider_key, master_key, source, stake):
    """Make the first key's account a provider of the source; the second's stands for it."""
    provider, master = Account.from_key(provider_key), Account.from_key(master_key)
    if not terminal.is_provider(provider.address):
        Master(master.address).announce_provider(provider.address, stake, signer=master)
        Provider(provider.address).announce_master(master.address, signer=provider)
    Provider(provider.address).register_to(source, Environment.CPU.value, signer=provider)


def look_source(address):
    found = Source.load(address)
    return {"status": found.get_status().name, "metadata": found.get_metadata()}


def publish(source, function, data, payment, seconds):
    info = TaskInfo(
        source=source,
        config=TaskInput(function_name=function, data=data),
        expiryTime=int(time.time()) + seconds,
        payment=payment,
    )
    return publish_task(info).address


def look(address):
    task = Task.load(address)
    return {
        "status": task.get_status().name,
        "source": str(task.get_source()),
        "payload": task.get_metadata(),
        "payment": task.get_payment(),
        "expires_at": task.get_expiry_time(),
        "delivery": task.get_delivery_method().name,
        "attempts": task.get_attempt_count(),
        "winner": task.get_winning_provider(),
        "responses": [
            {
                "address": response.address,
                "status": response.get_status().name,
                "url": response.get_data(),
                "content": response.fetch_data(),
            }
            for response in get_task_responses(address)
        ],
    }


def confirm(response):
    return confirm_response(response)


def cancel(address):
    cancel_task(address)
    return look(address)["status"]


ORDERS = {
    order.__name__: order
    for order in (
        *(configure, deposit, balance, source, enroll, look_source),
        *(publish, look, confirm, cancel),
    )
}


def main():
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        name, words = json.loads(line)
        try:
            answer = {"ok": ORDERS[name](**words)}
        except Exception as error:  # noqa: BLE001 - told to the test, which raises it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
