"""Passwords and keys are asked for without an echo, and no error carries them away.

A verbose traceback shows the value of every name in every frame. So what handles a secret
runs inside `hushed`, which lets out the words of an error and none of its frames.
"""

from __future__ import annotations

import getpass
import warnings
from typing import TYPE_CHECKING, TypeVar

from ogpu_jupyter.errors import NOTHING_SPENT, AccountError, Interrupted, OgpuError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def ask(prompt: str) -> str:
    """What the person types, in a notebook or in a terminal; AccountError where nobody is."""
    try:
        with warnings.catch_warnings():
            # Without a terminal it would read in the open, with a warning.
            warnings.simplefilter("error", getpass.GetPassWarning)
            # Looked up now: a kernel puts its own in this place while a cell runs.
            return getpass.getpass(prompt)
    except (getpass.GetPassWarning, EOFError, NotImplementedError, OSError):
        pass
    raise AccountError(
        f"Nobody can be asked here for: {prompt.strip().rstrip(':')}.",
        spent=NOTHING_SPENT,
        hint="Run this where it can ask you, or name an account that needs no password: "
        "`env:NAME` or `keyring:NAME`.",
    )


def hushed(step: Callable[[], T], otherwise: str) -> T:
    """What `step` gives; its error without its frames. `otherwise` begins what is said of
    one that isn't ours, of which only the type is told.
    """
    told: OgpuError
    try:
        return step()
    except KeyboardInterrupt:
        told = Interrupted("Interrupted before the account could be used.")
    except OgpuError as error:
        told = error
    except Exception as error:  # noqa: BLE001 - whatever it says may hold the key
        told = AccountError(f"{otherwise} ({type(error).__name__}).", spent=NOTHING_SPENT)
    told.__cause__ = told.__context__ = None
    raise told.with_traceback(None)
