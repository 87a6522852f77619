"""Checking a CSV file larger than memory through the command's own door, beside a scan of the same file.

    .venv/bin/python bench/contracts_csv.py --rows 28_000_000   # 2 GB
    .venv/bin/python bench/contracts_csv.py --rows 2_000_000    # does it work

Rows are those of the example flights, one year after another, 7 columns; the contract is proposed from the first
200,000. Each step runs in a process of its own; prints its CPU seconds, import included, and its largest resident set.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.toml_text import to_toml
from daytwo.demo import flights

COLUMNS = ("flight_id", "scheduled_departure", "tail_number", "carrier", "origin", "distance", "temperature_f")
SCAN = """
import sys, polars as pl
rows = pl.scan_csv(sys.argv[1])
numbers = [name for name, dtype in rows.collect_schema().items() if dtype.is_numeric()]
rows.select(pl.col(numbers).sum()).collect(engine="streaming")
"""
TEXTS = """
import sys, polars as pl
pl.scan_csv(sys.argv[1], infer_schema=False).select(pl.all().str.len_bytes().sum()).collect(engine="streaming")
"""
CHECK = """
import sys
from daytwo.cli.main import main
sys.argv[1:] = ["contract", "check", sys.argv[1], "--contract", sys.argv[2], "--stream", "--json"]
main()
"""


def write_rows(path: Path, rows: int) -> None:
    year = pl.read_parquet(Path(flights.__file__).parent / "flights.parquet").select(COLUMNS)
    with path.open("wb") as stream:
        for number in range(-(-rows // year.height)):
            part = year.head(rows - number * year.height).with_columns(
                pl.col("flight_id") + f"-{number}",
                pl.col("scheduled_departure").dt.offset_by(f"{52 * number}w").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            part.write_csv(stream, include_header=number == 0)


def write_contracts(folder: Path) -> None:
    """Write what is proposed, and the same without its promises between rows."""
    year = pl.read_parquet(Path(flights.__file__).parent / "flights.parquet").select(COLUMNS)
    made = propose(year.head(200_000), name="flights", owner="", time="scheduled_departure", key="flight_id")
    (folder / "proposed.toml").write_text(to_toml(made))
    (folder / "rows-alone.toml").write_text(to_toml(replace(made, relations=())))


def prepare(folder: Path, rows: int) -> None:
    write_rows(folder / "rows.csv", rows)
    write_contracts(folder)


def measured(name: str, program: str, *arguments: str | Path) -> None:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    scale = 1024 if sys.platform != "darwin" else 1024**2
    cpu = used.ru_utime + used.ru_stime
    print(f"{name:42} {cpu:6.1f} CPU s  {used.ru_maxrss / scale:5.0f} MB  exit {process.returncode}", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=lambda text: int(text.replace("_", "")), default=2_000_000)
    asked.add_argument("--folder", type=Path, help="where the file is put")
    size = asked.parse_args()
    with tempfile.TemporaryDirectory(dir=size.folder) as name:
        folder = Path(name)
        # In a process of its own: those that are started later would begin with its largest resident set.
        preparing = get_context("spawn").Process(target=prepare, args=(folder, size.rows))
        preparing.start()
        preparing.join()
        told = f"{(folder / 'rows.csv').stat().st_size / 1e9:.2f} GB, {size.rows:,} rows; load {os.getloadavg()[0]:.1f}"
        print(told, flush=True)
        measured("scan, its numbers summed", SCAN, folder / "rows.csv")
        measured("scan, every column read as texts", TEXTS, folder / "rows.csv")
        for contract in ("rows-alone", "proposed"):
            measured(f"contract check, {contract}", CHECK, folder / "rows.csv", folder / f"{contract}.toml")


if __name__ == "__main__":
    main()
