"""Quarantined rows as a file for people: CSV that no spreadsheet takes for formulas, or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import msgspec
import polars as pl

from daytwo.core.errors import Mistake
from daytwo.core.files import write_whole
from daytwo.lifecycle.kept_aside.quarantine import Kept, said

# A spreadsheet works out what begins so (OWASP, CSV Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """Return a text that a spreadsheet shows as it is.

    Examples
    --------
    >>> harmless("=1+1"), harmless("40 dm/s")
    ("'=1+1", '40 dm/s')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def export(rows: Sequence[Kept], path: Path) -> None:
    """Write rows to a `.csv` or `.parquet` file: ours as `_id`, `_came`, ..., then the columns as they came.

    Raises
    ------
    Mistake
        If the file is to be of another kind.
    Fault
        If it cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in {".csv", ".parquet"}:
        raise Mistake(f"{path} is neither .csv nor .parquet", hint="Call it OUT.csv or OUT.parquet")
    made = BytesIO()
    if kind == ".csv":
        frame = _frame(rows, text=harmless)
        frame.rename({name: harmless(name) for name in frame.columns}).write_csv(made)
    else:
        _frame(rows, text=str).write_parquet(made)
    write_whole(path, made.getvalue())


def _frame(rows: Sequence[Kept], text: Callable[[str], str]) -> pl.DataFrame:
    ours: dict[str, Sequence[object]] = {
        "_id": [kept.id for kept in rows],
        "_came": [kept.received_at for kept in rows],
        "_source": [text(kept.source) for kept in rows],
        "_state": [kept.state for kept in rows],
        "_rules": [text(", ".join(dict.fromkeys(str(one["rule"]) for one in kept.reasons))) for kept in rows],
        "_because": [text("; ".join(said(one) for one in kept.reasons)) for kept in rows],
    }
    names = [name for name in dict.fromkeys(name for kept in rows for name in kept.row) if name not in ours]
    theirs = [_series(name, [kept.row.get(name) for kept in rows], text) for name in names]
    return pl.DataFrame([*(pl.Series(name, list(values)) for name, values in ours.items()), *theirs])


def _series(name: str, values: Sequence[object], text: Callable[[str], str]) -> pl.Series:
    """Return a column as numbers where it holds nothing else, otherwise as texts; numbers among them stay plain."""
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values):
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    texts = [None if value is None else _text(value, text) for value in values]
    return pl.Series(name, texts, dtype=pl.String)


def _text(value: object, text: Callable[[str], str]) -> str:
    return text(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
