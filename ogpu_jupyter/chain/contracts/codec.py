"""Values between Python and the ABI's encoding, with the names that an ABI gives them.

Structs are dicts by name and addresses have their checksum. What a stranger stored is read
leniently where it can do no harm: bytes that are not UTF-8 in a string show as such, and
make no other value unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ogpu_jupyter.chain._web3 import eth_abi, eth_utils
from ogpu_jupyter.chain.contracts.addresses import spelled

Part = Mapping[str, Any]


class Undecodable(ValueError):
    """Data that doesn't have the shape that the ABI says."""


@dataclass(frozen=True)
class Entry:
    """A function, event or error of an ABI."""

    name: str
    inputs: tuple[Part, ...]
    outputs: tuple[Part, ...] = ()

    @property
    def signature(self) -> str:
        return f"{self.name}({','.join(map(_type, self.inputs))})"

    @cached_property
    def digest(self) -> bytes:
        """The first topic of an event; its first four bytes are a function's selector."""
        return bytes(eth_utils.crypto.keccak(text=self.signature))

    @property
    def selector(self) -> bytes:
        return self.digest[:4]


def encode(parts: Sequence[Part], values: Sequence[Any]) -> bytes:
    plain = [_plain(part, value) for part, value in zip(parts, values, strict=True)]
    return bytes(eth_abi.abi.encode([_type(part) for part in parts], plain))


def decode(parts: Sequence[Part], data: bytes) -> list[Any]:
    types = [_type(part).replace("string", "bytes") for part in parts]
    try:
        values = eth_abi.abi.decode(types, data, strict=False)
        return [_value(part, value) for part, value in zip(parts, values, strict=True)]
    except (ValueError, OverflowError, RecursionError, eth_abi.exceptions.DecodingError) as error:
        raise Undecodable(type(error).__name__) from None


def decode_named(parts: Sequence[Part], data: bytes) -> dict[str, Any]:
    names = [part["name"] for part in parts]
    return dict(zip(names, decode(parts, data), strict=True))


def decode_result(outputs: Sequence[Part], data: bytes) -> Any:
    """One output as itself, several as a dict where all have names, else as a tuple."""
    values = decode(outputs, data)
    if len(outputs) == 1:
        return values[0]
    names = [part["name"] for part in outputs]
    return dict(zip(names, values, strict=True)) if all(names) else tuple(values)


def _type(part: Part) -> str:
    kind: str = part["type"]
    if not kind.startswith("tuple"):
        return kind
    inner = ",".join(_type(component) for component in part["components"])
    return f"({inner}){kind.removeprefix('tuple')}"


def _value(part: Part, value: Any) -> Any:
    kind: str = part["type"]
    if kind.endswith("]"):
        inner = {**part, "type": kind[: kind.rindex("[")]}
        return [_value(inner, item) for item in value]
    if kind == "tuple":
        names = part["components"]
        return {p["name"]: _value(p, item) for p, item in zip(names, value, strict=True)}
    if kind == "string":
        return value.decode("utf-8", errors="replace")
    return spelled(bytes.fromhex(value[2:])) if kind == "address" else value


def _plain(part: Part, value: Any) -> Any:
    """A value as the encoder takes it: structs as tuples."""
    if part["type"] == "tuple" and isinstance(value, Mapping):
        return tuple(_plain(inner, value[inner["name"]]) for inner in part["components"])
    return value
