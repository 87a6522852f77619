"""Reports of anybody's rows: what they say, in every form, from every kind of frame."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.monitoring.reporting.conftest import drawn

from daytwo.core.errors import DataError
from daytwo.core.finding import Finding, Severity
from daytwo.monitoring import Report, report
from daytwo.monitoring.estimating.metrics import roc_auc
from daytwo.monitoring.profiles.distances import psi
from daytwo.monitoring.reporting.calibration import calibration
from daytwo.monitoring.reporting.content import Content, Figure, Seen
from daytwo.monitoring.reporting.page import page
from daytwo.monitoring.reporting.ranking import harms

EVIL = "<script>alert('x')</script>"
FEATURES = ["km", EVIL, "feed"]


def rows(draw: np.random.Generator, windows: range, *, shift: float = 0.0) -> pl.DataFrame:
    return drawn(draw, [f"d{number:02d}" for number in windows], EVIL, size=200, shift=shift)


@pytest.fixture(scope="module")
def both() -> tuple[pl.DataFrame, pl.DataFrame]:
    draw = np.random.default_rng(1)
    return rows(draw, range(30)), pl.concat([rows(draw, range(30, 33)), rows(draw, range(33, 38), shift=1.5)])


@pytest.fixture(scope="module")
def found(both: tuple[pl.DataFrame, pl.DataFrame]) -> Report:
    reference, windows = both
    later = windows.with_columns(pl.when(pl.col("window") < "d36").then("label"))
    return report(reference, later, features=FEATURES, label="label", metrics=("roc_auc", "brier"))


def test_a_shift_is_alarmed_and_its_column_stands_first(found: Report) -> None:
    told = found.to_dict()
    assert "Something changed" in told["headline"]
    assert told["columns"][0]["column"] in {"km", "score"}
    assert {one["column"]: one["beyond"] for one in told["columns"]}["km"] == 5
    assert any(one["subject"] == "km" for one in told["harms"])


def test_realised_figures_are_those_of_the_rows(both: tuple[pl.DataFrame, pl.DataFrame], found: Report) -> None:
    first = both[1].filter(pl.col("window") == "d30")
    figures = found.frames["figures"].filter(window="d30", metric="roc_auc", kind="realised")
    assert figures["value"][0] == pytest.approx(roc_auc(first["label"].to_numpy(), first["score"].to_numpy()))
    assert found.frames["figures"].filter(window="d37", kind="realised").is_empty()
    assert found.frames["windows"]["maturity"].to_list() == [1.0] * 6 + [0.0] * 2


def test_distances_are_those_of_rows_per_level(both: tuple[pl.DataFrame, pl.DataFrame], found: Report) -> None:
    reference, windows = both
    counts = [
        [frame.filter(pl.col("feed") == level).height for level in ("a", "b", EVIL)]
        for frame in (reference, windows.filter(pl.col("window") == "d31"))
    ]
    kept = found.frames["distances"].filter(window="d31", column="feed", distance="psi")["value"][0]
    counts[0], counts[1] = sorted(counts[0]), [one for _, one in sorted(zip(counts[0], counts[1], strict=True))]
    # The bin of levels never seen holds half a row on each side.
    assert kept == pytest.approx(psi([*counts[0], 0], [*counts[1], 0]))


def test_the_page_runs_nothing_and_asks_for_nothing(found: Report, tmp_path: Path) -> None:
    found.save(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "<title id=" in text
    assert "@media print" in text


def test_every_chart_has_a_sentence(found: Report) -> None:
    for described in re.findall(r"<desc[^>]*>([^<]*)</desc>", found.html):
        assert len(described) > 30
    assert "held the truth in" in found.html


def test_json_has_everything(found: Report) -> None:
    told = json.loads(found.to_json())
    assert [one["window"] for one in told["windows"]] == [f"d{number}" for number in range(30, 38)]
    assert set(told["windows"][0]["distances"]["km"]) >= {"psi", "js_distance", "ks", "wasserstein", "chi_squared"}
    assert "ks" not in told["windows"][0]["distances"]["feed"]
    assert found._repr_html_().startswith("<iframe")


def test_pandas_and_arrow_give_the_same_report(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    pandas = pytest.importorskip("pandas")
    reference, windows = (frame.select("window", "km", "score") for frame in both)
    plain = report(reference, windows, features=["km"]).to_json()
    given = [pandas.DataFrame(frame.to_dict(as_series=False)) for frame in (reference, windows)]
    assert report(*given, features=["km"]).to_json() == plain

    class Arrow:
        def __init__(self, frame: pl.DataFrame) -> None:
            self.__arrow_c_stream__ = frame.__arrow_c_stream__

    assert report(Arrow(reference), Arrow(windows), features=["km"]).to_json() == plain


def test_scores_alone_are_enough(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    found = report(*(frame.select("window", "score") for frame in both))
    assert [one["column"] for one in found.to_dict()["columns"]] == ["score"]
    assert found.frames["windows"]["alarm"].any()


def test_rows_without_windows_are_cut(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    reference, windows = (frame.drop("window") for frame in both)
    found = report(reference, windows, features=["km"])
    assert found.frames["windows"]["rows"].sum() == windows.height
    assert any("cut into windows" in note for note in found.to_dict()["notes"])


def test_values_have_an_absolute_error(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    reference, windows = (frame.with_columns(label=pl.col("km") * 2, score=pl.col("km") * 2 + 1) for frame in both)
    figures = report(reference, windows, features=["km"], label="label").frames["figures"]
    assert figures.filter(metric="mae", kind="realised")["value"].to_list() == pytest.approx([1.0] * 8)


def test_without_windows_there_is_no_report(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    with pytest.raises(DataError, match="no windows"):
        report(both[0], [], features=["km"])
    with pytest.raises(DataError, match="needs rows"):
        report(both[0].drop("window").clear(), both[1], features=["km"])


def test_calibration_tells_scores_that_say_too_much() -> None:
    scores = np.repeat([0.1, 0.9], 500)
    labels = np.concatenate([np.tile([0.0] * 9 + [1.0], 50), np.tile([0.0, 1.0], 250)])
    found = calibration(scores, labels)
    assert found is not None
    assert [one.came for one in found.groups] == [0.1, 0.5]
    assert found.error == pytest.approx(0.2)
    assert calibration(scores * 2, labels) is None
    assert calibration(scores[:20], labels[:20]) is None


def test_money_ranks_before_severity() -> None:
    cheap = Finding("drift.column", "km", Severity.CRITICAL, "moved")
    dear = Finding("performance.estimated", "money", Severity.WARNING, "fell", money_per_day=12.0)
    dearer = Finding("performance.estimated", "money", Severity.WARNING, "fell more", money_per_day=90.0)
    warm = Finding("monitor.warming", "alarm", Severity.INFO, "short")
    windows = tuple(
        Seen(f"w{i}", 1, "worse", alarm=True, findings=those)
        for i, those in enumerate([(cheap, warm), (dear,), (dearer,)])
    )
    ranked = harms(Content("t", windows, currency="EUR"))
    assert [(one.subject, one.money_per_day, one.windows) for one in ranked] == [
        ("money", 90.0, ("w1", "w2")),
        ("km", None, ("w0",)),
    ]


def test_a_wide_and_long_report_stays_small() -> None:
    draw = np.random.default_rng(2)
    names = [f"a column with a longer name {i}" for i in range(200)]
    windows = tuple(
        Seen(
            f"w{i:04d}",
            1000,
            "ok",
            alarm=False,
            estimated={"roc_auc": Figure(0.7, 0.6, 0.8)},
            distances={name: {"psi": float(draw.random()), "missing": 0.1} for name in names},
            reach={name: float(draw.normal(0, 6)) for name in names},
        )
        for i in range(100)
    )
    assert len(page(Content("t", windows, metrics=("roc_auc",)))) < 2_000_000
