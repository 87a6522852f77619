"""Performance without labels on real streams: `estimate()` beside plain CBPE and the figure of the reference.

    .venv/bin/python bench/estimation.py --data FOLDER [--world as_it_is|shifted] [--json]

FOLDER holds the public streams as Parquet (docs/benchmarks.md names them). Of each stream, in its own order, the first
fifth trains three models (a logistic regression, boosted trees, a random forest), uncalibrated as they come; the next
quarter is the labelled reference; the rest is cut into windows of 2,000 rows (telco churn: 500). Errors are |estimated
- realised| in standard errors of the realised figure, means over a pair's windows. CBPE is isotonic regression on the
reference and the expected metrics of its probabilities; errors within a thousandth of each other are a tie.

`shifted` shuffles each stream first, so that rows keep their meaning, and draws each of twelve windows from the last
part with chances that grow or fall with one column: what changes is what a method without labels can see. That is done
four times, because the windows of one shuffle share its reference's luck.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from daytwo.core.schema import Schema, Task
from daytwo.monitoring import estimate
from daytwo.monitoring.estimating.expected import expected_metrics
from daytwo.monitoring.estimating.performance import Answers, realised
from daytwo.monitoring.frames import encode, schema_of

Floats = NDArray[np.float64]
METRICS = ("roc_auc", "accuracy", "f1")
# The target, and columns that are known only afterwards or name the time.
STREAMS = {
    "electricity": ("price_up", ("timestamp", "date", "nswprice")),
    "telco_churn": ("churn", ()),
    "hotel_bookings": (
        "is_canceled",
        ("arrival_date", "reservation_status", "reservation_status_date", "assigned_room_type", "booking_changes"),
    ),
    "bank_marketing": ("y", ("contact_month", "duration")),
    "hillstrom": ("visit", ("conversion", "spend")),
}
COSTS = ("learning_cpu_s", "cpu_s_per_100k")
CHOSEN_ON = ("electricity", "telco_churn")


def main() -> None:
    """Run every stream and print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--world", choices=("as_it_is", "shifted"), default="as_it_is")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    shuffles: dict[str, list[dict[str, Any]]] = {}
    for stream in STREAMS:
        path = asked.data / f"{stream}.parquet"
        if not path.is_file():
            continue
        frame = pl.read_parquet(path)
        seeds = (1, 2, 3, 4) if asked.world == "shifted" else (None,)
        for seed in seeds:
            for model, pair in pairs(stream, frame, seed):
                shuffles.setdefault(f"{stream}/{model}", []).append(judged(*pair))
    found = {pair: pooled(parts) for pair, parts in shuffles.items()}
    told: dict[str, Any] = {"pairs": found, "summary": summary(found)}
    if asked.world == "shifted":
        told["by_shuffle"] = summary(
            {f"{pair} {i}": one for pair, many in shuffles.items() for i, one in enumerate(many)}
        )
    if asked.json:
        print(json.dumps(told))
        return
    for name, one in found.items():
        figures = "  ".join(f"{m} {one['ours'][m]:.2f}/{one['cbpe'][m]:.2f}/{one['unchanged'][m]:.2f}" for m in METRICS)
        cost = f"{one['cpu_s_per_100k']:.2f} CPU s per 100,000 rows, {one['learning_cpu_s']:.1f} to learn"
        print(f"{name:24} {one['windows']:3} windows  {figures}  {cost}")
    del told["pairs"]
    print(json.dumps(told, indent=1))


Pair = tuple[pl.DataFrame, list[pl.DataFrame], list[str]]


def pairs(name: str, frame: pl.DataFrame, seed: int | None) -> Iterator[tuple[str, Pair]]:
    """Yield each model's scored reference and windows, shuffled and shifted by `seed` if there is one."""
    rng = np.random.default_rng(seed)
    if seed is not None:
        frame = frame[rng.permutation(frame.height)]
    label, left_out = STREAMS[name]
    target = frame[label]
    y = (target.cast(pl.Float64) if target.dtype.is_numeric() or target.dtype == pl.Boolean else
         (target == target.max()).cast(pl.Float64)).to_numpy()  # fmt: skip
    features = [
        column
        for column, kind in frame.schema.items()
        if column not in {label, *left_out} and (kind.is_numeric() or kind in (pl.String, pl.Boolean))
    ]
    first, second = int(0.2 * frame.height), int(0.45 * frame.height)
    first, second = min(first, 20_000), min(second, first + 20_000)
    size = 500 if name == "telco_churn" else 2_000
    schema = schema_of(frame, features)
    matrix = encode(frame, schema)
    for model, score in models(matrix[:first], y[:first], schema).items():
        scored = frame.select(features).with_columns(score=pl.Series(score(matrix)), label=pl.Series(y))
        if seed is not None:
            windows = list(shifted(scored[second:], matrix[second:], size, rng))
        else:
            windows = [scored[i : i + size] for i in range(second, frame.height - size + 1, size)]
        yield model, (scored[first:second], windows, features)


def shifted(pool: pl.DataFrame, matrix: NDArray[np.float32], size: int, rng: np.random.Generator) -> Iterator[Any]:
    """Yield twelve windows in which high or low values of one column are up to twenty times as likely as the others."""
    varied = np.flatnonzero([np.unique(column).size > 1 for column in np.nan_to_num(matrix, nan=-1).T])
    for number in range(12):
        x = np.nan_to_num(matrix[:, rng.choice(varied)], nan=-1)
        values, rank = np.unique(x, return_inverse=True)
        chance = np.exp((1 if number % 2 else -1) * 3 * rank / (values.size - 1))
        yield pool[rng.choice(pool.height, size, replace=False, p=chance / chance.sum())]


def models(x: NDArray[np.float32], y: Floats, schema: Schema) -> dict[str, Callable[[NDArray[np.float32]], Floats]]:
    """Return three models, each as a function from a matrix to scores."""
    categories = [i for i in schema.categories if len(schema.features[i].levels) <= 40]
    numbers = [i for i in range(x.shape[1]) if i not in schema.categories]
    linear = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore"), categories),
        ),
        LogisticRegression(max_iter=300),
    ).fit(x, y)
    parameters = {"objective": "binary", "num_leaves": 15, "verbosity": -1, "num_threads": 1, "seed": 1}
    boosted = lgb.train(parameters, lgb.Dataset(x, y, categorical_feature=list(schema.categories)), 80)
    forest = RandomForestClassifier(100, min_samples_leaf=3, random_state=1).fit(np.nan_to_num(x, nan=-1), y)
    return {
        "logistic": lambda m: linear.predict_proba(m)[:, 1],
        "boosted": lambda m: np.asarray(boosted.predict(m)),
        "forest": lambda m: forest.predict_proba(np.nan_to_num(m, nan=-1))[:, 1],
    }


def judged(reference: pl.DataFrame, windows: list[pl.DataFrame], features: list[str]) -> dict[str, Any]:
    """Return the mean errors of one pair, by method and metric, the share of intervals that held, and the CPU time."""
    past, label = reference["score"].to_numpy(), reference["label"].to_numpy()
    before = realised(Answers(past), label, task=Task.BINARY)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(past, label)
    errors: dict[str, dict[str, list[float]]] = {way: {m: [] for m in METRICS} for way in ("ours", "cbpe", "unchanged")}
    held: list[bool] = []
    began, rows = time.process_time(), 0
    estimate(reference, windows[0], features=features)  # the first call learns
    learnt, began = time.process_time() - began, time.process_time()
    ours = [estimate(reference, window.drop("label"), features=features) for window in windows]
    spent = time.process_time() - began
    for window, told in zip(windows, ours, strict=True):
        rows += window.height
        scores = window["score"].to_numpy()
        truth = realised(Answers(scores), window["label"].to_numpy(), task=Task.BINARY)
        cbpe = expected_metrics(np.clip(isotonic.predict(scores), 1e-9, 1 - 1e-9), Answers(scores))
        for m in METRICS:
            if m not in truth or not truth[m].standard_error:
                continue
            for way, value in (("ours", told[m].value), ("cbpe", cbpe[m][0]), ("unchanged", before[m].value)):
                errors[way][m].append(abs(value - truth[m].value) / truth[m].standard_error)
            held.append(told[m].low <= truth[m].value <= told[m].high)
    # A metric that no window has (nothing was decided as 1) is NaN.
    means = {
        way: {m: float(np.mean(values)) if values else float("nan") for m, values in one.items()}
        for way, one in errors.items()
    }
    coverage = float(np.mean(held)) if held else float("nan")
    costs = {"learning_cpu_s": learnt, "cpu_s_per_100k": spent / rows * 100_000}
    return {**means, "windows": len(windows), "coverage": coverage, **costs}


def pooled(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one pair's figures over its shuffles: the windows together, the others as means."""
    told: dict[str, Any] = {}
    for way in ("ours", "cbpe", "unchanged"):
        errors = {m: [one[way][m] for one in parts if not np.isnan(one[way][m])] for m in METRICS}
        told[way] = {m: float(np.mean(values)) if values else float("nan") for m, values in errors.items()}
    told["windows"] = sum(one["windows"] for one in parts)
    return told | {name: float(np.mean([one[name] for one in parts])) for name in ("coverage", *COSTS)}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Return, for the streams chosen on and those reported, medians and how often and how far CBPE is worse."""
    told = {}
    for what, names in (("chosen on", CHOSEN_ON), ("reported", tuple(set(STREAMS) - set(CHOSEN_ON)))):
        mine = [one for pair, one in found.items() if pair.partition("/")[0] in names]
        if mine:
            ratios = np.array([[one["ours"][m] / one["cbpe"][m] for m in METRICS] for one in mine])
            told[what] = {
                "pairs": len(mine),
                "median_error": {
                    way: {m: float(np.nanmedian([one[way][m] for one in mine])) for m in METRICS}
                    for way in ("ours", "cbpe", "unchanged")
                },
                "better_than_cbpe": float((ratios[~np.isnan(ratios)] < 0.999).mean()),
                "as_good_as_cbpe": float((np.abs(ratios[~np.isnan(ratios)] - 1) <= 0.001).mean()),
                "worst_ratio": float(np.nanmax(ratios)),
                "coverage": float(np.mean([one["coverage"] for one in mine])),
                "cpu_s_per_100k": float(np.median([one["cpu_s_per_100k"] for one in mine])),
            }
    return told


if __name__ == "__main__":
    main()
