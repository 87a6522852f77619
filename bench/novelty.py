"""How many rows are called unusual that are not: on later months, and on rows of the same world.

    nice .venv/bin/python bench/novelty.py --data FOLDER [--json]

The older half of each stream is learned from, as a version is made: a contract proposed of it, eight tenths to learn
what is usual and two tenths, later ones, to set the limit. The other half comes after: the share of its rows with a
value that is called unusual, by calendar month. Beside it the same numbers of the same rows, drawn at random five
times: there nothing has changed, and the share should be one in a thousand.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from daytwo.contracts import propose
from daytwo.contracts.encoder import Encoder
from daytwo.demo import flights
from daytwo.scoring.novelty import NoveltyCheck
from daytwo.training.novelty_fit import fit_novelty

FLIGHTS = Path(flights.__file__).with_name("flights.parquet")
# The label, the time, and what is known too late or tells the date itself.
STREAMS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "flights": ("late", "scheduled_departure", ("flight_id", "tail_number", "outcome", "arr_delay")),
    "hotel_bookings": (
        "is_canceled",
        "arrival_date",
        ("reservation_status", "reservation_status_date", "assigned_room_type", "booking_changes",
         "required_car_parking_spaces", "arrival_date_year", "arrival_date_month", "arrival_date_week_number"),
    ),
    "bank_marketing": ("y", "contact_month", ("duration", "month")),
    "electricity": ("price_up", "timestamp", ("date",)),
    "bike_sharing": ("cnt", "timestamp", ("instant", "dteday", "yr", "mnth", "season", "casual", "registered")),
}  # fmt: skip
_SHUFFLES = 5


def main() -> None:
    """Measure every stream that is there, and print a line for each, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    told = {}
    for name, (label, time, left_out) in STREAMS.items():
        path = FLIGHTS if name == "flights" else asked.data / f"{name}.parquet"
        if path.is_file():
            told[name] = judged(pl.read_parquet(path).drop(left_out).sort(time), label, time)
    if asked.json:
        print(json.dumps(told))
        return
    for name, one in told.items():
        months = one["months"]
        print(
            f"{name:16} stated {one['stated']:.3%}  later {one['later']:.3%}  months: median {np.median(months):.3%}"
            f", most {max(months):.3%} of {len(months)}  same world {np.mean(one['same_world']):.3%}"
            f" ({min(one['same_world']):.3%} to {max(one['same_world']):.3%})  by {one['by']}"
        )


def judged(frame: pl.DataFrame, label: str, time: str) -> dict[str, Any]:
    """Return the shares of unusual rows of one stream, in the order of time and drawn at random."""
    half = frame.height // 2
    contract = propose(frame[:half], target=label, time=time)
    encoder = Encoder(contract)
    matrix = encoder.matrix(frame)
    stated, found, by = _unusual(encoder, matrix, half)
    months = frame[half:].select(month=pl.col(time).dt.truncate("1mo"), found=pl.Series(found))
    shares = months.group_by("month", maintain_order=True).agg(pl.col("found").mean())["found"].to_list()
    same = [
        float(np.mean(_unusual(encoder, matrix[np.random.default_rng(seed).permutation(len(matrix))], half)[1]))
        for seed in range(_SHUFFLES)
    ]
    return {"stated": stated, "later": float(np.mean(found)), "months": shares, "same_world": same, "by": by}


def _unusual(encoder: Encoder, matrix: Any, half: int) -> tuple[float, list[bool], dict[str, int]]:
    cut = half * 8 // 10
    novelty = fit_novelty(matrix[:cut], matrix[cut:half], encoder.schema)
    check = NoveltyCheck(novelty, encoder.schema.names)
    by: dict[str, int] = {}
    found = []
    for row in matrix[half:].tolist():
        columns = {one[0] for one in check.unusual(row)}
        found.append(bool(columns))
        for column in columns:
            by[column] = by.get(column, 0) + 1
    most = sorted(by, key=by.__getitem__, reverse=True)[:4]
    return novelty.expected, found, {column: by[column] for column in most}


if __name__ == "__main__":
    main()
