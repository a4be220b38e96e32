"""One visual language, as rules that can fail: geometry, contrast, figures, times, motion.

On the pages of the gallery, which have the rules and variables of JupyterLab's own themes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from ogpu_jupyter.tasks import Stage
from tests import gallery
from tests.helpers import ROOT
from tests.render import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

THEMES = [("light", "light"), ("dark", "dark"), ("contrast", "dark"), ("plain", "light"),
          ("plain", "dark")]  # fmt: skip
LIFE = [stage for stage in Stage if stage not in {Stage.FAILED, Stage.ABANDONED}]


@pytest.fixture
def opened(chromium: Browser, tmp_path: Path) -> Iterator[Any]:
    """Opens views in a theme, at a width, as the reader's system has it."""
    tabs = []

    def make(views: dict[str, str], theme: str = "light", width: int = 1000, **media: Any) -> Page:
        tab = chromium.new_page(viewport={"width": width, "height": 900})
        tabs.append(tab)
        tab.emulate_media(**media)
        path = tmp_path / f"{len(tabs)}.html"
        path.write_text(gallery.page("looks", views, theme))
        tab.goto(path.as_uri())
        return tab

    yield make
    for tab in tabs:
        tab.close()


@pytest.fixture(scope="module")
def everything() -> dict[str, str]:
    return {name: view for part in gallery.sections().values() for name, view in part.items()}


PLACES = """
() => [...document.querySelectorAll('.ogpu')].map(view => {
  const top = view.getBoundingClientRect().top;
  return ['.ogpu-head', '.ogpu-say', '.ogpu-steps', '.ogpu-facts', '.ogpu-pill'].map(name => {
    const box = view.querySelector(name).getBoundingClientRect();
    return [name, Math.round(box.top - top), Math.round(box.height), Math.round(box.width)];
  }).join(' ');
})"""


@pytest.mark.parametrize("width", gallery.WIDTHS)
@pytest.mark.parametrize("explorer", ["", "https://ogpuscan.io/task"], ids=["", "explorer"])
def test_nothing_jumps_as_a_task_lives(opened: Any, width: int, explorer: str) -> None:
    """Heading, steps and facts have the same place and size at every stage."""
    views = {
        stage.value: gallery.task(samples.record(stage, explorer_url=explorer)) for stage in LIFE
    }
    tab = opened(views, width=width)

    places = dict(zip(views, tab.evaluate(PLACES), strict=True))
    assert len(set(places.values())) == 1, places


WIDE = """
() => [...document.querySelectorAll('.ogpu')].flatMap(view => {
  const end = view.getBoundingClientRect().right;
  return [...view.querySelectorAll('*')].filter(e => {
    if (e.closest('.ogpu-scroll') && !e.matches('.ogpu-scroll')) return false;
    if (e.closest('pre') && !e.matches('pre')) return false;
    return e.getClientRects().length && e.getBoundingClientRect().right > end + 1;
  }).map(e => `${e.localName}.${e.className}`);
})"""


@pytest.mark.parametrize("width", gallery.WIDTHS)
def test_nothing_is_wider_than_its_view(opened: Any, everything: Any, width: int) -> None:
    """Only tables and code scroll, within themselves."""
    tab = opened(everything, width=width)

    assert tab.evaluate(WIDE) == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


CONTRAST = """
() => {
  const paint = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const known = new Map();
  const rgba = colour => {
    if (!known.has(colour)) {
      paint.clearRect(0, 0, 1, 1); paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = ([r, g, b, a], [R, G, B]) =>
    [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const ground = e => {
    if (!e) return [255, 255, 255];
    const own = rgba(getComputedStyle(e).backgroundColor);
    return own[3] > 0.99 ? own.slice(0, 3) : over(own, ground(e.parentElement));
  };
  const fading = e => e ? getComputedStyle(e).opacity * fading(e.parentElement) : 1;
  const light = c => c.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const low = new Map();
  for (const e of document.querySelectorAll('.ogpu *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    const style = getComputedStyle(e);
    if (!own || !e.getClientRects().length || style.visibility !== 'visible') continue;
    if (e.matches('.ogpu-todo .ogpu-dot')) continue;  // an empty ring
    if (e.closest('svg') || parseFloat(style.fontSize) === 0) continue;
    const colour = rgba(style.color), alpha = colour[3] * fading(e);
    if (alpha < 0.05) continue;
    const below = ground(e), above = over([...colour.slice(0, 3), alpha], below);
    const [a, b] = [light(above), light(below)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (e.matches('[role=img]') ? 3 : 4.5))
      low.set(`${e.localName}.${e.className} in ${e.parentElement.className}`,
      `${ratio.toFixed(2)} ${e.textContent.trim().slice(0, 20)}`);
  }
  return [...low].map(pair => pair.join(': '));
}"""


@pytest.mark.parametrize(("theme", "scheme"), THEMES)
def test_words_are_legible(opened: Any, everything: Any, theme: str, scheme: str) -> None:
    """Every text has a contrast of 4.5 to 1 at least with what is behind it."""
    more = "more" if theme == "contrast" else "no-preference"
    tab = opened(everything, theme, color_scheme=scheme, contrast=more)

    assert tab.evaluate(CONTRAST) == []


FIGURES = """
() => [...document.querySelectorAll('.ogpu *')].filter(e =>
  [...e.childNodes].some(n => n.nodeType === 3 && /[0-9]/.test(n.data))
  && !getComputedStyle(e).fontVariantNumeric.includes('tabular-nums')
  && !/mono|Consolas|Menlo/i.test(getComputedStyle(e).fontFamily)
).map(e => `${e.localName}.${e.className}`)"""


@pytest.mark.parametrize("theme", ["light", "plain"])
def test_figures_stand_in_line(opened: Any, everything: Any, theme: str) -> None:
    """Each digit is as wide as the next one, wherever digits are."""
    assert opened(everything, theme).evaluate(FIGURES) == []


def test_numbers_of_a_column_end_at_one_line(opened: Any, everything: Any) -> None:
    """In tables, numbers stand to the right below a head that does so too."""
    ends = opened(everything).evaluate(
        """() => [...document.querySelectorAll('.ogpu-table')].flatMap(table => {
          const rows = [...table.rows], columns = rows[0].cells.length;
          return [...Array(columns).keys()].map(n => rows.map(row => row.cells[n]))
            .filter(cells => cells.slice(1).some(c => c?.classList.contains('ogpu-num')))
            .map(cells => [cells[0].textContent, ...new Set(
              cells.filter(c => c && c.textContent).map(c => getComputedStyle(c).textAlign))]);
        })"""
    )

    assert ends
    assert [column for column in ends if column[1:] not in (["right"], ["end"])] == []


EXACT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def test_each_time_has_the_exact_one_on_hover(opened: Any, everything: Any) -> None:
    """Whatever a time is in words."""
    titles = opened(everything).evaluate(
        "[...document.querySelectorAll('.ogpu time')].map(e => e.title)"
    )

    assert len(titles) > 30
    assert [title for title in titles if not EXACT.search(title)] == []


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_motion_only_where_it_is_welcome(opened: Any, everything: Any, motion: str) -> None:
    """One dot beats where the reader allows it; nothing moves where not."""
    tab = opened(everything, reduced_motion=motion)
    moving = tab.evaluate("document.getAnimations().length")
    lasting = tab.evaluate(
        """[...document.querySelectorAll('.ogpu *')].filter(e =>
          getComputedStyle(e).transitionDuration.split(',').some(t => parseFloat(t) > 0)).length"""
    )

    assert (moving > 0) == (motion == "no-preference")
    assert motion == "no-preference" or lasting == 0


def test_forced_colours_hide_nothing(opened: Any, everything: Any) -> None:
    """In the reader's own few colours every word is still seen, marked ones too."""
    tab = opened(everything, "plain", color_scheme="dark", forced_colors="active")
    tab.screenshot(path=ROOT / "artefacts" / "screens" / "forced.png", full_page=True)

    assert tab.evaluate(CONTRAST) == []


MEASURE = """
() => {
  const start = performance.now();
  document.querySelector('main').style.width = '700px';
  document.body.offsetHeight;
  const laidOut = performance.now();
  const view = document.querySelectorAll('.ogpu')[50].parentElement;
  view.innerHTML = view.innerHTML;
  document.body.offsetHeight;
  return [laidOut - start, performance.now() - laidOut].map(Math.round);
}"""


def test_a_hundred_views(opened: Any) -> None:
    """A notebook of them: how long one layout of all takes, and the change of one, is printed."""
    stages = list(Stage)
    views = {
        str(n): gallery.task(samples.record(stages[n % len(stages)], key=n)) for n in range(100)
    }
    tab = opened(views)
    whole, one = tab.evaluate(MEASURE)
    size = sum(map(len, views.values())) / len(views) / 1000

    print(f"\n100 views: {size:.1f} kB each; all laid out in {whole} ms, one changed in {one} ms")
    assert tab.locator(".ogpu").count() == 100
    assert tab.evaluate(WIDE) == []
    assert size < 40
