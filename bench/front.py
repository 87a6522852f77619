"""How much cheaper a variant answers that is as good as the reference model, on later rows that no choice has seen.

    python bench/front.py --data FOLDER [--json] [--quick]

Each set is cut in its own order: the first four fifths train (fit, tune and select, as in a project), the last fifth
judges. The reference is LightGBM stopped early on the tune part. A variant holds where the upper 95 % bound of its
loss on the last fifth (paired, rows of a day together) is at most half a percent of the reference's metric, of its
Brier score and of what its decisions bring. `cheapest` is the cheapest that holds in all three, `cheapest_metric` by
the metric alone, `cheapest_brier` by metric and Brier score; `recommended` is what daytwo chooses without having seen
these rows, whether that holds, and whether it keeps the margin that it was chosen by. Costs are CPU time a row in our
own tree engine, in blocks, all models in turn.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daytwo.contracts.encoder import Encoder
from daytwo.contracts.event_times import times_of
from daytwo.contracts.labels import label_of
from daytwo.contracts.proposing.propose import propose
from daytwo.core.schema import Task
from daytwo.core.settings import ValueSettings
from daytwo.demo import flights
from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.monitoring.estimating.performance import Answers, influence
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.trees_c import TreeScorer
from daytwo.training.dataset import TrainingData, divide, split
from daytwo.training.evaluate import answers, money_rows, paired_loss
from daytwo.training.fit import bin_rows, fit_reference
from daytwo.training.front import REFERENCE, mark_front, recommend
from daytwo.training.recipe import Binning, reference_recipe, student_shapes
from daytwo.training.trained import Trained, describe, grown, work_of
from daytwo.training.variants import grow_students

BEARABLE = 0.005
# Of the metric, as a project would set it: what daytwo's own recommendation may lose.
MARGIN = {Task.BINARY: 0.005, Task.REGRESSION: 1.0}
# Rows timed a call, and how often.
BLOCK, ROUNDS = 2_000, 15


@dataclass(frozen=True)
class Stream:
    """A set with its time: what is not known when the model is asked is left out."""

    target: str
    time: str
    exclude: tuple[str, ...]


STREAMS = {
    "electricity": Stream("price_up", "timestamp", ("date", "nswprice")),
    "bike_sharing": Stream("cnt", "timestamp", ("casual", "registered", "instant", "dteday")),
    "hotel_bookings": Stream(
        "is_canceled",
        "arrival_date",
        (
            *("reservation_status", "reservation_status_date", "assigned_room_type", "booking_changes"),
            "required_car_parking_spaces",
        ),
    ),
    "bank_marketing": Stream("y", "contact_month", ("duration",)),
    "flights": Stream("late", "scheduled_departure", ("outcome", "arr_delay", "flight_id", "tail_number")),
}


def read(folder: Path, name: str, stream: Stream) -> tuple[TrainingData, Task]:
    """Return a set's encoded rows in order of time."""
    frame = flights.load_year() if name == "flights" else pl.read_parquet(folder / f"{name}.parquet")
    frame = frame.filter(pl.col(stream.target).is_not_null())
    contract = propose(frame, name=name, target=stream.target, time=stream.time, exclude=stream.exclude)
    data = TrainingData(
        contract.features, Encoder(contract).matrix(frame), label_of(contract, frame), times_of(contract, frame)
    )
    assert data.times is not None
    return data.take(np.argsort(data.times, kind="stable")), contract.task


def grow(data: TrainingData, task: Task) -> tuple[dict[str, Trained], str]:
    """Return the reference and its students, and the name of the one that a project would recommend."""
    parts = divide(data, task=task)
    rows = parts.fit.rows
    binned = bin_rows(parts.fit, task, Binning(), seed=1, threads=1)
    fitted = fit_reference(binned, parts.fit, parts.tune, reference_recipe(rows, task))
    shapes = student_shapes(rows, work_of(fitted, parts.fit.matrix))
    teacher = LightgbmScorer(fitted.text, parts.fit.matrix.shape[1]).many
    students = grow_students(
        binned, parts.fit.matrix, parts.tune.matrix, teacher, shapes, schema=parts.fit.schema, seed=1
    )
    reference = grown(REFERENCE, fitted, parts, task, threads=1)
    trained = {REFERENCE: reference} | {
        name: grown(name, one, parts, task, threads=1, calibration=reference.calibration)
        for name, one in students.items()
    }
    metric = "roc_auc" if task is Task.BINARY else "mae"
    described = describe(trained, parts, payoff(task), metric=metric)
    marked = mark_front(described, higher_is_better=metric in HIGHER_IS_BETTER)
    return trained, recommend(marked, margin=MARGIN[task]).name


def payoff(task: Task) -> Payoff:
    """Return the default payoff: one for a hit, minus one for a false alarm; a unit of error for a number."""
    return Payoff.from_settings(ValueSettings(), task)


def bounds(trained: Mapping[str, Trained], rows: TrainingData, task: Task) -> dict[str, dict[str, float]]:
    """Return, per student, the upper bound of each loss as a share of what the reference has; NaN where unknown."""
    metric = "roc_auc" if task is Task.BINARY else "mae"
    given: dict[str, Answers] = {}
    for name, one in trained.items():
        scores = one.calibration.many(one.scorer.many(rows.matrix))
        given[name] = answers(payoff(task), scores, rows.column, rows.days)
    reference = given[REFERENCE]
    whole = {metric: influence(metric, reference, rows.labels, task=task)[0]}
    if task is Task.BINARY:
        whole["brier"] = influence("brier", reference, rows.labels, task=task)[0]
        worth = float(np.nanmean(money_rows(reference, rows.labels, task)))
        whole["money"] = worth if worth > 0 else math.nan
    return {
        name: {
            what: paired_loss(what, reference, one, rows.labels, task=task).high / most for what, most in whole.items()
        }
        for name, one in given.items()
        if name != REFERENCE
    } | {REFERENCE: {what: float(most) for what, most in whole.items()}}


def cpu_us(trained: Mapping[str, Trained], matrix: NDArray[np.float32]) -> dict[str, float]:
    """Return the CPU time of a row in blocks, in microseconds: the median of rounds in which all models take turns."""
    engines = {name: TreeScorer(one.fitted.text, matrix.shape[1]) for name, one in trained.items()}
    block = np.ascontiguousarray(matrix[:: max(len(matrix) // BLOCK, 1)][:BLOCK])
    spent: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            spent[name].append(_seconds(lambda engine=engine: engine.many(block)) / len(block) * 1e6)
    return {name: float(np.median(one)) for name, one in spent.items()}


def _seconds(call: Callable[[], object]) -> float:
    begun = time.thread_time()
    call()
    return time.thread_time() - begun


def judged(name: str, data: TrainingData, task: Task) -> dict[str, object]:
    """Return what is told of one set."""
    parts = split(data, test_share=0.2)
    trained, chosen = grow(parts.train, task)
    found, cost = bounds(trained, parts.test, task), cpu_us(trained, parts.test.matrix)

    def holds(one: str, *whats: str) -> bool:
        bounds_of = found[one]
        return one == REFERENCE or all(not bounds_of[what] > BEARABLE for what in whats or bounds_of)

    def cheapest(*whats: str) -> str:
        return min((one for one in trained if holds(one, *whats)), key=cost.__getitem__)

    metric = next(iter(found[REFERENCE]))
    both = (metric, "brier") if task is Task.BINARY else (metric,)
    return {
        "set": name,
        "rows": data.rows,
        "reference": found[REFERENCE] | {"trees": trained[REFERENCE].fitted.trees, "cpu_us": cost[REFERENCE]},
        "cheapest": cheapest(),
        "cheaper": cost[REFERENCE] / cost[cheapest()],
        "cheapest_metric": cheapest(metric),
        "cheaper_metric": cost[REFERENCE] / cost[cheapest(metric)],
        "cheapest_brier": cheapest(*both),
        "cheaper_brier": cost[REFERENCE] / cost[cheapest(*both)],
        "recommended": chosen,
        "recommended_cheaper": cost[REFERENCE] / cost[chosen],
        "recommended_holds": holds(chosen),
        "recommended_within_margin": chosen == REFERENCE
        or found[chosen][metric] * found[REFERENCE][metric] <= MARGIN[task],
        "students": {
            one: {"cheaper": cost[REFERENCE] / cost[one], "holds": holds(one)} | found[one]
            for one in sorted(trained, key=cost.__getitem__)
            if one != REFERENCE
        },
    }


def main() -> None:
    """Run the bench."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--data", type=Path, default=Path("shared/data"))
    asked.add_argument("--only", default="")
    asked.add_argument("--quick", action="store_true", help="two small sets")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    names = ("electricity", "bike_sharing") if given.quick else tuple(STREAMS)
    told = []
    for name in (one for one in names if given.only in one):
        data, task = read(given.data, name, STREAMS[name])
        one = judged(name, data, task)
        told.append(one)
        if not given.json:
            print(f"{name}: {one['rows']} rows, reference {one['reference']}", flush=True)
            for student, figures in one["students"].items():  # type: ignore[attr-defined]
                print(f"  {student:8}", "  ".join(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)
            print(
                "  ", {key: value for key, value in one.items() if key.startswith(("cheap", "recommended"))}, flush=True
            )
    means = {
        what: math.exp(float(np.mean([math.log(float(str(one[what]))) for one in told])))
        for what in ("cheaper", "cheaper_metric", "cheaper_brier", "recommended_cheaper")
    }
    print(json.dumps({"sets": told, "geometric_mean": means}) if given.json else f"geometric means: {means}")


if __name__ == "__main__":
    main()
