"""Who signs: an account, or the name of a place where a key is.

A name is `env:NAME`, `keystore:NAME` or `keystore:PATH`, `keyring:NAME`, `colab:NAME`. It can
stand in a notebook; the key and the password never do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.accounts import keystores
from ogpu_jupyter.accounts.asking import ask, hushed
from ogpu_jupyter.accounts.keystores import DEFAULT, Keystore, import_key, kept, new
from ogpu_jupyter.chain.transactions import from_environment, from_key, resolve_account
from ogpu_jupyter.errors import NOTHING_SPENT, AccountError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    from ogpu_jupyter.chain.transactions import Signer

__all__ = [
    "DEFAULT",
    "KINDS",
    "Keystore",
    "import_key",
    "kept",
    "new",
    "signer_of",
    "stated_address",
]

SERVICE: Final = "ogpu-jupyter"  # under which the OS keyring holds our keys
# What may be a key, also one that was mistyped, or the words that one is made of. Neither an
# address nor the name of a file by any client is as long.
_LONG: Final = re.compile(r"[0-9A-Za-z+=]{43}")
_BETWEEN: Final = re.compile(r"[\s:_,-]+")
_DIGITS: Final = re.compile(r"[0-9a-fA-F]{60}")
_PHRASE: Final = re.compile(r"(?<![^\W\d_])[^\W\d_]{3,}(?:[\s,;_-]+[^\W\d_]{3,}){5}")


def signer_of(account: object | None) -> Signer:
    """An account, or one by its name; None is `env:CLIENT_PRIVATE_KEY`."""
    return hushed(lambda: _signer(account), "The account can't be used")


def stated_address(account: object) -> str:
    """The address that a keystore's file states, known without its password; else empty."""
    if isinstance(account, str) and account.startswith("keystore:") and not _is_secret(account):
        return keystores.load(keystores.locate(account.partition(":")[2])).address
    return ""


def _signer(account: object | None) -> Signer:
    return _named(account) if isinstance(account, str) else resolve_account(account)


def _named(account: str) -> Signer:
    """A text that is no name of ours may be a key: it is not repeated."""
    kind, colon, name = account.partition(":")
    if not colon or _is_secret(account):
        return resolve_account(account)  # which says why not
    if kind not in KINDS or not name:
        raise AccountError(
            "That names no account.",
            spent=NOTHING_SPENT,
            hint="A name is `env:NAME`, `keystore:NAME` or `keystore:PATH`, `keyring:NAME`, "
            "`colab:NAME`.",
        )
    return KINDS[kind](name)


def _is_secret(account: str) -> bool:
    """Whether it may be a key or a phrase, and so is not repeated."""
    is_phrase = bool(_PHRASE.search(account)) and not re.search(r"[/\\]", account)
    return is_phrase or bool(_LONG.search(account) or _DIGITS.search(_BETWEEN.sub("", account)))


def _of_environment(name: str) -> Signer:
    return from_environment(name)


def _of_keystore(name: str) -> Signer:
    keystore = keystores.load(keystores.locate(name))
    return keystores.unlock(keystore, lambda: ask(f"Password of the keystore {keystore.name}: "))


def _of_keyring(name: str) -> Signer:
    keyring = _keyring(name)
    held = keyring.get_password
    if not hushed(lambda: bool(held(SERVICE, name)), "The keyring can't be read"):
        raise AccountError(
            f"The keyring holds no key by the name {name}.",
            spent=NOTHING_SPENT,
            hint=f"Type `keyring set {SERVICE} {name}` in a terminal; it asks for the key.",
        )
    return from_key(lambda: str(held(SERVICE, name)), f"keyring:{name}")


def _keyring(name: str) -> Any:
    try:
        import keyring  # noqa: PLC0415 - an extra, and it looks for the system's services
    except ImportError:
        raise MissingExtra("keyring", f"The account keyring:{name}") from None
    return keyring


def _of_colab(name: str) -> Signer:
    try:
        from google.colab import userdata  # noqa: PLC0415 - only there where this runs
    except ImportError:
        raise AccountError(
            f"colab:{name} is for Google Colab, and this is somewhere else.",
            spent=NOTHING_SPENT,
            hint="Use `env:NAME`, `keystore:NAME` or `keyring:NAME` here.",
        ) from None
    try:
        return from_key(lambda: str(userdata.get(name)), f"colab:{name}")
    except userdata.SecretNotFoundError:
        what, hint = f"Colab has no secret {name}.", "Add it with the key sign at the left."
    except userdata.NotebookAccessError:
        what, hint = f"This notebook may not read Colab's secret {name}.", "Turn its switch on."
    raise AccountError(what, spent=NOTHING_SPENT, hint=hint)


KINDS: Final[dict[str, Callable[[str], Signer]]] = {
    "env": _of_environment,
    "keystore": _of_keystore,
    "keyring": _of_keyring,
    "colab": _of_colab,
}
