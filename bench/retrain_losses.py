"""Losses of models trained at different times, for bench/retrain.py: real streams and drawn ones.

A real stream is cut into windows in its own order; the first fifth of its rows is history. Before each window a model
is trained on everything so far (at most 20,000 rows, drawn evenly) and scores all windows to come. Losses are log-loss
a row (probabilities kept within 1 % and 99 %), or the mean absolute error where the label is a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import minimize

from daytwo.demo import flights
from monitoring import STREAMS

Floats = NDArray[np.float64]
Scores = Callable[[Floats], Floats]
WINDOWS, HISTORY, MOST_ROWS = 40, 0.2, 20_000
# Rules were chosen on the first and are reported on the second.
REAL = {"design": ("electricity", "hotel_bookings"), "held-out": ("bank_marketing", "bike_sharing", "flights")}


@dataclass(frozen=True)
class Stream:
    """`losses` as `simulate` takes them, and what other triggers read, each of the same shape.

    `errors` are shares of wrong answers, `expected` losses by the model's own probabilities (NaN for numbers), `psi`
    the largest stability index of a column between the rows learnt from and the window.
    """

    name: str
    losses: Floats
    errors: Floats
    expected: Floats
    psi: Floats


def real(folder: Path, name: str, model: str) -> Stream:
    """Train and score; seconds to a minute."""
    matrix, labels, kinds = _rows(folder, name)
    binary = set(np.unique(labels)) <= {0.0, 1.0}
    edges = np.linspace(len(labels) * HISTORY, len(labels), WINDOWS + 1).astype(int)
    tables = [np.full((WINDOWS, WINDOWS), np.nan) for _ in range(4)]
    spread = float(np.std(labels[: edges[0]]))
    for i in range(WINDOWS):
        take = np.unique(np.linspace(0, edges[i] - 1, MOST_ROWS).astype(int))
        score = _TRAINERS[model](matrix[take], labels[take], binary, kinds)
        said, truth = score(matrix[edges[i] :]), labels[edges[i] :]
        bins = _quantiles(matrix[take])
        before = _shares(matrix[take], bins)
        if binary:
            said = np.clip(said, 0.01, 0.99)
            loss = -np.where(truth == 1, np.log(said), np.log(1 - said))
            wrong = ((said > 0.5) != truth).astype(float)
            expected = -said * np.log(said) - (1 - said) * np.log(1 - said)
        else:
            loss = np.abs(said - truth)
            wrong, expected = np.minimum(loss / (4 * spread), 1), np.full(len(loss), np.nan)
        for t in range(i, WINDOWS):
            rows = slice(edges[t] - edges[i], edges[t + 1] - edges[i])
            now = _shares(matrix[edges[t] : edges[t + 1]], bins)
            psi = max(float(((b - a) * np.log(b / a)).sum()) for a, b in zip(before, now, strict=True))
            found = (loss[rows].mean(), wrong[rows].mean(), expected[rows].mean(), psi)
            for table, value in zip(tables, found, strict=True):
                table[i, t] = value
    return Stream(f"{name}, {model}", *tables)


def drawn(seed: int) -> Iterator[Stream]:
    """Five worlds with the noise of 1,000 rows a window: still, slow decay, jumps, a season, a fading benefit."""
    rng = np.random.default_rng(seed)
    i, t = np.meshgrid(np.arange(WINDOWS), np.arange(WINDOWS), indexing="ij")
    age = np.maximum(t - i, 0)
    jumps = np.cumsum(rng.random(WINDOWS) < 0.08)
    season = np.sin(2 * np.pi * np.arange(WINDOWS) / 20)
    worlds = {
        "still": 0.0 * age,
        "slow": 0.004 * age,
        "jumps": 0.1 * (jumps[t] - jumps[i]),
        "season": 0.05 * np.abs(season[t] - season[i]),
        "fading": 0.05 * (1 - np.exp(-age / 6.0)),
    }
    for name, excess in worlds.items():
        shared, own = rng.normal(0, 0.02, WINDOWS), rng.normal(0, 0.005, (WINDOWS, WINDOWS))
        losses = np.where(t >= i, 0.5 + excess + shared[None, :] + own, np.nan)
        none = np.full_like(losses, np.nan)
        yield Stream(f"{name} {seed}", losses, none, none, none)


def hard(seed: int) -> Iterator[Stream]:
    """Fourteen worlds made to be hard: 24 to 60 windows, noise of any size, models that differ by luck."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([24, 40, 60]))
    i, t = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    age = np.maximum(t - i, 0)
    walk = np.cumsum(rng.normal(0, 0.05, (n, 3)), axis=0)
    season = np.sin(2 * np.pi * np.arange(n) / rng.choice([8, 13, 26]) + rng.uniform(0, 6))
    small, large = (np.cumsum((rng.random(n) < p) * rng.exponential(size, n)) for p, size in ((0.08, 0.1), (0.04, 0.4)))
    worlds = {
        "still": 0.0 * age,
        "slow": rng.uniform(0.001, 0.006) * age,
        "fast": rng.uniform(0.01, 0.04) * age,
        "jumps": small[t] - small[i],
        "large jumps": large[t] - large[i],
        "season": rng.uniform(0.03, 0.15) * np.abs(season[t] - season[i]),
        "fading": rng.uniform(0.02, 0.15) * (1 - np.exp(-age / rng.uniform(2, 10))),
        "root": rng.uniform(0.005, 0.04) * np.sqrt(age),
        "walk": np.minimum(((walk[t] - walk[i]) ** 2).sum(-1), 0.5),
        "uneven": rng.uniform(0.005, 0.02) * age * np.exp(rng.normal(0, 0.5, n))[t],
        "calendar": 0.03 * np.log1p(age) * (1 + 2 * (season[t] > 0.5)),
        "learning": 0.05 * np.exp(-i / 8.0),
        "begins": 0.01 * np.maximum(age - np.maximum(n // 2 - i, 0), 0),
        "ends": 0.02 * np.minimum(age, np.maximum(n // 2 - i, 0)),
    }
    base = rng.uniform(0.2, 0.8)
    for name, excess in worlds.items():
        noise = rng.choice([0.003, 0.01, 0.03])
        shared, luck = rng.normal(0, rng.choice([0.01, 0.05]), n), rng.normal(0, noise * rng.choice([0.2, 1.0]), (n, 1))
        own = rng.normal(0, noise, (n, n)) * (0.7 + 0.6 * rng.random(n))
        losses = np.where(t >= i, np.maximum(base + excess + shared + own + luck, 0.02), np.nan)
        none = np.full_like(losses, np.nan)
        yield Stream(f"{name} {seed}", losses, none, none, none)


def _rows(folder: Path, name: str) -> tuple[Floats, Floats, list[bool]]:
    """Return numbers (categories as codes by first appearance), labels, and which columns are categories."""
    part = next(one for one in STREAMS.values() if name in one)
    label, _, drop = part[name]
    path = Path(flights.__file__).parent / "flights.parquet" if name == "flights" else folder / f"{name}.parquet"
    label = label or "late"
    drop = (*drop, "arr_delay")
    frame = pl.read_parquet(path).filter(pl.col(label).is_not_null())
    frame = frame.gather_every(1 + frame.height // 120_000)
    names = [c for c in frame.columns if c not in (label, *drop) and not frame[c].dtype.is_temporal()]
    columns, kinds = [], []
    for column in names:
        values = frame[column]
        text = not (values.dtype.is_numeric() or values.dtype == pl.Boolean)
        columns.append((values.cast(pl.String).rank("dense") if text else values).cast(pl.Float64).to_numpy())
        kinds.append(text)
    truth = frame[label] == "yes" if frame[label].dtype == pl.String else frame[label]
    return np.column_stack(columns), truth.cast(pl.Float64).to_numpy(), kinds


def _boosted(matrix: Floats, labels: Floats, binary: bool, kinds: list[bool]) -> Scores:
    params = {
        "objective": "binary" if binary else "l1",
        "num_leaves": 15,
        "learning_rate": 0.1,
        "min_data_in_leaf": 40,
        "verbosity": -1,
        "num_threads": 1,
        "seed": 1,
    }
    names = [k for k, text in enumerate(kinds) if text]
    grown = lightgbm.train(params, lightgbm.Dataset(matrix, labels, categorical_feature=names), 60)
    return lambda rows: np.asarray(grown.predict(rows), dtype=np.float64)


def _linear(matrix: Floats, labels: Floats, binary: bool, kinds: list[bool]) -> Scores:
    """Logistic or least squares on standardised numbers and the 20 commonest levels of each category."""
    levels = {}
    for k, text in enumerate(kinds):
        if text:
            values, counts = np.unique(matrix[:, k], return_counts=True)
            levels[k] = values[np.argsort(-counts)[:20]]
    centre, scale = np.nanmean(matrix, axis=0), np.nanstd(matrix, axis=0) + 1e-9

    def inputs(rows: Floats) -> Floats:
        numbers = [k for k, text in enumerate(kinds) if not text]
        plain = [np.clip(np.nan_to_num((rows[:, k] - centre[k]) / scale[k]), -5, 5) for k in numbers]
        flags = [(rows[:, k] == level).astype(float) for k in levels for level in levels[k]]
        return np.column_stack([np.ones(len(rows)), *plain, *flags])

    x = inputs(matrix)
    if not binary:
        weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ labels)
        return lambda rows: inputs(rows) @ weights

    def cost(weights: Floats) -> tuple[float, Floats]:
        logit = x @ weights
        miss = 1 / (1 + np.exp(-logit)) - labels
        value = np.logaddexp(0, logit).sum() - labels @ logit + 0.5 * weights @ weights
        return float(value), x.T @ miss + weights

    weights = minimize(cost, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 60}).x
    return lambda rows: 1 / (1 + np.exp(-np.clip(inputs(rows) @ weights, -30, 30)))


_TRAINERS: dict[str, Callable[[Floats, Floats, bool, list[bool]], Scores]] = {"boosted": _boosted, "linear": _linear}


def _quantiles(rows: Floats) -> list[Floats]:
    return [np.unique(np.nanquantile(rows[:, k], np.linspace(0.1, 0.9, 9))) for k in range(rows.shape[1])]


def _shares(rows: Floats, bins: list[Floats]) -> list[Floats]:
    placed = ((np.searchsorted(cuts, rows[:, k]), len(cuts) + 2) for k, cuts in enumerate(bins))
    counts = [np.bincount(places, minlength=most) + 0.5 for places, most in placed]
    return [one / one.sum() for one in counts]
