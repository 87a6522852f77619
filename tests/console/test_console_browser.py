"""The console in a real browser: seen, readable in light and dark, on a phone and by keyboard, and quiet."""

import pytest
from playwright.sync_api import Browser, Page
from tests.browser import CONTRASTS, NEEDS_CHROMIUM

PAGES = ["/", "/releases/release-w0019", "/alerts/dear", "/nowhere"]
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


def visit(browser: Browser, url: str, *, size: dict[str, int], scheme: str = "light") -> tuple[Page, list[str]]:
    """Open a page; return it with everything that it complained about or asked of another place."""
    page = browser.new_page(viewport=size, color_scheme=scheme)
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("requestfailed", lambda request: noise.append(request.url))
    page.on("dialog", lambda dialog: (noise.append(dialog.message), dialog.dismiss()))
    root = url.split("/", 3)[2]
    page.on("request", lambda request: None if request.url.split("/", 3)[2] == root else noise.append(request.url))
    page.goto(url, wait_until="networkidle")
    return page, noise


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_seen_quiet_readable_and_as_wide_as_the_screen(project, serving, chromium, path, size, scheme):
    page, noise = visit(chromium, serving(project).url.rstrip("/") + path, size=size, scheme=scheme)
    try:
        assert page.locator("h1").is_visible()
        assert page.locator(".sentences p").first.is_visible()
        # The browser itself remarks on the status of a page that is not there.
        assert [words for words in noise if "404 (Not Found)" not in words or path != "/nowhere"] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        worst = page.evaluate(CONTRASTS)
        assert worst[0][0] >= 4.5, worst
    finally:
        page.close()


def test_the_first_sentence_is_the_first_thing_that_is_read(project, serving, chromium):
    page, _ = visit(chromium, serving(project).url, size=WIDE)
    first = page.locator(".sentences p").first
    assert first.inner_text() == "late-flights v2 has given 2 answers since 20 May (94 days)."
    box = first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 300
    page.close()


def test_each_width_has_its_own_drawing_of_a_chart(project, serving, chromium):
    url = serving(project).url
    for size, shown, hidden in ((WIDE, "wide", "narrow"), (PHONE, "narrow", "wide")):
        page, _ = visit(chromium, url, size=size)
        pictures = page.locator(f"svg.{shown}")
        assert pictures.count() == 2
        assert pictures.first.is_visible()
        assert not page.locator(f"svg.{hidden}").first.is_visible()
        size_of_text = pictures.first.evaluate("svg => svg.getScreenCTM().a * 11")
        assert size_of_text >= 9, "the labels are too small to read"
        page.close()


def test_everything_is_reached_and_opened_by_keyboard(project, serving, chromium):
    page, _ = visit(chromium, serving(project).url, size=WIDE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = page.locator(".skip").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        tag = page.evaluate("document.activeElement.tagName")
        if tag == "BODY":
            break
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        seen.append(page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.tagName"))
        if tag == "SUMMARY":
            page.keyboard.press("Enter")
    assert {"/releases/release-w0019", "/alerts/dear", "/alerts/cheap", "SUMMARY", "DIV"} <= set(seen)
    assert page.locator("details table").is_visible()
    assert page.locator("details tbody tr").count() == 20
    page.close()


def test_the_numbers_are_all_on_a_phone_without_scrolling_the_page_sideways(project, serving, chromium):
    page, _ = visit(chromium, serving(project).url, size=PHONE)
    page.locator("summary").click()
    assert page.locator("details table").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.close()


def test_the_page_prints_dark_on_white_whatever_the_screen(project, serving, chromium):
    page, _ = visit(chromium, serving(project).url, size=WIDE, scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.evaluate(CONTRASTS)[0][0] >= 4.5
    page.close()


@pytest.mark.parametrize("path", PAGES[:3])
def test_names_that_are_markup_are_shown_and_never_run(hostile, serving, chromium, path):
    page, noise = visit(chromium, serving(hostile).url.rstrip("/") + path, size=PHONE)
    assert noise == []
    assert "<script>alert(1)</script>" in page.locator("main").inner_text()
    assert page.locator("script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.close()
