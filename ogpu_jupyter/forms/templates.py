"""The shapes that sources commonly take, each a schema: chat, pictures, Hugging Face pipelines.

`chat`, `hf` and `text2image` are the `--template`s of the cell magic; here each pipeline of
Hugging Face has one more, by its own name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .documents import Schema


def template(name: str) -> Schema | None:
    """The schema of that name."""
    return TEMPLATES.get(name)


def template_for(function: str, source_name: str) -> str | None:
    """The template that a function is likely to take, by its name and its source's.

    A source that is named after its pipeline says more than a function named `inference`.
    """
    known = _known(function)
    if known not in {None, "hf"}:
        return known
    words = _words(source_name)
    longest = [name for name in sorted(_PIPELINES, key=len, reverse=True) if name in words]
    if longest:
        return longest[0]
    return known or _known(source_name)


def _known(text: str) -> str | None:
    words = _words(text)
    if words in TEMPLATES:
        return words
    return _OTHER_NAMES.get(words)


def _words(text: str) -> str:
    return re.sub(r"[\s_/.]+", "-", text.strip().lower())


_OTHER_NAMES: Final = {
    "text2text": "chat",
    "openchat": "chat",
    "chat-completion": "chat",
    "chat-completions": "chat",
    "txt2img": "text2image",
    "text-to-image": "text2image",
    "image-generation": "text2image",
    "inference": "hf",
    "pipeline": "hf",
    "huggingface": "hf",
    "hugging-face": "hf",
    "sentiment-analysis": "text-classification",
    "ner": "token-classification",
    "asr": "automatic-speech-recognition",
    "speech-recognition": "automatic-speech-recognition",
    "speech2text": "automatic-speech-recognition",
    "speech-to-text": "automatic-speech-recognition",
    "vqa": "visual-question-answering",
}


def _object(properties: Schema, *required: str, title: str = "") -> Schema:
    return {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": True,
    }


def _text(description: str) -> Schema:
    return {
        "type": "string",
        "format": "textarea",
        "minLength": 1,
        "description": description,
    }


def _words_of(description: str, *examples: str) -> Schema:
    return {"type": "string", "description": description, "examples": list(examples)}


def _choice(description: str, *values: str) -> Schema:
    return {"enum": list(values), "description": description}


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "description": description}


def _file(media: str, description: str) -> Schema:
    return {
        "type": "string",
        "contentEncoding": "base64",
        "contentMediaType": media,
        "minLength": 1,
        "description": description,
    }


def _whole(description: str, low: int = 1) -> Schema:
    return {"type": "integer", "minimum": low, "description": description}


def _share(description: str) -> Schema:
    return {"type": "number", "minimum": 0, "maximum": 1, "description": description}


_CHAT: Final = _object(
    {
        "messages": {
            "type": "array",
            "minItems": 1,
            "description": "The conversation so far.",
            "items": _object(
                {
                    "role": {
                        **_choice("Who speaks.", "system", "user", "assistant"),
                        "title": "Role",
                    },
                    "content": _text("What is said."),
                },
                *("role", "content"),
                title="Message",
            ),
            "default": [{"role": "user", "content": ""}],
        }
    },
    "messages",
    title="Chat",
)

_PICTURE: Final = _object(
    {"prompt": _text("What the picture is to show.")}, "prompt", title="Picture"
)


def _pipeline(title: str, data: Schema, *needed: str, **args: Schema) -> Schema:
    """`input` is what is worked on, `args` are the pipeline's options, most of them optional."""
    options = _object(args, *needed) | {"description": "The pipeline's options."}
    if not needed:
        options["default"] = {}
    return _object({"input": data, "args": options}, "input", "args", title=title)


_IMAGE: Final = _file("image/*", "An image.")
_SOUND: Final = _file("audio/*", "A recording.")
_TOP: Final = {"top_k": _whole("How many labels.")}
_LABELS: Final = _list({"type": "string", "minLength": 1}, "The labels to choose among.")
_LENGTH: Final = {
    "max_length": _whole("The longest answer, in tokens."),
    "min_length": _whole("The shortest answer, in tokens.", 0),
}
_SAMPLING: Final = {
    "max_new_tokens": _whole("How many tokens at most."),
    "temperature": {
        "type": "number",
        "minimum": 0,
        "description": "How freely the words are chosen.",
    },
    "top_p": _share("The share of likely words to choose among."),
    "do_sample": {"type": "boolean", "description": "Choose by chance among likely words."},
}


def _asked(of: str, data: Schema) -> Schema:
    return _object({of: data, "question": _text("What is asked.")}, of, "question")


_PIPELINES: Final[dict[str, Schema]] = {
    "text-classification": _pipeline("Text classification", _text("The text."), **_TOP),
    "token-classification": _pipeline(
        "Names and other tokens",
        _text("The text."),
        aggregation_strategy=_choice(
            "How tokens become words.", "none", "simple", "first", "average", "max"
        ),
    ),
    "zero-shot-classification": _pipeline(
        "Classification by labels of your own",
        _text("The text."),
        "candidate_labels",
        candidate_labels=_LABELS,
        multi_label={"type": "boolean", "description": "Several labels may be right."},
        hypothesis_template=_words_of("A sentence with {} for the label.", "This example is {}."),
    ),
    "question-answering": _pipeline(
        "Question about a text", _asked("context", _text("The text with the answer.")), **_TOP
    ),
    "table-question-answering": _pipeline(
        "Question about a table",
        _object(
            {
                "table": {
                    "type": "object",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                    "description": "The values of each column.",
                },
                "query": _text("What is asked."),
            },
            *("table", "query"),
        ),
    ),
    "summarization": _pipeline("Summary", _text("The text."), **_LENGTH),
    "translation": _pipeline(
        "Translation",
        _text("The text."),
        src_lang=_words_of("The language of the text.", "en", "eng_Latn"),
        tgt_lang=_words_of("The language of the answer.", "fr", "fra_Latn"),
        max_length=_LENGTH["max_length"],
    ),
    "text-generation": _pipeline(
        "Text generation",
        _text("How the text begins."),
        **_SAMPLING,
        return_full_text={"type": "boolean", "description": "Give the beginning back too."},
    ),
    "text2text-generation": _pipeline("Text to text", _text("The text."), **_SAMPLING),
    "fill-mask": _pipeline("Fill the gap", _text("A text with one [MASK] or <mask>."), **_TOP),
    "feature-extraction": _pipeline("Embedding", _text("The text.")),
    "image-classification": _pipeline("Image classification", _IMAGE, **_TOP),
    "zero-shot-image-classification": _pipeline(
        "Image classification by labels of your own",
        _IMAGE,
        "candidate_labels",
        candidate_labels=_LABELS,
    ),
    "object-detection": _pipeline(
        "Objects in an image", _IMAGE, threshold=_share("The least score of an object.")
    ),
    "zero-shot-object-detection": _pipeline(
        "Objects of your own in an image",
        _IMAGE,
        "candidate_labels",
        candidate_labels=_LABELS,
        threshold=_share("The least score of an object."),
    ),
    "image-segmentation": _pipeline(
        "Regions of an image",
        _IMAGE,
        subtask=_choice("What kind of regions.", "semantic", "instance", "panoptic"),
        threshold=_share("The least score of a region."),
    ),
    "depth-estimation": _pipeline("Depth of an image", _IMAGE),
    "image-to-text": _pipeline(
        "Words for an image", _IMAGE, max_new_tokens=_SAMPLING["max_new_tokens"]
    ),
    "visual-question-answering": _pipeline(
        "Question about an image", _asked("image", _IMAGE), **_TOP
    ),
    "document-question-answering": _pipeline(
        "Question about a document", _asked("image", _IMAGE), **_TOP
    ),
    "automatic-speech-recognition": _pipeline(
        "Speech to text",
        _SOUND,
        return_timestamps={
            "anyOf": [{"type": "boolean"}, {"const": "word"}],
            "description": "With the time of each part, or of each word.",
        },
        chunk_length_s={
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Seconds that are listened to at a time.",
        },
    ),
    "audio-classification": _pipeline("Sound classification", _SOUND, **_TOP),
    "text-to-audio": _pipeline("Text to sound", _text("What is to be heard.")),
    "text-to-speech": _pipeline("Text to speech", _text("What is to be said.")),
}

TEMPLATES: Final[dict[str, Schema]] = {
    "chat": _CHAT,
    "hf": _pipeline(
        "Hugging Face pipeline",
        {
            "description": "A text, or what the pipeline takes.",
            "anyOf": [
                _text("A text."),
                {**_file("*/*", "A file."), "title": "a file"},
                {"type": "object", "title": "names and values"},
            ],
        },
    ),
    "text2image": _PICTURE,
    **_PIPELINES,
}
