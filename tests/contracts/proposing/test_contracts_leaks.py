"""Columns that look like the answer."""

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.proposing.leaks import suspected_leaks
from daytwo.core.errors import DataError
from daytwo.core.finding import Severity

ROWS = 4_000
RANDOM = np.random.default_rng(3)
HONEST = RANDOM.normal(size=ROWS)
LATE = (HONEST + RANDOM.normal(size=ROWS) > 1).astype(int)
FRAME = pl.DataFrame(
    {
        "honest": HONEST,
        "status": np.where(LATE == 1, "cancelled", RANDOM.choice(["done", "open"], ROWS)),
        "delay": LATE * 30 + RANDOM.normal(size=ROWS),
        "parking": ((LATE == 0) & (RANDOM.random(ROWS) < 0.2)) * RANDOM.integers(1, 4, ROWS),
        "city": RANDOM.choice(["a", "b", "c"], ROWS),
        "id": [f"id{i}" for i in range(ROWS)],
        "late": LATE,
    }
)


def test_the_answer_under_another_name_is_critical_and_a_strong_honest_column_is_not() -> None:
    found = {finding.subject: finding for finding in suspected_leaks(FRAME, "late")}
    assert set(found) == {"status", "delay", "parking", "honest"}
    assert found["honest"].severity is Severity.INFO
    assert found["status"].severity is found["delay"].severity is Severity.CRITICAL
    assert found["parking"].severity is Severity.WARNING
    assert "without a single exception" in found["parking"].summary
    assert "exclude" in found["parking"].next_step
    assert found["status"].kind == "contract.leak"


def test_excluded_columns_and_texts_as_target_work_too() -> None:
    texts = FRAME.with_columns(pl.col("late").replace_strict({0: "No", 1: "Yes"}))
    found = suspected_leaks(texts, "late", exclude=["status"])
    assert {finding.subject for finding in found if finding.severity is not Severity.INFO} == {"delay", "parking"}


def test_parts_that_sum_to_a_regression_target_are_found() -> None:
    parts = RANDOM.poisson(5, (2, ROWS))
    frame = pl.DataFrame({"casual": parts[0], "regular": parts[1], "other": RANDOM.poisson(5, ROWS)})
    frame = frame.with_columns(total=pl.col("casual") + pl.col("regular"), half=(pl.col("casual") + 0.5))
    found = suspected_leaks(frame.drop("half"), "total")
    assert {finding.subject for finding in found} == {"casual", "regular"}
    assert suspected_leaks(frame, "half")[0].subject == "casual"


def test_few_rows_or_one_class_suspect_nothing() -> None:
    assert suspected_leaks(FRAME.head(50), "late") == ()
    assert suspected_leaks(FRAME.with_columns(late=pl.lit(1)), "late") == ()
    with pytest.raises(DataError, match="no target column"):
        suspected_leaks(FRAME, "nothing")
