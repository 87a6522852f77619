"""Checking what is larger than memory: batches made on the fly, 22 columns, 25 checks, a key and a dependency.

    .venv/bin/python bench/contracts_stream.py --rows 125_000_000   # 20 GB as it stands in memory
    .venv/bin/python bench/contracts_stream.py --rows 2_000_000     # does it work

Rows are those of contracts.py, with a key that is new in each batch but for 1 in 100,000. Prints the process' CPU
seconds and its largest resident set, at the end and as it went.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
from contracts_tools import STATES, _contract, _peak

from contracts import make_rows
from daytwo.contracts.relations import Dependency
from daytwo.contracts.table.stream import check_batches

BATCH = 250_000


def batches(rows: int, marks: list[float]) -> Iterator[pl.DataFrame]:
    order = pl.int_range(BATCH, eager=True)
    state = pl.col("code").str.slice(3).cast(pl.Int64, strict=False) % 3
    depends = pl.when(order % 1000 == 3).then(pl.lit("open")).otherwise(state.replace_strict(dict(enumerate(STATES))))
    base = make_rows(BATCH).with_columns(depends.alias("state"))
    for number in range(rows // BATCH):
        shift = pl.when(order % 100_000 == 5).then(0).otherwise(number * BATCH)
        yield base.with_columns(pl.col("id") + shift)
        if number * 8 % max(rows // BATCH, 8) < 8:
            marks.append(_peak())


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=lambda text: int(text.replace("_", "")), default=2_000_000)
    asked.add_argument("--folder", type=Path, help="where keys are put aside")
    size = asked.parse_args()
    contract = _contract()
    contract = replace(contract, relations=(*contract.relations, Dependency("code", ("code",), "state")))
    marks: list[float] = []
    lines = 0

    def sink(found: pl.DataFrame) -> None:
        nonlocal lines
        lines += found.height

    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=size.folder) as folder:
        found = check_batches(contract, batches(size.rows, marks), sink=sink, folder=Path(folder))
    used = resource.getrusage(resource.RUSAGE_SELF)
    held = make_rows(1000).estimated_size() / 1000 * found.rows / 1e9
    print(f"{found.rows:,} rows, {held:.1f} GB as they stand in memory; {found.rejected:,} rejected, {lines:,} lines")
    print(f"{used.ru_utime + used.ru_stime:.0f} CPU s with making the rows, {time.perf_counter() - start:.0f} s")
    print(f"largest resident set {_peak():.0f} MB; as it went: {', '.join(f'{mark:.0f}' for mark in marks)}")


if __name__ == "__main__":
    main()
