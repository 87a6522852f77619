"""What reasons cost beside other tools, and whether they are exact: flights of the demo, models of several sizes.

    make bench-peers && .venv/bin/python bench/explain.py [--quick] [--json]

Every tool explains the same rows of the same LightGBM models, one row at a time and in a block, in alternating rounds
of processor time on one thread; the median counts, and the ratio to LightGBM's own `pred_contrib`. Two questions are
asked: "against this one reference row" (ours, and shap with that row as background) and "against all training rows,
along the paths" (LightGBM, shap), which is what one would otherwise call; the numbers differ, as the questions do.
Ours are compared with shap's on the first question, and with the sums of the trees.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl
from numpy.typing import NDArray

from daytwo.core.schema import Feature, Schema, Task
from daytwo.demo import flights
from daytwo.explain.reasons import reasons
from daytwo.explain.references import build_explainer
from daytwo.explain.shapley import ReferenceShapley
from daytwo.explain.trees import parse_trees
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.shapley_c import LIBRARY, CompiledShapley
from daytwo.scoring.trees_c import TreeScorer, missing_engine

HERE = Path(__file__).parent
PEER = HERE.parent / ".venv/peers/explain/bin/python"
# Trees, leaves, and whether categories are split as sets, which shap refuses against a background: smaller and larger
# ones around the reference model of the aim, one as the front recommends, and one that shap can be held against.
SIZES = ((50, 31, True), (100, 31, True), (200, 31, True), (500, 31, True), (20, 255, True), (200, 31, False))
QUICK = ((200, 31, True), (20, 255, True), (200, 31, False))
BLOCK = 500


def flight_rows() -> tuple[NDArray[np.float32], NDArray[np.float64], Schema, list[dict[str, object]]]:
    """Return features, labels, schema and raw rows of flights whose outcome is known, oldest first."""
    year = flights.load_year().filter(pl.col(flights.TARGET).is_not_null())
    kept = [name for name, kind in year.schema.items() if kind.is_numeric() or kind in (pl.String, pl.Boolean)]
    kept = [name for name in kept if name not in (*flights.OUTCOMES, "flight_id") and year[name].n_unique() < 5000]
    features, columns = [], []
    for name in kept:
        column = year[name]
        levels = tuple(sorted(column.drop_nulls().unique())) if column.dtype == pl.String else ()
        features.append(Feature(name, levels))
        codes = column.replace_strict(list(levels), list(range(len(levels)))) if levels else column
        columns.append(codes.cast(pl.Float32).to_numpy())
    matrix = np.column_stack(columns).astype(np.float32)
    return matrix, year[flights.TARGET].cast(pl.Float64).to_numpy(), Schema(tuple(features)), year[-BLOCK:].to_dicts()


def median_us(call: Callable[[], object], rows: int, rounds: int) -> list[float]:
    """Return processor microseconds a row of each round."""
    call()
    found = []
    for _ in range(rounds):
        begin = time.process_time()
        call()
        found.append((time.process_time() - begin) / rows * 1e6)
    return found


def ours(text: bytes, reference: list[float], rows: NDArray[np.float32]) -> dict[str, Callable[[], object]]:
    """Return what is timed in this process, by its name."""
    trees, alone = parse_trees(text), rows.tolist()
    twin = ReferenceShapley(trees, reference)
    scorer = LightgbmScorer(text, rows.shape[1]) if missing_engine() else TreeScorer(text, rows.shape[1])
    calls: dict[str, Callable[[], object]] = {
        "daytwo, numpy twin": lambda: [twin.contributions(row) for row in alone],
        "a score, for scale": lambda: [scorer.one(row) for row in alone],
    }
    if LIBRARY.is_file():
        compiled = CompiledShapley(trees, reference)
        calls["daytwo"] = lambda: [compiled.contributions(row) for row in alone]
        calls["daytwo, block"] = lambda: compiled.many(rows)
    return calls


def theirs(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return what the peers took, timed in their own environment; nothing where it is not prepared."""
    if not PEER.is_file():
        return {}
    command = [str(PEER), str(HERE / "peers" / "explain_shap.py"), str(folder), str(rounds)]
    limits = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **limits})
    return json.loads(done.stdout.splitlines()[-1])


def measure(trees: int, leaves: int, in_sets: bool, data: tuple, count: int, rounds: int) -> dict[str, object]:
    """Train one model, time every tool on it and compare the numbers."""
    matrix, labels, schema, raw = data
    settings = {"objective": "binary", "num_leaves": leaves, "num_threads": 1, "verbosity": -1, "seed": 1}
    cut = len(matrix) - 20_000
    sets = list(schema.categories) if in_sets else []
    learnt = lightgbm.Dataset(matrix[:cut:4], labels[:cut:4], categorical_feature=sets)
    booster = lightgbm.train(settings | {"learning_rate": 0.1 if trees > 20 else 0.3}, learnt, trees)
    text = booster.model_to_string().encode()
    explainer = build_explainer(matrix[:cut], schema, task=Task.BINARY, outcome="late")
    reference, rows = explainer.reference, matrix[-BLOCK:][:count]
    shapley = CompiledShapley if LIBRARY.is_file() else ReferenceShapley
    found = shapley(parse_trees(text), reference).many(rows)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "model.txt").write_bytes(text)
        np.save(place / "rows.npy", rows)
        np.save(place / "reference.npy", np.array([reference], dtype=np.float32))
        took: dict[str, list[float]] = {}
        for _ in range(rounds):
            mine = {name: median_us(call, len(rows), 1) for name, call in ours(text, reference, rows).items()}
            for name, times in {**mine, **theirs(place, 1)}.items():
                took.setdefault(name, []).extend(times)
        other = np.load(place / "shap.npy") if (place / "shap.npy").is_file() else None
    worded = median_us(
        lambda: [reasons(one, row, explainer) for one, row in zip(found, raw[:count], strict=True)], len(rows), rounds
    )
    sums = booster.predict(rows, raw_score=True) - booster.predict(np.array([reference]), raw_score=True)
    return {
        "model": f"{trees}x{leaves}" + ("" if in_sets else ", codes as numbers"),
        "us_per_row": {name: round(statistics.median(times), 1) for name, times in sorted(took.items())},
        "worst_us_per_row": {name: round(max(times), 1) for name, times in sorted(took.items())},
        "words_us": round(statistics.median(worded), 1),
        "off_from_sum": float(np.abs(found.sum(axis=1) - sums).max()),
        "off_from_shap": None if other is None else float(np.abs(found[: len(other)] - other).max()),
    }


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--quick", action="store_true", help="two models, 50 rows, 1 round")
    given = parser.parse_args()
    count, rounds = (50, 1) if given.quick else (200, 5)
    data = flight_rows()
    told = [measure(*size, data, count, rounds) for size in (QUICK if given.quick else SIZES)]
    result = {"load": os.getloadavg()[0], "rows": count, "rounds": rounds, "models": told}
    if given.json:
        print(json.dumps(result))
        return
    for one in told:
        base = one["us_per_row"].get("lightgbm pred_contrib")
        print(f"{one['model']}: words {one['words_us']} us more; off from the sums {one['off_from_sum']:.1e}, ", end="")
        print(f"from shap {one['off_from_shap']}")
        for name, cost in one["us_per_row"].items():
            ratio = f"{base / cost:8.1f} x" if base else ""
            print(f"  {name:34s} {cost:9.1f} us (worst {one['worst_us_per_row'][name]:9.1f}) {ratio}")
    print(f"load {result['load']:.2f}", file=sys.stderr)


if __name__ == "__main__":
    main()
