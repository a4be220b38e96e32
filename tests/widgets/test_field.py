"""From a field to its control, and from what is typed there back to a value."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest

from ogpu_jupyter.forms.fields import (
    DEPTH,
    MISSING,
    Choice,
    Field,
    File,
    Flag,
    Link,
    Listing,
    Mapping,
    Number,
    Problem,
    Raw,
    Record,
    Text,
    start,
)
from ogpu_jupyter.widgets import field as fields
from tests.widgets.forms import (
    CAT,
    COLOURS,
    MESSAGE,
    PET,
    PIXEL,
    ROUND_TRIPS,
    Heard,
    every,
    find,
    words,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ogpu_jupyter.widgets.uploads import FileControl

CASES = [(name, value) for name, (_, values) in ROUND_TRIPS.items() for value in values]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.mark.parametrize(("name", "value"), CASES, ids=lambda case: str(case)[:24])
def test_what_is_filled_in_comes_back(heard: Heard, name: str, value: Any) -> None:
    """Every kind, with its ways to have no value; and the form itself is nobody who types."""
    made = heard.control(ROUND_TRIPS[name][0])
    made.fill(value)

    assert made.value == value
    assert type(made.value) is type(value)
    assert heard.changes == 0


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_each_kind_begins_with_a_value_that_it_can_show(heard: Heard, name: str) -> None:
    """Filled with what a form begins with; emptied; filled again."""
    field = ROUND_TRIPS[name][0].resolved
    made = heard.control(field)
    made.fill(start(field))
    first = made.value
    for value in ROUND_TRIPS[name][1]:
        made.fill(value)
    made.fill(first)

    assert made.value == first


@pytest.mark.parametrize("name", ROUND_TRIPS)
@pytest.mark.parametrize("odd", [["x"], 3, True, "word"], ids=str)
def test_what_does_not_fit_is_kept(heard: Heard, name: str, odd: Any) -> None:
    """A value of another kind is not lost and not another: the check says what is wrong."""
    made = heard.control(ROUND_TRIPS[name][0])
    made.fill(odd)

    assert made.value == odd


def test_every_kind_of_field_is_known() -> None:
    """A new kind has a control, or this fails."""
    assert set(fields._KINDS) == set(Field.__subclasses__()) - {Link}


@pytest.mark.parametrize(
    ("typed", "value"),
    [("7", 7), (" 7 ", 7), ("1.50", 1.5), ("1e3", 1000.0), ("-.5", -0.5), ("", MISSING),
     ("seven", "seven"), ("1,5", "1,5"), ("nan", "nan"), ("1e999", "1e999"), ("\u0663", "\u0663"),
     ("9" * 500, "9" * 500)],
)  # fmt: skip
def test_numbers_are_exact_or_stay_as_they_were_typed(
    heard: Heard, typed: str, value: object
) -> None:
    """What is no number is left for the check to name."""
    made = heard.control(Number())
    find(made.widget, "It").value = typed

    assert made.value == value
    assert heard.changes == bool(typed)


def test_a_constant_is_there_and_not_shown(heard: Heard) -> None:
    """Nobody chooses among one."""
    made = heard.control(CAT)
    made.fill({"name": "Tom"})

    assert made.value == {"kind": "cat", "name": "Tom"}
    shown = [c for c in made.widget.children[-1].children if "ogpu-f-hide" not in c._dom_classes]
    assert len(shown) == 2


def test_defaults_stand_in_the_form(heard: Heard) -> None:
    """A field with a default needs no way to be left out."""
    made = heard.control(
        Record(fields=(("warmth", Number(default=0.7, required=False)),
                       ("exact", Flag(default=True, required=False))))
    )  # fmt: skip
    made.fill({})

    assert made.value == {"warmth": 0.7, "exact": True}
    assert find(made.widget, "Warmth").value == "0.7"
    assert isinstance(find(made.widget, "Exact"), ipywidgets.Checkbox)


def test_a_choice_without_a_default_is_nobodys(heard: Heard) -> None:
    """The first is not taken in silence."""
    made = heard.control(Choice(options=COLOURS.options))
    made.fill(MISSING)
    long = heard.control(Choice(options=tuple((str(n), n) for n in range(9))))
    long.fill(MISSING)

    assert (made.value, long.value) == (MISSING, MISSING)
    find(long.widget, "It").value = 3
    assert long.value == 3


def test_the_widgets_of_each_format(heard: Heard) -> None:
    """Pickers for dates and times, an area for long text, radio buttons for a few."""
    kinds = {
        ipywidgets.DatePicker: Text(format="date"),
        ipywidgets.DatetimePicker: Text(format="date-time"),
        ipywidgets.TimePicker: Text(format="time"),
        ipywidgets.Textarea: Text(long=True),
        ipywidgets.Text: Text(),
        ipywidgets.Password: Text(format="password"),
        ipywidgets.RadioButtons: COLOURS,
        ipywidgets.Checkbox: Flag(),
    }
    for kind, field in kinds.items():
        assert type(find(heard.control(field).widget, "It")) is kind
    many = Choice(options=tuple((str(n), n) for n in range(9)))
    assert type(find(heard.control(many).widget, "It")) is ipywidgets.Dropdown


def test_an_empty_box_means_what_is_chosen(heard: Heard) -> None:
    """Left out, null and empty text are three things."""
    made = heard.control(Text(required=False, nullable=True))
    meaning = find(made.widget, "Empty means")
    values = []
    for place in range(len(meaning.options)):
        meaning.value = place
        values.append(made.value)

    assert values == [MISSING, None, ""]
    find(made.widget, "It (optional)").value = "x"
    assert made.value == "x"


def test_a_group_is_made_when_it_is_wanted(heard: Heard) -> None:
    """Left out at first; given, it begins with its defaults; left out again, it remembers."""
    field = Record(fields=(("warmth", Number(default=0.7)),), required=False, nullable=True)
    made = heard.control(field)
    made.fill(MISSING)
    mode = find(made.widget, "It")
    before = len(every(made.widget))
    mode.value = -1
    find(made.widget, "Warmth").value = "0.9"

    assert made.value == {"warmth": 0.9}
    assert len(every(made.widget)) > before
    mode.value = 1
    assert made.value is None
    mode.value = -1
    assert made.value == {"warmth": 0.9}


# Lists


def listing(heard: Heard, *items: str, **rules: Any) -> Any:
    made = heard.control(Listing(item=Text(), **rules))
    made.fill(list(items))
    return made


def test_rows_are_added_moved_and_removed(heard: Heard) -> None:
    """By their buttons; each press is heard once, and the focus follows."""
    made = listing(heard, "a", "b", "c")
    find(made.widget, "Move It 3 up").click()
    assert made.value == ["a", "c", "b"]
    find(made.widget, "Move It 1 down").click()
    assert made.value == ["c", "a", "b"]
    find(made.widget, "Remove It 2").click()
    assert made.value == ["c", "b"]
    find(made.widget, "Add to It").click()

    assert made.value == ["c", "b", ""]
    assert heard.changes == 4
    ends = [place.rpartition("-")[2] for place in heard.focused]
    assert ends[:3] == ["up", "down", "remove"]
    assert len(heard.focused) == 4


def test_the_ends_of_a_list(heard: Heard) -> None:
    """The first goes no further up; as few and as many as are allowed."""
    made = listing(heard, "a", "b", min_items=2, max_items=3)
    assert find(made.widget, "Move It 1 up").disabled
    assert find(made.widget, "Move It 2 down").disabled
    assert find(made.widget, "Remove It 1").disabled

    find(made.widget, "Add to It").click()
    find(made.widget, "Add to It").click()
    assert made.value == ["a", "b", ""]
    find(made.widget, "Remove It 1").click()
    find(made.widget, "Remove It 1").click()
    assert made.value == ["b", ""]


def test_moving_keeps_what_is_half_typed(heard: Heard) -> None:
    """A row goes with all that stands in it, also what is no number yet."""
    made = heard.control(Listing(item=Number()))
    made.fill([1, 2])
    find(made.widget, "It 1").value = "1x"
    find(made.widget, "Move It 1 down").click()

    assert made.value == [2, "1x"]


def test_the_places_of_a_tuple_stay(heard: Heard) -> None:
    """They differ, so they are not moved, and nothing is added."""
    made = heard.control(Listing(heads=(Text(), Number())))
    made.fill(["a", 1])

    assert find(made.widget, "Move It 2 up").disabled
    assert find(made.widget, "Remove It 1").disabled
    assert find(made.widget, "Add to It").disabled


def test_a_removed_row_leaves_nothing(heard: Heard) -> None:
    """Neither its widgets nor its share of the budget."""
    made = heard.control(Listing(item=MESSAGE))
    made.fill([{"role": "red", "content": "x"}])  # what all controls share is made once
    made.fill([])
    before, left = set(ipywidgets.widgets.widget._instances), heard.bench.left
    made.fill([{"role": "red", "content": "x"}] * 3)
    made.fill([])

    assert set(ipywidgets.widgets.widget._instances) == before
    assert heard.bench.left == left


# Keys and values


def test_pairs_are_added_and_removed(heard: Heard) -> None:
    made = heard.control(Mapping(value=Number()))
    made.fill({"a": 1, "b": 2})
    find(made.widget, "Add to It").click()
    find(made.widget, "Key 3").value = "c"
    find(made.widget, "Value 3").value = "3"
    assert made.value == {"a": 1, "b": 2, "c": 3}

    find(made.widget, "Remove It 1").click()

    assert made.value == {"b": 2, "c": 3}


def test_a_key_that_stands_twice_is_told(heard: Heard) -> None:
    """One of the values would be lost."""
    made = heard.control(Mapping(value=Number()))
    made.fill({"a": 1, "b": 2})
    find(made.widget, "Key 2").value = "a"

    assert [fault.message for fault in made.faults()] == ["The key 'a' stands twice."]


# Unions


def test_what_kinds_have_in_common_is_kept(heard: Heard) -> None:
    """Another kind is chosen: its own fields, and the name that was typed."""
    made = heard.control(PET)
    made.fill({"kind": "cat", "name": "Tom", "lives": 9})
    find(made.widget, "Kind").value = 1

    assert made.value == {"kind": "dog", "name": "Tom", "barks": False}
    find(made.widget, "Name").value = "Rex"
    find(made.widget, "Kind").value = 0
    assert made.value == {"kind": "cat", "name": "Rex", "lives": 9}


def test_an_unfinished_record_goes_where_its_tag_says(heard: Heard) -> None:
    """Not to the first kind, for want of a field."""
    made = heard.control(PET)
    made.fill({"kind": "dog"})

    assert made.value == {"kind": "dog", "name": "", "barks": False}


# Problems


def problem(*path: str | int, message: str = "It is wrong") -> Problem:
    return Problem(path, message)


def test_a_problem_stands_where_it_belongs(heard: Heard) -> None:
    """At the field of its path, in lists, mappings, unions and what is optional; else above it."""
    field = Record(
        fields=(("rows", Listing(item=MESSAGE)), ("weights", Mapping(value=Number())),
                ("pet", PET), ("maybe", replace(MESSAGE, required=False)), ("raw", Raw()))
    )  # fmt: skip
    made = heard.control(field)
    made.fill(
        {"rows": [{"content": "a"}, {"content": "b"}], "weights": {"a": 1},
         "pet": {"kind": "dog", "name": ""}, "maybe": {"content": ""}, "raw": 1}
    )  # fmt: skip
    places = [
        ("rows", 1, "content"), ("weights", "a"), ("pet", "name"), ("maybe", "role"),
        ("raw", "deep", 0), ("rows", 7), ("nowhere",), (),
    ]  # fmt: skip
    made.show([problem(*place, message=f"At {place}") for place in places], every=True)
    shown = {each.name: each.wrong for each in made.all() if each.wrong}

    assert shown == {
        "Content": "At ('rows', 1, 'content')",
        "Value 1": "At ('weights', 'a')",
        "Name": "At ('pet', 'name')",
        "Role": "At ('maybe', 'role')",
        "Raw": "deep[0]: At ('raw', 'deep', 0)",
        "Rows": "[7]: At ('rows', 7)",
        "It": "nowhere: At ('nowhere',) At ()",
    }
    made.show([], every=True)
    assert not any(each.wrong for each in made.all())


def test_untouched_fields_are_not_blamed(heard: Heard) -> None:
    """Until somebody asks for all; what was typed is blamed at once."""
    made = heard.control(Record(fields=(("a", Text()), ("b", Text()))))
    made.fill({"a": "", "b": ""})
    find(made.widget, "A").value = "x"
    both = [problem("a"), problem("b")]
    made.show(both, every=False)
    assert [each.name for each in made.all() if each.wrong] == ["A"]

    made.show(both, every=True)

    assert [each.name for each in made.all() if each.wrong] == ["A", "B"]


def test_strangers_words_stay_words(heard: Heard) -> None:
    """Titles, descriptions, options, patterns and messages of a schema are text, and bounded."""
    evil = "<img src=x onerror=alert(1)>\u202e\x1b[31m" * 50
    field = Record(
        title=evil,
        description=evil,
        fields=((evil, Text(title=evil, description=evil, pattern=evil)),
                ("c", Choice(options=((evil, evil), (evil, 2)))),
                ("l", Listing(title=evil, item=Number()))),
    )  # fmt: skip
    made = heard.control(field)
    made.fill({evil: evil, "c": evil, "l": [evil]})
    made.show([problem(evil, message=evil), problem("c", evil, message=evil)], every=True)
    html = words(made.widget)

    assert "<img" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert len(html) < 20_000
    for widget in every(made.widget):
        assert len(getattr(widget, "description", "") or "") < 200
        assert not getattr(widget, "description_allow_html", False)


# Bounds


def endless(width: int) -> Field:
    link = Link(target=lambda: endless(width))
    return Record(fields=tuple((f"f{n}", link) for n in range(width)))


@pytest.mark.parametrize("width", [1, 3])
def test_a_schema_without_an_end_has_one(heard: Heard, width: int) -> None:
    """Below a depth, and beyond a number of controls, a field is typed as JSON."""
    made = heard.control(endless(width))

    assert len(list(made.all())) < 4000
    assert max(each.depth for each in made.all()) <= DEPTH + 1


# Files


def png() -> bytes:
    return base64.b64decode(PIXEL)


def upload(made: Any, name: str, kind: str, data: bytes, *, parts: int = 2) -> None:
    """What the page sends."""
    box = made._file
    send = box._msg_callbacks
    send(box, {"kind": "file", "name": name, "type": kind}, [])
    size = max(1, len(data) // parts)
    for at in range(0, len(data), size):
        send(box, {"kind": "part"}, [memoryview(data[at : at + size])])
    send(box, {"kind": "end"}, [])


@pytest.mark.parametrize(
    ("as_", "expected"), [("base64", PIXEL), ("data_url", f"data:image/png;base64,{PIXEL}")]
)
def test_a_picture_is_uploaded_in_parts_and_shown(heard: Heard, as_: Any, expected: str) -> None:
    """By its bytes, whatever the browser calls it."""
    made = heard.control(File(as_=as_, accept=("image/*",)))
    upload(made, "a<b>.txt", "text/plain", png())

    assert made.value == expected
    assert heard.changes == 1
    assert f'src="data:image/png;base64,{PIXEL}"' in words(made.widget)
    assert "a&lt;b&gt;.txt, PNG image, 1 \u00d7 1" in words(made.widget)


def test_a_path_is_read_where_the_kernel_runs(heard: Heard, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    made = heard.control(File(as_="text"))
    find(made.widget, "or its path, where the kernel runs").value = str(tmp_path / "rows.csv")

    assert made.value == "a,b\n1,2\n"
    find(made.widget, "Remove the file of It").click()
    assert made.value is MISSING


def refusal(made: FileControl) -> str:
    (fault,) = made.faults()
    return fault.message


def test_what_is_too_large_is_refused_with_its_size(heard: Heard, tmp_path: Path) -> None:
    """Before it is read, before it is sent; and what was there stays."""
    (tmp_path / "big").write_bytes(bytes(2000))
    made: Any = heard.control(File(max_bytes=1000))
    upload(made, "small", "", b"abc")
    find(made.widget, "or its path, where the kernel runs").value = str(tmp_path / "big")
    assert refusal(made) == "big has 2.0 kB; this takes at most 1.0 kB."
    made._file._msg_callbacks(made._file, {"kind": "large", "name": "huge", "size": 5 * 10**9}, [])
    assert refusal(made) == "huge has 5000.0 MB; this takes at most 1.0 kB."
    upload(made, "liar", "", bytes(3000))

    assert refusal(made) == "liar is larger; this takes at most 1.0 kB."
    assert made.value == base64.b64encode(b"abc").decode()


def test_what_is_of_another_kind_is_refused(heard: Heard, tmp_path: Path) -> None:
    made: Any = heard.control(File(accept=("image/png", ".csv")))
    upload(made, "page.html", "text/html", b"<script>alert(1)</script>")
    assert refusal(made) == "page.html is text/html; this takes image/png, .csv."
    for name, words_ in (("none.png", "is not there"), ("", "is a folder")):
        find(made.widget, "or its path, where the kernel runs").value = f"{tmp_path}/{name}"
        assert words_ in refusal(made)
    text: Any = heard.control(File(as_="text"))
    upload(text, "a.bin", "", b"\xff\xfe")

    assert refusal(text) == "a.bin is not text in UTF-8."
    assert made.value is MISSING


# JSON


def test_json_that_does_not_parse_is_told(heard: Heard) -> None:
    made = heard.control(Raw())
    find(made.widget, "It").value = '{"a": }'

    (fault,) = made.faults()
    assert fault.message.startswith("This is not JSON")
    assert made.value == '{"a": }'


def test_a_line_of_text_grows_for_lines(heard: Heard) -> None:
    """A text box would drop the line breaks."""
    made = heard.control(Text())
    made.fill("a\nb")

    assert isinstance(find(made.widget, "It"), ipywidgets.Textarea)
    find(made.widget, "It").value = "c\nd"
    assert made.value == "c\nd"
    assert heard.changes == 1


def test_closing_leaves_no_widget_behind() -> None:
    """All kinds, all their parts."""
    instances = ipywidgets.widgets.widget._instances
    before = set(instances)
    heard = Heard()
    left = {}
    for name, (field, values) in ROUND_TRIPS.items():
        made = heard.control(field)
        for value in values:
            made.fill(value)
        made.close()
        left[name] = [type(instances[key]).__name__ for key in set(instances) - before]
    heard.bench.close()

    assert set(instances) == before, left
