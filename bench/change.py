"""Suggested changes: how often one is found, how small, how fast; beside dice-ml and beside trying everything.

    make bench-peers && .venv/bin/python bench/change.py --data FOLDER [--only telco_churn] [--quick] [--json]

FOLDER holds the data sets named below; without it, the demo's flights are asked alone. For each, `daytwo init`,
`ingest` and `train` make a project with money that leaves both decisions; the version it would release is asked about
rows that its trees did not learn from. "Everything" is every value of every column, and every pair of values of two
columns: where such a change turns the decision and would be offered, the search must find one of as few columns.
dice-ml (random and genetic) is asked about the first of the same rows and the same decision, without missing values,
which it does not take; what it suggests is judged as ours is.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from pathlib import Path

import numpy as np

from daytwo.core.settings import ReasonsSettings
from daytwo.demo import flights
from daytwo.registry.bundle import BundleStore
from daytwo.scoring.changing import Changer
from daytwo.scoring.model import Model
from daytwo.scoring.turning import Asked, raw_value

HERE = Path(__file__).parent
PEER = HERE.parent / ".venv/peers/explain/bin/python"
AFTER = "reservation_status reservation_status_date assigned_room_type booking_changes required_car_parking_spaces"
# How a project of each data set is made, and what acting rightly and in vain brings.
SETS = {
    "flights": (["--target", "late", "--time", "scheduled_departure", "--key", "flight_id"], 3, -1),
    "telco_churn": (["--target", "churn"], 10, -4),
    "bank_marketing": (["--target", "y", "--time", "contact_month", "--exclude", "duration"], 8, -1),
    "electricity": (["--target", "price_up", "--time", "timestamp", "--exclude", "date"], 10, -8),
    "hotel_bookings": (
        ["--target", "is_canceled", "--time", "arrival_date", *(f"--exclude={name}" for name in AFTER.split())],
        10,
        -8,
    ),
}


def project(folder: Path, name: str, source: Path) -> Model:
    """Make a project as its user would, and return the version that it trains."""
    options, right, vain = SETS[name]
    door = [sys.executable, "-c", "from daytwo.cli.main import main; main()"]
    place = folder / name

    def say(*words: str, may_refuse: bool = False) -> None:
        done = subprocess.run([*door, *words], capture_output=True, text=True, check=False)
        if done.returncode > may_refuse:
            raise SystemExit(f"{' '.join(words)}: {done.stderr[-500:]}")

    say("init", str(source), *options, "--owner", "bench", "--into", str(place))
    settings = (place / "daytwo.toml").read_text().splitlines()
    amounts = {"true_positive": right, "false_positive": vain}
    changed = [f"{key} = {amounts[key]}" if (key := one.split(" ")[0]) in amounts else one for one in settings]
    (place / "daytwo.toml").write_text("\n".join(changed))
    say("ingest", "-C", str(place))
    say("train", "-C", str(place), may_refuse=True)  # a gate may say no; the version is there all the same
    store = place / ".daytwo" / "bundles"
    digest = next(one.name for one in sorted(store.iterdir()) if not one.name.startswith("."))
    return Model.load(BundleStore(store).get(digest))


def raw_row(changer: Changer, features: np.ndarray) -> dict[str, object]:
    """Return the raw values of an encoded row; a level that is unknown is one that no contract knows."""
    found: dict[str, object] = {}
    for i, column in changer.grounds.columns.items():
        if np.isnan(features[i]):
            found[column.name] = None
        elif column.levels and features[i] >= len(column.levels):
            found[column.name] = "another one"
        else:
            found[column.name] = raw_value(column, float(features[i]))
    return found


def everything(asked: Asked, most: int) -> int:
    """Return how many columns must change at least, by trying every value; 0 where up to `most` do not do."""
    choices = [] if asked.is_alone else asked.options()
    if not choices or not asked.in_reach([one.feature for one in choices], most):
        return 0
    for size in range(1, most + 1):
        for chosen in itertools.combinations(choices, size):
            features = [one.feature for one in chosen]
            rows = np.repeat(asked.features[None, :], np.prod([len(one.values) for one in chosen]), axis=0)
            grid = np.meshgrid(*(one.values for one in chosen), indexing="ij")
            rows[:, features] = np.column_stack([one.ravel() for one in grid])
            turns = np.flatnonzero(asked.aim(rows)[0])
            for begin in range(0, len(turns), 2_000):
                block = rows[turns[begin : begin + 2_000]]
                near = np.flatnonzero([not why for why in asked.too_far(block)])
                if any(not asked.why_not(block[i], tuple(features)) for i in near.tolist()):
                    return size
    return 0


def ours(changer: Changer, rows: np.ndarray, tried: int) -> dict[str, object]:
    """Return what the search finds for the rows, and how that compares with everything for the first `tried`."""
    took, steps, found, turned = [], [], 0, []
    exists = as_few = 0
    for i, features in enumerate(rows):
        raw = raw_row(changer, features)
        begin = time.process_time()
        said = changer.changes(features.tolist(), raw)
        took.append((time.process_time() - begin) * 1e3)
        turned.append(bool(said.changes))
        if said.changes:
            found += 1
            steps.append(len(said.changes[0].steps))
        if i < tried:
            best = everything(Asked(changer.grounds, features.tolist(), raw), 2)
            exists += best > 0
            as_few += bool(best and said.changes and len(said.changes[0].steps) <= best)
    return {
        "rows": len(rows),
        "found": found,
        "cpu_ms_p50": round(statistics.median(took), 1),
        "cpu_ms_p95": round(float(np.quantile(took, 0.95)), 1),
        "cpu_ms_worst": round(max(took), 1),
        "columns": round(statistics.mean(steps), 2) if steps else None,
        "tried_everything": {"exists": exists, "found_as_few": as_few},
    }


def raw_threshold(model: Model) -> float:
    """Return the raw score from which on the decision is to act; the payoff reads no column."""
    scores = np.unique(np.concatenate([np.linspace(1e-6, 1 - 1e-6, 20_001), model.engine.many(model.cases.matrix)]))
    place = bisect_left(
        range(len(scores)), True, key=lambda i: model.payoff.advise(float(model.calibration.one(scores[i])), {}).act
    )
    return float(scores[min(place, len(scores) - 1)])


def theirs(changer: Changer, bundle_text: bytes, rows: np.ndarray, folder: Path) -> list[dict[str, object]]:
    """Return what dice-ml finds for the rows, judged as our own are."""
    model, version = changer.grounds.model, changer.grounds
    whole = ~np.isnan(version.matrix).any(axis=1)
    asked = rows[~np.isnan(rows).any(axis=1)]
    if not PEER.is_file() or not len(asked) or whole.sum() < 200:
        return []
    (folder / "model.txt").write_bytes(bundle_text)
    np.save(folder / "cases.npy", version.matrix[whole])
    np.save(folder / "rows.npy", asked)
    told = {"threshold": raw_threshold(model), "categories": list(model.schema.categories)}
    (folder / "told.json").write_text(json.dumps(told))
    command = [str(PEER), str(HERE / "peers" / "change_dice.py"), str(folder)]
    limits = {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **limits}, check=False)
    if done.returncode:
        return [{"tool": "dice-ml", "failed": done.stderr.strip().splitlines()[-1]}]
    found = []
    for one in json.loads(done.stdout.splitlines()[-1]):
        changed = np.array(one.pop("changed"), dtype=float).astype(np.float32)
        good = turns = 0
        columns = []
        for before, after in zip(asked, changed, strict=False):
            features = tuple(np.flatnonzero(before != after).tolist())
            if np.isnan(after).any() or not features:
                continue
            question = Asked(version, before.tolist(), raw_row(changer, before))
            question.in_reach(list(range(len(before))), len(before))
            turns += (turned := bool(question.aim(after[None, :])[0][0]))
            good += turned and all(i in version.columns for i in features) and not question.why_not(after, features)
            columns.append(len(features))
        mean = round(statistics.mean(columns), 2) if columns else None
        found.append({**one, "rows": len(changed), "turns": turns, "would_be_offered": good, "columns": mean})
    return found


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the folder of the data sets")
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--quick", action="store_true", help="flights alone, 20 rows")
    given = parser.parse_args()
    names = ["flights"] if given.quick or given.data is None else given.only
    count, tried, peers = (20, 5, 2) if given.quick else (200, 40, 12)
    told = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in names:
            source = folder / "flights.parquet" if name == "flights" else given.data / f"{name}.parquet"
            if name == "flights":
                flights.history(flights.load_year()).write_parquet(source)
            model = project(folder, name, source)
            begin = time.process_time()
            changer = Changer(model, ReasonsSettings())
            made = (time.process_time() - begin) * 1e3
            matrix = model.cases.matrix
            rows = matrix[np.random.default_rng(1).choice(len(matrix), min(count, len(matrix)), replace=False)]
            text = next((folder / name / ".daytwo" / "bundles").glob(f"{model.digest}/model.txt")).read_bytes()
            size = f"{len(model.engine.trees.roots)} trees, {len(model.engine.trees.leaf_value)} leaves"
            told.append(
                {
                    "set": name,
                    "model": size,
                    "made_ms": round(made),
                    "daytwo": ours(changer, rows, tried),
                    "dice": theirs(changer, text, rows[:peers], folder),
                }
            )
            if not given.json:
                print(json.dumps(told[-1], indent=1), flush=True)
    result = {"load": os.getloadavg()[0], "sets": told}
    print(json.dumps(result) if given.json else f"load {result['load']:.2f}")


if __name__ == "__main__":
    main()
