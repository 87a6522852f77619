"""flows: what is under way, cancelled, taken up again."""

from __future__ import annotations


def release(daytwo, project):
    settings = project / "daytwo.toml"
    settings.write_text(settings.read_text().replace("margin = 0.005", "margin = 0.2").replace("seed = 2", "seed = 7"))
    return daytwo("release", "-C", project, "--author", "ana", "--reason", "another seed", "--json").json


def test_a_release_that_waits_is_listed_shown_and_cancelled(daytwo, project):
    assert daytwo("flows", "list", "-C", project, "--json").json == {"flows": [], "runner": False}
    made = release(daytwo, project)
    assert made["state"] == "waiting"
    (flow,) = daytwo("flows", "-C", project, "--json").json["flows"]
    assert (flow["id"], flow["state"], flow["step"]) == ("release-2", "waiting", "approval")
    assert "a yes of one person other than ana" in flow["waits_for"]
    assert [step["name"] for step in flow["steps"]] == []
    shown = daytwo("flows", "show", "release-2", "-C", project, "--json").json
    assert [step["name"] for step in shown["steps"]] == ["begin", "train", "gate", "conclude"]
    assert "next: daytwo approve release-2 --as NAME" in daytwo("flows", "show", "release-2", "-C", project).out

    nothing = daytwo("flows", "resume", "release-2", "-C", project)
    assert (nothing.code, "no work that could be resumed" in nothing.err) == (1, True)
    assert daytwo("flows", "cancel", "release-2", "--as", " ", "--reason", "x", "-C", project).code == 2
    told = daytwo("flows", "cancel", "release-2", "--as", "ana", "--reason", "wrong rows", "-C", project)
    assert (told.code, told.out) == (0, "release-2 is declined.\n")
    assert daytwo("flows", "list", "-C", project, "--json").json["flows"] == []
    again = daytwo("flows", "cancel", "release-2", "--as", "ana", "--reason", "wrong rows", "-C", project)
    assert (again.code, "release-2 is over: declined" in again.err) == (1, True)
    assert "cancel flow" in daytwo("audit", "-C", project, "--json").out


def test_a_flow_that_is_not_there_is_a_clear_mistake(daytwo, project):
    for word in (("show",), ("cancel", "--as", "ana", "--reason", "x"), ("resume",)):
        said = daytwo("flows", word[0], "nowhere", *word[1:], "-C", project)
        assert (said.code, "there is no flow 'nowhere'" in said.err) == (2, True)
    assert "release-1" in daytwo("flows", "list", "--all", "-C", project).out
