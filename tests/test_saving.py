"""`task.save(path)`: the format by the suffix or the kind, whole files, nothing written over."""

from __future__ import annotations

import base64
import io
import json
import os
import wave
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from ogpu_jupyter import saving
from ogpu_jupyter.errors import InputError
from ogpu_jupyter.render.drawing import file_name
from ogpu_jupyter.render.files import Contents
from ogpu_jupyter.saving import save, save_beside
from tests.fake_task import FakeTask
from tests.render import samples

TABLE, _ = samples.ANSWERS["table"]
PNG = samples.picture("PNG")
JPEG = samples.picture("JPEG")


def sound() -> str:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(1600))
    return base64.b64encode(out.getvalue()).decode()


@pytest.mark.parametrize(
    ("value", "suffix"),
    [
        ("Paris", ".txt"),
        (samples.ANSWERS["chat"][0], ".md"),
        (samples.ANSWERS["summary"][0], ".txt"),
        (samples.ANSWERS["transcript"][0], ".txt"),
        (samples.ANSWERS["labels"][0], ".csv"),
        (samples.ANSWERS["detections"][0], ".csv"),
        (TABLE, ".csv"),
        ({"image_base64": PNG}, ".png"),
        ({"image_base64": JPEG}, ".jpg"),
        ({"image_base64": PNG, "seed": 7}, ".png"),
        ({"audio": sound()}, ".wav"),
        (samples.ANSWERS["json"][0], ".json"),
        (samples.ANSWERS["embeddings"][0], ".csv"),
        (None, ".json"),
    ],
)
def test_the_kind_says_the_format(value: Any, suffix: str, tmp_path: Path) -> None:
    """In a folder under a name of ours, and where the path has no suffix."""
    named = save(value, tmp_path / "mine")
    placed = save(value, tmp_path, name="describe-12")

    assert named == tmp_path / f"mine{suffix}"
    assert placed == tmp_path / f"describe-12{suffix}"
    assert isinstance(placed, Path)
    assert placed.stat().st_size > 0


def test_what_is_in_the_files(tmp_path: Path) -> None:
    """The whole answer, in each format that fits it."""

    def content(value: Any, name: str) -> str:
        found = save(value, tmp_path / name)
        assert isinstance(found, Path)
        return found.read_text()

    assert content(samples.ANSWERS["chat"][0], "a.md").startswith("Paris.\n\nIt has been")
    assert content(samples.ANSWERS["transcript"][0], "a.txt").strip().endswith("How are you?")
    assert json.loads(content(TABLE, "a.json")) == TABLE
    assert content(TABLE, "a.csv").startswith("city,rain,days,coast\nOslo,763.2,160,true\n")
    assert content(TABLE, "a.tsv").startswith("city\train\tdays\tcoast\n")
    assert "\n0.0,1.4, Hello there.\n" in content(samples.ANSWERS["transcript"][0], "b.csv")
    assert pd.read_parquet(save(TABLE, tmp_path / "a.parquet"))["days"].tolist()[0] == 160


def test_a_formula_is_text(tmp_path: Path) -> None:
    """A spreadsheet that opens the file runs nothing; numbers below zero stay numbers."""
    texts = [("=HYPERLINK(1)", "@x"), ("-1.5", "-2+3"), ("+1", "\tx"), ("-1e-3", "-1+a|b!c")]
    rows = [{"=n": first, "b": second} for first, second in texts]

    found = save(rows, tmp_path / "a.csv")

    assert isinstance(found, Path)
    assert found.read_text().splitlines() == [
        "'=n,b", "'=HYPERLINK(1),'@x", "-1.5,'-2+3", '\'+1,"\tx"', '-1e-3,"\'-1+a|b!c"',
    ]  # fmt: skip


def test_pictures_are_what_their_names_say(tmp_path: Path) -> None:
    """The bytes that were checked, or converted ones."""
    value = {"image_base64": PNG}

    same, other = save(value, tmp_path / "a.PNG"), save(value, tmp_path / "a.jpeg")

    assert isinstance(same, Path)
    assert isinstance(other, Path)
    assert same.read_bytes() == base64.b64decode(PNG)
    with Image.open(other) as image:
        assert (image.format, image.size) == ("JPEG", (360, 240))


def test_several_pictures_are_numbered(tmp_path: Path) -> None:
    """All or none of them; each of its own type."""
    value = {"images": [PNG, JPEG, PNG]}
    (tmp_path / "b-2.jpg").write_text("mine")

    found = save(value, tmp_path / "a")

    assert isinstance(found, list)
    assert [path.name for path in found] == ["a-1.png", "a-2.jpg", "a-3.png"]
    assert [path.name for path in save(value, tmp_path / "c.png")] == [  # type: ignore[union-attr]
        "c-1.png", "c-2.png", "c-3.png",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"(?s)b-2\.jpg.*already"):
        save(value, tmp_path / "b")
    assert not (tmp_path / "b-1.png").exists()


@pytest.mark.parametrize(
    ("value", "name", "words"),
    [
        (TABLE, "a.xyz", r"not kept as '\.xyz'.*fits '\.csv'"),
        (TABLE, "a.txt", r"not a text.*fits '\.csv'"),
        (TABLE, "a.png", r"not a picture.*fits '\.csv'"),
        ("Paris", "a.wav", r"not sound.*fits '\.txt'"),
        ({"a": {"b": {"c": 1}}}, "a.csv", r"has no rows"),
        ({"audio": sound()}, "a.mp3", r"audio/wav.*'\.wav'"),
        ({"a": {"b": []}}, "a.md", r"`\.json` takes any"),
    ],
)
def test_a_format_that_does_not_fit(value: Any, name: str, words: str, tmp_path: Path) -> None:
    """Says which does, and writes nothing."""
    with pytest.raises(InputError, match=f"(?s){words}"):
        save(value, tmp_path / name)

    assert list(tmp_path.glob("a*")) == []


def test_nothing_is_written_over_unless_asked(tmp_path: Path) -> None:
    """And then the new file is there at once, with the rights that a new file has."""
    place = tmp_path / "a.txt"
    place.write_text("mine")

    with pytest.raises(InputError, match=r"(?s)already.*overwrite=True"):
        save("Paris", place)
    assert place.read_text() == "mine"

    save("Paris", place, overwrite=True)
    assert place.read_text() == "Paris"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.txt"]
    umask = os.umask(0)
    os.umask(umask)
    assert place.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_folder_has_to_be_there(tmp_path: Path) -> None:
    """None is made; and a folder is no file."""
    (tmp_path / "a.json").mkdir()

    with pytest.raises(InputError, match="There is no folder"):
        save("x", tmp_path / "new" / "a.txt")
    with pytest.raises(InputError, match="There is no folder"):
        save("x", f"{tmp_path}/new/")
    assert save("x", tmp_path / "a.json", name="n") == tmp_path / "a.json" / "n.txt"


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a person writes it."""
    monkeypatch.setenv("HOME", str(tmp_path))

    assert save("x", "~/a.txt") == tmp_path / "a.txt"


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a part of the file nor its temporary one."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space"):
        save("x", tmp_path / "a.txt")

    assert [path for path in tmp_path.iterdir() if path.is_file()] == []


def test_names_are_ours() -> None:
    """The function as it was typed, without what a path or a shell could take amiss."""
    assert file_name(samples.record(function="text2image", key=12)) == "text2image-12"
    assert file_name(samples.record(function="../../etc/x y", item=3, key=4)) == "etc-x-y-4-3"
    assert file_name(samples.record(function="…", key=4)) == "answer-4"


def test_saved_beside_the_notebook_once(tmp_path: Path) -> None:
    """The same answer is the same file; another one gets a free name."""
    first = save_beside("Paris", tmp_path, name="chat-1")
    again = save_beside("Paris", tmp_path, name="chat-1")
    other = save_beside("Rome", tmp_path, name="chat-1")

    assert [path.name for path in (*first, *again)] == ["chat-1.txt"] * 2
    assert [path.name for path in other] == ["chat-1-2.txt"]


def test_the_button_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the view of one's own layouts, as soon as there is an answer."""
    from ogpu_jupyter.widgets.saver import Saver

    monkeypatch.chdir(tmp_path)
    record, answers = samples.answered({"image_base64": PNG})
    task = FakeTask(record)
    saver = Saver(task)
    before = len(saver.box.children)

    task.advance(answers=answers)
    saver.draw()
    saver.box.children[0].click()

    assert before == 0
    assert saver.box.children[0].description == "Save"
    assert "Saved as text2text-7.png." in saver.box.children[1].value
    assert 'role="status"' in saver.box.children[1].value
    assert (tmp_path / "text2text-7.png").read_bytes() == base64.b64decode(PNG)


def test_a_link_carries_no_type_that_a_browser_runs() -> None:
    """Whatever the answer is: text, JSON, CSV, checked pictures, sound and film."""
    for value in ("<script>x</script>", [{"a": "<svg>"}], {"html": {"a": ["<b>"]}}):
        assert {file.media for file in Contents(value).files} <= {
            "text/plain", "text/markdown", "text/csv", "application/json",
        }  # fmt: skip


def test_a_task_of_a_session(session: Any, tmp_path: Path) -> None:
    """Waited for, and saved in a folder under its function and number."""
    session.deposit(1)
    task = session.publish("describe", "describe", {"rows": [{"a": 1}, {"a": 2}]})

    path = task.save(tmp_path, timeout=60)

    assert path == tmp_path / f"describe-{task.record.key}.json"
    assert json.loads(path.read_text()) == task.result()
    assert saving.said(path) == f"Saved as describe-{task.record.key}.json."
