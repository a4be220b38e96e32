"""Pictures and recordings that an answer only names by a link: fetched beside it, once.

A page never fetches anything. So what an answer links to is asked for when the answer comes,
of the gateway alone and by its CID, as the answer itself was; and only what can be shown is
kept. Links to anywhere else stay links.
"""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING, Final

from .content.cids import parse
from .errors import ContentError, ContentRefused
from .render.kinds.images import picture
from .render.kinds.recordings import clip
from .render.registry import strings

if TYPE_CHECKING:
    from .content import ContentStore
    from .tasks import Json

MAX_LINKS: Final = 8
MAX_BYTES: Final = 4 << 20  # of one link's content
MAX_TOGETHER: Final = 8 << 20
_SECONDS: Final = 20.0  # for all of them
_LINK: Final = re.compile(r"(?:ipfs|https?)://[!-~]{10,400}")


def links_in(value: Json) -> list[str]:
    """What may be links to content, each with a CID at its end; the outermost first."""
    found = (text for text in strings(value) if _LINK.fullmatch(text) and _names_content(text))
    return list(dict.fromkeys(found))[: 4 * MAX_LINKS]


def _names_content(link: str) -> bool:
    try:
        parse(link.rstrip("/").rpartition("/")[2])
    except ValueError:
        return False
    return True


def fetched(value: Json, store: ContentStore, asked: Json = None) -> dict[str, str]:
    """What the links of an answer lead to, in base64; within the bounds.

    Then those of what was `asked`: an answer may be about a picture that was sent as a link.

    A link that is refused, and content that is too large or can't be shown, is left out.
    """
    content: dict[str, str] = {}
    room, deadline, tries = MAX_TOGETHER, time.monotonic() + _SECONDS, 0
    for link in dict.fromkeys([*links_in(value), *links_in(asked)]):
        left = deadline - time.monotonic()
        if tries == MAX_LINKS or room <= 0 or left <= 0:
            break
        try:
            data = store.get(link, max_bytes=min(MAX_BYTES, room), timeout=min(left, 10.0))
        except ContentRefused:
            continue  # nothing was asked for it
        except ContentError:
            tries += 1
            continue
        tries += 1
        encoded = base64.b64encode(data).decode()
        if picture(encoded) is not None or clip(encoded) is not None:
            content[link] = encoded
            room -= len(data)
    return content
