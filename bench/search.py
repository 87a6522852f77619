"""What a search for a recipe brings on later rows, which no choice has seen, and what it takes.

    python bench/search.py --data FOLDER [--trials 40] [--seeds 2] [--json]

Each set is cut in its own order: the first four fifths train (fit and tune, as in a project), the last fifth judges.
The reference model by the usual recipe stands against the one by the recipe that was found, both stopped early on the
tune part: log-loss, or squared error, with the 95 % interval of the difference, rows of a day together.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import polars as pl

from daytwo.contracts.encoder import Encoder
from daytwo.contracts.event_times import times_of
from daytwo.contracts.labels import label_of
from daytwo.contracts.proposing.propose import propose
from daytwo.core.schema import Task
from daytwo.monitoring.estimating.performance import standard_error
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.dataset import TrainingData, divide, split
from daytwo.training.evaluate import student_factor
from daytwo.training.fit import bin_rows, fit_reference
from daytwo.training.recipe import Binning, reference_recipe
from daytwo.training.search import Budget, search_recipe
from daytwo.training.weights import Weighting

# File, target, time, and columns known only afterwards.
SETS = {
    "telco_churn": ("churn", "", ()),
    "electricity": ("price_up", "timestamp", ()),
    "bike_sharing": ("cnt", "timestamp", ("casual", "registered", "instant")),
    "bank_marketing": ("y", "contact_month", ("duration",)),
    "hotel_bookings": (
        "is_canceled",
        "arrival_date",
        (
            "reservation_status",
            "reservation_status_date",
            "assigned_room_type",
            "booking_changes",
            "required_car_parking_spaces",
        ),
    ),
}


def rows_of(folder: Path, name: str) -> tuple[TrainingData, Task]:
    target, time_column, exclude = SETS[name]
    frame = pl.read_parquet(folder / f"{name}.parquet").filter(pl.col(target).is_not_null())
    contract = propose(frame, name=name, target=target, time=time_column, exclude=exclude)
    times = times_of(contract, frame) if time_column else None
    labels = label_of(contract, frame)
    return TrainingData(contract.features, Encoder(contract).matrix(frame), labels, times), contract.task


def losses(text: bytes, rows: TrainingData, task: Task) -> np.ndarray:
    found = LightgbmScorer(text, rows.matrix.shape[1]).many(rows.matrix)
    if task is Task.REGRESSION:
        return (found - rows.labels) ** 2
    p = np.clip(found, 1e-12, 1 - 1e-12)
    return -(rows.labels * np.log(p) + (1 - rows.labels) * np.log1p(-p))


def one_set(folder: Path, name: str, trials: int, seed: int) -> dict[str, object]:
    data, task = rows_of(folder, name)
    parts = split(data, test_share=0.2, seed=1)
    train = divide(parts.train, task=task)
    usual = reference_recipe(train.fit.rows, task)
    begun = time.perf_counter()
    newer = (train.tune, train.select)
    found = search_recipe(train.fit, newer, task, usual, Budget(trials), weighting=Weighting(), seed=seed, threads=1)
    seconds = time.perf_counter() - begun
    binned = bin_rows(train.fit, task, Binning(), seed=seed, threads=1)
    grown = [
        fit_reference(binned, train.fit, train.tune, recipe)
        for recipe in (usual, found.best.recipe, found.chosen.recipe)
    ]
    before, unguarded, after = (losses(one.text, parts.test, task) for one in grown)
    gain = before - after
    margin = student_factor(gain.size, parts.test.days) * standard_error(gain - gain.mean(), parts.test.days)
    share = 100 / before.mean()
    return {
        "set": name,
        "seed": seed,
        "task": task.value,
        "rows": train.fit.rows,
        "seconds": round(seconds, 1),
        "given_up": sum(len(one.losses) < 3 for one in found.trials),
        "chosen": found.chosen.number,
        "spans_gain_percent": round(100 * (1 - found.best.loss / found.trials[0].loss), 2),
        "usual": round(float(before.mean()), 5),
        "best": round(float(unguarded.mean()), 5),
        "found": round(float(after.mean()), 5),
        "gain_percent": round(float(gain.mean() * share), 2),
        "low": round(float((gain.mean() - margin) * share), 2),
        "high": round(float((gain.mean() + margin) * share), 2),
        "best_gain_percent": round(100 * float(1 - unguarded.mean() / before.mean()), 2),
        "trees": [one.trees for one in grown],
        "recipe": found.best.recipe.parameters,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default="telco_churn,electricity,bike_sharing")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    for name in asked.sets.split(","):
        for seed in range(1, asked.seeds + 1):
            found = one_set(asked.data, name, asked.trials, seed)
            print(json.dumps(found) if asked.json else "  ".join(f"{key} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
