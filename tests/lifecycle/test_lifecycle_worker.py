"""A tick does what is due: among it, what a killed command left half done."""

from datetime import UTC, datetime, timedelta

from daytwo.lifecycle.flow import InlineRunner
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.worker import tick
from daytwo.registry.route import Route, read_route

NOW = datetime(2013, 6, 1, 12, tzinfo=UTC)
OLD, NEW = "a" * 64, "b" * 64


def test_a_tick_finishes_a_going_back_that_was_cut_short(system):
    for generation, (digest, cause) in enumerate(((OLD, "one"), (NEW, "two"), (OLD, "rollback:ben")), start=1):
        system.registry.change_route(Route(generation, digest), cause=cause, at=NOW, by="ben", reason="it hurts")
    system.releases.put(Release("release-2", State.LIVE, "it pays", "ana", NOW, NOW, digest=NEW))
    flows = {"patrol": {"opened": [], "closed": []}, "retention": {"removed": {}}}
    quiet = InlineRunner({name: lambda _run, _arguments, told=told: told for name, told in flows.items()})

    events = tick(system, quiet, NOW + timedelta(seconds=2))
    assert [event.kind for event in events] == ["rolled_back"]
    assert OLD[:12] in events[0].words
    assert system.releases.get("release-2").state is State.ROLLED_BACK
    assert read_route(system.route_path) == system.registry.history()[-1].route
    assert [one.entry.action for one in system.audit.read()] == ["roll back"]
    assert tick(system, quiet, NOW + timedelta(seconds=4)) == []
