"""status: answers that no window can hold are told at once, and once a window has ended, as an alert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daytwo.lifecycle.flow import InlineRunner
from daytwo.lifecycle.shipping import ship_journal
from daytwo.lifecycle.watch import span_arguments
from daytwo.lifecycle.windows import Span
from daytwo.lifecycle.worker import flows
from daytwo.wiring import open_system


def test_rows_of_the_past_are_answered_and_not_silently_left_out(daytwo, served_project, rows_file):
    assert "when the first version went live" not in daytwo("status", "-C", served_project).out
    assert daytwo("predict", rows_file, "--first", 30, "-C", served_project).code == 0
    system = open_system(served_project, {})
    ship_journal(system)
    told = daytwo("status", "-C", served_project)
    assert "30 answers are about times before" in told.out
    assert "when the first version went live: no window holds them." in told.out
    live = daytwo("status", "-C", served_project, "--json").json["live"]
    assert (live["early"]["rows"], live["early"]["first"][:10]) == (30, "2013-01-01")

    now = datetime.now(UTC)
    span = Span(0, now - timedelta(hours=1), now)
    InlineRunner(flows(system)).run("watch", "watch-w0000", span_arguments(span))
    alerts = {alert.kind: alert for alert in system.alerts.alerts()}
    assert "30 answers are about times before" in alerts["traffic.early"].summary
    later = Span(1, now, now + timedelta(hours=1))
    InlineRunner(flows(system)).run("watch", "watch-w0001", span_arguments(later))
    healed = {alert.kind: alert for alert in system.alerts.alerts()}["traffic.early"]
    assert healed.verdict == "recovered"
    system.audit._engine.dispose()
