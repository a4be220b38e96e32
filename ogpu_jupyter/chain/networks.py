"""A network is a value. The local one is one more value, made by `localnet`."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import urlsplit

from ogpu_jupyter import urls
from ogpu_jupyter.chain import _web3
from ogpu_jupyter.errors import AddressError, InputError

_ADDRESS: Final = re.compile(r"0[xX][0-9a-fA-F]{40}")
_HEX: Final = re.compile(r"(0[xX])?[0-9a-fA-F]+")
_HEADER: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_WEB: Final = ("http", "https")
_SOCKET: Final = ("ws", "wss")
_SPELLED: Final = {  # of the networks below: a hash would need an import that takes long
    "0x2b0cC6058313801D5feb184a539e3a0C5A87a6a1",
    "0x8661F4B9c30e07A04d795A192478dfD905625a1D",
    "0xaEBC7b712D38Fc4d841f0732c21B8774339869D3",
    "0xa5c582254AA313528898311362bc698b041580cC",
    "0xF87bb2f3edB991a998992f14d35fE142e6Bb50b1",
    "0x9fb6022074Fd7Bdb429de0776eb693cA0CB55E09",
    "0x1ea332Fc14a5AFD3AF3852B45C263Ab5b1Dd6f52",
    "0x15905a2FbD3EF5d3532b931b5656BB9EB493Bb15",
}


@dataclass(frozen=True, repr=False)
class Network:
    """Where a market is: its chain, its contracts, its content store.

    `explorer_url` is the address of a web page for a task, without the task's own part;
    empty where there is none. `rpc_urls` are more nodes, for when the first one fails;
    `ws_url` tells of new blocks at once. With `confirmations`, what happens on chain counts
    when its block is that deep. `rpc_headers`, pairs or a dict, are for the host of `rpc_url`
    and for no other. It is checked when it is made: InputError, or AddressError for a
    contract's address. Its repr tells no password, no key of a URL and no header.

    A link to content is the gateway's address without its user, password and query, and
    stands on the chain for all to read: its path is no place for a key.
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
    rpc_headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise _wrong("name", self.name, "a text such as 'mainnet' is expected")
        _check_count("chain_id", self.chain_id, "1071")
        _check_count("confirmations", self.confirmations, "1")
        for field in ("nexus", "controller", "terminal", "vault"):
            _check_address(field, getattr(self, field))
        _check_url("rpc_url", self.rpc_url, (*_WEB, *_SOCKET))
        if isinstance(self.rpc_urls, str) or not isinstance(self.rpc_urls, (tuple, list)):
            raise _wrong("rpc_urls", self.rpc_urls, "a tuple of URLs is expected")
        object.__setattr__(self, "rpc_urls", tuple(self.rpc_urls))
        for n, url in enumerate(self.rpc_urls):
            _check_url(f"rpc_urls[{n}]", url, (*_WEB, *_SOCKET))
        if self.ws_url != "":
            _check_url("ws_url", self.ws_url, _SOCKET, _OR_EMPTY)
        object.__setattr__(self, "rpc_headers", _headers(self.rpc_headers))
        _check_url("pin_url", self.pin_url, _WEB)
        _check_url("gateway_url", self.gateway_url, _WEB)
        if self.explorer_url != "":
            _check_url("explorer_url", self.explorer_url, _WEB, _OR_EMPTY)
            if self.explorer_url != urls.public(self.explorer_url):
                raise _wrong(
                    "explorer_url",
                    self.explorer_url,
                    "an address without user, password and query is expected, for it becomes "
                    "a link that is shown and saved",
                )

    def __repr__(self) -> str:
        names = [field.name for field in fields(self) if field.name != "rpc_headers"]
        shown = [f"{name}={_shown(getattr(self, name))}" for name in names]
        told = ", ".join(f"{name!r}: {urls.HIDDEN}" for name, _ in self.rpc_headers)
        return f"Network({', '.join([*shown, f'rpc_headers={{{told}}}'])})"


_OR_EMPTY: Final = ", or '' where there is none"


def _headers(value: object) -> tuple[tuple[str, str], ...]:
    """Their values are in no message."""
    try:
        pairs = tuple(dict(value).items())  # type: ignore[call-overload]
        wrong = next((name for name, text in pairs if not _is_header(name, text)), None)
    except (TypeError, ValueError):
        raise InputError(
            f"`rpc_headers` of the network is {_kind(value)}; a dict of names and texts is "
            "expected, such as {'X-Api-Key': '…'}.",
            hint=_HINT,
        ) from None
    if wrong is not None:
        what = f"the header {wrong!r}" if _is_name(wrong) else "one whose name is none"
        raise InputError(
            f"`rpc_headers` of the network has {what}, which can't be sent: a header has a name "
            "of letters, digits and hyphens, and a text of one line in ASCII.",
            hint=_HINT,
        )
    return pairs


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(_HEADER.fullmatch(name))


def _is_header(name: object, text: object) -> bool:
    is_line = isinstance(text, str) and text.isascii() and text.isprintable()
    return _is_name(name) and is_line and str(text) == str(text).strip()


def _check_count(field: str, value: object, example: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _wrong(field, value, f"a whole number above 0 is expected, such as {example}")


def _check_address(field: str, value: object) -> None:
    expected = "an address is expected: 0x and 40 hex digits"
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        if isinstance(value, str) and len(value) > 42 and _HEX.fullmatch(value):  # a key, perhaps
            what = f"`{field}` of the network has {len(value)} characters; {expected}."
            raise AddressError(what, hint=_HINT)
        raise AddressError(_sentence(field, value, expected), hint=_HINT)
    digits = value[2:]
    if value in _SPELLED or digits in {digits.lower(), digits.upper()}:
        return
    if "0x" + digits != _web3.eth_utils.address.to_checksum_address(f"0x{digits.lower()}"):
        raise AddressError(
            f"`{field}` of the network is {value}, which has a wrong checksum: one of its "
            "characters is not as it was.",
            hint="Copy the address again from where you have it.",
        )


def _check_url(field: str, value: object, schemes: tuple[str, ...], more: str = "") -> None:
    if not isinstance(value, str) or not _is_url(value, schemes):
        *some, last = (f"{scheme}://" for scheme in schemes)
        expected = f"a URL that begins with {', '.join(some)} or {last} is expected{more}"
        raise _wrong(field, value, expected)


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        is_port = parts.port != 0
    except ValueError:
        return False
    plain = text.isprintable() and not any(char.isspace() for char in text)
    return plain and is_port and parts.scheme in schemes and bool(parts.hostname)


_HINT: Final = "Make the network anew: `Network(…)` in Python, with this one mended."


def _wrong(field: str, value: object, expected: str) -> InputError:
    return InputError(_sentence(field, value, expected), hint=_HINT)


def _sentence(field: str, value: object, expected: str) -> str:
    return f"`{field}` of the network is {_shown(value)}; {expected}."


def _shown(value: object) -> str:
    """As Python writes it; of a URL, or of what may be meant as one, what may be told."""
    if isinstance(value, (tuple, list)):
        shown = ", ".join(_shown(each) for each in value)
        return f"({shown}{',' * (len(value) == 1)})"
    if not isinstance(value, str):
        return repr(value) if value is None or isinstance(value, (int, float)) else _kind(value)
    if _ADDRESS.fullmatch(value) or _PLAIN.fullmatch(value):
        return repr(value)
    return repr(urls.told(value))


def _kind(value: object) -> str:
    return f"of type {type(value).__name__}"


_PLAIN: Final = re.compile(r"[\w .-]{0,24}")


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
