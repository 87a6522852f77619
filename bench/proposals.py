"""What proposed contracts find, with no rule written by hand: on a table whose errors are known, and on errors put in.

`DAYTWO_SHARED_DATA=FOLDER .venv/bin/python bench/proposals.py [--json] [--quick]`. The folder holds the public data
sets that the tests know. Three parts: the hospital table, proposed from its dirty self; clean next periods, which a
contract proposed from the rows before must bear; and nine kinds of errors put into a clean next tenth
(`injected_errors.py`). Beside it stands what profilers propose: each column's type, its minimum and maximum, its known
values, whether it may be missing, whether it is unique; and pandera's own (`peers/proposals_pandera.py`) where
`--pandera PYTHON` names the interpreter of an environment that has it.

A failure that names several columns is right where one of them is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from injected_errors import KINDS, Dirty, mistyped_cells, numeric

from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.relations import Unique
from daytwo.contracts.table.columnar import Checked, check
from daytwo.core.schema import Kind

FOLDER = Path(os.environ.get("DAYTWO_SHARED_DATA", "data"))
FLIGHTS = Path(__file__).parents[1] / "src" / "daytwo" / "demo" / "flights.parquet"
# Of each set its time column.
SETS = {
    "hotel_bookings": "arrival_date",
    "bank_marketing": "contact_month",
    "electricity": "timestamp",
    "bike_sharing": "timestamp",
    "telco_churn": "",
    "hillstrom": "",
}
SEED = 20_130_101
Cells = set[tuple[int, frozenset[str]]]


@dataclass(frozen=True)
class Score:
    """Precision, recall and F1 in [0, 1]; nan where nothing was flagged or nothing is wrong."""

    precision: float
    recall: float
    f1: float


def score(right: int, flagged: int, found: int, wrong: int) -> Score:
    """Return the three from counts of flags and of wrong things."""
    precision = right / flagged if flagged else float("nan")
    recall = found / wrong if wrong else float("nan")
    both = precision + recall
    return Score(precision, recall, 2 * precision * recall / both if both > 0 else 0.0)


def flags(checked: Checked, known: list[str]) -> Cells:
    """Return the rejected cells, each with the columns that its failure names."""
    cells = checked.failures.select("row", "column").unique().iter_rows()
    return {(row, frozenset([column] if column in known else column.split(", "))) for row, column in cells}


def of_cells(found: Cells, wrong: frozenset[tuple[int, str]]) -> Score:
    """Score flagged cells."""
    right = sum(any((row, name) in wrong for name in names) for row, names in found)
    named = {(row, name) for row, names in found for name in names}
    return score(right, len(found), len(named & wrong), len(wrong))


def of_rows(found: set[int], wrong: frozenset[int] | set[int]) -> Score:
    """Score flagged rows."""
    return score(len(found & set(wrong)), len(found), len(found & set(wrong)), len(wrong))


def hospital() -> dict[str, Any]:
    """Propose from the dirty table itself and check it; a cell is wrong where the clean table has another value."""
    dirty, clean = (pl.read_csv(FOLDER / f"hospital_{x}.csv", infer_schema=False) for x in ("dirty", "clean"))
    wrong = frozenset(
        (row, name) for name in dirty.columns for row in (dirty[name] != clean[name]).arg_true().to_list()
    )
    result: dict[str, Any] = {}
    for who, contract in {"daytwo": propose(dirty, name="hospital"), "min, max, values": profiled(dirty)}.items():
        found = flags(check(contract, dirty), dirty.columns)
        rows = {row for row, _ in found}
        result[who] = {"cells": of_cells(found, wrong), "rows": of_rows(rows, {row for row, _ in wrong})}
    names = [name for name in clean.columns if 1 < clean[name].n_unique() < clean.height]
    for seed in range(5):
        again = mistyped_cells(clean, names, len(wrong), seed)
        found = flags(check(propose(again.frame, name="again"), again.frame), clean.columns)
        result[f"other typing errors, seed {seed}"] = {"cells": of_cells(found, again.cells)}
    result["clean table"] = check(propose(clean, name="hospital"), clean).failures.height
    return result


def profiled(frame: pl.DataFrame) -> Contract:
    """Return what a profiler proposes: types, minima and maxima, known values, missing or not, what is unique."""
    columns = []
    for name in frame.columns:
        series = frame[name]
        nullable = series.null_count() > 0
        if series.dtype.is_numeric():
            kind = Kind.INTEGER if series.dtype.is_integer() else Kind.NUMBER
            low, high = series.cast(pl.Float64).min(), series.cast(pl.Float64).max()
            columns.append(Column(name, kind, nullable=nullable, minimum=low, maximum=high))  # type: ignore[arg-type]
        elif series.dtype == pl.String and series.n_unique() <= 100:
            levels = tuple(series.drop_nulls().unique().sort().to_list())
            columns.append(Column(name, Kind.CATEGORY, nullable=nullable, levels=levels, other="reject"))
    keys = (
        Unique(name, (name,))
        for name in (c.name for c in columns)
        if frame[name].n_unique() == frame.height and not frame[name].dtype.is_float()
    )
    return Contract("profiled", 1, "", tuple(columns), relations=tuple(keys))


def periods(quick: bool) -> Iterator[tuple[str, int, pl.DataFrame, pl.DataFrame, dict[str, Any]]]:
    """Give each set's rows before and in a clean next period: months of flights, tenths of the others."""
    month = pl.col("scheduled_departure").dt.convert_time_zone("America/New_York").dt.month()
    flights = pl.read_parquet(FLIGHTS).filter(pl.col("late").is_not_null())
    asked = {
        "target": "late",
        "time": "scheduled_departure",
        "subject": "tail_number",
        "key": "flight_id",
        "exclude": ["arr_delay", "outcome"],
    }
    for k in (3,) if quick else range(1, 12):
        yield "flights", k, flights.filter(month <= k), flights.filter(month == k + 1), asked
    for name, when in SETS.items():
        frame = pl.read_parquet(FOLDER / f"{name}.parquet")
        if not when:
            frame = frame.sample(fraction=1.0, shuffle=True, seed=1)
        for k in (8,) if quick else range(5, 10):
            cut, end = frame.height * k // 10, frame.height * (k + 1) // 10
            yield name, k, frame[:cut], frame[cut:end], {"time": when}


def clean_periods(quick: bool) -> list[dict[str, Any]]:
    """Check clean next periods; every alarm is false."""
    lines = []
    for name, k, before, after, asked in periods(quick):
        began = time.process_time()
        contract = propose(before, name=name, **asked)
        seconds = time.process_time() - began
        checked = check(contract, after, seen=_seen(contract, before))
        baseline = check(profiled(before), after)
        stated = [one.false_alarm_rate or 0.0 for one in contract.distributions]
        lines.append(
            {
                "set": name,
                "k": k,
                "rows": after.height,
                "rejected": checked.rejected.height / after.height,
                "missing": checked.failures.filter(pl.col("rule") == "not_null")["row"].n_unique() / after.height,
                "warned": checked.warnings["row"].n_unique() / after.height,
                "batch": [f"{one.rule} {one.column}" for one in checked.batch],
                "spreads": len(stated),
                "expected": sum(stated) + (contract.batch.false_alarm_rate or 0.0),
                "profiled": baseline.rejected.height / after.height,
                "cpu_s": seconds,
            }
        )
    return lines


def _seen(contract: Contract, before: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the keys of rows taken in earlier, as an intake keeps them."""
    return {one.name: before.select(one.columns) for one in contract.relations if isinstance(one, Unique)}


def injected(pandera: str) -> list[dict[str, Any]]:
    """Put each kind of error into each set's clean next period."""
    lines = []
    for name, _, before, after, asked in periods(quick=True):
        contract, other = propose(before, name=name, **asked), profiled(before)
        when = asked.get("time", "")
        skip = {when, asked.get("target", ""), *asked.get("exclude", ())}
        quiet = _told(check(contract, after, seen=_seen(contract, before)))
        ends = _moment(after[when].max()) if when else None
        for kind, inject in KINDS.items():
            dirty = inject(after, before, skip, SEED)
            if not dirty.cells and not dirty.rows and not dirty.whole:
                continue
            now = None if ends is None else ends + timedelta(hours=1)
            checked = check(contract, dirty.frame, seen=_seen(contract, before), now=now)
            line: dict[str, Any] = {"set": name, "kind": kind, **_scores(flags(checked, dirty.frame.columns), dirty)}
            line["told"] = sorted(_told(checked) - quiet)
            line["profiled"] = _scores(flags(check(other, dirty.frame), dirty.frame.columns), dirty)
            if pandera:
                line["pandera"] = _scores(_pandera(pandera, before, dirty.frame), dirty)
            lines.append(line)
    return lines


def whole_columns() -> list[dict[str, Any]]:
    """Change the unit of one whole column of the next period, column by column: is it found at all?"""
    lines = []
    for name, _, before, after, asked in periods(quick=True):
        contract = propose(before, name=name, **asked)
        skip = {asked.get("time", ""), asked.get("target", ""), *asked.get("exclude", ())}
        for label, factor, offset in (("x 2.54", 2.54, 0.0), ("C to F", 1.8, 32.0), ("x 1000", 1000.0, 0.0)):
            columns = numeric(after, skip)
            by_rows = by_batch = either = 0
            for column in columns:
                changed = after.with_columns(pl.col(column).cast(pl.Float64) * factor + offset)
                whole = after[column].dtype.is_integer()
                changed = changed.with_columns(pl.col(column).round().cast(pl.Int64)) if whole else changed
                checked = check(contract, changed)
                rows = checked.failures.filter(pl.col("column").str.contains(column, literal=True))["row"].n_unique()
                found = rows >= 0.05 * after.height
                told = any(one.column == column for one in checked.batch)
                by_rows, by_batch, either = by_rows + found, by_batch + told, either + (found or told)
            lines.append(
                {"set": name, "unit": label, "columns": len(columns), "rows": by_rows, "batch": by_batch, "any": either}
            )
    return lines


def _pandera(python: str, before: pl.DataFrame, after: pl.DataFrame) -> Cells:
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder) / "before.parquet", Path(folder) / "after.parquet"]
        for name, frame in zip(names, (before, after), strict=True):
            frame.write_parquet(name)
        script = str(Path(__file__).parent / "peers" / "proposals_pandera.py")
        ran = subprocess.run([python, script, *map(str, names)], capture_output=True, check=True)
    return {(row, frozenset([column])) for row, column in json.loads(ran.stdout)}


def _scores(found: Cells, dirty: Dirty) -> dict[str, Score]:
    rows = {row for row, _ in found}
    if dirty.cells:
        return {"cells": of_cells(found, dirty.cells), "rows": of_rows(rows, {row for row, _ in dirty.cells})}
    return {"rows": of_rows(rows, dirty.rows)}


def _told(checked: Checked) -> set[str]:
    """Return what was told of the batch as a whole, and which rules between rows warned or rejected."""
    between = pl.concat([checked.failures, checked.warnings]).filter(pl.col("rule").str.contains("^(unique|monotone)"))
    return {f"{one.rule} {one.column}".strip() for one in checked.batch} | set(between["rule"].unique())


def _moment(value: Any) -> datetime:
    """Return a date or a time as a moment in UTC."""
    whole = value if isinstance(value, datetime) else datetime.combine(value, datetime.min.time())
    return whole.replace(tzinfo=UTC) if whole.tzinfo is None else whole.astimezone(UTC)


def main() -> None:
    """Measure, and print tables or JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--quick", action="store_true", help="one clean period of each set")
    asked.add_argument("--pandera", default="", help="a Python that has pandera, pandas and pyarrow")
    options = asked.parse_args()
    found = {
        "hospital": hospital(),
        "clean": clean_periods(options.quick),
        "injected": injected(options.pandera),
        "whole columns": whole_columns(),
    }
    if options.json:
        print(json.dumps(found, default=lambda one: one.__dict__, indent=1))
        return
    _print(found)


def _print(found: dict[str, Any]) -> None:
    for who, one in found["hospital"].items():
        print("hospital", who, one)
    for line in found["clean"]:
        print(*(f"{value:.4g}" if isinstance(value, float) else value for value in line.values()), sep=" | ")
    for line in found["injected"]:
        parts = [f"{part} {_words(one)}" for part, one in line.items() if isinstance(one, Score)]
        beside = [f"{part} {_words(one)}" for part, one in line["profiled"].items()]
        print(line["set"], line["kind"], *parts, "| min-max", *beside, "|", *line["told"][:6])
    for line in found["whole columns"]:
        print(*line.values(), sep=" | ")


def _words(one: Score) -> str:
    return f"{one.precision:.2f} {one.recall:.2f} {one.f1:.2f}"


if __name__ == "__main__":
    main()
