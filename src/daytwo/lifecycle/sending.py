"""Rows and labels of a file, as a client of the server sends them.

The contract says what each column is, so a number that a CSV reader made of a code becomes the text again that the
model knows. What is no input (the target, columns the contract ignores) stays at home.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import compile_decoder
from daytwo.core.errors import DataError
from daytwo.core.schema import Kind
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.system import System
from daytwo.predictions.record import ANSWERED
from daytwo.scoring.payoff import Payoff

Row = dict[str, object]
_LOOKED_AT = 200


def rows_to_send(frame: pl.DataFrame, contract: Contract, money: Sequence[str] = ()) -> list[Row]:
    """Return a table's rows as JSON values, with the model's inputs and the columns `money` that the payoff reads.

    Columns that the contract does not know go along, so that the server can say so.
    """
    known = {column.name: column for column in contract.columns}
    kept = [
        _sent(frame.get_column(name), known.get(name))
        for name in frame.columns
        if name not in known or name in money or _is_input(known[name])
    ]
    return pl.DataFrame(kept, height=frame.height).to_dicts()


def money_columns(system: System) -> tuple[str, ...]:
    """Return the columns that `[value]` reads."""
    return tuple(Payoff.from_settings(system.settings.value, system.settings.model.task).columns)


def example_row(system: System, contract: Contract) -> Row | None:
    """Return a real row that the contract accepts, without its outcome; None where no rows were ever taken in."""
    flags = {column.imputed_name for column in contract.columns if column.imputed_name}
    frame = system.tables.read(DATASET).drop(flags, strict=False)  # they are ours, no client sends them
    check = compile_decoder(contract).check
    for row in reversed(rows_to_send(frame.tail(_LOOKED_AT), contract, money_columns(system))):
        given = {name: value for name, value in row.items() if value is not None or contract.column(name).required}
        if check(as_received(given))[0] is not None:
            return given
    return None


def newest_answered(system: System, contract: Contract, most: int, *, version: str = "") -> pl.DataFrame:
    """Return up to `most` of the rows that a model answered last, as it saw them, the oldest first.

    The columns are those of the contract that were kept, its flags of defaults, and our `_id`, `_version` and `_score`;
    time, key and subject stand under the contract's names.
    `version` leaves out what other versions answered.
    """
    if system.tables.version("predictions") is None:
        return pl.DataFrame()
    wanted = pl.col("_arm").is_in(ANSWERED)
    if version:
        wanted &= pl.col("_version") == version
    received = system.tables.read("predictions", columns=["_received_at"], where=wanted)["_received_at"]
    if not len(received):
        return pl.DataFrame()
    since = received.top_k(most).min()
    inputs = [name for column in contract.columns for name in (column.name, column.imputed_name) if name]
    held = [name for name in inputs if name in system.tables.schema("predictions")]
    named = {"_time": contract.time, "_key": contract.key, "_subject": contract.subject}
    ours = {name: column.name for name, column in named.items() if column is not None and column.name not in held}
    columns = ["_id", "_version", "_score", *held, *ours]
    rows = system.tables.read("predictions", columns=columns, where=wanted & (pl.col("_received_at") >= since))
    return rows.tail(most).rename(ours)


def as_sent(frame: pl.DataFrame, contract: Contract, money: Sequence[str] = ()) -> list[Row]:
    """Return kept rows as a client sent them: what a default stands in for is missing again, what is ours is gone."""
    flags = {column.imputed_name: column.name for column in contract.columns if column.imputed_name in frame.columns}
    sent = frame.with_columns(
        pl.when(pl.col(flag)).then(None).otherwise(pl.col(name)).alias(name) for flag, name in flags.items()
    )
    return rows_to_send(sent.drop(*flags, "_id", "_version", "_score", strict=False), contract, money)


def labels_to_send(frame: pl.DataFrame, contract: Contract) -> list[Row]:
    """Return a table of outcomes as labels.

    Rows are named by `prediction_id`, by the contract's key column or by `key`; the outcome stands in the target's
    column or in `label`, the moment, if known, in `observed_at`. A column of the contract is never taken for ours of
    the same name. Rows without an outcome are left out.

    Raises
    ------
    DataError
        If there is no column for one of the two.
    """
    theirs = {column.name for column in contract.columns}
    ours = {name for name in ("prediction_id", "key", "label", "observed_at") if name not in theirs}
    key, target = (column.name if column else "" for column in (contract.key, contract.target))
    there = {name for name in frame.columns if name in ours or name in {key, target}}
    who = next((name for name in ("prediction_id", key, "key") if name in there - {target}), "")
    what = next((name for name in (target, "label") if name in there), "")
    if not who or not what:
        missing = "names the prediction" if not who else "holds the outcome"
        raise DataError(
            f"no column {missing}; there are {', '.join(frame.columns[:20])}",
            hint="Give prediction_id or key, and label (or the model's own key and target columns)",
        )
    columns = [frame.get_column(who).cast(pl.String).alias("prediction_id" if who == "prediction_id" else "key")]
    columns.append(frame.get_column(what).alias("label"))
    if "observed_at" in there:
        columns.append(frame.get_column("observed_at"))
    return pl.DataFrame(columns).filter(pl.col("label").is_not_null()).to_dicts()


def _is_input(column: Column) -> bool:
    return column.is_checked and column.role is not Role.TARGET


def _sent(series: pl.Series, column: Column | None) -> pl.Series:
    if column is not None and column.kind in {Kind.CATEGORY, Kind.TEXT} and series.dtype != pl.String:
        return series.cast(pl.String)
    return series.fill_nan(None) if series.dtype.is_float() else series


def as_received(row: Row) -> Row:
    """Return the row as it comes out of JSON: moments are texts there."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}


def read_json_rows(content: bytes, name: str) -> list[Row]:
    """Return the rows in a JSON text: one object, a list of them, `{"rows": [...]}`, or one object a line.

    Raises
    ------
    DataError
        If the text is none of these, or holds no rows; says where.
    """
    try:
        found = msgspec.json.decode(content)
    except msgspec.MsgspecError as whole:
        lines = [line for line in content.splitlines() if line.strip()]
        try:
            found = [msgspec.json.decode(line) for line in lines] if len(lines) > 1 else None
        except msgspec.MsgspecError:
            found = None
        if found is None:
            raise DataError(
                f"{name} is neither JSON nor JSON Lines: {whole}",
                hint="Give an object, a list of objects, or one a line",
            ) from whole
    if isinstance(found, dict) and isinstance(found.get("rows"), list):
        found = found["rows"]
    rows = found if isinstance(found, list) else [found]
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"row {number} of {name} is no object", hint='Write each row as {"column": value, ...}')
    if not rows:
        raise DataError(f"{name} has no rows", hint="Give at least one row")
    return rows
