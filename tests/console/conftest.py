"""A project made up by hand: half a year of windows, three versions, and every kind of thing a page may show."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from daytwo.alerts.alerts import Alert, closed
from daytwo.console.serve import Listening, listen
from daytwo.core.clock import ManualClock
from daytwo.core.finding import Severity
from daytwo.core.schema import Task
from daytwo.governance.approvals import Decision, Request
from daytwo.governance.audit import Entry
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.registry.bundle import Lineage, Manifest, Window
from daytwo.registry.route import Route
from daytwo.value.costs import Cost
from daytwo.wiring import open_system

BEGIN = datetime(2013, 4, 1, tzinfo=UTC)
NOW = datetime(2013, 8, 22, 9, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
WINDOWS = 20
HOSTILE = "<script>alert(1)</script>"
SETTINGS = """
[model]
name = {name}
purpose = "Warn the operations desk two hours before departure about flights that will arrive late"
target = "late"
owner = "ops@airline.example"
"""


def made_up(folder: Path, *, name: str = "late-flights", word: str = "wind_speed") -> System:
    """Build the project; `word` is the name of the column that things are about."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = SETTINGS.format(name=msgspec.json.encode(name).decode())
    (folder / "daytwo.toml").write_text(settings, encoding="utf-8")
    system = open_system(folder, {})
    digests = [_version(system, number, word) for number in (1, 2, 3)]
    _windows(system, digests)
    _releases(system, digests, word)
    _alerts(system, word)
    _rows(system, digests[1], word)
    for number, (kind, amount) in enumerate([("switch", 400.0), ("approval", 40.0), ("training", 1.25)]):
        system.costs.add(Cost(f"cost-{number}", BEGIN, kind, 1.0, "piece", amount))
    return system


def _version(system: System, number: int, word: str) -> str:
    at = BEGIN + (number - 1) * 7 * WEEK
    learnt = Window(first="2013-01-01T00:00:00Z", last=f"{at - timedelta(days=1):%Y-%m-%dT00:00:00Z}", rows=60_000)
    manifest = Manifest(
        model=system.settings.model.name,
        task=Task.BINARY,
        metric="roc_auc",
        contract="c" * 64,
        lineage=Lineage(windows={"fit": learnt}, author="ana"),
        metrics={"roc_auc": 0.74 + number / 100},
    )
    digest = system.bundles.put({"model.txt": f"model {number}".encode()}, manifest).digest
    system.registry.add(digest, author="ana", reason=f"retrain for {word}, time {number}", at=at)
    if number < 3:
        route = Route(number, digest)
        system.registry.change_route(route, cause=f"{number}", at=at, by="daytwo", reason="approved")
    return digest


def _windows(system: System, digests: list[str]) -> None:
    for index in range(WINDOWS):
        start = BEGIN + index * WEEK
        version = digests[0] if index < 7 else digests[1]
        usual = 0.72 + 0.03 * (index % 4 == 0) - 0.002 * index
        gain = 0.02 if index >= 7 else 0.0
        watched = {
            "version": version,
            "rows": 6_500 + 10 * index,
            "verdict": "drift" if index == 12 else "ok",
            "findings": [],
            "estimated": {
                "roc_auc": _figure(usual + 0.01, 0.05),
                "money": _figure(30_000.0, 15_000.0),
            },
            "budget": {"allowed": 0.0767, "spent": int(index >= 12)},
        }
        money = 28_000.0 - 9_000 * (index % 5 == 3)
        settled = {
            "rows": 6_500 + 10 * index,
            "labelled": 6_400 + 10 * index,
            "champion_digest": version,
            "live": {"roc_auc": _figure(usual + gain, 0.03), "money": _figure(money * (1 + 10 * gain), 9_000.0)},
            "static": {"roc_auc": _figure(usual, 0.03), "money": _figure(money, 9_000.0)},
            "decision": {"retrain": index == 7, "words": f"leave it: after {index} windows it would do no better"},
        }
        kept = settled if index < WINDOWS - 1 else None
        system.windows.put(WindowRecord(Span(index, start, start + WEEK), watched, kept))


def _figure(value: float, reach: float) -> dict[str, float | str]:
    return {"value": value, "low": value - reach, "high": value + reach, "method": "made up"}


def _releases(system: System, digests: list[str], word: str) -> None:
    def gate(name: str, passed: bool) -> dict[str, object]:
        return {"name": name, "passed": passed, "words": f"{name} about {word}", "evidence": {"low": 0.01}}

    variant = {
        "name": "25x31", "metric": 0.75, "low": 0.73, "high": 0.77, "loss": 0.001, "loss_low": -0.002,
        "loss_high": 0.004, "trees": 25, "nodes_per_row": 140.0, "mb": 0.1, "p99_us": 4.2, "on_front": True,
    }  # fmt: skip
    reference = variant | {"name": "reference", "nodes_per_row": 1_400.0, "loss_high": 0.0, "p99_us": None}
    evidence = {
        "trained": {
            "digest": digests[2],
            "window": "90d",
            "recommended": "25x31",
            "variants": [variant, reference],
            "findings": [f"{word} alone is nearly the answer"],
            "rows": 64_973,
        },
        "gated": {
            "passed": True,
            "gates": [gate("quality", True), gate("latency", True)],
            "other_windows": {"all": gate("quality", False)},
            "champion": digests[1],
            "test_rows": 12_836,
        },
    }
    text = msgspec.json.encode(evidence).decode()
    ended = Release("release-w0001", State.REFUSED, f"{word} moved", "daytwo", BEGIN + WEEK, BEGIN + WEEK)
    system.releases.put(ended)
    live = Release("release-w0007", State.LIVE, "decay", "daytwo", BEGIN + 7 * WEEK, BEGIN + 7 * WEEK, digests[1])
    system.releases.put(live)
    asked = NOW - timedelta(days=1)
    waiting = Release(
        "release-w0019", State.WAITING, f"{word} costs money", "daytwo", asked, asked, digests[2], evidence=text,
        words=f"all 2 gates passed; {word}",
    )  # fmt: skip
    system.releases.put(waiting)
    for flow, digest, at in (("release-w0007", digests[1], live.opened_at), ("release-w0019", digests[2], asked)):
        request = Request(flow, digest, "e" * 64, "daytwo", 1, at, at + timedelta(days=14), "gates passed")
        system.approvals.ask(request)
    system.approvals.decide(Decision("release-w0007", digests[1], "e" * 64, "ben", True, "holds", live.opened_at))
    for number, flow in enumerate(["release-w0001", "release-w0007", "release-w0019"]):
        system.audit.append(Entry(BEGIN + number * WEEK, "daytwo", "release waiting", flow, f"audit-{flow}"))


def _alerts(system: System, word: str) -> None:
    def alert(identity: str, severity: Severity, money: float | None) -> Alert:
        return Alert(
            id=identity,
            kind="contract.between",
            subject=word,
            severity=severity,
            summary=f"34 of 1,003 rows of the last day break the contract: {word}",
            opened_at=NOW - timedelta(days=2),
            opened_by="patrol-1",
            last_seen_at=NOW,
            money_per_day=money,
            owner=f"owner of {word}",
            next_step=f"See them: 'daytwo quarantine list --column {word}'",
            evidence={"rows": 1_003, "examples": [f"{word} must lie between 0 and 61.2"], "usual_share": 0.001},
        )

    system.alerts.put(alert("cheap", Severity.CRITICAL, None))
    system.alerts.put(alert("dear", Severity.WARNING, 1_250.0))
    system.alerts.put(closed(alert("old", Severity.WARNING, 10.0), at=NOW, by="ana", verdict="false"))


def _rows(system: System, digest: str, word: str) -> None:
    times = pl.Series("_time", [NOW - timedelta(hours=hour) for hour in range(3)], pl.Datetime("us", "UTC"))
    arms = ["champion", "champion", "fallback"]
    rows = pl.DataFrame({"_id": ["a", "b", "c"], "_version": [digest] * 3, "_arm": arms, "_time": times})
    system.tables.append("predictions", rows, batch="1")
    reasons = msgspec.json.encode([{"column": word, "rule": "between", "value": "9", "message": "too much"}]).decode()
    bad = pl.DataFrame({"_id": ["c", "d", "e"], "reasons": [reasons] * 3})
    system.tables.append("quarantine", bad, batch="1")
    events = pl.DataFrame({"_id": ["d", "e"], "status": ["replayed", "dropped"]})
    system.tables.append("quarantine_events", events, batch="1")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[System]:
    """The made-up project."""
    system = made_up(tmp_path / "project")
    yield system
    _close(system)


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[System]:
    """The same project, whose names are markup."""
    system = made_up(tmp_path / "project", name=HOSTILE, word=HOSTILE)
    yield system
    _close(system)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[System]:
    """A project in which nothing has happened yet."""
    (tmp_path / "daytwo.toml").write_text(SETTINGS.format(name='"fresh"'), encoding="utf-8")
    system = open_system(tmp_path, {})
    yield system
    _close(system)


def _close(system: System) -> None:
    system.audit._engine.dispose()


@pytest.fixture
def serving() -> Iterator[Callable[[System], Listening]]:
    """Start a console on a free port; it ends with the test."""
    running: list[tuple[Listening, threading.Thread]] = []

    def start(system: System) -> Listening:
        listening = listen(system, ManualClock(NOW), 0)
        thread = threading.Thread(target=listening.run)
        thread.start()
        running.append((listening, thread))
        return listening

    yield start
    for listening, thread in running:
        listening.stop()
        thread.join(timeout=20)
        assert not thread.is_alive()
