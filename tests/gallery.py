"""Every state and every kind of answer, for a person to look at.

    python -m tests.gallery [FOLDER] [--shots]

writes pages as JupyterLab shows them in its light, dark and high-contrast themes, and one
without a theme; `--shots` makes pictures of them at three widths, and in forced colours.
"""

from __future__ import annotations

import argparse
import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path

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
    shown["late, attempted"] = task(samples.late_attempted())
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
    record, answers, choice = samples.deciding()
    shown["deciding"] = render.html(record, answers, samples.NOW, choice=choice)
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
        "folded": render.folded_html([render.Seen(task, {}, samples.NOW) for task in tasks]),
        "sources": render.sources_html(sources()),
        "status": render.status_html(status),
        "plan": render.plan_html(plan()),
        "reclaim": render.reclaim_html(reclaimed()),
        "batch": render.batch_html(1000, BATCH, 612 * samples.OGPU // 1000, 40),
    }


BATCH = {
    Stage.PUBLISHED: 310, Stage.RESPONDED: 60, Stage.FINALIZED: 612, Stage.EXPIRED: 12,
    Stage.FAILED: 6,
}  # fmt: skip


def reclaimed() -> render.ReclaimInfo:
    free, taken = samples.record(Stage.LATE), samples.late_attempted()
    rows = (
        render.ReclaimRow(free, "canceled", is_back=True),
        render.ReclaimRow(taken, "not yet: a provider had it"),
    )
    return render.ReclaimInfo(rows, 310_046_213_000_000, render.way_out(taken))


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


# As JupyterLab has it around an output: its rules for text, tables and lists apply to ours.
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>{rules}
html, body {{ margin: 0; background: var(--jp-layout-color0, Canvas); overflow: visible }}
main {{ padding: 12px 20px }} .ogpu-gallery-name {{ font: 11px system-ui; margin: 18px 0 3px;
color: var(--jp-ui-font-color2, GrayText) }}
@media (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark }} }}
</style><body class="jp-Notebook" style="display:block;height:auto;position:static;
overflow:visible"><main class="jp-RenderedHTMLCommon">{body}</main></html>"""
THEMES = {
    "light": "theme-light-extension",
    "dark": "theme-dark-extension",
    "contrast": "theme-dark-high-contrast-extension",
    "plain": "",
}


@dataclass(frozen=True)
class Shot:
    """How a reader has it: a theme, and what their system says."""

    theme: str
    width: int
    scheme: str = "light"
    contrast: str = "no-preference"
    forced: str = "none"

    @property
    def name(self) -> str:
        forced = "-forced" if self.forced == "active" else ""
        return f"{self.theme}{forced}-{self.scheme}-{self.width}"


WIDTHS = (480, 1000, 1600)
SHOTS = [
    *(Shot("light", width) for width in WIDTHS),
    *(Shot("dark", width, "dark") for width in WIDTHS),
    Shot("contrast", 1000, "dark", "more"),
    Shot("light", 1000, "light", "more"),
    Shot("plain", 1000),
    Shot("plain", 1000, "dark"),
    Shot("plain", 1000, "dark", forced="active"),
]


@cache
def theme_rules(theme: str) -> str:
    """JupyterLab's own, from where it is installed; none for the page without a theme."""
    if not THEMES[theme]:
        return ""
    names = ("nbconvert/templates/lab/static/index.css", f"lab/themes/@jupyterlab/{THEMES[theme]}")
    found = [Path(folder) / name for name in names for folder in jupyter_path()]
    files = [path / "index.css" if path.is_dir() else path for path in found if path.exists()]
    rules = "\n".join(path.read_text() for path in files)
    return re.sub(r"url\((?!['\"]?data:)[^)]*\)|@import[^;]*;", "none", rules)


def sections() -> dict[str, dict[str, str]]:
    """The pages; a picture of one is as high as Chromium makes them."""
    made = answers()
    names = list(made)
    parts = [names[n : n + 12] for n in range(0, len(names), 12)]
    shown = {f"answers-{n}": {name: made[name] for name in part} for n, part in enumerate(parts, 1)}
    return {"states": states(), **shown, "tables": tables()}


def page(title: str, views: dict[str, str], theme: str = "plain") -> str:
    body = "".join(
        f'<p class="ogpu-gallery-name">{name}</p><div>{view}</div>' for name, view in views.items()
    )
    return PAGE.format(title=title, rules=theme_rules(theme), body=body)


def write(folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for title, views in sections().items():
        for theme in THEMES:
            path = folder / f"{title}-{theme}.html"
            path.write_text(page(title, views, theme))
            paths.append(path)
    return paths


def shoot(folder: Path) -> None:
    """Pictures of each page, as each of the readers has it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        for shot in SHOTS:
            tab = browser.new_page(viewport={"width": shot.width, "height": 800})
            tab.emulate_media(
                color_scheme=shot.scheme, contrast=shot.contrast, forced_colors=shot.forced
            )
            for title in sections():
                tab.goto((folder / f"{title}-{shot.theme}.html").as_uri())
                name = f"{title}-{shot.name}{'-more' if shot.contrast == 'more' else ''}.png"
                tab.screenshot(path=folder / name, full_page=True)
            tab.close()
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "artefacts" / "gallery")
    parser.add_argument("--shots", action="store_true", help="take pictures, in Chromium")
    options = parser.parse_args()
    write(options.folder)
    if options.shots:
        shoot(options.folder)
    print(options.folder)
