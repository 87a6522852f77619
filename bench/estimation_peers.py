"""Performance without labels beside NannyML: `estimate()` and its CBPE on the same references and windows.

    make bench-peers && .venv/bin/python bench/estimation_peers.py --data FOLDER [--world as_it_is|shifted] [--json]

Streams, models, windows, realised figures and their standard errors are those of `bench/estimation.py`. NannyML runs in
its own pinned place and is given each pair's windows in one call, `estimate()` one window a call. A cell is a pair and
a metric, its error the mean over the windows in which the realised figure and both estimates exist; `daytwo better`
counts cells in which ours is more than a thousandth smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).parent))
from estimation import CHOSEN_ON, METRICS, STREAMS, Pair, pairs

from daytwo.core.schema import Task
from daytwo.monitoring import estimate
from daytwo.monitoring.estimating.performance import Answers, realised

PYTHON = Path(".venv/peers/monitoring-nannyml/bin/python")
TOOLS = ("daytwo", "nannyml")
TIE = 0.001


def main() -> None:
    """Run every stream and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--world", choices=("as_it_is", "shifted"), default="as_it_is")
    parser.add_argument("--only", nargs="*", default=list(STREAMS), help="streams")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found: dict[str, list[dict[str, Any]]] = {}
    for stream in asked.only:
        for name, one in beside(stream, pl.read_parquet(asked.data / f"{stream}.parquet"), asked.world):
            found.setdefault(name, []).append(one)
    together = {name: pooled(shuffles) for name, shuffles in found.items()}
    told = {"pairs": together, "summary": summary(together)}
    if asked.world == "shifted":
        single = {f"{name} {i}": pooled([one]) for name, many in found.items() for i, one in enumerate(many)}
        told["by_shuffle"] = summary(single)
    if asked.json:
        print(json.dumps(told))
        return
    for name, one in together.items():
        figures = "  ".join(f"{m} {' / '.join(f'{one[tool][m]:.2f}' for tool in TOOLS)}" for m in METRICS)
        print(f"{name:24} {figures}")
    del told["pairs"]
    print(json.dumps(told, indent=1))


def beside(stream: str, frame: pl.DataFrame, world: str) -> list[tuple[str, dict[str, Any]]]:
    """Return each pair's errors and costs by tool, once for each shuffle of the world."""
    with tempfile.TemporaryDirectory() as place:
        kept: dict[str, tuple[str, dict[str, Any], list[pl.DataFrame]]] = {}
        for seed in (1, 2, 3, 4) if world == "shifted" else (None,):
            for model, pair in pairs(stream, frame, seed):
                folder = f"{model}-{seed}"
                lay_out(Path(place) / folder, *pair[:2])
                kept[folder] = f"{stream}/{model}", ours(pair), pair[1]
        theirs = nannyml(Path(place))
    return [
        (name, judged(windows, {"daytwo": mine, "nannyml": theirs[folder]}))
        for folder, (name, mine, windows) in kept.items()
    ]


def lay_out(folder: Path, reference: pl.DataFrame, windows: list[pl.DataFrame]) -> None:
    """Write what NannyML needs of a pair: scores, decisions at one half, and labels of the reference only."""
    folder.mkdir()
    said = (pl.col("score") >= 0.5).cast(pl.Int64).alias("prediction")
    reference.select("score", said, pl.col("label").cast(pl.Int64)).write_parquet(folder / "reference.parquet")
    numbered = [part.select("score", said, pl.lit(i).alias("window")) for i, part in enumerate(windows)]
    pl.concat(numbered).write_parquet(folder / "windows.parquet")


def ours(pair: Pair) -> dict[str, Any]:
    """Return our estimates of each metric by window, and CPU seconds to learn and to estimate."""
    reference, windows, features = pair
    began = time.process_time()
    estimate(reference, windows[0].drop("label"), features=features)  # the first call learns
    learnt, began = time.process_time() - began, time.process_time()
    told = [estimate(reference, window.drop("label"), features=features) for window in windows]
    spent = time.process_time() - began
    return {m: [one[m].value for one in told] for m in METRICS} | {"learning_cpu_s": learnt, "cpu_s": spent}


def nannyml(place: Path) -> dict[str, Any]:
    """Return NannyML's estimates of every pair laid out there."""
    command = [PYTHON, "bench/peers/estimation_nannyml.py", place]
    quiet = os.environ | {"NML_DISABLE_USAGE_LOGGING": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=quiet)
    if done.returncode:
        raise SystemExit(f"NannyML failed: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def judged(windows: list[pl.DataFrame], told: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return by tool and metric the errors in standard errors of the realised figure, and the costs."""
    errors: dict[str, dict[str, list[float]]] = {tool: {m: [] for m in METRICS} for tool in told}
    silent = 0
    for i, window in enumerate(windows):
        truth = realised(Answers(window["score"].to_numpy()), window["label"].to_numpy(), task=Task.BINARY)
        for m in METRICS:
            if m not in truth or not truth[m].standard_error:
                continue
            values = {tool: one[m][i] for tool, one in told.items()}
            if not np.isfinite(list(values.values())).all():
                silent += 1
                continue
            for tool, value in values.items():
                errors[tool][m].append(abs(value - truth[m].value) / truth[m].standard_error)
    rows = sum(window.height for window in windows)
    costs = {
        tool: {"learn": one["learning_cpu_s"], "per_100k": one["cpu_s"] / rows * 1e5} for tool, one in told.items()
    }
    return {"errors": errors, "silent": silent, "costs": costs}


def pooled(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one pair's mean errors over its shuffles, each counting alike, and mean costs."""
    told: dict[str, Any] = {"silent": sum(one["silent"] for one in parts)}
    for tool in TOOLS:
        means = {m: [float(np.mean(e)) for one in parts if (e := one["errors"][tool][m])] for m in METRICS}
        told[tool] = {m: float(np.mean(values)) if values else float("nan") for m, values in means.items()}
        told[tool] |= {
            cost: float(np.mean([one["costs"][tool][cost] for one in parts])) for cost in ("learn", "per_100k")
        }
    return told


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Return, for the streams chosen on and those reported, medians and how often and how far NannyML is better."""
    told = {}
    for what in ("chosen on", "reported"):
        mine = [one for pair, one in found.items() if (pair.partition("/")[0] in CHOSEN_ON) == (what == "chosen on")]
        if not mine:
            continue
        ratios = np.array([[one["daytwo"][m] / one["nannyml"][m] for m in METRICS] for one in mine])
        cells = ratios[~np.isnan(ratios)]
        told[what] = {
            "pairs": len(mine),
            "median": {
                tool: {m: float(np.nanmedian([one[tool][m] for one in mine])) for m in METRICS} for tool in TOOLS
            },
            "daytwo_better": float((cells < 1 - TIE).mean()),
            "ties": float((np.abs(cells - 1) <= TIE).mean()),
            "worst_ratio": float(cells.max()),
            "silent": sum(one["silent"] for one in mine),
            "cpu_s": {
                tool: {cost: float(np.median([one[tool][cost] for one in mine])) for cost in ("learn", "per_100k")}
                for tool in TOOLS
            },
        }
    return told


if __name__ == "__main__":
    main()
