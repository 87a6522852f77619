"""How much cheaper a variant answers that is as good as the reference model, on later rows that no choice has seen.

    python bench/front.py --data FOLDER [--json] [--quick]

Each set is cut in its own order: the first four fifths train (fit, tune and select, as in a project), the last fifth
judges. The reference is LightGBM stopped early on the tune part. A variant holds where the upper 95 % bound of its
loss on the last fifth (paired, rows of a day together) is at most half a percent of the reference's metric, of its
Brier score and of what its decisions bring. `cheapest` is the cheapest that holds; `recommended` is what daytwo chooses
without having seen these rows, and whether that holds. Costs are CPU time a row in our own tree engine, in blocks, all
models in turn. Beside the shapes that a project tries, larger and smaller ones are grown, unless `--shipped`.
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
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.trees_c import TreeScorer
from daytwo.training.dataset import TrainingData, divide, split
from daytwo.training.evaluate import answers, money_rows, paired_loss
from daytwo.training.fit import bin_rows, fit_reference
from daytwo.training.front import REFERENCE, mark_front, recommend
from daytwo.training.recipe import Shape, binning_for, reference_recipe, student_shapes
from daytwo.training.trained import Trained, describe, grown, work_of
from daytwo.training.variants import grow_students

BEARABLE = 0.005
# Of the metric, as a project would set it: what daytwo's own recommendation may lose.
MARGIN = {Task.BINARY: 0.005, Task.REGRESSION: 1.0}
WIDE = (
    *(Shape(200, 15, 0.08), Shape(100, 15, 0.1), Shape(100, 63, 0.08), Shape(100, 255, 0.06), Shape(50, 127, 0.1)),
    *(Shape(25, 127, 0.2), Shape(25, 255, 0.2), Shape(12, 127, 0.4), Shape(12, 255, 0.4), Shape(12, 31, 0.4)),
    *(Shape(6, 63, 0.6), Shape(6, 255, 0.6), Shape(3, 255, 0.9), Shape(50, 15, 0.2), Shape(25, 15, 0.3)),
)
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


def grow(data: TrainingData, task: Task, *, wide: bool) -> tuple[dict[str, Trained], str]:
    """Return the reference and its students, and the name of the one that a project would recommend."""
    parts = divide(data, task=task)
    rows = parts.fit.rows
    binned = bin_rows(parts.fit, task, binning_for(rows), seed=1, threads=1)
    fitted = fit_reference(binned, parts.fit, parts.tune, reference_recipe(rows, task))
    shapes = student_shapes(rows, work_of(fitted, parts.fit.matrix))
    shipped = {shape.name for shape in shapes}
    if wide:
        most = max(7, rows // 20)
        more = (Shape(one.trees, min(one.leaves, most), one.rate) for one in WIDE)
        shapes = tuple({one.name: one for one in (*shapes, *more)}.values())
    students = grow_students(binned, parts.fit.labels, fitted.scores, shapes)
    trained = {name: grown(name, one, parts, task, threads=1) for name, one in {REFERENCE: fitted, **students}.items()}
    metric = "roc_auc" if task is Task.BINARY else "mae"
    known = {name: one for name, one in trained.items() if name == REFERENCE or name in shipped}
    described = describe(known, parts, payoff(task), metric=metric)
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


def judged(name: str, data: TrainingData, task: Task, *, wide: bool) -> dict[str, object]:
    """Return what is told of one set."""
    parts = split(data, test_share=0.2)
    trained, chosen = grow(parts.train, task, wide=wide)
    found, cost = bounds(trained, parts.test, task), cpu_us(trained, parts.test.matrix)

    def holds(one: str) -> bool:
        return one == REFERENCE or all(not value > BEARABLE for value in found[one].values())

    cheapest = min((one for one in trained if holds(one)), key=cost.__getitem__)
    return {
        "set": name,
        "rows": data.rows,
        "reference": found[REFERENCE] | {"trees": trained[REFERENCE].fitted.trees, "cpu_us": cost[REFERENCE]},
        "cheapest": cheapest,
        "cheaper": cost[REFERENCE] / cost[cheapest],
        "recommended": chosen,
        "recommended_cheaper": cost[REFERENCE] / cost[chosen],
        "recommended_holds": holds(chosen),
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
    asked.add_argument("--shipped", action="store_true", help="only the shapes that a project tries")
    asked.add_argument("--quick", action="store_true", help="two small sets")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    names = ("electricity", "bike_sharing") if given.quick else tuple(STREAMS)
    told = []
    for name in (one for one in names if given.only in one):
        data, task = read(given.data, name, STREAMS[name])
        one = judged(name, data, task, wide=not given.shipped)
        told.append(one)
        if not given.json:
            print(f"{name}: {one['rows']} rows, reference {one['reference']}", flush=True)
            for student, figures in one["students"].items():  # type: ignore[attr-defined]
                print(f"  {student:8}", "  ".join(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)
            print(
                "  ", {key: value for key, value in one.items() if key.startswith(("cheap", "recommended"))}, flush=True
            )
    mean = math.exp(float(np.mean([math.log(float(str(one["cheaper"]))) for one in told])))
    if given.json:
        print(json.dumps({"sets": told, "geometric_mean": mean}))
    else:
        print(f"geometric mean: {mean:.2f} times cheaper")


if __name__ == "__main__":
    main()
