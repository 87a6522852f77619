"""Texts of a source that knows only texts, read as what all their values are: for proposals, never for checking.

A contract says what a column is; before there is one, every value is looked at. Whole numbers with leading zeros or a
plus, and long ones, are codes and stay texts, as do those of columns that are called like codes. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from daytwo.sources.marks import MISSING
from daytwo.sources.rows import Rows

_INTEGER = r"^\s*-?(0|[1-9][0-9]*)\s*$"
_DIGITS = r"^\s*[+]?[0-9]+\s*$"
_NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_CODE = r"^\s*([+][0-9]{6,}|[+-]?0[0-9]+)\s*$"
_TRUTH = r"(?i)^\s*(true|false)\s*$"
_DATE = r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}\s*$"
_MOMENT = (
    r"^\s*[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?\s*$"
)
_ZONE = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"
_CODE_NAMES = re.compile(
    r"(^|_|\b)(phone|tel|telephone|mobile|fax|zip|zipcode|postcode|postal|plz|iban|isbn|ssn)(_|\b|$)"
)
# Whole numbers of more digits than a float holds exactly are names of things, not amounts.
_LONGEST_INTEGER = 15
# A column of numbers may hold words for "missing" beside them; fewer numbers than this, and it is one of texts.
_FEWEST_NUMBERS = 0.5


@dataclass(frozen=True, slots=True)
class Kinds:
    """A frame with columns of kinds, and what was decided, a line for each column where it is not plain."""

    frame: pl.DataFrame
    notes: tuple[str, ...]


def typed_rows(rows: Rows) -> pl.DataFrame:
    """Return the rows of a source with kinds, whether it knows them or has only texts."""
    return typed(rows.frame).frame if rows.texts else rows.frame


def typed(frame: pl.DataFrame) -> Kinds:
    """Return the frame with each text column read as what all its values are.

    Whole numbers, numbers, truths, ISO dates and times; else texts, as they are.

    Examples
    --------
    >>> found = typed(pl.DataFrame({"zip": ["01234", "99999"], "seats": ["150", "NA"]}))
    >>> found.frame.dtypes, found.notes[0]
    ([String, Int64], "'zip' holds codes such as '01234': texts")
    """
    columns, notes = [], []
    for column in frame:
        if column.dtype != pl.String:
            columns.append(column)
            continue
        made, note = _read(column)
        columns.append(made)
        if note:
            notes.append(f"{column.name!r} {note}")
    return Kinds(pl.DataFrame(columns, height=frame.height), tuple(notes))


def _read(column: pl.Series) -> tuple[pl.Series, str]:
    values = column.drop_nulls()
    said = values.filter(values.is_in(MISSING))
    values = values.filter(~values.is_in(MISSING))
    if values.is_empty():
        return column, ""
    if _all(values, _TRUTH):
        return _with_nulls(column, said).str.strip_chars().str.to_lowercase() == "true", _missing_note(said)
    if values.len() >= _FEWEST_NUMBERS * (values.len() + said.len()) and _all(values, _NUMBER):
        return _numbers(column, values, said)
    if _all(values, _DATE) or _all(values, _MOMENT):
        return _times(column, said)
    return column, ""


def _numbers(column: pl.Series, values: pl.Series, said: pl.Series) -> tuple[pl.Series, str]:
    codes = values.filter(values.str.contains(_CODE))
    if codes.len() and _all(values, _DIGITS):
        return column, f"holds codes such as {codes.first()!r}: texts"
    if _all(values, _DIGITS) and _CODE_NAMES.search(column.name.lower()):
        return column, "is called like a code: texts"
    plain = _with_nulls(column, said).str.strip_chars()
    if not _all(values, _INTEGER):
        return plain.cast(pl.Float64), _missing_note(said)
    longest = values.str.extract("([0-9]+)").str.len_chars().max()
    if isinstance(longest, int) and longest > _LONGEST_INTEGER:
        return column, f"holds whole numbers of up to {longest} digits: texts"
    return plain.cast(pl.Int64), _missing_note(said)


def _times(column: pl.Series, said: pl.Series) -> tuple[pl.Series, str]:
    texts = _with_nulls(column, said).str.strip_chars()
    if texts.drop_nulls().str.len_chars().max() == len("2013-01-01"):
        read: pl.Series = texts.str.to_date("%Y-%m-%d", strict=False)
    else:
        read = _moments(texts)
    if read.null_count() > texts.null_count():
        return column, ""
    return read, _missing_note(said)


def _moments(texts: pl.Series) -> pl.Series:
    whole = texts.str.replace(" ", "T", literal=True).str.replace(r"(T[0-9]{2}:[0-9]{2})([Z+-]|$)", "${1}:00${2}")
    zoned = whole.str.contains(_ZONE)
    if not zoned.any():
        return whole.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
    # Where some say a zone and others none, those without mean UTC, as for a contract.
    told = whole.str.replace("Z$", "+00:00")
    told = told.zip_with(zoned.fill_null(True), told + "+00:00")
    return told.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us")


def _with_nulls(column: pl.Series, said: pl.Series) -> pl.Series:
    return column.set(column.is_in(MISSING).fill_null(False), None) if said.len() else column


def _missing_note(said: pl.Series) -> str:
    if said.is_empty():
        return ""
    words = ", ".join(sorted(repr(word) for word in said.unique().to_list()))
    return f"holds {words}: taken for missing"


def _all(values: pl.Series, pattern: str) -> bool:
    return bool(values.str.contains(pattern).all())
