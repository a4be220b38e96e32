"""What the services answer: computed, deterministic, and within bounds."""

from __future__ import annotations

import base64
import io
import json
import math
import statistics
import struct
import subprocess
import sys
import time
import wave

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from ogpu_jupyter.localnet.services import SERVICES, calculator, texts
from ogpu_jupyter.tasks import DeliveryMethod

EXAMPLES = {
    "text2text": {"messages": [{"role": "user", "content": "What is 17 * 23?"}]},
    "text2text_bids": {"messages": [{"role": "user", "content": "What is 17 * 23?"}]},
    "text2image": {"prompt": "a misty mountain lake at sunrise"},
    "text2audio": {"notes": "C4 E4 G4 C5:2"},
    "inference": {"input": "I love how quiet it is."},
    "describe": {"rows": [{"city": "Oslo", "rain": 763}, {"city": "Bergen", "rain": 2250}]},
    "montecarlo": {"samples": 1000, "seed": 7},
    "sleep": {"seconds": 0},
}


def ask(name, **data):
    return SERVICES[name].answer(data)


def chat(*said):
    messages = [{"role": "user", "content": text} for text in said]
    return ask("text2text", messages=messages)["content"]


# --- all of them ------------------------------------------------------------------------------


def test_the_issue_s_services_are_there():
    assert set(SERVICES) == {*EXAMPLES, "fail"}
    assert all(service.function == name for name, service in SERVICES.items())
    manual = {n for n, s in SERVICES.items() if s.delivery is DeliveryMethod.MANUAL_CONFIRMATION}
    assert manual == {"text2text_bids"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_same_question_has_the_same_answer(name):
    """Also in another process, with another seed for hashes."""
    code = (
        "import json, sys; from ogpu_jupyter.localnet.services import SERVICES;"
        "print(json.dumps(SERVICES[sys.argv[1]].answer(json.loads(sys.argv[2]))))"
    )
    first = SERVICES[name].answer(EXAMPLES[name])

    other = subprocess.run(
        [sys.executable, "-c", code, name, json.dumps(EXAMPLES[name])],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "123"},
    )

    assert json.loads(other.stdout) == first


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_answer_is_of_the_output_model(name):
    service = SERVICES[name]
    answer = service.answer(EXAMPLES[name])

    assert service.output_model.model_validate(answer).model_dump(mode="json") == answer


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_the_metadata_has_the_sdk_s_fields_and_the_functions(service):
    told = json.loads(json.dumps(service.metadata))

    assert {"cpu", "nvidia", "amd", "name", "description", "logoUrl"} < set(told)
    assert [function["name"] for function in told["functions"]] == [service.function]
    assert told["functions"][0]["input"]["type"] == "object"
    assert told["description"]


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_each_field_is_described_for_forms(service):
    fields = service.input_model.model_fields.values()

    assert all(field.description for field in fields)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("text2text", {}),
        ("text2text", {"messages": []}),
        ("text2text", {"messages": [{"role": "robot", "content": "x"}]}),
        ("text2text", {"messages": [{"role": "user", "content": "x" * 100_001}]}),
        ("text2text", {"messages": [{"role": "user", "content": "x"}] * 201}),
        ("text2image", {"prompt": ""}),
        ("text2image", {"prompt": "x" * 4001}),
        ("text2image", {"prompt": "x", "size": 100_000}),
        ("inference", {"input": ""}),
        ("inference", {"input": "x", "args": {"task": "text-generation"}}),
        ("inference", {"input": ["x"] * 1001}),
        ("describe", {"rows": []}),
        ("describe", {"rows": [{"a": [1]}]}),
        ("describe", {"rows": [{"a": 10**400}]}),
        ("describe", {"rows": [{"a": float("inf")}]}),
        ("describe", {"rows": [{}] * 20_001}),
        ("describe", {"rows": [{str(n): n for n in range(201)}]}),
        ("montecarlo", {"samples": 0}),
        ("montecarlo", {"samples": 10**9}),
        ("montecarlo", {"seed": -1}),
        ("sleep", {"seconds": -1}),
        ("sleep", {"seconds": 1e9}),
        ("sleep", {"seconds": float("nan")}),
    ],
)
def test_data_out_of_bounds_is_refused(name, data):
    with pytest.raises(pydantic.ValidationError):
        SERVICES[name].answer(data)


def test_what_is_unknown_in_the_data_is_let_be():
    assert ask("sleep", seconds=0, priority="high") == {"slept": 0}


def test_fail_fails_with_its_message():
    with pytest.raises(Exception, match="out of memory"):
        ask("fail", message="out of memory")


def test_the_services_import_no_image_library():
    code = (
        "import sys; from ogpu_jupyter.localnet.services import SERVICES;"
        "print([m for m in ('PIL', 'requests', 'web3', 'eth_account') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"


# --- text2text ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is 17 * 23?", "17 * 23 = 391"),
        ("2+2", "2 + 2 = 4"),
        ("What is 15% of 80?", "15 / 100 * 80 = 12"),
        ("calculate (1 + 2) * 3 - 4 / 2", "(1 + 2) * 3 - 4 / 2 = 7"),
        ("What is seven plus the square root of 16?", "7 + sqrt(16) = 11"),
        ("what is the square root of 144", "sqrt(144) = 12"),
        ("what is 2^10?", "2 ^ 10 = 1,024"),
        ("1,000 times 3", "1000 * 3 = 3,000"),
        ("1/0", "I can't work out 1 / 0: it divides by zero, which has no answer."),
        ("9**9**9", "I can't work out 9 ^ 9 ^ 9: it is larger than I count."),
        ("reverse: hello world", "dlrow olleh"),
        ("Please reverse the text 'abc def'", "fed cba"),
        ("UPPERCASE this: quiet", "QUIET"),
        ("sort: pear, apple, fig", "apple, fig, pear"),
        ("How many r's are in strawberry?", "There are 3 letters r in “strawberry”."),
        ("how many words in: one two three", "There are 3 words in “one two three”."),
        ("count the letters in 'banana'", "There are 6 letters in “banana”."),
        ("", "You have not said anything yet. What would you like to know?"),
    ],
)
def test_the_assistant_works_it_out(question, answer):
    assert chat(question) == answer


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("What is a provider?", "stake"),
        ("explain IPFS", "hash"),
        ("What are tasks?", "payment"),
        ("hello", "sums"),
        ("who are you?", "rules"),
        ("write a haiku about the sea", "the sea"),
        ("Why do birds sing in spring?", "birds"),
        ("Was ist die Hauptstadt von Peru?", "Hauptstadt"),
        ("日本の首都は?", "日本の首都は"),
    ],
)
def test_the_assistant_speaks_of_what_was_asked(question, word):
    assert word in chat(question)


def test_the_assistant_remembers_the_conversation():
    assert chat("My name is Ada.", "What is my name?") == "You told me that your name is Ada."
    assert "not told me" in chat("What is my name?")


def test_the_assistant_answers_the_user_s_last_message():
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "1+1"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": "2+2"},
        {"role": "assistant", "content": "…"},
    ]

    assert ask("text2text", messages=messages) == {"role": "assistant", "content": "2 + 2 = 4"}


@given(st.text(max_size=300))
def test_the_assistant_has_an_answer_to_anything(question):
    assert chat(question)


@given(st.text(alphabet="0123456789+-*/%().^ episqrtlogcx,", max_size=60))
def test_any_sum_has_a_value_or_a_reason(text):
    found = calculator.find_sum(text)
    if found is None:
        return
    reasons = []
    try:
        reasons.append(calculator.work_out(found))
    except calculator.NoSum as error:
        reasons.append(str(error))
    assert all(reasons)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "(" * 100_000,
        "1+" * 50_000,
        "'" * 100_000,
        "how many " * 11_000,
        "A. " * 33_000,
        "reverse: " * 11_000,
        "the haiku about " * 6_000,
        "my name is " * 9_000,
        "summarise: " + "A b c. " * 14_000,
        "ß" * 100_000,
    ],
    ids=range(11),
)
def test_a_long_message_is_answered_in_seconds(text):
    start = time.process_time()

    assert chat(text)
    assert time.process_time() - start < 5


def test_a_summary_holds_the_text_s_main_sentences_in_their_order():
    text = (
        "Whales are mammals that live in the sea. Whales sing songs which travel far through the "
        "sea. My lunch was late. Many whales travel across a whole sea each year. It rained."
    )

    assert texts.summarize(text, at_most=3) == (
        "Whales are mammals that live in the sea. Whales sing songs which travel far through the "
        "sea. Many whales travel across a whole sea each year."
    )


def test_an_abbreviation_ends_no_sentence():
    found = texts.sentences("Dr. Smith met Mr. B. Jones. They talked! “Well?” Yes.")

    assert found[0] == "Dr. Smith met Mr. B. Jones."
    assert found[1] == "They talked!"


# --- text2image ---------------------------------------------------------------------------------


def picture(**data):
    data = base64.b64decode(ask("text2image", **data)["image_base64"], validate=True)
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    "prompt",
    ["mountains", "sea at sunset with a boat", "neon city", "garden", "saturn", "!!!", "日本"],
)
def test_a_prompt_becomes_a_png_with_many_colors(prompt):
    image = picture(prompt=prompt, size=256)

    assert (image.format, image.size) == ("PNG", (256, 256))
    assert len(image.convert("RGB").getcolors(1 << 16)) > 500


def test_another_prompt_is_another_picture():
    assert picture(prompt="sea", size=256).tobytes() != picture(prompt="pond", size=256).tobytes()


def test_a_picture_has_the_colors_of_its_words():
    def mean(prompt):
        image = picture(prompt=prompt, size=256).resize((1, 1))
        return image.convert("RGB").getpixel((0, 0))

    night, day = mean("mountains at night"), mean("mountains at noon")
    red, green = mean("a red dream"), mean("a green dream")

    assert sum(night) < sum(day)
    assert red[0] > red[1]
    assert green[1] > green[0]


# --- inference ------------------------------------------------------------------------------------


def infer(given, **args):
    return ask("inference", input=given, args=args)["result"]["output"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this", "POSITIVE"),
        ("This is terrible and slow", "NEGATIVE"),
        ("not good", "NEGATIVE"),
        ("Not bad at all!", "POSITIVE"),
        ("The battery is great but the screen broke", "NEGATIVE"),
        ("I don’t like it", "NEGATIVE"),  # noqa: RUF001 - as it is typed
        ("👎", "NEGATIVE"),
    ],
)
def test_a_text_is_classified_by_its_words(text, label):
    [found] = infer(text)

    assert found["label"] == label
    assert 0.5 < found["score"] <= 1


def test_both_labels_sum_to_one():
    found = infer("fine", top_k=2)

    assert math.isclose(sum(each["score"] for each in found), 1)
    assert found[0]["score"] > found[1]["score"]


def test_a_stronger_word_has_a_higher_score():
    scores = [infer(text)[0]["score"] for text in ("good", "very good", "wonderful")]

    assert scores == sorted(scores)


def test_several_texts_have_a_label_each():
    assert [each["label"] for each in infer(["good", "bad"])] == ["POSITIVE", "NEGATIVE"]


def test_a_summary_is_in_hugging_face_s_shape():
    [found] = infer("One. Two two. Two three two.", task="summarization", max_sentences=1)

    assert set(found) == {"summary_text"}
    assert found["summary_text"] in {"Two two.", "Two three two."}


def test_names_are_found_where_they_stand():
    text = "Dr. Ada Lovelace left London for Acme Corp. in New York. The NASA hired Alan Turing."
    found = infer(text, task="token-classification")

    assert [(each["entity_group"], each["word"]) for each in found] == [
        ("PER", "Ada Lovelace"),
        ("LOC", "London"),
        ("ORG", "Acme Corp."),
        ("LOC", "New York"),
        ("ORG", "NASA"),
        ("PER", "Alan Turing"),
    ]
    assert all(text[each["start"] : each["end"]] == each["word"] for each in found)
    assert all(0 < each["score"] <= 1 for each in found)


@given(st.text(max_size=200))
def test_any_text_goes_through_each_pipeline(text):
    for task in ("text-classification", "summarization"):
        assert infer(text or "x", task=task)
    for each in infer(text or "x", task="token-classification"):
        assert text[each["start"] : each["end"]] == each["word"]


def drawn(kind="PNG", scale=1):
    image = Image.new("RGB", (400 * scale, 300 * scale), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse([n * scale for n in (20, 20, 120, 120)], fill="red")
    pen.rectangle([n * scale for n in (200, 50, 350, 100)], fill="blue")
    pen.polygon([n * scale for n in (50, 280, 150, 280, 100, 180)], fill="green")
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    "form", [lambda b: b, lambda b: f"data:image/png;base64,{b}", lambda b: {"image": b}]
)
@pytest.mark.parametrize("scale", [1, 3])
def test_shapes_are_found_in_an_image(form, scale):
    found = infer(form(drawn(scale=scale)), task="object-detection")

    assert {each["label"] for each in found} == {"red circle", "blue rectangle", "green triangle"}
    box = next(each["box"] for each in found if each["label"] == "blue rectangle")
    expected = {"xmin": 200, "ymin": 50, "xmax": 350, "ymax": 100}
    assert all(abs(box[side] - at * scale) <= 4 * scale for side, at in expected.items())
    assert all(isinstance(side, int) for each in found for side in each["box"].values())


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "WEBP", "BMP"])
def test_shapes_are_found_in_other_formats(kind):
    found = infer(drawn(kind), task="object-detection")

    assert "blue rectangle" in {each["label"] for each in found}


def test_an_empty_image_has_no_objects():
    buffer = io.BytesIO()
    Image.new("RGBA", (1, 1)).save(buffer, "PNG")

    assert infer(base64.b64encode(buffer.getvalue()).decode(), task="object-detection") == []


def huge_png():
    """A few bytes that say they are 100,000 by 100,000 pixels."""
    buffer = io.BytesIO()
    Image.new("1", (1, 1)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = (100_000).to_bytes(4, "big") * 2
    from zlib import crc32

    data[29:33] = crc32(bytes(data[12:29])).to_bytes(4, "big")
    return base64.b64encode(bytes(data)).decode()


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("not base64!", "not base64"),
        ("aGVsbG8=", "can't be read"),
        (base64.b64encode(base64.b64decode(drawn())[:200]).decode(), "can't be read"),
        (huge_png(), "25 million pixels|can't be read"),
        (base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode(), "can't be read"),
        ({"picture": "x"}, "none of the fields"),
        ([drawn()[:10]], "not one image"),
    ],
    ids=range(7),
)
def test_what_is_no_image_is_said_to_be_none(image, said):
    with pytest.raises(ValueError, match=said):
        infer(image, task="object-detection")


# --- numbers --------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50))
def test_the_statistics_are_those_of_the_standard_library(numbers):
    [column] = ask("describe", rows=[{"x": n} for n in numbers])["columns"]
    q1, median, q3 = statistics.quantiles(numbers, n=4, method="inclusive")

    def close(one, other):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)

    assert (column["count"], column["min"], column["max"]) == (
        len(numbers),
        min(numbers),
        max(numbers),
    )
    assert close(column["mean"], statistics.fmean(numbers))
    assert close(column["std"], statistics.stdev(numbers))
    assert close(column["q1"], q1)
    assert close(column["median"], median)
    assert close(column["q3"], q3)


def test_each_kind_of_column_is_told():
    rows = [
        {"n": 1, "t": "a", "b": True, "m": 1, "e": None},
        {"n": 2.5, "t": "b", "b": False, "m": "x"},
        {"t": "a", "b": True, "m": True},
    ]
    told = ask("describe", rows=rows)
    columns = {column["name"]: column for column in told["columns"]}

    assert told["rows"] == 3
    assert {name: c["type"] for name, c in columns.items()} == {
        "n": "number",
        "t": "text",
        "b": "boolean",
        "m": "mixed",
        "e": "empty",
    }
    assert (columns["t"]["top"], columns["t"]["top_count"], columns["t"]["distinct"]) == ("a", 2, 2)
    assert (columns["n"]["count"], columns["n"]["missing"]) == (2, 1)
    assert columns["m"]["distinct"] == 3
    assert (columns["e"]["top"], columns["e"]["top_count"]) == (None, 0)
    assert columns["t"]["mean"] is None


def test_pi_comes_nearer_with_more_points():
    told = ask("montecarlo", samples=500_000, seed=1)

    assert abs(told["estimate"] - math.pi) < 4 * told["standard_error"] < 0.02
    assert told["convergence"][-1]["samples"] == told["samples"] == 500_000
    assert told["convergence"][-1]["estimate"] == told["estimate"]
    assert [step["samples"] for step in told["convergence"]] == sorted(
        {step["samples"] for step in told["convergence"]}
    )
    assert 10 < len(told["convergence"]) < 50


def test_another_seed_throws_other_points():
    assert ask("montecarlo", seed=1)["estimate"] != ask("montecarlo", seed=2)["estimate"]
    assert ask("montecarlo", samples=1)["samples"] == 1


# --- text2audio ---------------------------------------------------------------------------------


def heard(notes, **options):
    answer = ask("text2audio", notes=notes, **options)
    with wave.open(io.BytesIO(base64.b64decode(answer["audio_base64"], validate=True))) as sound:
        assert sound.getframerate() == answer["sampling_rate"]
        assert sound.getnframes() / sound.getframerate() == pytest.approx(answer["seconds"], abs=1)
        return struct.unpack(f"<{sound.getnframes()}h", sound.readframes(sound.getnframes()))


def test_a_tune_is_a_wav_that_is_heard():
    samples = heard("C4 E4 G4")

    assert 25_000 < max(map(abs, samples)) <= 32_767
    assert heard("C4 E4 G4") == samples
    assert heard("C4 E4 A4") != samples


def test_a_string_has_the_pitch_of_its_note():
    """The tone repeats itself after one wave: 440 times a second for A4."""
    samples = heard("A4:4")[4000:8000]
    alike = {
        lag: sum(a * b for a, b in zip(samples, samples[lag:], strict=False))
        for lag in range(25, 60)
    }

    assert max(alike, key=alike.get) == pytest.approx(16_000 / 440, abs=1.5)


def test_tempo_and_beats_make_the_length():
    slow, quick = len(heard("C4:4", tempo=60)), len(heard("C4:4", tempo=120))

    assert slow - quick == pytest.approx(2 * 16_000, abs=2)
    assert len(heard("C4:99 " * 50, tempo=40)) == 30 * 16_000


@pytest.mark.parametrize("notes", ["H4", "C9", "C4:", "C4:1234", "c4", "", "<script>"])
def test_what_is_no_note_is_named(notes):
    with pytest.raises(pydantic.ValidationError, match=r"no note|at least 1"):
        ask("text2audio", notes=notes)


# --- the assistant at three degrees of care ---------------------------------------------------


def replies(*said):
    """What each bidder answers, by its name."""
    service = SERVICES["text2text_bids"]
    data = {"messages": [{"role": "user", "content": text} for text in said]}
    return {b.name: service.answer(data, b.name)["content"] for b in service.bidders}


def test_the_bidders_differ_in_price_time_and_care():
    """No one is the best in all three."""
    bidders = SERVICES["text2text_bids"].bidders
    cheapest = min(bidders, key=lambda b: b.per_cent)
    soonest = min(bidders, key=lambda b: b.seconds)

    assert len({(b.per_cent, b.seconds, b.run) for b in bidders}) == 3
    assert {cheapest.name, soonest.name, "careful"} == {"steady", "hasty", "careful"}
    assert all(0 < b.per_cent <= 100 for b in bidders)


def test_the_hasty_one_rounds_and_the_careful_one_checks():
    assert replies("What is 1234 * 5678?") == {
        "hasty": "1234 * 5678 ≈ 7,007,000",
        "steady": "1234 * 5678 = 7,006,652",
        "careful": "1234 * 5678 = 7,006,652\n\n"
        "Checked: 2 * 2 * 17 * 167 * 617 = 7,006,652, in primes.",
    }


def test_an_easy_sum_is_the_same_for_two():
    """So that there is something to agree on."""
    found = replies("What is 17 * 23?")

    assert found["hasty"] == found["steady"] == "17 * 23 = 391"
    assert found["careful"].endswith("Checked: 17 * 23 = 391, in primes.")


@pytest.mark.parametrize(
    ("sum_", "checked"),
    [("2 + 3", "Checked: 5 is a prime."), ("1 / 3", ""), ("2 - 5", ""), ("1e15 + 1", "")],
)
def test_only_what_can_be_taken_apart_is_checked(sum_, checked):
    assert replies(f"What is {sum_}?")["careful"].partition("\n\n")[2] == checked


def test_the_hasty_one_forgets_and_reads_one_sentence():
    found = replies("My name is Ada.", "What is my name?")

    assert "Ada" in found["steady"]
    assert "Ada" not in found["hasty"]
    assert replies("Count the words in: one two three. And now reverse: abc")["hasty"].startswith(
        "There are 3 words"
    )


def test_the_careful_one_explains_what_its_answer_rests_on():
    found = replies("What is a task?")

    assert found["careful"].startswith(found["steady"])
    assert len(found["careful"].split("\n\n")) == 3
    assert found["steady"].startswith(found["hasty"])
