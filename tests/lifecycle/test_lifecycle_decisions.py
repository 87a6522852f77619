"""Who may decide on what, and that each word is kept once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daytwo.core.errors import Mistake, NotFound, Refused
from daytwo.governance.approvals import Request
from daytwo.lifecycle.decisions import decide, find_release, go_back, stands, way_back, would_stand
from daytwo.lifecycle.releases import Release, State
from daytwo.registry.route import Route

NOW = datetime(2013, 4, 1, tzinfo=UTC)
DIGEST = "ab" * 32


@pytest.fixture
def release(system):
    made = Release("release-1", State.WAITING, "why", "ana", NOW, NOW, digest=DIGEST)
    system.releases.put(made)
    system.registry.add(DIGEST, author="ana", reason="why", at=NOW)
    system.approvals.ask(Request("release-1", DIGEST, "e" * 64, "ana", 2, NOW, NOW + timedelta(days=14), "gates"))
    return made


def say(system, release, person="ben", *, approved=True, reason="read", at=NOW):
    return decide(system, release, person=person, approved=approved, reason=reason, now=at)


def test_a_release_is_found_by_its_id_its_version_and_its_digest(system, release):
    assert {find_release(system, name).id for name in ("release-1", "v1", "1", DIGEST[:6], DIGEST)} == {"release-1"}
    for name in ("release-2", "v2", "abab", "cdcdcd"):
        with pytest.raises(NotFound) as told:
            find_release(system, name)
        assert "release-1" in told.value.hint


def test_a_yes_is_bound_to_digest_and_evidence_and_kept_once(system, release):
    first = say(system, release)
    assert (first.digest, first.evidence) == (DIGEST, "e" * 64)
    assert say(system, release, at=NOW + timedelta(hours=1)) == first
    assert stands(system, release, NOW) is None  # two are needed
    say(system, release, "cleo")
    assert stands(system, release, NOW) is True
    assert [one.entry.action for one in system.audit.read()] == ["approve", "approve"]


def test_a_person_may_change_the_mind_while_it_waits(system, release):
    say(system, release)
    say(system, release, approved=False, reason="read again", at=NOW + timedelta(hours=1))
    assert stands(system, release, NOW + timedelta(hours=2)) is False
    assert [one.entry.action for one in system.audit.read()] == ["approve", "refuse"]


def test_who_may_not_decide(system, release):
    for person, at in (("ana", NOW), (" ", NOW), ("ben", NOW + timedelta(days=15))):
        with pytest.raises(Refused):
            say(system, release, person, at=at)
    system.releases.put(Release("release-1", State.LIVE, "why", "ana", NOW, NOW, digest=DIGEST))
    with pytest.raises(Refused, match="is live"):
        say(system, find_release(system, "release-1"))
    assert system.audit.read() == ()


def test_going_back_needs_a_reason_and_somewhere_to_go(system, release):
    def back(to="", person="ben", reason="it hurts"):
        return go_back(system, to, person=person, reason=reason, now=NOW)

    with pytest.raises(Refused, match="no earlier version"):
        back()
    second = system.registry.add("cd" * 32, author="ana", reason="newer", at=NOW)
    system.registry.add("ef" * 32, author="ana", reason="never live", at=NOW)
    for generation, digest in enumerate((DIGEST, second.digest), start=1):
        system.registry.change_route(Route(generation, digest), cause=digest, at=NOW, by="x", reason="y")
    for words, to in (("answers now", "v2"), ("never live", "v3")):
        with pytest.raises(Refused, match=words):
            back(to)
    with pytest.raises(Mistake, match="name and a reason"):
        back(reason=" ")
    with pytest.raises(NotFound):
        back("v9")
    version, route = back()
    assert (version.number, route.generation, route.champion) == (1, 3, DIGEST)
    assert back("v2")[0].number == 2


def live(system, *digests):
    for generation, digest in enumerate(digests, start=1):
        system.registry.add(digest, author="ana", reason="why", at=NOW)
        system.registry.change_route(Route(generation, digest), cause=digest, at=NOW, by="x", reason="y")


def test_the_same_command_again_finishes_a_going_back_that_was_cut_short(system):
    live(system, "11" * 32, "22" * 32, "33" * 32)
    route = Route(4, "22" * 32, previous="11" * 32)
    system.registry.change_route(route, cause="rollback:ben::then", at=NOW, by="ben", reason="it hurts")
    way = way_back(system, "", person="ben", reason="it hurts")
    assert (way.away.number, way.back.number) == (3, 2)
    assert system.audit.read() == ()
    again = go_back(system, "", person="ben", reason="it hurts", now=NOW + timedelta(minutes=1))
    assert (again[0].number, again[1]) == (2, route)
    assert [one.entry.cause for one in system.audit.read()] == ["audit:rollback:ben::then"]
    back = go_back(system, "", person="ben", reason="it still hurts", now=NOW + timedelta(minutes=2))
    assert back[0].number == 1


def test_another_wish_finishes_what_was_cut_short_and_is_done_too(system):
    live(system, "11" * 32, "22" * 32, "33" * 32)
    system.registry.change_route(Route(4, "22" * 32), cause="rollback:b", at=NOW, by="ben", reason="it hurts")
    assert go_back(system, "v1", person="ana", reason="both hurt", now=NOW)[0].number == 1
    assert [one.entry.subject[:2] for one in system.audit.read()] == ["22", "11"]


def test_a_try_says_what_would_happen_and_changes_nothing(system, release):
    before = system.audit.read(), system.approvals.decisions("release-1"), system.registry.history()
    decision, standing = would_stand(system, release, person="ben", approved=True, reason="read", now=NOW)
    assert (decision.digest, standing) == (DIGEST, None)  # two are needed
    assert would_stand(system, release, person="ben", approved=False, reason="read", now=NOW)[1] is False
    with pytest.raises(Refused):
        would_stand(system, release, person="ana", approved=True, reason="mine", now=NOW)
    with pytest.raises(Refused, match="no earlier version"):
        way_back(system, "", person="ben", reason="it hurts")
    assert (system.audit.read(), system.approvals.decisions("release-1"), system.registry.history()) == before
    say(system, release, "cleo")
    assert would_stand(system, release, person="ben", approved=True, reason="read", now=NOW)[1] is True
    live(system, "11" * 32, "22" * 32)
    system.releases.put(Release("release-9", State.ROLLING, "why", "ana", NOW, NOW, digest=DIGEST))
    way = way_back(system, "", person="ben", reason="it hurts")
    assert (way.away.digest[:2], way.back.digest[:2], way.stops) == ("22", "11", ("release-9",))
    assert system.registry.history()[-1].route.champion == "22" * 32
