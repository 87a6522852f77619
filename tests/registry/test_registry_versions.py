"""Versions and routes as a state machine: a real ledger against the few lines that say what it must do."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from daytwo.core.errors import Conflict, NotFound
from daytwo.core.ledger import create_tables, open_sqlite
from daytwo.registry.route import Route
from daytwo.registry.sql import SqlRegistry
from daytwo.registry.versions import current_route

NOW = datetime(2013, 4, 1, 12, tzinfo=UTC)
DIGESTS = st.sampled_from([letter * 64 for letter in "abcd"])
CAUSES = st.sampled_from([f"cause {i}" for i in range(12)])
ROUTES = st.builds(
    Route,
    st.just(0),
    DIGESTS,
    st.none(),
    st.just(0.0),
    st.none() | DIGESTS,
) | st.builds(Route, st.just(0), DIGESTS, DIGESTS, st.sampled_from([0.05, 0.25]), st.none())


class Registry(RuleBasedStateMachine):
    """Adds versions and changes routes in any order, with any idea of what the newest generation is."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.engine = open_sqlite(Path(self.folder.name) / "ledger.db")
        create_tables(self.engine)
        self.registry = SqlRegistry(self.engine, "flights")
        self.other = SqlRegistry(self.engine, "another model")
        self.digests: list[str] = []
        self.history: dict[str, Route] = {}

    def teardown(self) -> None:
        self.engine.dispose()
        self.folder.cleanup()

    @rule(digest=DIGESTS)
    def add(self, digest):
        version = self.registry.add(digest, author="ana", reason="because", at=NOW)
        if digest not in self.digests:
            self.digests.append(digest)
        assert (version.number, version.digest) == (self.digests.index(digest) + 1, digest)

    @rule(route=ROUTES, cause=CAUSES, behind=st.sampled_from([0, 0, 0, 1, -1]))
    def change(self, route, cause, behind):
        asked = Route(len(self.history) + 1 - behind, route.champion, route.canary, route.canary_share, route.shadow)
        try:
            change = self.registry.change_route(asked, cause=cause, at=NOW, by="ana", reason="because")
        except Conflict:
            assert behind
            assert cause not in self.history
            return
        if cause not in self.history:
            assert not behind
            previous, champions = None, [one.champion for one in self.history.values()]
            for before, champion in zip([None, *champions], [*champions, asked.champion], strict=True):
                if champion == asked.champion:
                    previous = before
                    break
            kept = next(reversed(self.history.values())).holdout if self.history else 0.0
            self.history[cause] = msgspec.structs.replace(asked, previous=previous, holdout=kept)
        assert change.route == self.history[cause]

    @rule(share=st.sampled_from([0.0, 0.05, 1.0]), cause=CAUSES)
    def hold(self, share, cause):
        generation = len(self.history) + 1
        if not self.history:
            with pytest.raises(Conflict):
                self.registry.change_holdout(share, generation=1, cause=cause, at=NOW, by="ana", reason="because")
            return
        change = self.registry.change_holdout(
            share, generation=generation, cause=cause, at=NOW, by="ana", reason="because"
        )
        if cause not in self.history:
            newest = next(reversed(self.history.values()))
            self.history[cause] = msgspec.structs.replace(newest, generation=generation, holdout=share)
        assert change.route == self.history[cause]

    @rule(name=st.sampled_from(["1", "v1", "v2", "9", "aaaaaa", "b" * 64, "bbb", "champion", ""]))
    def find(self, name):
        number = name.removeprefix("v")
        wanted = [
            digest
            for i, digest in enumerate(self.digests)
            if number == str(i + 1) or (len(name) >= 6 and digest.startswith(name))
        ]
        if wanted:
            assert self.registry.find(name).digest == wanted[0]
        else:
            with pytest.raises(NotFound):
                self.registry.find(name)

    @invariant()
    def what_is_kept_is_what_was_done(self):
        assert [version.digest for version in self.registry.versions()] == self.digests
        routes = [change.route for change in self.registry.history()]
        assert routes == list(self.history.values())
        assert [route.generation for route in routes] == list(range(1, len(routes) + 1))
        assert current_route(self.registry) == (routes[-1] if routes else None)

    @invariant()
    def another_model_in_the_same_ledger_knows_nothing_of_it(self):
        assert self.other.versions() == self.other.history() == ()


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
