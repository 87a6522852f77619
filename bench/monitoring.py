"""The alarm on real streams: false alarms against the budget, and windows of delay on induced drifts.

    .venv/bin/python bench/monitoring.py --data FOLDER --part held-out --runs 20

FOLDER holds the public streams as Parquet (docs/benchmarks.md names them). Designs were chosen on `design`; `held-out`
is what is reported. Each stream is cut into windows of rows in its own order. `shuffled` puts the windows in random
order, so nothing changes by construction; `runs of 7` shuffles runs of seven neighbours and keeps the order within,
so that windows resemble their neighbours. The first windows are the reference, the rest is watched.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import chi2

from daytwo.monitoring import watch
from daytwo.monitoring.watching import Watcher

# file, label, rows a window, columns that are no features
STREAMS: dict[str, dict[str, tuple[str, int, tuple[str, ...]]]] = {
    "design": {
        "telco_churn": ("churn", 60, ()),
        "electricity": ("price_up", 336, ("timestamp", "date", "nswprice")),
        "simulated": ("", 500, ()),
    },
    "held-out": {
        "hotel_bookings": (
            "is_canceled",
            500,
            (
                "arrival_date",
                "reservation_status",
                "reservation_status_date",
                "assigned_room_type",
                "booking_changes",
                "required_car_parking_spaces",
                "arrival_date_year",
                "arrival_date_month",
                "arrival_date_week_number",
                "arrival_date_day_of_month",
            ),
        ),
        "bike_sharing": ("cnt", 144, ("timestamp", "dteday", "instant", "casual", "registered")),
        "bank_marketing": ("y", 300, ("contact_month", "duration")),
        "hillstrom": ("visit", 500, ("conversion", "spend")),
        "flights": ("", 1000, ("outcome", "late", "flight_id", "tail_number", "dest")),
    },
}
REFERENCE, LONGEST = 60, 40
BUDGET = 1 / 90
Change = Callable[[pl.DataFrame], pl.DataFrame]
Delays = dict[str, list[tuple[int, float]]]


def simulated(rows: int) -> tuple[pl.DataFrame, list[str]]:
    """Eight numbers, four of them with a value of the day, and two categories; 240 windows."""
    draw = np.random.default_rng(5)
    days = np.repeat(draw.normal(size=(240, 4)), rows, axis=0)
    z = draw.normal(size=(240 * rows, 8))
    z[:, 1] = 0.7 * z[:, 0] + 0.7 * z[:, 1]
    z[:, :4] += 0.3 * days
    z[:, 4] = np.exp(z[:, 4])
    z[:, 5] = np.round(z[:, 5] * 10)
    frame = pl.DataFrame(z, schema=[f"x{i}" for i in range(8)]).with_columns(
        pl.Series("c1", draw.choice(list("abcdef"), len(z), p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04])),
        pl.Series("c2", draw.choice(["u", "v"], len(z))),
    )
    names = list(frame.columns)
    return frame.with_columns(pl.Series("score", 1 / (1 + np.exp(-(z[:, 0] + 0.5 * z[:, 2]))))), names


def read(folder: Path, name: str, label: str, drop: tuple[str, ...], rows: int) -> tuple[pl.DataFrame, list[str]]:
    if name == "simulated":
        return simulated(rows)
    path = folder / f"{name}.parquet"
    if name == "flights":
        path = Path("src/daytwo/demo/flights.parquet")
    frame = pl.read_parquet(path)
    if not label:
        label = "arr_delay"
    keep = [
        column
        for column, kind in frame.schema.items()
        if column != label
        and column not in drop
        and (kind.is_numeric() or kind in (pl.String, pl.Categorical, pl.Boolean))
        and frame[column].n_unique() > 1
    ]
    target = frame[label]
    y = (
        target.cast(pl.Float64)
        if target.dtype.is_numeric() or target.dtype == pl.Boolean
        else (target == target.max()).cast(pl.Float64)
    )
    x = np.column_stack(
        [
            frame[c].rank("dense").fill_null(0).to_numpy()
            if not frame[c].dtype.is_numeric()
            else frame[c].fill_null(0).to_numpy()
            for c in keep
        ]
    )
    x = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-9)
    weights = np.linalg.lstsq(x, y.fill_null(0.0).to_numpy() - y.mean(), rcond=1e-6)[0]
    return frame.select(keep).with_columns(pl.Series("score", x @ weights)), keep


def orders(count: int, runs: int, together: int, first: int = 0) -> Iterator[np.ndarray]:
    for seed in range(first, first + runs):
        draw = np.random.default_rng(seed)
        begin = int(draw.integers(together))
        pieces = [p for p in np.split(np.arange(count), range(begin, count, together)) if p.size]
        yield np.concatenate([pieces[i] for i in draw.permutation(len(pieces))])


def spread_out(column: pl.Series, share: float) -> bool:
    """Whether a column is mostly known, and no one value has more than a share of it."""
    return (
        column.null_count() < 0.2 * column.len()
        and int(column.drop_nulls().value_counts()["count"].max() or 0) < share * column.len()
    )


def strongest_tie(frame: pl.DataFrame, numbers: list[str], rows: int) -> tuple[str, float]:
    """Return the number that moves most with another one inside windows: only there does shuffling it break a tie."""
    if len(numbers) < 2:
        return "", 0.0
    ranks = frame.select(pl.col(numbers).rank().fill_null(0)).to_numpy()
    ties = np.zeros((len(numbers), len(numbers)))
    cuts = range(0, len(ranks) - rows + 1, rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        for i in cuts:
            ties += np.abs(np.nan_to_num(np.corrcoef(ranks[i : i + rows].T))) / len(cuts)
    np.fill_diagonal(ties, 0.0)
    return numbers[int(np.argmax(ties.max(axis=0)))], float(ties.max())


def drifts(frame: pl.DataFrame, names: list[str], rows: int, seed: int) -> dict[str, Change]:
    draw = np.random.default_rng(seed)
    numbers = [
        c for c in names if frame[c].dtype.is_numeric() and frame[c].n_unique() > 9 and spread_out(frame[c], 0.5)
    ]
    levels = [c for c in names if frame[c].n_unique() <= 30 and spread_out(frame[c], 0.8)]
    number = str(draw.choice(numbers))
    spread = frame[number].std()
    tied, strength = strongest_tie(frame, numbers, rows)
    found: dict[str, Change] = {
        "shift .25 sd": lambda f: f.with_columns(pl.col(number) + 0.25 * spread),
        "unit, 5 % of rows": lambda f: f.with_columns(
            pl.when(pl.Series(draw.random(f.height) < 0.05)).then(pl.col(number) * 2.54).otherwise(number)
        ),
        "10 % missing": lambda f: f.with_columns(
            pl.when(pl.Series(draw.random(f.height) < 0.9)).then(pl.col(number)).otherwise(None)
        ),
    }
    if strength > 0.3:
        found["dependence"] = lambda f: f.with_columns(pl.col(tied).shuffle(seed=int(draw.integers(1 << 30))))
    if levels:
        level = str(draw.choice(levels))
        value = frame[level].mode()[0]
        found["category prior"] = lambda f: f.with_columns(
            pl.when(pl.Series(draw.random(f.height) < 0.15)).then(pl.lit(value)).otherwise(level).alias(level)
        )
    return found


def judge_stream(frame: pl.DataFrame, names: list[str], rows: int, runs: int, first: int) -> Delays:
    windows = [frame[i : i + rows] for i in range(0, frame.height - rows + 1, rows)]
    windows = windows[:240]
    delays: Delays = {}
    for mode, together in (("shuffled", 1), ("runs of 7", 7)):
        alarms = seen = 0
        for order in orders(len(windows), runs, together, first):
            cut = [windows[i] for i in order]
            found = list(watch(cut[:REFERENCE], cut[REFERENCE:], features=names))
            alarms, seen = alarms + sum(one.alarm for one in found), seen + len(found)
        upper = chi2.ppf(0.95, 2 * alarms + 2) / 2 / seen
        verdict = "within" if upper <= BUDGET else "NOT SHOWN"
        print(
            f"  {mode:10} {alarms:3} alarms in {seen:5} windows: {alarms / seen:.4f}, at most {upper:.4f}"
            f" (budget {BUDGET:.4f}): {verdict}",
            flush=True,
        )
    if first:
        return delays
    for seed, order in enumerate(orders(len(windows), max(runs // 4, 3), 1)):
        cut = [windows[i] for i in order]
        for name, change in drifts(frame, names, rows, seed).items():
            coming = (change(window) for window in cut[REFERENCE : REFERENCE + LONGEST])
            found = watch(cut[:REFERENCE], coming, features=names)
            heard = [one.window + 1 for one in found if one.alarm]
            delays.setdefault(name, []).append((min(heard, default=LONGEST + 1), strength(found)))
    return delays


def strength(found: Watcher) -> float:
    """Return how far the drift moved the channel it moved most, in spreads of the reference's windows."""
    moved = []
    for values in found.heard.values():
        usual, now = np.array(values[:REFERENCE]), np.array(values[REFERENCE:])
        moved.append(float((np.median(now) - usual.mean()) / max(usual.std(), 1e-3)))
    return max(moved)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--part", choices=tuple(STREAMS), default="held-out")
    asked.add_argument("--runs", type=int, default=20)
    asked.add_argument("--only", default="")
    asked.add_argument(
        "--first", type=int, default=0, help="the first run's number: to add false alarms to a bench before"
    )
    given = asked.parse_args()
    everything: Delays = {}
    for name, (label, rows, drop) in STREAMS[given.part].items():
        if given.only not in name:
            continue
        begin = time.process_time()
        frame, names = read(given.data, name, label, drop, rows)
        print(f"{name}: windows of {rows} rows, {len(names)} columns", flush=True)
        for drift, found in judge_stream(frame, names, rows, given.runs, given.first).items():
            everything.setdefault(drift, []).extend(found)
            print(f"  {drift:18} {told(found)} of {[delay for delay, _ in found]}", flush=True)
        print(f"  {time.process_time() - begin:.0f} CPU s")
    print("all streams together (an alarm that never came counts as 41)")
    for drift, found in everything.items():
        print(f"  {drift:18} {told(found)}")
    for low, high in ((0.0, 1.0), (1.0, 1.5), (1.5, 2.0), (2.0, 3.0), (3.0, 1e9)):
        if chosen := [one for found in everything.values() for one in found if low <= one[1] < high]:
            print(f"  moved by {low:.1f} to {high:.1f} spreads: {told(chosen)}")


def told(found: list[tuple[int, float]]) -> str:
    """Say the delays in words."""
    delays, strengths = zip(*found, strict=True)
    return (
        f"median {np.median(delays):4.1f}  mean {np.mean(delays):5.1f}  n {len(delays)}"
        f"  moved by {np.median(strengths):.1f} spreads"
    )


if __name__ == "__main__":
    main()
