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

from .kinds.sorting import SORTABLE

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
  --say: color-mix(in srgb, var(--accent) 72%, var(--ink)); --link: var(--say);
  --mono: var(--jp-code-font-family, ui-monospace, SFMono-Regular, Menlo, Consolas, monospace);
  box-sizing: border-box; max-width: 68rem; margin: 2px 0; padding: 0;
  color: var(--ink); background: var(--bg);
  font: 400 13px/1.5 var(--jp-ui-font-family, system-ui, -apple-system, "Segoe UI", sans-serif);
  font-variant-numeric: tabular-nums; text-align: start; letter-spacing: 0;
  overflow-wrap: anywhere; contain: layout style; container-type: inline-size;
  contain-intrinsic-inline-size: 18rem; /* in a box as wide as what is in it */
  overflow: clip; overflow-clip-margin: 4px; /* whatever an answer is, it ends here */
}
& * { box-sizing: border-box; }
& h3, & h4, & p, & ol, & ul, & dl,
& dd, & figure, & pre, & table {
  margin: 0; padding: 0; border: 0; font-size: inherit; line-height: inherit; color: inherit;
  background: none;
}
& ol, & ul { list-style: none; }
& li { margin: 0; }
& a { color: var(--link); text-decoration: none; border-radius: 2px; }
& a:hover { text-decoration: underline; }
& a:focus-visible, & summary:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px;
}
& code, & pre { font-family: var(--mono); background: none; padding: 0; }
& .ogpu-id { font-size: 12px; white-space: nowrap; user-select: all; color: inherit; }
& .ogpu-mid { font-size: 0; }
& .ogpu-mid::before { content: "\\2026"; font-size: 12px; }
& .ogpu-n { white-space: nowrap; }
& .ogpu-pad { visibility: hidden; }
& .ogpu-soft { color: var(--soft); }
& time { white-space: nowrap; }
& .ogpu-ok { --tone: var(--ok); }
& .ogpu-warn { --tone: var(--warn); }
& .ogpu-bad { --tone: var(--bad); }
& .ogpu-off { --tone: var(--soft); }
& .ogpu-ok, & .ogpu-warn, & .ogpu-bad, & .ogpu-off {
  --tint: color-mix(in srgb, var(--tone) 13%, var(--bg));
  --say: color-mix(in srgb, var(--tone) 56%, var(--ink));
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
  --soft: var(--ink); --line: var(--ink); --say: var(--ink); --tint: var(--bg); --link: var(--ink);
} & .ogpu-pill { border-color: var(--ink); } & a { text-decoration: underline; } }
@media (forced-colors: active) { & {
  --ink: CanvasText; --bg: Canvas; --soft: CanvasText; --line: CanvasText; --sunk: Canvas;
  --accent: LinkText; --say: CanvasText; --tint: Canvas; --link: LinkText;
} & .ogpu-pill { border-color: CanvasText; } }
"""

_TASK: Final = """
& .ogpu-card { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
& .ogpu-head { display: flex; gap: 4px 12px; align-items: baseline; padding: 11px 16px 0; }
& .ogpu-head h3 { flex: 1; min-width: 0; font-size: 14px; font-weight: 600; }
& .ogpu-head h3 .ogpu-soft { font-weight: 400; }
& .ogpu-head .ogpu-pill { min-width: 8.2em; text-align: center; } /* as wide in every state */
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
& .ogpu-end .ogpu-dot { border-color: var(--say); background: var(--say); color: var(--bg); }
& .ogpu-steps b { display: block; font-weight: 400; font-size: 12px; color: var(--soft); }
& .ogpu-done b { color: var(--ink); }
& .ogpu-now b, & .ogpu-end b { color: var(--say); font-weight: 600; }
& .ogpu-sub {
  display: block; height: 17px; padding-right: 5px; font-size: 11px; color: var(--soft);
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
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
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(13rem, 100%), 1fr)); gap: 10px;
}
& .ogpu-choice { border: 1px solid var(--line); border-radius: 6px; min-width: 0; }
& .ogpu-choice.ogpu-ok { border-color: var(--ok); box-shadow: 0 0 0 1px var(--ok); }
& .ogpu-choice > header {
  display: grid; grid-template: minmax(20px, auto) 22px minmax(18px, auto) / 1fr auto;
  gap: 0 9px; align-items: center;
  padding: 6px 10px; border-bottom: 1px solid var(--line); background: var(--sunk);
  border-radius: 6px 6px 0 0;
}
& .ogpu-choice > header > :nth-child(even) { justify-self: end; text-align: end; }
& .ogpu-choice > header > :nth-child(n + 5) { font-size: 11px; align-self: start; }
& .ogpu-choice > header > :last-child { font-weight: 600; }
& .ogpu-compared { margin-top: 8px; font-size: 12px; }
& .ogpu-diff { margin-top: 4px; line-height: 1.6; }
& .ogpu-diff ins {
  text-decoration: underline; background: color-mix(in srgb, var(--ok) 16%, var(--bg));
}
& .ogpu-diff del {
  text-decoration: line-through; color: color-mix(in srgb, var(--ink) 75%, var(--bg));
  background: color-mix(in srgb, var(--bad) 12%, var(--bg));
}
& .ogpu-choice > div { padding: 8px 10px 10px; }
& .ogpu-wrong { color: var(--say); }
& .ogpu-wrong + * { margin-top: 4px; }
@container (max-width: 33rem) {
  & .ogpu-head, & .ogpu-say, & .ogpu-steps, & .ogpu-facts,
  & .ogpu-sent, & .ogpu-answer, & .ogpu-note {
    padding-left: 11px; padding-right: 11px;
  }
  & .ogpu-say p { min-height: 3em; } /* two lines, of which some states need one */
  & .ogpu-steps b { font-size: 10.5px; letter-spacing: -.02em; white-space: nowrap; }
  & .ogpu-facts:not(.ogpu-alone) > :first-child > dd { min-height: 3em; }
  & .ogpu-facts:not(.ogpu-alone) > :first-child .ogpu-soft { display: block; }
  & .ogpu-facts .ogpu-wide { display: none; }
  & .ogpu-sub { font-size: 10px; letter-spacing: -.02em; padding-right: 2px; }
  & .ogpu-head .ogpu-pill { min-width: 7.5em; padding: 1px 5px; font-size: 11px; }
  & .ogpu-sub .ogpu-id, & .ogpu-sub .ogpu-utc { display: none; }
  & .ogpu-facts { font-size: 12px; column-gap: 10px; }
}
"""

_FOLDS: Final = """
& .ogpu-folds > details, & .ogpu-folds > p {
  border-bottom: 1px solid var(--line); padding: 4px 0;
}
& .ogpu-folds > details > summary { color: var(--ink); width: auto; }
& .ogpu-folds > p { padding-left: 1.1em; }
& .ogpu-fold {
  display: inline-grid; grid-template-columns: minmax(0, 1fr) 6.5rem 13rem 7rem; gap: 0 12px;
  width: calc(100% - 1.3em); align-items: baseline; vertical-align: top;
}
@container (max-width: 42rem) { & .ogpu-fold { display: inline; } }
& .ogpu-folds > details > .ogpu-card { margin: 6px 0 8px; }
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
  margin-left: 5px; font-size: 10px; font-weight: 700;
  color: color-mix(in srgb, var(--ink) 78%, var(--bg));
}
& .ogpu-named + .ogpu-named { margin-top: 10px; }
& .ogpu-spoken { max-width: 46rem; }
& .ogpu-context {
  margin-top: 10px; padding-left: 12px; border-left: 2px solid var(--line); color: var(--soft);
}
& .ogpu-context mark { color: var(--ink); }
& .ogpu-named > .ogpu-role { margin-bottom: 2px; }
@media (forced-colors: active) {
  & .ogpu-marks mark, & .ogpu-marks mark small, & .ogpu-context mark { color: MarkText; }
}
"""

HUES: Final = (
    "#3b82f6", "#f2762e", "#22a06b", "#a855f7", "#e0407b", "#0e9fb5", "#c69500", "#7a8793",
)  # fmt: skip
_HUES: Final = "".join(f"& .ogpu-h{n} {{ --hue: {hue}; }}" for n, hue in enumerate(HUES))

_SHARES: Final = """
& .ogpu-shares { display: flex; gap: 2px; height: 5px; max-width: 36rem; margin-top: 6px; }
& .ogpu-shares i { min-width: 2px; border-radius: 2px; background: var(--tone, var(--accent)); }
@media (forced-colors: active) { & .ogpu-shares i { forced-color-adjust: none; } }
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
@media (prefers-contrast: more) {
  & .ogpu-track { border: 1px solid var(--ink); background: var(--bg); }
}
& .ogpu-text + .ogpu-bars { margin-top: 8px; }
& .ogpu-bars.ogpu-each { max-width: 48rem; }
& .ogpu-bars.ogpu-each li { grid-template-columns: minmax(8em, 1fr) 8em 8em 4em; }
@container (max-width: 33rem) {
  & .ogpu-bars.ogpu-each li { grid-template-columns: 8em 1fr 4em; row-gap: 0; }
  & .ogpu-bars.ogpu-each li > :first-child { grid-column: 1 / -1; }
  & .ogpu-bars.ogpu-each li + li { margin-top: 4px; }
}
@media (forced-colors: active) {
  & .ogpu-track { border: 1px solid CanvasText; background: Canvas; forced-color-adjust: none; }
}
"""

_IMAGE: Final = """
& .ogpu-pictures { display: flex; flex-wrap: wrap; gap: 10px; }
& .ogpu-pictures.ogpu-grid {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr));
  gap: 14px 12px; align-items: start;
}
& .ogpu-wide .ogpu-picture { display: block; }
& .ogpu-wide .ogpu-picture img { width: 100%; max-width: 30rem; }
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
  background: color-mix(in srgb, var(--hue) 70%, #000); color: #fff; /* legible on every hue */
  font-size: 11px; font-weight: 600; line-height: 1.45;
  white-space: nowrap; text-shadow: 0 0 2px rgb(0 0 0 / 65%);
}
& .ogpu-inward span { left: auto; right: -2px; border-radius: 0 3px 0 4px; }
& .ogpu-picture:has(> .ogpu-box) { overflow: clip; }
& .ogpu-seen { display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: flex-start; }
& .ogpu-seen > ol { flex: 1 1 17rem; }
"""

_TABLE: Final = """
& .ogpu-scroll { overflow: auto; max-height: 30rem; max-width: 100%; }
& .ogpu-scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
& .ogpu-table { border-collapse: collapse; width: auto; font-size: 12px; table-layout: auto; }
& .ogpu-table th, & .ogpu-table td {
  padding: 4px 18px 4px 0; border: 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: baseline; white-space: nowrap; max-width: 26rem; overflow: hidden;
  text-overflow: ellipsis; background: none; color: inherit;
  line-height: inherit;
}
& .ogpu-table tr { background: none; padding: 0; line-height: inherit; }
& .ogpu-table th { font-weight: 600; color: var(--soft); }
& .ogpu-table thead th { position: sticky; top: 0; z-index: 1; background: var(--bg); }
& .ogpu-table:not(.ogpu-rows) tbody tr:last-child > * { border-bottom-color: transparent; }
& .ogpu-table tbody tr:hover > * { background: var(--sunk); }
& .ogpu-table .ogpu-num { text-align: right; }
& .ogpu-table .ogpu-none { color: var(--soft); }
"""

# The rows are laid out by a grid, so that `order` moves them; the buttons cover the heading,
# and the one that is chosen lets the click through to the other: up, down, up.
_SORT: Final = """
& .ogpu-sort { margin: 0; padding: 0; border: 0; }
& .ogpu-rows {
  display: grid; grid-template-columns: repeat(var(--n), max-content); margin: 0;
  reading-flow: grid-order;
}
& .ogpu-rows thead, & .ogpu-rows tbody { display: contents; }
& .ogpu-rows tr {
  display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; padding: 0; border: 0;
}
& .ogpu-rows thead tr { order: -100000 !important; position: sticky; top: 0; z-index: 1; }
& .ogpu-rows thead th { position: relative; padding-right: 18px; }
& .ogpu-rows input {
  display: block; appearance: none; position: absolute; inset: 0; width: auto; height: auto;
  margin: 0; padding: 0; border: 0; background: none; opacity: 0; cursor: pointer;
}
& .ogpu-rows input[value=z] { z-index: 0; }
& .ogpu-rows input[value=a] { z-index: 1; }
& .ogpu-rows input[value=a]:checked { z-index: 0; }
& .ogpu-rows input[value=z]:checked { pointer-events: none; }
& .ogpu-rows th:has(input)::after {
  content: "\\2195"; position: absolute; margin-left: 4px; font-weight: 400; opacity: 0;
}
& .ogpu-rows th:hover::after { opacity: .5; }
& .ogpu-rows th:has(input[value=a]:checked)::after { content: "\\2191"; opacity: 1; }
& .ogpu-rows th:has(input[value=z]:checked)::after { content: "\\2193"; opacity: 1; }
& .ogpu-rows th:has(:checked) { color: var(--ink); }
& .ogpu-rows th:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: -2px; }
& .ogpu-sort button[type=reset] {
  margin: 4px 0 0; padding: 0; border: 0; background: none; font: inherit; font-size: 12px;
  color: var(--say); cursor: pointer; border-radius: 2px;
}
& .ogpu-sort:has(:checked) button[type=reset] { display: inline-block; }
& .ogpu-sort button[type=reset]:focus-visible { outline: 2px solid var(--accent); }
"""


def _order_rules(n: int) -> str:
    """By the column n, upwards and downwards; what has no value comes last."""
    up, down = f"var(--c{n})", f"calc(-1*var(--c{n}))"
    return "".join(
        f"& form:has(.ogpu-{way}{n}:checked) tr{{order:var(--v{n},{by})}}"
        for way, by in (("a", up), ("z", down))
    )


_PLOT: Final = """
& .ogpu-plot { max-width: 40rem; }
& .ogpu-plot > b { font-size: 11px; font-weight: 600; color: var(--soft); }
& .ogpu-axes {
  display: grid; grid-template: 9rem 16px auto / max-content 1fr; gap: 0 8px; font-size: 11px;
  color: var(--soft); margin: 8px 14px 0 0; line-height: 1;
}
& .ogpu-ys { position: relative; min-width: 4ch; display: grid; }
& .ogpu-ys span { grid-area: 1 / 1; position: relative; height: 0; text-align: right; }
& .ogpu-ys span { line-height: 0; }
& .ogpu-xs { grid-column: 2; position: relative; }
& .ogpu-xs span { position: absolute; top: 5px; transform: translateX(-50%); white-space: nowrap; }
& .ogpu-x { grid-column: 2; text-align: center; }
& .ogpu-x:empty { display: none; }
& .ogpu-plot svg {
  display: block; width: 100%; height: 100%; overflow: visible;
  border-left: 1px solid var(--line); border-bottom: 1px solid var(--line);
}
& .ogpu-plot path {
  fill: none; stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke;
}
& .ogpu-plot polyline {
  fill: none; stroke: var(--hue, var(--accent)); stroke-width: 1.75; stroke-linejoin: round;
  stroke-linecap: round; vector-effect: non-scaling-stroke;
}
& .ogpu-legend { display: flex; flex-wrap: wrap; gap: 0 14px; font-size: 11px; color: var(--soft); }
& .ogpu-legend i {
  display: inline-block; width: 12px; height: 2px; margin-right: 5px; vertical-align: 3px;
  background: var(--hue); forced-color-adjust: none;
}
& .ogpu-plot details { margin-top: 6px; }
"""

_VECTORS: Final = """
& .ogpu-strip { display: block; width: 120px; height: 14px; }
& .ogpu-strip path { fill: var(--accent); }
& .ogpu-vectors code { font-size: 11px; }
& .ogpu-alike td {
  padding-left: 8px; padding-right: 8px;
  background: color-mix(in srgb, var(--accent) calc(var(--like, 0%) * .4), var(--bg));
}
& .ogpu-alike td[style] { border-bottom-color: var(--bg); }
"""

_JSON: Final = """
& .ogpu-json { font: 400 12px/1.6 var(--mono); white-space: pre-wrap; }
& .ogpu-json ul { padding-left: 18px; border-left: 1px solid var(--line); margin-left: 3px; }
& .ogpu-json summary { white-space: pre-wrap; }
& .ogpu-json .ogpu-k { color: var(--soft); }
& .ogpu-json .ogpu-s { color: color-mix(in srgb, var(--ok) 75%, var(--ink)); }
& .ogpu-json .ogpu-v { color: color-mix(in srgb, var(--accent) 75%, var(--ink)); }
"""

# On paper nothing can be scrolled or unfolded, and nothing moves.
_PRINT: Final = """
@media print {
  & { contain: none; container-type: normal; print-color-adjust: exact; max-width: none; }
  & .ogpu-card, & .ogpu-choice, & .ogpu-scroll { overflow: visible; max-height: none; }
  & .ogpu-head, & .ogpu-say, & .ogpu-steps, & .ogpu-facts, & .ogpu-choice > header,
  & figure, & tr, & .ogpu-bars li, & .ogpu-plot { break-inside: avoid; }
  & .ogpu-head, & .ogpu-say, & .ogpu-steps, & h4, & summary, & .ogpu-role,
  & .ogpu-choice > header { break-after: avoid; }
  & details::details-content { content-visibility: visible; block-size: auto; }
  & .ogpu-table thead th { position: static; }
  & .ogpu-table th, & .ogpu-table td { white-space: normal; overflow: visible; }
  & .ogpu-now .ogpu-dot { animation: none; }
  & .ogpu-facts:not(.ogpu-alone) { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  & a[download] { display: none; }
}
"""

_LONG: Final = """
& .ogpu-more > summary, & .ogpu-thought > summary { font-size: 12px; margin: 6px 0 4px; }
& .ogpu-thought { margin-bottom: 6px; }
& .ogpu-thought[open] > :not(summary) {
  padding-left: 12px; border-left: 2px solid var(--line); color: var(--soft); font-size: 13px;
}
& .ogpu-user > .ogpu-text, & .ogpu-user > .ogpu-md {
  padding-left: 12px; border-left: 2px solid var(--accent);
}
"""

_MARKDOWN: Final = """
& .ogpu-md {
  max-width: 46rem; font-size: 14px; line-height: 1.6;
  font-family: var(--jp-content-font-family, inherit);
}
& .ogpu-md > * + *, & .ogpu-md blockquote > * + *, & .ogpu-md li > p + * { margin-top: 10px; }
& .ogpu-md p, & .ogpu-md li { overflow-wrap: anywhere; }
& .ogpu-md ul, & .ogpu-md ol { padding-left: 1.6em; margin-left: 0; margin-right: 0; }
& .ogpu-md ul { list-style: disc; }
& .ogpu-md ol { list-style: decimal; }
& .ogpu-md li + li, & .ogpu-md li > ul, & .ogpu-md li > ol { margin-top: 3px; }
& .ogpu-md h5, & .ogpu-md h6 {
  margin: 0; padding: 0; border: 0; font-weight: 600; line-height: 1.4; color: inherit;
  font-size: 15px; background: none;
}
& .ogpu-md * + h5, & .ogpu-md * + h6 { margin-top: 16px; }
& .ogpu-md .ogpu-mh1 { font-size: 18px; }
& .ogpu-md .ogpu-mh2 { font-size: 16px; }
& .ogpu-md blockquote {
  margin-left: 0; margin-right: 0; margin-bottom: 0; padding: 1px 0 1px 12px; border: 0;
  border-left: 2px solid var(--line); color: var(--soft); background: none; font-size: inherit;
}
& .ogpu-md > :first-child { margin-top: 0; }
& .ogpu-md .ogpu-role + .ogpu-code { margin-top: 2px; }
& .ogpu-md hr { height: 0; margin: 14px 0; border: 0; border-top: 1px solid var(--line); }
& .ogpu-md p code, & .ogpu-md li code, & .ogpu-md td code, & .ogpu-md th code {
  font-size: .88em; padding: 1px 4px; border-radius: 3px; background: var(--sunk);
  box-shadow: inset 0 0 0 1px var(--line);
}
& .ogpu-md .ogpu-table { font-size: 13px; }
& .ogpu-md .ogpu-table td { white-space: normal; min-width: 4em; }
"""

_CODE: Final = """
& .ogpu-code {
  max-height: 28rem; max-width: 100%; overflow: auto; padding: 8px 12px; border-radius: 4px;
  background: var(--sunk); font: 400 12px/1.55 var(--mono); white-space: pre; tab-size: 4;
}
& .ogpu-code code { font: inherit; white-space: inherit; }
& .ogpu-code:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
@media (forced-colors: active) { & .ogpu-code { border: 1px solid CanvasText; } }
"""

_CLIPS: Final = """
& .ogpu-clips { display: grid; gap: 12px; }
& .ogpu-clip { max-width: 40rem; }
& .ogpu-clip + .ogpu-lines, & .ogpu-clip + .ogpu-text { margin-top: 10px; }
& .ogpu-clip audio { display: block; width: 100%; max-width: 28rem; height: 40px; }
& .ogpu-clip video { display: block; max-width: 100%; max-height: 28rem; border-radius: 4px; }
"""

_MASKS: Final = """
& .ogpu-masked > .ogpu-picture { overflow: hidden; border-radius: 4px; }
& .ogpu-ground {
  display: block; max-width: 100%; max-height: 32rem; height: auto; background: #16191d;
  border: 1px solid var(--line); border-radius: 4px; forced-color-adjust: none;
}
& .ogpu-masked .ogpu-mask {
  position: absolute; inset: 0; width: 100%; height: 100%; max-height: none; border-radius: 0;
}
& .ogpu-parts { display: grid; gap: 4px; align-content: start; flex: 0 1 17rem; }
& .ogpu-parts li { display: grid; grid-template-columns: 1fr auto; gap: 12px; }
& .ogpu-parts label { display: flex; gap: 7px; align-items: center; cursor: pointer; }
& .ogpu-parts input { margin: 0; accent-color: var(--accent); flex: none; }
& .ogpu-swatch {
  width: 11px; height: 11px; border-radius: 3px; background: var(--hue); flex: none;
  forced-color-adjust: none;
}
"""


def _switches(count: int) -> str:
    """A box that isn't checked hides its mask."""
    return "".join(
        f"& .ogpu-masked:has(.ogpu-t{n}:not(:checked)) .ogpu-m{n} {{ visibility: hidden; }}"
        for n in range(count)
    )


_PROBLEM: Final = """
& .ogpu-problem { padding-left: 12px; border-left: 3px solid var(--tone); }
& .ogpu-problem > b { font-size: 12px; font-weight: 600; color: var(--say); }
& .ogpu-problem ul { margin-top: 4px; color: var(--soft); }
& .ogpu-problem details { margin-top: 6px; }
& .ogpu-problem summary { font-size: 12px; margin-bottom: 4px; }
"""

# A form is made of ipywidgets, whose own rules name the widget's class after the label's.
_FORM: Final = """
&.ogpu-form { display: flex; flex-direction: column; align-items: stretch; padding: 2px 0 4px; }
& .ogpu-f-hide { display: none !important; }
& .widget-html, & .widget-html-content { margin: 0; font: inherit; line-height: inherit; }
& .widget-box { margin: 0; overflow: visible; }
& .ogpu-f-style { display: none; }
& .ogpu-f-body, & .ogpu-f-rows { display: flex; flex-direction: column; gap: 6px; }
& .ogpu-f-field { min-width: 0; flex: 1 1 auto; }
& .ogpu-f-row { gap: 12px; align-items: flex-end; }
& .ogpu-f-row > * { flex: 1 1 auto; min-width: 0; max-width: 46rem; margin: 0; }
& .widget-inline-hbox, & .widget-inline-vbox {
  flex-direction: column; align-items: stretch; width: auto; height: auto; margin: 0;
}
& .widget-inline-hbox > .widget-label, & .widget-radio > .widget-label {
  width: auto; max-width: none; height: auto; margin: 0 0 2px; text-align: start; font-weight: 600;
  font-size: 12px; line-height: 1.5; color: var(--ink); white-space: normal; overflow: visible;
}
& .widget-checkbox { flex-direction: row; }
& .widget-checkbox label { gap: 7px; display: flex; align-items: center; color: var(--ink); }
& .widget-checkbox input { margin: 0; width: 15px; height: 15px; accent-color: var(--accent); }
& input:not([type=checkbox], [type=radio], [type=file]), & select, & textarea {
  flex: 0 0 auto; width: 100%; height: auto; min-height: 30px; box-sizing: border-box;
  padding: 4px 8px; font: inherit;
  color: var(--ink); background-color: var(--bg); border: 1px solid var(--edge);
  border-radius: 5px; line-height: 20px;
}
& .widget-dropdown > select { padding-right: 28px; appearance: auto; background-image: none; }
& textarea { line-height: 1.5; resize: vertical; }
& .ogpu-f-mono textarea { font-family: var(--mono); font-size: 12px; }
& input[type=date], & input[type=time], & input[type=datetime-local] { max-width: 15rem; }
& .ogpu-f-integer, & .ogpu-f-number, & .ogpu-f-field .widget-dropdown { max-width: 24rem; }
& input:focus, & select:focus, & textarea:focus, & button:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 0; border-color: var(--accent);
}
& input[type=checkbox]:focus-visible, & input[type=radio]:focus-visible { outline-offset: 2px; }
& ::placeholder { color: var(--soft); opacity: .85; }
& [aria-invalid=true] { border-color: var(--bad) !important; }
& .ogpu-f-about { min-height: 18px; font-size: 12px; line-height: 18px; color: var(--soft); }
& .ogpu-f-error { --tone: var(--bad); color: color-mix(in srgb, var(--bad) 72%, var(--ink)); }
& .ogpu-f-error { font-weight: 600; }
& .ogpu-f-row > .ogpu-f-empty { flex: 0 0 8.5rem; }
& .ogpu-f-empty > .widget-label { font-weight: 400; color: var(--soft); }
& .widget-radio-box {
  flex: 0 0 auto; flex-direction: row; flex-wrap: wrap; gap: 0 18px; height: auto; margin: 0;
}
& .widget-radio-box label {
  display: flex; flex-direction: row-reverse; align-items: center; gap: 6px; width: auto;
  height: 30px; line-height: 30px; margin: 0; font-size: 13px; color: var(--ink);
}
& .widget-radio-box input[type=radio] { margin: 0; accent-color: var(--accent); }
& .ogpu-f-group { min-width: 0; }
& .ogpu-f-group:not(.ogpu-f-root, .ogpu-f-within, .ogpu-f-desk) > .ogpu-f-body {
  border-left: 2px solid var(--line); padding-left: 12px;
}
& .ogpu-f-legend { font-weight: 600; font-size: 12px; line-height: 1.5; }
& .ogpu-f-group > .ogpu-f-about:has(> .widget-html-content:empty) { display: none; }
& .ogpu-f-within > .ogpu-f-legend { display: none; }
& .ogpu-f-kind { max-width: 24rem; }
& .ogpu-f-item { gap: 8px; align-items: flex-start; }
& .ogpu-f-item > :first-child { flex: 1 1 auto; }
& .ogpu-f-item > .ogpu-f-key { flex: 0 1 14rem; }
& .ogpu-f-item > .ogpu-f-key ~ .ogpu-f-field { flex: 1 1 14rem; }
& .ogpu-f-tools { flex: 0 0 auto; gap: 2px; margin-top: 20px; }
& button.jupyter-button {
  width: auto; height: auto; min-height: 30px; margin: 0; padding: 0 14px; font: inherit;
  line-height: 28px; border: 1px solid var(--edge); border-radius: 5px; background: var(--bg);
  color: var(--ink); box-shadow: none; overflow: visible;
}
& button.jupyter-button:hover:enabled { background: var(--sunk); }
& button.jupyter-button.mod-primary {
  background: var(--say); border-color: var(--say); color: var(--bg); font-weight: 600;
}
& button.jupyter-button.mod-primary:hover:enabled {
  background: color-mix(in srgb, var(--say) 85%, var(--ink));
}
& button.jupyter-button:disabled { opacity: .45; cursor: default; }
& button.ogpu-f-tool { padding: 0; width: 30px; color: var(--soft); border-color: transparent; }
& .ogpu-f-picked button.ogpu-f-tool { width: auto; padding: 0 10px; border-color: var(--edge); }
& button.ogpu-f-add { align-self: flex-start; }
& .ogpu-f-picked { gap: 12px; align-items: center; }
& .ogpu-f-preview .widget-html-content { display: flex; gap: 10px; align-items: center; }
& .ogpu-f-thumb { max-width: 112px; max-height: 84px; border-radius: 4px; margin: 0; }
& .ogpu-f-upload input[type=file] { font: inherit; color: var(--ink); max-width: 100%; }
& .ogpu-f-desk { border-top: 1px solid var(--line); margin-top: 14px; padding-top: 12px; }
& .ogpu-f-order { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 4px 20px; }
& .ogpu-f-facts dl {
  display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 6px 16px; margin: 8px 0;
  padding: 8px 12px; background: var(--sunk); border-radius: 5px;
}
& .ogpu-f-facts dt { font-weight: 400; font-size: 11px; color: var(--soft); }
& .ogpu-f-facts dt, & .ogpu-f-facts dd {
  float: none; clear: none; width: auto; margin: 0; text-align: start;
}
& button.ogpu-f-folds {
  align-self: flex-start; border: 0; padding: 0; color: var(--soft); background: none;
  font-size: 12px; min-height: 24px; line-height: 24px;
}
& button.ogpu-f-folds::before { content: "\\25b8"; margin-right: 6px; }
& button.ogpu-f-folds.ogpu-f-open::before { content: "\\25be"; }
& .ogpu-f-payload pre { max-height: 16rem; overflow: auto; padding: 2px 0 6px; }
& .ogpu-f-press { gap: 8px; margin-top: 8px; flex-wrap: wrap; }
& .ogpu-f-ask { gap: 8px; margin-top: 8px; align-items: center; font-weight: 600; }
& .ogpu-f-said { min-height: 20px; margin-top: 4px; }
& .ogpu-f-said [role=alert] { color: color-mix(in srgb, var(--bad) 72%, var(--ink)); }
& .ogpu-f-status { min-height: 18px; font-size: 12px; line-height: 18px; color: var(--soft); }
& .ogpu-f-cell pre {
  max-height: 20rem; overflow: auto; padding: 8px 10px; margin: 2px 0 6px; font-size: 12px;
  white-space: pre-wrap; background: var(--sunk); border-radius: 5px; user-select: all;
}
& { --edge: color-mix(in srgb, var(--ink) 45%, var(--bg)); }
@container (max-width: 40rem) {
  & .ogpu-f-order { grid-template-columns: minmax(0, 1fr); }
  & .ogpu-f-facts dl { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  & .ogpu-f-item { flex-wrap: wrap; }
  & .ogpu-f-item > .ogpu-f-tools { margin-top: 0; }
}
@container (max-width: 18rem) {
  & .ogpu-f-facts dl { grid-template-columns: minmax(0, 1fr); }
  & .ogpu-f-facts .ogpu-n, & button.jupyter-button { white-space: normal; }
  & .ogpu-f-row { flex-wrap: wrap; }
}
& .widget-checkbox, & .widget-checkbox label, & .widget-checkbox span { white-space: normal; }
& .widget-checkbox label > span { width: auto; height: auto; line-height: 1.5; }
& .widget-checkbox label { width: auto; height: auto; min-height: 30px; }
"""

_FORM_WORDS: Final = """
& .ogpu-formed h3 { font-size: 14px; font-weight: 600; }
& .ogpu-formed h3 .ogpu-soft { font-weight: 400; font-size: 13px; }
"""

_SAVE: Final = """
& .ogpu-save { font-size: 12px; margin-top: 6px; }
& .ogpu-save a[hidden] { display: inline-block; margin-right: 14px; }
"""

_PARTS: Final = {
    "ogpu-form": _FORM,
    "ogpu-formed": _FORM_WORDS,
    "ogpu-card": _TASK,
    "ogpu-folds?": _FOLDS,
    "ogpu-text|ogpu-said|ogpu-lines|ogpu-rest|ogpu-named": _TEXT,
    "ogpu-h[0-7]": _HUES,
    "ogpu-shares": _SHARES,
    "ogpu-bars": _BARS,
    "ogpu-picture": _IMAGE,
    "ogpu-more|ogpu-thought|ogpu-user": _LONG,
    "ogpu-md": _MARKDOWN,
    "ogpu-code": _CODE,
    "ogpu-clip": _CLIPS,
    "ogpu-masked": _MASKS + _switches(24),
    "ogpu-problem": _PROBLEM,
    "ogpu-table": _TABLE,
    "ogpu-sort": _SORT,
    "ogpu-save": _SAVE,
    **{f"ogpu-a{n}": _order_rules(n) for n in range(SORTABLE)},
    "ogpu-plot": _PLOT,
    "ogpu-strip|ogpu-alike": _VECTORS,
    "ogpu-json": _JSON,
}


def _small(css: str) -> str:
    bare = re.sub(r"/\*[^*]*\*/", "", css)
    packed = re.sub(r" ?([{};]) ?", r"\1", re.sub(r"\s+", " ", bare)).strip()
    return packed.replace("&", ".ogpu.ogpu.ogpu")


_SMALL: Final = {
    re.compile(rf'class="[^"]*\b(?:{names})\b'): _small(css) for names, css in _PARTS.items()
}
_SMALL_BASE: Final = _small(_BASE)
_SMALL_PRINT: Final = _small(_PRINT)


def base_rules() -> str:
    """The colours and the small parts, for what brings its own shapes."""
    return _SMALL_BASE


def all_rules() -> str:
    return _SMALL_BASE + "".join(_SMALL.values()) + _SMALL_PRINT


def rules(body: str) -> str:
    """The rules that these elements use."""
    used = "".join(css for names, css in _SMALL.items() if names.search(body))
    return f"{_SMALL_BASE}{used}{_SMALL_PRINT}"


def page(body: str, label: str) -> str:
    """A fragment that stands alone: the body, and the rules that it uses.

    MathJax is kept out: a price is no formula, and a provider's LaTeX is no text. In a
    notebook exported as Markdown this stands between the lines. It is one line itself, so
    that no word in it is taken for Markdown, and begins with what is to be read.
    """
    one_line = body.replace("\n", "&#10;")
    return (
        f'<div class="ogpu mathjax_ignore tex2jax_ignore" role="group" aria-label="{label}">'
        f"{one_line}</div><style>{rules(body)}</style>"
    )
