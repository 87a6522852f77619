"""A contract in the words of the Open Data Contract Standard, so that catalogues and other tools can read it.

Pure. Written for ODCS 3.0.2 and valid for 3.1 too: library rules carry their name in both (`rule`, `metric`). What the
standard has no word for stands under `type: custom` with the engine `daytwo`, so that nothing is lost.

Source: Bitol, Open Data Contract Standard v3.0.2, JSON schema `odcs-json-schema-v3.0.2.json`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from daytwo.contracts.action import Action
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.exchange.export_json_schema import whole_text
from daytwo.contracts.exchange.export_sql import breaking_rows, repeat_percent, repeated_keys
from daytwo.contracts.relations import Relation, Unique
from daytwo.core.schema import Kind

_LOGICAL = {
    Kind.NUMBER: "number",
    Kind.INTEGER: "integer",
    Kind.BOOLEAN: "boolean",
    Kind.CATEGORY: "string",
    Kind.TEXT: "string",
    Kind.TIME: "date",
}
_SEVERITY = {Action.REJECT: "error", Action.REPAIR: "warning", Action.WARN: "warning"}
# What a column says besides, under customProperties, by its name there.
_BESIDES = {
    "role": "role",
    "kind": "kind",
    "owner": "owner",
    "other": "otherLevels",
    "levels": "levels",
    "typo": "typingErrors",
    "nan": "nan",
    "repair": "repair",
    "score": "score",
    "warn": "onlyWarns",
    "false_alarm_rate": "falseAlarmRate",
}


def odcs(contract: Contract) -> dict[str, Any]:
    """Return the contract as an ODCS document.

    Examples
    --------
    >>> contract = Contract("trips", 3, "ana", (Column("km", Kind.NUMBER, minimum=0.0),))
    >>> odcs(contract)["schema"][0]["properties"][0]["logicalTypeOptions"]
    {'minimum': 0.0}
    """
    table: dict[str, Any] = {
        "name": contract.name,
        "logicalType": "object",
        "physicalType": "table",
        "properties": [_property(contract, column) for column in contract.columns],
    }
    quality = list(_table_quality(contract))
    document: dict[str, Any] = {
        "apiVersion": "v3.0.2",
        "kind": "DataContract",
        "id": f"daytwo:{contract.name}",
        "name": contract.name,
        "version": str(contract.version),
        "status": "active" if contract.owner else "draft",
        "schema": [table | ({"quality": quality} if quality else {})],
        "customProperties": [{"property": "daytwoDigest", "value": contract.digest}],
    }
    if contract.owner:
        document["team"] = [{"username": contract.owner, "role": "owner"}]
    if contract.batch.max_age:
        element = {"element": f"{contract.name}.{contract.time.name}"} if contract.time else {}
        value, unit = contract.batch.max_age[:-1], contract.batch.max_age[-1]
        document["slaProperties"] = [{"property": "latency", "value": float(value), "unit": unit} | element]
    return document


def _property(contract: Contract, column: Column) -> dict[str, Any]:
    said: dict[str, Any] = {"name": column.name, "logicalType": _LOGICAL[column.kind]}
    if column.kind is Kind.TIME:
        said["physicalType"] = "timestamp"
    if column.evidence:
        said["description"] = column.evidence
    if column.is_checked:
        said["required"] = column.required and not column.nullable
    keys = [one for one in contract.relations if isinstance(one, Unique) and one.columns == (column.name,)]
    if any(one.action is Action.REJECT for one in keys):
        said["unique"] = True
    options = _options(column)
    if options and column.is_checked:
        said["logicalTypeOptions"] = options
    quality = list(_quality(column)) if column.is_checked else []
    if quality:
        said["quality"] = quality
    said["customProperties"] = list(_besides(column))
    return said


def _options(column: Column) -> dict[str, Any]:
    held: dict[str, Any] = {}
    if "between" not in column.warn:
        held |= {"minimum": column.minimum, "maximum": column.maximum}
    if "length" not in column.warn:
        held |= {"minLength": column.min_length, "maxLength": column.max_length}
    if column.pattern is not None and "match_regex" not in column.warn:
        held["pattern"] = whole_text(column.pattern)
    return {key: value for key, value in held.items() if value is not None}


def _quality(column: Column) -> Iterator[dict[str, Any]]:
    if column.levels:
        rejects = column.other == "reject" or column.role is Role.TARGET
        yield {
            "name": f"{column.name}_in_set",
            "type": "library",
            "rule": "validValues",
            "metric": "invalidValues",
            "arguments": {"validValues": list(column.levels)},
            "mustBe": 0,
            "unit": "rows",
            "dimension": "conformity",
            "severity": "error" if rejects else "warning",
        }
    if column.max_null_share is not None:
        yield {
            "name": f"{column.name}_null_share",
            "type": "library",
            "rule": "nullValues",
            "metric": "nullValues",
            "mustBeLessOrEqualTo": round(100 * column.max_null_share, 10),
            "unit": "percent",
            "dimension": "completeness",
            "severity": "warning",
        }
    if column.expected_minimum is not None or column.expected_maximum is not None:
        held = {"minimum": column.expected_minimum, "maximum": column.expected_maximum}
        yield _custom(f"{column.name}_expected_between", held, column.message("expected_between"), Action.WARN)
    soft = {"between": ("minimum", "maximum"), "length": ("min_length", "max_length"), "match_regex": ("pattern",)}
    for rule in column.warn:
        held = {field: getattr(column, field) for field in soft[rule]}
        yield _custom(f"{column.name}_{rule}", held, column.message(rule), Action.WARN)


def _table_quality(contract: Contract) -> Iterator[dict[str, Any]]:
    for rule in contract.rules:
        said = {"name": rule.name, "type": "sql", "query": breaking_rows(rule.expression), "mustBe": 0}
        yield said | {"description": f"{rule.expression} must hold", "severity": _SEVERITY[rule.action]}
    for relation in contract.relations:
        yield _relation(relation)
    for spread in contract.distributions:
        yield _custom(f"{spread.column}_distribution", asdict(spread), "values are spread as promised", spread.action)
    most = contract.batch.max_repeat_share
    if most is not None:
        yield {
            "name": "repeat_share",
            "type": "sql",
            "query": repeat_percent([column.name for column in contract.columns if column.is_checked]),
            "mustBeLessOrEqualTo": round(100 * most, 10),
            "dimension": "uniqueness",
            "severity": _SEVERITY[contract.batch.action],
            "description": "percentage of rows that repeat another row as a whole",
        }
    low, high = contract.batch.minimum_rows, contract.batch.maximum_rows
    if low is not None or high is not None:
        yield {
            "name": "volume",
            "type": "library",
            "rule": "rowCount",
            "metric": "rowCount",
            **_between(low, high),
            "unit": "rows",
            "severity": _SEVERITY[contract.batch.action],
            "description": f"rows in each whole {contract.batch.window}" if contract.time else "rows in a batch",
        }


def _between(low: int | None, high: int | None) -> dict[str, Any]:
    """Return the one comparison that the standard allows a rule."""
    if low is None:
        return {"mustBeLessOrEqualTo": high}
    if high is None:
        return {"mustBeGreaterOrEqualTo": low}
    return {"mustBe": low} if low == high else {"mustBeBetween": [low, high]}


def _relation(relation: Relation) -> dict[str, Any]:
    if not isinstance(relation, Unique):
        return _custom(relation.rule, asdict(relation), relation.words, relation.action)
    return {
        "name": relation.rule,
        "type": "sql",
        "query": repeated_keys(relation.columns),
        "mustBe": 0,
        "dimension": "uniqueness",
        "description": relation.words,
        "severity": _SEVERITY[relation.action],
    }


def _custom(name: str, held: dict[str, Any], words: str, action: Action) -> dict[str, Any]:
    said = {key: _plain(one) for key, one in held.items() if one not in {None, ""} and key != "action"}
    return {
        "name": name,
        "type": "custom",
        "engine": "daytwo",
        "implementation": said,
        "description": words,
        "severity": _SEVERITY[action],
    }


def _besides(column: Column) -> Iterator[dict[str, Any]]:
    plain = Column("plain", Kind.TEXT, Role.CHECKED)
    for field, name in _BESIDES.items():
        held = getattr(column, field)
        if field in {"role", "kind"} or held != getattr(plain, field):
            yield {"property": name, "value": _plain(held)}


def _plain(value: object) -> object:
    """Return a value as JSON and YAML know it."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, str) else value
