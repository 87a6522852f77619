"""Windows of live traffic: they follow each other without a gap, and only those that have ended are told."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from daytwo.lifecycle.windows import Span, spans

BEGAN = datetime(2013, 4, 1, 6, tzinfo=UTC)
LENGTHS = st.timedeltas(timedelta(minutes=1), timedelta(days=30))


@given(LENGTHS, st.timedeltas(timedelta(0), timedelta(days=2)))
def test_windows_are_numbered_without_a_gap_up_to_now(length, lived):
    now = BEGAN + lived
    found = list(spans(BEGAN, length, now))
    assert [span.index for span in found] == list(range(len(found)))
    assert all(span.end - span.start == length for span in found)
    assert all(one.end == following.start for one, following in pairwise(found))
    assert found == [] or found[0].start == BEGAN
    end = found[-1].end if found else BEGAN
    assert end <= now < end + length


@given(LENGTHS, st.timedeltas(timedelta(0), timedelta(days=2)), st.timedeltas(timedelta(0), timedelta(days=2)))
def test_what_was_a_window_stays_the_same_window(length, lived, longer):
    before = list(spans(BEGAN, length, BEGAN + lived))
    assert list(spans(BEGAN, length, BEGAN + lived + longer))[: len(before)] == before


def test_a_window_is_called_by_its_number():
    assert Span(7, BEGAN, BEGAN).name == "w0007"
    assert sorted(Span(i, BEGAN, BEGAN).name for i in range(12)) == [Span(i, BEGAN, BEGAN).name for i in range(12)]
