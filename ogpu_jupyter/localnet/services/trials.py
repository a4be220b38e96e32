"""Two services to try patience and errors on."""

from __future__ import annotations

import time

from pydantic import BaseModel, Field


class Nap(BaseModel):
    seconds: float = Field(
        ge=0, le=3600, description="How long to wait, up to an hour.", examples=[3]
    )


class Rest(BaseModel):
    slept: float = Field(description="The seconds that were asked for.")


def sleep(nap: Nap) -> Rest:
    time.sleep(nap.seconds)
    return Rest(slept=nap.seconds)


class Trouble(BaseModel):
    message: str = Field(
        default="This service always fails.",
        max_length=1000,
        description="What the provider's log will say.",
        examples=["out of memory"],
    )


class Never(BaseModel):
    """The answer that doesn't come."""


class ServiceFailed(Exception):
    pass


def fail(trouble: Trouble) -> Never:
    raise ServiceFailed(trouble.message)
