"""A task as HTML and as text: every stage, whole, safe, and steady."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ogpu_jupyter import render, widgets
from ogpu_jupyter.render import style
from ogpu_jupyter.render.stages import steps
from ogpu_jupyter.tasks import Answer, Attempt, DeliveryMethod, Stage
from tests import gallery
from tests.render import samples
from tests.render.checks import CONTROLS, HOSTILE, safe

NOW = samples.NOW


def page(record: Any, answers: Any = None, note: str = "", now: float = NOW) -> str:
    return render.html(record, answers or {}, now, note=note)


SENTENCES = {
    Stage.INTENDED: "Checked and written down. Nothing has left this machine.",
    Stage.UPLOADED: "The data is stored. Nothing is spent yet.",
    Stage.SIGNED: "Signed, and on its way to the network.",
    Stage.SENT: "Sent. Waiting for a block.",
    Stage.PUBLISHED: "Waiting for a provider to take it.",
    Stage.ATTEMPTED: "0x7a5e…9A0b is working on it.",
    Stage.LATE: "Its time has passed; its payment is still held. Type `%ogpu reclaim` to have it "
    "back.",
    Stage.RESPONDED: "Answered. The payment is not settled yet.",
    Stage.FINALIZED: "Answered by 0x7a5e…9A0b in 8 s.",
    Stage.CANCELED: "Canceled. The payment is back in the vault.",
    Stage.EXPIRED: "Its time has passed without an answer. Nothing was paid out.",
    Stage.FAILED: "The network refused it. The payment was not taken. SourceInactive.",
    Stage.ABANDONED: "Never sent. Nothing was spent. The kernel ended before it was sent.",
}
WAYS = {
    Stage.INTENDED: "Created● Published○ Attempted○ Responded○ Confirmed○ Paid○",
    Stage.UPLOADED: "Created✓ Published● Attempted○ Responded○ Confirmed○ Paid○",
    Stage.SIGNED: "Created✓ Published● Attempted○ Responded○ Confirmed○ Paid○",
    Stage.SENT: "Created✓ Published● Attempted○ Responded○ Confirmed○ Paid○",
    Stage.PUBLISHED: "Created✓ Published✓ Attempted● Responded○ Confirmed○ Paid○",
    Stage.ATTEMPTED: "Created✓ Published✓ Attempted✓ Responded● Confirmed○ Paid○",
    Stage.LATE: "Created✓ Published✓ Late●",
    Stage.RESPONDED: "Created✓ Published✓ Attempted✓ Responded✓ Confirmed● Paid○",
    Stage.FINALIZED: "Created✓ Published✓ Attempted✓ Responded✓ Confirmed✓ Paid✓",
    Stage.CANCELED: "Created✓ Published✓ Canceled✕",
    Stage.EXPIRED: "Created✓ Published✓ Attempted✓ Expired✕",
    Stage.FAILED: "Created✓ Failed✕",
    Stage.ABANDONED: "Created✓ Not sent✕",
}


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_says_what_is_going_on(stage: Stage) -> None:
    """The same sentence in the page and in the text."""
    record = samples.record(stage)

    assert SENTENCES[stage] in safe(page(record)).text
    assert SENTENCES[stage] in " ".join(render.text(record, {}, NOW).split())


def test_a_late_task_that_a_provider_had_says_what_frees_it() -> None:
    words = "Its time has passed; the payment is held until an attempt writes the expiry down."

    assert words in safe(page(samples.late_attempted())).text


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_has_its_place_on_the_way(stage: Stage) -> None:
    """What is done, what is under way, and what is to come; or where it ended."""
    signs = {"done": "✓", "now": "●", "todo": "○", "end": "✕"}

    way = " ".join(f"{step.name}{signs[step.state]}" for step in steps(samples.record(stage)))

    assert way == WAYS[stage]


@pytest.mark.parametrize("stage", Stage)
def test_one_step_is_the_current_one(stage: Stage) -> None:
    """Readers of the screen are told which; when all is paid there is none left."""
    shown = page(samples.record(stage))

    assert shown.count('aria-current="step"') == (0 if stage is Stage.FINALIZED else 1)
    assert shown.count("<ol") == 1
    assert 'role="status"' in shown


@pytest.mark.parametrize("view", [*gallery.states().values(), *gallery.answers().values()])
def test_a_view_stands_alone(view: str) -> None:
    """No script, nothing from elsewhere, no rule that reaches outside; small enough for many."""
    safe(view)
    rules = re.findall(r"<style>(.*?)</style>", view)[0]
    selectors = re.findall(
        r"(?:^|[{};])([^{}@;]+)\{", re.sub(r"@keyframes [^}]*}[^}]*}}", "", rules)
    )

    assert all(part.strip().startswith(".ogpu.ogpu") for s in selectors for part in s.split(","))
    assert "url(" not in rules
    assert "@import" not in rules
    words = re.sub(r"data:image[^\"]*", "", view).replace("https://ogpuscan.io", "")
    assert "http" not in re.sub(r"https?://(docs.python.org|example.com|localhost)/", "", words)
    assert len(rules) < 20_000


@pytest.mark.parametrize("view", [*gallery.states().values(), *gallery.answers().values(),
                                  *gallery.tables().values()])  # fmt: skip
def test_every_class_has_a_rule(view: str) -> None:
    """A view carries the rules of what it uses."""
    used = {name for names in re.findall(r'class="([^"]*)"', view) for name in names.split()}
    plain = {"ogpu-said", "ogpu-todo", "ogpu-h0", "mathjax_ignore", "tex2jax_ignore",
             "jp-toc-ignore", "tocSkip"}  # fmt: skip

    missing = {name for name in used - plain if f".{name}" not in view}
    assert missing == set()


FORMS = "".join(path.read_text() for path in sorted(Path(widgets.__path__[0]).rglob("*.[pj][ys]")))


def test_no_rule_without_a_class_in_use() -> None:
    """The style has no leftovers."""
    views = "".join([*gallery.states().values(), *gallery.answers().values(),
                     *gallery.tables().values()])  # fmt: skip
    used = {name for names in re.findall(r'class="([^"]*)"', views) for name in names.split()}
    used |= set(re.findall(r"ogpu-f[a-z-]*[a-z]", FORMS))
    known = set(re.findall(r"\.(ogpu-[a-z0-9-]*[a-z0-9])", style.all_rules()))
    numbered = {name for name in known if re.fullmatch(r"ogpu-[ahmtz][0-9]+", name)}

    assert known - used - numbered == set()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_in_every_field(text: str) -> None:
    """Names, problems, payloads and notes are text."""
    record = samples.record(
        Stage.EXPIRED, network=text, source_name=text, function=text, name=text, problem=text,
        payload=text.encode(errors="replace"), explorer_url=text, address=text, tx_hash=text,
        source=text, attempts=(Attempt(provider=text),), responses=(samples.response(),),
    )  # fmt: skip
    answers = {samples.RESPONSES[0]: Answer(problem=text)}

    assert safe(page(record, answers, text)).links == []
    assert not CONTROLS.search(render.text(record, answers, NOW))
    assert "\n" not in render.line(record, NOW)
    safe(render.tasks_html([record], NOW))


def test_explorer_link_where_the_network_has_one() -> None:
    """The task's own page, without telling it where the reader comes from."""
    base = "https://ogpuscan.io/task"
    shown = page(samples.record(explorer_url=base))

    assert safe(shown).links == [f"{base}/{samples.TASK}"]
    assert 'rel="noopener noreferrer"' in shown
    assert safe(page(samples.record(Stage.SENT, explorer_url=base))).links == []
    assert safe(page(samples.record(explorer_url="javascript:alert(1)"))).links == []


def test_addresses_are_short_to_the_eye_and_whole_to_copy() -> None:
    """A selection, a reader of the source and a page without style have all of it."""
    assert samples.TASK in safe(page(samples.record())).text.replace(" ", "")
    assert f'title="{samples.TASK}"' in page(samples.record())


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (90_000, "1 d 1 h"), (7384, "2 h 3 min"), (599.9, "9 min"), (120, "2 min"),
        (119, "1 min 50 s"), (61, "1 min"), (35, "30 s"), (20.4, "20 s"), (7, "7 s"), (0.5, "0 s"),
    ],
)  # fmt: skip
def test_countdown(left: float, words: str) -> None:
    """Coarse while there is time, so that the view isn't redrawn under the reader."""
    record = samples.record(Stage.PUBLISHED)

    assert f"expires in {words}" in safe(page(record, now=record.expires_at - left)).text


def test_redraws_while_time_runs() -> None:
    """Ten minutes of waiting are some forty drawings, not six hundred."""
    record = samples.record(Stage.PUBLISHED)

    drawn = {page(record, now=record.expires_at - left) for left in range(600, 0, -1)}

    assert len(drawn) < 45


def test_time_that_is_up() -> None:
    """Before anybody has written so on chain."""
    record = samples.record(Stage.PUBLISHED)

    assert "time is up" in safe(page(record, now=record.expires_at + 1)).text
    assert "(time is up)" in render.text(record, {}, record.expires_at + 1)


COSTS = {
    Stage.INTENDED: ("not sent", "not yet known", "Total, at most 0.001 OGPU"),
    Stage.ATTEMPTED: ("in escrow", "0.00031005 OGPU", "Total, at most 0.00131005 OGPU"),
    Stage.LATE: ("in escrow", "0.00031005 OGPU", "Total, at most 0.00131005 OGPU"),
    Stage.FINALIZED: ("paid", "0.00031005 OGPU", "Total 0.00131005 OGPU"),
    Stage.CANCELED: ("returned", "0.00031005 OGPU", "Total 0.00031005 OGPU"),
    Stage.EXPIRED: ("unpaid", "0.00031005 OGPU", "Total 0.00031005 OGPU"),
    Stage.FAILED: ("not taken", "0.000041 OGPU", "Total 0.000041 OGPU"),
    Stage.ABANDONED: ("not taken", "none", "Total 0 OGPU"),
}


@pytest.mark.parametrize("stage", COSTS)
def test_what_it_costs(stage: Stage) -> None:
    """Payment, fee and total, true at that stage; the exact amounts are on hover."""
    where, fee, total = COSTS[stage]

    words = safe(page(samples.record(stage))).text
    assert f"Payment 0.001 OGPU {where} Network fee {fee} {total}" in words


def test_exact_amount_on_hover() -> None:
    """To the wei."""
    assert "0.000310046213 OGPU = 310046213000000 wei" in page(samples.record())


def test_choices_stand_side_by_side() -> None:
    """Each with its provider, bid and time; the confirmed one is marked."""
    open_ones, chosen = (page(*samples.choosing(confirmed=done)) for done in (False, True))

    assert open_ones.count('<div class="ogpu-choice"') == 3
    assert "3 answers are here. Confirm the one to pay." in safe(open_ones).text
    assert "bids 0.0008 OGPU ✓ Confirmed" in safe(chosen).text.replace("  ", " ")
    assert "Total, at most" in safe(chosen).text


def test_one_answer_of_a_manual_source_names_its_provider() -> None:
    """Who it is that would be paid, and how much."""
    record = samples.record(Stage.RESPONDED, delivery=DeliveryMethod.MANUAL_CONFIRMATION)

    assert "bid 0.001 OGPU" in safe(page(record)).text
    assert "One answer is here. Confirm it to pay it, or wait for more." in safe(page(record)).text


def test_an_answer_that_can_not_be_read_says_why() -> None:
    """Nothing of it is shown."""
    answers = {samples.RESPONSES[0]: Answer(problem="The bytes don't match the CID.")}

    assert "The bytes don't match the CID." in safe(page(samples.record(), answers)).text
    assert "The bytes don't match the CID." in render.text(samples.record(), answers, NOW)


@pytest.mark.parametrize("payload", [b"", b"[1]", b"\xff\xfe", b"[" * 100_000, b"{}", b"null"])
def test_a_payload_of_somebody_else(payload: bytes) -> None:
    """A task found on chain may hold anything."""
    safe(page(samples.record(payload=payload)))
    render.text(samples.record(payload=payload), {}, NOW)


def test_clocks_that_disagree_are_not_subtracted() -> None:
    """The machine's clock may be hours off; only times of the chain are compared."""
    record = samples.record(created_at=NOW + 7200)

    assert "-" not in re.sub(r"[^+\-0-9]", "", safe(page(record)).text.split("Paid")[0][:200])
    assert "took 8 s" in safe(page(record)).text


def test_text_is_enough_alone() -> None:
    """What a reader on GitHub, or of a Markdown export, has."""
    record, answers = samples.answered({"role": "assistant", "content": "Paris.\nIn France."})

    assert render.text(record, answers, NOW).splitlines() == [
        "task = text2text: paid. Answered by 0x7a5e…9A0b in 8 s.",
        f"  task         {samples.TASK}",
        f"  transaction  0x{'5e' * 32}",
        "  source       0x5F3a9E1c7B2d4068aC1e3F5b7D9a0C2e4F6b8D13 OpenChat",
        "  network      local, chain 31337",
        "  payment      0.001 OGPU, paid",
        "  network fee  0.000310046213 OGPU",
        "  total        0.001310046213 OGPU",
        "  created      2026-05-28 20:26:25 UTC",
        "  published    2026-05-28 20:26:28 UTC (block 4,211)",
        f"  attempted    2026-05-28 20:26:31 UTC (+3 s) by {samples.PROVIDERS[0]}",
        "  responded    2026-05-28 20:26:36 UTC (+8 s)",
        "  confirmed    2026-05-28 20:26:36 UTC (+8 s)",
        "answer:",
        "  Paris.",
        "  In France.",
    ]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "task  published  0x12C4…F901  0.001 OGPU  expires in 9 min"),
        ({"name": "chat", "item": 3},
         "chat[3]  published  0x12C4…F901  0.001 OGPU  expires in 9 min"),
        ({"expires_at": 1},
         "task  published  0x12C4…F901  0.001 OGPU  Waiting for a provider to take it."),
        ({"problem": "The node\nis away."},
         "task  published  0x12C4…F901  0.001 OGPU  The node is away."),
    ],
)  # fmt: skip
def test_line(changes: dict[str, Any], line: str) -> None:
    """One line for a terminal."""
    assert render.line(samples.record(Stage.PUBLISHED, **changes), NOW) == line


def test_a_name_that_is_no_formula() -> None:
    """MathJax leaves the whole view alone."""
    assert 'class="ogpu mathjax_ignore tex2jax_ignore"' in page(samples.record())


def test_headings_stay_out_of_the_table_of_contents() -> None:
    """A hundred tasks are no hundred chapters."""
    shown = page(*samples.choosing())

    assert shown.count("<h") - shown.count("<header") == shown.count("jp-toc-ignore tocSkip")
