"""Every state and every kind of answer on one page, for a person to look at.

    python -m tests.gallery [FOLDER] [--shots]

writes `gallery.html` (and pictures of it in light and dark, at three widths).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from ogpu_jupyter import render
from ogpu_jupyter.tasks import Answer, DeliveryMethod, SourceRecord, SourceStatus, Stage
from tests.helpers import ROOT
from tests.render import samples

CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def states() -> dict[str, str]:
    shown = {stage.value: task(samples.record(stage)) for stage in Stage}
    answer = samples.ANSWERS["chat"][0]
    shown["finalized"] = task(*samples.answered(answer, name="capital"))
    shown["earlier"] = task(*samples.answered(answer), note="Published before: nothing was sent.")
    shown["wrong content"] = task(
        samples.record(), {samples.RESPONSES[0]: Answer(problem="The bytes don't match the CID.")}
    )
    shown["explorer"] = task(
        samples.record(Stage.PUBLISHED, explorer_url="https://ogpuscan.io/task", network="mainnet")
    )
    shown["choosing"] = task(*samples.choosing())
    shown["chosen"] = task(*samples.choosing(confirmed=True))
    return shown


def task(record: Any, answers: Any = None, note: str = "") -> str:
    return render.html(record, answers or {}, samples.NOW, note=note)


def answers() -> dict[str, str]:
    return {
        name: task(*samples.answered(value, data, function=name))
        for name, (value, data) in samples.ANSWERS.items()
    }


def tables() -> dict[str, str]:
    tasks = [samples.record(stage, key=n, name=stage.value) for n, stage in enumerate(Stage)]
    status = render.StatusInfo(
        "local", 31337, 4213, samples.PROVIDERS[1], 99 * samples.OGPU + 123_456_789_000_000,
        samples.OGPU * 3 // 2, samples.OGPU // 200, 2,
    )  # fmt: skip
    return {
        "tasks": render.tasks_html(tasks, samples.NOW),
        "sources": render.sources_html(sources()),
        "status": render.status_html(status),
        "plan": render.plan_html(plan()),
    }


def sources() -> list[SourceRecord]:
    base = SourceRecord(
        address=samples.record().source, client=samples.PROVIDERS[2], status=SourceStatus.ACTIVE,
        metadata_url="", environments=3, min_payment=10**15, min_lockup=0, max_expiry=86_400,
        delivery=DeliveryMethod.FIRST_RESPONSE, task_count=1204, provider_count=3,
        name="text2text", description="Answers a chat: sums, words and texts.",
    )  # fmt: skip
    other = {"name": "", "status": SourceStatus.INACTIVE, "task_count": None, "description": ""}
    return [base, base.model_copy(update=other)]


def plan() -> render.PlanInfo:
    record = samples.record()
    return render.PlanInfo(
        payload=record.payload, source_name="OpenChat", source=record.source,
        function="text2text", payment=record.payment, gas=310_046, max_fee_total=620_092 * 10**9,
        expires_at=record.expires_at, now=samples.NOW, wallet_before=99 * samples.OGPU,
        wallet_after_at_least=99 * samples.OGPU - 620_092 * 10**9, vault_before=samples.OGPU,
        vault_after=samples.OGPU - record.payment, earlier="",
    )  # fmt: skip


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>{theme} body{{margin:0;padding:20px;background:var(--jp-layout-color0,Canvas);
color:var(--jp-ui-font-color2,GrayText);font:12px system-ui}} h2{{font-size:12px;margin:18px 0 4px}}
@media (prefers-color-scheme:dark){{:root{{color-scheme:dark}}}}</style>{body}</html>"""


def page(title: str, views: dict[str, str], theme: str = "") -> str:
    body = "".join(f"<h2>{name}</h2><div>{view}</div>" for name, view in views.items())
    return PAGE.format(title=title, theme=theme, body=body)


def write(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for title, views in (("states", states()), ("answers", answers()), ("tables", tables())):
        path = folder / f"{title}.html"
        path.write_text(page(title, views))
        paths.append(path)
    return paths


def shoot(paths: list[Path]) -> None:
    """Pictures of each page: light and dark, narrow and wide."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        for scheme, width in (("light", 1000), ("dark", 1000), ("light", 480), ("light", 1600)):
            tab = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
            for path in paths:
                tab.goto(path.as_uri())
                tab.screenshot(
                    path=path.with_name(f"{path.stem}-{scheme}-{width}.png"), full_page=True
                )
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "artefacts" / "gallery")
    parser.add_argument("--shots", action="store_true", help="take pictures, in Chromium")
    options = parser.parse_args()
    written = write(options.folder)
    if options.shots:
        shoot(written)
    print(options.folder)
