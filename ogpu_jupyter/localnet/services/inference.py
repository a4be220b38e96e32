"""Hugging Face's shapes, worked out by rules: no model is downloaded.

A pipeline gives a list, and the response wraps it as the real source does:
`{"result": {"output": [...]}}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from ogpu_jupyter.forms.strings import NOT_BASE64, is_base64
from ogpu_jupyter.localnet.services import detection, entities, sentiment, texts

if TYPE_CHECKING:
    from collections.abc import Callable


Task = Literal["text-classification", "summarization", "token-classification", "object-detection"]
_LONGEST = 16 << 20  # an image of 12 MB in base64
Content = Annotated[str, Field(min_length=1, max_length=_LONGEST)]
Batch = Annotated[list[Annotated[str, Field(max_length=100_000)]], Field(max_length=1_000)]


def _as_base64(text: str) -> str:
    if not is_base64(text):
        raise ValueError(NOT_BASE64)
    return text


_IN_BASE64: Final[dict[str, JsonValue]] = {
    "contentEncoding": "base64",
    "contentMediaType": "image/*",
}
Image = Annotated[Content, AfterValidator(_as_base64), Field(json_schema_extra=_IN_BASE64)]


class Named(BaseModel):
    """What is asked about under a name: `image`, or `text` and its like."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, JsonValue]

    image: Image = Field(default="", description="An image as base64 or a data URL.")
    image_base64: Image = Field(default="", description="The same under another name.")

    @property
    def given(self) -> dict[str, JsonValue]:
        return self.model_dump(mode="json", exclude_unset=True)


_DETECTING: Final[dict[str, JsonValue]] = {
    "if": {
        "properties": {
            "args": {
                "properties": {"task": {"const": "object-detection"}},
                "required": ["task"],
            }
        },
        "required": ["args"],
    },
    "then": {"properties": {"input": _IN_BASE64}},
}


class Arguments(BaseModel):
    """The pipeline and its options; those that it doesn't know it lets be."""

    model_config = ConfigDict(extra="allow")

    task: Task = Field(
        default="text-classification", description="The pipeline.", examples=["summarization"]
    )
    top_k: int = Field(default=1, ge=1, le=100, description="How many labels for a text.")
    max_sentences: int = Field(default=3, ge=1, le=100, description="The length of a summary.")
    threshold: float = Field(
        default=0.5, ge=0, le=1, description="The least score of a detected object."
    )


class Question(BaseModel):
    model_config = ConfigDict(json_schema_extra=_DETECTING)

    input: Content | Batch | Named = Field(
        description="A text, several texts, or an image as base64 or a data URL.",
        examples=["I love how quiet this machine is."],
    )
    args: Arguments = Field(default_factory=Arguments, description="The pipeline and its options.")

    @model_validator(mode="after")
    def _has_an_image(self) -> Question:
        detects = self.args.task == "object-detection" and isinstance(self.input, str)
        if detects and not is_base64(str(self.input)):
            raise ValueError(f"input is {str(self.input)[:40]!r}: {NOT_BASE64}")
        return self


class Answer(BaseModel):
    result: dict[str, Any] = Field(description="The pipeline's output.")


def infer(question: Question) -> Answer:
    return Answer(result={"output": _PIPELINES[question.args.task](question)})


def _classify(question: Question) -> list[Any]:
    """For one text its labels; for several a list for each, or its best label alone."""
    top = question.args.top_k
    if isinstance(question.input, list):
        each = [sentiment.classify(text)[:top] for text in question.input]
        return [labels[0] for labels in each] if top == 1 else each
    return sentiment.classify(_text(question))[:top]


def _summarize(question: Question) -> list[Any]:
    several = question.input if isinstance(question.input, list) else [_text(question)]
    most = question.args.max_sentences
    return [{"summary_text": texts.summarize(text, at_most=most)} for text in several]


def _tokens(question: Question) -> list[Any]:
    if isinstance(question.input, list):
        return [entities.find(text) for text in question.input]
    return entities.find(_text(question))


def _detect(question: Question) -> list[Any]:
    image = question.input
    if isinstance(image, Named):
        image = _field(image.given, ("image", "image_base64", "inputs", "data"))
    if not isinstance(image, str):
        raise ValueError("the input is not one image")  # noqa: TRY004 - the client's mistake
    return detection.detect(image, threshold=question.args.threshold)


def _text(question: Question) -> str:
    text = question.input
    if isinstance(text, Named):
        text = _field(text.given, ("text", "inputs", "input", "sentence"))
    if not isinstance(text, str):
        raise ValueError("the input is not a text")  # noqa: TRY004 - the client's mistake
    return text[:1_000_000]


def _field(fields: dict[str, JsonValue], names: tuple[str, ...]) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str):
            return value
    raise ValueError(f"the input has none of the fields {', '.join(names)}")


_PIPELINES: Final[dict[str, Callable[[Question], list[Any]]]] = {
    "text-classification": _classify,
    "summarization": _summarize,
    "token-classification": _tokens,
    "object-detection": _detect,
}
