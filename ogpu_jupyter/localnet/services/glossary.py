"""What the words of the market mean, in a sentence or two."""

from __future__ import annotations

from typing import Final

GLOSSARY: Final = {
    "opengpu": "OpenGPU is a market for computing: a client publishes a task with a payment, a "
    "provider runs it on its machine, and the payment is released when the answer is "
    "confirmed.",
    "task": "A task is one piece of work with its data, its payment and the time by which it "
    "must be answered. It is a small contract on the chain.",
    "source": "A source is a service that tasks can be sent to: what it runs, the least it is "
    "paid, and whether the first response wins or the client chooses.",
    "provider": "A provider is a machine that attempts tasks and submits responses. It has locked "
    "up a stake, which it can lose.",
    "response": "A response is a provider's answer to a task: a link to the output and the payment "
    "it asks for.",
    "vault": "The vault is the contract that holds everybody's OGPU. A task's payment is frozen "
    "there until it is confirmed, canceled or expired.",
    "client": "A client publishes tasks, pays for them, and confirms the responses it accepts.",
    "nexus": "Nexus is the contract that all events of the market come from.",
    "controller": "The controller is the contract through which a client publishes, confirms and "
    "cancels tasks.",
    "terminal": "The terminal is the contract that knows which providers there are and who is "
    "their master.",
    "master": "A master owns providers: it stakes for them and receives what they earn.",
    "agent": "An agent is an account that may act for another, without holding its key.",
    "lockup": "The lockup is what a provider has staked. Sources can ask for a minimum.",
    "expiry": "A task that is not answered by its expiry can't be answered any more, and its "
    "payment goes back to the client.",
    "ipfs": "IPFS stores files by their content: the name of a file is a hash of its bytes, so "
    "whoever fetches it can check that it is the right one.",
    "cid": "A CID is the name of content on IPFS, made from a hash of its bytes.",
    "gas": "Gas is what a transaction costs in computing. It is paid in the chain's own coin, "
    "beside the payment of a task.",
    "nonce": "A nonce numbers the transactions of an account, so that each happens once and in "
    "order.",
    "wei": "A wei is the smallest part of a coin: 1 OGPU is 10^18 wei.",
    "receipt": "A receipt says what became of a transaction: its block, its gas and its events.",
    "blockchain": "A blockchain is a list of transactions that many machines keep together, so "
    "that none of them has to be trusted.",
    "jupyter": "Jupyter is where code, its output and your words stand together in one notebook.",
    "gpu": "A GPU works on thousands of numbers at once, which is what neural networks need.",
}
