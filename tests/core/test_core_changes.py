"""Changes to a value, as people write them."""

import pytest

from daytwo.core.changes import Change, read_change
from daytwo.core.errors import SettingsError


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("+10", Change("add", 10.0)),
        (" - 0.5 ", Change("add", -0.5)),
        ("*1.5", Change("times", 1.5)),
        ("= JFK ", Change("set", text="JFK")),
        ("=-3", Change("set", text="-3")),
        ("any", Change("any")),
    ],
)
def test_a_change_is_read(text, change):
    assert read_change(text) == change


@pytest.mark.parametrize("text", ["", "=", "10", "+", "+1e400x", "/2", "anything", "* x"])
def test_what_is_no_change_is_refused_with_a_way_out(text):
    with pytest.raises(SettingsError, match=r"is no change to a value. Write '\+10'"):
        read_change(text)
