"""What changed between two contracts: in words, in effect, and for whom."""

from __future__ import annotations

from dataclasses import fields, replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch, Distribution
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.diff import Verdict, diff
from daytwo.contracts.diff_columns import _EFFECTS, Effect
from daytwo.contracts.relations import Unique
from daytwo.contracts.table.columnar import check
from daytwo.core.schema import Kind

KM = Column("km", Kind.NUMBER, minimum=0.0, maximum=40.0, owner="ben")
LATE = Column("late", Kind.BOOLEAN, Role.TARGET, levels=("false", "true"))
OLD = Contract("trips", 1, "ana", (KM, Column("carrier", Kind.CATEGORY, levels=("AA", "B6")), LATE))


def changed(**change) -> Contract:
    return replace(OLD, version=2, columns=(replace(KM, **change), *OLD.columns[1:]))


def test_the_same_contract_has_no_difference():
    found = diff(OLD, OLD)
    assert (found.verdict, found.changes, found.concerns, found.version) == (Verdict.SAME, (), (), "")
    assert not found.may_refuse


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        ({"maximum": 50.0}, "wider", "maximum of km: 40 -> 50"),
        ({"maximum": None}, "wider", "maximum of km: 40 -> none"),
        ({"minimum": 1.0}, "narrower", "minimum of km: 0 -> 1"),
        ({"minimum": 1.0, "maximum": 50.0}, "different", "minimum of km: 0 -> 1"),
        ({"nullable": True}, "wider", "nullable of km: no -> yes"),
        ({"required": False}, "wider", "required of km: yes -> no"),
        ({"kind": Kind.INTEGER}, "narrower", "kind of km: number -> integer"),
        ({"nan": "missing"}, "wider", "nan of km: reject -> missing"),
        ({"warn": ("between",)}, "wider", "warn of km: none -> between"),
        ({"repair": ("clip",)}, "wider", "repair of km: none -> clip"),
        ({"expected_maximum": 9.0}, "same", "expected maximum of km: none -> 9"),
        ({"max_null_share": 0.5}, "same", "max null share of km: none -> 0.5"),
        ({"evidence": "more rows"}, "same", "evidence of km changed"),
        ({"role": Role.CHECKED}, "breaking", "role of km: feature -> checked"),
    ],
)
def test_a_change_of_a_column_is_told_in_words_with_its_effect(change, verdict, words):
    found = diff(OLD, changed(**change))
    assert found.verdict == verdict
    assert found.changes[0].words == words
    assert "ben owns km" in found.concerns
    assert "ana owns the contract" in found.concerns


def test_other_inputs_or_another_target_break_the_model():
    gained = diff(OLD, replace(OLD, version=2, columns=(*OLD.columns, Column("wind", Kind.NUMBER))))
    assert gained.breaks == "the model must be trained anew: it gains wind"
    assert gained.changes[0].words == "wind added: feature, number, required"
    assert gained.may_refuse
    other = replace(OLD.columns[1], levels=("B6", "AA"))
    turned = diff(OLD, replace(OLD, version=2, columns=(KM, other, LATE)))
    assert turned.breaks.endswith("it reads other levels, or another order")
    assert turned.changes[0].words == "levels of carrier: in another order"
    target = diff(OLD, replace(OLD, version=2, columns=(KM, OLD.columns[1])))
    assert target.breaks.endswith("its target is another one")
    assert "what is predicted becomes another column: late -> none" in target.concerns


@pytest.mark.parametrize(
    ("old", "new", "effect", "words"),
    [
        ({}, {"rules": (Rule("r", "km < 9"),)}, Effect.NARROWER, "rule r added: km < 9"),
        ({"rules": (Rule("r", "km < 9"),)}, {}, Effect.WIDER, "rule r removed: km < 9"),
        ({}, {"rules": (Rule("r", "km < 9", Action.WARN),)}, Effect.NONE, "rule r added: km < 9"),
        (
            {"rules": (Rule("r", "km < 9"),)},
            {"rules": (Rule("r", "km < 9", Action.WARN),)},
            Effect.WIDER,
            "rule r: reject -> warn",
        ),
        (
            {"rules": (Rule("r", "km < 9"),)},
            {"rules": (Rule("r", "km < 8"),)},
            Effect.DIFFERENT,
            "rule r: expression km < 9 -> km < 8",
        ),
        (
            {},
            {"relations": (Unique("k", ("km",)),)},
            Effect.NARROWER,
            "unique:k added: no two rows may have the same km",
        ),
        ({}, {"batch": Batch(minimum_rows=9)}, Effect.NONE, "minimum_rows of a batch: none -> 9"),
        (
            {"batch": Batch(minimum_rows=9, action=Action.REJECT)},
            {"batch": Batch(minimum_rows=5, action=Action.REJECT)},
            Effect.WIDER,
            "minimum_rows of a batch: 9 -> 5",
        ),
        (
            {"distributions": (Distribution("km", 0.1, (0.5, 0.5, 0.0), (1.0,)),)},
            {"distributions": (Distribution("km", 0.2, (0.5, 0.5, 0.0), (1.0,)),)},
            Effect.NONE,
            "the distribution of km: max_distance 0.1 -> 0.2",
        ),
        ({}, {"owner": ""}, Effect.NONE, "owner: ana -> nobody"),
    ],
)
def test_a_change_between_columns_or_of_a_batch_is_told(old, new, effect, words):
    (change,) = diff(replace(OLD, **old), replace(OLD, version=2, **new)).changes
    assert (change.effect, change.words) == (effect, words)


def test_a_promise_about_the_score_binds_the_next_model_and_refuses_no_row():
    found = diff(OLD, changed(score="rises"))
    assert [(one.words, one.effect) for one in found.changes] == [("score of km: none -> rises", Effect.NONE)]
    assert found.verdict is Verdict.SAME
    assert not found.breaks


def test_a_share_of_missing_values_narrows_where_the_batch_is_refused_for_it():
    hard = {"batch": Batch(action=Action.REJECT)}
    found = diff(replace(OLD, **hard), replace(changed(max_null_share=0.5), **hard))
    assert found.verdict is Verdict.NARROWER


def test_content_that_changes_asks_for_a_new_version():
    assert diff(OLD, replace(changed(maximum=50.0), version=1)).version.endswith("raise it to 2")
    assert diff(replace(OLD, version=5), changed(maximum=50.0)).version.endswith("make it 6")
    assert diff(OLD, changed(maximum=50.0)).version == ""
    assert diff(OLD, replace(OLD, version=9)).version == ""


def test_columns_of_the_payoff_and_a_missing_owner_are_told():
    found = diff(OLD, replace(changed(maximum=50.0), owner=""), payoff={"km"})
    assert "the value in money is worked out from km" in found.concerns
    assert "nobody owns the contract: without an owner it should not go live" in found.concerns


def test_no_field_of_a_column_is_forgotten():
    assert {one.name for one in fields(Column)} - {"name"} == set(_EFFECTS)


_BOUNDS = st.one_of(st.none(), st.integers(-3, 3).map(float))
_LEVELS = st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(tuple)


@st.composite
def _numbers(draw) -> Column:
    low, high = sorted([draw(st.integers(-3, 3)), draw(st.integers(-3, 3))])
    ends = (draw(st.sampled_from([None, float(low)])), draw(st.sampled_from([None, float(high)])))
    return Column(
        "x",
        draw(st.sampled_from([Kind.NUMBER, Kind.INTEGER])),
        nullable=draw(st.booleans()),
        required=draw(st.booleans()),
        minimum=ends[0],
        maximum=ends[1],
        nan=draw(st.sampled_from(["reject", "missing"])),
    )


@st.composite
def _texts(draw) -> Column:
    other = draw(st.sampled_from(["keep", "reject"]))
    return Column("x", Kind.CATEGORY, nullable=draw(st.booleans()), levels=draw(_LEVELS), other=other)


def _rejected(contract: Contract, rows: pl.DataFrame) -> set[int]:
    return set(check(contract, rows).rejected["_row"].to_list())


@settings(deadline=None)
@given(old=_numbers(), new=_numbers())
def test_wider_and_narrower_hold_for_every_number(old, new):
    rows = pl.DataFrame({"x": pl.Series([-4.0, -3.0, -1.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, None, float("nan")])})
    _hold(old, new, rows)


@settings(deadline=None)
@given(old=_texts(), new=_texts())
def test_wider_and_narrower_hold_for_every_level(old, new):
    _hold(old, new, pl.DataFrame({"x": ["a", "b", "c", "d", None]}))


def _hold(old: Column, new: Column, rows: pl.DataFrame) -> None:
    first, second = Contract("c", 1, "", (old,)), Contract("c", 2, "", (new,))
    effects = {change.effect for change in diff(first, second).changes}
    before, after = _rejected(first, rows), _rejected(second, rows)
    if Effect.NARROWER not in effects and Effect.DIFFERENT not in effects:
        assert after <= before
    if Effect.WIDER not in effects and Effect.DIFFERENT not in effects:
        assert before <= after


def test_a_lower_share_of_repeated_rows_is_narrower_where_it_refuses() -> None:
    before, after = (
        Contract("t", 1, "", (Column("a", Kind.NUMBER),), batch=Batch(max_repeat_share=share, action=Action.REJECT))
        for share in (0.3, 0.1)
    )
    (change,) = diff(before, after).changes
    assert (change.words, change.effect) == ("max_repeat_share of a batch: 0.3 -> 0.1", Effect.NARROWER)
