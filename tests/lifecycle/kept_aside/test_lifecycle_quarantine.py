"""Rows kept aside: found by what they broke, counted by what became of them, each kept as it came."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest

from daytwo.core.errors import NotFound
from daytwo.lifecycle.kept_aside.quarantine import Which, groups, kept_rows, named, shelf, tally
from daytwo.lifecycle.kept_aside.quarantine_events import DROPPED, REPAIRED, REPLAYED, Event, events_of, note
from daytwo.lifecycle.kept_aside.repairing import drop

NOW = datetime(2013, 6, 1, 12, tzinfo=UTC)
MOMENT = pl.Datetime("us", "UTC")


def keep_aside(system, rows, *, source="server", column="wind", rule="type", begin=NOW, time=None):
    reasons = [
        msgspec.json.encode(
            [{"column": column, "rule": rule, "value": f'{i} " {i}', "message": f"{column} must be a number"}]
        ).decode()
        for i in range(len(rows))
    ]
    frame = pl.DataFrame(
        {
            "_id": [f"q-{source}-{column}-{i:03d}" for i in range(len(rows))],
            "_request": ["r"] * len(rows),
            "_received_at": [begin + timedelta(seconds=i) for i in range(len(rows))],
            "_time": pl.Series([time] * len(rows), dtype=MOMENT),
            "row": [row if isinstance(row, str) else msgspec.json.encode(row).decode() for row in rows],
            "reasons": reasons,
            "source": [source] * len(rows),
            "contract": ["c"] * len(rows),
        }
    )
    system.tables.append("quarantine", frame, batch=f"{source} {column} {begin}")


BAD = [{"wind": "12 mph", "seats": 100}, {"wind": "calm", "seats": 100}, {"wind": "7", "seats": 9}]


def ids(system, **which):
    return shelf(system, Which(**which))["_id"].to_list()


def test_rows_are_found_by_rule_column_source_time_and_state(system):
    assert kept_rows(system) == ()
    keep_aside(system, BAD)
    keep_aside(system, [{"seats": "many"}], source="june.csv", column="seats", rule="between", begin=NOW + timedelta(1))
    assert [kept.row for kept in kept_rows(system, Which(column="wind"))] == BAD
    assert ids(system, source="june.csv") == ["q-june.csv-seats-000"]
    assert ids(system, rule="between") == ["q-june.csv-seats-000"]
    assert ids(system, rule="between", column="wind") == []
    assert ids(system, since=NOW + timedelta(seconds=2)) == ["q-server-wind-002", "q-june.csv-seats-000"]
    assert ids(system, until=NOW + timedelta(seconds=1)) == ["q-server-wind-000"]
    assert ids(system, ids=("q-server-wind-001",)) == ["q-server-wind-001"]
    assert ids(system, state="dropped") == []
    assert len(kept_rows(system, most=2)) == 2


def test_a_row_that_names_its_time_is_found_by_it(system):
    keep_aside(system, BAD, time=NOW - timedelta(days=9))
    assert ids(system, since=NOW - timedelta(days=1)) == []
    assert len(ids(system, until=NOW - timedelta(days=8))) == 3


def test_rule_and_column_must_be_those_of_one_reason(system):
    keep_aside(system, BAD[:1])
    two = '[{"column":"a","rule":"x","value":1,"message":""},{"column":"b","rule":"y","value":1,"message":""}]'
    frame = system.tables.read("quarantine").with_columns(_id=pl.lit("q-two"), reasons=pl.lit(two))
    system.tables.append("quarantine", frame, batch="two")
    assert ids(system, rule="x", column="a") == ["q-two"]
    assert ids(system, rule="y", column="a") == []


def test_a_row_that_was_no_object_has_no_columns_to_mend(system):
    keep_aside(system, ["[1, 2", "[1]"])
    assert [kept.row for kept in kept_rows(system)] == [{}, {}]


def test_groups_say_how_many_since_when_and_of_how_many(system):
    keep_aside(system, BAD)
    keep_aside(system, [{"seats": "many"}], source="june.csv", column="seats")
    wind, seats = groups(shelf(system, Which()), {"server": 30})
    assert (wind.column, wind.rule, wind.source, wind.rows, wind.share) == ("wind", "type", "server", 3, 0.1)
    assert (wind.since, wind.last) == (NOW, NOW + timedelta(seconds=2))
    assert re.match(r"wind must be a number \(got \"0", wind.example)
    assert (seats.source, seats.rows, seats.share) == ("june.csv", 1, None)
    assert groups(shelf(system, Which(column="none"))) == ()


def test_values_that_look_like_reasons_make_no_group_of_their_own(system):
    odd = ['","rule":"x', "}]", '\\"', "\\\\", '{"value":1}', "a,b", ""]
    reasons = [
        msgspec.json.encode([{"column": "w", "rule": "type", "value": value, "message": "m"}]).decode() for value in odd
    ]
    keep_aside(system, [{}] * len(odd))
    frame = system.tables.read("quarantine").with_columns(reasons=pl.Series(reasons), _id=pl.Series(odd))
    system.tables.append("quarantine", frame, batch="odd")
    found = shelf(system, Which(column="w"))
    assert found.height == len(odd)
    assert found["shape"].n_unique() == 1


def test_what_happened_to_a_row_decides_its_state_whatever_the_order(system):
    keep_aside(system, BAD)
    a, b, c = ids(system)
    note(system, [Event(a, REPLAYED, NOW, "ana", {"prediction": "p-1"})])
    note(system, [Event(b, DROPPED, NOW, "ana", {"reason": "x"})])
    note(system, [Event(one, REPAIRED, NOW, "ana", {"row": {"wind": 1.0}, "number": 1}) for one in (a, c)])
    found = {kept.id: kept for kept in kept_rows(system, Which(state=""))}
    assert [found[one].state for one in (a, b, c)] == ["replayed", "dropped", "repaired"]
    assert (found[a].prediction, found[a].mended, found[b].mended) == ("p-1", {"wind": 1.0}, None)
    assert tally(system) == ({"replayed": 1, "dropped": 1, "repaired": 1}, (("wind", 1),))
    assert [event.status for event in events_of(system, a)] == ["repaired", "replayed"]


def test_the_newest_mended_form_stands_also_where_the_clock_does(system):
    keep_aside(system, BAD[:1])
    (one,) = ids(system)
    for number, value in enumerate([1.0, 2.0, 3.0], 1):
        note(system, [Event(one, REPAIRED, NOW, "ana", {"row": {"wind": value}, "number": number})])
    assert kept_rows(system, Which(state="repaired"))[0].mended == {"wind": 3.0}


def answered(system, *rows):
    columns = ("_id", "_replay_of", "_quarantine", "_arm")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    system.tables.append("predictions", frame, batch=f"p {rows}")


def test_another_try_of_a_row_stands_with_it_and_is_no_row_of_its_own(system):
    keep_aside(system, BAD)
    first, second, third = ids(system)
    answered(system, ("p-1", first, second, "fallback"), ("p-2", second, third, "fallback"))
    answered(system, ("p-3", None, None, "champion"))
    assert ids(system) == [first]
    assert tally(system)[0] == {"open": 1}
    assert named(system, (third, first)) == (first,)
    answered(system, ("p-4", third, None, "champion"))
    (kept,) = kept_rows(system, Which(state="replayed"))
    assert (kept.id, kept.prediction) == (first, "p-4")


def test_a_row_that_is_not_there_is_told(system):
    keep_aside(system, BAD)
    with pytest.raises(NotFound, match="no such row 'q-x' in quarantine"):
        named(system, ("q-x",))


def test_rows_given_up_are_kept_and_told_why(system):
    keep_aside(system, BAD)
    assert drop(system, kept_rows(system)[:1], by="ana", reason="a test of the feed", now=NOW) == 1
    assert ids(system, state="dropped") == ["q-server-wind-000"]
    assert "a test of the feed" in system.tables.read("quarantine_events")["detail"][0]
    with pytest.raises(NotFound, match="no open row matches"):
        drop(system, [], by="ana", reason="x", now=NOW)
