"""Categories that are bins of a number: found where they are cut from it, and not where intervals just lie apart."""

import numpy as np
import polars as pl

from daytwo.contracts.proposing.bins import propose_bins
from daytwo.contracts.proposing.held_out import held_out_rows
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.table.columnar import check

RANDOM = np.random.default_rng(5)
SPENT = np.round(RANDOM.gamma(2.0, 80.0, 5_000), 2)
NAMES = np.array(["up to 100", "100 to 200", "200 to 500", "more"], dtype=object)
SEGMENT = NAMES[np.searchsorted([100.0, 200.0, 500.0], SPENT, side="right")]
HELD_OUT = held_out_rows(5_000, ordered=False)


def test_the_bins_of_a_number_are_found_and_a_wrong_unit_is_told() -> None:
    frame = pl.DataFrame({"spent": SPENT, "segment": SEGMENT.tolist(), "age": RANDOM.integers(18, 90, 5_000)})
    contract = propose(frame, name="t")
    (rule,) = contract.rules
    assert rule.name == "bins_segment_spent"
    assert "(segment != '100 to 200' or (spent >= 99.92 and spent <= 200.02))" in rule.expression
    assert not check(contract, frame).failures.height
    assert contract.column("spent").repair == ()  # a default would lie in one bin only
    wrong = frame.with_columns(pl.col("spent") * 2.54)
    assert check(contract, wrong).rejected.height > 3_000


def test_categories_that_lie_apart_or_overlap_are_no_bins() -> None:
    apart = {"segment": SEGMENT}, {"spent": SPENT + 1_000.0 * np.searchsorted([100.0, 200.0, 500.0], SPENT)}
    overlapping = {"segment": SEGMENT}, {"spent": SPENT + RANDOM.normal(0, 40.0, 5_000)}
    few = {"segment": SEGMENT}, {"spent": np.floor(SPENT / 100.0)}
    for categories, values in (apart, overlapping, few):
        assert propose_bins(categories, values, HELD_OUT) == ()


def test_bins_that_the_held_out_rows_break_are_not_proposed() -> None:
    moved = SPENT.copy()
    moved[HELD_OUT] += 50.0
    assert propose_bins({"segment": SEGMENT}, {"spent": moved}, HELD_OUT) == ()
    gone = np.where(RANDOM.random(5_000) < 0.1, np.nan, SPENT)
    unnamed = np.where(RANDOM.random(5_000) < 0.1, None, SEGMENT)
    assert len(propose_bins({"segment": unnamed}, {"spent": gone}, HELD_OUT)) == 1
