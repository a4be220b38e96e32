"""What is committed is what the sources give, and what the deployed contracts have."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.localnet import contracts
from tests.helpers import ROOT
from tests.localnet.contracts.market import abi

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ROOT / "ogpu_jupyter" / "localnet" / "contracts"
ABIS = ROOT / "ogpu_jupyter" / "chain" / "abi"
READER = ROOT / "ogpu_jupyter" / "chain" / "reader"

# Only mainnet's Vault has these.
MAINNET_ONLY = {"UnbondingCanceled", "cancelUnbonding", "emergencyExit", "withdrawSanctionOf"}

PRINT_ABIS = """
import json, ogpu, pathlib
folder = pathlib.Path(ogpu.__file__).parent / "chain" / "abis"
print(json.dumps({
    path.parent.name + "/" + path.stem.removesuffix("Abi"): json.loads(path.read_text())
    for path in folder.glob("*net/*Abi.json")
}))
"""


@pytest.fixture(scope="session")
def workshop(solc_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources and the compiler, and nothing that was compiled."""
    root = tmp_path_factory.mktemp("workshop")
    left = shutil.ignore_patterns("compiled", "*.bin.json", "*.py", "__pycache__")
    for folder in (SOURCES, READER):
        shutil.copytree(folder, root / folder.relative_to(ROOT), ignore=left)
    (root / "node_modules").symlink_to(solc_path.parent)
    return root


def build(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = root / SOURCES.relative_to(ROOT) / "build.mjs"
    return subprocess.run(
        ["node", script, *options], cwd=root, capture_output=True, text=True, check=False
    )


def test_the_artefacts_are_built_again_byte_for_byte(workshop: Path) -> None:
    """And one byte of difference is found, and named."""
    done = build(workshop)
    assert (done.returncode, done.stderr) == (0, "")

    for folder in (SOURCES / "compiled", ABIS, READER):
        again = workshop / folder.relative_to(ROOT)
        committed = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert {path.name: path.read_bytes() for path in again.iterdir()} == committed
    path = workshop / (ABIS / "Task.json").relative_to(ROOT)
    path.write_bytes(path.read_bytes().replace(b"view", b"pure", 1))
    checked = build(workshop, "--check")
    assert checked.returncode == 1
    assert checked.stderr == f"differs: {path.relative_to(workshop)}\n"


@pytest.fixture(scope="session")
def official(sdk_python: Path) -> dict[str, list[dict[str, Any]]]:
    """The ABIs inside the installed SDK, as `mainnet/Task`."""
    done = subprocess.run(
        [sdk_python, "-c", PRINT_ABIS], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def described(entries: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    """All that goes over the wire, and the names by which it is spoken of."""
    return {
        (
            entry["type"],
            entry.get("name"),
            parts(entry.get("inputs", [])),
            parts(entry.get("outputs", [])),
            entry.get("stateMutability"),
            entry.get("anonymous"),
        )
        for entry in entries
    }


def parts(values: list[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(
        (v["name"], v["type"], v.get("indexed"), parts(v.get("components", []))) for v in values
    )


@pytest.mark.parametrize("network", ["mainnet", "testnet"])
@pytest.mark.parametrize("name", contracts.INTERFACE)
def test_the_interface_is_the_deployed_ones(
    official: dict[str, list[dict[str, Any]]], network: str, name: str
) -> None:
    """Constructors, functions, events, errors, with their names, tuples and indexes; no more."""
    ours = [
        entry
        for entry in abi(name)
        if network == "mainnet" or entry.get("name") not in MAINNET_ONLY
    ]

    assert described(ours) == described(official[f"{network}/{name}"])
    assert len(ours) == len(official[f"{network}/{name}"])


def test_every_contract_of_the_sdk_is_compared(official: dict[str, list[dict[str, Any]]]) -> None:
    both = {
        f"{network}/{name}" for network in ("mainnet", "testnet") for name in contracts.INTERFACE
    }

    assert official.keys() == both


@pytest.mark.parametrize("name", [*contracts.INTERFACE, "Market"])
def test_the_code_is_code(name: str) -> None:
    """Whole bytes, no place left open for a library, no hash of the compiler's metadata."""
    code = bytes.fromhex(contracts.bytecode(name).removeprefix("0x"))

    assert len(code) > 500
    assert b"ipfs" not in code
    assert b"solc" not in code
