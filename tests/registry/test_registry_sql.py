"""The registry: versions by number and digest, routes by compare-and-set."""

import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daytwo.core.errors import Conflict, NotFound
from daytwo.core.ledger import open_ledger
from daytwo.registry.route import Route
from daytwo.registry.sql import SqlRegistry
from daytwo.registry.versions import current_route

ON_BOTH = True
NOW = datetime(2013, 4, 1, 12, tzinfo=UTC)


@pytest.fixture
def registry(ledger) -> SqlRegistry:
    return SqlRegistry(ledger, "late-flights")


def test_versions_are_numbered_and_the_same_digest_is_the_same_version(registry):
    first = registry.add("a" * 64, author="ana", reason="first", at=NOW)
    second = registry.add("b" * 64, author="ana", reason="better", at=NOW)
    assert (first.number, second.number) == (1, 2)
    assert registry.add("a" * 64, author="eve", reason="again", at=NOW) == first
    assert registry.versions() == (first, second)
    assert registry.find("v2") == registry.find("2") == registry.find("bbbbbb") == second


@pytest.mark.parametrize("name", ["v3", "aaaaa", "cccccc", "champion"])
def test_an_unknown_name_is_told_with_the_names_there_are(registry, name):
    registry.add("a" * 64, author="ana", reason="first", at=NOW)
    with pytest.raises(NotFound, match=r"v1 \(aaaaaaaaaaaa\)"):
        registry.find(name)


def test_a_route_decided_on_an_old_generation_is_refused(registry):
    assert current_route(registry) is None
    registry.change_route(Route(1, "a" * 64), cause="x", at=NOW, by="flow", reason="first")
    registry.change_route(Route(2, "b" * 64), cause="y", at=NOW, by="flow", reason="second")
    with pytest.raises(Conflict, match="generation 2, the change was decided on 1"):
        registry.change_route(Route(2, "c" * 64), cause="z", at=NOW, by="flow", reason="third")
    assert current_route(registry) == Route(2, "b" * 64, previous="a" * 64)
    assert [change.reason for change in registry.history()] == ["first", "second"]


def test_the_same_cause_changes_the_route_once(registry):
    registry.change_route(Route(1, "a" * 64), cause="x", at=NOW, by="flow", reason="first")
    registry.change_route(Route(2, "b" * 64, "c" * 64, 0.05), cause="y", at=NOW, by="flow", reason="canary")
    again = registry.change_route(Route(3, "z" * 64), cause="x", at=NOW, by="flow", reason="first")
    assert again.route == Route(1, "a" * 64)
    assert len(registry.history()) == 2


def _compete(place: tuple[str, Path, str], who: str, won) -> None:
    engine = open_ledger(*place)
    try:
        SqlRegistry(engine, "late-flights").change_route(Route(2, who * 64), cause=who, at=NOW, by=who, reason=who)
    except Conflict:
        return
    finally:
        engine.dispose()
    with won.get_lock():
        won.value += 1


def test_of_several_processes_that_decide_on_one_generation_one_wins(registry, ledger_place):
    registry.change_route(Route(1, "a" * 64), cause="x", at=NOW, by="flow", reason="first")
    context = multiprocessing.get_context("spawn")
    won = context.Value("i", 0)
    rivals = [context.Process(target=_compete, args=(ledger_place, who, won)) for who in "bcde"]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
        assert rival.exitcode == 0
    assert won.value == 1
