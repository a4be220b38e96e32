"""A large answer stays out of the notebook: a part is kept, and where the whole of it is."""

from __future__ import annotations

import base64
import io
import json
import random
import re
import sys
import wave
from typing import Any

import nbformat
import pytest
from PIL import Image

from ogpu_jupyter import display
from ogpu_jupyter.render import html, text
from ogpu_jupyter.render.drawing import ROOM, Drawing, Showing, is_larger, shared
from ogpu_jupyter.tasks import Answer
from tests.fake_task import FakeTask
from tests.render import samples
from tests.render.checks import HOSTILE, safe

AROUND = 60_000  # the style, the card and the task's data, beside its answers


def noise(width: int, height: int, kind: str = "PNG", mode: str = "RGB") -> str:
    """A picture that no format makes small."""
    channels = [Image.effect_noise((width, height), 90) for _ in mode]
    out = io.BytesIO()
    Image.merge(mode, channels).save(out, kind)
    return base64.b64encode(out.getvalue()).decode()


def sound() -> str:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 44_100, 0, "NONE", ""))
        file.writeframes(random.Random(1).randbytes(3_000_000))
    return base64.b64encode(out.getvalue()).decode()


def huge() -> dict[str, tuple[Any, Any]]:
    """Of each kind one answer of megabytes, and the data that it was asked with."""
    word = "<&\u202e" * 40
    whole = noise(1100, 900)
    boxes = [
        {"label": f"{n} {word}", "score": 0.5, "box": {"xmin": 1, "ymin": 1, "xmax": 9, "ymax": 9}}
        for n in range(5000)
    ]
    return {
        "text": ("words & more " * 200_000, {}),
        "chat": ({"role": "assistant", "content": f"# {word}\n\n" * 20_000}, {}),
        "conversation": ([{"role": "user", "content": word * 500}] * 200, {}),
        "texts": ([{"generated_text": word * 300}] * 300, {}),
        "image": ({"image_base64": whole}, {}),
        "clear image": ({"image_base64": noise(700, 700, mode="RGBA")}, {}),
        "images": ([noise(500, 500, "JPEG") for _ in range(10)], {}),
        "audio": ({"audio": sound()}, {}),
        "detections": (boxes, {"image": whole}),
        "labels": ([{"label": f"{n} {word}", "score": 0.1} for n in range(20_000)], {}),
        "table": ([{f"c{k}": f"{word} {n}" for k in range(30)} for n in range(3000)], {}),
        "numbers": ([[n / 7 for n in range(20)] for _ in range(5000)], {}),
        "series": ([float(n % 97) for n in range(150_000)], {}),
        "embeddings": ([samples.embedding(n) for n in range(300)], {}),
        "transcript": (
            {"text": word, "chunks": [{"timestamp": [n, n], "text": word} for n in range(9000)]},
            {},
        ),
        "JSON": ({f"{n}": {"a": [{"b": word * 20}] * 9} for n in range(900)}, {}),
        "error": ({"error": word * 50_000}, {}),
        "hostile": ([{f"{text[:60]}{n}": text for n in range(40)} for text in HOSTILE], {}),
    }  # fmt: skip


HUGE = huge()


@pytest.mark.parametrize("name", HUGE)
def test_the_saved_notebook_stays_small(name: str) -> None:
    """HTML and text of the output, as they stand in the file, within the bound."""
    value, data = HUGE[name]
    record, answers = samples.answered(value, data)

    bundle, metadata = display.bundle(FakeTask(record, answers))
    output = nbformat.v4.new_output("display_data", data=bundle, metadata=metadata)
    cell = nbformat.v4.new_code_cell("task", outputs=[output])
    saved = nbformat.writes(nbformat.v4.new_notebook(cells=[cell]))

    assert len(json.dumps(value)) > ROOM or name in {"hostile", "transcript"}
    assert len(bundle["text/html"].encode()) < ROOM + AROUND
    assert len(bundle["text/plain"].encode()) < ROOM
    assert len(saved) < 2 * ROOM + AROUND
    safe(bundle["text/html"])
    if name != "hostile":
        assert "The notebook keeps a part" in bundle["text/html"]
        assert "task.result()" in bundle["text/html"]
        assert "http://localhost/ipfs/Qm" in bundle["text/html"]


def test_an_image_is_made_smaller_not_left_out() -> None:
    """It keeps its place and its size on the page, and is told with the size that it has."""
    record, answers = samples.answered(*HUGE["image"])

    shown = html(record, answers, samples.NOW)
    found = re.findall(r'<img src="data:image/(\w+);base64,([^"]+)"', shown)
    image = Image.open(io.BytesIO(base64.b64decode(found[0][1])))

    assert [kind for kind, _ in found] == ["jpeg"]
    assert 300 < image.width < 1100
    assert 'width="1100" height="900"' in shown
    assert "PNG image, 1100 \N{MULTIPLICATION SIGN} 900" in shown


def test_what_shines_through_still_does() -> None:
    """A mask or a cut-out is no JPEG."""
    record, answers = samples.answered(*HUGE["clear image"])

    found = re.findall(r'src="data:image/(\w+);base64,([^"]+)"', html(record, answers, samples.NOW))
    image = Image.open(io.BytesIO(base64.b64decode(found[0][1])))

    assert image.mode == "RGBA"


def test_boxes_stay_on_their_things() -> None:
    """They are in percent of the picture, which is only drawn with fewer pixels."""
    value, data = samples.ANSWERS["detections"]
    large = {"input": {"image": noise(360, 240)}, "args": data["args"]}
    record, answers = samples.answered(value, large)

    shown = html(record, answers, samples.NOW, showing=Showing(room=30_000))

    assert "left:13.89%;top:34.17%;width:25.00%;height:50.00%" in shown
    assert shown.count("<img") == 1
    assert "image/jpeg" in shown
    assert "keeps its pictures and recordings smaller" in shown


def test_without_pillow_an_image_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing breaks."""
    record, answers = samples.answered({"image_base64": noise(1000, 901)})
    monkeypatch.setitem(sys.modules, "PIL", None)

    shown = html(record, answers, samples.NOW)

    assert "[not kept in the notebook]" in shown
    assert "PNG image, 1000 \N{MULTIPLICATION SIGN} 901" in shown
    assert len(shown) < AROUND


def test_a_small_answer_is_whole() -> None:
    """With a link that saves it, and no words about parts."""
    record, answers = samples.answered(*samples.ANSWERS["table"])

    shown = html(record, answers, samples.NOW)

    assert "keeps a part" not in shown
    assert 'download="run-7.csv"' in shown or 'download="text2text-7.csv"' in shown
    assert 'href="data:text/csv;charset=utf-8;base64,' in shown


def test_many_answers_share_the_room() -> None:
    """Small ones leave to the large ones what they don't need."""
    record, _ = samples.choosing()
    texts = ["short", "words " * 100_000, "more words " * 100_000]
    answers = {
        response.address: Answer(value=text)
        for response, text in zip(record.responses, texts, strict=True)
    }

    shown = html(record, answers, samples.NOW, showing=Showing(room=50_000))
    words = text(record, answers, samples.NOW, showing=Showing(room=50_000))

    assert len(shown) < 50_000 + AROUND
    assert len(words) < 30_000
    assert shown.count("The notebook keeps a part") == 2
    assert "short" in shown
    assert shared({1: 10, 2: 90_000, 3: 90_000}, 60_000) == {1: 20_000, 2: 29_995, 3: 29_995}


def test_the_bound_is_the_persons() -> None:
    """What is too much for one notebook is right for another."""
    answer = Answer(value={"image_base64": noise(400, 300)})

    small = Drawing([("", answer)], None, Showing(room=20_000)).html(answer)
    large = Drawing([("", answer)], None, Showing(room=1_000_000)).html(answer)

    assert len(small) < 20_000
    assert "image/png" in large
    assert len(large) > 200_000


def test_what_is_large_is_known_early() -> None:
    """Without reading it all."""
    assert is_larger(["x" * 100] * 10_000_000, 1000)
    assert is_larger({"x" * 2000: 1}, 1000)
    assert not is_larger({"a": [1, 2, {"b": "text"}]}, 1000)


def test_the_data_that_was_sent_is_bounded_too() -> None:
    """Its tree ends, however many texts are in it."""
    data = {f"k{n}": "x" * 5000 for n in range(2000)}
    record, answers = samples.answered("Paris", data)

    assert len(html(record, answers, samples.NOW)) < 150_000
