"""A contract as an ODCS document, as JSON Schema and as SQL.

The documents of the contract below were valid by the standard's own JSON schema, as the PyPI package
open-data-contract-standard 3.2.0 holds it, and by jsonschema 4.26.0, once.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.exchange.documents import read_document, written
from daytwo.contracts.exchange.export_json_schema import json_schema
from daytwo.contracts.exchange.export_odcs import odcs
from daytwo.contracts.exchange.export_sql import breaking_rows, repeated_keys
from daytwo.contracts.relations import Dependency, Unique
from daytwo.core.schema import Kind

CONTRACT = Contract(
    "trips",
    3,
    "ana@example.org",
    (
        Column("id", Kind.TEXT, Role.KEY, pattern="t[0-9]+", max_length=9),
        Column("at", Kind.TIME, Role.TIME),
        Column("km", Kind.NUMBER, minimum=0.0, maximum=90.0, expected_maximum=40.0, nullable=True, max_null_share=0.1),
        Column("wind", Kind.NUMBER, minimum=0.0, warn=("between",), repair=("parse", "default 3")),
        Column("carrier", Kind.CATEGORY, levels=("AA", "B6"), other="reject", evidence="2 levels"),
        Column("late", Kind.BOOLEAN, Role.TARGET, levels=("false", "true")),
        Column("note", Kind.TEXT, Role.IGNORED),
    ),
    rules=(Rule("short", "km < 2 * wind", Action.WARN),),
    relations=(Unique("id", ("id",)), Unique("two", ("at", "carrier")), Dependency("d", ("carrier",), "at")),
    batch=Batch(max_age="2d", minimum_rows=10, maximum_rows=99),
)


def test_an_odcs_document_says_what_the_contract_says():
    told = odcs(CONTRACT)
    assert (told["apiVersion"], told["kind"], told["version"], told["status"]) == (
        "v3.0.2",
        "DataContract",
        "3",
        "active",
    )
    assert told["team"] == [{"username": "ana@example.org", "role": "owner"}]
    assert told["slaProperties"] == [{"property": "latency", "value": 2.0, "unit": "d", "element": "trips.at"}]
    (table,) = told["schema"]
    by_name = {one["name"]: one for one in table["properties"]}
    assert by_name["id"]["unique"]
    assert by_name["id"]["logicalTypeOptions"] == {"maxLength": 9, "pattern": "^t[0-9]+$"}
    assert by_name["km"]["logicalTypeOptions"] == {"minimum": 0.0, "maximum": 90.0}
    assert not by_name["km"]["required"]
    assert [one["name"] for one in by_name["km"]["quality"]] == ["km_null_share", "km_expected_between"]
    assert by_name["km"]["quality"][0]["mustBeLessOrEqualTo"] == 10.0
    assert "logicalTypeOptions" not in by_name["wind"]
    assert by_name["carrier"]["quality"][0]["arguments"] == {"validValues": ["AA", "B6"]}
    assert by_name["carrier"]["description"] == "2 levels"
    assert by_name["at"]["logicalType"] == "date"
    quality = {one["name"]: one for one in table["quality"]}
    assert quality["short"]["query"] == 'select count(*) from ${table} where not ("km" < (2 * "wind"))'
    assert quality["short"]["severity"] == "warning"
    assert quality["volume"]["mustBeBetween"] == [10, 99]
    assert quality["dependency:d"]["implementation"]["determinant"] == ["carrier"]
    assert {"property": "daytwoDigest", "value": CONTRACT.digest} in told["customProperties"]


@pytest.mark.parametrize("name", ["c.yaml", "c.json"])
def test_a_document_is_written_as_its_file_is_called_and_read_again(tmp_path: Path, name: str):
    for document in (odcs(CONTRACT), json_schema(CONTRACT)):
        path = tmp_path / name
        path.write_text(written(document, path=path), encoding="utf-8")
        assert read_document(path) == document


def test_a_contract_without_an_owner_is_a_draft():
    told = odcs(Contract("trips", 1, "", (Column("km", Kind.NUMBER),)))
    assert told["status"] == "draft"
    assert "team" not in told


def test_a_request_schema_promises_what_needs_no_mending():
    told = json_schema(CONTRACT)
    row = told["$defs"]["row"]
    assert row["required"] == ["id", "at", "km", "carrier"], "a default stands for a missing field"
    assert "late" not in row["properties"]
    assert "note" not in row["properties"]
    assert row["properties"]["km"] == {"type": ["number", "null"], "minimum": 0.0, "maximum": 90.0}
    assert row["properties"]["wind"] == {"type": ["number", "null"]}, "what only warns is not promised"
    assert row["properties"]["carrier"]["enum"] == ["AA", "B6"]
    assert row["properties"]["at"] == {"type": "string", "format": "date-time"}


def test_queries_count_what_breaks_a_promise():
    database = sqlite3.connect(":memory:")
    database.execute('create table t ("k m" real, wind real, carrier text)')
    rows = [(1, 3, "AA"), (7, 3, "it's"), (None, 3, "AA"), (9, 1, None), (1, 3, "it's")]
    database.executemany("insert into t values (?, ?, ?)", rows)

    def count(query: str) -> int:
        return int(database.execute(query.replace("${table}", "t")).fetchone()[0])

    assert count(breaking_rows("col('k m') < 2 * wind")) == 2
    assert count(breaking_rows("carrier != 'it\\'s' or not wind > 2")) == 2
    assert count(breaking_rows("-wind < 0 and carrier == 'AA'")) == 2
    assert count(repeated_keys(["carrier"])) == 2
    assert count(repeated_keys(["k m", "carrier"])) == 0
    database.close()


def test_the_share_of_repeated_rows_is_a_query() -> None:
    columns = (Column("a", Kind.NUMBER), Column("b", Kind.TEXT, Role.IGNORED, required=False))
    document = odcs(Contract("t", 1, "", columns, batch=Batch(max_repeat_share=0.03)))
    (quality,) = document["schema"][0]["quality"]
    assert quality["mustBeLessOrEqualTo"] == 3.0
    assert quality["query"].endswith('from (select count(*) as copies from ${table} group by "a") alike')
