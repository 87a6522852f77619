"""The row, the contract and the tools of `contracts_row.py`: each made once, then given a row as JSON bytes.

What is no list and no text passes: a tool answers a wrong row with what is wrong about it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import fastjsonschema
import jsonschema_rs
import msgspec
import pydantic
from typing_extensions import TypedDict

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.decoder import Verdict, compile_decoder
from daytwo.contracts.typed import compile_typed
from daytwo.core.schema import Kind

LEVELS = tuple(f"carrier {i:02d}" for i in range(16))
NUMBERS, WHOLE, CATEGORIES, TRUTHS = 8, 4, 5, 2
PATTERN = "[a-z]+-[0-9]+"
MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
Check = Callable[[bytes], object]
RULES = ("number_0 <= number_1", "whole_0 + whole_1 == whole_2", "category_0 != 'nobody' or truth_0")
KINDS = ("good", "one wrong", "all wrong", "all null")


def contract(*, ruled: bool = False) -> Contract:
    columns = [Column(f"number_{i}", Kind.NUMBER, minimum=0.0, maximum=100.0) for i in range(NUMBERS)]
    columns += [Column(f"whole_{i}", Kind.INTEGER, minimum=0.0, maximum=1000.0) for i in range(WHOLE)]
    columns += [Column(f"category_{i}", Kind.CATEGORY, levels=LEVELS, other="reject") for i in range(CATEGORIES)]
    columns += [Column(f"truth_{i}", Kind.BOOLEAN) for i in range(TRUTHS)]
    columns += [
        Column("key", Kind.TEXT, Role.KEY, max_length=20, pattern=PATTERN),
        Column("who", Kind.TEXT, Role.SUBJECT, max_length=20),
        Column("at", Kind.TIME, Role.TIME),
    ]
    rules = tuple(Rule(f"rule {i}", text) for i, text in enumerate(RULES)) if ruled else ()
    return Contract("bench", 1, "", tuple(columns), rules)


def rows(kind: str, count: int = 64) -> list[bytes]:
    """Rows as clients send them: good, with one wrong field, with all 22 wrong, or with all 22 missing."""
    draw, made = random.Random(7), []
    for i in range(count):
        good: dict[str, Any] = {f"number_{n}": round(draw.uniform(0, 100), 3) for n in range(NUMBERS)}
        good["number_1"] = max(good["number_0"], good["number_1"])
        good |= {f"whole_{n}": draw.randint(0, 500) for n in range(WHOLE)}
        good["whole_2"] = good["whole_0"] + good["whole_1"]
        good |= {f"category_{n}": draw.choice(LEVELS) for n in range(CATEGORIES)}
        good |= {f"truth_{n}": draw.random() < 0.5 for n in range(TRUTHS)}
        good |= {"key": f"flight-{i}", "who": f"N{i}", "at": f"2013-04-{i % 30 + 1:02d}T17:{i % 60:02d}:00Z"}
        bad: dict[str, Any] = {f"number_{n}": 100.5 + i + n for n in range(NUMBERS)}
        bad |= {f"whole_{n}": 1001 + i for n in range(WHOLE)}
        bad |= {f"category_{n}": f"nobody {i}" for n in range(CATEGORIES)}
        bad |= {f"truth_{n}": "maybe" for n in range(TRUTHS)}
        bad |= {"key": f"FLIGHT {i}", "who": "N" * 30, "at": "soon"}
        chosen = draw.choice(list(good))
        row = {
            "good": good,
            "one wrong": good | {chosen: bad[chosen]},
            "all wrong": bad,
            "all null": dict.fromkeys(good),
        }[kind]
        made.append(msgspec.json.encode(row))
    return made


def daytwo(*, ruled: bool) -> Check:
    """As the server does: read as a type, and what is not plainly good once more as a dict."""
    typed, check = compile_typed(contract(ruled=ruled)), daytwo_decoder(ruled=ruled)
    assert typed is not None
    read, features_of = msgspec.json.Decoder(typed.row_type).decode, typed.features

    def judge(text: bytes) -> Verdict:
        try:
            features = features_of(read(text))
        except msgspec.ValidationError:
            features = None
        return check(text) if features is None else (features, ())

    return judge


def daytwo_decoder(*, ruled: bool) -> Callable[[bytes], Verdict]:
    check, decode = compile_decoder(contract(ruled=ruled)).check, msgspec.json.decode
    return lambda text: check(decode(text))


FIELDS: dict[str, Any] = {
    **{f"number_{i}": ("number", float) for i in range(NUMBERS)},
    **{f"whole_{i}": ("whole", int) for i in range(WHOLE)},
    **{f"category_{i}": ("category", Literal[LEVELS]) for i in range(CATEGORIES)},
    **{f"truth_{i}": ("truth", bool) for i in range(TRUTHS)},
    "key": ("key", str),
    "who": ("who", str),
    "at": ("at", datetime),
}


def _pydantic_fields() -> dict[str, Any]:
    limits = {
        "number": pydantic.Field(ge=0, le=100, strict=True, allow_inf_nan=False),
        "whole": pydantic.Field(ge=0, le=1000, strict=True),
        "truth": pydantic.Field(strict=True),
        "key": pydantic.Field(max_length=20, pattern=f"^{PATTERN}$"),
        "who": pydantic.Field(max_length=20),
    }
    return {name: Annotated[kind, limits[sort]] if sort in limits else kind for name, (sort, kind) in FIELDS.items()}


def _reported(validate: Check) -> Check:
    def check(text: bytes) -> object:
        try:
            return validate(text)
        except pydantic.ValidationError as err:
            return err.errors(include_url=False, include_context=False)

    return check


def _keeps_rules(row: Any) -> Any:
    """The rules as one writes them for a class of rows."""
    broken = []
    if row.number_0 > row.number_1:
        broken.append(RULES[0])
    if row.whole_0 + row.whole_1 != row.whole_2:
        broken.append(RULES[1])
    if row.category_0 == "nobody" and not row.truth_0:
        broken.append(RULES[2])
    if broken:
        raise ValueError("; ".join(broken))
    return row


def _dict_keeps_rules(row: dict[str, Any]) -> dict[str, Any]:
    """The same for rows as dicts."""
    broken = []
    if row["number_0"] > row["number_1"]:
        broken.append(RULES[0])
    if row["whole_0"] + row["whole_1"] != row["whole_2"]:
        broken.append(RULES[1])
    if row["category_0"] == "nobody" and not row["truth_0"]:
        broken.append(RULES[2])
    if broken:
        raise ValueError("; ".join(broken))
    return row


def pydantic_model(*, ruled: bool) -> Check:
    fields = {name: (kind, ...) for name, kind in _pydantic_fields().items()}
    rules = {"rules": pydantic.model_validator(mode="after")(_keeps_rules)} if ruled else None
    return _reported(pydantic.create_model("Row", __validators__=rules, **fields).model_validate_json)


def pydantic_lean(*, ruled: bool) -> Check:
    kind: Any = TypedDict("Row", _pydantic_fields())
    kind = Annotated[kind, pydantic.AfterValidator(_dict_keeps_rules)] if ruled else kind
    return _reported(pydantic.TypeAdapter(kind).validate_json)


def msgspec_struct(*, ruled: bool) -> Check:
    limits = {
        "number": msgspec.Meta(ge=0, le=100),
        "whole": msgspec.Meta(ge=0, le=1000),
        "key": msgspec.Meta(max_length=20, pattern=f"^{PATTERN}$"),
        "who": msgspec.Meta(max_length=20),
    }
    fields = [(name, Annotated[kind, limits[s]] if s in limits else kind) for name, (s, kind) in FIELDS.items()]
    rules = {"__post_init__": lambda row: _keeps_rules(row) and None} if ruled else None
    decode = msgspec.json.Decoder(msgspec.defstruct("Row", fields, namespace=rules, gc=False)).decode

    def check(text: bytes) -> object:
        try:
            return decode(text)
        except msgspec.ValidationError as err:
            return str(err)

    return check


def _json_schema() -> dict[str, Any]:
    sorts = {
        "number": {"type": "number", "minimum": 0, "maximum": 100},
        "whole": {"type": "integer", "minimum": 0, "maximum": 1000},
        "category": {"enum": list(LEVELS)},
        "truth": {"type": "boolean"},
        "key": {"type": "string", "maxLength": 20, "pattern": f"^{PATTERN}$"},
        "who": {"type": "string", "maxLength": 20},
        "at": {"type": "string", "pattern": MOMENT},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {name: sorts[sort] for name, (sort, _) in FIELDS.items()},
        "required": list(FIELDS),
    }


def jsonschema_rust() -> Check:
    validator, decode = jsonschema_rs.validator_for(_json_schema()), msgspec.json.decode

    def check(text: bytes) -> object:
        row = decode(text)
        return row if validator.is_valid(row) else [one.message for one in validator.iter_errors(row)]

    return check


def fast_json_schema() -> Check:
    validate, decode = fastjsonschema.compile(_json_schema()), msgspec.json.decode

    def check(text: bytes) -> object:
        try:
            return validate(decode(text))
        except fastjsonschema.JsonSchemaException as err:
            return err.message

    return check


@dataclass(frozen=True)
class Tool:
    """How a tool is made, whose version is shown, and what it can say."""

    make: Callable[..., Check]
    package: str = ""
    names_all: bool = True
    has_rules: bool = True


TOOLS = {
    "daytwo": Tool(daytwo),
    "daytwo, by dict alone": Tool(daytwo_decoder),
    "plain decode": Tool(lambda **_: msgspec.json.decode, "msgspec"),
    "msgspec Struct": Tool(msgspec_struct, "msgspec", names_all=False),
    "pydantic TypedDict": Tool(pydantic_lean, "pydantic"),
    "pydantic model": Tool(pydantic_model, "pydantic"),
    "jsonschema-rs": Tool(lambda **_: jsonschema_rust(), "jsonschema-rs", has_rules=False),
    "fastjsonschema": Tool(lambda **_: fast_json_schema(), "fastjsonschema", names_all=False, has_rules=False),
}
