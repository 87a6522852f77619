"""Pseudonyms: the same for the same value, of no use without the key, and never made twice of one value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.pseudonyms import Pseudonyms, is_pseudonym

KEY = "a key of many characters"
HIDDEN = Pseudonyms(["name", "home_address"], KEY)
TEXTS = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_pseudonym_has_one_form_and_stays_what_it_is(value):
    made = HIDDEN.of(value)
    assert re.fullmatch("p-[0-9a-f]{6}-[0-9a-f]{30}", made)
    assert is_pseudonym(made)
    assert HIDDEN.of(made) == made


@given(TEXTS, TEXTS)
def test_values_share_a_pseudonym_only_if_they_are_the_same(one, other):
    assert (HIDDEN.of(one) == HIDDEN.of(other)) == (one == other)


@given(TEXTS)
def test_another_key_gives_another_pseudonym_and_says_that_it_is_another(value):
    other = Pseudonyms(["name"], KEY + "!")
    assert other.of(value) != HIDDEN.of(value)
    assert other.key_id != HIDDEN.key_id
    assert other.of(value).split("-")[1] == other.key_id


@pytest.mark.parametrize(("value", "text"), [(17, "17"), (17.0, "17"), (-3, "-3"), (0.5, "0.5")])
def test_a_number_and_its_digits_are_one_value(value, text):
    assert HIDDEN.of(value) == HIDDEN.of(text)


@pytest.mark.parametrize("name", ["name", "Name", " NAME ", "Home Address", "home-address", "homeAddress"])
def test_a_field_is_known_however_it_is_cased_or_spaced(name):
    assert HIDDEN.hides(name)


@pytest.mark.parametrize("name", ["names", "home", "", "address"])
def test_other_fields_are_left_alone(name):
    assert not HIDDEN.hides(name)


@given(TEXTS.filter(bool), JSON)
def test_what_is_personal_is_hidden_at_any_depth_and_the_rest_is_as_it_was(value, other):
    row = {"name": value, "seats": other, "more": [{"Name": {"first": value}}]}
    made = HIDDEN.row(row)
    assert made["name"] == HIDDEN.of(value)
    assert made["seats"] == HIDDEN.row(other)
    assert is_pseudonym(made["more"][0]["Name"])


def test_a_row_that_is_written_into_a_text_is_hidden_too():
    assert HIDDEN.row({"note": '{"Name": "Ana", "n": 1}'}) == {"note": f'{{"Name": "{HIDDEN.of("Ana")}", "n": 1}}'}
    for text in ('{"n":  1}', "{", "[" * 9, "", "[1,2]", "[" * 100_000, '{"names": "Ana"}'):
        assert HIDDEN.row({"note": text}) == {"note": text}


def test_what_is_missing_stays_missing():
    assert HIDDEN.row({"name": None}) == {"name": None}


def test_a_key_that_can_be_guessed_is_refused():
    with pytest.raises(ValueError, match="16 characters"):
        Pseudonyms(["name"], "short")
