"""False alarms and delays of other tools' default rules, on the same windows as ours.

    make bench-peers && .venv/bin/python bench/monitoring_peers.py --data FOLDER --only hillstrom bike_sharing

For each stream the windows are shuffled, so nothing changes by construction; the first are the reference, the next
are watched without change, then with each drift of `bench/monitoring.py`. Every tool sees the reference as one
frame, as its documentation has it; a window counts as alarmed where the tool's own default rule says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
from daytwo.monitoring import watch
from monitoring import STREAMS, drifts, orders, read

PEERS = ("evidently", "alibi-detect", "whylogs", "nannyml")
REFERENCE, WATCHED, DRIFTED = 60, 40, 10


def lay_out(folder: Path, frame: pl.DataFrame, names: list[str], rows: int, seed: int) -> None:
    """Write the reference, the windows without change, and those with each drift."""
    windows = [frame[i : i + rows] for i in range(0, frame.height - rows + 1, rows)][:240]
    order = list(orders(len(windows), seed + 1, 1))[seed]
    cut = [windows[i] for i in order]

    def put(name: str, parts: list[pl.DataFrame]) -> None:
        numbered = [part.with_columns(pl.lit(i).alias("window")) for i, part in enumerate(parts)]
        pl.concat(numbered, how="vertical_relaxed").write_parquet(folder / f"{name}.parquet")

    put("reference", cut[:REFERENCE])
    put("none", cut[REFERENCE : REFERENCE + WATCHED])
    for name, change in drifts(frame, names, rows, seed).items():
        put(name.replace("/", " "), [change(part) for part in cut[REFERENCE : REFERENCE + DRIFTED]])


def ours(folder: Path, names: list[str]) -> dict[str, object]:
    reference = pl.read_parquet(folder / "reference.parquet")
    begin = time.process_time()
    told = {}
    for path in sorted(folder.glob("*.parquet")):
        if path.stem != "reference":
            windows = pl.read_parquet(path).partition_by("window", maintain_order=True)
            told[path.stem] = [one.alarm for one in watch(reference, windows, features=names)]
    return {"told": told, "cpu_s": round(time.process_time() - begin, 1)}


def theirs(tool: str, folder: Path) -> dict[str, object]:
    python = Path(f".venv/peers/monitoring-{tool}/bin/python")
    command = [python, "bench/peers/monitoring_rules.py", tool, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1][:120]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def tell(tool: str, found: dict[str, object]) -> None:
    if "error" in found:
        print(f"  {tool:13} {found['error']}", flush=True)
        return
    told = dict(found["told"])
    quiet = told.pop("none")
    delays = {name: (int(np.argmax(one)) + 1 if any(one) else f">{DRIFTED}") for name, one in told.items()}
    words = ", ".join(f"{name} {delay}" for name, delay in delays.items())
    print(f"  {tool:13} false {sum(quiet)}/{len(quiet)}; {words}; {found['cpu_s']} CPU s", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--only", nargs="*", default=["hillstrom", "bike_sharing"])
    asked.add_argument("--seeds", type=int, default=1)
    given = asked.parse_args()
    streams = {**STREAMS["design"], **STREAMS["held-out"]}
    for name in given.only:
        label, rows, drop = streams[name]
        frame, names = read(given.data, name, label, drop, rows)
        for seed in range(given.seeds):
            print(f"{name}, order {seed}: windows of {rows} rows, {len(names)} columns", flush=True)
            with tempfile.TemporaryDirectory() as place:
                lay_out(Path(place), frame, names, rows, seed)
                tell("daytwo", ours(Path(place), names))
                for tool in PEERS:
                    tell(tool, theirs(tool, Path(place)))


if __name__ == "__main__":
    main()
