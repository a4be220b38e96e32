"""The names that IPFS gives to bytes.

A CID is the hash of a small tree of blocks, so the same bytes have other CIDs when they
are cut in another way. `cid` cuts as `ipfs add` does by default; `matches` also knows the
other ways in use. Nothing is fetched here, and no block is kept: 50 MB take a blink.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from itertools import chain
from typing import NamedTuple

_KIB = 1024
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SHA256 = b"\x12\x20"
_DAG_PB, _RAW = 0x70, 0x55
_LONGEST = 128  # the longest CID read here is base16 of 36 bytes


class _Cut(NamedTuple):
    """How a file becomes blocks: the size of a chunk, links in a node, and bare leaves."""

    chunk: int
    links: int
    raw_leaves: bool


_V0 = _Cut(256 * _KIB, 174, raw_leaves=False)
_CUTS = (
    _V0,
    _Cut(256 * _KIB, 174, raw_leaves=True),
    _Cut(1024 * _KIB, 1024, raw_leaves=True),
    _Cut(1024 * _KIB, 174, raw_leaves=True),
)


class _Block(NamedTuple):
    cid: bytes  # binary, as a link to it holds it
    tree_size: int  # bytes of this block and all below it
    file_size: int  # bytes of the file that it holds


def cid(data: bytes) -> str:
    """The CIDv0 of a file of these bytes: dag-pb, chunks of 256 KiB, 174 links a node."""
    return _base58(_root(data, _V0).cid)


def matches(cid_text: str, data: bytes) -> bool:
    """Whether the CID, v0 or v1, names a file of these bytes.

    One that isn't a sha2-256 CID of a file is never a match.
    """
    try:
        codec, digest = parse(cid_text)
    except ValueError:
        return False
    if codec == _RAW:
        return hashlib.sha256(data).digest() == digest
    names = {_SHA256 + digest, _v1(_DAG_PB, digest)}
    return any(_root(data, cut).cid in names for cut in _CUTS)


def parse(cid_text: str) -> tuple[int, bytes]:
    """Codec and sha2-256 digest of a CID; ValueError when it is anything else."""
    raw = _decode(cid_text)
    if len(raw) == 34 and raw.startswith(_SHA256):
        return _DAG_PB, raw[2:]
    if len(raw) == 36 and raw[0] == 1 and raw[1] in {_DAG_PB, _RAW} and raw[2:4] == _SHA256:
        return raw[1], raw[4:]
    raise ValueError("not a CID of a file by sha2-256")


def _root(data: bytes, cut: _Cut) -> _Block:
    view = memoryview(data)
    starts = range(0, max(len(data), 1), cut.chunk)
    level = [_leaf(view[start : start + cut.chunk], cut) for start in starts]
    while len(level) > 1:
        level = [_node(level[i : i + cut.links]) for i in range(0, len(level), cut.links)]
    return level[0]


def _leaf(chunk: memoryview, cut: _Cut) -> _Block:
    size = len(chunk)
    if cut.raw_leaves:
        return _Block(_v1(_RAW, hashlib.sha256(chunk).digest()), size, size)
    before = b"\x08\x02" + (b"\x12" + _varint(size) if size else b"")
    after = b"\x18" + _varint(size)
    head = b"\x0a" + _varint(len(before) + size + len(after)) + before
    digest = hashlib.sha256(head)
    digest.update(chunk)
    digest.update(after)
    return _Block(_SHA256 + digest.digest(), len(head) + size + len(after), size)


def _node(children: list[_Block]) -> _Block:
    size = sum(child.file_size for child in children)
    sizes = (b"\x20" + _varint(child.file_size) for child in children)
    file = b"".join(chain((b"\x08\x02\x18" + _varint(size),), sizes))
    block = b"".join(map(_link, children)) + _field(b"\x0a", file)
    below = sum(child.tree_size for child in children)
    # The root of bare leaves is a v1 CID and that of wrapped ones a v0; inside one tree
    # the nodes are written like their root.
    digest = hashlib.sha256(block).digest()
    wrapped = len(children[0].cid) == 34
    return _Block(_SHA256 + digest if wrapped else _v1(_DAG_PB, digest), below + len(block), size)


def _link(child: _Block) -> bytes:
    name = b"\x12\x00"
    return _field(b"\x12", _field(b"\x0a", child.cid) + name + b"\x18" + _varint(child.tree_size))


def _field(tag: bytes, value: bytes) -> bytes:
    return tag + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _v1(codec: int, digest: bytes) -> bytes:
    return bytes((1, codec)) + _SHA256 + digest


def _decode(text: str) -> bytes:
    """The bytes of a CID in base58, or in base32, base58 or base16 with their prefix."""
    if len(text) > _LONGEST or not (text.isascii() and text.isalnum()):
        raise ValueError("not a CID")
    if len(text) == 46 and text.startswith("Qm"):
        return _unbase58(text)
    prefix, rest = text[:1], text[1:]
    if prefix == "b" and rest == rest.lower():
        padded = rest.upper() + "=" * (-len(rest) % 8)
        try:
            return base64.b32decode(padded)
        except binascii.Error:
            raise ValueError("not base32") from None
    if prefix == "z":
        return _unbase58(rest)
    if prefix == "f":
        return bytes.fromhex(rest)
    raise ValueError("not a CID")


def _base58(data: bytes) -> str:
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        out = _ALPHABET[digit] + out
    return "1" * (len(data) - len(data.lstrip(b"\x00"))) + out


def _unbase58(text: str) -> bytes:
    number = 0
    for letter in text:
        number = number * 58 + _ALPHABET.index(letter)
    ones = len(text) - len(text.lstrip("1"))
    return bytes(ones) + number.to_bytes((number.bit_length() + 7) // 8, "big")
