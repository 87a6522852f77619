"""Checking a table: daytwo beside a plain scan, a Polars plan by hand, pandera, dataframely, pointblank, Great
Expectations and pydantic. The same 25 checks of 22 columns from one Parquet file, failing rows and rules named.

    make bench-peers                                   # once: the peers' environments, by hash
    .venv/bin/python bench/contracts.py                # 1,000,000 rows, 5 alternating runs
    .venv/bin/python bench/contracts.py --size small   # 20,000 rows, 1 run: does the bench itself work

CPU is user + system of the whole process less its import; memory is the largest resident set, import included.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from contracts_tools import AIRPORTS, CARRIERS, NUMBERS, SAMPLE, STATES, TOOLS, WHOLES

HERE = Path(__file__).parent
PEERS = HERE.parent / ".venv" / "peers"
SIZES = {"small": (20_000, 1), "standard": (1_000_000, 5)}
OURS = {"scan", "polars-plan", "polars-lean", "daytwo", "daytwo-frame"}


def make_rows(rows: int) -> pl.DataFrame:
    """Return rows of which about 1 in 300 fails, by 6 of the 25 checks."""
    draw = np.random.default_rng(7)
    held = {name: draw.normal(50, 10, rows).round(3 if i < 4 else 12) for i, name in enumerate(NUMBERS)}
    held |= {name: draw.integers(0, 1000, rows) for name in WHOLES}
    held |= {"flag": draw.random(rows) < 0.3, "flag2": draw.random(rows) < 0.5}
    for name, known in (("carrier", CARRIERS), ("airport", AIRPORTS), ("state", STATES)):
        held[name] = np.array(known)[draw.integers(0, len(known), rows)]
    held["code"] = np.array([f"AB-{i:05d}" for i in range(5000)])[draw.integers(0, 5000, rows)]
    held["note"] = np.array([f"note {i} " + "x" * (i % 30) for i in range(2000)])[draw.integers(0, 2000, rows)]
    held["at"] = pl.Series(1_700_000_000_000_000 + np.sort(draw.integers(0, 10**13, rows))).cast(
        pl.Datetime("us", "UTC")
    )
    held["id"] = draw.permutation(rows)
    frame = pl.DataFrame(held)
    wrong = {"x0": 1e6, "x5": None, "n2": -1, "carrier": "LV99", "code": "ab-1", "id": 0}
    for place, (name, value) in enumerate(wrong.items()):
        at = pl.int_range(rows) % 2000 == 17 * (place + 1)
        frame = frame.with_columns(pl.when(at).then(pl.lit(value)).otherwise(pl.col(name)).alias(name))
    return frame


def run(tool: str, path: Path) -> dict[str, float] | None:
    python = Path(sys.executable) if tool in OURS else PEERS / f"contracts-{tool}" / "bin" / "python"
    if tool not in OURS and not (python.parents[1] / ".done").exists():
        return None
    env = os.environ | {"POLARS_MAX_THREADS": str(os.cpu_count()), "GX_ANALYTICS_ENABLED": "false"}
    done = subprocess.run(
        [python, HERE / "contracts_tools.py", tool, path], check=False, capture_output=True, text=True, env=env
    )
    if done.returncode:
        raise SystemExit(f"{tool} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--size", choices=SIZES, default="standard")
    asked.add_argument("--tools", nargs="*", choices=TOOLS, default=list(TOOLS))
    size = asked.parse_args()
    rows, runs = SIZES[size.size]
    results: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        make_rows(rows).write_parquet(path)
        for _ in range(runs):
            for tool in size.tools:
                found = run(tool, path)
                if found is not None:
                    results.setdefault(tool, []).append(found)
        megabytes = path.stat().st_size / 1e6
    tell(results, rows, runs, megabytes)
    missing = [tool for tool in size.tools if tool not in results]
    if missing:
        print(f"\nNot run: {', '.join(missing)}; 'make bench-peers' prepares them.")


def tell(results: dict[str, list[dict[str, float]]], rows: int, runs: int, megabytes: float) -> None:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    today = time.strftime("%Y-%m-%d")
    print(f"{today}, {platform.machine()}, {os.cpu_count()} cores, load {load}; Polars {pl.__version__},")
    print(f"Python {platform.python_version()}; {rows:,} rows, {megabytes:.0f} MB of Parquet; medians of {runs}\n")
    floor = statistics.median(one["cpu"] for one in results.get("scan", results[next(iter(results))]))
    print("| tool | CPU s | worst | x scan | peak MB | failing rows |\n| --- | --- | --- | --- | --- | --- |")
    for tool, found in results.items():
        cpu = [one["cpu"] for one in found]
        peak = statistics.median(one["peak_mb"] for one in found)
        middle = statistics.median(cpu)
        ratio = f"{middle / floor:.2f}"
        name = f"{tool} (scaled from {SAMPLE:,} rows)" if tool == "pydantic" else tool
        print(f"| {name} | {middle:.2f} | {max(cpu):.2f} | {ratio} | {peak:.0f} | {found[0]['failing']:,.0f} |")


if __name__ == "__main__":
    main()
