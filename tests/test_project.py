"""The project around the code: what it promises on its front page, and what it ships."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

import ogpu_jupyter
from ogpu_jupyter.magics.commands import OGPU, TASK
from tests.helpers import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
CONTRACTS = ["Controller", "Manager", "Nexus", "Response", "Source", "Task", "Terminal", "Vault"]


def project_files() -> list[Path]:
    """What git tracks, and what it would if it were asked to."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def test_commands_of_the_readme_exist() -> None:
    """What the README tells to type, make knows."""
    told = set(re.findall(r"\bmake ([a-z]+)", README))
    known = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))

    assert {"demo", "lab", "test", "lint"} <= told <= known


def test_help_lists_every_command() -> None:
    """`make` alone says what there is."""
    phony = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    printed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True)

    assert phony is not None
    assert re.findall(r"^ {2}make ([a-z]+)", printed.stdout, re.MULTILINE) == phony[1].split()


def test_pictures_and_links_of_the_readme_lead_somewhere() -> None:
    """Every relative link is a file of the project."""
    links = re.findall(r"\]\(([^)#\s]+)", README)
    local = [link for link in links if "://" not in link]

    assert [link for link in local if not (ROOT / link).exists()] == []


def test_readme_names_every_word_of_the_magics() -> None:
    """Each subcommand and each option, so that nobody has to guess."""
    words = [command.path for command in OGPU]
    words += [option.flag for command in (*OGPU, TASK) for option in command.options]

    assert [word for word in words if word not in README] == []


def test_changelog_begins_with_this_version() -> None:
    """A version is told to users when it is made."""
    versions = re.findall(r"^## \[?([0-9.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert versions[0] == ogpu_jupyter.__version__


def test_files_name_no_registry_and_no_machine() -> None:
    """A clone installs from where its user's tools are set to, on any machine."""
    hosts = ["npmjs" + ".org", "pypi" + ".org", "python" + "hosted", "artifact" + "ory"]
    places = ["/ro" + "ot/", "/wo" + "rk/", "/tm" + "p/w/", "/Us" + "ers/"]
    word = re.compile("|".join(re.escape(text) for text in hosts + places))
    hits = {
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in project_files()
        if (found := word.search(path.read_text(errors="replace")))
    }

    assert hits == set()


def test_no_lock_file() -> None:
    """A lock file would record one machine's registry."""
    names = {path.name for path in project_files()}

    assert names & {"package-lock.json", "uv.lock", "poetry.lock", "yarn.lock"} == set()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "ogpu_jupyter").rglob("*.py")), ids=lambda p: p.stem
)
def test_syntax_is_that_of_the_oldest_python(path: Path) -> None:
    """No module needs more than Python 3.10 to be read."""
    ast.parse(path.read_text(), feature_version=(3, 10))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in the wheel, built here without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return zipfile.ZipFile(next(folder.glob("*.whl"))).namelist()


def test_wheel_has_all_that_runs(wheel: list[str]) -> None:
    """The ABIs, the compiled contracts, the sources they come from, and the type marker."""
    abis = {f"ogpu_jupyter/chain/abi/{name}.json" for name in CONTRACTS}
    sources = {f"ogpu_jupyter/localnet/contracts/{name}.sol" for name in CONTRACTS}
    package = {
        str(path.relative_to(ROOT))
        for path in project_files()
        if path.is_relative_to(ROOT / "ogpu_jupyter")
    }

    assert abis | sources | {"ogpu_jupyter/py.typed"} <= set(wheel)
    assert package <= set(wheel)


def test_wheel_has_nothing_else(wheel: list[str]) -> None:
    """No tests, no notebooks, no leftovers."""
    others = [name for name in wheel if not re.match(r"ogpu_jupyter(-[0-9.]+\.dist-info)?/", name)]

    assert others == []


HIDE = """
import sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"eth", "PIL"}:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
"""

ASK = """
from IPython.testing.globalipapp import start_ipython
ip = start_ipython()
ip.run_line_magic("load_ext", "ogpu_jupyter")
print("loaded")
ip.run_cell("%ogpu connect local")
"""


def test_base_install_says_what_local_needs(tmp_path: Path) -> None:
    """Without the extra the extension loads, and `connect local` names what to install."""
    (tmp_path / "sitecustomize.py").write_text(HIDE)
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}

    ran = subprocess.run(
        [sys.executable, "-c", ASK],
        check=False,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "loaded" in ran.stdout, ran.stderr
    assert 'pip install "ogpu-jupyter[local]"' in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
