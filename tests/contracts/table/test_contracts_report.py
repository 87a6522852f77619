"""A checked table in numbers."""

import msgspec
import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch
from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.table.columnar import check
from daytwo.contracts.table.report import report
from daytwo.core.schema import Kind

CONTRACT = Contract(
    "trips",
    1,
    "",
    (Column("a", Kind.NUMBER, minimum=0.0), Column("b", Kind.CATEGORY, levels=("x",))),
    (Rule("small", "a < 100", Action.WARN),),
)


def test_every_row_is_counted_once_and_every_broken_rule_has_its_first_rows():
    rows = pl.DataFrame({"a": [-1.0, None, 500.0, *[-2.0] * 7], "b": ["y", *["x"] * 9], "c": [0] * 10})
    found = report(check(CONTRACT, rows))
    assert (found.rows, found.accepted, found.repaired, found.rejected) == (10, 1, 0, 9)
    assert [(one.action, one.column, one.rule, one.rows, one.examples) for one in found.rules] == [
        ("reject", "a", "between", 8, (0, 3, 4, 5, 6)),
        ("reject", "a", "not_null", 1, (1,)),
        ("warn", "b", "in_set", 1, (0,)),
        ("warn", "a", "expression:small", 1, (2,)),
    ]
    assert found.unknown == ("c",)


def test_a_good_table_breaks_nothing():
    found = report(check(CONTRACT, pl.DataFrame({"a": [1.0], "b": ["x"]})))
    assert (found.accepted, found.rules, found.unknown) == (1, (), ())


def test_as_json_it_has_the_keys_that_others_read():
    column = Column("a", Kind.NUMBER, maximum=1.0, repair=("clip",))
    contract = Contract("t", 1, "", (column,), batch=Batch(minimum_rows=5))
    rows = pl.DataFrame({"a": [0.0, 2.0, None], "z": [1, 2, 3]})
    found = msgspec.json.decode(msgspec.json.encode(report(check(contract, rows))))
    rules = found.pop("rules")
    assert found == {"rows": 3, "accepted": 2, "repaired": 1, "rejected": 1, "unknown": ["z"]}
    keys = ("rule", "column", "action", "rows", "examples", "message")
    assert [tuple(rule[key] for key in keys) for rule in rules] == [
        ("not_null", "a", "reject", 1, [2], "a must not be missing"),
        ("between", "a", "repair", 1, [1], "a must be at most 1; mended by clip"),
        ("volume", "", "warn", 0, [], "the batch has 3 rows; at least 5 are promised"),
    ]
    assert {key for rule in rules for key in rule} == set(keys)
