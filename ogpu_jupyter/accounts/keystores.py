"""Keystores: a key in a V3 file, sealed with a password, as every Ethereum client reads it.

Ours stand in the folder `keystores` of the data directory and are for their owner alone. A
file of that name is never written over: it may be the only copy of a key.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.accounts.asking import ask, hushed
from ogpu_jupyter.chain import _web3
from ogpu_jupyter.chain.contracts import checksum
from ogpu_jupyter.chain.transactions import from_key
from ogpu_jupyter.content import decode_json
from ogpu_jupyter.errors import NOTHING_SPENT, AccountError, AddressError, ContentInvalid
from ogpu_jupyter.home import data_home, private_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.chain.transactions import Signer

DEFAULT: Final = "default"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_LARGEST: Final = 1 << 16
# What a file may ask of the machine: four times what any client writes.
_SCRYPT_MEMORY: Final = 1 << 23  # n * r, in blocks of 128 bytes
_SCRYPT_WORK: Final = 1 << 25  # n * r * p
_PBKDF2_ROUNDS: Final = 10_000_000
_LONGEST_KEY: Final = 1024


@dataclass(frozen=True)
class Keystore:
    """A file that holds a key. `address` is what it states, and empty where it doesn't."""

    name: str
    address: str
    path: Path
    content: dict[str, Any] = field(repr=False, compare=False, default_factory=dict)


def folder() -> Path:
    return data_home() / "keystores"


def new(name: str = DEFAULT) -> Keystore:
    """Make a key, and keep it under this name with a password that is asked for."""
    path = _free(name)
    account = hushed(_web3.eth_account.Account.create, "No key could be made")
    return _keep(name, path, account)


def import_key(name: str = DEFAULT) -> Keystore:
    """Ask for a key, and keep it under this name with a password that is asked for too."""
    path = _free(name)
    account = hushed(_asked_for_key, "The key can't be used")
    return _keep(name, path, account)


def kept() -> list[Keystore]:
    """Those in our folder, by name. What can't be read has no address."""
    return [_readable(path) for path in sorted(folder().glob("*.json"))]


def _readable(path: Path) -> Keystore:
    try:
        return load(path)
    except AccountError:
        return Keystore(path.stem, "", path)


def locate(name_or_path: str) -> Path:
    """The file of one of our names, else the path itself."""
    ours = folder() / f"{name_or_path}.json"
    if _NAME.fullmatch(name_or_path) and ours.is_file():
        return ours
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    raise AccountError(
        f"There is no keystore {name_or_path}.",
        spent=NOTHING_SPENT,
        hint="Type `%ogpu account list` to see the names, or give the path of a file.",
    )


def load(path: Path) -> Keystore:
    """A keystore's file, checked, and still sealed."""
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
        content = _lower(decode_json(raw[:_LARGEST]))
        _check(content)
        address = str(content.get("address") or "")
        stated = checksum(f"0x{address.removeprefix('0x')}".lower()) if address else ""
    except OSError as error:
        raise _unusable(path, f"it can't be read ({error.strerror})") from None
    except (ContentInvalid, AddressError, KeyError, TypeError, AttributeError):
        raise _unusable(path, "it is not a V3 keystore") from None
    return Keystore(path.stem, stated, path, content)


def unlock(keystore: Keystore, password: Callable[[], str]) -> Signer:
    """The account in it. No name is bound to the password, nor to the key."""
    said = f"The keystore {keystore.name}"
    account = hushed(
        lambda: from_key(lambda: _decrypted(keystore, password), said), f"{said} can't be opened"
    )
    if keystore.address and account.address != keystore.address:
        raise _unusable(keystore.path, f"it states {keystore.address}, and holds another account")
    return account


def _decrypted(keystore: Keystore, password: Callable[[], str]) -> str:
    decrypt = _web3.eth_account.Account.decrypt
    try:
        return bytes(decrypt(keystore.content, password())).hex()
    except ValueError as error:
        wrong = "MAC" in str(error)
    if wrong:
        raise AccountError(
            f"The password is not that of the keystore {keystore.name}.",
            spent=NOTHING_SPENT,
            hint="Run the cell again to be asked again.",
        )
    raise _unusable(keystore.path, "its fields are damaged")


def _keep(name: str, path: Path, account: Any) -> Keystore:
    """Sealed by the account itself: its key is never asked for."""
    sealed = hushed(lambda: account.encrypt(_new_password(name)), "The key can't be sealed")
    _write(path, json.dumps(sealed, indent=1).encode())
    return load(path)


def _write(path: Path, content: bytes) -> None:
    """All of it, or nothing; and never over another file."""
    try:
        private_folder(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise _unusable(path, f"it can't be written ({error.strerror})") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unusable(path, f"it can't be written ({error.strerror})") from None


def _free(name: str) -> Path:
    """Asked before the person has typed a password in vain."""
    if not _NAME.fullmatch(name):
        raise AccountError(
            "That can't be an account's name.",
            spent=NOTHING_SPENT,
            hint="Use up to 40 letters, digits, `-` and `_`.",
        )
    path = folder() / f"{name}.json"
    if path.exists():
        raise _taken(path)
    return path


def _asked_for_key() -> Signer:
    return from_key(lambda: ask("Private key: "), "What was typed")


def _new_password(name: str) -> str:
    password = ask(f"A new password for {name}: ")
    if not password:
        raise AccountError("An empty password seals nothing.", spent=NOTHING_SPENT)
    if ask("The same password again: ") != password:
        raise AccountError("The two passwords differ. No key was kept.", spent=NOTHING_SPENT)
    return password


def _lower(content: Any) -> dict[str, Any]:
    """Some old files write `Crypto`."""
    return {key.lower(): value for key, value in content.items()}


def _check(content: dict[str, Any]) -> None:
    """Refuse what isn't V3, and what would take all memory or an hour."""
    crypto, version = content["crypto"], content["version"]
    told = {name: value for name, value in crypto["kdfparams"].items() if isinstance(value, int)}
    work = told.get("n", 0) * told.get("r", 0)
    modest = {
        "scrypt": 0 < work <= _SCRYPT_MEMORY and 0 < work * told.get("p", 0) <= _SCRYPT_WORK,
        "pbkdf2": 0 < told.get("c", 0) <= _PBKDF2_ROUNDS,
    }
    if version != 3 or not modest.get(crypto["kdf"]) or told["dklen"] > _LONGEST_KEY:
        raise KeyError("version")


def _unusable(path: Path, why: str) -> AccountError:
    return AccountError(f"The keystore {path} is of no use: {why}.", spent=NOTHING_SPENT)


def _taken(path: Path) -> AccountError:
    return AccountError(
        f"There is a keystore {path.stem} already, and it is never written over.",
        spent=NOTHING_SPENT,
        hint="Type another name: `%ogpu account new NAME`. Its file is " + str(path) + ".",
    )
