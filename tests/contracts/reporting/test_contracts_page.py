"""The page of a validation: what it says, that hostile names and values stay texts, and how a real browser shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

import polars as pl
import pytest
from tests.browser import CONTRASTS, NEEDS_CHROMIUM

from daytwo import __version__
from daytwo.contracts import Contract, check
from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Rule
from daytwo.contracts.reporting.export_table import SUFFIXES, table_bytes, without_formulas
from daytwo.contracts.validation import Validation
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCRIPT, FORMULA, PROTO = "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "__proto__"
IMAGE = "<img src=x onerror=alert(1)>"


def trips(**change) -> Contract:
    columns = (
        Column("km", Kind.NUMBER, minimum=0.0, maximum=90.0, expected_maximum=40.0, owner="ben"),
        Column("carrier", Kind.CATEGORY, levels=("AA", "B6"), other="reject", repair=("trim", "upper")),
        Column("at", Kind.TIME, Role.TIME),
    )
    return Contract(**({"name": "trips", "version": 3, "owner": "ana", "columns": columns} | change))


def rows(bad: int = 0, *, total: int = 200) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "km": [-1.0 if 100 <= i < 100 + bad else 50.0 if i == 3 else 10.0 for i in range(total)],
            "carrier": ["aa " if i == 7 else "AA" for i in range(total)],
            "at": [f"2026-02-{1 + i % 28:02}" for i in range(total)],
        }
    )


def validated(bad: int = 10) -> Validation:
    return check(rows(bad), trips(), now=NOW, name="may.csv", digest="d" * 64)


def hostile() -> Validation:
    columns = (
        Column(SCRIPT, Kind.NUMBER, owner=IMAGE, minimum=0.0),
        Column(FORMULA, Kind.CATEGORY, levels=(SCRIPT,), other="reject"),
    )
    contract = Contract(f"c {SCRIPT}", 1, IMAGE, columns, (Rule(IMAGE, f"col({SCRIPT!r}) < 9"),))
    frame = pl.DataFrame({SCRIPT: [1.0, -1.0, 99.0], FORMULA: [SCRIPT, IMAGE, "\"'`--></style>"], PROTO: [1, 2, 3]})
    return check(frame, contract, now=NOW, name=f"{SCRIPT}.csv")


class _Tags(HTMLParser):
    """Every tag and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_the_page_says_in_words_what_happened_since_when_and_what_to_do():
    text = validated().page(source="may.csv", contract_file="my trips.toml")
    assert "190 of 200 rows pass" in text
    assert "The top reason: km must lie between 0 and 90; 10 rows (5.0 %) broke that, since row 100." in text
    assert "1 row was mended and passed." in text
    assert "One rule only warned." in text
    assert "One rule rejects all 10 rows: mend km and every row passes." in text
    assert "100 % of them lie between rows 100 and 109: look at what happened there." in text
    assert "daytwo contract check may.csv --contract &#39;my trips.toml&#39; --failures failing-cells.csv" in text
    said = "".join(_Tags(text).said)
    for words in ("aa ", "AA", "ben", "ana", "d" * 64, trips().digest, __version__, "2026-03-01 12:00:00 UTC"):
        assert words in said


def test_a_row_rule_shows_the_values_that_it_reads():
    kept = trips(rules=(Rule("r", "km < 40 or carrier == 'B6'"), Rule("w", "km < 45", Action.WARN)))
    said = "".join(_Tags(check(rows(), kept).page()).said)
    assert "km = 50.0, carrier = AA" in said


def test_what_passes_is_said_calmly():
    text = check(rows().with_columns(carrier=pl.lit("AA")).filter(pl.col("km") < 40), trips(), name="may.csv").page()
    assert "All 199 rows pass" in text
    assert "No rule was broken." in text
    assert "Where the rejected rows lie" not in text
    assert "What to do next" not in text


def test_a_refused_batch_is_the_headline_and_stands_first():
    kept = trips(batch=Batch(max_age="1d", minimum_rows=500, action=Action.REJECT))
    text = check(rows(), kept, now=NOW).page()
    assert "The batch is refused as a whole" in text
    assert text.index("The batch as a whole") < text.index("Rules that rows broke")


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([7], "Only row 7 is rejected."),
        (range(200), "Every row is rejected"),
        (range(0, 200, 5), "They are spread from row 0 to row 195"),
        ([1, *range(150, 160)], "90.9 % of them lie between rows 150 and 159"),
    ],
)
def test_the_picture_of_where_rows_fail_says_so_what(numbers, words):
    bad = set(numbers)
    frame = rows().with_columns(km=pl.Series([-1.0 if i in bad else 1.0 for i in range(200)]))
    assert words in check(frame, trips()).page()


def test_hostile_names_and_values_stay_texts():
    text = hostile().page(source=f"{FORMULA}.csv")
    page = _Tags(text)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for _, value in page.attributes if value.startswith(("http", "//", "javascript"))]
    said = "".join(page.said)
    for words in (SCRIPT, IMAGE, PROTO, "\"'`--></style>"):
        assert words in said
    assert text.count("</style>") == 1


def test_no_spreadsheet_runs_a_name_or_a_value():
    frame = pl.DataFrame(
        {
            FORMULA: ["=1+1", "+1", "-12.5", "-x", "@a", "\tq", "\r", None, "ok", "1-2", "\uff1dx", "-"],
            "n": [-1.5] * 12,
            "level": pl.Series(["-a"] * 12, dtype=pl.Categorical),
        }
    )
    safe = without_formulas(frame)
    assert safe.columns == [f"'{FORMULA}", "n", "level"]
    assert safe.to_series(0).to_list() == [
        *("'=1+1", "+1", "-12.5", "'-x", "'@a", "'\tq", "'\r", None, "ok", "1-2", "'\uff1dx", "'-"),
    ]
    assert safe["n"].to_list() == [-1.5] * 12
    assert safe["level"].to_list() == ["'-a"] * 12
    both = without_formulas(pl.DataFrame({"=a": [1], "'=a": [2]}))
    assert sorted(both.columns) == ["''=a", "'=a"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_exact_forms_hold_what_was_checked(tmp_path, suffix):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(table_bytes(pl.DataFrame({"a": ["=1"]}), path))
    read = {".parquet": pl.read_parquet, ".csv": pl.read_csv}.get(suffix, pl.read_ndjson)(path)
    assert read["a"].to_list() == ["'=1" if suffix == ".csv" else "=1"]
    with pytest.raises(DataError, match="no kind that is written"):
        table_bytes(read, tmp_path / "x.ods")


@NEEDS_CHROMIUM
@pytest.mark.browser
@pytest.mark.parametrize("made", [validated, hostile])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")])
def test_a_page_is_quiet_readable_and_as_wide_as_the_screen(chromium, tmp_path, made, width, scheme):
    path = tmp_path / "page.html"
    path.write_text(made().page(source="may.csv"), encoding="utf-8")
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("dialog", lambda dialog: (noise.append(dialog.message), dialog.dismiss()))
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else noise.append(request.url)
    )
    page.goto(path.as_uri(), wait_until="networkidle")
    try:
        assert noise == []
        assert page.locator("h1").is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        worst = page.evaluate(CONTRASTS)
        assert worst[0][0] >= 4.5, worst
        assert page.locator("svg[role=img] title").text_content() == "Rejected rows along the file"
    finally:
        page.close()


@NEEDS_CHROMIUM
@pytest.mark.browser
def test_tables_are_reached_by_keyboard_and_the_page_prints(chromium, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(validated().page(source="may.csv"), encoding="utf-8")
    # The page forbids scripts, also the one that waits here.
    page = chromium.new_page(viewport={"width": 360, "height": 740}, bypass_csp=True)
    page.goto(path.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Rules that rows broke"
    before = page.evaluate("document.activeElement.scrollLeft")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"document.activeElement.scrollLeft > {before}")
    for heading in page.locator("th").all():
        assert heading.get_attribute("scope") in {"col", "row"}
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()
