"""Bad slices: planted ones are found and named, nothing is found where nothing changed, figures are what rows say."""

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy import stats

from daytwo.core.finding import Severity
from daytwo.core.schema import Feature, Schema, Task
from daytwo.monitoring.estimating.estimator import Estimator
from daytwo.monitoring.estimating.performance import Answers
from daytwo.monitoring.judging.slice_findings import Costs, slice_findings
from daytwo.monitoring.judging.slice_losses import expected_losses, in_money, known_losses
from daytwo.monitoring.judging.slice_table import (
    PAIRED,
    RUNS,
    SliceTable,
    build_slice_table,
    coarse_bins,
    half_of,
)
from daytwo.monitoring.judging.slices import find_slices
from daytwo.monitoring.judging.unrest import day_unrest

AIRLINES = ("AA", "B6", "DL", "UA", "WN")
SCHEMA = Schema(
    (Feature("airline", AIRLINES), Feature("origin", ("EWR", "JFK", "LGA")), Feature("hour"), Feature("wind"))
)
SINCE = datetime(2013, 5, 1, tzinfo=UTC)


def rows(rng, n):
    return np.column_stack(
        [rng.integers(0, 5, n), rng.integers(0, 3, n), 6 + 3 * rng.integers(0, 6, n), rng.gamma(4, 3, n)]
    ).astype(np.float32)


def costs(rng, matrix):
    """Decisions that bring 1 or lose 3, more of the latter when the wind blows."""
    late = rng.random(len(matrix)) < 1 / (1 + np.exp(-(matrix[:, 3] - 14) / 3))
    return np.where(late, 3.0, -1.0)


def reference(rng, n=12_000):
    matrix = rows(rng, n)
    losses = costs(rng, matrix)
    return build_slice_table(matrix, losses, losses, SCHEMA)


def evening(matrix):
    return (matrix[:, 0] == 4) & (matrix[:, 2] >= 18)


def test_a_planted_slice_is_found_named_and_priced():
    rng = np.random.default_rng(1)
    found, harm = 0, []
    for _ in range(10):
        table, matrix = reference(rng), rows(rng, 8_000)
        losses = costs(rng, matrix) + 1.5 * evening(matrix)
        bad = find_slices(table, matrix, losses, known=True, chance=0.03 / 9)
        found += bool(bad) and bad[0].name == "airline = WN and hour > 15"
        harm += [bad[0].harm / (1.5 * evening(matrix).sum())] if bad else []
        assert not bad or bad[0].low <= bad[0].rise <= bad[0].high
    assert found >= 9
    assert np.mean(harm) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("heavy", [False, True])
def test_where_nothing_changed_a_slice_is_named_no_more_often_than_allowed(heavy):
    rng = np.random.default_rng(2)
    runs, chance, named = 150, 0.1, 0
    for _ in range(runs):
        before, now = rows(rng, 4_000), rows(rng, 2_000)
        draw = (lambda m: rng.standard_t(3, len(m)) + m[:, 1]) if heavy else (lambda m: costs(rng, m))
        first = draw(before)
        table = build_slice_table(before, first, first, SCHEMA)
        named += bool(find_slices(table, now, draw(now), known=True, chance=chance))
    assert named <= stats.binom(runs, chance).ppf(0.999)


def test_where_everything_got_worse_alike_no_slice_is_to_blame():
    rng = np.random.default_rng(3)
    named = 0
    for _ in range(20):
        table, matrix = reference(rng, 6_000), rows(rng, 4_000)
        named += bool(find_slices(table, matrix, costs(rng, matrix) + 1.0, known=True, chance=0.05))
    assert named <= 4


def test_a_slice_that_only_got_less_better_is_not_bad():
    rng = np.random.default_rng(4)
    table, matrix = reference(rng), rows(rng, 8_000)
    better = costs(rng, matrix) - 2.0 * ~evening(matrix)
    assert find_slices(table, matrix, better, known=True, chance=0.05) == ()


def test_missing_values_and_new_levels_are_slices_too():
    rng = np.random.default_rng(5)
    before = rows(rng, 12_000)
    before[rng.random(12_000) < 0.1, 2] = np.nan
    first = costs(rng, before)
    table = build_slice_table(before, first, first, SCHEMA)
    now = rows(rng, 8_000)
    now[rng.random(8_000) < 0.1, 2] = np.nan
    bad = find_slices(table, now, costs(rng, now) + 2.0 * np.isnan(now[:, 2]), known=True, chance=0.01)
    assert bad[0].name == "hour is missing"


def test_the_table_holds_what_the_rows_say_and_survives_being_kept():
    rng = np.random.default_rng(6)
    matrix = rows(rng, 3_000)
    expected, known = costs(rng, matrix), costs(rng, matrix)
    table = SliceTable.from_bytes(build_slice_table(matrix, expected, known, SCHEMA).to_bytes())
    assert table == build_slice_table(matrix, expected, known, SCHEMA)
    codes, half = table.codes(matrix), half_of(3_000)
    for which, losses, mean in ((True, known, known.mean()), (False, expected, expected.mean())):
        cells = table.half(1, known=which)
        inside = (half == 1) & (codes[0] == 4) & (codes[2] == 3)
        part = losses[inside] - mean
        assert cells.of(0, 2)[:, 4, 3] == pytest.approx([inside.sum(), part.sum(), np.sum(part**2)], rel=1e-5)
        alone = (half == 1) & (codes[3] == 2)
        assert cells.of(3)[0, 2] == alone.sum()
    assert table.half(0, known=True).of(1, 3)[0].sum() + table.half(1, known=True).of(1, 3)[0].sum() == 3_000


def test_halves_keep_neighbours_together():
    half = half_of(1_000)
    assert half.mean() == 0.5
    assert np.count_nonzero(np.diff(half)) == RUNS - 1


def test_of_many_columns_those_that_tell_most_are_paired():
    rng = np.random.default_rng(7)
    matrix = rng.normal(size=(4_000, 20)).astype(np.float32)
    losses = matrix[:, 17].astype(float) + matrix[:, 3]
    schema = Schema(tuple(Feature(f"x{i}") for i in range(20)))
    paired = build_slice_table(matrix, losses, losses, schema).paired
    assert len(paired) == PAIRED
    assert {3, 17} <= set(paired)


def test_rare_levels_share_a_bin():
    feature = Feature("tail", tuple(f"N{i}" for i in range(40)))
    values = np.repeat(np.arange(40.0), np.arange(1, 41))
    bins = coarse_bins(feature, values)
    assert bins.labels[-2:] == ("any rarer level", "a level never seen")
    assert bins.label(int(bins.codes(np.array([0.0]))[0])) == "any rarer level"
    assert bins.label(int(bins.codes(np.array([39.0]))[0])) == "N39"
    assert bins.label(int(bins.codes(np.array([40.0]))[0])) == "a level never seen"


def test_too_few_rows_say_nothing():
    rng = np.random.default_rng(8)
    assert find_slices(reference(rng, 500), rows(rng, 60), np.ones(60), known=True, chance=0.5) == ()
    assert find_slices(reference(rng, 90), rows(rng, 3_000), np.ones(3_000), known=True, chance=0.5) == ()


def test_the_finding_says_where_how_much_and_what_it_costs():
    rng = np.random.default_rng(9)
    table, matrix = reference(rng), rows(rng, 8_000)
    losses = costs(rng, matrix) + 1.5 * evening(matrix)
    losses[:10] = np.nan
    told = slice_findings(
        table, matrix, Costs(losses, known=True, money=True, currency="USD"), chance=0.03, since=SINCE, days=7.0
    )[0]
    assert (told.kind, told.severity) == ("performance.slice.realised", Severity.WARNING)
    assert told.subject.startswith("airline = WN")
    assert "realised, where airline = WN" in told.summary
    assert told.money_per_day == pytest.approx(told.evidence["harm"] / 7)
    plain = slice_findings(table, matrix, Costs(losses, known=True, money=False), chance=0.03, since=SINCE, days=7.0)
    assert plain[0].money_per_day is None
    assert "USD" not in plain[0].summary


def test_losses_are_money_where_there_is_a_payoff_and_the_tasks_own_else():
    p = np.array([0.2, 0.9])
    paid = Answers(p, money_if_one=np.array([5.0, 5.0]), money_if_zero=np.array([-1.0, -1.0]))
    plain, matrix = Estimator("plain", Task.BINARY), np.zeros((2, 1))
    assert in_money(paid, Task.BINARY)
    assert not in_money(Answers(p), Task.BINARY)
    assert expected_losses(plain, matrix, paid) == pytest.approx([-0.2, -4.4])
    entropy = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    assert expected_losses(plain, matrix, Answers(p)) == pytest.approx(entropy)
    assert known_losses(paid, [1.0, np.nan], Task.BINARY) == pytest.approx([-5.0, np.nan], nan_ok=True)
    assert known_losses(Answers(p), [1.0, 0.0], Task.BINARY) == pytest.approx(-np.log([0.2, 0.1]))
    off = Estimator("error", Task.REGRESSION, error_mean=2.0)
    priced = Answers(p, money_per_error=np.array([-3.0, -1.0]))
    assert expected_losses(off, matrix, priced, lambda _: np.array([0.5, -1.0])) == pytest.approx([1.5, 0.0])
    assert expected_losses(off, matrix, Answers(p)) == pytest.approx([2.0, 2.0])
    assert known_losses(priced, [1.2, 1.9], Task.REGRESSION) == pytest.approx([3.0, 1.0])


def days_of(rng, count, per_day, alike):
    """Rows of days, each with a mood of its own that some slices feel, and that lasts for a while."""
    matrix, day = rows(rng, count * per_day), np.repeat(np.arange(count), per_day)
    mood = np.zeros((3, count))
    mood[:, 0] = rng.normal(size=3)
    for t in range(1, count):
        mood[:, t] = alike * mood[:, t - 1] + np.sqrt(1 - alike**2) * rng.normal(size=3)
    felt = mood[0, day] * (matrix[:, 0] == 2) + mood[1, day] * (matrix[:, 2] > 15) + mood[2, day]
    return matrix, costs(rng, matrix) + 0.5 * felt, day


def test_what_days_share_is_no_bad_slice():
    rng = np.random.default_rng(10)
    runs, chance, named, blind = 40, 0.05, 0, 0
    for _ in range(runs):
        before, first, old = days_of(rng, 40, 150, 0.8)
        now, losses, new = days_of(rng, 7, 400, 0.8)
        table = build_slice_table(before, first, first, SCHEMA, old)
        named += bool(find_slices(table, now, losses, known=True, chance=chance, days=new))
        unaware = build_slice_table(before, first, first, SCHEMA)
        blind += bool(find_slices(unaware, now, losses, known=True, chance=chance))
    assert named <= stats.binom(runs, chance).ppf(0.999)
    assert blind > named


def test_how_much_days_wander_is_found():
    rng = np.random.default_rng(11)
    day = np.repeat(np.arange(400), 60)
    cell = rng.integers(0, 2, day.size)
    mood = rng.normal(0, 2, 400)
    losses = mood[day] * (cell == 1) + rng.normal(0, 3, day.size)
    own, beside, alike = day_unrest(cell, 3, losses, day)
    assert own == pytest.approx([0.0, 4.0, 0.0], abs=0.6)
    assert beside[:2] == pytest.approx([4.0, 4.0], abs=0.7)
    assert alike[1] < 0.15
    assert np.isnan(alike[2])
    slow = np.repeat(np.sin(np.arange(400) / 20), 60)
    assert day_unrest(cell, 2, slow, day)[2].min() == 0.8
    assert day_unrest(cell, 2, losses, None)[0].tolist() == [0.0, 0.0]
    assert day_unrest(cell[:200], 2, losses[:200], day[:200])[0].tolist() == [0.0, 0.0]
