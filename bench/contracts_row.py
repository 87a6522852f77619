"""One row of 22 fields through its contract, from JSON bytes, beside what a user would pick instead.

    python -m venv bench/peers/.venv-row
    bench/peers/.venv-row/bin/pip install --require-hashes -r bench/peers/contracts_row.txt
    PYTHONPATH=src bench/peers/.venv-row/bin/python bench/contracts_row.py    # --runs 5 --rows 3200 for a quick look

Every tool gets the same bytes: 64 rows that differ, in turn. CPU time of this process, runs of all tools alternating,
median over the runs. daytwo also names unknown fields and returns the features; the others do neither. Who stops at
the first wrong field is marked, and its time on bad rows is that of one field.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from typing import Annotated, Any, Literal

import fastjsonschema
import jsonschema_rs
import msgspec
import pydantic
from typing_extensions import TypedDict

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import compile_decoder
from daytwo.core.schema import Kind

LEVELS = tuple(f"carrier {i:02d}" for i in range(16))
NUMBERS, WHOLE, CATEGORIES, TRUTHS = 8, 4, 5, 2
PATTERN = "[a-z]+-[0-9]+"
MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"
Check = Callable[[bytes], object]


def contract() -> Contract:
    columns = [Column(f"number_{i}", Kind.NUMBER, minimum=0.0, maximum=100.0) for i in range(NUMBERS)]
    columns += [Column(f"whole_{i}", Kind.INTEGER, minimum=0.0, maximum=1000.0) for i in range(WHOLE)]
    columns += [Column(f"category_{i}", Kind.CATEGORY, levels=LEVELS, other="reject") for i in range(CATEGORIES)]
    columns += [Column(f"truth_{i}", Kind.BOOLEAN) for i in range(TRUTHS)]
    columns += [
        Column("key", Kind.TEXT, Role.KEY, max_length=20, pattern=PATTERN),
        Column("who", Kind.TEXT, Role.SUBJECT, max_length=20),
        Column("at", Kind.TIME, Role.TIME),
    ]
    return Contract("bench", 1, "", tuple(columns))


def rows(kind: str, count: int = 64) -> list[bytes]:
    """Rows as clients send them: good, with one wrong field, with all 22 wrong, or with all 22 missing."""
    draw, made = random.Random(7), []
    for i in range(count):
        good: dict[str, Any] = {f"number_{n}": round(draw.uniform(0, 100), 3) for n in range(NUMBERS)}
        good |= {f"whole_{n}": draw.randint(0, 1000) for n in range(WHOLE)}
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


def daytwo() -> Check:
    check, decode = compile_decoder(contract()).check, msgspec.json.decode
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


def pydantic_model() -> Check:
    model = pydantic.create_model("Row", **{name: (kind, ...) for name, kind in _pydantic_fields().items()})
    return _reported(model.model_validate_json)


def pydantic_lean() -> Check:
    return _reported(pydantic.TypeAdapter(TypedDict("Row", _pydantic_fields())).validate_json)


def msgspec_struct() -> Check:
    limits = {
        "number": msgspec.Meta(ge=0, le=100),
        "whole": msgspec.Meta(ge=0, le=1000),
        "key": msgspec.Meta(max_length=20, pattern=f"^{PATTERN}$"),
        "who": msgspec.Meta(max_length=20),
    }
    fields = [(name, Annotated[kind, limits[s]] if s in limits else kind) for name, (s, kind) in FIELDS.items()]
    decode = msgspec.json.Decoder(msgspec.defstruct("Row", fields, gc=False)).decode

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


TOOLS: dict[str, tuple[Callable[[], Check], str, bool]] = {
    "daytwo": (daytwo, "", True),
    "plain decode": (lambda: msgspec.json.decode, "msgspec", True),
    "msgspec Struct": (msgspec_struct, "msgspec", False),
    "pydantic TypedDict": (pydantic_lean, "pydantic", True),
    "pydantic model": (pydantic_model, "pydantic", True),
    "jsonschema-rs": (jsonschema_rust, "jsonschema-rs", True),
    "fastjsonschema": (fast_json_schema, "fastjsonschema", False),
}


def microseconds(check: Check, texts: list[bytes], count: int) -> float:
    rounds = max(1, count // len(texts))
    started = time.process_time()
    for _ in range(rounds):
        for text in texts:
            check(text)
    return (time.process_time() - started) / (rounds * len(texts)) * 1e6


def agree() -> None:
    """Every tool must pass every good row and refuse every other, else its time means nothing."""
    check, named = compile_decoder(contract()).check, {}
    for kind in ("good", "one wrong", "all wrong", "all null"):
        verdicts = [check(msgspec.json.decode(text)) for text in rows(kind)]
        named[kind] = {sum(b.action is Action.REJECT for b in breaches) for _, breaches in verdicts}
    assert named == {"good": {0}, "one wrong": {1}, "all wrong": {22}, "all null": {22}}, named
    for name, (make, _, _) in TOOLS.items():
        if name in {"daytwo", "plain decode"}:
            continue
        peer = make()
        assert not any(isinstance(peer(text), list | str) for text in rows("good")), name
        for kind in ("one wrong", "all wrong", "all null"):
            assert all(isinstance(peer(text), list | str) for text in rows(kind)), (name, kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9, help="alternating runs")
    parser.add_argument("--rows", type=int, default=12_800, help="rows a run")
    asked = parser.parse_args()
    agree()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, CPU us a row, median")
    for kind in ("good", "one wrong", "all wrong", "all null"):
        texts, checks = rows(kind), {name: make() for name, (make, _, _) in TOOLS.items()}
        taken: dict[str, list[float]] = {name: [] for name in TOOLS}
        for check in checks.values():
            microseconds(check, texts, asked.rows // 4)
        for _ in range(asked.runs):
            for name, check in checks.items():
                taken[name].append(microseconds(check, texts, asked.rows))
        ours = statistics.median(taken["daytwo"])
        print(f"\n{kind}, {len(texts[0])} bytes")
        for name, (_, package, names_all) in TOOLS.items():
            label = f"{name} {version(package)}" if package else name
            note = "" if names_all or kind == "good" else "   names one wrong field only"
            median, best = statistics.median(taken[name]), min(taken[name])
            print(f"  {label:28}{median:8.2f} (best {best:.2f}){median / ours:8.2f} x{note}")


if __name__ == "__main__":
    main()
