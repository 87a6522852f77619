"""The same 25 checks of 22 columns as each tool's users would write them; run by contracts.py, one process a tool.

Every tool must name failing rows and rules. It prints one line of JSON: CPU seconds after its import, the process'
largest resident memory, the rows it found failing.
"""

# ruff: noqa: PLC0415, ARG005  each tool is imported in its own environment only

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

NUMBERS = [f"x{i}" for i in range(8)]
WHOLES = [f"n{i}" for i in range(5)]
CARRIERS = [f"LV{i:02d}" for i in range(20)]
AIRPORTS = [f"airport number {i:03d}" for i in range(100)]
STATES = ["open", "closed", "pending"]
PATTERN = "[A-Z]{2}-[0-9]{5}"
LOW, HIGH, MOST, LONGEST = -100.0, 1000.0, 999, 40
SAMPLE = 20_000  # rows that row-by-row tools are given; their time is scaled
_SCALED: dict[str, float] = {}


def scan(path: str) -> int:
    """The floor: every column read and summed; of texts their bytes, of truths and moments their numbers."""
    import polars as pl

    rows = pl.scan_parquet(path)
    sums = [
        (pl.col(name).str.len_bytes() if dtype == pl.String else pl.col(name).to_physical()).sum()
        for name, dtype in rows.collect_schema().items()
    ]
    return rows.select(sums).collect(engine="streaming").height - 1


def _masks() -> dict[str, object]:
    import polars as pl

    col = pl.col
    masks = {name: col(name).is_null() | ~col(name).is_between(LOW, HIGH) for name in NUMBERS}
    masks |= {name: col(name).is_null() | ~col(name).is_between(0, MOST) for name in WHOLES}
    masks |= {name: col(name).is_null() for name in ("flag", "flag2", "at")}
    for name, known in (("carrier", CARRIERS), ("airport", AIRPORTS), ("state", STATES)):
        masks[name] = col(name).is_null() | ~col(name).is_in(known)
    masks["code"] = col("code").is_null() | ~col("code").str.contains(f"^{PATTERN}$")
    masks["note"] = col("note").is_null() | (col("note").str.len_chars() > LONGEST)
    masks["r1"] = col("x0") > col("x1") + 1000
    masks["r2"] = col("n0") + col("n1") < 0
    masks["r3"] = col("x2") + col("x3") >= 1000
    return masks


def polars_plan(path: str) -> int:
    """A fused plan by hand: all tests as columns beside the row's number, then the rows where one fails."""
    import polars as pl

    masks = _masks() | {"id": pl.col("id").is_duplicated()}
    named = pl.scan_parquet(path).with_row_index().select("index", **masks)
    return named.filter(pl.any_horizontal(list(masks))).collect(engine="streaming").height


def polars_lean(path: str) -> int:
    """The leanest by hand: failing rows are filtered while reading, then tested again; the key on its own."""
    import polars as pl

    masks = _masks()
    rows = pl.scan_parquet(path)
    found = rows.with_row_index().filter(pl.any_horizontal(masks.values())).collect(engine="streaming")
    named = found.select("index", **masks)
    twice = rows.select("id").collect(engine="streaming").with_row_index().filter(pl.col("id").is_duplicated())
    return pl.concat([named["index"], twice["index"]]).n_unique()


def daytwo(path: str) -> int:
    from daytwo.contracts.table.parquet import check_file

    return check_file(_contract(), Path(path)).rejected


def daytwo_frame(path: str) -> int:
    """The same of a table in memory, with its accepted rows."""
    import polars as pl

    from daytwo.contracts.table.columnar import check

    return check(_contract(), pl.read_parquet(path)).rejected.height


def _contract() -> object:
    from daytwo.contracts.column import Column, Role
    from daytwo.contracts.contract import Contract, Rule
    from daytwo.contracts.relations import Unique
    from daytwo.core.schema import Kind

    columns = [Column(name, Kind.NUMBER, minimum=LOW, maximum=HIGH) for name in NUMBERS]
    columns += [Column(name, Kind.INTEGER, minimum=0, maximum=MOST) for name in WHOLES]
    columns += [Column(name, Kind.BOOLEAN) for name in ("flag", "flag2")]
    for name, known in (("carrier", CARRIERS), ("airport", AIRPORTS), ("state", STATES)):
        columns.append(Column(name, Kind.CATEGORY, levels=tuple(known), other="reject"))
    columns.append(Column("code", Kind.TEXT, Role.CHECKED, pattern=PATTERN))
    columns.append(Column("note", Kind.TEXT, Role.CHECKED, max_length=LONGEST))
    columns += [Column("at", Kind.TIME, Role.TIME), Column("id", Kind.INTEGER, Role.KEY)]
    rules = (Rule("r1", "x0 <= x1 + 1000"), Rule("r2", "n0 + n1 >= 0"), Rule("r3", "x2 + x3 < 1000"))
    return Contract("bench", 1, "", tuple(columns), rules, (Unique("id", ("id",)),))


def pandera(path: str) -> int:
    import pandera.polars as pa
    import polars as pl

    held = {name: pa.Column(float, pa.Check.in_range(LOW, HIGH)) for name in NUMBERS}
    held |= {name: pa.Column(int, pa.Check.in_range(0, MOST)) for name in WHOLES}
    held |= {name: pa.Column(bool) for name in ("flag", "flag2")}
    for name, known in (("carrier", CARRIERS), ("airport", AIRPORTS), ("state", STATES)):
        held[name] = pa.Column(str, pa.Check.isin(known))
    held["code"] = pa.Column(str, pa.Check.str_matches(f"^{PATTERN}$"))
    held["note"] = pa.Column(str, pa.Check.str_length(max_value=LONGEST))
    held |= {"at": pa.Column(pl.Datetime("us", "UTC")), "id": pa.Column(int, unique=True)}
    rules = [
        pa.Check(lambda data: data.lazyframe.select(pl.col("x0") <= pl.col("x1") + 1000)),
        pa.Check(lambda data: data.lazyframe.select(pl.col("n0") + pl.col("n1") >= 0)),
        pa.Check(lambda data: data.lazyframe.select(pl.col("x2") + pl.col("x3") < 1000)),
    ]
    try:
        pa.DataFrameSchema(held, checks=rules).validate(pl.read_parquet(path), lazy=True)
    except pa.errors.SchemaErrors as err:
        return int(err.failure_cases["index"].n_unique())
    return 0


def dataframely(path: str) -> int:
    import dataframely as dy
    import polars as pl

    body: dict[str, object] = {name: dy.Float64(min=LOW, max=HIGH, nullable=False) for name in NUMBERS}
    body |= {name: dy.Int64(min=0, max=MOST, nullable=False) for name in WHOLES}
    body |= {name: dy.Bool(nullable=False) for name in ("flag", "flag2")}
    for name, known in (("carrier", CARRIERS), ("airport", AIRPORTS), ("state", STATES)):
        body[name] = dy.String(nullable=False, check=lambda cell, known=known: cell.is_in(known))
    body["code"] = dy.String(nullable=False, regex=f"^{PATTERN}$")
    body["note"] = dy.String(nullable=False, max_length=LONGEST)
    body |= {"at": dy.Datetime(time_zone="UTC", nullable=False), "id": dy.Int64(primary_key=True)}
    body["r1"] = dy.rule()(lambda cls: pl.col("x0") <= pl.col("x1") + 1000)
    body["r2"] = dy.rule()(lambda cls: pl.col("n0") + pl.col("n1") >= 0)
    body["r3"] = dy.rule()(lambda cls: pl.col("x2") + pl.col("x3") < 1000)
    schema = type("Rows", (dy.Schema,), body)
    _good, failure = schema.filter(pl.scan_parquet(path), eager=True)
    failure.counts()
    return len(failure)


def pointblank(path: str) -> int:
    import pointblank as pb
    import polars as pl

    checks = pb.Validate(pl.read_parquet(path).with_row_index())
    for name in NUMBERS:
        checks = checks.col_vals_between(name, LOW, HIGH)
    for name in WHOLES:
        checks = checks.col_vals_between(name, 0, MOST)
    for name in ("flag", "flag2", "at"):
        checks = checks.col_vals_not_null(name)
    for name, known in (("carrier", CARRIERS), ("airport", AIRPORTS), ("state", STATES)):
        checks = checks.col_vals_in_set(name, known)
    checks = checks.col_vals_regex("code", f"^{PATTERN}$").col_vals_expr(pl.col("note").str.len_chars() <= LONGEST)
    checks = checks.rows_distinct(columns_subset="id")
    checks = checks.col_vals_expr(pl.col("x0") <= pl.col("x1") + 1000).col_vals_expr(pl.col("n0") + pl.col("n1") >= 0)
    checks = checks.col_vals_expr(pl.col("x2") + pl.col("x3") < 1000).interrogate(get_first_n=1_000_000)
    failing: set[int] = set()
    for extract in checks.get_data_extracts().values():
        if extract is not None and "index" in extract.columns:
            failing |= set(extract["index"])
    return len(failing)


def great_expectations(path: str) -> int:
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd

    frame = pd.read_parquet(path)
    frame["row"] = range(len(frame))
    frame["s1"], frame["s2"], frame["s3"] = frame.x1 + 1000, frame.n0 + frame.n1, frame.x2 + frame.x3
    context = gx.get_context(mode="ephemeral")
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    suite = gx.ExpectationSuite(name="s")
    for name in NUMBERS:
        suite.add_expectation(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=LOW, max_value=HIGH))
    for name in WHOLES:
        suite.add_expectation(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=0, max_value=MOST))
    for name in ("flag", "flag2", "at"):
        suite.add_expectation(gxe.ExpectColumnValuesToNotBeNull(column=name))
    for name, known in (("carrier", CARRIERS), ("airport", AIRPORTS), ("state", STATES)):
        suite.add_expectation(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=known))
    suite.add_expectation(gxe.ExpectColumnValuesToMatchRegex(column="code", regex=f"^{PATTERN}$"))
    suite.add_expectation(gxe.ExpectColumnValueLengthsToBeBetween(column="note", max_value=LONGEST))
    suite.add_expectation(gxe.ExpectColumnValuesToBeUnique(column="id"))
    suite.add_expectation(gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="s1", column_B="x0", or_equal=True))
    suite.add_expectation(gxe.ExpectColumnValuesToBeBetween(column="s2", min_value=0))
    suite.add_expectation(gxe.ExpectColumnValuesToBeBetween(column="s3", max_value=HIGH, strict_max=True))
    form = {"result_format": "COMPLETE", "unexpected_index_column_names": ["row"]}
    found = batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite, result_format=form)
    failing: set[int] = set()
    for one in found.results:
        failing |= {place["row"] for place in one.result.get("unexpected_index_list") or []}
    return len(failing)


def pydantic(path: str) -> int:
    """Row by row, of the first rows only; contracts.py scales the time."""
    from datetime import datetime
    from typing import Annotated, Literal

    import polars as pl
    from pydantic import Field, ValidationError, create_model, model_validator

    def rules(row: object) -> object:
        if row.x0 > row.x1 + 1000 or row.n0 + row.n1 < 0 or row.x2 + row.x3 >= 1000:
            raise ValueError("a row rule is broken")
        return row

    fields: dict[str, object] = {name: Annotated[float, Field(ge=LOW, le=HIGH)] for name in NUMBERS}
    fields |= {name: Annotated[int, Field(ge=0, le=MOST)] for name in WHOLES}
    fields |= {"flag": bool, "flag2": bool, "at": datetime, "id": int, "state": Literal[tuple(STATES)]}
    fields |= {"carrier": Literal[tuple(CARRIERS)], "airport": Literal[tuple(AIRPORTS)]}
    fields["code"] = Annotated[str, Field(pattern=f"^{PATTERN}$")]
    fields["note"] = Annotated[str, Field(max_length=LONGEST)]
    checks = {"rules": model_validator(mode="after")(rules)}
    model = create_model("Row", __validators__=checks, **{name: (kind, ...) for name, kind in fields.items()})
    height = pl.scan_parquet(path).select(pl.len()).collect().item()
    sample = pl.scan_parquet(path).head(SAMPLE).collect()
    _SCALED["factor"] = height / sample.height
    failing, seen = 0, set()
    for row in sample.iter_rows(named=True):
        again = row["id"] in seen
        seen.add(row["id"])
        try:
            model.model_validate(row)
        except ValidationError:
            again = True
        failing += again
    return round(failing * _SCALED["factor"])


TOOLS: dict[str, Callable[[str], int]] = {
    "scan": scan,
    "polars-plan": polars_plan,
    "polars-lean": polars_lean,
    "daytwo": daytwo,
    "daytwo-frame": daytwo_frame,
    "pandera": pandera,
    "dataframely": dataframely,
    "pointblank": pointblank,
    "great-expectations": great_expectations,
    "pydantic": pydantic,
}
# What each imports before the clock starts.
IMPORTS = {
    "daytwo": "daytwo.contracts.table.parquet",
    "daytwo-frame": "daytwo.contracts.table.columnar",
    "pandera": "pandera.polars",
    "great-expectations": "great_expectations.expectations",
}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak() -> float:
    """Return the largest resident set in MB; what the operating system says of a child includes its parent's."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024


def main() -> None:
    tool, path = sys.argv[1:3]
    __import__("pandas" if tool == "great-expectations" else "polars")
    __import__(IMPORTS.get(tool, "polars" if tool in {"scan", "polars-plan", "polars-lean"} else tool))
    imported = _cpu()
    failing = TOOLS[tool](path)
    cpu = (_cpu() - imported) * _SCALED.get("factor", 1.0)
    print(json.dumps({"cpu": cpu, "peak_mb": _peak(), "failing": failing, "import": imported}))


if __name__ == "__main__":
    main()
