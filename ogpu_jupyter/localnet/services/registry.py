"""Which services there are, and the terms of their sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ogpu_jupyter.localnet.services import (
    assistant,
    care,
    inference,
    music,
    numbers,
    pictures,
    trials,
)
from ogpu_jupyter.tasks import DeliveryMethod

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel


@dataclass(frozen=True)
class Bidder:
    """One of several providers of a source: what it asks, how long it takes, how it works."""

    name: str
    per_cent: int  # of the task's payment
    seconds: float  # that its answer takes, whatever the question
    run: Callable[[Any], BaseModel]


@dataclass(frozen=True)
class Service:
    """One service and the terms of its source; payments in wei, times in seconds."""

    name: str
    description: str
    input_model: type[BaseModel]
    output_model: type[BaseModel]
    run: Callable[[Any], BaseModel]
    min_payment: int = 10**15
    max_expiry: int = 24 * 3600
    delivery: DeliveryMethod = DeliveryMethod.FIRST_RESPONSE
    is_slow: bool = False  # waits rather than works, so many may run at once
    bidders: tuple[Bidder, ...] = ()  # the providers, where they are several

    @property
    def function(self) -> str:
        """The `function_name` of its tasks."""
        return self.name

    def answer(self, data: object, by: str = "") -> dict[str, Any]:
        """From the task's `data` to the response, as JSON values; as the bidder named does it.

        A pydantic ValidationError when the data doesn't fit.
        """
        question = self.input_model.model_validate(data)
        run = next((bidder.run for bidder in self.bidders if bidder.name == by), self.run)
        answer: dict[str, Any] = run(question).model_dump(mode="json")
        return answer

    @property
    def metadata(self) -> dict[str, Any]:
        """What the source's `imageMetadataUrl` holds: the SDK's fields and the functions."""
        return {
            "cpu": "",
            "nvidia": "",
            "amd": "",
            "name": self.name,
            "description": self.description,
            "logoUrl": "",
            "functions": [
                {
                    "name": self.function,
                    "description": self.description,
                    "input": self.input_model.model_json_schema(),
                    "output": self.output_model.model_json_schema(mode="serialization"),
                }
            ],
        }


_ALL = (
    Service(
        "text2text",
        "Answers a chat: sums, words and texts, and questions about OpenGPU.",
        assistant.Chat,
        assistant.Reply,
        assistant.reply,
    ),
    Service(
        "text2text_bids",
        "Answers a chat, by three providers that differ in price, time and care: you choose.",
        assistant.Chat,
        assistant.Reply,
        assistant.reply,
        delivery=DeliveryMethod.MANUAL_CONFIRMATION,
        bidders=(
            Bidder("hasty", 60, 0.0, care.hasty),
            Bidder("steady", 50, 2.5, assistant.reply),
            Bidder("careful", 100, 1.2, care.careful),
        ),
    ),
    Service(
        "text2image",
        "Paints a picture from the words of a prompt.",
        pictures.Prompt,
        pictures.Picture,
        pictures.paint,
    ),
    Service(
        "text2audio",
        "Plays a tune on plucked strings, from the names of its notes.",
        music.Tune,
        music.Sound,
        music.play,
    ),
    Service(
        "inference",
        "Sentiment, summary, names in a text, and coloured shapes in an image.",
        inference.Question,
        inference.Answer,
        inference.infer,
    ),
    Service(
        "describe",
        "Statistics for each column of a table.",
        numbers.Table,
        numbers.Description,
        numbers.describe,
    ),
    Service(
        "montecarlo",
        "Estimates pi from random points and shows how the estimate settles.",
        numbers.Experiment,
        numbers.Estimate,
        numbers.estimate_pi,
    ),
    Service(
        "sleep",
        "Waits, as a long computation would.",
        trials.Nap,
        trials.Rest,
        trials.sleep,
        is_slow=True,
    ),
    Service(
        "fail",
        "Fails each time: its tasks stay attempted until they expire.",
        trials.Trouble,
        trials.Never,
        trials.fail,
    ),
)

SERVICES: Final[dict[str, Service]] = {service.name: service for service in _ALL}
