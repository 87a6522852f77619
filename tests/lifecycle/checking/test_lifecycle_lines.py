"""Where things stand in TOML: the line that a person would mend."""

import pytest

from daytwo.lifecycle.checking.lines import line_of
from daytwo.lifecycle.checking.whereabouts import place_of_gate, place_of_rule

TEXT = """# settings
seed = 1

[gate]   # what a candidate must hold
metric = "roc_auc"
slices = [
  "origin",
  ["not a header"],
]
max_p99_ms = 20

[columns."wind speed"]
minimum = 0
[columns.carrier]
[unique.trip]
[[ci.expect]]
column = "a"
[[ci.expect]]
change = "+1"
column = "b"
"""


@pytest.mark.parametrize(
    ("table", "key", "nth", "line"),
    [
        ((), "seed", 0, 2),
        (("gate",), "", 0, 4),
        (("gate",), "metric", 0, 5),
        (("gate",), "max_p99_ms", 0, 10),
        (("gate",), "margin", 0, 4),
        (("columns", "wind speed"), "minimum", 0, 13),
        (("ci", "expect"), "", 0, 16),
        (("ci", "expect"), "column", 1, 20),
        (("plan",), "", 0, 1),
        (("ci", "expect"), "column", 7, 1),
    ],
)
def test_a_key_stands_on_its_line(table, key, nth, line):
    assert line_of(TEXT, table, key, nth=nth) == line


def test_a_rule_and_a_gate_have_their_places(tmp_path):
    contract = tmp_path / "contract.toml"
    contract.write_text(TEXT)
    assert str(place_of_rule(contract, "carrier", "level")) == "contract.toml:14"
    assert str(place_of_rule(contract, "trip", "unique:trip")) == "contract.toml:15"
    assert str(place_of_rule(contract, "carrier, wind speed", "expression:nothing")) == "contract.toml:14"
    assert str(place_of_rule(contract, "seed", "")) == "contract.toml:2"
    assert str(place_of_rule(contract, "nowhere", "between")) == "contract.toml:1"
    (tmp_path / "daytwo.toml").write_text(TEXT)
    assert str(place_of_gate(tmp_path, "latency")) == "daytwo.toml:10"
    assert str(place_of_gate(tmp_path, "a new one")) == "daytwo.toml:4"
