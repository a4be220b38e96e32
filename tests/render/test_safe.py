"""Text of strangers is shown whole, and can do nothing."""

from __future__ import annotations

import html
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogpu_jupyter.render.safe import esc, one_line, plain, visible
from tests.render.checks import CONTROLS, HOSTILE, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\x00b\x1bc\x7f", "a␀b␛c␡"),
        ("\x9b31m", "⟨U+009B⟩31m"),
        ("abc\u202edef", "abc⟨U+202E⟩def"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("\ud83d alone", "\ufffd alone"),
        ("👩\u200d🔬 naïve עברית", "👩\u200d🔬 naïve עברית"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("ignore\U000e0041\U000e0042\U000e0043\U000e0044\U000e0045", "ignore⟨5 hidden characters⟩"),
        ("pa\u00ady\u200dp\u200cal", "pa⟨U+00AD⟩y⟨U+200D⟩p⟨U+200C⟩al"),
        *[(text, text) for text in ("\u0645\u06cc\u200c\u062e\u0648", "\u0915\u094d\u200d\u0937")],
        ("1\u200e2 \u061cx א\u200f.", "1⟨U+200E⟩2 ⟨U+061C⟩x א\u200f."),
        ("❤\ufe0f\u200d🔥 1\ufe0f\u20e3 a\ufe0f", "❤\ufe0f\u200d🔥 1\ufe0f\u20e3 a⟨U+FE0F⟩"),
        ("e\u0301 Z" + "\u0316" * 9, "e\u0301 Z" + "\u0316" * 4 + "⟨5 more marks⟩"),
        ("ก" + "\u0e48\u200d" * 9, "ก" + "\u0e48\u200d" * 2 + "⟨14 more marks⟩"),
        ("\u1112" + "\u11ab" * 9, "\u1112" + "\u11ab" * 4 + "⟨5 more marks⟩"),
    ],
)
def test_what_would_not_be_seen_is_a_sign(text: str, shown: str) -> None:
    """Characters that hide, reorder or drive; not those that a language needs."""
    assert visible(text) == shown


def marks() -> list[str]:
    return [chr(n) for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n))[0] == "M"]


@pytest.mark.parametrize("kind", ["Mn", "Me"])
def test_marks_of_every_script_are_counted(kind: str) -> None:
    """Syriac, Tibetan and Balinese too: whatever has no place of its own."""
    wrong = [
        f"U+{ord(mark):04X}"
        for mark in marks()
        if unicodedata.category(mark) == kind and mark * 5 in visible("a" + mark * 40)
    ]

    assert wrong == []


WORDS = {
    "Thai": "สวัสดีครับ ผู้ใหญ่ ที่นี่ น้ำ ปั๊ม",
    "Hindi": "नमस्ते क्षत्रिय स्त्री क्\u200dष हिन्दी में",
    "Bengali": "বাংলা ভাষা স্ত্রী",
    "Tamil": "தமிழ் மொழி",
    "Malayalam": "മലയാളം സ്ത്രീ",
    "Sinhala": "ශ්\u200dරී ලංකාව",
    "Burmese": "မျှော့ ကြွေး ကျွန်ုပ်",
    "Khmer": "ភាសាខ្មែរ ស្ត្រី",
    "Tibetan": "བོད་ཡིག རྒྱུད ཧཱུྃ བསྒྲུབས",
    "Syriac": "ܠܫܢܐ ܣܘܪܝܝܐ ܒܪܺܫܺܝܬ",
    "Balinese": "ᬩᬮᬶ ᬅᬓ᭄ᬱᬭ",
    "Arabic": "السَّلَامُ عَلَيْكُمْ وَرَحْمَةُ ٱللَّٰهِ",
    "Persian": "می\u200cخواهم",  # noqa: RUF001 - its letters
    "Hebrew": "בְּרֵאשִׁ֖ית בָּרָ֣א אֱלֹהִ֑ים שָׁלוֹם",
    "Vietnamese": unicodedata.normalize("NFD", "Tiếng Việt: nghiễm nhiên, trượt ngữ"),
    "Korean": unicodedata.normalize("NFD", "안녕하세요 한국어 값어치"),
    "Yoruba": unicodedata.normalize("NFD", "ọ̀rẹ́ mi"),
    "emoji": "👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏻 👨\u200d👩\u200d👧 🏳\ufe0f\u200d🌈 1\ufe0f\u20e3",
}


@pytest.mark.parametrize("language", WORDS)
def test_words_of_a_language_stay_as_they_are(language: str) -> None:
    """What is written so is read so."""
    assert visible(WORDS[language]) == WORDS[language]


@pytest.mark.parametrize(
    "text",
    ["\x1b[31mred\x1b[0m", "\x1b]0;title\x07red", "\x9b31mred", "\x1b]8;;http://x\x1b\\red",
     "\x1bPq#0\x1b\\red", "r\x1b(0ed", "red\x1b[", "red\x1b"],
)  # fmt: skip
def test_escape_sequences_never_reach_a_terminal(text: str) -> None:
    """Colours, titles and links are removed whole, also when they are cut off."""
    assert plain(text) == "red"


@given(st.text())
def test_plain_text_has_no_controls(text: str) -> None:
    """Whatever it was."""
    assert not CONTROLS.search(plain(text))
    assert "\n" not in one_line(text)


@given(st.text(max_size=200))
def test_escaped_text_reads_as_it_is(text: str) -> None:
    """What a browser shows is the visible text, within an element or a quoted attribute."""
    assert html.unescape(esc(text)) == visible(text)
    assert not set("<>\"'") & set(esc(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    """In an element and in an attribute."""
    safe(f'<p title="{esc(text)}">{esc(text)}</p>')


def test_long_text_is_cut_and_told() -> None:
    """How much is missing stands at its end."""
    assert plain("x" * 5000, 10) == "xxxxxxxxxx… (4,990 more characters)"
    assert esc("<" * 12, 2) == "&lt;&lt;… (10 more characters)"
