"""A table as the bytes of a file: Parquet or JSON Lines exactly, CSV so that no spreadsheet takes a cell for a formula.

In CSV a text (also a column's name) that begins with = + - @ or a tab or line break gets an apostrophe before it,
unless it is a number such as -12.5. Whoever reads the file by machine takes the exact forms, or removes the apostrophe.

Source: OWASP, "CSV Injection" (owasp.org/www-community/attacks/CSV_Injection), the characters it names and their
full-width twins.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import polars as pl

from daytwo.core.errors import DataError

_BEGINS = r"^[=+\-@\t\r\n\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
_BEGINS_HERE = re.compile(r"[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]")
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
SUFFIXES = (".parquet", ".csv", ".jsonl", ".ndjson")


def table_bytes(frame: pl.DataFrame, path: Path) -> bytes:
    """Return `frame` as the bytes of a file called `path`.

    Raises
    ------
    DataError
        If the name says no form that can be written.

    Examples
    --------
    >>> table_bytes(pl.DataFrame({"a": ["=1+1", "-12.5"]}), Path("x.csv")).split()
    [b'a', b"'=1+1", b'-12.5']
    """
    content = io.BytesIO()
    match path.suffix.lower():
        case ".parquet":
            frame.write_parquet(content)
        case ".csv":
            without_formulas(frame).write_csv(content)
        case ".jsonl" | ".ndjson":
            frame.write_ndjson(content)
        case _:
            require_form(path)
    return content.getvalue()


def require_form(path: Path) -> None:
    """Refuse a name that says no form, before any work is done for it.

    Raises
    ------
    DataError
        It names the forms.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"{path} is of no kind that is written", hint=f"End its name in one of {', '.join(SUFFIXES)}")


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with every text and name that a spreadsheet would run put behind an apostrophe."""
    made: dict[str, pl.Series] = {}
    for series in frame.get_columns():
        name = f"'{series.name}" if _BEGINS_HERE.match(series.name) else series.name
        while name in made or (name != series.name and name in frame.columns):
            name = f"'{name}"
        made[name] = _text_only(series)
    return pl.DataFrame([series.alias(name) for name, series in made.items()])


def _text_only(series: pl.Series) -> pl.Series:
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        series = series.cast(pl.String)
    if series.dtype in {pl.Binary, pl.Object} or series.dtype.is_nested():
        series = pl.Series(series.name, [None if one is None else str(one) for one in series.to_list()], pl.String)
    if series.dtype != pl.String:
        return series
    runs = series.str.contains(_BEGINS) & ~series.str.contains(_NUMBER)
    return series.zip_with(~runs.fill_null(False), "'" + series)
