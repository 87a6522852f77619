"""What a contract is made of, and what it refuses to be."""

import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.table.columnar import check
from daytwo.contracts.words import shortened
from daytwo.core.errors import NotFound, SettingsError
from daytwo.core.schema import Feature, Kind, Task

KM = Column("km", Kind.NUMBER, minimum=0.0, maximum=40.0)
KIND_OF_TRIP = Column("trip", Kind.CATEGORY, levels=("work", "home"))
LATE = Column("late", Kind.BOOLEAN, Role.TARGET, levels=("false", "true"))


def test_features_are_the_columns_with_that_role_in_order() -> None:
    contract = Contract("trips", 1, "me", (LATE, KIND_OF_TRIP, KM))
    assert contract.features.features == (Feature("trip", ("work", "home")), Feature("km"))
    assert contract.features.categories == (0,)
    assert contract.task is Task.BINARY
    assert contract.target is LATE
    assert (contract.time, contract.subject, contract.key) == (None, None, None)


def test_a_target_without_levels_is_a_regression() -> None:
    assert Contract("t", 1, "", (Column("y", Kind.NUMBER, Role.TARGET),)).task is Task.REGRESSION


def test_a_renewed_contract_is_the_next_version_with_another_digest() -> None:
    first = Contract("trips", 1, "me", (KM,))
    second = first.renewed(columns=(KM, KIND_OF_TRIP))
    assert (second.version, second.columns, second.rules) == (2, (KM, KIND_OF_TRIP), ())
    assert second.digest != first.digest
    assert first.digest == Contract("trips", 1, "me", (KM,)).digest


def test_an_unknown_column_names_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"no column 'miles'.*km"):
        Contract("trips", 1, "me", (KM,)).column("miles")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Column("t", Kind.TEXT), "text cannot be a feature"),
        (lambda: Column("t", Kind.NUMBER, Role.TIME), "must be of kind 'time'"),
        (lambda: Column("c", Kind.CATEGORY, levels=("a", "a")), "named twice"),
        (lambda: Column("n", Kind.NUMBER, levels=("1", "2")), "has no levels"),
        (lambda: Column("n", Kind.NUMBER, Role.TARGET, levels=("1", "two")), "must be numbers"),
        (lambda: Column("y", Kind.CATEGORY, Role.TARGET), "two levels"),
        (lambda: Column("y", Kind.CATEGORY, Role.TARGET, levels=("a", "b", "c")), "exactly two"),
        (lambda: Column("c", Kind.CATEGORY, levels=("a",), other="drop"), "'keep' or 'reject'"),
        (lambda: Column("n", Kind.NUMBER, nan="drop"), "'reject' or 'missing'"),
        (lambda: Column("b", Kind.BOOLEAN, maximum=1.0), "has no range"),
        (lambda: Column("b", Kind.BOOLEAN, max_length=1), "neither pattern nor length"),
        (lambda: Contract("t", 1, "", (KM, KM)), "twice"),
        (lambda: Contract("t", 1, "", (LATE, Column("y", Kind.NUMBER, Role.TARGET))), "both are the target"),
        (lambda: Contract("t", 1, "", (KM,), (Rule("r", "km > km and 1"),)), "'r'"),
        (lambda: Contract("t", 1, "", (KM,), (Rule("r", "trip == 'x'"),)), "'r'.*reads 'trip'"),
    ],
)
def test_a_contradiction_is_refused(make: object, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        make()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, True),
        (12, 12),
        (1.5, 1.5),
        (float("nan"), "nan"),
        ("x" * 200, "x" * 79 + "…"),
        (2**60, str(2**60)),
        (2**5000, "an integer of 5001 bits"),
        ([1] * 10_000, "a list of 10000"),
        ({"a": 1}, "a dict of 1"),
    ],
)
def test_a_shown_value_is_short_and_fits_json(value: object, shown: object) -> None:
    assert shortened(value) == shown


def test_a_checked_column_is_judged_at_both_doors_and_is_no_feature() -> None:
    tail = Column("tail", Kind.TEXT, Role.CHECKED, pattern="N[0-9]+")
    contract = Contract("trips", 1, "ana", (Column("km", Kind.NUMBER), tail))
    assert contract.features.names == ("km",)
    checked = check(contract, pl.DataFrame({"km": [1.0, 2.0], "tail": ["N12", "x"]}))
    assert checked.failures.select("row", "column", "rule").rows() == [(1, "tail", "match_regex")]
    judge = compile_decoder(contract).check
    assert [breach.rule for breach in judge({"km": 2.0, "tail": "x"})[1]] == ["match_regex"]
    assert judge({"km": 2.0, "tail": "N12"})[0] == [2.0]
