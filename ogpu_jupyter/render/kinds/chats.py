"""Answers that are words: a message, a conversation, texts that a model has written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ogpu_jupyter.render.registry import Kind, each, figure, is_scalar, number
from ogpu_jupyter.render.safe import esc, one_line, plain

from . import markdown
from .images import Picture, picture
from .texts import marked_html, more_html, more_text, text_html, words_html
from .trees import scalar, tree_text

if TYPE_CHECKING:
    from ogpu_jupyter.render.registry import Given
    from ogpu_jupyter.tasks import Json

MAX_TEXTS: Final = 20
_MAX_FACTS: Final = 10
_MAX_PICTURES: Final = 8
_TEXT_KEYS: Final = (
    "generated_text", "summary_text", "translation_text", "text", "answer", "content",
)  # fmt: skip
_BESIDE: Final = {"score", "start", "end", "role", "index", "finish_reason"}
_THOUGHTS: Final = ("reasoning_content", "reasoning", "thinking")
_HOLD: Final = ("message", "messages", "choices", "generated_text")


@dataclass(frozen=True)
class Said:
    """A text, by whom (a chat's role), what was thought before it, and what else is known."""

    text: str
    role: str = ""
    note: str = ""
    thought: str = ""
    pictures: tuple[Picture, ...] = ()
    is_markdown: bool = False  # whether or not it looks so


_UNSHOWN: Final = Said("")  # for each of the texts that are only counted


def _read_texts(value: Json, given: Given) -> list[Said] | None:
    if given.is_asked and (not isinstance(value, (str, dict, list)) or not value):
        return [Said(scalar(value) if is_scalar(value) else tree_text(value))]
    items = value if isinstance(value, list) else [value]
    if not items:
        return None
    if isinstance(value, list) and all(isinstance(item, str) for item in items):
        shown = [Said(str(item)) for item in items[:MAX_TEXTS]]
        return shown + [_UNSHOWN] * (len(items) - len(shown))
    texts = each(_said, items)
    if texts is None and given.is_asked:
        return [Said(tree_text(value))]
    return texts


def _said(item: Json) -> Said | None:
    if isinstance(item, str):
        return Said(item)
    if not isinstance(item, dict):
        return None
    found = [key for key in _TEXT_KEYS if isinstance(item.get(key), str)]
    if len(found) != 1 or set(item) - {found[0]} - _BESIDE:
        return None
    role, score = item.get("role"), number(item.get("score"))
    if role is not None and not isinstance(role, str):
        return None
    return Said(str(item[found[0]]), role or "", "" if score is None else f"score {figure(score)}")


def _read_marked_up(value: Json, given: Given) -> list[Said] | None:
    texts = _read_texts(value, given)
    if texts is None:
        return None
    if given.is_asked:
        return [replace(said, is_markdown=True) for said in texts]
    return texts if any(markdown.has_marks(said.text) for said in texts[:MAX_TEXTS]) else None


def _read_chat(value: Json, given: Given) -> list[Said] | None:
    if isinstance(value, str):
        return [_thoughtful(Said(value, "assistant"))] if given.is_asked else None
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict) and "role" not in value:
        return _enveloped(value)
    return _messages(value)


def _messages(value: Json) -> list[Said] | None:
    items = value if isinstance(value, list) else [value]
    return each(_message, items) or None


def _enveloped(value: dict[str, Json]) -> list[Said] | None:
    """Messages as servers send them: in a field, with the model and its counts beside."""
    found = [key for key in _HOLD if isinstance(value.get(key), (dict, list))]
    if len(found) != 1:
        return None
    held = value[found[0]]
    if found[0] == "choices":
        held = [_choice(item) for item in held] if isinstance(held, list) else None
    messages = _messages(held)
    note = _facts({key: item for key, item in value.items() if key != found[0]})
    if not messages or note is None:
        return None
    last = messages[-1]
    told = " · ".join(filter(None, (last.note, note)))
    return [*messages[:-1], replace(last, note=told)]


def _choice(item: Json) -> Json:
    if not isinstance(item, dict):
        return item
    if isinstance(item.get("text"), str):
        return {"role": "assistant", "content": item["text"]}
    return item.get("message", item)


def _facts(fields: dict[str, Json]) -> str | None:
    """What stands beside a message, on one line; None where it is more than such facts."""
    parts = []
    for name, value in fields.items():
        if isinstance(value, dict):
            inner = _facts(value) if len(value) <= _MAX_FACTS else None
            if inner is None:
                return None
            parts.append(inner)
        elif isinstance(value, list):
            if not all(isinstance(item, int) for item in value[:100]):
                return None  # Ollama sends the context as numbers: nothing to read
        elif not is_scalar(value) or (isinstance(value, str) and len(value) > 200):
            return None
        elif value is not None and name not in {"id", "object", "index"}:
            parts.append(f"{one_line(name, 40)} {one_line(_word(value), 80)}")
    return " · ".join(filter(None, parts[:_MAX_FACTS]))


def _word(value: Json) -> str:
    if isinstance(value, str):
        return value
    return figure(value) if isinstance(value, float) else scalar(value)


def _message(item: Json) -> Said | None:
    """One message of a chat, in the shapes of the servers in use."""
    if not isinstance(item, dict) or not isinstance(role := item.get("role"), str):
        return None
    content = _content(item.get("content"))
    calls = _calls(item.get("tool_calls"))
    if content is None or ("content" not in item and not calls):
        return None
    thought = next((t for key in _THOUGHTS if isinstance(t := item.get(key), str)), "")
    used = {"role", "content", "tool_calls", "images", *_THOUGHTS}
    facts = _facts({key: value for key, value in item.items() if key not in used})
    if facts is None:
        return None
    text, pictures = content
    more = item.get("images")
    found = [picture(image) for image in more[:_MAX_PICTURES]] if isinstance(more, list) else []
    shown = (*pictures, *(image for image in found if image))
    note = " · ".join(filter(None, (calls, facts)))
    return _thoughtful(Said(text, role, note, thought, shown))


def _content(content: Json) -> tuple[str, tuple[Picture, ...]] | None:
    """A text, or a list of texts and pictures."""
    if content is None or isinstance(content, str):
        return content or "", ()
    if not isinstance(content, list):
        return None
    texts: list[str] = []
    pictures: list[Picture] = []
    for part in content[:100]:
        if not isinstance(part, dict):
            return None
        if isinstance(text := part.get("text"), str):
            texts.append(text)
        elif len(pictures) < _MAX_PICTURES and (image := _part_picture(part)) is not None:
            pictures.append(image)
        else:
            texts.append(f"[{one_line(str(part.get('type', 'part')), 40)}]")
    return "\n\n".join(texts), tuple(pictures)


def _part_picture(part: dict[str, Json]) -> Picture | None:
    for name in ("image_url", "image", "url", "data"):
        held = part.get(name)
        image = picture(held.get("url") if isinstance(held, dict) else held)
        if image is not None:
            return image
    return None


def _calls(calls: Json) -> str:
    if not isinstance(calls, list):
        return ""
    said = []
    for call in calls[:8]:
        function = call.get("function", call) if isinstance(call, dict) else None
        if isinstance(function, dict) and isinstance(name := function.get("name"), str):
            arguments = function.get("arguments", "")
            words = arguments if isinstance(arguments, str) else tree_text(arguments)
            said.append(f"calls {one_line(name, 80)}({one_line(words, 300)})")
    return ", ".join(said)


def _thoughtful(said: Said) -> Said:
    """What a reasoning model thinks aloud stands before its answer, between two tags."""
    start, mark, rest = said.text.partition("</think>")
    thought = start.strip().removeprefix("<think>").strip()
    if not mark or said.thought or said.role == "user":
        return said
    return replace(said, text=rest.strip(), thought=thought)


def _is_alone(texts: list[Said]) -> bool:
    return len(texts) == 1 and texts[0].role in {"", "assistant"}


def _texts_html(texts: list[Said]) -> str:
    only = _is_alone(texts)
    shown = [_said_html(said, with_role=not only) for said in texts[:MAX_TEXTS]]
    return "".join(shown) + more_html(len(texts) - len(shown), "text")


def _plain_html(texts: list[Said]) -> str:
    only = _is_alone(texts)
    shown = [_said_html(said, with_role=not only, as_written=True) for said in texts[:MAX_TEXTS]]
    return "".join(shown) + more_html(len(texts) - len(shown), "text")


def _said_html(said: Said, *, with_role: bool, as_written: bool = False) -> str:
    role = esc(said.role, 60) if with_role else ""
    head = f'<div class="ogpu-role">{role}</div>' if role else ""
    note = f'<p class="ogpu-rest" dir="auto">{esc(said.note)}</p>' if said.note else ""
    thought = (
        f'<details class="ogpu-thought"><summary>Its reasoning</summary>'
        f"{words_html(said.thought)}</details>"
        if said.thought
        else ""
    )
    pictures = "".join(
        f'<figure class="ogpu-picture"><img src="{image.url}" alt="{image.name}" '
        f'width="{image.width}" height="{image.height}"></figure>'
        for image in said.pictures
    )
    words = ""
    if said.text or not (said.note or pictures):
        shown = marked_html if said.is_markdown else text_html if as_written else words_html
        words = shown(said.text)
    by = " ogpu-user" if said.role == "user" and with_role else ""
    return f'<div class="ogpu-said{by}">{head}{thought}{words}{pictures}{note}</div>'


def _texts_text(texts: list[Said]) -> str:
    only = _is_alone(texts)
    shown = []
    for said in texts[:MAX_TEXTS]:
        by = f"{one_line(said.role, 60)}: " if said.role and not only else ""
        beside = [f"[{image.name}]" for image in said.pictures]
        words = said.text if said.text or not said.note else said.note
        shown.append("\n".join([by + plain(words, 4000), *beside]))
    return "\n".join([*shown, *more_text(len(texts) - len(shown), "text")])


CHAT: Final = Kind("chat", _read_chat, _texts_html, _texts_text, ("conversation", "messages"))
MARKDOWN: Final = Kind(
    "markdown", _read_marked_up, _texts_html, _texts_text, ("md",), "text/markdown"
)
TEXT: Final = Kind("text", _read_texts, _plain_html, _texts_text, ("string", "plain"), "text/plain")
