"""Imports go down only, and each third-party library has one home."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import ogpu_jupyter

PACKAGE = Path(ogpu_jupyter.__file__).parent

# From the bottom to the top. A module may import what stands on a lower line, or on its own.
LAYERS = [
    ["errors"],
    ["home", "transport", "units", "urls"],
    ["tasks"],
    ["chain.networks", "chain._web3", "content", "forms", "jobs", "render", "spending"],
    ["notebooks"],
    ["chain.rpc"],
    ["chain.contracts"],
    ["chain.transactions"],
    ["accounts", "chain.snapshots"],
    ["chain.client", "chain.events", "chain.w3", "journal"],
    ["frames", "linked", "promised", "publishing", "sending"],
    ["following", "reclaiming", "saving", "shipping"],
    ["choosing", "live"],
    ["widgets"],
    ["display"],
    ["localnet"],
    [
        "batch",
        "handle",
        "histories",
        "session",
        "stated",
    ],  # a task forwards to its session, which makes it
    ["forms.examples", "forms.origins", "widgets.desk", "widgets.form"],
    ["kernel", "rebuilding"],
    ["magics"],
    [""],
]

HOMES = {
    "IPython": ["magics", "display", "widgets", ""],
    "anywidget": ["widgets"],
    "ipywidgets": ["widgets"],
    "web3": ["chain", "localnet"],
    "eth_account": ["chain", "localnet"],
    "eth_abi": ["chain", "localnet"],
    "eth_utils": ["chain", "localnet"],
    "eth": ["localnet"],
    "PIL": ["localnet", "render.kinds.masks", "render.thumbnails"],
    "markdown_it": ["render.kinds.markdown"],
    "jsonschema": ["forms"],
    "sqlite3": ["journal"],
    "requests": ["transport", "content", "chain.rpc", "localnet"],
    "urllib3": ["transport", "content", "chain.rpc", "localnet"],
    "yaml": ["magics"],
    "keyring": ["accounts"],
    "websockets": ["chain.rpc"],
    "platformdirs": ["home"],
}


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(name: str, *, types: bool = True) -> set[tuple[str, bool]]:
    """Every module that is imported, also inside functions; True where it is one of ours.

    `if TYPE_CHECKING:` counts too: a type from above is knowledge of what is above.
    Without `types`, only what runs.
    """
    path = MODULES[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found: set[tuple[str, bool]] = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree if types else RunsOnly().visit(tree)):
        if isinstance(node, ast.Import):
            found |= {resolve(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= from_import(str(node.module).split("."), node)
        elif isinstance(node, ast.ImportFrom):
            base = [part for part in package if part][: len(package) - node.level + 1]
            found |= from_import(["ogpu_jupyter", *base, *(node.module or "").split(".")], node)
    return found


class RunsOnly(ast.NodeTransformer):
    """Takes out what only a type checker reads."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        typing = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if typing else self.generic_visit(node)


def from_import(base: list[str], node: ast.ImportFrom) -> set[tuple[str, bool]]:
    """`from ogpu_jupyter.chain import rpc` means `chain.rpc`, where there is such a module."""
    parent = ".".join(part for part in base if part)
    return {resolve(f"{parent}.{alias.name}", parent) for alias in node.names}


def resolve(full: str, parent: str = "") -> tuple[str, bool]:
    for text in (full, parent):
        top, _, rest = text.partition(".")
        if top == "ogpu_jupyter" and rest in MODULES:
            return rest, True
    return full.partition(".")[0], False


def within(name: str, home: str) -> bool:
    return name == home or (home != "" and name.startswith(f"{home}."))


def layer(name: str) -> int:
    """The line of the most exact entry: `chain.rpc`, then `chain`."""
    matches = [
        (len(entry), line)
        for line, entries in enumerate(LAYERS)
        for entry in entries
        if within(name, entry)
    ]
    assert matches, f"{name} stands in no layer"
    return max(matches)[1]


def empty(path: Path) -> bool:
    """A package's `__init__` that only has a docstring belongs to no layer."""
    body = ast.parse(path.read_text()).body
    return all(isinstance(node, ast.Expr) for node in body)


ALL = [name for name, path in MODULES.items() if not empty(path)]


@pytest.mark.parametrize("name", ALL, ids=lambda name: name or "__init__")
def test_imports_go_down_only(name: str) -> None:
    """No module knows what stands above it."""
    above = {
        other
        for other, ours in imports(name)
        if ours and other in ALL and layer(other) > layer(name)
    }

    assert above == set()


def test_no_circles() -> None:
    """What runs can be loaded in one order, also inside a layer."""
    left = {name: {other for other, ours in imports(name, types=False) if ours} for name in MODULES}
    while free := {name for name, needs in left.items() if not (needs - {name}) & left.keys()}:
        left = {name: needs for name, needs in left.items() if name not in free}

    assert left == {}


@pytest.mark.parametrize("library", HOMES)
def test_each_library_has_one_home(library: str) -> None:
    """Where a library is used is known, so that it can be replaced there."""
    users = {name for name in ALL if (library, False) in imports(name, types=False)}
    strangers = {name for name in users if not any(within(name, home) for home in HOMES[library])}

    assert strangers == set()


def test_the_layers_are_seen() -> None:
    """The test above would pass on an empty set: this one holds the reader to the tree."""
    assert ("errors", True) in imports("units")
    assert ("tasks", True) in imports("journal")
    assert ("eth_account", False) in imports("chain._web3")
    assert len(ALL) > 20
