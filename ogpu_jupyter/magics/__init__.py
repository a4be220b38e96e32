"""The magics: a line and a body in, one call of the session, something to see out.

`commands` holds the words, `line` and `body` read what was typed, `ogpu` calls. Loading
them touches no network, reads no environment and imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ogpu import OgpuMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["OgpuMagics", "load", "unload"]


def load(shell: InteractiveShell) -> None:
    """Register the magics and their completion. Touches no network, reads no settings."""
    magics = OgpuMagics(shell=shell)
    shell.register_magics(magics)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(magics.completion.match)


def unload(shell: InteractiveShell) -> None:
    """Take them away again. What is connected stays so."""
    magics = shell.magics_manager.registry.pop(OgpuMagics.__name__, None)
    if magics is None:
        return
    for kind, names in magics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    shell.configurables.remove(magics)
    if shell.Completer is not None and magics.completion.match in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(magics.completion.match)
