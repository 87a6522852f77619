"""What a contract may promise beyond single values: repairs, relations, spreads, batches; and that a file keeps it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch, Distribution
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.relations import Dependency, Monotone, Reference, Unique
from daytwo.contracts.repairs import Repair, parsed, read_repair, repaired_number
from daytwo.contracts.toml import from_toml
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind

CITY = Column(
    "city", Kind.CATEGORY, levels=("birmingham", "dothan"), typo="reject", min_length=3, repair=("trim", "nearest")
)
TEMP = Column(
    "temp", Kind.NUMBER, minimum=-40.0, maximum=130.0, max_null_share=0.1, repair=("parse", "unit 1.8 32", "default 60")
)
WHEN = Column("when", Kind.TIME, Role.TIME)
ZIP = Column("zip", Kind.TEXT, Role.KEY, pattern="[0-9]{5}", warn=("match_regex",))
FULL = Contract(
    "weather",
    3,
    "data@example.org",
    (CITY, TEMP, WHEN, ZIP),
    relations=(
        Unique("reading", ("zip", "when")),
        Dependency("city_by_zip", ("zip",), "city", Action.WARN, "holds in 99.1 %", 0.001),
        Reference("known_zip", ("zip",), "stations", ("code",)),
        Monotone("order", "when", within=("zip",), strict=True),
    ),
    distributions=(
        Distribution("temp", 0.1, (0.25, 0.5, 0.2, 0.05), edges=(30.0, 80.0)),
        Distribution("city", 0.2, (0.5, 0.4, 0.1, 0.0), levels=("birmingham", "dothan")),
    ),
    batch=Batch(max_age="2d", minimum_rows=10, action=Action.REJECT),
)


def test_every_promise_survives_its_file() -> None:
    again = from_toml(to_toml(FULL))
    assert again == FULL
    assert again.digest == FULL.digest


def test_the_order_in_which_relations_are_named_is_no_content() -> None:
    turned = replace(FULL, relations=FULL.relations[::-1])
    assert from_toml(to_toml(turned)) == turned == FULL


def test_what_is_left_at_its_default_does_not_move_the_digest() -> None:
    plain = Contract("a", 1, "", (Column("x", Kind.NUMBER),))
    assert replace(plain, batch=Batch()).digest == plain.digest
    assert replace(plain, batch=Batch(max_age="1d")).digest != plain.digest
    assert replace(plain, relations=(Unique("k", ("x",)),)).digest != plain.digest


def test_a_default_brings_the_model_a_feature_that_says_so() -> None:
    assert FULL.features.names == ("city", "temp", "temp_imputed")
    with pytest.raises(SettingsError, match=r"temp_imputed.*is a column"):
        Contract("a", 1, "", (TEMP, Column("temp_imputed", Kind.NUMBER)))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"repair": ("polish",)}, "there is no repair 'polish'"),
        ({"repair": ("trim",)}, "'trim' is not for a number"),
        ({"repair": ("unit x",)}, "is no factor"),
        ({"repair": ("unit 0",)}, "is no factor"),
        ({"repair": ("default warm",)}, "'warm' is no number"),
        ({"repair": ("default 1",), "nullable": True}, "is not nullable"),
        ({"repair": ("clip",), "minimum": None, "maximum": None}, "needs a minimum or a maximum"),
        ({"warn": ("type",)}, "'type' cannot only warn"),
        ({"max_null_share": 1.5}, "share between 0 and 1"),
        ({"typo": "reject"}, "only a category"),
    ],
)
def test_a_promise_that_makes_no_sense_is_refused(changed: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        replace(TEMP, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"relations": (Unique("k", ()),)}, "names no columns"),
        ({"relations": (Unique("k", ("zipp",)),)}, "reads 'zipp'"),
        ({"relations": (Unique("k", ("zip",)), Unique("k", ("when",)))}, "two of that name"),
        ({"relations": (Dependency("d", ("zip",), "zip"),)}, "names a column twice"),
        ({"relations": (Monotone("m", "city"),)}, "has no order"),
        ({"relations": (Reference("r", ("zip",), "s", ("a", "b")),)}, "equally many"),
        ({"distributions": (Distribution("temp", 0.1, (0.5, 0.5), edges=(1.0, 2.0)),)}, "needs 4 shares"),
        ({"distributions": (Distribution("city", 0.1, (0.5, 0.5, 0.0), edges=(1.0,)),)}, "edges for a number"),
    ],
)
def test_a_relation_that_makes_no_sense_is_refused(changed: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        replace(FULL, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        ("1,234,567.5", Kind.NUMBER, 1234567.5),
        (" 12 ", Kind.INTEGER, 12),
        ("12,34", Kind.NUMBER, None),
        ("1e3", Kind.NUMBER, 1000.0),
        ("12.5", Kind.INTEGER, None),
        ("Yes", Kind.BOOLEAN, True),
        (0, Kind.BOOLEAN, False),
        ("maybe", Kind.BOOLEAN, None),
        (35233, Kind.CATEGORY, "35233"),
        (35233.0, Kind.TEXT, "35233"),
        (True, Kind.TEXT, "true"),
        ("2013-04-01", Kind.TIME, "2013-04-01"),
        ("soon", Kind.TIME, None),
        (None, Kind.NUMBER, None),
    ],
)
def test_parse_reads_a_value_as_its_kind(value: object, kind: Kind, read: object) -> None:
    found = parsed(value, kind)
    assert found == read
    assert type(found) is type(read)


def test_units_convert_by_factor_and_offset() -> None:
    assert repaired_number(100.0, Repair("", "unit", (1.8, 32.0))) == 212.0
    assert repaired_number(1e308, read_repair("unit 1e10", Kind.NUMBER)) is None
