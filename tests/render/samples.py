"""Tasks at every stage and answers of every kind, for the tests and the gallery."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
import wave
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

from ogpu_jupyter.render.choices import Choice, Rank
from ogpu_jupyter.tasks import (
    Answer,
    Attempt,
    DeliveryMethod,
    NetworkId,
    Reputation,
    Response,
    ResponseStatus,
    Stage,
    TaskRecord,
)

NOW = 1_780_000_000.0
TASK = "0x12C4e0fA8b9D3c7E5f60718293a4B5c6D7e8F901"
PROVIDERS = [
    "0x7a5e3B9c1D2f4A6b8C0d1E2f3A4b5C6d7E8f9A0b",
    "0x9c3D1e5F7a9B0c2D4e6F8a0B1c3D5e7F9a1B3c5D",
    "0x4f2A6c8E0b1D3f5A7c9E1b3D5f7A9c1E3b5D7f9A",
]
RESPONSES = [f"0xA{n}" + "5d3c" * 9 + "77" for n in range(3)]
OGPU = 10**18


def picture(kind: str = "PNG", size: tuple[int, int] = (360, 240)) -> str:
    """Base64 of a small landscape."""
    width, height = size
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    for y in range(height):
        share = y / height
        draw.line([(0, y), (width, y)], fill=(int(120 + 110 * share), int(170 + 40 * share), 225))
    draw.ellipse([width * 0.7, 20, width * 0.7 + 46, 66], fill=(255, 231, 140))
    hills = [(x, height * 0.72 - 26 * math.sin(x / 41)) for x in range(width)]
    draw.polygon([(0, height), *hills, (width, height)], fill=(74, 128, 92))
    draw.rectangle([60, 120, 130, 200], fill=(176, 82, 66))
    draw.polygon([(52, 122), (95, 84), (138, 122)], fill=(92, 50, 48))
    draw.ellipse([210, 140, 262, 196], fill=(52, 96, 66))
    out = io.BytesIO()
    image.save(out, kind)
    return base64.b64encode(out.getvalue()).decode()


def record(stage: Stage = Stage.FINALIZED, **changes: Any) -> TaskRecord:
    """A task as it is at this stage, ten minutes before it expires."""
    base = TaskRecord(
        key=7,
        network="local",
        network_id=NetworkId(chain_id=31337, genesis="0x" + "ab" * 32, controller="0x" + "cc" * 20),
        account="0x" + "a1" * 20,
        source="0x5F3a9E1c7B2d4068aC1e3F5b7D9a0C2e4F6b8D13",
        source_name="OpenChat",
        function="text2text",
        name="task",
        payload=payload("text2text", {"messages": [{"role": "user", "content": "Why is it?"}]}),
        payment=OGPU // 1000,
        created_at=NOW - 14.2,
        expires_at=int(NOW) + 575,
        stage=stage,
    )
    return base.model_copy(update={**reached(stage), **changes})


def payload(function: str, data: Any, **extras: Any) -> bytes:
    return json.dumps({"function_name": function, "data": data, **extras}).encode()


def reached(stage: Stage) -> dict[str, Any]:
    """What is known of a task at this stage beside its order."""
    facts: dict[str, Any] = {}
    order = list(Stage)
    place = order.index(stage)
    if stage is Stage.ABANDONED:
        return {"problem": "The kernel ended before it was sent."}
    if place >= order.index(Stage.SIGNED):
        facts |= {"tx_hash": "0x" + "5e" * 32}
    if stage is Stage.FAILED:
        return {**facts, "fee": 41_000_000_000_000, "problem": "SourceInactive.", "block": 4211}
    if place >= order.index(Stage.PUBLISHED):
        facts |= {
            "address": TASK,
            "block": 4211,
            "published_at": int(NOW) - 12,
            "fee": 310_046_213_000_000,
        }
    if stage in {Stage.ATTEMPTED, Stage.RESPONDED, Stage.FINALIZED, Stage.EXPIRED}:
        facts |= {"attempts": (Attempt(provider=PROVIDERS[0], bid=OGPU // 1000, at=int(NOW) - 9),)}
    if stage in {Stage.RESPONDED, Stage.FINALIZED}:
        facts |= {"responses": (response(0, confirmed=stage is Stage.FINALIZED),)}
    if stage is Stage.FINALIZED:
        facts |= {"winner": PROVIDERS[0]}
    if stage is Stage.LATE:
        facts |= {"expires_at": int(NOW) - 4}
    if stage.is_final:
        facts |= {"finished_at": int(NOW) - 4}
    return facts


def late_attempted() -> TaskRecord:
    """Its time is over, a provider had it, and no answer came."""
    attempts = record(Stage.ATTEMPTED).attempts
    return record(Stage.LATE, attempts=attempts)


def response(n: int = 0, *, confirmed: bool = False, bid: int = OGPU // 1000) -> Response:
    status = ResponseStatus.CONFIRMED if confirmed else ResponseStatus.SUBMITTED
    return Response(
        address=RESPONSES[n],
        provider=PROVIDERS[n],
        url="http://localhost/ipfs/Qm",
        payment=bid,
        status=status,
        at=int(NOW) - 4 + n,
    )


def answered(value: Any, data: Any = None, **changes: Any) -> tuple[TaskRecord, dict[str, Answer]]:
    """A paid task with this answer to this data."""
    sent = {"payload": payload(changes.get("function", "run"), data)} if data is not None else {}
    return record(**sent, **changes), {RESPONSES[0]: Answer(value=value)}


def choosing(*, confirmed: bool = False) -> tuple[TaskRecord, dict[str, Answer]]:
    """Three answers of which one is to be confirmed."""
    bids = [OGPU // 1000, OGPU * 8 // 10_000, OGPU * 15 // 10_000]
    responses = [response(n, bid=bid, confirmed=confirmed and n == 1) for n, bid in enumerate(bids)]
    stage = Stage.FINALIZED if confirmed else Stage.RESPONDED
    attempts = tuple(Attempt(provider=p, bid=b) for p, b in zip(PROVIDERS, bids, strict=True))
    chosen = record(
        stage,
        delivery=DeliveryMethod.MANUAL_CONFIRMATION,
        responses=tuple(responses),
        attempts=attempts,
        payment=OGPU // 500,
        winner=PROVIDERS[1] if confirmed else "",
    )
    rayleigh = (
        "Rayleigh scattering: its strength goes with the inverse fourth power of the wavelength, "
        "so blue light reaches the eye from all over the sky."
    )
    texts = ["Air scatters short wavelengths more than long ones.", rayleigh, "The ocean."]
    return chosen, {
        address: Answer(value={"role": "assistant", "content": text})
        for address, text in zip(RESPONSES, texts, strict=True)
    }


def deciding() -> tuple[TaskRecord, dict[str, Answer], Choice]:
    """A strategy at work on three answers that differ in a few words."""
    shown = choosing()[0].model_copy(update={"published_at": int(NOW) - 12})
    text = "Rayleigh scattering: blue light, with its short waves, comes from all over the sky."
    changed = text.replace("blue light", "violet and blue light").replace("comes", "reaches us")
    said = dict(zip(RESPONSES, [text, changed, text], strict=True))
    ranks = (
        Rank(RESPONSES[1], 1, "score 0.91"),
        Rank(RESPONSES[0], 2, "score 0.74"),
        Rank(RESPONSES[2], 0, "quality raised KeyError: 'length'"),
    )
    known = {
        PROVIDERS[0]: Reputation(tasks=12, answered=11, paid=4, seconds=6.4),
        PROVIDERS[1]: Reputation(),
        PROVIDERS[2]: Reputation(tasks=1240, answered=1238, paid=833, seconds=92.0),
    }
    choice = Choice("auto: score by quality, waits for 1 more", ranks, known)
    return shown, {address: Answer(value=words) for address, words in said.items()}, choice


def silhouette(place: tuple[int, int, int, int], size: tuple[int, int] = (360, 240)) -> str:
    """Base64 of a mask: white in this ellipse, black elsewhere."""
    image = Image.new("L", size)
    ImageDraw.Draw(image).ellipse(place, fill=255)
    out = io.BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def sound(seconds: float = 1.2, rate: int = 8000) -> str:
    """Base64 of a WAV: a tone that fades."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        levels = [round(32_000 * x) for x in tone(seconds, rate)]
        file.writeframes(struct.pack(f"<{len(levels)}h", *levels))
    return base64.b64encode(out.getvalue()).decode()


def tone(seconds: float = 0.5, rate: int = 8000) -> list[float]:
    return [
        math.sin(n * 440 * math.tau / rate) * math.exp(-3 * n / rate)
        for n in range(int(seconds * rate))
    ]


def film() -> str:
    """Base64 of a WebM: a ball that rolls."""
    return base64.b64encode((Path(__file__).parent / "ball.webm").read_bytes()).decode()


MARKDOWN = """\
## Three ways to sort

Use **`sorted`** for a new list, `list.sort` to sort in place, or *heapq* when only a few of
the smallest are wanted. See [the HOWTO](https://docs.python.org/3/howto/sorting.html) and
<https://docs.python.org/3/library/heapq.html>.

1. `sorted(rows, key=len)` is stable
2. it costs *n* log *n*:
   - ~~always~~ mostly
   - less on runs that are sorted

> Premature optimization is the root of all evil.

| call | in place | gives |
|---|:---:|---:|
| `sorted(x)` | no | a list |
| `x.sort()` | yes | `None` |

```python
from heapq import nsmallest

def first(rows: list[str], n: int = 3) -> list[str]:
    return nsmallest(n, rows, key=str.casefold)
```

![a diagram](https://example.com/sorting.png)
"""

SENTENCE = "Ada Lovelace wrote the first program in London, for Charles Babbage's engine."


def entity(word: str, group: str, score: float) -> dict[str, Any]:
    start = SENTENCE.index(word)
    return {
        "entity_group": group, "word": word, "score": score,
        "start": start, "end": start + len(word),
    }  # fmt: skip


CITIES = ["Oslo", "Bergen", "Bodø", "Tromsø", "Røros", "Lillehammer", "Longyearbyen"]


def embedding(seed: int, size: int = 384) -> list[float]:
    """Numbers that say nothing of their neighbours, of norm 1; the same for the same seed."""
    numbers = [math.sin((n + 1) * (seed + 2) * 12.9898) * 43758.5453 % 1 - 0.5 for n in range(size)]
    size_of_all = math.hypot(*numbers)
    return [x / size_of_all for x in numbers]


ANSWERS: dict[str, tuple[Any, Any]] = {
    "chat": (
        {
            "role": "assistant",
            "content": "Paris.\n\nIt has been the capital of France since 987, with gaps:\n"
            "  • Vichy, 1940-1944\n  • Versailles, 1682-1789\n\nA ticket there costs $5 or $6.",
        },
        {"messages": [{"role": "user", "content": "What is the capital of France?"}]},
    ),
    "image": ({"image_base64": picture()}, {"prompt": "a house on a hill, morning"}),
    "labels": (
        {
            "result": [
                {"label": "POSITIVE", "score": 0.9731},
                {"label": "NEUTRAL", "score": 0.0202},
                {"label": "NEGATIVE", "score": 0.0067},
            ]
        },
        {"input": "I love it", "args": {"task": "text-classification"}},
    ),
    "detections": (
        {
            "result": [
                {
                    "label": "house",
                    "score": 0.981,
                    "box": {"xmin": 50, "ymin": 82, "xmax": 140, "ymax": 202},
                },
                {
                    "label": "tree",
                    "score": 0.874,
                    "box": {"xmin": 208, "ymin": 138, "xmax": 264, "ymax": 198},
                },
                {
                    "label": "the sun over the hills",
                    "score": 0.652,
                    "box": {"xmin": 250, "ymin": 18, "xmax": 300, "ymax": 68},
                },
            ]
        },
        {"input": {"image": picture("JPEG")}, "args": {"task": "object-detection"}},
    ),
    "tokens": (
        {
            "result": [
                entity("Ada Lovelace", "PER", 0.998),
                entity("London", "LOC", 0.994),
                entity("Charles Babbage", "PER", 0.991),
            ]
        },
        {"input": SENTENCE, "args": {"task": "token-classification"}},
    ),
    "summary": (
        {"result": [{"summary_text": "She wrote a program for a machine that never was."}]},
        {"input": SENTENCE},
    ),
    "question": ({"answer": "London", "score": 0.912, "start": 36, "end": 42}, {"input": SENTENCE}),
    "transcript": (
        {
            "text": " Hello there. How are you?",
            "chunks": [
                {"timestamp": [0.0, 1.4], "text": " Hello there."},
                {"timestamp": [1.9, 3.2], "text": " How are you?"},
            ],
        },
        {"audio": "…"},
    ),
    "table": (
        [
            {"city": "Oslo", "rain": 763.2, "days": 160, "coast": True},
            {"city": "Bergen", "rain": 2250.0, "days": 231, "coast": True},
            {"city": "Lillehammer", "rain": 650.75, "days": 148, "coast": False},
            {"city": "Longyearbyen", "rain": 196.4, "days": None, "coast": True},
        ],
        {"rows": 4},
    ),
    "describe": (
        {
            "rows": 3,
            "columns": [
                {
                    "name": "rain", "type": "number", "count": 3, "missing": 0, "distinct": 3,
                    "top": 763, "top_count": 1, "mean": 1221.333333, "std": 892.47,
                    "min": 650.0, "q1": 706.5, "median": 763.0, "q3": 1506.5, "max": 2250.0,
                },
                {
                    "name": "city", "type": "text", "count": 3, "missing": 0, "distinct": 3,
                    "top": "Oslo", "top_count": 1, "mean": None, "std": None,
                    "min": None, "q1": None, "median": None, "q3": None, "max": None,
                },
            ],
        },
        {"rows": [{"city": "Oslo", "rain": 763}]},
    ),
    "montecarlo": (
        {
            "estimate": 3.14172,
            "standard_error": 0.00519,
            "samples": 100_000,
            "seed": 4,
            "convergence": [
                {
                    "samples": round(10 * 1.4**n),
                    "estimate": math.pi + math.sin(n * 2.1) / 1.25**n,
                    "error": abs(math.sin(n * 2.1) / 1.25**n),
                }
                for n in range(28)
            ],
        },
        {"samples": 100_000, "seed": 4},
    ),
    "series": ([math.sin(n / 6) * math.exp(-n / 60) for n in range(120)], {"n": 120}),
    "several series": (
        {
            "epoch": list(range(1, 31)),
            "loss": [2 / n + math.sin(n) / 20 for n in range(1, 31)],
            "validation": [2.2 / n + 0.1 if n % 7 else None for n in range(1, 31)],
        },
        {"epochs": 30},
    ),
    "embeddings": ([embedding(n) for n in range(4)], {"input": ["a", "b", "c", "d"]}),
    "long table": (
        [
            {"id": n, "city": CITIES[n % 7], "rain": (n * 7919 % 4001) / 13, "seen": n % 3 == 0}
            for n in range(5000)
        ],
        {"rows": 5000},
    ),
    "markdown": (
        {"role": "assistant", "content": MARKDOWN},
        {"messages": [{"role": "user", "content": "How do I sort in Python?"}]},
    ),
    "conversation": (
        {
            "model": "openchat:7b",
            "message": {
                "role": "assistant",
                "content": "<think>The sum is 17 + 25. 17 + 20 = 37, and 5 more.</think>It is 42.",
            },
            "done": True,
            "eval_count": 31,
        },
        {"messages": [{"role": "user", "content": "17 + 25?"}]},
    ),
    "turns": (
        [
            {
                "generated_text": [
                    {"role": "user", "content": "A word for a tide pool?"},
                    {"role": "assistant", "content": "In Orkney, a *gloup*: no, that is a cave."},
                ]
            }
        ],
        {"input": "…"},
    ),
    "generated": (
        [{"generated_text": "# A plan\n\n- water the **plants**\n- feed the cat"}],
        {"input": "A plan for Sunday"},
    ),
    "long text": (
        {"result": "\n".join(f"Line {n} of a long report." for n in range(1, 101))},
        {"input": "report"},
    ),
    "link": ("https://docs.python.org/3/library/heapq.html", {"input": "a link"}),
    "images": (
        {"images": [picture(size=(240, 160)), picture("JPEG", (160, 240)), picture()]},
        {"prompt": "three houses", "n": 3},
    ),
    "masks": (
        {
            "result": [
                {"label": "house", "score": 0.99, "mask": silhouette((44, 76, 146, 206))},
                {"label": "tree", "score": 0.93, "mask": silhouette((206, 136, 266, 200))},
                {"label": "sky", "score": None, "mask": silhouette((-60, -140, 420, 120))},
            ]
        },
        {"input": picture("JPEG"), "args": {"task": "image-segmentation"}},
    ),
    "masks alone": (
        [{"label": "house", "score": 0.99, "mask": silhouette((44, 76, 146, 206))}],
        {"input": "elsewhere"},
    ),
    "depth": (
        {
            "predicted_depth": [
                [math.hypot(x - 30, y - 20) for x in range(60)] for y in range(40)
            ],
        },
        {"input": picture(size=(240, 160)), "args": {"task": "depth-estimation"}},
    ),
    "audio": ({"audio_base64": sound(), "seed": 7}, {"text": "a bell"}),
    "speech": ({"audio": [tone()], "sampling_rate": 8000}, {"input": "a bell"}),
    "video": ({"video": film()}, {"prompt": "a ball that rolls"}),
    "bytes": ({"file": base64.b64encode(b"%PDF-1.7" + bytes(range(256)) * 8).decode()}, {"n": 1}),
    "spoken": (
        {
            "text": " Hello there. How are you?",
            "segments": [
                {"start": 0.0, "end": 1.4, "text": " Hello there.", "speaker": "A"},
                {"start": 1.9, "end": 3.2, "text": " How are you?", "speaker": "B"},
            ],
            "language": "english",
        },
        {"input": f"data:audio/wav;base64,{sound()}"},
    ),
    "answer in its text": (
        {"answer": "London", "score": 0.912, "start": 40, "end": 46},
        {"input": {"question": "Where was it written?", "context": SENTENCE}},
    ),
    "answers": (
        [
            {"answer": "Ada Lovelace", "score": 0.81, "start": 0, "end": 12},
            {"answer": "Charles Babbage", "score": 0.12, "start": 52, "end": 67},
        ],
        {"input": {"question": "Who?", "context": SENTENCE}},
    ),
    "cells": (
        {
            "answer": "AVERAGE > 763.2, 650.75",
            "coordinates": [[0, 1], [2, 1]],
            "cells": ["763.2", "650.75"],
            "aggregator": "AVERAGE",
        },
        {"input": {"table": {"city": ["Oslo"], "rain": [763.2]}, "query": "How much?"}},
    ),
    "gap": (
        [
            {
                "score": score,
                "token": 3000 + n,
                "token_str": f" {word}",
                "sequence": f"The capital of France is {word}.",
            }
            for n, (word, score) in enumerate([("Paris", 0.88), ("Lyon", 0.05), ("Lille", 0.02)])
        ],
        {"input": "The capital of France is <mask>."},
    ),
    "zero-shot": (
        {
            "sequence": "The train was late again.",
            "labels": ["transport", "weather", "food"],
            "scores": [0.941, 0.046, 0.013],
        },
        {"input": "The train was late again.", "args": {"candidate_labels": ["transport"]}},
    ),
    "one label each": (
        [
            {"label": "POSITIVE", "score": 0.998},
            {"label": "NEGATIVE", "score": 0.964},
            {"label": "POSITIVE", "score": 0.871},
        ],
        {"input": ["I love it", "It broke on the second day", "Fine for what it costs, I think"]},
    ),
    "list": (
        [
            [{"label": "POSITIVE", "score": 0.998}, {"label": "NEGATIVE", "score": 0.002}],
            [{"label": "NEGATIVE", "score": 0.964}, {"label": "POSITIVE", "score": 0.036}],
        ],
        {"input": ["I love it", "It broke"], "args": {"top_k": 2}},
    ),
    "embedding": (
        {"embedding": [math.sin(n * n) / (1 + n % 7) for n in range(384)]},
        {"input": SENTENCE},
    ),
    "error": (
        {
            "error": "CUDA out of memory. Tried to allocate 2.00 GiB",
            "type": "OutOfMemoryError",
            "traceback": "Traceback (most recent call last):\n"
            '  File "/app/service.py", line 41, in run\n'
            "    out = pipe(prompt)\n"
            "torch.cuda.OutOfMemoryError: CUDA out of memory.",
        },
        {"prompt": "a very large picture"},
    ),
    "invalid": (
        {
            "detail": [
                {"loc": ["body", "messages"], "msg": "Field required", "type": "missing"},
                {"loc": ["body", "n"], "msg": "Input should be less than 10", "type": "less_than"},
            ]
        },
        {"prompt": "?"},
    ),
    "json": (
        {
            "model": {"name": "resnet", "layers": [{"kind": "conv", "size": [3, 3]}] * 3},
            "metrics": {"loss": {"train": 0.021, "test": 0.034}, "note": "it <b>works</b>"},
        },
        {"config": {"epochs": 3}},
    ),
}  # fmt: skip
