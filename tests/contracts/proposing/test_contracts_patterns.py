"""Patterns say how codes are written, bear a little dirt, and are not made where they would say nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

import numpy as np
import pytest

from daytwo.contracts.proposing.patterns import Pattern, propose_pattern

RANDOM = np.random.default_rng(3)


def found(texts: Sequence[str], rows: int = 5) -> Pattern | None:
    return propose_pattern(list(texts), [rows] * len(texts))


@pytest.mark.parametrize(
    ("texts", "pattern"),
    [
        ([f"{n:05d}" for n in range(500)], "[0-9]{5}"),
        ([f"N{n}AA" for n in range(100, 400)], "N[0-9]{3}AA"),
        ([f"{n} patients" for n in range(1, 400)], "[0-9]{1,3} patients"),
        ([f"{m}/{d}/2017" for m in range(1, 13) for d in range(1, 29)], "[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}"),
        (["ATL", "ORD", "BOS", "MCO", "FLL", "LAX"], "[A-Z]{3}"),
        ([f"id-{n}" for n in range(1, 900)], "id-[0-9]{1,4}"),
        ([f"({n:03d}) 555" for n in range(300)], r"\([0-9]{3}\) [0-9]{3}"),
    ],
)
def test_codes_are_generalised_to_kinds_of_characters_and_lengths(texts: list[str], pattern: str) -> None:
    proposed = found(texts)
    assert proposed is not None
    assert pattern in proposed.text.split("|")[0]
    assert proposed.misfits <= 1e-2


@pytest.mark.parametrize(
    "texts",
    [
        ["Bonn", "Köln", "Ulm", "Sankt Augustin", "Aachen"],
        ["late", "early", "on time"],
        [f"{'x' * (n % 17)}{n}{'-' * (n % 5)}y{n % 3 * '!'}" for n in range(500)],
        ["a" * 2000],
        [],
    ],
)
def test_words_and_anything_goes_have_no_pattern(texts: list[str]) -> None:
    assert found(texts) is None


def test_a_few_damaged_codes_do_not_spoil_the_pattern_and_do_not_match_it() -> None:
    codes = {f"{n:05d}": 20 for n in range(10_000, 10_050)}
    dirty = {"1000x": 1, "x0011": 1, "10x3x": 1, "1001": 1, "100133": 1}
    proposed = propose_pattern([*codes, *dirty], [*codes.values(), *dirty.values()])
    assert proposed is not None
    assert proposed.text == "[0-9]{5}"
    assert proposed.misfits == pytest.approx(5 / 1005)


def test_another_way_of_writing_that_comes_often_is_no_dirt() -> None:
    proposed = propose_pattern(
        [*(f"{n:05d}" for n in range(100)), *(f"D-{n:04d}" for n in range(10))], [20] * 100 + [15] * 10
    )
    assert proposed is not None
    assert proposed.text == "[0-9]{5}|D-[0-9]{4}"
    assert proposed.misfits == 0.0


def test_too_many_misfits_that_look_like_something_else_leave_no_pattern() -> None:
    numbers = [f"{n:05d}" for n in range(1000)]
    words = ["unknown at the time", "ask", "see the other file", "none so far, B", "(late)", "Tuesday!", "- - -", "?"]
    assert propose_pattern([*numbers, *words], [1] * 1008) is None


def test_no_text_takes_long_to_match() -> None:
    for texts in ([f"N{n}AA" for n in range(999)], [f"{n}-{n}-{n}" for n in range(999)], ["A1", "AA2", "AAA3"] * 9):
        proposed = found(texts)
        assert proposed is not None
        began = time.process_time()
        for hostile in ("9" * 50_000, "N" + "9" * 50_000, "9-" * 20_000, "A" * 50_000):
            assert re.fullmatch(proposed.text, hostile) is None
        # A pattern that goes back over its steps would take minutes.
        assert time.process_time() - began < 30


def test_ids_that_are_counted_up_may_have_one_digit_more() -> None:
    texts = [f"x{i}" for i in range(1, 42)]
    assert propose_pattern(texts, [1] * 41).text == "x[0-9]{1,3}"
    assert propose_pattern(texts, [7] * 41).text == "x[0-9]{1,2}"
