"""The journal's file: where it lies, who may read it, and what is done with a strange one."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import pytest

from ogpu_jupyter.errors import JournalError
from ogpu_jupyter.journal import Journal, journal_path
from tests.journalling import NETWORK, draft

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def journal(ogpu_home: Path) -> Iterator[Journal]:
    with Journal() as opened:
        yield opened


def test_it_lies_where_it_is_told_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The argument, then OGPU_JUPYTER_HOME, then the platform's data directory."""
    monkeypatch.setenv("OGPU_JUPYTER_HOME", str(tmp_path / "home"))
    with Journal(tmp_path / "mine.db") as mine, Journal() as homely:
        assert mine.path == tmp_path / "mine.db"
        assert homely.path == journal_path() == tmp_path / "home" / "journal.sqlite3"

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OGPU_JUPYTER_HOME", "~/mine")
    assert journal_path() == tmp_path / "mine" / "journal.sqlite3"

    monkeypatch.delenv("OGPU_JUPYTER_HOME")
    assert journal_path().parent == Path(platformdirs.user_data_dir("ogpu_jupyter"))


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_can_read_it(ogpu_home: Path) -> None:
    """Whatever the umask is, with all files beside it."""
    old = os.umask(0)
    try:
        with Journal() as journal:
            journal.intend(draft())
            files = [path for path in ogpu_home.rglob("*") if path.is_file()]
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in files}
            folders = [ogpu_home, *(path for path in ogpu_home.rglob("*") if path.is_dir())]
    finally:
        os.umask(old)

    assert {"journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_that_others_could_read_is_closed_to_them(ogpu_home: Path) -> None:
    """A person's folder stays as the person has made it."""
    ogpu_home.mkdir(mode=0o755)
    with Journal() as journal:
        path = journal.path
    path.chmod(0o644)
    with Journal():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(ogpu_home.stat().st_mode) == 0o755


def test_it_is_in_wal_mode(journal: Journal) -> None:
    """So that a reader never waits for a writer."""
    connection = sqlite3.connect(journal.path)
    try:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        connection.close()


def damage(path: Path, where: slice, what: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[where] = what
    path.write_bytes(data)


def test_a_damaged_file_is_left_as_it_is(ogpu_home: Path) -> None:
    """And the message says what to do about it."""
    with Journal() as journal:
        journal.intend(draft())
        path = journal.path
    damage(path, slice(0, 100), b"\0" * 100)
    before = path.read_bytes()

    with pytest.raises(JournalError) as error:
        Journal()

    assert str(error.value) == (
        f"The journal {path} is damaged: file is not a database. It was left as it is.\n"
        "Move the file away, or put a copy back; a new one is made. "
        "Tasks on chain are not lost: `%ogpu show <address>` finds them."
    )
    assert path.read_bytes() == before


def test_damage_within_is_told_when_it_is_met(ogpu_home: Path) -> None:
    """Not as SQLite's exception."""
    with Journal() as journal:
        for n in range(50):
            journal.intend(draft(name=f"t{n}"))
        path = journal.path
    damage(path, slice(4096, None), b"\xff" * 20_000)

    with pytest.raises(JournalError, match=r"is damaged: .*malformed"):
        open_and_read()


def open_and_read() -> None:
    with Journal() as journal:
        journal.tasks()


@pytest.mark.parametrize("content", [b"not a database at all, but a letter", b"SQLite format 2"])
def test_a_file_of_another_kind_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    """A slip in the path costs nobody their thesis."""
    path = tmp_path / "thesis.txt"
    path.write_bytes(content)
    path.chmod(0o644)

    with pytest.raises(JournalError, match="It was left as it is"):
        Journal(path)

    assert path.read_bytes() == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("sql", ["CREATE TABLE mine (a)", "PRAGMA user_version = 3"])
def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path, sql: str) -> None:
    """It is recognised by its contents, not by its name."""
    path = tmp_path / "theirs.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()
    before = path.read_bytes()

    with pytest.raises(JournalError) as error:
        Journal(path)

    assert str(error.value) == (
        f"{path} is a database of another program. It was left as it is.\n"
        "Nothing was spent.\nSet OGPU_JUPYTER_HOME to another folder, or name another file."
    )
    assert path.read_bytes() == before


def test_a_newer_file_is_left_as_it_is(ogpu_home: Path) -> None:
    """An old kernel doesn't write what it doesn't know."""
    with Journal() as journal:
        path = journal.path
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()

    with pytest.raises(JournalError) as error:
        Journal()

    assert str(error.value) == (
        f"{path} was written by a newer version of ogpu-jupyter. It was left as it is.\n"
        "Nothing was spent.\nType `%pip install -U ogpu-jupyter`, then restart the kernel."
    )


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    """As one that was killed before it wrote its first byte."""
    path = tmp_path / "journal.sqlite3"
    path.touch()
    with Journal(path) as journal:
        assert journal.intend(draft())[1] is True


def test_each_step_of_the_format_is_taken_once(ogpu_home: Path) -> None:
    """A file of any earlier step is brought forward, with what is in it."""
    from ogpu_jupyter.journal import file

    steps = file._MIGRATIONS
    with pytest.MonkeyPatch.context() as patch:
        for number in range(1, len(steps) + 1):
            patch.setattr(file, "_MIGRATIONS", steps[:number])
            Journal().close()
        patch.setattr(file, "_MIGRATIONS", (*steps, "CREATE TABLE later (a)"))
        with Journal() as journal:
            journal.intend(draft())
        Journal().close()
    connection = sqlite3.connect(ogpu_home / "journal.sqlite3")
    try:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(steps) + 1,)
        assert connection.execute("SELECT count(*) FROM later").fetchone() == (0,)
    finally:
        connection.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(ogpu_home: Path) -> None:
    """A migration is kept whole or not at all."""
    from ogpu_jupyter.journal import file

    with Journal() as journal:
        journal.intend(draft())
    bad = (*file._MIGRATIONS, "CREATE TABLE half (a); CREATE TABLE tasks (b)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file, "_MIGRATIONS", bad)
        with pytest.raises(JournalError, match="already exists"):
            Journal()

    with Journal() as journal:
        assert len(journal.tasks()) == 1


def test_a_folder_that_can_not_be_made_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With its name, and what to set instead."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("OGPU_JUPYTER_HOME", str(tmp_path / "file" / "home"))

    with pytest.raises(JournalError) as error:
        Journal()

    assert "can't be used: Not a directory." in str(error.value)
    assert "set OGPU_JUPYTER_HOME to a folder that is" in str(error.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_is_read_only_is_told(ogpu_home: Path) -> None:
    """With its name, and what to set instead."""
    ogpu_home.mkdir(mode=0o500)
    with pytest.raises(JournalError, match="can't be written to: Permission denied"):
        Journal()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder closed also to root")
def test_a_folder_that_takes_no_files_is_told() -> None:
    """Also to root."""
    with pytest.raises(JournalError, match=r"folder /proc/.* can't be written to"):
        Journal(Path("/proc/journal.sqlite3"))


def test_a_folder_in_the_files_place_is_told(tmp_path: Path) -> None:
    """Not as SQLite's exception."""
    with pytest.raises(JournalError, match="can't be used: Is a directory"):
        Journal(tmp_path)


def test_a_closed_journal_says_so(ogpu_home: Path) -> None:
    """Not as SQLite's exception; closing twice is fine."""
    journal = Journal()
    journal.close()
    journal.close()

    with pytest.raises(JournalError, match="is closed"):
        journal.tasks()


def test_a_record_that_can_not_be_read_is_told(journal: Journal) -> None:
    """As one that a newer version wrote, with a stage that we don't know."""
    task, _ = journal.intend(draft())
    connection = sqlite3.connect(journal.path)
    with connection:
        connection.execute("UPDATE tasks SET record = replace(record, 'intended', 'dreamt')")
    connection.close()

    with pytest.raises(JournalError, match="A record in the journal can't be read"):
        journal.task(task.key)


def test_thousands_of_tasks_are_quick(journal: Journal) -> None:
    """In one transaction, they are one write."""
    with journal.atomic():
        for n in range(2000):
            journal.intend(draft(name=f"rows_{n}"))

    assert len(journal.find(NETWORK, "rows_1999")) == 1
    assert len(journal.tasks(NETWORK, open_only=True, limit=10)) == 10
