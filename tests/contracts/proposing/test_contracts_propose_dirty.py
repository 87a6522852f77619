"""Contracts proposed from dirty rows: mistyped values are no levels, and the public table's known errors are found."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.contract import Contract
from daytwo.contracts.proposing.coded import coded
from daytwo.contracts.proposing.held_out import held_out_rows
from daytwo.contracts.proposing.levels import propose_levels
from daytwo.contracts.proposing.mistyped import mistyped_values, unexplained
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.table.columnar import check

FOLDER = Path(os.environ.get("DAYTWO_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_hospital = pytest.mark.skipif(
    not (FOLDER / "hospital_dirty.csv").exists(), reason="the public data sets are not here"
)
TOWNS = ["Aachen", "Bremerhaven", "Dresden", "Frankfurt", "Hamburg", "Regensburg"]


def towns(rows: int = 3_000) -> pl.DataFrame:
    random = np.random.default_rng(1)
    held = random.choice(TOWNS, rows, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    return pl.DataFrame({"town": held, "km": random.gamma(4.0, 2.0, rows)})


def mistype(frame: pl.DataFrame, every: int) -> tuple[pl.DataFrame, list[int]]:
    held = frame["town"].to_list()
    rows = list(range(0, len(held), every))
    for row in rows:
        place = row % (len(held[row]) - 1)
        held[row] = held[row][:place] + "x" + held[row][place + 1 :]
    return frame.with_columns(town=pl.Series(held)), rows


def test_mistyped_values_are_no_levels_and_their_rows_are_rejected() -> None:
    dirty, rows = mistype(towns(), 50)
    contract = propose(dirty, name="n")
    column = contract.column("town")
    assert sorted(column.levels) == TOWNS
    assert column.typo == "reject"
    assert f"in {len(rows)} rows look mistyped" in column.evidence
    assert check(contract, dirty).rejected["_row"].to_list() == rows


def test_clean_rows_have_no_mistyped_values_and_none_is_rejected() -> None:
    contract = propose(towns(), name="n")
    assert "mistyped" not in contract.column("town").evidence
    assert check(contract, towns()).failures.height == 0


def test_codes_that_look_like_each_other_are_all_levels_and_none_is_mistyped() -> None:
    random = np.random.default_rng(2)
    codes = [f"{a}{b}{c}{d}" for a in "ABC" for b in "KLM" for c in "XYZ" for d in "QRS"]
    often = {code: int(n) for code, n in zip(codes, random.geometric(0.05, len(codes)), strict=True)}
    often = dict(sorted(often.items(), key=lambda item: -item[1]))
    found = propose_levels(often, mistyped_values(often), frozenset(often))
    assert set(found.levels) == set(codes)
    assert (found.typo, found.other) == ("keep", "keep")


def test_what_another_column_explains_is_not_mistyped() -> None:
    names = ["al_pneumonia"] * 960 + ["ak_pneumonia"] * 20 + ["al_pneumxnia"] * 20
    frame = pl.DataFrame({"name": names, "state": ["al"] * 960 + ["ak"] * 20 + ["al"] * 20})
    columns = coded(frame, frame.columns)
    often = dict(frame["name"].value_counts(sort=True).iter_rows())
    assert set(mistyped_values(often)) == {"ak_pneumonia", "al_pneumxnia"}
    assert set(unexplained(mistyped_values(often), columns["name"], list(columns.values()))) == {"al_pneumxnia"}


def test_few_levels_without_news_for_long_are_all_there_are() -> None:
    often = {"yes": 900, "no": 700}
    assert propose_levels(often, {}, frozenset(often), 0.1).other == "reject"
    assert propose_levels(often, {}, frozenset(often), 0.6).other == "keep"
    assert propose_levels(often | {"maybe": 3}, {}, frozenset(often), 0.1).other == "keep"
    assert propose_levels({"yes": 90, "no": 70}, {}, frozenset(often), 0.1).other == "keep"


def test_the_held_out_part_is_the_end_of_time_or_a_fixed_draw() -> None:
    assert held_out_rows(1_000, ordered=True).tolist() == list(range(800, 1_000))
    drawn = held_out_rows(10_000, ordered=False)
    assert abs(drawn.size - 2_000) < 50
    assert np.array_equal(drawn, held_out_rows(10_000, ordered=False))
    # No stretch of rows is left out or taken whole.
    assert np.diff(drawn).max() < 20


def hospital(name: str) -> pl.DataFrame:
    return pl.read_csv(FOLDER / f"hospital_{name}.csv", infer_schema=False)


def wrong_and_flagged(contract: Contract) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    dirty, clean = hospital("dirty"), hospital("clean")
    wrong = {(row, n) for n in dirty.columns for row in (dirty[n] != clean[n]).arg_true().to_list()}
    cells = check(contract, dirty).failures.select("row", "column").unique().iter_rows()
    return wrong, {(row, column) for row, column in cells}


@needs_hospital
def test_the_known_errors_of_the_hospital_table_are_found_from_the_dirty_table_itself() -> None:
    wrong, flagged = wrong_and_flagged(propose(hospital("dirty"), name="hospital"))
    precision, recall = len(wrong & flagged) / len(flagged), len(wrong & flagged) / len(wrong)
    assert len(wrong) == 509
    assert precision >= 0.99
    assert recall >= 0.95
    assert 2 * precision * recall / (precision + recall) >= 0.97


@needs_hospital
def test_of_the_clean_hospital_table_no_cell_is_flagged() -> None:
    clean = hospital("clean")
    assert check(propose(clean, name="hospital"), clean).failures.height == 0
    assert wrong_and_flagged(propose(clean, name="hospital"))[1] <= wrong_and_flagged(propose(clean, name="h"))[0]
