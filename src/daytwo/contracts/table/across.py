"""Promises between the rows of a table, and between two tables, judged; `relations.py` says what they mean.

Each is judged of the rows that broke no rule of their own, in the table's order. `stream.py` judges them in parts, so
the steps here take what earlier rows left behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from daytwo.contracts.contract import Contract
from daytwo.contracts.relations import Dependency, Monotone, Reference, Relation, Unique
from daytwo.contracts.table.lines import LINES, ROW
from daytwo.contracts.table.typed import reading
from daytwo.core.errors import DataError

_SHOWN = 80
# What a missing value breaks.
_MISSING = ("not_null", "missing_field")
# Whole numbers are marked in a table of bits where it has at most so many places for each.
_DENSE = 16


@dataclass(frozen=True, slots=True)
class Others:
    """What lies outside of the table: `tables` that references name, and keys `seen` earlier, by unique promise."""

    tables: Mapping[str, pl.DataFrame]
    seen: Mapping[str, pl.DataFrame]


NOTHING = Others({}, {})


def across(
    contract: Contract,
    relations: Sequence[Relation],
    typed: pl.DataFrame,
    own: pl.DataFrame,
    others: Others = NOTHING,
) -> pl.DataFrame:
    """Return the lines of these promises of a contract where rows break them.

    `typed` are all rows in the contract's types, `own` the lines of what they broke by themselves.

    Raises
    ------
    DataError
        If a table that a reference names is not given, or has not its key.
    """
    lines = [LINES.to_frame()]
    for relation, keys in clean_keys(relations, typed, own):
        failing = failing_keys(relation, keys, outer_keys(contract, relation, others))
        lines.append(relation_lines(relation, keys, failing))
    return pl.concat(lines)


def clean_keys(
    relations: Sequence[Relation], typed: pl.DataFrame, own: pl.DataFrame
) -> Iterator[tuple[Relation, pl.DataFrame]]:
    """Yield each promise between rows with what it reads of the rows that broke no rule of their own.

    A row keeps the promise where a value came missing, also where a default stands in it now.
    """
    bad = rejected_rows(own) if relations else None
    defaults = own.filter((pl.col("action") == "repair") & pl.col("rule").is_in(_MISSING)) if relations else own
    good = None if bad is None or not bad.len() else pl.repeat(True, typed.height, eager=True).scatter(bad, False)
    numbers = pl.Series(ROW, range(typed.height), dtype=pl.Int64) if relations else None
    for relation in relations:
        keys = _keys(typed, relation.reads).with_columns(numbers)
        keys = (keys if good is None else keys.filter(good)).drop_nulls()
        came = defaults.filter(pl.col("column").is_in(relation.reads)).get_column("row")
        yield relation, keys.filter(~pl.col(ROW).is_in(came.implode())) if came.len() else keys


def rejected_rows(lines: pl.DataFrame) -> pl.Series:
    """Return the numbers of the rows that lines reject, each once, in order."""
    return lines.filter(pl.col("action") == "reject").get_column("row").unique().sort()


def failing_rows(relation: Relation, rows: pl.DataFrame, outer: pl.DataFrame | None = None) -> pl.Series:
    """Return the numbers, `_row`, of the rows that break a relation.

    `outer` has the columns of `keys_of`: of a reference the other table's keys, of a unique promise those seen
    earlier.

    Examples
    --------
    >>> rows = pl.DataFrame({"_row": [0, 1, 2], "id": ["a", "b", "a"]})
    >>> failing_rows(Unique("id", ("id",)), rows).to_list()
    [2]
    """
    return failing_keys(relation, keys_of(relation, rows), outer)


def failing_keys(relation: Relation, keys: pl.DataFrame, outer: pl.DataFrame | None) -> pl.Series:
    """Return the numbers of the rows that break a relation, of what it reads of them."""
    match relation:
        case Unique():
            return repeated(keys, outer)
        case Reference():
            return strangers(keys, outer if outer is not None else keys.clear())
        case Dependency():
            return minority(keys, counted(keys))
        case Monotone():
            return fallen(keys, None, strict=relation.strict)


def keys_of(relation: Relation, rows: pl.DataFrame) -> pl.DataFrame:
    """Return what a relation reads as `key 0`, `key 1`, ... and `_row`, without the rows that miss one."""
    return _keys(rows, relation.reads).with_columns(rows.get_column(ROW)).drop_nulls()


def outer_keys(contract: Contract, relation: Relation, others: Others) -> pl.DataFrame | None:
    """Return the keys outside of the table that a relation goes by, each once; None where it goes by none.

    Raises
    ------
    DataError
        If a table that a reference names is not given, or has not its key.
    """
    if isinstance(relation, Reference):
        table = others.tables.get(relation.table)
        if table is None:
            raise DataError(
                f"{relation.rule} needs the table {relation.table!r}, which is not given",
                hint=f"Give the rows of {relation.table!r} with the check, or take the reference out of the contract",
            )
        return _outer(contract, relation, table, relation.key)
    if isinstance(relation, Unique) and relation.name in others.seen:
        return _outer(contract, relation, others.seen[relation.name], relation.columns)
    return None


def repeated(keys: pl.DataFrame, known: pl.DataFrame | None) -> pl.Series:
    """Return the rows whose key a row before them has, or one that is known."""
    alike = keys.filter(_alike(keys))
    held = alike.select(pl.struct(_names(keys))).to_series()
    again = alike.get_column(ROW).filter(~held.is_first_distinct())
    return pl.concat([again, acquainted(keys, known)]).unique().sort()


def _alike(keys: pl.DataFrame) -> pl.Series:
    """Return which rows may have a key that another row has, too: all of those, and hardly any other."""
    names = _names(keys)
    one = keys.get_column(names[0])
    if len(names) == 1 and one.dtype.is_integer() and one.len():
        numbers = one.to_numpy()
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < _DENSE * one.len():
            places = numbers - low
            return pl.Series(np.bincount(places)[places] > 1)
    hashes = keys.select((pl.col(names[0]) if len(names) == 1 else pl.struct(names)).hash(0)).to_series()
    ordered = hashes.sort()
    twice = ordered.filter(ordered == ordered.shift(1))
    return hashes.is_in(twice.unique().implode()) if twice.len() else pl.repeat(False, keys.height, eager=True)


def acquainted(keys: pl.DataFrame, known: pl.DataFrame | None) -> pl.Series:
    """Return the rows whose key is known."""
    if known is None or not known.height:
        return keys.get_column(ROW).clear()
    return keys.join(known, on=_names(keys), how="semi", maintain_order="left").get_column(ROW)


def strangers(keys: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """Return the rows whose key is not known."""
    return keys.join(known, on=_names(keys), how="anti", maintain_order="left").get_column(ROW)


def counted(keys: pl.DataFrame) -> pl.DataFrame:
    """Return how many rows hold each combination of keys, as `rows`."""
    return keys.group_by(_names(keys)).agg(pl.len().cast(pl.Int64).alias("rows"))


def summed(counts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return counts of several tables as those of all their rows."""
    together = pl.concat(counts)
    return together.group_by(_names(together)).agg(pl.col("rows").sum())


def minority(keys: pl.DataFrame, counts: pl.DataFrame) -> pl.Series:
    """Return the rows whose last key is not that of half of the rows that share the others; `counts` as `counted`."""
    names = _names(keys)
    total = pl.col("rows").sum().over(names[:-1])
    few = counts.filter(2 * pl.col("rows") < total)
    return keys.join(few, on=names, how="semi", maintain_order="left").get_column(ROW)


def fallen(keys: pl.DataFrame, tops: pl.DataFrame | None, *, strict: bool) -> pl.Series:
    """Return the rows whose first key is less than one before it among those of the same other keys.

    `tops` are the greatest values of earlier rows, as `greatest` gives them.
    """
    within = _names(keys)[1:]
    value, before = pl.col("key 0"), pl.col("key 0").cum_max().shift(1)
    held = keys.with_columns((before.over(within) if within else before).alias("before"))
    if tops is not None and tops.height:
        held = (
            held.join(tops, on=within, how="left", maintain_order="left") if within else held.join(tops, how="cross")
        ).with_columns(pl.max_horizontal("before", "top").alias("before"))
    fails = value <= pl.col("before") if strict else value < pl.col("before")
    return held.filter(fails).get_column(ROW)


def greatest(keys: pl.DataFrame, tops: pl.DataFrame | None) -> pl.DataFrame:
    """Return the greatest first key, as `top`, for each combination of the others, of these rows and earlier ones."""
    within = _names(keys)[1:]
    found = keys.rename({"key 0": "top"}).select("top", *within)
    if tops is not None:
        found = pl.concat([tops.select("top", *within), found])
    return found.group_by(within).agg(pl.col("top").max()) if within else found.select(pl.col("top").max()).drop_nulls()


def relation_lines(relation: Relation, keys: pl.DataFrame, failing: pl.Series) -> pl.DataFrame:
    """Return the lines of the rows that break a relation; `keys` as `keys_of` gives them."""
    if not failing.len():
        return LINES.to_frame()
    names = told_columns(relation)
    told = [pl.col(f"key {relation.reads.index(name)}").cast(pl.String) for name in names]
    return keys.filter(keys.get_column(ROW).is_in(failing.implode())).select(
        pl.col(ROW).alias("row"),
        pl.lit(", ".join(names)).alias("column"),
        pl.lit(relation.rule).alias("rule"),
        pl.concat_str(told, separator=", ").str.head(_SHOWN).alias("value"),
        pl.lit(relation.words).alias("message"),
        pl.lit(str(relation.action)).alias("action"),
        pl.lit(None, pl.String).alias("repaired"),
    )


def told_columns(relation: Relation) -> tuple[str, ...]:
    """Return the columns that a broken relation is told of."""
    match relation:
        case Dependency():
            return (relation.dependent,)
        case Monotone():
            return (relation.column,)
        case _:
            return relation.columns


def _names(keys: pl.DataFrame) -> list[str]:
    return [name for name in keys.columns if name.startswith("key ")]


def _keys(rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame([rows.get_column(name).alias(f"key {i}") for i, name in enumerate(names)], height=rows.height)


def _outer(contract: Contract, relation: Reference | Unique, table: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise DataError(
            f"{relation.rule} reads {missing[0]!r} of a table that has not this column",
            hint=f"Its columns are {', '.join(table.columns[:20])}",
        )
    keys = _keys(table, names)
    columns = [contract.column(name) for name in relation.columns]
    read = [
        reading(column, pl.col(name), keys.schema[name], parse_text=True).value.alias(name)
        for column, name in zip(columns, keys.columns, strict=True)
    ]
    return keys.with_columns(read).drop_nulls().unique()
