"""`daytwo hold`: an approved candidate stays where it is until the hold is lifted; going back needs no leave."""

from daytwo.lifecycle.delivery.hold import what_waits
from daytwo.lifecycle.releases import State
from daytwo.wiring import clock_of, open_system


def test_an_approved_candidate_waits_until_the_hold_is_lifted(project, daytwo):
    made = daytwo("release", "--author", "ana", "--reason", "spring", "--json", "-C", project).json
    assert made["state"] == "waiting", made
    said = daytwo("hold", "--as", "eve", "--reason", "books close", "--json", "-C", project)
    assert (said.json["held"], said.json["by"]) == (True, "eve")
    assert daytwo("approve", made["release"], "--as", "ben", "-C", project).code == 0
    daytwo("up", "--once", "-C", project)
    system = open_system(project, {})
    kept = system.releases.get(made["release"])
    assert kept.state is State.WAITING
    assert kept.words.startswith("approved; held by eve")
    assert "held by eve" in daytwo("status", "-C", project).out
    lifted = daytwo("hold", "--lift", "--as", "ana", "--reason", "closed", "-C", project)
    assert "eve had held it" in lifted.out
    daytwo("up", "--once", "-C", project)
    assert open_system(project, {}).releases.get(made["release"]).state in {State.ROLLING, State.LIVE}
    told = [one.entry.action for one in system.audit.read()]
    assert [action for action in told if "hold" in action] == ["hold", "lift hold"]


def test_a_second_hold_and_a_lift_of_nothing_are_refused(project, daytwo):
    said = daytwo("hold", "--lift", "--as", "ana", "--reason", "why not", "-C", project)
    assert (said.code, "nobody holds anything" in said.err) == (1, True)
    assert daytwo("hold", "--as", "ana", "--reason", "books close", "-C", project).code == 0
    said = daytwo("hold", "--as", "eve", "--reason", "me too", "-C", project)
    assert (said.code, "ana holds it already: books close" in said.err) == (1, True)
    assert daytwo("hold", "--as", "", "--reason", "x", "--lift", "-C", project).code == 1


def test_a_freeze_of_the_settings_waits_too(project):
    system = open_system(project, {"DAYTWO_RELEASE__FREEZE": '["mon 00:00 to sun 23:59", "sun 23:59 to mon 00:00"]'})
    assert what_waits(system, clock_of(system).now()).startswith("frozen: ")
    assert what_waits(open_system(project, {}), clock_of(system).now()) == ""
