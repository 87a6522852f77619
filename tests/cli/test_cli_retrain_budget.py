"""What the budget of retraining does not pay for waits: the decision says so, and the owner hears of it."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from tests.cli.test_cli_rollout import answer

from daytwo.lifecycle.flow import InlineRunner
from daytwo.lifecycle.settle import settle_window
from daytwo.registry.versions import current_route
from daytwo.value.costs import SWITCH, Cost
from daytwo.wiring import open_system

WEEK = timedelta(days=7)


@pytest.mark.parametrize(("budget", "retrain"), [(500, False), (900, True), (0, True)])
def test_a_policy_that_wants_a_version_waits_for_money(project, daytwo, budget, retrain):
    policy = {"DAYTWO_RETRAIN__POLICY": "every 1d", "DAYTWO_RETRAIN__OWNER": "cleo"}
    policy["DAYTWO_RETRAIN__BUDGET"] = str(budget)
    system = open_system(project, policy)
    route = current_route(system.registry)
    begin = system.registry.history()[-1].at
    answer(system, SimpleNamespace(step=0, digest=route.champion), route.champion, labels=True, begin=begin)
    system.windows.keep_fact("live_since", begin.isoformat())
    system.costs.add(Cost("earlier", begin + timedelta(days=3), SWITCH, 1.0, "switch", 400.0))

    runner = InlineRunner({"settle": lambda run, arguments: settle_window(run, system, arguments)})
    span = {"index": 0, "start": begin.isoformat(), "end": (begin + WEEK).isoformat()}
    told = runner.run("settle", "settle-0", span)
    assert told["retrain"] is retrain
    alerts = [one for one in system.alerts.alerts() if one.kind == "retrain.budget"]
    if retrain:
        assert alerts == []
        return
    assert "420 of 500" in told["words"]
    assert "without a budget: retrain: live for" in told["words"]
    assert [one.owner for one in alerts] == ["cleo"]
    why = daytwo("retrain", "--why", "-C", project, "--json", **policy).json
    assert why["words"] == told["words"]
    assert any("the budget:" in change for change in why["changes"])
