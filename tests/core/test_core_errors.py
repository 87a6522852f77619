"""Errors: what happened, the next step, and one exit code a kind."""

import inspect

import pytest

from daytwo.core import errors
from daytwo.core.errors import DaytwoError

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DaytwoError)]
EXIT_CODES = {
    "DaytwoError": 3,
    "Mistake": 2,
    "SettingsError": 2,
    "DataError": 2,
    "NotFound": 2,
    "Refused": 1,
    "Conflict": 1,
    "Fault": 3,
}


def test_every_kind_has_the_exit_code_of_its_branch():
    assert {kind.__name__: kind.exit_code for kind in KINDS} == EXIT_CODES


def test_every_kind_has_a_code_of_its_own():
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_every_kind_is_drawn_in_the_tree():
    assert [kind.__name__ for kind in KINDS if kind.__name__ not in (errors.__doc__ or "")] == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_tells_what_happened_and_the_next_step(kind):
    told = kind("the disk is full", hint="Free some space")
    assert (told.message, told.hint, str(told)) == (
        "the disk is full",
        "Free some space",
        "the disk is full. Free some space",
    )
    assert str(kind("the disk is full")) == "the disk is full"
