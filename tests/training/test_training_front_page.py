"""The page of a front: what it says, where its dots stand, and that no name gets out of its box."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.test_training_front import variant as plain_variant

from daytwo.training.front import ADDITIVE, REFERENCE, Times, with_times
from daytwo.training.front_page import HEIGHT, WIDTH, Shown, draw, front_page, sentence

FAST, SLOW = Times(2.0, 3.0, 2.0, 1.0), Times(9.0, 12.0, 9.0, 8.0)


def variant(name, **how):
    within = {end: how.pop(end) for end in ("low", "high") if end in how}
    return msgspec.structs.replace(plain_variant(name, **how), **within)


def shown(variants, recommended, **how):
    return Shown(
        "release-1", "late", "roc_auc", 0.005, "USD", tuple(variants), recommended, how.pop("cheaper", None), **how
    )


@pytest.fixture
def two():
    reference = with_times(variant(REFERENCE, nodes=900), SLOW, core_hour=0.36)
    return [with_times(variant("12x63", nodes=100, loss_high=0.004), FAST, core_hour=0.36), reference]


def test_the_sentence_says_what_is_saved_and_what_may_be_lost(two):
    told = sentence(shown(two, "12x63", cheaper=9.0, volume=1e9))
    assert told == (
        "Take 12x63: 9.0 times less work a row than the reference model. Its roc_auc is worse by no more than 0.0040, "
        "sure to 95 %; 0.005 is bearable. At 1,000,000,000 rows a month, scoring costs 0.20 USD instead of 0.90."
    )
    assert "month" not in sentence(shown(two, "12x63", cheaper=9.0))
    assert sentence(shown(two, REFERENCE)).startswith("Take the reference model: nothing cheaper")
    glass = sentence(shown([msgspec.structs.replace(two[0], name=ADDITIVE), two[1]], REFERENCE))
    assert glass.startswith("Take the reference model: no student is both cheaper and within 0.005")
    assert glass.endswith(
        'additive keeps the margin, too, and can be read as a whole: [train] prefer = "readable" takes it.'
    )
    assert "one model only" in sentence(shown(two[1:], REFERENCE))
    better = msgspec.structs.replace(two[0], name=ADDITIVE, loss_high=-0.0114)
    told = sentence(shown([better, two[1]], ADDITIVE, cheaper=8.0))
    assert "is better by 0.0114 or more, sure to 95 %." in told
    assert told.endswith("daytwo explain --curves.")
    assert sentence(shown([], "")) == "Nothing is recommended: no variant may be taken."


def test_a_name_is_text_and_nothing_else(two):
    page = front_page(shown([*two, variant("<script>alert(1)</script>", nodes=50, failed="<b>why</b>")], "12x63"))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;why" in page
    assert not re.search(r"(src|href)=\"(?!data:,)", page)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e6), st.floats(-1e3, 1e3), st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=12
    )
)
def test_everything_stands_within_the_drawing(figures):
    made = [
        variant(f"v{i}", nodes=nodes, metric=value, low=value - below, high=value + above)
        for i, (nodes, value, below, above) in enumerate(figures)
    ]
    drawing = draw(made, "v0")
    for dot in drawing.dots:
        assert 0 <= dot.x <= WIDTH
        assert 0 <= dot.high <= dot.y <= dot.low <= HEIGHT
    for tick in (*drawing.across, *drawing.up):
        assert -1 <= tick.at <= WIDTH


def test_less_work_stands_to_the_left_and_better_above(two):
    better = variant("best", nodes=5000, metric=0.9, low=0.89, high=0.91)
    cheap, reference, best = draw([*two, better], "12x63").dots
    assert cheap.x < reference.x < best.x
    assert best.y < cheap.y
    assert cheap.taken
    assert draw([], "").dots == ()


def test_values_that_hardly_differ_still_have_an_axis():
    nearly = variant("a", metric=5e-324, low=0.0, high=5e-324)
    drawing = draw([nearly, variant("b", metric=0.0, low=0.0, high=0.0)], "a")
    assert len(drawing.up) > 1
