"""The holdout group follows the settings: kept with its time, sealed once, followed by the servers."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from daytwo.lifecycle.holdout import follow_holdout
from daytwo.lifecycle.rollback import roll_back
from daytwo.registry.route import Route, read_route
from daytwo.registry.versions import current_route

NOW = datetime(2013, 6, 1, 12, tzinfo=UTC)
OLD, NEW = "0" * 64, "a" * 64


def holding(system, share):
    release = msgspec.structs.replace(system.settings.release, holdout=share)
    return replace(system, settings=msgspec.structs.replace(system.settings, release=release))


@pytest.fixture
def live(system):
    for generation, digest in ((1, OLD), (2, NEW)):
        system.registry.change_route(Route(generation, digest), cause=digest[:6], at=NOW, by="x", reason="x")
    return system


def test_a_change_of_the_setting_is_a_change_of_the_route_made_and_sealed_once(live):
    system = holding(live, 0.05)
    change = follow_holdout(system, NOW)
    assert change.route == Route(3, NEW, previous=OLD, holdout=0.05) == read_route(system.route_path)
    assert "0.05 of subjects are left alone" in change.reason
    assert follow_holdout(system, NOW) is None
    sealed = [one.entry for one in system.audit.read()]
    assert [(one.action, one.detail["holdout"]) for one in sealed] == [("holdout", 0.05)]
    assert follow_holdout(holding(live, 0.0), NOW).route.holdout == 0.0
    assert [one.route.holdout for one in system.registry.history()] == [0.0, 0.0, 0.05, 0.0]


def test_before_anything_is_live_there_is_nobody_to_leave_alone(system):
    assert follow_holdout(holding(system, 0.05), NOW) is None


def test_whoever_was_killed_before_the_seal_seals_it_the_next_time(live):
    system = holding(live, 0.05)
    live.registry.change_holdout(0.05, generation=3, cause="holdout:3", at=NOW, by="settings", reason="x")
    assert follow_holdout(system, NOW).route.generation == 3
    assert read_route(system.route_path).holdout == 0.05
    assert len(system.audit.read()) == 1


def test_a_roll_back_and_a_new_version_leave_the_group_as_it_is(live):
    system = holding(live, 0.05)
    follow_holdout(system, NOW)
    assert roll_back(system, to=None, by="ana", reason="worse", now=NOW, cause="c").holdout == 0.05
    assert current_route(system.registry) == Route(4, OLD, holdout=0.05)
    system.registry.change_route(Route(5, OLD, NEW, 0.1), cause="canary", at=NOW, by="x", reason="x")
    assert current_route(system.registry).holdout == 0.05
