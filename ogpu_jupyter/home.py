"""Where this package keeps what outlives a kernel, for its person alone."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import IO

import platformdirs


def data_home() -> Path:
    """`$OGPU_JUPYTER_HOME`, else the platform's data directory. It may not be there yet."""
    told = os.environ.get("OGPU_JUPYTER_HOME")
    return Path(told).expanduser() if told else Path(platformdirs.user_data_dir("ogpu_jupyter"))


def private_folder(folder: Path) -> Path:
    """The folder, made where it is missing, and closed to everybody else."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def open_private(path: Path) -> IO[bytes]:
    """The file, empty, to be written for its person alone."""
    path.unlink(missing_ok=True)  # one that is there may be open to others
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def make_private(path: Path) -> None:
    """Close a file that is there to everybody else."""
    if path.is_file() and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def notebook_name() -> str:
    """The file that this kernel runs for: Jupyter's servers and VS Code say so, others don't.

    Only its last part, for a path may say more than a person means to keep.
    """
    told = getattr(sys.modules.get("__main__"), "__vsc_ipynb_file__", None)
    path = told if isinstance(told, str) else os.environ.get("JPY_SESSION_NAME", "")
    name = re.split(r"[/\\]", path)[-1]
    return name[:120] if name.endswith(".ipynb") else ""
