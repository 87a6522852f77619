"""The year of flights the demo lives through: its rows, its question, its settings, and the one injected fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import as_file, files
from typing import Any

import numpy as np
import polars as pl

from daytwo.lifecycle.kept_aside.mending import Repair

# History ends and live traffic begins here; the year ends the other.
FIRST_DAY = date(2013, 4, 1)
LAST_DAY = date(2013, 12, 31)
# Known only after the flight: never an input.
OUTCOMES = ("outcome", "arr_delay", "late")
TARGET = "late"
# Whose flights of the days before are among the inputs, and how they are called.
_WHOSE = {"carrier": "airline", "route": "route", "origin": "airport"}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "model": {
        "purpose": (
            "Warn the operations desk two hours before departure about flights that will arrive 30 or more minutes late"
        ),
    },
    "data": {"owner": "weather-and-schedule@airline.example"},
    "value": {"currency": "USD", "true_positive": "2.5 * seats - 120", "false_positive": -120, "false_negative": 0},
    "monitor": {"window": "7d", "false_alarms": "1 per quarter", "label_delay": "2d"},
    "retrain": {"policy": "marginal", "switch_cost": 400.0, "every": 2},
    "plan": {
        "kpi": "money that early warnings save the operations desk, as [value] counts it",
        "budget": 1_500.0,
        "review_by": "2014-03-31",
    },
    "gate": {"metric": "roc_auc", "margin": 0.005, "slices": ["origin", "carrier"]},
    "reasons": {
        "row": "flight",
        "segment": "carrier",
        "typical_of": "negatives",
        "names": {"carrier": "airline", "dest": "destination"},
        "phrases": {
            "scheduled_departure_minute": "departs at {value} (typical {typical})",
            "dest": "flies to {value}",
        },
        "formats": {
            "scheduled_departure_minute": "minutes",
            "scheduled_arrival_minute": "minutes",
            **{f"{whose}_late_share_{days}d": "percent" for whose in _WHOSE for days in (1, 2)},
        },
        "groups": {
            "the weather": [
                "temperature_f",
                "dew_point_f",
                "humidity",
                "wind_dir",
                "wind_speed",
                "wind_gust",
                "precipitation_in",
                "pressure_hpa",
                "visibility_mi",
            ],
            **{
                f"how the {said} went before": [
                    f"{whose}_{what}_{days}d" for what in ("mean_delay", "late_share") for days in (1, 2)
                ]
                for whose, said in _WHOSE.items()
            },
        },
    },
}


@dataclass(frozen=True, slots=True)
class Fault:
    """An upstream fault: from `first` to `last` day the weather feed of one airport sends `wind_speed` another way.

    The feed switches to the unit of the raw observation record, tenths of metres per second, and writes the unit
    into some of the values. `repair` is what the data owner answers with once the alert has spoken.
    """

    origin: str = "LGA"
    first: date = date(2013, 7, 15)
    last: date = date(2013, 7, 17)
    column: str = "wind_speed"
    # One mile per hour is 4.4704 tenths of metres per second.
    factor: float = 4.4704
    text_share: float = 0.1

    @property
    def repair(self) -> Repair:
        """How the quarantined rows are mended."""
        return Repair(self.column, "scale", repr(1 / self.factor))

    def applies(self, day: date) -> bool:
        """Whether the feed is broken on this day."""
        return self.first <= day <= self.last

    def inject(self, rows: list[dict[str, Any]], seed: int) -> int:
        """Break the rows of the airport in place, and return how many were touched."""
        random = np.random.default_rng([seed, len(rows)])
        touched = 0
        for row in rows:
            if row["origin"] != self.origin or row[self.column] is None:
                continue
            tenths = row[self.column] * self.factor
            row[self.column] = f"{tenths:.1f} dm/s" if random.random() < self.text_share else tenths
            touched += 1
        return touched


def load_year() -> pl.DataFrame:
    """Return all flights of 2013 out of New York, in order of their scheduled departure (UTC)."""
    with as_file(files("daytwo.demo") / "flights.parquet") as path:
        return pl.read_parquet(path)


def history(year: pl.DataFrame) -> pl.DataFrame:
    """Return the flights before the model went live, as the data team would hand them over.

    Cancelled and diverted ones are among them, without a label: what a row may look like is learnt from them too.
    """
    start = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    return year.filter(pl.col("scheduled_departure") < start).drop("outcome", "arr_delay")


def by_day(year: pl.DataFrame) -> dict[date, pl.DataFrame]:
    """Return the flights of each live day (UTC)."""
    day = pl.col("scheduled_departure").dt.date()
    live = year.filter(day >= FIRST_DAY).with_columns(day.alias("_day"))
    return {
        key[0]: frame.drop("_day")
        for key, frame in live.partition_by("_day", as_dict=True, maintain_order=True).items()
    }


def requests(flights: pl.DataFrame) -> list[dict[str, Any]]:
    """Return what the operations desk sends two hours before departure: no outcome, times as text."""
    return (
        flights.drop(OUTCOMES).with_columns(pl.col("scheduled_departure").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_dicts()
    )


def labels(flights: pl.DataFrame) -> list[dict[str, Any]]:
    """Return what is known two days later: of each flight that arrived, whether it was late."""
    known = flights.filter(pl.col(TARGET).is_not_null())
    observed = pl.col("scheduled_departure") + timedelta(days=1)
    return known.select(
        pl.col("flight_id").alias("key"),
        pl.col(TARGET).cast(pl.Int8).alias("label"),
        observed.dt.strftime("%Y-%m-%dT%H:%M:%SZ").alias("observed_at"),
    ).to_dicts()
