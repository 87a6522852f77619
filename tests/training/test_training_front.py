from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.training.front import ADDITIVE, PAIRED, REFERENCE, Times, Variant, mark_front, recommend, with_times

units = st.floats(0, 1)


def variant(name, metric=0.7, nodes=100.0, loss_high=0.0, failed=None):
    return Variant(
        name=name, metric=metric, low=metric, high=metric, loss=loss_high, loss_low=loss_high, loss_high=loss_high,
        trees=1, nodes_per_row=nodes, mb=1.0, failed=failed,
    )  # fmt: skip


variants = st.lists(st.tuples(units, units, st.booleans()), min_size=1, max_size=12).map(
    lambda rows: [
        variant(str(i), metric, nodes, failed="no" if failed else None)
        for i, (metric, nodes, failed) in enumerate(rows)
    ]
)


def beats(a, b, sign):
    return (a.nodes_per_row <= b.nodes_per_row and sign * a.metric >= sign * b.metric) and (
        a.nodes_per_row < b.nodes_per_row or sign * a.metric > sign * b.metric
    )


@given(variants, st.booleans())
def test_the_front_is_exactly_what_nothing_able_beats(given_variants, higher):
    sign = 1 if higher else -1
    marked = mark_front(given_variants, higher_is_better=higher)
    assert sorted(v.name for v in marked) == sorted(v.name for v in given_variants)
    able = [v for v in marked if v.failed is None]
    for one in marked:
        assert one.on_front == (one.failed is None and not any(beats(other, one, sign) for other in able))
    assert any(v.on_front for v in marked) == bool(able)


@given(variants, st.booleans())
def test_along_the_front_more_work_buys_more_quality(given_variants, higher):
    sign = 1 if higher else -1
    front = [v for v in mark_front(given_variants, higher_is_better=higher) if v.on_front]
    for cheap, dear in pairwise(front):
        same = cheap.nodes_per_row == dear.nodes_per_row and cheap.metric == dear.metric
        assert same or (cheap.nodes_per_row < dear.nodes_per_row and sign * cheap.metric < sign * dear.metric)


@given(variants, units, st.permutations(range(12)))
def test_the_order_of_variants_changes_nothing(given_variants, margin, order):
    given_variants = [variant(REFERENCE, nodes=2.0), *given_variants]
    shuffled = [given_variants[i] for i in order if i < len(given_variants)]
    shuffled += [v for v in given_variants if v not in shuffled]
    assert mark_front(shuffled, higher_is_better=True) == mark_front(given_variants, higher_is_better=True)
    assert recommend(shuffled, margin=margin) == recommend(given_variants, margin=margin)


def test_the_cheapest_variant_that_surely_keeps_the_margin_is_taken():
    tried = [
        variant(REFERENCE, nodes=900),
        variant("dear", nodes=300, loss_high=0.001),
        variant("cheap", nodes=50, loss_high=0.004),
        variant("too cheap", nodes=10, loss_high=0.006),
    ]
    assert recommend(tried, margin=0.005).name == "cheap"
    assert recommend(tried, margin=0.001).name == "dear"
    assert recommend(tried, margin=0.0).name == REFERENCE


def test_a_glass_box_is_taken_where_it_is_wished_for_and_keeps_the_margin():
    tried = [
        variant(REFERENCE, nodes=900),
        variant("cheap", nodes=50, loss_high=0.004),
        variant(ADDITIVE, nodes=10, loss_high=0.02),
        variant(PAIRED, nodes=90, loss_high=-0.01),
    ]
    assert recommend(tried, margin=0.005).name == "cheap"
    assert recommend(tried, margin=0.005, readable=True).name == PAIRED
    assert recommend(tried, margin=0.02, readable=True).name == ADDITIVE
    assert recommend(tried[:3], margin=0.005, readable=True).name == "cheap"
    assert recommend(tried[:1] + tried[2:], margin=0.02).name == REFERENCE


def test_a_failed_or_unmeasurable_variant_is_never_taken():
    tried = [variant(REFERENCE), variant("a", nodes=1, failed="why"), variant("b", nodes=1, loss_high=float("nan"))]
    assert recommend(tried, margin=1.0).name == REFERENCE


def test_measured_times_choose_nothing_and_price_a_million_rows():
    slow = with_times(variant("a", nodes=1), Times(9.0, 99.0, 36.0, 7.0), core_hour=0.05)
    assert slow.cost_per_million == 36.0 / 3600 * 0.05
    assert recommend([variant(REFERENCE), slow], margin=0.01) == slow
    assert slow.cost_of(3e6) == pytest.approx(3 * slow.cost_per_million)
    assert variant("a").cost_of(3e6) is None
    unmeasured = dict.fromkeys(("p50_us", "p99_us", "cpu_us", "us_per_row_block", "cost_per_million"))
    assert msgspec.structs.replace(slow, **unmeasured) == variant("a", nodes=1)
