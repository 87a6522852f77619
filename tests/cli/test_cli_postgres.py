"""Rows of a real PostgreSQL from the command line: proposed for, checked and taken in once, its password never told."""

from __future__ import annotations

import polars as pl
import pytest
from tests.sources.postgres import PASSWORD, programs, running

BINARIES = programs()
pytestmark = pytest.mark.skipif(BINARIES is None, reason="PostgreSQL is not installed (apt-get install postgresql)")
TABLE = """create table trips (
    at timestamptz, trip text primary key, wind numeric(6,2), carrier char(2), seats bigint, late smallint
)"""


@pytest.fixture(scope="module")
def server(rows_file):
    rows = pl.read_parquet(rows_file).with_columns(
        at=pl.col("at") + pl.duration(days=120), trip=pl.concat_str(pl.lit("p"), "trip")
    )
    with running(BINARIES) as made:
        made.run(TABLE)
        made.fill("trips", rows)
        yield made


def test_a_contract_is_proposed_from_a_table_and_checks_it(daytwo, server, tmp_path):
    told = {"AIR_PASSWORD": PASSWORD}
    table = f"{server.url('env:AIR_PASSWORD')}#trips"
    made = daytwo("contract", "propose", table, "--target", "late", "--time", "at", "-o", "C.toml", **told)
    assert made.code == 0, made.err
    for more in ([], ["--stream"]):
        said = daytwo("contract", "check", table, "--contract", "C.toml", "--json", *more, **told)
        assert said.code == 0, said.err
        assert (said.json["rows"], said.json["accepted"]) == (3000, 3000)
        assert PASSWORD not in said.out + said.err + made.out
    wrong = f"{server.url('env:AIR_PASSWORD')}#select at, trip, wind * 1000 as wind, carrier, seats, late from trips"
    assert daytwo("contract", "check", wrong, "--contract", "C.toml", "--json", **told).json["rejected"] > 2000


def test_rows_come_in_exactly_once_and_new_ones_are_added(daytwo, server, project):
    told = {"AIR_PASSWORD": PASSWORD}
    table = f"{server.url('env:AIR_PASSWORD')}#trips"
    first = daytwo("ingest", table, "-C", project, "--json", **told).json["files"][0]
    assert first["accepted"] == 3000
    again = daytwo("ingest", table, "-C", project, "--json", **told).json
    assert again["files"][0]["again"]
    server.run(
        "insert into trips select at + interval '1 year', 'new' || trip, wind, carrier, seats, late from trips limit 7"
    )
    grown = daytwo("ingest", table, "-C", project, "--json", **told).json
    assert grown["files"][0]["accepted"] == 7
    since = f"{server.url('env:AIR_PASSWORD')}#select * from trips where at > :since"
    assert daytwo("ingest", since, "-C", project, "--json", **told).code == 0


def test_what_the_database_refuses_is_told_in_two_lines_without_the_password(daytwo, server):
    for url, code in (
        (server.url("hunter2"), 3),
        (server.url("hunter2", database="gone"), 3),
        ("postgresql://reader:hunter2@127.0.0.1:1/air", 3),
    ):
        said = daytwo("contract", "propose", f"{url}#trips")
        assert said.code == code, said.err
        assert "hunter2" not in said.err
        assert "Traceback" not in said.err
