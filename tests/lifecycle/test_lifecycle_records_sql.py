"""Releases, windows and facts in a real ledger come back as they were put."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytwo.core.ledger import open_ledger
from daytwo.lifecycle.records_sql import SqlReleaseBook, SqlWindowBook
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.windows import Span, WindowRecord

ON_BOTH = True
NOW = datetime(2013, 4, 1, 12, tzinfo=UTC)
ON_ONE_LEDGER = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
MOMENTS = st.timedeltas(-timedelta(days=4000), timedelta(days=4000)).map(lambda later: NOW + later)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
RELEASES = st.builds(
    Release,
    TEXTS,
    st.sampled_from(State),
    TEXTS,
    TEXTS,
    MOMENTS,
    MOMENTS,
    TEXTS,
    st.integers(0, 9),
    st.none() | MOMENTS,
)
OBJECTS = st.none() | st.dictionaries(TEXTS, JSON, max_size=3)
RELEASE = Release("release-1", State.TRAINING, "because", "ana", NOW, NOW)


@given(RELEASES)
@ON_ONE_LEDGER
def test_a_release_comes_back_as_it_was_put(ledger, release):
    book = SqlReleaseBook(ledger)
    book.put(release)
    assert book.get(release.id) == release


def test_a_release_replaces_what_stood_under_its_id(ledger):
    book = SqlReleaseBook(ledger)
    assert book.get("release-1") is None
    book.put(RELEASE)
    book.put(replace(RELEASE, state=State.WAITING, words="gates passed"))
    assert book.releases() == (replace(RELEASE, state=State.WAITING, words="gates passed"),)


def test_releases_stand_in_the_order_they_were_opened(ledger):
    book = SqlReleaseBook(ledger)
    opened = [replace(RELEASE, id=f"r{i}", opened_at=NOW - timedelta(days=i)) for i in range(4)]
    for release in opened:
        book.put(release)
    assert book.releases() == tuple(reversed(opened))


@given(st.integers(0, 10**6), MOMENTS, OBJECTS, OBJECTS)
@ON_ONE_LEDGER
def test_a_window_comes_back_as_it_was_put(ledger, index, start, watched, settled):
    book = SqlWindowBook(ledger)
    record = WindowRecord(Span(index, start, start + timedelta(days=7)), watched, settled)
    book.put(record)
    assert [one for one in book.windows() if one.span.index == index] == [record]


def test_windows_stand_in_the_order_of_their_numbers_each_once(ledger):
    book = SqlWindowBook(ledger)
    for index in (10, 2, 0, 2):
        book.put(WindowRecord(Span(index, NOW, NOW), {"rows": index}))
    assert [one.span.index for one in book.windows()] == [0, 2, 10]


@given(TEXTS, JSON)
@ON_ONE_LEDGER
def test_a_fact_comes_back_as_it_was_kept(ledger, name, value):
    book = SqlWindowBook(ledger)
    book.keep_fact(name, value)
    assert book.fact(name) == value


def test_a_fact_that_was_never_kept_is_none_and_a_later_one_replaces(ledger):
    book = SqlWindowBook(ledger)
    assert book.fact("live_since") is None
    book.keep_fact("live_since", "then")
    book.keep_fact("live_since", "now")
    assert book.fact("live_since") == "now"


def test_what_one_process_puts_another_one_reads(ledger, ledger_place):
    SqlReleaseBook(ledger).put(RELEASE)
    other = open_ledger(*ledger_place)
    assert SqlReleaseBook(other).releases() == (RELEASE,)
    other.dispose()
