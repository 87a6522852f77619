"""A contract from rows: usable as it stands, and plain words where the rows cannot give one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.column import Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.labels import label_of
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.table.columnar import check
from daytwo.contracts.toml import from_toml
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind, Task

FLIGHTS = Path(__file__).parents[3] / "src" / "daytwo" / "demo" / "flights.parquet"
ROWS = 2_000


def trips(rows: int = ROWS) -> pl.DataFrame:
    random = np.random.default_rng(7)
    start = datetime(2013, 1, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "at": [start + timedelta(hours=i) for i in range(rows)],
            "taxi": [f"T{i % 40}" for i in range(rows)],
            "trip": [f"id-{i:06d}" for i in range(rows)],
            "km": random.gamma(4.0, 2.0, rows),
            "stops": random.poisson(2.0, rows),
            "tip_share": random.random(rows) * 0.3,
            "city": random.choice(["Bonn", "Köln", "Ulm"], rows, p=[0.6, 0.3, 0.1]),
            "night": random.random(rows) < 0.3,
            "weekend": (random.random(rows) < 0.3).astype(np.int64),
            "age": np.where(random.random(rows) < 0.1, None, random.integers(20, 60, rows).astype(object)).tolist(),
            "fleet": ["blue"] * rows,
            "number": list(range(100, 100 + rows)),
            "odometer": np.cumsum(random.random(rows)),
            "paid_on": ["3/1/2013", "4/1/2013"] * (rows // 2),
            "comment": [f"{i}-{i * i % 97} was fine" for i in range(rows)],
            "late": random.choice(["no", "yes"], rows, p=[0.8, 0.2]),
        },
        strict=False,
    )


def proposed(frame: pl.DataFrame, **changes: object) -> Contract:
    asked = {"name": "trips", "target": "late", "time": "at", "subject": "taxi", "key": "trip", **changes}
    return propose(frame, **asked)


def test_each_column_gets_a_role_and_a_kind() -> None:
    contract = proposed(trips(), exclude=["stops"])
    roles = {column.name: (str(column.role), str(column.kind)) for column in contract.columns}
    checked = {"number": "integer", "odometer": "number", "fleet": "category", "paid_on": "text", "comment": "text"}
    assert roles == {
        "at": ("time", "time"),
        "taxi": ("subject", "text"),
        "trip": ("key", "text"),
        "km": ("feature", "number"),
        "tip_share": ("feature", "number"),
        "city": ("feature", "category"),
        "night": ("feature", "boolean"),
        "weekend": ("feature", "integer"),
        "age": ("feature", "integer"),
        "late": ("target", "category"),
        "stops": ("ignored", "integer"),
        **{name: ("checked", kind) for name, kind in checked.items()},
    }
    reasons = {c.name: c.evidence for c in contract.columns if c.role in {Role.IGNORED, Role.CHECKED}}
    assert "row number" in reasons["number"]
    assert "grows" in reasons["odometer"]
    assert "always 'blue'" in reasons["fleet"]
    assert "a time other" in reasons["paid_on"]
    assert "free text or ids" in reasons["comment"]
    assert "excluded by name" in reasons["stops"]


def test_ranges_levels_and_missing_values_are_proposed_with_evidence() -> None:
    contract = proposed(trips())
    city, km, age = contract.column("city"), contract.column("km"), contract.column("age")
    assert city.levels == ("Bonn", "Köln", "Ulm")
    assert (city.other, city.nullable, city.max_length) == ("reject", False, 64)
    assert "no other is to be expected" in city.evidence
    assert (km.minimum, km.nullable, km.false_alarm_rate) == (0.0, False, 3 / 400)
    assert km.maximum is not None
    assert km.expected_maximum is not None
    assert trips()["km"].max() < km.expected_maximum < km.maximum
    assert age.nullable
    assert "missing" in age.evidence
    assert (contract.column("tip_share").minimum, contract.column("tip_share").maximum) == (0.0, 1.0)
    assert (contract.column("weekend").minimum, contract.column("weekend").maximum) == (0.0, 1.0)


def test_a_proposal_is_usable_as_it_stands() -> None:
    frame = trips()
    contract = from_toml(to_toml(proposed(frame, owner="me")))
    checked = check(contract, frame)
    assert checked.failures.height == 0
    assert Encoder(contract).matrix(checked.accepted).shape == (ROWS, len(contract.features.features))
    assert contract.task is Task.BINARY
    assert label_of(contract, frame).mean() == pytest.approx((frame["late"] == "yes").mean())


def test_few_rows_prove_nothing_about_missing_values() -> None:
    assert all(column.nullable for column in proposed(trips(500)).columns if column.role is Role.FEATURE)


def test_many_levels_keep_the_frequent_ones() -> None:
    frame = pl.DataFrame({"c": [f"L{int(i**0.5)}" for i in range(2_000_000)]}).with_columns(
        y=pl.int_range(pl.len()) % 2
    )
    column = propose(frame, name="n", target="y").column("c")
    assert len(column.levels) == 1_000
    assert column.levels[0] == "L1413"
    assert "are not listed" in column.evidence


def test_nan_in_a_table_means_missing_from_then_on() -> None:
    frame = trips().with_columns(pl.when(pl.col("km") > 15).then(float("nan")).otherwise(pl.col("km")).alias("km"))
    contract = proposed(frame)
    assert contract.column("km").nan == "missing"
    assert check(contract, frame).failures.height == 0


@pytest.mark.parametrize(
    ("values", "kind", "levels"),
    [
        ([0, 1], Kind.INTEGER, ("0", "1")),
        ([1, 2], Kind.INTEGER, ("1", "2")),
        ([0.0, 1.0], Kind.NUMBER, ("0", "1")),
        ([False, True], Kind.BOOLEAN, ("false", "true")),
        (["stay", "stay", "go"], Kind.CATEGORY, ("stay", "go")),
        ([1.5, 2.5, 3.5], Kind.NUMBER, ()),
    ],
)
def test_targets_of_two_values_are_classes_and_numbers_are_numbers(
    values: list[object], kind: Kind, levels: tuple[str, ...]
) -> None:
    frame = pl.DataFrame({"x": range(600), "y": (values * 300)[:600]})
    target = propose(frame, name="n", target="y").target
    assert target is not None
    assert (target.kind, target.levels) == (kind, levels)
    contract = propose(frame, name="n", target="y")
    assert check(contract, frame).failures.height == 0
    assert set(label_of(contract, frame)) == ({0.0, 1.0} if levels else {1.5, 2.5, 3.5})


@pytest.mark.parametrize(
    ("frame", "asked", "words"),
    [
        (trips().clear(), {}, r"no rows.*Name a file"),
        (trips(), {"target": "lte"}, r"no target column 'lte'.*Did you mean 'late'"),
        (trips(), {"time": "att"}, r"no time column 'att'.*Did you mean 'at'"),
        (trips(), {"exclude": ["kmm"]}, r"no excluded column 'kmm'.*Did you mean 'km'"),
        (trips(), {"time": "km"}, r"'km' is no time: it holds Float64 values.*ISO 8601"),
        (trips(), {"time": "city"}, r"'city' is no time: it holds String values such as '(Bonn|Köln|Ulm)'"),
        (trips().with_columns(late=pl.lit("no")), {}, r"'late' has only the value 'no'.*both outcomes"),
        (trips(), {"target": "city"}, r"'city' has 3 different texts.*two classes or a number"),
    ],
)
def test_rows_that_cannot_give_a_contract_say_the_next_step(
    frame: pl.DataFrame, asked: dict[str, object], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        proposed(frame, **asked)


@pytest.mark.parametrize("text", ["%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M"])
def test_a_time_column_may_be_iso_text(text: str) -> None:
    frame = trips().with_columns(pl.col("at").dt.to_string(text))
    contract = proposed(frame)
    assert contract.time is not None
    assert check(contract, frame).failures.height == 0


def test_a_range_of_winter_bears_the_rest_of_the_year_and_still_sees_another_unit() -> None:
    month = pl.col("scheduled_departure").dt.convert_time_zone("America/New_York").dt.month()
    flights = pl.read_parquet(FLIGHTS).filter(pl.col("late").is_not_null()).with_columns(month.alias("month"))
    winter = flights.filter(pl.col("month") <= 3).drop("month")
    contract = propose(
        winter,
        name="flights",
        target="late",
        time="scheduled_departure",
        subject="tail_number",
        key="flight_id",
        exclude=["arr_delay", "outcome"],
    )
    for number in range(4, 13):
        rows = flights.filter(pl.col("month") == number).drop("month")
        failures = check(contract, rows).failures
        # No clean value is out of range in any month; only rows without a weather report fail, in August and December.
        assert failures.get_column("rule").unique().to_list() in ([], ["not_null"])
        assert failures.height == 0 or number in {8, 12}
    april = flights.filter((pl.col("month") == 4) & pl.col("wind_speed").is_not_null()).drop("month")
    other_unit = april.with_columns(pl.col("wind_speed") * 4.4704)
    assert check(contract, other_unit).rejected.height / april.height > 0.3


def test_times_of_any_kind_that_are_no_time_of_the_model_are_still_times_and_are_judged() -> None:
    start = datetime(2024, 3, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=n) for n in range(300)]
    zoned = pl.Series(moments)
    frame = pl.DataFrame({"zoned": zoned, "naive": zoned.dt.replace_time_zone(None), "day": zoned.dt.date()})
    columns = {column.name: column for column in propose(frame, name="times").columns}
    assert {(one.kind, one.role) for one in columns.values()} == {(Kind.TIME, Role.CHECKED)}


def test_dates_written_with_a_month_name_are_no_inputs_and_promise_nothing_of_their_writing() -> None:
    texts = [f"{('Mar', 'April')[n % 2]} {n % 28 + 1}, 2024" for n in range(300)]
    column = propose(pl.DataFrame({"on": texts}), name="dates").columns[0]
    assert (column.kind, column.role, column.pattern) == (Kind.TEXT, Role.CHECKED, None)


def test_whole_numbers_beyond_a_signed_word_are_left_alone_and_the_rows_pass() -> None:
    frame = pl.DataFrame({"hash": pl.Series([2**64 - 1 - n for n in range(300)], dtype=pl.UInt64)})
    contract = propose(frame, name="hashes")
    assert contract.columns[0].role is Role.IGNORED
    assert check(contract, frame).rejected.height == 0


def test_what_was_measured_and_never_missing_may_be_missing_now_and_then() -> None:
    frame = trips().with_columns(pl.col("km").cast(pl.Float32))
    contract = proposed(frame)
    repaired = {column.name: column.repair for column in contract.columns if column.repair}
    middle = frame["km"].sort()[(ROWS - 1) // 2]
    half = frame["tip_share"].sort()[(ROWS - 1) // 2]
    assert repaired == {"km": (f"default {np.float32(middle)!s}",), "tip_share": (f"default {half!r}",)}
    few = frame.with_columns(pl.when(pl.int_range(ROWS) % 50 > 0).then("km").alias("km"))
    checked = check(contract, few)
    assert (checked.rejected.height, checked.accepted["km_imputed"].sum(), checked.batch) == (0, ROWS // 50, ())
    assert checked.accepted.filter("km_imputed")["km"].unique().to_list() == [pytest.approx(middle)]
    silent = frame.with_columns(pl.when(pl.int_range(ROWS) % 10 > 0).then("km").alias("km"))
    assert [one.rule for one in check(contract, silent).batch] == ["null_share"]
    with pytest.raises(DataError, match="no column 'km'"):
        check(contract, frame.drop("km"))
    assert not any(column.repair for column in proposed(trips(500)).columns)


def test_where_nothing_names_a_row_a_batch_may_not_repeat_itself() -> None:
    random = np.random.default_rng(3)
    frame = pl.DataFrame({"a": random.integers(0, 40, 4_000), "b": random.integers(0, 9, 4_000) / 4})
    frame = frame.with_columns(pl.Series("c", random.choice(["x", "y"], 4_000)), pl.Series("d", random.random(4_000)))
    few = frame.with_columns((pl.col("d") * 20).floor())
    contract, often = propose(frame, name="t"), propose(few, name="t").batch.max_repeat_share
    assert (contract.batch.max_repeat_share, contract.batch.evidence) == (0.02, "0.00% of 4000 rows repeat another row")
    assert often is not None
    assert 0.2 < often <= 0.45
    assert propose(few.select("a", "c"), name="t").batch.max_repeat_share is None
    named = few.with_columns(pl.Series("id", [f"n-{i:05d}" for i in range(4_000)]))
    assert propose(named, name="t").batch.max_repeat_share is None
    batch = frame.head(1_000)
    assert not check(contract, batch).batch
    (told,) = check(contract, pl.concat([batch, batch.head(50)])).batch
    assert (told.rule, told.message) == (
        "repeat_share",
        "4.76% of the rows repeat a row before them; at most 2.00% may",
    )
    assert from_toml(to_toml(contract)) == contract


def test_no_false_alarm_in_n_rows_is_told_as_at_most_three_in_n() -> None:
    contract = proposed(trips())
    rates = [one.false_alarm_rate for one in contract.relations if one.rule == "unique:trip"]
    assert rates == [3 / ROWS]
    assert all(column.false_alarm_rate != 0.0 for column in contract.columns)


def test_a_column_that_is_often_infinite_is_left_alone() -> None:
    frame = trips().with_columns(pl.when(pl.int_range(ROWS) % 2 > 0).then(np.inf).otherwise("km").alias("km"))
    km = proposed(frame).column("km")
    assert (km.role, km.evidence) == (Role.IGNORED, "ignored: infinite in 50.0%: put a number or nothing there")
    once = trips().with_columns(pl.when(pl.int_range(ROWS) > 0).then("km").otherwise(np.inf).alias("km"))
    assert check(proposed(once), once).failures.select("row", "rule").rows() == [(0, "finite")]


def test_daytwos_own_names_are_refused_as_a_check_refuses_them() -> None:
    with pytest.raises(DataError, match="a column '_row', a name of daytwo's own"):
        propose(trips().with_row_index("_row"), name="t")


def test_long_numbers_in_texts_are_names_and_years_no_counters() -> None:
    codes = [f"{4 * 10**25 + i * 7919:d}" for i in range(ROWS)]
    frame = trips().with_columns(pl.Series("code", codes), pl.Series("odd", [f"{i * 13}" for i in range(ROWS)]))
    contract = proposed(frame.with_columns((pl.int_range(ROWS) // 400 + 2010).alias("year")))
    assert "numbers" not in contract.column("code").evidence
    assert 'kind = "number"' in contract.column("odd").evidence
    assert [one.rule for one in contract.relations if one.rule.startswith("monotone")] == [
        "monotone:at",
        "monotone:number",
        "monotone:odometer",
    ]
