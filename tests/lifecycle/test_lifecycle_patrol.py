"""The quick eye: a burst is told when chance would hardly bring it, and its alert closes when the feed has healed."""

import math
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import lightgbm
import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.toml_text import to_toml
from daytwo.core.finding import Severity
from daytwo.core.schema import Kind, Task
from daytwo.core.settings import ValueSettings
from daytwo.explain.reasons import build_explainer
from daytwo.lifecycle.flow import InlineRunner
from daytwo.lifecycle.patrol import SIGHT, bursts, patrol
from daytwo.registry.bundle import Manifest
from daytwo.registry.route import Route
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.replay import Replay

NOW = datetime(2013, 6, 1, 12, tzinfo=UTC)
UTC_TIME = pl.Datetime("us", "UTC")


def contract(false_alarm_rate: float | None = None) -> Contract:
    wind = Column("wind", Kind.NUMBER, owner="weather@example.org", false_alarm_rate=false_alarm_rate)
    return Contract("flights", 1, "", (wind, Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1"))))


def bad_rows(count: int, column: str = "wind", rule: str = "type") -> pl.DataFrame:
    reason = {"column": column, "rule": rule, "value": "12 kt", "message": f"{column} must be a number"}
    reasons = msgspec.json.encode([reason]).decode()
    return pl.DataFrame({"_id": [str(i) for i in range(count)], "reasons": [reasons] * count})


def found(count: int, rows: int, rate: float | None = None, **place: str):
    return bursts(contract(rate), bad_rows(count, **place), rows, since=NOW - SIGHT, owner="data@example.org")


def chance(count: int, rows: int, share: float) -> float:
    """The chance of `count` or more in `rows`, by adding up what is left out, exactly."""
    p = Fraction(share)
    return float(1 - sum(math.comb(rows, k) * p**k * (1 - p) ** (rows - k) for k in range(count)))


@given(st.integers(1, 12), st.integers(1, 60), st.sampled_from([None, 0.002, 0.01, 0.05]))
@settings(deadline=None)
def test_a_burst_is_told_where_chance_would_bring_it_less_than_once_in_a_million_looks(count, rows, rate):
    told = bool(found(count, max(rows, count), rate))
    assert told is (count >= 3 and chance(count, max(rows, count), rate or 1e-3) < 1e-6)


@pytest.mark.parametrize("rows", [100, 1000, 20_000])
@pytest.mark.parametrize("rate", [0.001, 0.02, 0.1])
def test_the_limit_lies_where_scipy_puts_the_quantile(rows, rate):
    limit = max(int(stats.binom.isf(1e-6, rows, rate)) + 1, 3)
    assert found(limit + 1, rows, rate)
    assert not found(limit - 1, rows, rate)


def test_two_bad_rows_are_no_burst_and_three_of_ten_are():
    assert found(2, 2) == []
    assert len(found(3, 10)) == 1


def test_that_none_broke_a_rule_while_it_was_proposed_does_not_mean_that_none_ever_may():
    assert found(4, 1000, 0.0) == found(4, 1000, None) == []


def test_a_burst_names_what_broke_whose_it_is_and_the_next_step():
    (finding,) = found(40, 1000)
    assert (finding.kind, finding.subject, finding.owner) == ("contract.type", "wind", "weather@example.org")
    assert finding.severity is Severity.WARNING
    assert finding.summary.startswith(
        "40 of 1,000 rows of the last day break the contract: wind: wind must be a number"
    )
    assert "daytwo quarantine list --column wind" in finding.next_step
    assert finding.evidence["examples"] == ["wind must be a number (got 12 kt)"] * 3
    assert found(200, 1000)[0].severity is Severity.CRITICAL
    assert found(40, 1000, column="unknown", rule="missing_field")[0].owner == "data@example.org"


def test_every_rule_is_judged_by_itself():
    both = pl.concat([bad_rows(30), bad_rows(2, rule="between"), bad_rows(30, column="gust")])
    findings = bursts(contract(), both, 1000, since=NOW, owner="")
    assert [(one.subject, one.kind) for one in findings] == [("gust", "contract.type"), ("wind", "contract.type")]


def test_no_bad_rows_no_burst():
    assert bursts(contract(), pl.DataFrame(), 1000, since=NOW, owner="") == []


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


def answered(system, at: datetime, n: int, bad: int) -> None:
    """Put `n` answered rows of one day into the tables, `bad` of them kept aside."""
    times = [at + i * SIGHT / n for i in range(n)]
    arms = ["fallback" if i < bad else "champion" for i in range(n)]
    rows = pl.DataFrame({"_time": times, "_arm": arms}, schema_overrides={"_time": UTC_TIME})
    system.tables.append("predictions", rows, batch=f"p {at}")
    if bad:
        kept = bad_rows(bad).with_columns(
            pl.Series("_time", times[:bad], dtype=UTC_TIME), pl.Series("_received_at", times[:bad], dtype=UTC_TIME)
        )
        system.tables.append("quarantine", kept, batch=f"q {at}")


def look(system, now: datetime):
    runner = InlineRunner({"patrol": lambda run, arguments: patrol(run, system, arguments)})
    return runner.run("patrol", f"patrol-{now:%d%H%M}", {"now": now.isoformat()})


def test_a_feed_that_breaks_is_told_once_and_its_alert_closes_a_quiet_day_after(live):
    nothing = {"opened": [], "closed": []}
    assert look(live, NOW) == nothing
    answered(live, NOW, 500, bad=0)
    assert look(live, NOW + SIGHT) == nothing
    answered(live, NOW + SIGHT, 500, bad=60)
    first = look(live, NOW + 2 * SIGHT)
    assert len(first["opened"]) == 1
    assert "60 of 500 rows" in first["opened"][0]
    assert look(live, NOW + 2 * SIGHT) == nothing
    answered(live, NOW + 2 * SIGHT, 500, bad=0)
    assert look(live, NOW + 2 * SIGHT + timedelta(hours=1))["closed"] == []
    assert look(live, NOW + 3 * SIGHT + timedelta(hours=1)) == {"opened": [], "closed": ["wind"]}
    (alert,) = live.alerts.alerts()
    assert (alert.kind, alert.verdict, alert.closed_by) == ("contract.type", "repaired", "daytwo")


def test_silence_of_the_whole_feed_heals_nothing(live):
    answered(live, NOW, 500, bad=60)
    look(live, NOW + SIGHT)
    assert look(live, NOW + 5 * SIGHT)["closed"] == []


def test_before_anything_is_live_there_is_nothing_to_look_at(system):
    assert look(system, NOW) == {"opened": [], "closed": []}
