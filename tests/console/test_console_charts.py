"""Charts: everything lies in its box, every known figure is drawn, and ticks are round."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.console.charts import Chart, Line, draw, time_ticks
from daytwo.core.axes import number_ticks
from daytwo.lifecycle.course import Figure

BEGIN = datetime(2013, 4, 1, tzinfo=UTC)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
values = st.floats(-1e9, 1e9).map(lambda value: round(value, 6))


@st.composite
def figures(draw_from):
    value = draw_from(values)
    reach = draw_from(st.one_of(st.none(), st.floats(0, 1e9)))
    return Figure(value) if reach is None else Figure(value, value - reach, value + reach)


def chart(lines, *, span=timedelta(days=7), marks=()):
    count = len(lines[0].figures)
    starts = tuple(BEGIN + i * span for i in range(count))
    return Chart("id", "title", "so what", starts, tuple(start + span for start in starts), tuple(lines), marks)


def line(*known, kind="live", interval="whiskers"):
    return Line(
        kind, kind, tuple(None if value is None else Figure(value, value - 1, value + 1) for value in known), interval
    )


@given(st.lists(st.one_of(st.none(), figures()), min_size=1, max_size=70), st.sampled_from(["band", "whiskers", ""]))
def test_everything_lies_within_the_plot(known, interval):
    one = chart([Line("a", "live", tuple(known), interval)], marks=((BEGIN, "v1"), (BEGIN + timedelta(days=1), "v2")))
    if one.is_empty:
        return
    drawing = draw(one, width=340, height=210)
    ((x_low, x_high), (y_low, y_high)) = (drawing.left, drawing.right), (drawing.top, drawing.bottom)
    drawn = drawing.lines[0]
    points = [figure for figure in known if figure is not None]
    assert len(drawn.dots) == (len(points) if len(points) <= 60 else 1)
    assert len(re.findall("[ML]", drawn.path)) == len(points)
    for x, y in drawn.dots:
        assert x_low <= x <= x_high
        assert y_low <= y <= y_high
    for tick in (*drawing.y_ticks,):
        assert y_low <= tick.at <= y_high
    for tick in (*drawing.x_ticks, *drawing.marks):
        assert x_low <= tick.at <= x_high
    heights = [float(y) for y in re.findall(r"V(-?[\d.]+)", drawn.whiskers)]
    assert all(y_low <= y <= y_high for y in heights)
    numbers = [float(one) for one in NUMBER.findall(drawn.band)]
    assert all(y_low <= y <= y_high for y in numbers[1::2])
    assert "nan" not in f"{drawn}"


def test_a_line_breaks_where_a_figure_is_unknown():
    drawn = draw(chart([line(1.0, 2.0, None, 3.0)]), width=340, height=210).lines[0]
    assert re.findall("[ML]", drawn.path) == ["M", "L", "M"]


def test_more_is_higher_and_later_is_further_right():
    dots = draw(chart([line(1.0, 5.0, 3.0)]), width=340, height=210).lines[0].dots
    assert dots[0][0] < dots[1][0] < dots[2][0]
    assert dots[1][1] < dots[2][1] < dots[0][1]


def test_an_interval_out_of_all_proportion_is_cut_and_said_so():
    wild = Line("a", "live", (Figure(0.7, -50.0, 50.0), Figure(0.8, 0.75, 0.85)), "band")
    drawing = draw(chart([wild]), width=340, height=210)
    assert drawing.is_cut
    dots = drawing.lines[0].dots
    assert dots[0][1] - dots[1][1] > 30
    assert not draw(chart([line(0.7, 5.0)]), width=340, height=210).is_cut


def test_zero_has_a_line_only_where_it_lies_inside():
    assert draw(chart([line(-3.0, 4.0)]), width=340, height=210).zero is not None
    assert draw(chart([line(30.0, 40.0)]), width=340, height=210).zero is None


def test_one_figure_alone_is_drawn():
    drawing = draw(chart([Line("a", "live", (Figure(0.0),))]), width=340, height=210)
    assert len(drawing.lines[0].dots) == 1


@pytest.mark.parametrize("value", [0.0, 0.7, -3e6, 1e-9])
def test_a_flat_line_lies_in_the_middle_of_labels_that_differ(value):
    flat = chart([Line("a", "live", (Figure(value), Figure(value)))])
    drawing = draw(flat, width=340, height=210)
    assert drawing.lines[0].dots[0][1] == pytest.approx((drawing.top + drawing.bottom) / 2, abs=1)
    labels = [tick.label for tick in drawing.y_ticks]
    assert len(labels) == len(set(labels)) > 1


def test_labels_of_changes_do_not_lie_on_each_other():
    marks = tuple((BEGIN + timedelta(hours=hour), f"v{hour}") for hour in (0, 2, 160))
    drawing = draw(chart([line(1.0, 2.0)], marks=marks), width=340, height=210)
    assert [mark.label for mark in drawing.marks] == ["v0", "", "v160"]


@given(values, st.floats(1e-6, 1e9), st.integers(2, 8))
def test_ticks_of_numbers_are_few_round_different_and_inside(low, width, most):
    ticks = number_ticks(low, low + width, most=most)
    assert len(ticks) <= most
    slack = 1e-6 * max(abs(low), width)
    assert all(low - slack <= value <= low + width + slack for value, _ in ticks)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.612, 0.874, ["0.65", "0.70", "0.75", "0.80", "0.85"]),
        (-0.4, 1.2, ["\N{MINUS SIGN}0.25", "0.00", "0.25", "0.50", "0.75", "1.00"]),
        (-12_000, 31_000, ["\N{MINUS SIGN}10k", "0", "10k", "20k", "30k"]),
        (0, 2_100_000, ["0", "500k", "1.0m", "1.5m", "2.0m"]),
        (3, 19, ["5", "10", "15"]),
    ],
)
def test_labels_of_ticks_read_well(low, high, labels):
    assert [label for _, label in number_ticks(low, high, most=max(5, len(labels)))] == labels


@given(st.floats(0.01, 4_000), st.integers(1, 12))
def test_ticks_of_time_are_few_and_inside(days, most):
    last = BEGIN + timedelta(days=days)
    ticks = time_ticks(BEGIN + timedelta(hours=5), last + timedelta(hours=5), most=most)
    assert all(BEGIN <= at <= last + timedelta(hours=5) for at, _ in ticks)
    assert len(ticks) <= most + 1
    assert len({at for at, _ in ticks}) == len(ticks)
