"""A contract survives its own text, and a wrong text says what is wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.toml import from_toml
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = TEXTS.filter(lambda name: bool(name) and not name.startswith("_"))
FINITE = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def any_column(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from([Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORY, Kind.TEXT, Kind.TIME]))
    numeric = kind in {Kind.NUMBER, Kind.INTEGER}
    low, high = sorted([draw(FINITE) if numeric else None for _ in "ab"], key=lambda x: (x is None, x or 0.0))
    return Column(
        name,
        kind,
        Role.IGNORED if kind in {Kind.TEXT, Kind.TIME} else Role.FEATURE,
        required=draw(st.booleans()),
        nullable=draw(st.booleans()),
        minimum=low,
        maximum=high,
        expected_minimum=low,
        expected_maximum=high,
        levels=tuple(draw(st.lists(TEXTS, min_size=1, max_size=30, unique=True))) if kind is Kind.CATEGORY else (),
        other=draw(st.sampled_from(["keep", "reject"])),
        nan=draw(st.sampled_from(["missing", "reject"])),
        max_length=draw(st.none() | st.integers(0, 10**6)) if kind is Kind.TEXT else None,
        score=draw(st.sampled_from(["", "rises", "falls"])) if numeric or kind is Kind.BOOLEAN else "",
        pattern=draw(st.none() | st.just(r"\d{3}\"x'\\")) if kind is Kind.TEXT else None,
        owner=draw(TEXTS),
        evidence=draw(TEXTS),
        false_alarm_rate=draw(st.none() | st.floats(0, 1)),
    )


@st.composite
def any_contract(draw: st.DrawFn) -> Contract:
    names = draw(st.lists(NAMES, max_size=5, unique=True))
    columns = tuple(draw(any_column(name)) for name in names)
    numbers = [column.name for column in columns if column.is_numeric]
    rules = tuple(
        Rule(name, f"col({numbers[0]!r}) > 1", draw(st.sampled_from([Action.REJECT, Action.WARN])), draw(TEXTS))
        for name in (draw(st.lists(TEXTS.filter(bool), max_size=2, unique=True)) if numbers else [])
    )
    return Contract(draw(TEXTS), draw(st.integers(1, 10**6)), draw(TEXTS), columns, rules)


@settings(max_examples=200, deadline=None)
@given(any_contract())
def test_a_contract_survives_its_own_text(contract: Contract) -> None:
    again = from_toml(to_toml(contract))
    assert again == contract
    assert again.digest == contract.digest
    assert to_toml(again) == to_toml(contract)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'name = "t"\nversion = 1\n[columns.km]\nkind = "number"\nmimimum = 3.0\n',
            r"columns\.km.*Did you mean 'minimum'",
        ),
        ('name = "t"\nversion = 1\n[columns.km]\nkind = "numbr"\n', "numbr.*columns"),
        ('name = "t"\nversion = 1\n[columns.km]\nkind = "number"\nminimum = 3\nmaximum = 1\n', "'km'.*holds no value"),
        ('name = "t"\nversion = 1\n[columns.c]\nkind = "category"\n', "'c'.*needs its levels"),
        ('name = "t"\nversion = 1\n[columns._x]\nkind = "number"\n', "'_x'.*start with '_'"),
        ('name = "t"\nversion = 1\n[columns.km]\nkind = "number"\nminimum = inf\n', "must be finite"),
        ('name = "t"\nversion = "1"\n[columns]\n', "version"),
        ("name = ", "no TOML"),
        ("version = 1\n[columns]\n", "name"),
        ('name = "t"\nversion = 1\n[columns.a]\nkind = "text"\nrole = "key"\npattern = "("\n', "no regular expression"),
        ('name = "t"\nversion = 1\n[columns.a]\nkind = "number"\n[rules.r]\nexpression = "a > b"\n', "'r'.*reads 'b'"),
        ('name = "t"\nversion = 1\n[columns.a]\nkind = "number"\n[rules.r]\nexpression = "a > \'x\'"\n', "'r'.*text"),
        (
            'name = "t"\nversion = 1\n[columns.a]\nkind = "number"\n[rules.r]\nexpression = "a + 1"\n',
            "not true or false",
        ),
    ],
)
def test_a_wrong_text_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        from_toml(text)


def test_the_text_is_pleasant_to_read() -> None:
    column = Column("wind_speed", Kind.NUMBER, minimum=0.0, maximum=61.6, evidence="seen 0 to 42.58")
    text = to_toml(Contract("flights", 1, "data@airline.example", (column,)))
    assert text.startswith("# What a row must look like")
    assert text.endswith(
        '[columns.wind_speed]\nkind = "number"\nminimum = 0.0\nmaximum = 61.6\nevidence = "seen 0 to 42.58"\n'
    )
