"""The quick eye: a source that is not as it was is told once, with its cause, and closed when it has healed."""

from datetime import UTC, datetime, timedelta

import lightgbm
import msgspec
import numpy as np
import polars as pl
import pytest

from daytwo.alerts.alerts import closed
from daytwo.contracts.batch import Batch
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.toml_text import to_toml
from daytwo.core.finding import Severity
from daytwo.core.schema import Kind, Task
from daytwo.core.settings import ValueSettings
from daytwo.explain.references import build_explainer
from daytwo.lifecycle.flow import InlineRunner
from daytwo.lifecycle.intake.pickup import take_in
from daytwo.lifecycle.kept_aside.quarantine import Which, kept_rows
from daytwo.lifecycle.kept_aside.repairing import drop
from daytwo.lifecycle.sources import source_health
from daytwo.lifecycle.sources.patrol import patrol
from daytwo.lifecycle.sources.source_gaps import gaps
from daytwo.lifecycle.sources.source_health import SIGHT, look
from daytwo.lifecycle.sources.source_tallies import read_tallies
from daytwo.registry.bundle import Manifest
from daytwo.registry.route import Route
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.replay import Replay

NOW = datetime(2013, 6, 3, tzinfo=UTC)  # a Monday
MOMENT = pl.Datetime("us", "UTC")
HOUR = timedelta(hours=1)


def contract(batch: Batch | None = None) -> Contract:
    wind = Column("wind", Kind.NUMBER, minimum=0.0, maximum=100.0, expected_maximum=40.0, owner="weather@example.org")
    columns = (wind, Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1")))
    return Contract("flights", 1, "", columns, batch=batch or Batch())


@pytest.fixture
def live(system):
    """The system with a real, very small model live."""
    matrix = np.linspace(0, 40, 200, dtype=np.float32).reshape(-1, 1)
    data = lightgbm.Dataset(matrix, (matrix[:, 0] > 20).astype(float))
    options = {"objective": "binary", "num_leaves": 3, "verbosity": -1, "num_threads": 1, "deterministic": True}
    text = lightgbm.train(options, data, 2).model_to_string().encode()
    schema = contract().features
    files = {
        "model.txt": text,
        "contract.toml": to_toml(contract()).encode(),
        "calibration.json": Calibration().to_json(),
        "payoff.json": Payoff.from_settings(ValueSettings(), Task.BINARY).to_json(),
        "replay.npy": Replay(matrix, LightgbmScorer(text, 1).many(matrix)).to_bytes(),
        "explainer.json": build_explainer(matrix, schema, task=Task.BINARY, outcome="late").to_json(),
    }
    manifest = Manifest(model="flights", task=Task.BINARY, metric="roc_auc", contract=contract().digest)
    digest = system.bundles.put(files, manifest).digest
    system.registry.change_route(Route(1, digest), cause="first", at=NOW, by="x", reason="x")
    return system


def answered(
    system, at: datetime, n: int, bad=(), *, column="wind", rule="type", length=SIGHT, late=timedelta()
) -> None:
    """Put `n` answered rows into the tables, spread over a day; the first of them held `bad` and were kept aside."""
    times = [at + i * length / n for i in range(n)]
    random = np.random.default_rng(n)
    rows = pl.DataFrame(
        {
            "_id": [f"{at:%d%H}-{i}" for i in range(n)],
            "_received_at": pl.Series(times, dtype=MOMENT),
            "_time": pl.Series([time - late for time in times], dtype=MOMENT),
            "_arm": ["fallback" if i < len(bad) else "champion" for i in range(n)],
            "_gain": [None if i < len(bad) else 2.0 - 4.0 * (i % 2) for i in range(n)],
            "_replay_of": pl.Series([None] * n, dtype=pl.String),
            "_quarantine": pl.Series([None] * n, dtype=pl.String),
            "wind": [None if i < len(bad) else float(random.uniform(2, 38)) for i in range(n)],
        }
    )
    system.tables.append("predictions", rows, batch=f"p {at}")
    reason = {"column": column, "rule": rule, "message": f"{column} must be a number"}
    kept = pl.DataFrame(
        {
            "_id": [f"q-{at:%d%H}-{i}" for i in range(len(bad))],
            "_request": [f"r-{i}" for i in range(len(bad))],
            "_received_at": pl.Series(times[: len(bad)], dtype=MOMENT),
            "_time": pl.Series(times[: len(bad)], dtype=MOMENT),
            "row": [msgspec.json.encode(row).decode() for row in bad],
            "reasons": [msgspec.json.encode([reason | {"value": row.get(column)}]).decode() for row in bad],
            "source": ["server"] * len(bad),
            "contract": ["c"] * len(bad),
        },
        schema_overrides={"_id": pl.String, "_request": pl.String, "row": pl.String, "reasons": pl.String},
    )
    if bad:
        system.tables.append("quarantine", kept, batch=f"q {at}")


def tenths(n: int) -> list[dict[str, object]]:
    """Rows whose wind comes in tenths, as a text."""
    random = np.random.default_rng(n)
    return [{"wind": f"{random.uniform(20, 380):.1f} dm"} for _ in range(n)]


def patrolled(system, now: datetime):
    runner = InlineRunner({"patrol": lambda run, arguments: patrol(run, system, arguments)})
    return runner.run("patrol", f"patrol-{now:%m%d%H%M}", {"now": now.isoformat()})


NOTHING = {"opened": [], "closed": []}


def test_a_feed_that_breaks_is_told_once_and_its_alert_closes_a_quiet_day_after(live):
    assert patrolled(live, NOW) == NOTHING
    answered(live, NOW, 500)
    assert patrolled(live, NOW + SIGHT) == NOTHING
    answered(live, NOW + SIGHT, 500, tenths(60))
    first = patrolled(live, NOW + 2 * SIGHT)
    assert len(first["opened"]) == 1
    assert "60 of 500 rows of the last day break the contract (hardly ever before): wind:" in first["opened"][0]
    assert patrolled(live, NOW + 2 * SIGHT) == NOTHING
    answered(live, NOW + 2 * SIGHT, 500)
    assert patrolled(live, NOW + 2 * SIGHT + HOUR)["closed"] == []
    assert patrolled(live, NOW + 3 * SIGHT + HOUR) == {"opened": [], "closed": ["wind"]}
    (alert,) = live.alerts.alerts()
    assert (alert.kind, alert.verdict, alert.closed_by) == ("contract.type", "repaired", "daytwo")


def test_a_burst_names_cause_owner_money_and_the_commands_to_type(live):
    answered(live, NOW, 400, tenths(100))
    (finding,) = look(live, NOW + SIGHT)
    assert (finding.kind, finding.subject, finding.owner) == ("contract.type", "wind", "weather@example.org")
    assert finding.severity is Severity.CRITICAL
    assert finding.since == NOW
    assert finding.money_per_day == 100.0  # 100 rows; advice on the others was to bring 2 or nothing, 1 on the mean
    assert "'dm' stands in the texts" in finding.summary
    assert finding.evidence["repairs"] == ["wind=scale:0.1"]
    assert finding.next_step == (
        "See them: 'daytwo quarantine list --column wind --rule type --since 2013-06-03T00:00'; try the repair: "
        "'daytwo quarantine repair --column wind --rule type --since 2013-06-03T00:00 --scale wind=0.1 --dry-run'"
    )


def test_two_bad_rows_are_no_burst(live):
    answered(live, NOW, 4, tenths(2))
    assert look(live, NOW + SIGHT) == []


def test_what_a_person_said_is_no_fault_is_usual_from_then_on_until_there_is_far_more(live):
    answered(live, NOW, 500, tenths(25))
    patrolled(live, NOW + SIGHT)
    (alert,) = live.alerts.alerts()
    live.alerts.put(closed(alert, at=NOW + SIGHT, by="ana", verdict="false"))
    assert patrolled(live, NOW + SIGHT + HOUR) == NOTHING
    for day in range(1, 14):
        answered(live, NOW + day * SIGHT, 500, tenths(25 + day % 5))
        assert patrolled(live, NOW + (day + 1) * SIGHT) == NOTHING
    answered(live, NOW + 14 * SIGHT, 500, tenths(45))
    assert look(live, NOW + 15 * SIGHT) == []
    answered(live, NOW + 15 * SIGHT, 500, tenths(250))
    (finding,) = look(live, NOW + 16 * SIGHT)
    assert "(usually 4.96%)" in finding.summary


def test_days_of_a_burst_are_no_history_so_it_does_not_become_usual(live):
    for day in range(10):
        answered(live, NOW + day * SIGHT, 500, tenths(100) if day >= 3 else [])
        assert bool(look(live, NOW + (day + 1) * SIGHT)) is (day >= 3)


def test_many_rules_at_once_are_one_finding_about_the_source(live):
    for number, column in enumerate(("a", "b", "c", "d")):
        answered(live, NOW + number * HOUR, 100, [{column: "x"}] * 50, column=column, length=HOUR)
    (finding,) = look(live, NOW + SIGHT)
    assert (finding.kind, finding.subject) == ("source.burst", "server")
    assert finding.summary.startswith(
        "200 rows of 400 from server break 4 rules: a (type), b (type), c (type) and more"
    )


def test_silence_of_the_whole_feed_heals_nothing(live):
    answered(live, NOW, 500, tenths(60))
    patrolled(live, NOW + SIGHT)
    assert patrolled(live, NOW + 5 * SIGHT)["closed"] == []


def test_a_source_that_falls_silent_is_told_and_its_alert_closes_when_rows_come_again(live):
    for day in range(8):
        answered(live, NOW + day * SIGHT + 6 * HOUR, 200, length=12 * HOUR)
        assert patrolled(live, NOW + (day + 1) * SIGHT) == NOTHING  # nights are quiet
    end = NOW + 8 * SIGHT
    answered(live, end + 6 * HOUR, 100, length=3 * HOUR)
    assert patrolled(live, end + 9 * HOUR + HOUR / 4) == NOTHING
    (told,) = patrolled(live, end + 11 * HOUR)["opened"]
    assert told == (
        "nothing has come from server for 2 hours, since 2013-06-11 08:58 UTC; "
        "going by its past, something comes within 18 minutes at that time"
    )
    assert patrolled(live, end + 12 * HOUR) == NOTHING
    answered(live, end + 12 * HOUR, 10, length=HOUR)
    assert patrolled(live, end + 13 * HOUR) == {"opened": [], "closed": ["silent server"]}


def test_a_source_of_a_few_days_is_not_called_silent(live):
    for day in range(3):
        answered(live, NOW + day * SIGHT, 200)
        patrolled(live, NOW + (day + 1) * SIGHT)
    assert patrolled(live, NOW + 6 * SIGHT) == NOTHING


def test_rows_that_come_but_are_older_than_promised_are_told(live):
    stale = contract(Batch(max_age="6h"))
    for late in (HOUR, 9 * HOUR):
        answered(live, NOW + late, 50, length=HOUR, late=late)
    came = source_health.came_since(live, NOW, NOW + 11 * HOUR)
    findings = source_health._stale(live, stale, came, "server", NOW + 11 * HOUR)
    assert [one.kind for one in findings] == ["source.stale"]
    assert "the contract promises 6h" in findings[0].summary


def test_defaults_in_place_of_too_many_missing_values_are_told_until_they_come_again(live):
    column = Column("wind", Kind.NUMBER, repair=("default 9",), max_null_share=0.05, owner="weather@example.org")
    gentle = Contract("flights", 1, "", (column,))
    for day, missing in enumerate((4, 30, 80, 0)):
        rows = pl.DataFrame(
            {
                "_id": [f"{day}-{i}" for i in range(120)],
                "_received_at": pl.Series([NOW + day * SIGHT + i * HOUR / 6 for i in range(120)], dtype=MOMENT),
                "_replay_of": pl.Series([None] * 110 + ["q"] * 10, dtype=pl.String),
                "_arm": "champion",
                "wind_imputed": [i < missing for i in range(100)] + [None] * 10 + [True] * 10,
            }
        )
        live.tables.append("predictions", rows, batch=f"day {day}")
    found = [gaps(live, gentle, "server", NOW + day * SIGHT, NOW + (day + 1) * SIGHT) for day in range(4)]
    assert [[(one.kind, one.subject, str(one.severity)) for one in day] for day in found] == [
        [],
        [("source.missing", "wind", "warning")],
        [("source.missing", "wind", "critical")],
        [],
    ]
    assert found[1][0].owner == "weather@example.org"
    assert found[1][0].summary == (
        "wind: defaults stand in for missing values in 30% of 100 rows of the last day; the contract bears 5%"
    )
    assert gaps(live, contract(), "server", NOW, NOW + SIGHT) == []


def test_defaults_in_many_columns_at_once_are_one_finding_about_the_source(live):
    columns = tuple(Column(x, Kind.NUMBER, repair=("default 9",), max_null_share=0.05) for x in "abcd")
    rows = pl.DataFrame({"_received_at": [NOW] * 60, "_replay_of": pl.Series([None] * 60, dtype=pl.String)})
    rows = rows.with_columns(pl.lit(True).alias(f"{x}_imputed") for x in "abcd").cast({"_received_at": MOMENT})
    rows = rows.with_columns(_arm=pl.lit("champion"))
    live.tables.append("predictions", rows, batch="one")
    (found,) = gaps(live, Contract("flights", 1, "", columns), "server", NOW, NOW + SIGHT)
    assert (found.subject, str(found.severity), sorted(found.evidence)) == ("server", "critical", list("abcd"))
    assert found.summary.startswith("a, b, c, d: defaults stand in for missing values in 100% of 60 rows")


def test_a_day_is_counted_once_and_days_long_past_are_forgotten(live):
    for day in (0, 1, 60):
        answered(live, NOW + day * SIGHT, 50, tenths(1))
    look(live, NOW + 2 * SIGHT)
    look(live, NOW + 2 * SIGHT + HOUR)
    days = dict(read_tallies(live).past("server"))
    assert [(one.rows, one.bad, one.rules) for one in days.values()] == [(50, 1, [("wind", "type", 1)])] * 2
    look(live, NOW + 61 * SIGHT)
    assert list(dict(read_tallies(live).past("server"))) == [(NOW + 60 * SIGHT).date()]


def test_replays_are_no_rows_of_the_source(live):
    answered(live, NOW, 50, tenths(20))
    for table, column in (("predictions", "_replay_of"), ("quarantine", "_request")):
        again = live.tables.read(table).with_columns(pl.lit("replay-1").alias(column), pl.col("_id") + "again")
        live.tables.append(table, again, batch="again")
    (finding,) = look(live, NOW + SIGHT)
    assert (finding.evidence["rows"], finding.evidence["bad"]) == (50, 20)


def test_a_broken_file_is_told_and_stays_open_until_its_rows_are_dealt_with(system):
    system.contract_path.write_text(to_toml(contract()))
    for day in range(4):
        good = "\n".join(f"{1 + (day * 7 + i) % 37},{i % 2}" for i in range(300))
        (system.folder / f"{day}.csv").write_text(f"wind,late\n{good}\n")
        take_in(system, system.folder / f"{day}.csv", NOW + day * SIGHT + HOUR)
        assert patrolled(system, NOW + day * SIGHT + 2 * HOUR) == NOTHING
    bad = "\n".join(f"{10 * (12 + i % 30)},0" for i in range(200))
    (system.folder / "4.csv").write_text(f"wind,late\n{bad}\n")
    take_in(system, system.folder / "4.csv", NOW + 4 * SIGHT + HOUR)
    (told,) = patrolled(system, NOW + 4 * SIGHT + 2 * HOUR)["opened"]
    assert told.startswith("200 of 200 rows of 4.csv break the contract (hardly ever before): wind: wind must lie")
    assert "times 0.1 it fits" in told
    (alert,) = system.alerts.alerts()
    assert (alert.subject, alert.money_per_day) == ("wind in 4.csv", None)
    assert patrolled(system, NOW + 6 * SIGHT + HOUR) == NOTHING
    drop(system, kept_rows(system, Which(column="wind")), by="ana", reason="sent again", now=NOW)
    assert patrolled(system, NOW + 6 * SIGHT + 2 * HOUR)["closed"] == ["wind in 4.csv"]


def test_a_source_of_files_that_stops_delivering_is_told(system):
    system.contract_path.write_text(to_toml(contract()))
    for day in range(8):
        (system.folder / f"{day}.csv").write_text(f"wind,late\n{day + 1},0\n2,1\n")
        take_in(system, system.folder / f"{day}.csv", NOW + day * SIGHT + 2 * HOUR)
        assert patrolled(system, NOW + (day + 1) * SIGHT) == NOTHING
    assert patrolled(system, NOW + 8 * SIGHT + 4 * HOUR) == NOTHING
    (told,) = patrolled(system, NOW + 8 * SIGHT + 5 * HOUR)["opened"]
    assert told.startswith("nothing has come from files for 27 hours")


def test_before_anything_is_live_there_is_nothing_to_look_at(system):
    assert patrolled(system, NOW) == NOTHING
