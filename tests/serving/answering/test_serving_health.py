"""What is wrong with a model, in words; and the champion before, which is loaded late and tried again."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime
from types import SimpleNamespace

import pytest
from tests.serving.conftest import make_bundle

from daytwo.core.errors import NotFound
from daytwo.registry.bundle import BundleStore
from daytwo.registry.route import Route, write_route
from daytwo.serving.answering import live as following
from daytwo.serving.answering.health import can_answer, problems
from daytwo.serving.answering.live import Versions, Watcher

NOW = 1_700_000_000.0


@pytest.fixture
def two(tmp_path, champion_files):
    """A store with a champion and the one before it, and where its route stands."""
    shutil.copytree(champion_files, tmp_path / "bundles")
    store = BundleStore(tmp_path / "bundles")
    champion = store.list()[0]
    return store, champion, make_bundle(store, seed=9).digest, tmp_path / "route.json"


def served(watcher, *, failing=None, dropped=0):
    """Return a model as health looks at it."""
    return SimpleNamespace(
        name="trips",
        watcher=watcher,
        journal=SimpleNamespace(failing=failing),
        shadow=SimpleNamespace(dropped_since=lambda moment: dropped if moment < NOW else 0),
        failing_since=lambda now: now - 60,
    )


def told(one, *, unrecorded=False):
    return {problem.code: problem for problem in problems(one, now=NOW, unrecorded=unrecorded)}


def test_the_champion_before_is_loaded_late_and_tried_again(two, monkeypatch):
    store, champion, before, path = two
    monkeypatch.setattr(following, "_RETRY_S", 0.0)
    hidden = store.folder / "hidden"
    (store.folder / before).rename(hidden)
    write_route(path, Route(1, champion, previous=before))

    async def follow():
        watcher = Watcher(path, Versions(store, "previous"))
        await watcher.look()
        assert watcher.live.champion.digest == champion
        await watcher.look()
        assert "cannot be loaded" in watcher.live.previous_fault
        with pytest.raises(NotFound, match="no single loaded version"):
            watcher.live.named(before[:8])
        assert "cannot stand in" in told(served(watcher))["previous"].reason
        hidden.rename(store.folder / before)
        await watcher.look()
        assert watcher.live.previous_fault is None
        assert watcher.live.named(before[:8]).digest == before
        assert told(served(watcher)) == {}
        kept = watcher.live
        await watcher.look()
        assert watcher.live is kept

    asyncio.run(follow())


def test_a_champion_before_that_need_not_stand_in_is_no_problem(two):
    store, champion, _, path = two
    write_route(path, Route(1, champion, previous="f" * 64))

    async def follow():
        watcher = Watcher(path, Versions(store))
        for _ in range(2):
            await watcher.look()
        assert watcher.live.previous_fault is not None
        assert told(served(watcher)) == {}

    asyncio.run(follow())


def test_each_problem_says_since_when_and_what_helps(two):
    store, champion, _, path = two
    write_route(path, Route(1, champion))

    async def follow():
        watcher = Watcher(path, Versions(store))
        await watcher.look()
        for _ in range(5):
            watcher.live.champion.breaker.heard(good=False)
        path.write_text("no route")
        await watcher.look()
        one = served(watcher, failing="the disk is full", dropped=7)
        found = told(one)
        assert set(found) == {"journal", "route", "breaker", "shadow"}
        assert all(problem.hint and problem.model == "trips" for problem in found.values())
        assert datetime.fromisoformat(found["journal"].since).timestamp() == NOW - 60
        assert "the route before goes on" in found["route"].reason
        assert "7 rows" in found["shadow"].reason
        assert not can_answer(one, unrecorded=False)
        assert can_answer(one, unrecorded=True)
        assert "without a record" in told(one, unrecorded=True)["journal"].reason

    asyncio.run(follow())


@pytest.mark.parametrize("name", ["", "abc", "zzzzzz"])
def test_a_version_is_named_by_six_characters_or_more(two, name):
    store, champion, before, _ = two
    live = Versions(store).live(Route(1, champion, previous=before), whole=True)
    assert live.named(champion) is live.champion
    assert live.named(before[:6]) is live.previous
    with pytest.raises(NotFound):
        live.named(name)
