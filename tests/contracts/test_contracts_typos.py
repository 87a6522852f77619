"""Which level a mistyped text looks like, held against the textbook's table of distances."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from daytwo.contracts.typos import Typos, nearest, typos_of

MEASURES = ("scip-inf-1", "scip-inf-2", "scip-card-2", "hf-1", "ami-7b")
CITIES = ("birmingham", "dothan", "sheffield", "fort payne", "opelika", "jasper")


def table_distance(one: str, other: str) -> int:
    """The optimal string alignment distance, cell by cell."""
    rows = [[max(i, j) if 0 in {i, j} else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            same = one[i - 1] == other[j - 1]
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (not same))
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


def plain_nearest(value: str, levels: tuple[str, ...]) -> str | None:
    def letters(text: str) -> str:
        return "".join(c for c in text if c not in "0123456789")

    if value in levels or len(value) < 4:
        return None
    near = [(table_distance(value, level), level) for level in levels if len(level) >= 4]
    near = [(d, level) for d, level in near if d <= max(1, len(level) // 5) and letters(level) != letters(value)]
    best = [level for d, level in near if d == min(near)[0]]
    return best[0] if len(best) == 1 else None


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("birminghxm", "birmingham"),
        ("birmxnghxm", "birmingham"),
        ("bxrmxnghxm", None),
        ("brimingham", "birmingham"),
        ("irmingham", "birmingham"),
        ("birminghamm", "birmingham"),
        ("dothxn", "dothan"),
        ("doxhxn", None),
        ("birmingham", None),
        ("fortpayne", "fort payne"),
        ("mobile", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_a_mistyped_city_looks_like_its_city(value: str, level: str | None) -> None:
    assert nearest(value, CITIES) == level


@pytest.mark.parametrize(
    ("value", "level"),
    [
        ("scip-inf-3", None),
        ("scip-inf-10", None),
        ("sxip-inf-1", "scip-inf-1"),
        ("scip-inf-x", None),
        ("xf-1", "hf-1"),
        ("hf1", None),
        ("ami-7x", "ami-7b"),
    ],
)
def test_another_code_is_no_typo(value: str, level: str | None) -> None:
    assert nearest(value, MEASURES) == level
    assert nearest("35234", ("35233", "36301")) is None


def test_a_long_text_may_have_more_errors() -> None:
    text = "surgery patients who were taking heart drugs called beta blockers before coming to the hospital"
    assert nearest(text.replace("a", "x").replace("o", "x"), (text, CITIES[0])) == text
    assert nearest(text.replace("e", "x").replace("r", "x").replace("t", "x"), (text,)) is None


LETTERS = st.text("abc1é́", max_size=12)


@st.composite
def mistyped(draw: st.DrawFn) -> tuple[str, tuple[str, ...]]:
    levels = draw(st.lists(LETTERS, max_size=6, unique=True))
    value = draw(st.sampled_from(levels)) if levels else draw(LETTERS)
    for _ in range(draw(st.integers(0, 4))):
        i = draw(st.integers(0, len(value)))
        edit = draw(st.sampled_from(["put", "drop", "replace", "swap"]))
        put = draw(st.sampled_from("abcx2")) if edit in {"put", "replace"} else ""
        end = value[i + 1 : i + 2] + value[i : i + 1] if edit == "swap" else put
        value = value[:i] + end + value[i + {"put": 0, "drop": 1, "replace": 1, "swap": 2}[edit] :]
    return value, tuple(levels)


@settings(max_examples=800, deadline=None)
@given(mistyped() | st.tuples(LETTERS, st.lists(LETTERS, max_size=6, unique=True).map(tuple)))
@example(("abcab" * 30, ("abxab" * 30, "abcab" * 25)))
@example(("", ()))
def test_the_nearest_level_is_that_of_the_plain_definition(drawn: tuple[str, tuple[str, ...]]) -> None:
    value, levels = drawn
    assert nearest(value, levels) == plain_nearest(value, levels)


def test_answers_are_the_same_when_remembered() -> None:
    typos = Typos(CITIES)
    assert [typos.nearest("dothxn") for _ in range(3)] == ["dothan"] * 3
    assert [typos.nearest("dothan"), typos.nearest("nowhere")] == [None, None]
    assert typos_of(CITIES) is typos_of(tuple(CITIES))
