"""One visual language: the theme's own colours, and quiet shapes.

Every class starts with `ogpu-` and every rule starts at `&`, the view itself: its class,
three times, so that it wins over the notebook's own rules for tables, lists and code. A view
carries the parts that it uses, so that it stands alone in an exported page. There is no
script, no `url()` and no `@import`.

Colours come from JupyterLab's theme, else from VS Code's, else from the two sets below,
by the reader's own preference. A view paints its own ground, so its ink is always legible.
"""

from __future__ import annotations

import re
from typing import Final

_BASE: Final = """
& {
  --l-ink: #1f2328; --l-soft: #59636e; --l-line: #d8dee4; --l-bg: #fff; --l-sunk: #f6f8fa;
  --l-accent: #1b66c9; --l-ok: #18794e; --l-warn: #9a6700; --l-bad: #c1272d;
}
@media (prefers-color-scheme: dark) { & {
  --l-ink: #e6edf3; --l-soft: #9aa4af; --l-line: #343b44; --l-bg: #14181d; --l-sunk: #1d232a;
  --l-accent: #6cb1ff; --l-ok: #4cc38a; --l-warn: #e2b340; --l-bad: #ff8a80;
} }
& {
  --ink: var(--jp-content-font-color1, var(--vscode-foreground, var(--l-ink)));
  --bg: var(--jp-layout-color0, var(--vscode-editor-background, var(--l-bg)));
  --soft: var(--jp-content-font-color2, var(--vscode-descriptionForeground, var(--l-soft)));
  --line: var(--jp-border-color2, var(--vscode-panel-border, var(--l-line)));
  --sunk: var(--jp-layout-color2, var(--l-sunk));
  --accent: var(--jp-brand-color1, var(--vscode-textLink-foreground, var(--l-accent)));
  --ok: var(--jp-success-color1, var(--l-ok));
  --warn: var(--jp-warn-color1, var(--l-warn));
  --bad: var(--jp-error-color1, var(--l-bad));
  --soft: color-mix(in srgb, var(--ink) 66%, var(--bg));
  --line: color-mix(in srgb, var(--ink) 15%, var(--bg));
  --sunk: color-mix(in srgb, var(--ink) 4%, var(--bg));
  --tint: color-mix(in srgb, var(--accent) 13%, var(--bg));
  --say: color-mix(in srgb, var(--accent) 72%, var(--ink));
  --mono: var(--jp-code-font-family, ui-monospace, SFMono-Regular, Menlo, Consolas, monospace);
  box-sizing: border-box; max-width: 68rem; margin: 2px 0; padding: 0;
  color: var(--ink); background: var(--bg);
  font: 400 13px/1.5 var(--jp-ui-font-family, system-ui, -apple-system, "Segoe UI", sans-serif);
  font-variant-numeric: tabular-nums; text-align: start; letter-spacing: 0;
  overflow-wrap: anywhere; contain: layout style; container-type: inline-size;
}
& * { box-sizing: border-box; }
& h3, & h4, & p, & ol, & ul, & dl,
& dd, & figure, & pre, & table {
  margin: 0; padding: 0; border: 0; font-size: inherit; line-height: inherit; color: inherit;
  background: none;
}
& ol, & ul { list-style: none; }
& li { margin: 0; }
& a { color: var(--say); text-decoration: none; border-radius: 2px; }
& a:hover { text-decoration: underline; }
& a:focus-visible, & summary:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px;
}
& code, & pre { font-family: var(--mono); background: none; padding: 0; }
& .ogpu-id { font-size: 12px; white-space: nowrap; user-select: all; color: inherit; }
& .ogpu-mid { font-size: 0; }
& .ogpu-mid::before { content: "\\2026"; font-size: 12px; }
& .ogpu-n { white-space: nowrap; }
& .ogpu-soft { color: var(--soft); }
& time { white-space: nowrap; }
& .ogpu-ok { --tone: var(--ok); }
& .ogpu-warn { --tone: var(--warn); }
& .ogpu-bad { --tone: var(--bad); }
& .ogpu-off { --tone: var(--soft); }
& .ogpu-ok, & .ogpu-warn, & .ogpu-bad, & .ogpu-off {
  --tint: color-mix(in srgb, var(--tone) 13%, var(--bg));
  --say: color-mix(in srgb, var(--tone) 72%, var(--ink));
}
& .ogpu-pill {
  display: inline-block; padding: 1px 9px; border-radius: 99px; border: 1px solid transparent;
  background: var(--tint); color: var(--say); font-size: 12px; font-weight: 600;
  white-space: nowrap;
}
& figcaption { font-size: 11px; line-height: 1.5; color: var(--soft); margin-top: 3px; }
& summary { cursor: pointer; color: var(--soft); width: fit-content; }
& summary:hover { color: var(--ink); }
@media (prefers-contrast: more) { & {
  --soft: var(--ink); --line: var(--ink); --say: var(--ink); --tint: var(--bg);
} & .ogpu-pill { border-color: var(--ink); } & a { text-decoration: underline; } }
@media (forced-colors: active) { & {
  --ink: CanvasText; --bg: Canvas; --soft: CanvasText; --line: CanvasText; --sunk: Canvas;
  --accent: LinkText; --say: CanvasText; --tint: Canvas;
} & .ogpu-pill { border-color: CanvasText; } }
"""

_TASK: Final = """
& .ogpu-card { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
& .ogpu-head { display: flex; gap: 4px 12px; align-items: baseline; padding: 11px 16px 0; }
& .ogpu-head h3 { flex: 1; min-width: 0; font-size: 14px; font-weight: 600; }
& .ogpu-head h3 .ogpu-soft { font-weight: 400; }
& .ogpu-say { display: flex; gap: 12px; padding: 1px 16px 0; color: var(--soft); }
& .ogpu-say p { flex: 1; min-width: 0; }
& .ogpu-say time { font-weight: 600; color: var(--ink); }
& .ogpu-note { padding: 1px 16px 0; color: var(--soft); }
& .ogpu-steps { display: flex; max-width: 52rem; padding: 12px 16px 10px; }
& .ogpu-steps li { flex: 0 0 calc(100% / 6); min-width: 0; position: relative; }
& .ogpu-steps li:not(:last-child)::after {
  content: ""; position: absolute; top: 8px; left: 23px; right: 5px; height: 2px;
  border-radius: 2px; background: var(--line);
}
& .ogpu-steps li.ogpu-done:not(:last-child)::after { background: var(--ok); }
& .ogpu-dot {
  display: flex; align-items: center; justify-content: center; width: 18px; height: 18px;
  margin-bottom: 4px; border: 2px solid var(--line); border-radius: 50%; color: transparent;
  font-size: 11px; font-weight: 700; line-height: 1;
}
& .ogpu-done .ogpu-dot { border-color: var(--ok); background: var(--ok); color: var(--bg); }
& .ogpu-now .ogpu-dot { border-color: var(--accent); color: var(--accent); }
& .ogpu-end .ogpu-dot { border-color: var(--tone); background: var(--tone); color: var(--bg); }
& .ogpu-steps b { display: block; font-weight: 400; font-size: 12px; color: var(--soft); }
& .ogpu-done b { color: var(--ink); }
& .ogpu-now b, & .ogpu-end b { color: var(--say); font-weight: 600; }
& .ogpu-sub { display: block; min-height: 17px; font-size: 11px; color: var(--soft); }
& .ogpu-sub .ogpu-id, & .ogpu-sub .ogpu-mid::before { font-size: 11px; }
@media (forced-colors: active) {
  & .ogpu-steps .ogpu-dot { color: CanvasText; border-color: CanvasText; background: Canvas; }
  & .ogpu-steps .ogpu-todo .ogpu-dot { color: Canvas; border-style: dotted; }
  & .ogpu-steps li.ogpu-done:not(:last-child)::after { background: CanvasText; }
  & .ogpu-steps li:not(.ogpu-done):not(:last-child)::after { background: GrayText; }
}
@media (prefers-reduced-motion: no-preference) {
  & .ogpu-now .ogpu-dot { animation: ogpu-beat 2s ease-out infinite; }
  @keyframes ogpu-beat {
    0% { box-shadow: 0 0 0 0 color-mix(in srgb, var(--accent) 45%, transparent); }
    70%, 100% { box-shadow: 0 0 0 7px transparent; }
  }
}
& .ogpu-facts {
  display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 6px 16px;
  padding: 8px 16px 9px;
  border-top: 1px solid var(--line); background: var(--sunk);
}
& .ogpu-facts div { min-width: 0; }
& .ogpu-facts dt { font-weight: 400; font-size: 11px; color: var(--soft); }
& .ogpu-facts dt, & .ogpu-lines dt, & .ogpu-facts dd, & .ogpu-lines dd {
  float: none; clear: none; width: auto; margin: 0; text-align: start; /* Jupyter floats them */
}
& .ogpu-facts dd { overflow-wrap: normal; }
& .ogpu-alone {
  margin-top: 9px; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr));
}
@container (max-width: 64rem) {
  & .ogpu-facts:not(.ogpu-alone) { grid-template-columns: repeat(3, minmax(0, 1fr)); }
}
& .ogpu-sent, & .ogpu-answer { padding: 8px 16px; border-top: 1px solid var(--line); }
& .ogpu-sent > summary { font-size: 12px; }
& .ogpu-sent[open] > summary { margin-bottom: 6px; }
& .ogpu-answer { padding: 10px 16px 14px; }
& h4 { font-size: 12px; font-weight: 600; color: var(--soft); margin-bottom: 4px; }
& h4 .ogpu-soft { font-weight: 400; }
& .ogpu-choices {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(14rem, 100%), 1fr)); gap: 10px;
}
& .ogpu-choice { border: 1px solid var(--line); border-radius: 6px; min-width: 0; }
& .ogpu-choice.ogpu-ok { border-color: var(--ok); box-shadow: 0 0 0 1px var(--ok); }
& .ogpu-choice > header {
  display: grid; grid-template: 20px 22px / 1fr auto; gap: 0 9px; align-items: center;
  padding: 6px 10px; border-bottom: 1px solid var(--line); background: var(--sunk);
  border-radius: 6px 6px 0 0;
}
& .ogpu-choice > header > :nth-child(even) { justify-self: end; }
& .ogpu-choice > div { padding: 8px 10px 10px; }
& .ogpu-wrong { color: var(--say); }
@container (max-width: 33rem) {
  & .ogpu-head, & .ogpu-say, & .ogpu-steps, & .ogpu-facts,
  & .ogpu-sent, & .ogpu-answer, & .ogpu-note {
    padding-left: 11px; padding-right: 11px;
  }
  & .ogpu-steps b { font-size: 11px; }
  & .ogpu-sub .ogpu-id, & .ogpu-sub .ogpu-utc { display: none; }
  & .ogpu-facts { font-size: 12px; column-gap: 10px; }
}
"""

_TEXT: Final = """
& .ogpu-text {
  white-space: pre-wrap; max-width: 46rem; font-size: 14px; line-height: 1.6;
  font-family: var(--jp-content-font-family, inherit);
}
& .ogpu-said + .ogpu-said { margin-top: 8px; }
& .ogpu-role { font-size: 11px; font-weight: 600; color: var(--soft); }
& .ogpu-rest { font-size: 12px; color: var(--soft); margin-top: 4px; }
& .ogpu-lines { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; }
& .ogpu-lines dt { color: var(--soft); font-weight: 400; }
& .ogpu-marks mark {
  padding: 1px 4px; border-radius: 4px; color: inherit; --tone: var(--hue);
  background: color-mix(in srgb, var(--tone) 20%, var(--bg));
  box-shadow: inset 0 -2px 0 var(--tone);
}
& .ogpu-marks mark small {
  margin-left: 5px; font-size: 10px; font-weight: 700; color: var(--soft);
}
& .ogpu-named + .ogpu-named { margin-top: 10px; }
& .ogpu-named > .ogpu-role { margin-bottom: 2px; }
"""

_HUES: Final = """
& .ogpu-h0 { --hue: #3b82f6; } & .ogpu-h1 { --hue: #f2762e; }
& .ogpu-h2 { --hue: #22a06b; } & .ogpu-h3 { --hue: #a855f7; }
& .ogpu-h4 { --hue: #e0407b; } & .ogpu-h5 { --hue: #0e9fb5; }
& .ogpu-h6 { --hue: #c69500; } & .ogpu-h7 { --hue: #7a8793; }
"""

_BARS: Final = """
& .ogpu-bars { display: grid; gap: 4px; max-width: 36rem; }
& .ogpu-bars li {
  display: grid; grid-template-columns: minmax(6em, 11em) 1fr 4.5em; gap: 10px; align-items: center;
}
& .ogpu-bars li > :last-child { text-align: right; }
& .ogpu-track { height: 8px; border-radius: 4px; background: var(--line); overflow: hidden; }
& .ogpu-track i {
  display: block; height: 100%; border-radius: 4px; background: var(--hue, var(--accent));
}
& .ogpu-bars .ogpu-top { font-weight: 600; }
@media (forced-colors: active) {
  & .ogpu-track { border: 1px solid CanvasText; forced-color-adjust: none; }
}
"""

_IMAGE: Final = """
& .ogpu-pictures { display: flex; flex-wrap: wrap; gap: 10px; }
& .ogpu-picture { display: inline-block; max-width: 100%; position: relative; line-height: 0; }
& .ogpu-picture img {
  max-width: 100%; max-height: 32rem; width: auto; height: auto; margin: 0; border-radius: 4px;
}
& .ogpu-small img { image-rendering: pixelated; }
& .ogpu-box {
  position: absolute; border: 2px solid var(--hue); border-radius: 3px;
  box-shadow: 0 0 0 1px rgb(0 0 0 / 45%), inset 0 0 0 1px rgb(0 0 0 / 45%);
}
& .ogpu-box span {
  position: absolute; left: -2px; top: -2px; padding: 0 5px; border-radius: 3px 0 4px 0;
  background: var(--hue); color: #fff; font-size: 11px; font-weight: 600; line-height: 1.45;
  white-space: nowrap; text-shadow: 0 0 2px rgb(0 0 0 / 65%);
}
& .ogpu-seen { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: flex-start; }
& .ogpu-seen > ol { flex: 1 1 17rem; }
"""

_TABLE: Final = """
& .ogpu-scroll { overflow: auto; max-height: 30rem; max-width: 100%; }
& .ogpu-table { border-collapse: collapse; width: auto; font-size: 12px; table-layout: auto; }
& .ogpu-table th, & .ogpu-table td {
  padding: 4px 18px 4px 0; border: 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: baseline; white-space: nowrap; max-width: 26rem; overflow: hidden;
  text-overflow: ellipsis; background: none; color: inherit;
}
& .ogpu-table tr { background: none; }
& .ogpu-table th { font-weight: 600; color: var(--soft); }
& .ogpu-table thead th { position: sticky; top: 0; background: var(--bg); }
& .ogpu-table tbody tr:last-child > * { border-bottom-color: transparent; }
& .ogpu-table tbody tr:hover > * { background: var(--sunk); }
& .ogpu-table .ogpu-num { text-align: right; }
& .ogpu-table .ogpu-none { color: var(--soft); opacity: .7; }
"""

_PLOT: Final = """
& .ogpu-plot { max-width: 40rem; }
& .ogpu-plot > b { font-size: 11px; font-weight: 600; color: var(--soft); }
& .ogpu-axes {
  display: grid; grid-template: 9rem auto / max-content 1fr; gap: 3px 8px; font-size: 11px;
  color: var(--soft);
}
& .ogpu-ys, & .ogpu-xs { display: flex; justify-content: space-between; }
& .ogpu-ys { flex-direction: column; text-align: right; line-height: 1; }
& .ogpu-xs { grid-column: 2; }
& .ogpu-plot svg {
  display: block; width: 100%; height: 100%; overflow: visible;
  border-left: 1px solid var(--line); border-bottom: 1px solid var(--line);
}
& .ogpu-plot polyline {
  fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round;
  stroke-linecap: round; vector-effect: non-scaling-stroke;
}
"""

_JSON: Final = """
& .ogpu-json { font: 400 12px/1.6 var(--mono); white-space: pre-wrap; }
& .ogpu-json ul { padding-left: 18px; border-left: 1px solid var(--line); margin-left: 3px; }
& .ogpu-json summary { white-space: pre-wrap; }
& .ogpu-json .ogpu-k { color: var(--soft); }
& .ogpu-json .ogpu-s { color: color-mix(in srgb, var(--ok) 75%, var(--ink)); }
& .ogpu-json .ogpu-v { color: color-mix(in srgb, var(--accent) 75%, var(--ink)); }
"""

_PARTS: Final = {
    "ogpu-card": _TASK,
    "ogpu-text|ogpu-said|ogpu-lines|ogpu-rest|ogpu-named": _TEXT,
    "ogpu-h[0-7]": _HUES,
    "ogpu-bars": _BARS,
    "ogpu-picture": _IMAGE,
    "ogpu-table": _TABLE,
    "ogpu-plot": _PLOT,
    "ogpu-json": _JSON,
}


def _small(css: str) -> str:
    packed = re.sub(r"\s*([{};])\s*", r"\1", re.sub(r"\s+", " ", css)).strip()
    return packed.replace("&", ".ogpu.ogpu.ogpu")


_SMALL: Final = {rf'class="[^"]*\b(?:{names})\b': _small(css) for names, css in _PARTS.items()}
_SMALL_BASE: Final = _small(_BASE)


def all_rules() -> str:
    return _SMALL_BASE + "".join(_SMALL.values())


def page(body: str, label: str) -> str:
    """A fragment that stands alone: the rules that it uses, and the body.

    MathJax is kept out: a price is no formula, and a provider's LaTeX is no text.
    """
    rules = _SMALL_BASE + "".join(css for names, css in _SMALL.items() if re.search(names, body))
    return (
        f"<style>{rules}</style>"
        f'<div class="ogpu mathjax_ignore tex2jax_ignore" role="group" aria-label="{label}">'
        f"{body}</div>"
    )
