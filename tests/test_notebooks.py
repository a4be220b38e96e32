"""What an output's metadata tells, and what is read of a notebook's file, whoever made it."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter import notebooks, render
from ogpu_jupyter.errors import InputError, UnknownName
from ogpu_jupyter.notebooks import Facts, facts
from ogpu_jupyter.tasks import Stage
from tests.helpers import ROOT
from tests.render import samples

if TYPE_CHECKING:
    from pathlib import Path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["cells", "outputs", "metadata", "ogpu", "tasks", "task", "chain_id"]),
        inner, max_size=5,
    ),
)  # fmt: skip


def write(path: Path, *told: Any) -> Path:
    """A notebook with a cell for each: what stands under `ogpu` in its one output."""
    cells = [{"outputs": [{"metadata": {"ogpu": each}}]} for each in told]
    path.write_text(json.dumps({"cells": cells}))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "analysis.ipynb"


@pytest.mark.parametrize("stage", Stage)
def test_what_is_told_is_read_again(file: Path, stage: Stage) -> None:
    """At every stage: who the task is, where, at what price, and how far it was."""
    record = samples.record(stage, item=3)
    (known,) = notebooks.read(write(file, facts(record))).tasks
    again = known.record()

    for name in ("address", "tx_hash", "payment", "fee", "stage", "name", "item", "source",
                 "function", "network", "expires_at"):  # fmt: skip
        assert getattr(again, name) == getattr(record, name), name
    assert known.is_on(record.network_id)


def test_the_facts_are_text_and_whole_numbers_and_documented() -> None:
    """Amounts are text, since JSON's numbers end at 2**53; each key stands in the document."""
    told = facts(samples.record(Stage.FINALIZED, item=1), "chat")
    document = (ROOT / "docs" / "record.md").read_text()

    assert {type(value) for value in told.values()} == {str, int}
    assert isinstance(told["payment"], str)
    assert set(told) == set(Facts.model_fields)
    assert set(re.findall(r"^\| `(\w+)` \|", document, re.MULTILINE)) == set(told)


def test_the_facts_hold_nothing_else() -> None:
    """Neither the data that was sent, nor where it is stored, nor whose account it was."""
    record = samples.record(Stage.FINALIZED, config_url="http://localhost/secret")
    told = json.dumps(facts(record))

    assert "Why is it?" not in told
    assert "secret" not in told
    assert record.account not in told


def test_each_task_once_where_it_is_first_and_as_it_was_last(file: Path) -> None:
    """Shown as sent, and again as paid two cells later, it is one task, and paid."""
    sent, paid = samples.record(Stage.SENT), samples.record(Stage.FINALIZED)
    other = samples.record(Stage.SENT, tx_hash="0x" + "77" * 32, name="other")
    adopted = {**facts(paid), "tx": ""}
    found = notebooks.read(write(file, facts(sent), facts(other), facts(paid), adopted))

    assert [(known.name, known.stage) for known in found.tasks] == [
        ("task", Stage.FINALIZED),
        ("other", Stage.SENT),
    ]


def test_one_hash_on_two_chains_is_two_tasks(file: Path) -> None:
    """A local network that was started anew may have the very same transaction."""
    told = facts(samples.record())
    found = notebooks.read(write(file, told, {**told, "genesis": "0x" + "cd" * 32}))

    assert len(found.tasks) == 2


def test_a_later_cell_says_as_what_it_is_shown(file: Path) -> None:
    """Whatever it was shown as before, and however far the task was then."""
    paid, sent = facts(samples.record(Stage.FINALIZED)), facts(samples.record(Stage.SENT))
    for told in ([paid, {**paid, "show": "table"}], [{**sent, "show": "table"}, paid],
                 [{**paid, "show": "text"}, {**paid, "show": "table"}, paid]):  # fmt: skip
        (known,) = notebooks.read(write(file, *told)).tasks
        assert (known.show, known.stage) == ("table", Stage.FINALIZED)


@pytest.mark.parametrize("show", [5, None, ["table"], "t" * 201])
def test_a_wish_that_makes_no_sense_hides_no_task(file: Path, show: Any) -> None:
    (known,) = notebooks.read(write(file, {**facts(samples.record()), "show": show})).tasks

    assert known.show == ""


def test_a_batch_lists_its_tasks(file: Path) -> None:
    records = [samples.record(item=n, tx_hash=f"0x{n:064x}", address="") for n in range(3)]
    found = notebooks.read(write(file, notebooks.many_facts(map(facts, records), 3)))

    assert [known.item for known in found.tasks] == [0, 1, 2]
    assert not found.has_more


def test_an_output_lists_no_more_tasks_than_a_notebook_should_hold(file: Path) -> None:
    """A batch of a million would make it a file that nobody can open."""
    most = notebooks.MOST_LISTED
    many = (samples.record(item=n, tx_hash=f"0x{n:064x}", address="") for n in itertools.count())
    told = notebooks.many_facts(map(facts, many), most + 7)
    found = notebooks.read(write(file, told))

    assert told["more"] == 7
    assert len(json.dumps(told)) < 200_000
    assert len(found.tasks) == most
    assert found.has_more


def test_an_older_notebook_tells_less(file: Path) -> None:
    """Five facts are enough; a chain that isn't told is any with the number."""
    told = {"task": samples.TASK, "tx": "", "chain_id": 31337, "payment": "5", "stage": "expired"}
    (known,) = notebooks.read(write(file, told)).tasks

    assert known.is_on(samples.record().network_id)
    assert "5 wei" in render.text(known.record(), {}, samples.NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"task": "0x12"}, {"task": samples.TASK + "\n"}, {"task": ["0x"]}, {"tx": "javascript:1"},
        {"payment": 5}, {"payment": "-5"}, {"payment": "9" * 41}, {"payment": "٣"},
        {"chain_id": "1"}, {"chain_id": -1}, {"chain_id": 2**80}, {"chain_id": True},
        {"stage": "paid"}, {"stage": None}, {"name": "n" * 201}, {"name": {}}, {"item": 1.5},
        {"created_at": 10**30}, {"expires_at": "soon"}, {"source": "<b>"}, {"fee": ""},
    ],
)  # fmt: skip
def test_a_fact_that_makes_no_sense_is_no_task(file: Path, wrong: dict[str, Any]) -> None:
    """It is counted, and the others are read."""
    good = facts(samples.record())
    found = notebooks.read(write(file, {**good, **wrong}, good))

    assert (len(found.tasks), found.unread) == (1, 1)


@given(JSON)
def test_any_json_is_read_without_an_error(tmp_path_factory: Any, value: Any) -> None:
    file = tmp_path_factory.mktemp("any") / "a.ipynb"
    file.write_text(json.dumps(value))

    assert notebooks.read(file).tasks == ()


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"<html>", b"[" * 3_000_000, b'{"cells": [', b'{"a":' * 100_000]
)
def test_what_is_no_notebook_is_said_to_be_none(file: Path, data: bytes) -> None:
    """Deep brackets neither end the process nor take long."""
    file.write_bytes(data)

    with pytest.raises(InputError, match=r"analysis\.ipynb is not a notebook that can be read"):
        notebooks.read(file)


def test_a_file_of_any_size_is_not_read_into_memory(file: Path) -> None:
    with file.open("wb") as out:
        out.truncate(notebooks.MAX_BYTES + 1)

    with pytest.raises(InputError, match="notebooks of up to 200,000,000 are read"):
        notebooks.read(file)


def test_there_may_be_many_but_not_any_number(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "MAX_TASKS", 5)
    told = [facts(samples.record(tx_hash=f"0x{n:064x}", address="")) for n in range(9)]

    assert len(notebooks.read(write(file, *told, *told)).tasks) == 5


# Which file it is


def test_the_server_tells_the_kernel_its_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file)
    monkeypatch.setenv("JPY_SESSION_NAME", str(file))

    assert notebooks.find(None, {}) == file


def test_a_server_s_own_path_is_found_beside_the_kernel(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file)
    monkeypatch.setenv("JPY_SESSION_NAME", "RTC:folder/analysis.ipynb")
    monkeypatch.chdir(file.parent)

    assert notebooks.find(None, {}).samefile(file)


def test_vs_code_tells_it_by_a_variable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)

    assert notebooks.find(None, {"__vsc_ipynb_file__": str(file)}) == file


@pytest.mark.parametrize("told", ["", "/gone/analysis.ipynb", "console-1-abc", "\0"])
def test_where_nobody_tells_a_name_is_asked_for(
    told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where the file was renamed or moved since the kernel began."""
    monkeypatch.chdir(tmp_path)
    namespace = {"__vsc_ipynb_file__": told}
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)

    with pytest.raises(UnknownName) as caught:
        notebooks.find(None, namespace)

    assert str(caught.value) == (
        "Which file this notebook is can't be told from here.\nNothing was spent.\n"
        "Type its name: `%ogpu show --all analysis.ipynb`."
    )


def test_a_typed_name_may_leave_the_ending_away(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file)
    monkeypatch.chdir(file.parent)

    assert notebooks.find("analysis", {}).samefile(file)
    assert notebooks.find("analysis.ipynb", {}).samefile(file)
    assert notebooks.find(str(file), {}) == file


@pytest.mark.parametrize("named", ["gone.ipynb", ".", "", "\0", "x" * 5000])
def test_a_name_of_no_file_says_so(
    named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UnknownName, match="There is no file"):
        notebooks.find(named, {})
