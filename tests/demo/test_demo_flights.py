"""The demo's data says only what was known two hours before departure: recomputed here from the raw tables."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import build_flights

SHIPPED = Path(__file__).parents[2] / "src" / "daytwo" / "demo" / "flights.parquet"
OUTCOME = ["outcome", "arr_delay", "late"]
GROUPS = {"route": ("origin", "dest"), "carrier": ("origin", "carrier"), "origin": ("origin",)}


@pytest.fixture(scope="module")
def raw() -> build_flights.Raw:
    return build_flights.read_raw()


@pytest.fixture(scope="module")
def shipped() -> pl.DataFrame:
    return pl.read_parquet(SHIPPED)


def departure(row: dict) -> datetime:
    clock = divmod(row["sched_dep_time"], 100)
    return datetime(row["year"], row["month"], row["day"], *clock, tzinfo=ZoneInfo("America/New_York"))


def arrival(row: dict, zones: dict) -> datetime:
    """When the aircraft was at its gate: the scheduled local time at the destination, plus the delay."""
    zone = ZoneInfo(zones.get(row["dest"], "America/Puerto_Rico"))
    left = departure(row).astimezone(UTC)
    hour, minute = divmod(row["sched_arr_time"] % 2400, 100)
    planned = left.astimezone(zone).replace(hour=hour, minute=minute)
    if planned.astimezone(UTC) < left:
        planned += timedelta(days=1)
    at_gate = planned.astimezone(UTC) + timedelta(minutes=row["arr_delay"])
    if row["air_time"] is not None:
        at_gate = max(at_gate, left + timedelta(minutes=row["dep_delay"] + row["air_time"]))
    return at_gate


def test_shipped_table_is_what_the_script_builds(raw, shipped):
    assert_frame_equal(build_flights.build(raw), shipped)


def test_the_same_rows_give_the_same_bytes(shipped, tmp_path):
    part = shipped.head(20_000)
    build_flights.write(part, tmp_path / "one")
    build_flights.write(part, tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_every_flight_of_the_year_is_there_once(shipped):
    assert shipped.height == shipped["flight_id"].n_unique() == 336_776
    assert dict(shipped["outcome"].value_counts().iter_rows()) == {
        "arrived": 327_346,
        "cancelled": 8_255,
        "diverted": 1_175,
    }
    assert shipped.filter(pl.col("outcome") != "arrived").select("arr_delay", "late").null_count().row(0) == (
        9430,
        9430,
    )
    assert shipped.select("scheduled_departure", "flight_id").equals(
        shipped.select("scheduled_departure", "flight_id").sort("scheduled_departure", "flight_id")
    )
    assert SHIPPED.stat().st_size < 8_000_000


def test_a_sample_agrees_with_the_raw_tables_row_by_row(raw, shipped):
    """Plain Python over the raw rows, sharing no code with the script."""
    zones = dict(raw.airports.select("faa", "tzone").iter_rows())
    by_day: dict[date, list[dict]] = {}
    for row in raw.flights.iter_rows(named=True):
        by_day.setdefault(date(row["year"], row["month"], row["day"]), []).append(row)
    weather = {(w["origin"], w["time_hour"]): w for w in raw.weather.iter_rows(named=True)}
    planes = {p["tailnum"]: p for p in raw.planes.iter_rows(named=True)}
    sample = raw.flights.sample(120, seed=5)
    rows = {r["flight_id"]: r for r in shipped.iter_rows(named=True)}
    for flight in sample.iter_rows(named=True):
        day = date(flight["year"], flight["month"], flight["day"])
        key = f"{day:%Y%m%d}-{flight['carrier']}-{flight['flight']}-{flight['origin']}-{flight['sched_dep_time']:04d}"
        built, cutoff = rows[key], departure(flight).astimezone(UTC) - timedelta(hours=2)
        assert built["scheduled_departure"] == cutoff + timedelta(hours=2)
        assert (built["arr_delay"], built["tail_number"]) == (flight["arr_delay"], flight["tailnum"])
        assert built["seats"] == planes.get(flight["tailnum"], {}).get("seats")
        same_hour = [o for o in by_day[day] if (o["origin"], o["hour"]) == (flight["origin"], flight["hour"])]
        assert built["origin_flights_in_hour"] == len(same_hour)
        for name, group in GROUPS.items():
            for days in (1, 2):
                delays = [
                    other["arr_delay"]
                    for other in by_day.get(day - timedelta(days=days), [])
                    if other["arr_delay"] is not None
                    and all(other[column] == flight[column] for column in group)
                    and arrival(other, zones) <= cutoff
                ]
                mean, share = built[f"{name}_mean_delay_{days}d"], built[f"{name}_late_share_{days}d"]
                if not delays:
                    assert (mean, share) == (None, None)
                    continue
                assert mean == pytest.approx(sum(delays) / len(delays), abs=0.501)
                assert share == pytest.approx(sum(d >= 30 for d in delays) / len(delays), abs=0.00501)
        hours = [(cutoff - timedelta(hours=back)).strftime("%Y-%m-%dT%H:00:00Z") for back in (1, 2, 3)]
        seen = next((weather[flight["origin"], hour] for hour in hours if (flight["origin"], hour) in weather), {})
        assert built["temperature_f"] == pytest.approx(seen.get("temp"), abs=0.01)
        assert built["precipitation_in"] == pytest.approx(seen.get("precip"), abs=0.01)


def test_nothing_after_the_cutoff_changes_a_feature(raw):
    """Rewrite everything that became known after an hour: rows with an earlier cutoff must not move."""
    now = datetime(2013, 7, 10, 15, 0, tzinfo=UTC)
    zones = dict(raw.airports.select("faa", "tzone").iter_rows())
    fortnight = raw.flights.filter(pl.col("month") == 7, pl.col("day") <= 14)
    later = [row["arr_delay"] is not None and arrival(row, zones) > now for row in fortnight.iter_rows(named=True)]
    rewritten = fortnight.with_columns(
        arr_delay=pl.when(pl.Series(later)).then(pl.col("arr_delay") + 500).otherwise(pl.col("arr_delay"))
    )
    unfinished = pl.col("time_hour") > (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    storm = [
        pl.when(unfinished).then(pl.col(name) + 7).otherwise(pl.col(name)).alias(name) for name in build_flights.WEATHER
    ]
    tables = [
        build_flights.build(build_flights.Raw(flights, weather, raw.planes, raw.airports)).drop(OUTCOME)
        for flights, weather in ((fortnight, raw.weather), (rewritten, raw.weather.with_columns(storm)))
    ]
    known = pl.col("scheduled_departure") - timedelta(hours=2) <= now
    before, after = (table.filter(known) for table in tables)
    assert before.height > 8_000
    assert_frame_equal(before, after)
    assert not tables[0].equals(tables[1]), "the rewriting reached later rows, so the comparison means something"
