"""A report in a real browser: offline, readable in the dark and on a telephone, reached by keyboard, printed."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.browser import CONTRASTS, NEEDS_CHROMIUM
from tests.monitoring.reporting.conftest import drawn

from daytwo.monitoring import report

pytestmark = [NEEDS_CHROMIUM, pytest.mark.browser]
EVIL = "<img src=http://evil.example/x onerror=alert(1)>"

# The texts of drawings that reach beyond their drawing's box.
CUT_OFF = """() => {
  const shown = [...document.querySelectorAll('svg[role=img]')].filter(svg => svg.getClientRects().length);
  return shown.flatMap(svg => {
    const box = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
    return texts.filter(([_, own]) => own.left < box.left - 0.5 || own.right > box.right + 0.5).map(([said]) => said);
  });
}"""


def rows(draw, windows, shift=0.0):
    return drawn(draw, [f"week {number:02d}" for number in windows], EVIL, size=300, shift=shift)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    draw = np.random.default_rng(3)
    windows = pl.concat([rows(draw, range(30, 34)), rows(draw, range(34, 38), shift=1.2)])
    later = windows.with_columns(pl.when(pl.col("window") < "week 36").then("label"))
    found = report(rows(draw, range(30)), later, features=["km", EVIL, "feed"], label="label")
    path = tmp_path_factory.mktemp("report") / "report.html"
    found.save(path)
    return path


@pytest.fixture
def opened(chromium, saved):
    """Open the report, and say what it did that a quiet page does not do."""
    pages = []

    def visit(width=1280, scheme="light", **more):
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, **more)
        pages.append(page)
        noise = []
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("dialog", lambda dialog: (noise.append(dialog.message), dialog.dismiss()))
        page.on(
            "request", lambda request: None if request.url.startswith(("file:", "data:")) else noise.append(request.url)
        )
        page.goto(saved.as_uri(), wait_until="networkidle")
        return page, noise

    yield visit
    for page in pages:
        page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")])
def test_it_asks_nobody_anything_and_can_be_read(opened, width, scheme):
    page, noise = opened(width, scheme)
    assert noise == []
    assert page.locator("h1").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    worst = page.evaluate(CONTRASTS)
    assert worst[0][0] >= 4.5, worst
    assert EVIL in page.inner_text("body")


def test_no_number_of_a_drawing_is_cut_off_and_windows_bear_their_names(opened):
    page, _ = opened()
    beyond = page.evaluate(CUT_OFF)
    assert beyond == []
    body = page.inner_text("body")
    assert "moved since week 3" in body
    assert "since window" not in body


def test_every_drawing_has_a_name_and_a_sentence_that_says_so_what(opened):
    page, _ = opened()
    drawings = page.locator("svg[role=img]").all()
    assert len(drawings) >= 2
    for drawing in drawings:
        assert drawing.locator("title").first.text_content().strip()
    told = page.locator("figcaption").all_inner_texts()
    assert len(told) >= len(page.locator("figure").all()) > 0
    assert all(len(one.split()) >= 4 for one in told)


def test_its_tables_have_headings_and_it_prints_on_paper(opened):
    page, _ = opened()
    headings = page.locator("th").all()
    assert headings
    for heading in headings:
        assert heading.get_attribute("scope") in {"col", "row"}
    page.emulate_media(media="print")
    assert page.locator("h1").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")
