"""Findings into alerts: opened once, joined after that, silent when only information."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from daytwo.alerts.alerts import acknowledged, closed, gone_quiet, take_in
from daytwo.alerts.sql import SqlAlertBook
from daytwo.core.finding import Finding, Severity

ON_BOTH = True
NOW = datetime(2013, 4, 8, tzinfo=UTC)
WIND = Finding("contract.between", "wind_speed", Severity.WARNING, "31 rows out of range", evidence={"rows": 31})


def test_a_finding_opens_one_alert_and_later_ones_join_it():
    first = take_in([WIND], [], at=NOW, opened_by="window 14")
    assert [alert.subject for alert in first.opened] == ["wind_speed"]
    later = take_in([WIND], first.opened, at=NOW + timedelta(days=7), opened_by="window 15")
    assert later.opened == ()
    assert later.repeated[0].seen == 2
    assert later.repeated[0].id == first.opened[0].id


def test_a_repeated_step_changes_nothing():
    first = take_in([WIND], [], at=NOW, opened_by="window 14")
    assert take_in([WIND], first.opened, at=NOW, opened_by="window 14") == take_in([], [], at=NOW, opened_by="x")


def test_information_opens_no_alert():
    assert take_in([replace(WIND, severity=Severity.INFO)], [], at=NOW, opened_by="w").opened == ()


def test_after_closing_the_same_finding_opens_a_new_alert():
    first = take_in([WIND], [], at=NOW, opened_by="window 14").opened[0]
    done = closed(first, at=NOW, by="ana", verdict="repaired")
    again = take_in([WIND], [done], at=NOW + timedelta(days=7), opened_by="window 15")
    assert again.opened[0].id != first.id


def test_the_ledger_gives_back_what_was_put(ledger):
    book = SqlAlertBook(ledger)
    alert = take_in([WIND], [], at=NOW, opened_by="window 14").opened[0]
    book.put(alert)
    taken = acknowledged(alert, "ben")
    book.put(taken)
    assert book.alerts() == (taken,)


def test_an_alert_goes_quiet_when_its_kind_is_looked_at_and_nothing_repeats_it():
    first = take_in([WIND], [], at=NOW, opened_by="window 14").opened
    assert gone_quiet(first, [WIND], kinds=("contract.",)) == ()
    assert gone_quiet(first, [], kinds=("performance.",)) == ()
    assert gone_quiet(first, [], kinds=("contract.",)) == first
    done = closed(first[0], at=NOW, by="ana", verdict="repaired")
    assert gone_quiet([done], [], kinds=("contract.",)) == ()
