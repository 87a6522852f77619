"""Net value: what came in less what went out, beside the first version's."""

from datetime import UTC, datetime

import pytest

from daytwo.value.costs import SERVING, SWITCH, Cost
from daytwo.value.net import WindowValue, net_value

NOW = datetime(2013, 4, 1, tzinfo=UTC)
COSTS = [
    Cost("a", NOW, SERVING, 1.0, "cpu_s", 2.5),
    Cost("b", NOW, SWITCH, 1.0, "switch", 400.0),
    Cost("c", NOW, SERVING, 1.0, "cpu_s", 0.5),
]


def test_windows_and_costs_add_up():
    windows = [WindowValue(1000.0, 900.0, 50), WindowValue(-200.0, -250.0, 30)]
    found = net_value(windows, COSTS, currency="EUR")
    assert (found.currency, found.live, found.static, found.rows) == ("EUR", 800.0, 650.0, 80)
    assert found.costs == {SWITCH: 400.0, SERVING: 3.0}
    assert found.cost == 403.0
    assert found.net == pytest.approx(397.0)


def test_where_nothing_is_settled_only_costs_are_left():
    found = net_value([], COSTS, currency="USD")
    assert (found.live, found.static, found.rows, found.net) == (0, 0, 0, -403.0)


def test_windows_may_come_from_a_generator():
    found = net_value((WindowValue(1.0, 2.0, 3) for _ in range(4)), (), currency="USD")
    assert (found.live, found.static, found.rows, found.cost) == (4.0, 8.0, 12, 0)
