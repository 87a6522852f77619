"""Late labels on real streams: the corrected estimate beside the plain one and the last figure known.

    .venv/bin/python bench/late_labels.py --data FOLDER

FOLDER holds the public streams as Parquet (docs/benchmarks.md names them). Of each stream, in its own order, the
first quarter trains a model, the second calibrates it and teaches the estimator, the rest is cut into windows. Worlds:
`as it is`; `no change`, the rest in random order; `jump`, from a third of the random order on the label of rows in the
upper half of the number with most values is turned round with probability 0.3; `slow`, the same coming in step by
step. Labels are late by 1 or 5 windows. Errors are |shown - realised| in standard errors of the realised figure,
means over windows. The filter was designed on simulated biases (tests/monitoring/estimating); nine settings of it were
compared on all four streams, so none is a clean hold-out. A figure known in fewer than 20 windows is left out.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from daytwo.core.schema import Schema, Task
from daytwo.monitoring.estimating.estimator import estimated
from daytwo.monitoring.estimating.estimator_fit import fit_estimator
from daytwo.monitoring.estimating.late_labels import Miss, bias, corrected
from daytwo.monitoring.estimating.performance import Answers, realised
from daytwo.monitoring.frames import encode, schema_of
from daytwo.scoring.lightgbm_c import LightgbmScorer

# label, rows a window, columns that are no features
STREAMS: dict[str, tuple[str, int, tuple[str, ...]]] = {
    "electricity": ("price_up", 336, ("timestamp", "date", "nswprice")),
    "telco_churn": ("churn", 100, ()),
    "bank_marketing": ("y", 500, ("contact_month", "duration")),
    "hotel_bookings": (
        "is_canceled",
        1000,
        ("arrival_date", "reservation_status", "reservation_status_date", "assigned_room_type", "booking_changes"),
    ),
}
FEWEST = 20
METRICS = ("roc_auc", "accuracy", "f1")
Floats = NDArray[np.float64]
RATIOS: dict[str, list[float]] = {}


def prepared(folder: Path, name: str) -> tuple[NDArray[np.float32], Floats, Schema, int]:
    label, size, drop = STREAMS[name]
    frame = pl.read_parquet(folder / f"{name}.parquet")
    features = [c for c in frame.columns if c not in (label, *drop) and not frame[c].dtype.is_temporal()]
    schema = schema_of(frame, features)
    outcome = frame[label]
    happened = outcome.str.to_lowercase() == "yes" if outcome.dtype == pl.String else outcome.cast(pl.Float64) > 0
    return encode(frame, schema), happened.cast(pl.Float64).to_numpy(), schema, size


def worlds(
    x: NDArray[np.float32], y: Floats, rng: np.random.Generator
) -> Iterator[tuple[str, NDArray[np.float32], Floats]]:
    yield "as it is", x, y
    order = rng.permutation(len(y))
    x, y = x[order], y[order]
    yield "no change", x, y
    column = int(np.argmax([len(np.unique(x[:, j])) for j in range(x.shape[1])]))
    upper = x[:, column] > np.nanmedian(x[:, column])
    place = np.arange(len(y)) / len(y)
    for world, share in (("jump", np.where(place > 1 / 3, 0.3, 0.0)), ("slow", 0.3 * place)):
        turned = upper & (rng.random(len(y)) < share)
        yield world, x, np.where(turned, 1 - y, y)


def measured(folder: Path, name: str) -> None:
    x, y, schema, size = prepared(folder, name)
    first, second = len(y) // 4, len(y) // 2
    parameters = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 1, "seed": 1}
    data = lgb.Dataset(x[:first], y[:first], categorical_feature=list(schema.categories))
    model = lgb.train(parameters, data, 60)
    scores = np.asarray(model.predict(x))
    half = (first + second) // 2
    calibrated = IsotonicRegression(out_of_bounds="clip").fit(scores[first:half], y[first:half])
    p = np.clip(calibrated.predict(scores), 0.005, 0.995) + 1e-6 * scores
    text, estimator = fit_estimator(
        x[half:second], p[half:second], y[half:second], schema=schema, task=Task.BINARY, seed=1, threads=1
    )
    raw = None if text is None else LightgbmScorer(text.encode(), x.shape[1] + 1, threads=1).many
    rng = np.random.default_rng(1)
    rest = np.column_stack([x[second:], p[second:]])
    for world, part, labels in worlds(rest, y[second:], rng):
        figures = []
        for start in range(0, len(labels) - size + 1, size):
            rows = slice(start, start + size)
            answers = Answers(part[rows, -1].astype(np.float64))
            guess = estimated(estimator, part[rows, :-1], answers, raw)
            figures.append((guess, realised(answers, labels[rows], task=Task.BINARY)))
        for delay in (1, 5):
            report(name, world, delay, figures, estimator.kind)


def report(name: str, world: str, delay: int, figures: list, kind: str) -> None:
    cells = []
    for metric in METRICS:
        kept = [
            (g[metric], r[metric]) for g, r in figures if metric in g and metric in r and r[metric].standard_error > 0
        ]
        misses = [
            Miss(t, r.value - g.value, r.standard_error, math.sqrt(max(g.standard_error**2 - r.standard_error**2, 0)))
            for t, (g, r) in enumerate(kept)
        ]
        errors, applied = [], 0
        for t in range(delay, len(kept)):
            found = bias(misses[: t - delay + 1], window=t)
            guess, truth = kept[t]
            shown = corrected(guess, metric, found)
            applied += found is not None and found.applies
            unit = truth.standard_error
            errors.append(
                [abs(value - truth.value) / unit for value in (guess.value, kept[t - delay][1].value, shown.value)]
            )
        if len(errors) < FEWEST:
            cells.append("too few")
            continue
        plain, last, shown_error = np.mean(errors, axis=0)
        ratio = shown_error / min(plain, last)
        RATIOS.setdefault(name, []).append(ratio)
        cells.append(f"{plain:.2f} / {last:.2f} / {shown_error:.2f} ({ratio:.2f}, {applied / len(errors):.0%})")
    print(f"| {name} ({kind}, {len(figures)} windows) | {world} | {delay} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=list(STREAMS))
    given = parser.parse_args()
    print("plain estimate / last realised / corrected (corrected by the better of the two, share of windows corrected)")
    print(f"| stream | world | labels late by | {' | '.join(METRICS)} |")
    begin = time.process_time()
    for one in given.only:
        measured(given.data, one)
    for one, ratios in RATIOS.items():
        worst, over = max(ratios), sum(ratio > 1.1 for ratio in ratios)
        print(f"{one}: mean {np.mean(ratios):.2f}, worst {worst:.2f}, over 1.1 in {over} of {len(ratios)}")
    print(f"{time.process_time() - begin:.1f} CPU s")
