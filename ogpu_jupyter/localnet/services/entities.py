"""People, organisations and places in a text, by capitals and what stands around them."""

from __future__ import annotations

import re
from typing import Any, Final

from ogpu_jupyter.localnet.services.texts import COMMON, word_set

_WORD = r"[A-ZÀ-Þ][\w'’&-]*\w"  # noqa: RUF001 - meant
_PART = rf"(?:(?:Dr|Mrs?|Ms|Prof|St|[A-HJ-Z])\.|{_WORD})"
_NAME = re.compile(
    rf"\b{_PART}(?: (?:(?:of|de|van|von|der|la|&) )?{_PART})*"
    r"(?:(?:(?<=\bInc)|(?<=\bLtd)|(?<=\bCorp))\.)?"
)
_TITLES: Final = word_set(
    """
    mr mrs ms dr prof professor sir lady lord president chancellor minister captain queen king
    saint
    """
)
_FIRST_NAMES: Final = word_set(
    """
    ada alan albert alice amina ana andrew angela anna barbara barack ben bob carlos carol
    charles claire clara daniel david diana edsger elena eliza elizabeth ellen emma eric eva
    fatima frank george grace hannah helen henry isaac jack james jane jean joan john jose
    joseph julia karl kate katherine laura leo linda linus lisa lucy maria marie mark martin
    mary max michael mohammed nikola nina noah olga oliver pablo paul peter rachel richard
    robert rosa sam sara sarah satoshi sofia stephen steve susan thomas tim tom vitalik
    vincent wei william yuki
    """
)
_PLACES: Final = word_set(
    """
    africa america amsterdam antarctica argentina asia athens australia austria bangkok
    barcelona beijing belgium berlin bern boston brazil brussels budapest cairo california
    canada chicago chile china copenhagen cuba delhi denmark dublin egypt england estonia
    ethiopia europe finland florence france geneva germany ghana greece hamburg helsinki
    hungary iceland india indonesia iran iraq ireland israel istanbul italy jakarta japan
    kenya korea kyiv lagos lima lisbon london madrid mexico milan montreal morocco moscow
    mumbai munich nairobi nepal netherlands nigeria norway oslo ottawa oxford cambridge
    pakistan paris peru poland portugal prague rome russia scotland seoul shanghai singapore
    slovenia spain stockholm sweden switzerland sydney taiwan texas thailand tokyo toronto
    tunisia turkey uganda ukraine venice vienna vietnam wales warsaw washington wellington
    zurich
    """
)
_LONG_PLACES: Final = frozenset(
    ("new york", "san francisco", "los angeles", "new zealand", "south africa", "united states",
     "united kingdom", "hong kong", "rio de janeiro", "buenos aires", "south korea", "new delhi",
     "saudi arabia", "sri lanka", "costa rica", "st. petersburg")
)  # fmt: skip
_PLACE_ENDS: Final = word_set(
    """
    street avenue road square lake river mountain mountains island islands valley bay sea
    ocean desert city county
    """
)
_COMPANY_ENDS: Final = word_set(
    """
    inc inc. ltd ltd. corp corp. gmbh ag llc plc company university institute college bank
    group foundation labs lab society association committee council agency ministry press
    airlines motors systems technologies nations union school hospital museum
    """
)
_COMPANIES: Final = word_set(
    """
    adobe airbus amazon apple bbc boeing bosch cern ethereum facebook github google harvard
    honda huawei ibm ikea intel jupyter meta microsoft mit mozilla nasa netflix nokia nvidia
    openai opengpu oracle philips reuters samsung siemens sony spacex stanford tesla toyota
    twitter unesco unicef volkswagen wikipedia
    """
)
_PLACE_BEFORE: Final = word_set("in from near to at across around towards")
_OTHERS: Final = word_set(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may
    june july august september october november december
    """
)

_PLACE_STARTS: Final = word_set("lake mount river cape")
_NO_NAMES: Final = COMMON | _TITLES | _OTHERS | word_set("yesterday today tomorrow")


def find(text: str) -> list[dict[str, Any]]:
    """Each with its kind (PER, ORG, LOC, MISC), score, and place in the text, in order."""
    found = []
    for match in _NAME.finditer(text[:200_000]):
        start, word = _without_opening(match.start(), match.group())
        kind, score = _kind(text, start, word) if word else ("", 0.0)
        if kind:
            place = {"start": start, "end": start + len(word)}
            found.append({"entity_group": kind, "score": score, "word": word, **place})
    return found


def _without_opening(start: int, name: str) -> tuple[int, str]:
    """Without titles, and words that only a sentence's beginning gave a capital."""
    while name and name.lower() not in _LONG_PLACES:
        first, _, rest = name.partition(" ")
        if first.lower().rstrip(".") not in _NO_NAMES:
            break
        start += len(name) - len(rest.lstrip())
        name = rest.lstrip()
    for ending in ("'s", "’s"):  # noqa: RUF001 - meant
        name = name.removesuffix(ending)
    if name.endswith(".") and name.lower().split()[-1] not in _COMPANY_ENDS:
        name = name[:-1]
    return start, name


def _kind(text: str, start: int, name: str) -> tuple[str, float]:
    """What kind of name it is, and how sure that is; nothing for a word that is none."""
    words = name.lower().split()
    before = text[max(0, start - 40) : start].lower().split()
    last = before[-1] if before else ""
    for kind, score, holds in (
        ("LOC", 0.99, name.lower() in _LONG_PLACES or (words[0] in _PLACES and len(words) == 1)),
        ("ORG", 0.97, words[-1] in _COMPANY_ENDS or words[0] == "university"),
        ("ORG", 0.96, words[0] in _COMPANIES),
        ("PER", 0.98, last.rstrip(".") in _TITLES),
        ("PER", 0.97 if len(words) > 1 else 0.9, words[0] in _FIRST_NAMES),
        ("LOC", 0.93, words[-1] in _PLACE_ENDS or words[0] in _PLACE_STARTS),
        ("ORG", 0.8, name.isupper() and 2 <= len(name) <= 6),
        ("LOC", 0.7, last in _PLACE_BEFORE and len(words) == 1),
        ("", 0.0, len(words) == 1 and _opens(text, start)),
        ("PER", 0.65, len(words) in {2, 3} and name.replace(" ", "").isalpha()),
    ):
        if holds:
            return kind, score
    return "MISC", 0.6


def _opens(text: str, start: int) -> bool:
    """Whether a sentence begins here, where any word has a capital."""
    before = text[max(0, start - 5) : start].rstrip()
    return not before or before[-1] in ".!?:"
