"""report: a stretch of windows as a page, as JSON, in words."""

from __future__ import annotations

import pytest


def test_report_tells_every_window_in_words_and_json(daytwo, watched):
    told = daytwo("report", "--json", "-C", watched).json
    assert [one["window"] for one in told["windows"]] == ["w0000", "w0001", "w0002"]
    first, newest = told["windows"][0], told["windows"][-1]
    assert first["realised"]["roc_auc"]["value"] == 0.79
    assert first["maturity"] == 0.9
    assert first["estimated"]["money"]["value"] == pytest.approx(0.5)  # money is told per row
    assert (newest["verdict"], newest["alarm"], newest["realised"]) == ("drift", True, {})
    assert [one["subject"] for one in told["harms"]] == ["wind"]
    words = daytwo("report", "-C", watched).out
    assert "Something changed in 1 of 3 windows: w0002." in words
    assert "Begin with wind" in words
    assert "ROC AUC is estimated at 0.78" in words


def test_report_takes_a_stretch_of_time(daytwo, watched):
    whole = daytwo("report", "--json", "-C", watched).json
    begin, end = whole["title"].rsplit(", ", 1)[1].split(" to ")
    assert len(daytwo("report", "--from", begin, "--to", end, "--json", "-C", watched).json["windows"]) == 3
    assert daytwo("report", "--from", end, "-C", watched).code == 2
    turned = daytwo("report", "--from", end, "--to", begin, "-C", watched)
    assert turned.code == 2
    assert "--to must lie after --from" in turned.err
    assert daytwo("report", "--model", "v9", "-C", watched).code == 2


def test_report_writes_a_page_that_is_whole_in_itself(daytwo, watched, tmp_path):
    said = daytwo("report", "--html", tmp_path / "r.html", "-C", watched)
    assert (said.code, "Written to" in said.out) == (0, True)
    page = (tmp_path / "r.html").read_text()
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "wind has moved" in page
