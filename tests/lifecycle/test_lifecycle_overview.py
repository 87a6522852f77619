"""What is live, how it does, what waits: held against books that were filled by hand."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from daytwo.alerts.alerts import Alert, closed
from daytwo.core.finding import Severity
from daytwo.core.schema import Task
from daytwo.governance.approvals import Decision, Request
from daytwo.governance.audit import Entry
from daytwo.lifecycle.course import Figure
from daytwo.lifecycle.dossier import dossier, read_evidence
from daytwo.lifecycle.headline import Tone, headline, metric_sentence, money_sentence
from daytwo.lifecycle.overview import overview
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.registry.bundle import Lineage, Manifest, Window
from daytwo.registry.route import Route
from daytwo.value.costs import Cost
from daytwo.wiring import open_system

BEGIN = datetime(2013, 4, 1, tzinfo=UTC)
NOW = datetime(2013, 5, 1, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
TOML = """
[model]
name = "late-flights"
target = "late"
owner = "ops@airline.example"
[value]
currency = "EUR"
"""


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    (tmp_path / "daytwo.toml").write_text(TOML, encoding="utf-8")
    opened = open_system(tmp_path, {})
    yield opened
    opened.audit._engine.dispose()


def bundle(system: System, number: int) -> str:
    learnt = Window(first="2013-01-01T00:00:00Z", last="2013-03-30T00:00:00Z", rows=60_000)
    manifest = Manifest(
        model="late-flights",
        task=Task.BINARY,
        metric="roc_auc",
        contract="c" * 64,
        lineage=Lineage(windows={"fit": learnt}),
        metrics={"roc_auc": 0.75},
    )
    return system.bundles.put({"model.txt": f"model {number}".encode()}, manifest).digest


def go_live(system: System, digests: list[str], at: list[datetime]) -> None:
    """Let each digest become champion at its moment; the same digest may come back."""
    for number, (digest, moment) in enumerate(zip(digests, at, strict=True), start=1):
        system.registry.add(digest, author="ana", reason=f"reason {number}", at=moment)
        route = Route(number, digest)
        system.registry.change_route(route, cause=str(number), at=moment, by="daytwo", reason=f"change {number}")


def figures(value: float, money: float, reach: float = 0.02) -> dict[str, object]:
    return {
        "roc_auc": {"value": value, "low": value - reach, "high": value + reach},
        "money": {"value": money, "low": money - 100, "high": money + 100},
    }


def watched(verdict: str = "ok", *, version: str = "d" * 64, spent: int = 0, findings: tuple[str, ...] = ()) -> dict:
    return {
        "version": version,
        "rows": 1_000,
        "verdict": verdict,
        "findings": [{"summary": words} for words in findings],
        "estimated": figures(0.74, 500.0),
        "budget": {"allowed": 0.25, "spent": spent},
    }


def settled(live: float, static: float, *, money: float = 400.0, static_money: float = 300.0) -> dict:
    return {
        "rows": 1_000,
        "labelled": 950,
        "champion_digest": "d" * 64,
        "live": figures(live, money),
        "static": figures(static, static_money),
        "decision": {"retrain": False, "words": "leave it: after 2 windows a fresh model would do no better"},
    }


def window(index: int, watch: dict | None = None, settle: dict | None = None) -> WindowRecord:
    start = BEGIN + index * WEEK
    return WindowRecord(Span(index, start, start + WEEK), watch, settle)


def alert(identity: str, *, severity: Severity = Severity.WARNING, money: float | None = None, day: int = 1) -> Alert:
    at = BEGIN + timedelta(days=day)
    return Alert(identity, "drift.column", identity, severity, "it moved", at, "watch w0000", at, money_per_day=money)


def words(system: System) -> str:
    return "\n".join(sentence.text for sentence in headline(overview(system, NOW)))


def test_a_fresh_project_knows_nothing_and_says_so(system):
    view = overview(system, NOW)
    assert view.live is None
    assert view.value is None
    assert view.points == view.waiting == view.alerts == view.versions == view.routes == ()
    assert view.quarantine is not None
    assert view.quarantine.open == 0
    assert view.audit is not None
    assert (view.audit.entries, view.audit.broken_at) == (0, None)
    told = words(system)
    assert "nothing is live yet" in told
    assert "How it does is unknown: no window (7d) has ended yet" in told
    assert "only estimated" in metric_sentence(view)
    assert "unknown" in money_sentence(view)


def test_the_live_version_is_told_with_its_reason_its_people_and_its_age(system):
    first, second = bundle(system, 1), bundle(system, 2)
    go_live(system, [first, second], [BEGIN, BEGIN + WEEK])
    system.releases.put(Release("release-w0001", State.LIVE, "reason 2", "ana", BEGIN, BEGIN + WEEK, second))
    system.approvals.ask(Request("release-w0001", second, "e", "ana", 1, BEGIN, NOW, "gates passed"))
    for person, approved in (("ben", True), ("eve", False)):
        system.approvals.decide(Decision("release-w0001", second, "e", person, approved, "", BEGIN))
    live = overview(system, NOW).live
    assert live is not None
    assert (live.name, live.digest, live.because, live.moved_by) == ("v2", second, "reason 2", "change 2")
    assert (live.since, live.age_s) == (BEGIN + WEEK, (NOW - BEGIN - WEEK).total_seconds())
    assert live.approved_by == ("ben",)
    assert live.origin.data_until == datetime(2013, 3, 30, tzinfo=UTC)
    assert live.origin.metrics["roc_auc"] == 0.75


def test_a_version_that_came_back_is_live_since_it_came_back(system):
    first, second = bundle(system, 1), bundle(system, 2)
    back = BEGIN + 2 * WEEK
    go_live(system, [first, second, first], [BEGIN, BEGIN + WEEK, back])
    route = Route(4, first, canary=second, canary_share=0.05)
    system.registry.change_route(route, cause="4", at=back + WEEK, by="daytwo", reason="a canary begins")
    view = overview(system, NOW)
    assert view.live is not None
    assert (view.live.name, view.live.since, view.live.moved_by) == ("v1", back, "change 3")
    assert [(line.number, line.role) for line in view.versions] == [(2, "canary"), (1, "champion")]
    assert [line.champion for line in view.routes] == ["v1", "v1", "v2", "v1"]
    assert "v2 answers 5% of subjects as a canary" in words(system)


def test_answers_are_counted_from_the_table_without_those_of_other_versions(system):
    digest = bundle(system, 1)
    go_live(system, [digest], [BEGIN])
    times = pl.Series("_time", [NOW - timedelta(hours=hour) for hour in range(4)], pl.Datetime("us", "UTC"))
    arms, versions = ["champion", "canary", "fallback", "champion"], [digest, digest, digest, "other"]
    rows = pl.DataFrame({"_id": list("abcd"), "_version": versions, "_arm": arms, "_time": times})
    system.tables.append("predictions", rows, batch="1")
    live = overview(system, NOW).live
    assert live is not None
    assert live.answered is not None
    assert (live.answered.rows, live.answered.fell_back, live.answered.newest) == (2, 1, NOW)


def test_windows_show_what_is_known_of_each(system):
    system.windows.put(window(0, watched(), settled(0.76, 0.70)))
    system.windows.put(window(1, watched("drift", findings=("wind_speed moved",))))
    system.windows.put(window(2, None, settled(0.71, 0.70)))
    first, second, third = overview(system, NOW).points
    assert first.estimated == Figure(0.74, 0.72, 0.76)
    assert first.live is not None
    assert first.live.value == 0.76
    assert first.maturity == 0.95
    assert first.settled
    assert second.live is second.money_static is second.maturity is second.choice is None
    assert second.findings == ("wind_speed moved",)
    assert second.labels_due == BEGIN + 2 * WEEK + timedelta(days=2)
    assert third.estimated is None
    assert third.verdict == ""
    view = overview(system, NOW)
    assert view.watched == second
    assert view.settled == third


def test_a_bound_that_was_infinite_is_unknown(system):
    kept = watched()
    kept["estimated"] = {"roc_auc": {"value": 0.7, "low": None, "high": None}, "money": {"value": None}}
    system.windows.put(window(0, kept))
    point = overview(system, NOW).points[0]
    assert point.estimated == Figure(0.7, None, None)
    assert point.money_estimated is None


def test_net_value_is_the_sum_over_settled_windows_less_the_costs(system):
    system.windows.put(window(0, watched(), settled(0.7, 0.7, money=400.0, static_money=300.0)))
    system.windows.put(window(1, watched(), settled(0.7, 0.7, money=-150.0, static_money=50.0)))
    system.windows.put(window(2, watched()))
    system.costs.add(Cost("a", BEGIN, "switch", 1.0, "switch", 40.0))
    view = overview(system, NOW)
    assert view.value is not None
    assert (view.value.live, view.value.static, view.value.net, view.value.rows) == (250.0, 350.0, 210.0, 1_900)
    assert money_sentence(view) == (
        "Over 2 settled windows the answers brought 250 EUR, 100 EUR less than the first version would have. "
        "1 window lost money."
    )


def test_the_false_alarm_budget_adds_up_over_versions(system):
    for index, (version, spent) in enumerate([("a", 0), ("a", 1), ("b", 0), ("b", 2)]):
        system.windows.put(window(index, watched(version=version, spent=spent)))
    for verdict in ("false", "true", "false"):
        wrong = alert(f"{verdict}{len(system.alerts.alerts())}")
        system.alerts.put(closed(wrong, at=NOW, by="ana", verdict=verdict))
    budget = overview(system, NOW).false_alarms
    assert (budget.budget, budget.windows, budget.allowed, budget.spoken) == ("1 per quarter", 4, 1.0, 3)
    assert budget.judged_false == 2


def test_alerts_stand_by_money_then_severity_then_age(system):
    for one in (
        alert("quiet", day=3),
        alert("quiet-old", day=1),
        alert("loud", severity=Severity.CRITICAL, day=9),
        alert("dear", money=900.0),
        alert("dearer", money=1_000.0),
    ):
        system.alerts.put(one)
    system.alerts.put(closed(alert("over"), at=NOW, by="ana", verdict="true"))
    view = overview(system, NOW)
    assert [one.id for one in view.alerts] == ["dearer", "dear", "loud", "quiet-old", "quiet"]
    assert [one.id for one in view.closed] == ["over"]
    assert "5 alerts are open, about dearer, dear and 3 more; the dearest costs about 1,000 EUR a day." in words(system)


def test_quarantined_rows_are_counted_by_what_became_of_them(system):
    reasons = [
        msgspec.json.encode([{"column": c, "rule": "type"}] * 2).decode() for c in ("wind", "wind", "seats", "x")
    ]
    rows = pl.DataFrame({"_id": list("abcd"), "reasons": reasons})
    system.tables.append("quarantine", rows, batch="1")
    events = pl.DataFrame({"_id": ["c", "d", "a"], "status": ["replayed", "dropped", "repaired"]})
    system.tables.append("quarantine_events", events, batch="1")
    found = overview(system, NOW).quarantine
    assert found is not None
    assert (found.open, found.replayed, found.dropped) == (2, 1, 1)
    assert found.columns == (("wind", 2),)


def test_a_part_that_cannot_be_read_is_unknown_and_takes_no_other_with_it(system):
    digest = bundle(system, 1)
    go_live(system, [digest], [BEGIN])
    system.tables.append("quarantine", pl.DataFrame({"_id": ["a"], "reasons": ["[]"]}), batch="1")
    for log in (system.state / "tables" / "quarantine" / "_delta_log").glob("*.json"):
        log.write_text("{broken")
    (system.bundles.folder / digest / "model.txt").write_text("another model")
    again = open_system(system.folder, {})
    view = overview(again, NOW)
    again.audit._engine.dispose()
    assert view.quarantine is None
    assert view.live is not None
    assert view.live.origin.lineage is None
    assert len(view.troubles) == 2
    told = [sentence for sentence in headline(view) if sentence.tone is Tone.BAD]
    assert any(sentence.text.startswith("The live bundle cannot be trusted") for sentence in told)
    assert any(sentence.text.startswith("The quarantine cannot be read") for sentence in told)


def test_a_changed_audit_entry_is_named_and_one_that_is_no_json_is_unreadable(system):
    for number in range(3):
        system.audit.append(Entry(BEGIN, "ana", "approve", f"release-{number}", f"cause-{number}"))
    assert "audit" not in words(system)
    with sqlite3.connect(system.state / "ledger.db") as ledger:
        ledger.execute("update audit set actor = 'eve' where number = 2")
    ledger.close()
    view = overview(system, NOW)
    assert view.audit is not None
    assert (view.audit.entries, view.audit.broken_at) == (3, 2)
    assert "The audit chain is broken at entry 2." in words(system)
    with sqlite3.connect(system.state / "ledger.db") as ledger:
        ledger.execute("update audit set detail = '{' where number = 3")
    ledger.close()
    assert overview(system, NOW).audit is None
    assert "The audit log has an entry that cannot be read" in words(system)


def test_a_waiting_release_names_the_command_that_moves_it_until_somebody_decided(system):
    release = Release("release-w0003", State.WAITING, "decay", "daytwo", BEGIN, BEGIN, "d" * 64, words="gates passed")
    system.releases.put(release)
    system.approvals.ask(Request(release.id, "d" * 64, "e", "daytwo", 1, BEGIN, NOW + WEEK, "gates passed"))
    waiting = overview(system, NOW).waiting[0]
    assert waiting.commands[0] == "daytwo approve release-w0003 --as NAME"
    assert waiting.approved is None
    assert "1 release waits for an approval." in words(system)
    system.approvals.decide(Decision(release.id, "d" * 64, "e", "ben", True, "", BEGIN))
    assert overview(system, NOW).waiting[0].approved is True
    assert "1 release moves on without anybody's help." in words(system)


def test_going_back_is_offered_only_from_the_version_that_answers(system):
    first, second = bundle(system, 1), bundle(system, 2)
    go_live(system, [first, second], [BEGIN, BEGIN + WEEK])
    old = Release("release-w0001", State.LIVE, "reason", "ana", BEGIN, BEGIN, first)
    assert dossier(system, old, NOW).commands == ()
    assert dossier(system, replace(old, digest=second), NOW).commands == ("daytwo rollback --as NAME --reason TEXT",)


def test_a_rolling_release_says_when_its_step_may_end(system):
    rolling = Release(
        "release-w0003", State.ROLLING, "decay", "daytwo", BEGIN, BEGIN, "d" * 64, step=1, step_since=BEGIN
    )
    found = dossier(system, rolling, NOW)
    assert found.moves_at == BEGIN + timedelta(days=1)
    assert found.steps[1].text == "canary 5% 1d"
    assert dossier(system, replace(rolling, state=State.LIVE), NOW).moves_at is None


def test_evidence_reads_back_and_nonsense_reads_as_nothing():
    gate = {"name": "quality", "passed": False, "words": "worse", "evidence": {"low": -0.1, "gaps": [1], "mean": None}}
    text = msgspec.json.encode(
        {
            "trained": {"recommended": "25x31", "window": "90d", "rows": 10, "variants": [{"name": 1}]},
            "gated": {"gates": [gate], "champion": None, "other_windows": {"all": gate}, "test_rows": True},
        }
    ).decode()
    found = read_evidence(text)
    assert found.recommended == "25x31"
    assert found.failed[0].figures == {"low": -0.1}
    assert found.others is not None
    assert found.others["all"].words == "worse"
    assert found.variants == ()
    assert found.test_rows is None
    for nonsense in ("", "{", "[]", "null", '{"trained": 3, "gated": []}', '{"gated": {"gates": [1]}}'):
        assert read_evidence(nonsense).train_rows is None


@pytest.mark.parametrize(
    ("verdict", "tone", "said"),
    [
        ("ok", Tone.GOOD, "It is doing as expected: ROC AUC is estimated at 0.740 (0.720 to 0.760) for 1 to 7 April."),
        ("worse", Tone.BAD, "It is doing worse than expected (1 to 7 April): estimated ROC AUC fell."),
        ("drift", Tone.ACT, "Its inputs moved, and no harm is shown so far"),
        ("warming", Tone.PLAIN, "the drift alarm still gathers history"),
        ("empty", Tone.ACT, "Nobody asked it anything from 1 to 7 April."),
    ],
)
def test_each_verdict_has_its_sentence(system, verdict, tone, said):
    system.windows.put(window(0, watched(verdict, findings=("estimated ROC AUC fell",))))
    sentence = headline(overview(system, NOW))[1]
    assert sentence.tone is tone
    assert said in sentence.text


def test_labels_that_contradict_the_estimate_or_show_a_loss_are_said(system):
    system.windows.put(window(0, watched(), settled(0.60, 0.65, money=-500.0)))
    sentence = headline(overview(system, NOW))[2]
    assert sentence.tone is Tone.BAD
    assert "against 0.650 had nobody retrained" in sentence.text
    assert "off the estimate of 0.740 beyond chance" in sentence.text
    assert sentence.text.endswith("its decisions lost 500 EUR.")
    system.windows.put(window(0, watched(), settled(0.73, 0.73, money=-50.0)))
    sentence = headline(overview(system, NOW))[2]
    assert sentence.tone is Tone.PLAIN
    assert sentence.text.endswith(
        "ROC AUC came to 0.730 (0.710 to 0.750); its decisions lost 50 EUR, which may be chance."
    )


def test_the_overview_is_plain_json(system):
    go_live(system, [bundle(system, 1)], [BEGIN])
    system.windows.put(window(0, watched(), settled(0.76, 0.70)))
    system.alerts.put(alert("a"))
    again = msgspec.json.decode(msgspec.json.encode(overview(system, NOW)))
    assert again["live"]["name"] == "v1"
    assert again["points"][0]["live"]["value"] == 0.76
