"""Dependencies are found in dirty rows, and not where values merely agree by chance or have legitimate alternatives."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.action import Action
from daytwo.contracts.proposing.coded import coded, joined
from daytwo.contracts.proposing.dependencies import Dependencies, propose_dependencies
from daytwo.contracts.proposing.held_out import held_out_rows
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.relations import Dependency

ROWS = 4_000
CITIES = np.array(["Aachen", "Bremen", "Dresden", "Essen", "Frankfurt", "Hamburg", "Kassel", "Leipzig", "Mainz", "Ulm"])


def found(frame: pl.DataFrame, determinants: Collection[str] | None = None) -> Dependencies:
    names = frame.columns if determinants is None else determinants
    return propose_dependencies(
        coded(frame, frame.columns), held_out_rows(frame.height, ordered=False), determinants=names
    )


def said(proposed: Dependencies) -> set[tuple[tuple[str, ...], str]]:
    return {(one.determinant, one.dependent) for one in proposed.proposed}


def places(seed: int = 1) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    zips = random.integers(0, 60, ROWS)
    return pl.DataFrame(
        {
            "zip": [f"{10_000 + 7 * z}" for z in zips],
            "city": CITIES[zips % 10],
            "colour": random.choice(["red", "blue", "green"], ROWS),
            "size": random.integers(0, 8, ROWS),
        }
    )


def test_the_determinant_decides_and_nothing_else_does() -> None:
    assert said(found(places())) == {(("zip",), "city")}


def test_typing_errors_are_borne_and_named_as_dirt() -> None:
    frame = places()
    cities = frame["city"].to_list()
    for row in range(0, ROWS, 40):
        cities[row] = cities[row][:-1] + "x"
    proposed = found(frame.with_columns(city=pl.Series(cities)))
    (only,) = proposed.proposed
    assert (only.determinant, only.dependent, only.action) == (("zip",), "city", Action.REJECT)
    assert "100 of them disagree" in only.evidence
    assert {"Aachex", "Bremex"} <= proposed.dirt["city"]


def test_legitimate_alternatives_are_no_dirt() -> None:
    random = np.random.default_rng(2)
    frame = places()
    moved = np.where(random.random(ROWS) < 0.03, random.choice(CITIES, ROWS), frame["city"].to_numpy())
    assert said(found(frame.with_columns(city=pl.Series(moved)))) == set()


def test_a_few_alternatives_leave_a_warning() -> None:
    frame = places()
    cities = frame["city"].to_list()
    for row in (10, 1_000, 2_000):
        cities[row] = "Hamburg" if cities[row] != "Hamburg" else "Ulm"
    (only,) = found(frame.with_columns(city=pl.Series(cities))).proposed
    assert only.action is Action.WARN
    assert "3 of them look right" in only.evidence


def test_values_of_one_state_that_all_disagree_are_right() -> None:
    frame = places().with_columns(
        state=pl.when(pl.int_range(pl.len()) % 50 == 0).then(pl.lit("ak")).otherwise(pl.lit("al"))
    )
    frame = frame.with_columns(code=pl.col("state") + "_" + pl.col("city"))
    proposed = said(found(frame))
    # Every disagreement lies in the rows of one state, so the city alone does not decide.
    assert (("city",), "code") not in proposed
    assert (("code",), "city") in proposed
    assert (("code",), "state") in proposed


def test_two_columns_decide_together_only_where_both_are_needed() -> None:
    random = np.random.default_rng(3)
    origin, dest = random.integers(0, 6, ROWS), random.integers(0, 12, ROWS)
    frame = pl.DataFrame(
        {
            "origin": [f"O{o}" for o in origin],
            "dest": [f"D{d}" for d in dest],
            "km": (origin * 37 + dest * 11) % 1009,
            "colour": random.choice(["red", "blue"], ROWS),
        }
    )
    proposed = {one for one in said(found(frame, ["origin", "dest", "colour"])) if one[1] == "km"}
    assert proposed == {(("origin", "dest"), "km")}


@pytest.mark.parametrize("seed", range(10))
def test_independent_columns_have_no_dependency(seed: int) -> None:
    random = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "name": [f"P{n}" for n in random.integers(0, 3_000, ROWS)],
            "rare": random.random(ROWS) < 0.002,
            "few": random.integers(0, 4, ROWS),
            "many": random.integers(0, 200, ROWS),
            "text": random.choice(["a", "b", "c", "d"], ROWS, p=[0.97, 0.01, 0.01, 0.01]),
        }
    )
    assert said(found(frame)) == set()


def test_one_determinant_is_held_against_a_plain_count() -> None:
    frame = places()
    codes = coded(frame, frame.columns)
    both = joined(codes["zip"], codes["colour"])
    assert both.distinct == frame.select("zip", "colour").n_unique()
    worst = frame.group_by("zip").agg(pl.col("city").n_unique())["city"].max()
    assert worst == 1
    assert isinstance(found(frame).proposed[0], Dependency)


def test_the_same_rows_give_the_same_dependencies() -> None:
    assert found(places()) == found(places())


def test_of_a_wide_table_the_most_telling_columns_are_tried_in_pairs() -> None:
    random = np.random.default_rng(9)
    few = {f"few_{n}": random.choice(["a", "b", "c"], 600) for n in range(180)}
    one, other = random.integers(0, 12, 600), random.integers(0, 12, 600)
    made = {"one": [f"o{n}" for n in one], "other": [f"p{n}" for n in other]}
    both = [f"w{n}" for n in (one * 7 + other * 5) % 11]
    frame = pl.DataFrame({**few, **made, "both": both})
    found = propose_dependencies(
        coded(frame, frame.columns), held_out_rows(600, ordered=True), determinants=set(frame.columns)
    )
    assert ("one", "other") in {one.determinant for one in found.proposed if one.dependent == "both"}


def test_a_few_rows_rule_out_no_dependency_that_dirt_hides_in() -> None:
    random = np.random.default_rng(11)
    code = random.integers(0, 40, 20_000)
    name = np.array([f"clinic {i:02d}" for i in range(40)])[code].astype(object)
    dirty = random.choice(20_000, 1_000, replace=False)
    name[dirty] = [f"c1inic {i}x" for i in range(1_000)]
    frame = pl.DataFrame({"code": [f"C{i}" for i in code], "name": name.tolist()})
    frame = frame.with_columns(pl.Series(f"other {i}", random.choice(["a", "b", "c"], 20_000)) for i in range(20))
    found = {one.name for one in propose(frame, name="t").relations}
    assert "code_name" in found
    assert not any("other" in one for one in found)
