"""Known errors put into clean rows, so that what is found can be counted: half of `proposals.py`. Seeded.

Each kind returns the dirty rows and where the errors are: wrong cells as (row, column), or wrong rows.
"""

# ruff: noqa: ARG001  every kind of error is asked alike, though not each needs the reference, the columns or the seed
from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

SHARE = 0.05
_KEPT = 0.6


@dataclass(frozen=True)
class Dirty:
    """Rows with known errors; `cells` are wrong cells, `rows` wrong rows. `whole`: the batch as such is wrong."""

    frame: pl.DataFrame
    cells: frozenset[tuple[int, str]] = frozenset()
    rows: frozenset[int] = frozenset()
    whole: bool = False


def numeric(frame: pl.DataFrame, skip: set[str]) -> list[str]:
    """Return the columns of numbers with more than two values."""
    return [n for n in frame.columns if n not in skip and frame[n].dtype.is_numeric() and frame[n].n_unique() > 2]


def texts(frame: pl.DataFrame, skip: set[str]) -> list[str]:
    """Return the columns of texts."""
    return [n for n in frame.columns if n not in skip and frame[n].dtype == pl.String]


def _changed(frame: pl.DataFrame, names: list[str], change: Callable[[str, object], object], seed: int) -> Dirty:
    """Change one cell in each of 5 % of the rows, in a column drawn for each row."""
    if not names:
        return Dirty(frame)
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(frame.height, int(SHARE * frame.height), replace=False))
    drawn = random.integers(0, len(names), rows.size)
    cells, columns = set(), {}
    for place, name in enumerate(names):
        values = frame[name].to_list()
        for row in rows[drawn == place].tolist():
            new = None if values[row] is None else change(name, values[row])
            if new is not None and new != values[row]:
                values[row] = new
                cells.add((row, name))
        dtype = frame[name].dtype
        is_whole = dtype.is_integer() and all(v is None or float(v).is_integer() for v in values)
        columns[name] = pl.Series(name, values, dtype=pl.Int64 if is_whole else None, strict=False)
        if dtype.is_integer() and not is_whole:
            columns[name] = pl.Series(name, values, dtype=pl.Float64, strict=False)
    return Dirty(frame.with_columns(columns.values()), frozenset(cells))


def _scaled(factor: float, offset: float = 0.0) -> Callable[..., Dirty]:
    def inject(frame: pl.DataFrame, reference: pl.DataFrame, skip: set[str], seed: int) -> Dirty:
        def change(name: str, value: object) -> object:
            new = float(value) * factor + offset  # type: ignore[arg-type]
            # A source that rounds before it writes: whole columns stay whole.
            return round(new) if frame[name].dtype.is_integer() else new

        return _changed(frame, numeric(frame, skip), change, seed)

    return inject


def _decimals(frame: pl.DataFrame, reference: pl.DataFrame, skip: set[str], seed: int) -> Dirty:
    random = np.random.default_rng(seed + 1)

    def change(name: str, value: object) -> object:
        new = float(value) * random.choice([10.0, 100.0])  # type: ignore[arg-type]
        return round(new) if frame[name].dtype.is_integer() else new

    return _changed(frame, numeric(frame, skip), change, seed)


def mistype(text: str, random: np.random.Generator) -> str:
    """Replace, put in, leave out or swap one letter."""
    place = int(random.integers(0, len(text))) if text else 0
    letter = str(random.choice(list(string.ascii_lowercase)))
    kind = random.integers(0, 4)
    if kind == 0:
        return text[:place] + letter + text[place + 1 :]
    if kind == 1:
        return text[:place] + letter + text[place:]
    if kind == 2 and len(text) > 1:
        return text[:place] + text[place + 1 :]
    return text[:place] + text[place + 1 : place + 2] + text[place : place + 1] + text[place + 2 :]


def mistyped_cells(frame: pl.DataFrame, names: list[str], count: int, seed: int) -> Dirty:
    """Mistype cells drawn by chance; several may fall into one row."""
    random = np.random.default_rng(seed)
    values = {name: frame[name].to_list() for name in names}
    cells = set()
    for _ in range(count):
        row, name = int(random.integers(0, frame.height)), str(random.choice(names))
        new = mistype(values[name][row], random)
        if new != values[name][row] and (row, name) not in cells:
            values[name][row] = new
            cells.add((row, name))
    return Dirty(frame.with_columns(pl.Series(name, held) for name, held in values.items()), frozenset(cells))


def _typos(frame: pl.DataFrame, reference: pl.DataFrame, skip: set[str], seed: int) -> Dirty:
    random = np.random.default_rng(seed + 1)
    return _changed(frame, texts(frame, skip), lambda _, value: mistype(str(value), random), seed)


def _swapped(frame: pl.DataFrame, reference: pl.DataFrame, skip: set[str], seed: int) -> Dirty:
    """Exchange the values of two columns of the same kind in 5 % of the rows."""
    random = np.random.default_rng(seed)
    groups = [names for names in (numeric(frame, skip), texts(frame, skip)) if len(names) > 1]
    if not groups:
        return Dirty(frame)
    values = {name: frame[name].to_list() for names in groups for name in names}
    cells = set()
    for row in np.sort(random.choice(frame.height, int(SHARE * frame.height), replace=False)).tolist():
        names = groups[int(random.integers(0, len(groups)))]
        a, b = random.choice(names, 2, replace=False)
        if values[a][row] != values[b][row]:
            values[a][row], values[b][row] = values[b][row], values[a][row]
            cells |= {(row, str(a)), (row, str(b))}
    columns = []
    for name, held in values.items():
        whole = frame[name].dtype.is_integer() and all(v is None or float(v).is_integer() for v in held)
        dtype = pl.String if frame[name].dtype == pl.String else pl.Int64 if whole else pl.Float64
        columns.append(pl.Series(name, held, dtype=dtype, strict=False))
    return Dirty(frame.with_columns(columns), frozenset(cells))


def _stale(frame: pl.DataFrame, reference: pl.DataFrame, skip: set[str], seed: int) -> Dirty:
    """Put rows of the reference among the new ones, at places drawn by chance."""
    random = np.random.default_rng(seed)
    old = reference[np.sort(random.choice(reference.height, int(SHARE * frame.height), replace=False))]
    places = np.sort(random.choice(frame.height + old.height, old.height, replace=False))
    order = np.full(frame.height + old.height, -1)
    order[places] = frame.height + np.arange(old.height)
    order[order < 0] = np.arange(frame.height)
    return Dirty(pl.concat([frame, old])[order], rows=frozenset(places.tolist()), whole=True)


def _twice(frame: pl.DataFrame, reference: pl.DataFrame, skip: set[str], seed: int) -> Dirty:
    both = pl.concat([frame, frame])
    return Dirty(both, rows=frozenset(range(frame.height, both.height)), whole=True)


def _truncated(frame: pl.DataFrame, reference: pl.DataFrame, skip: set[str], seed: int) -> Dirty:
    return Dirty(frame.head(int(_KEPT * frame.height)), whole=True)


KINDS: dict[str, Callable[[pl.DataFrame, pl.DataFrame, set[str], int], Dirty]] = {
    "unit x 2.54": _scaled(2.54),
    "unit C to F": _scaled(1.8, 32.0),
    "unit x 1000": _scaled(1000.0),
    "decimal shifted": _decimals,
    "columns swapped": _swapped,
    "typing error": _typos,
    "stale rows": _stale,
    "batch twice": _twice,
    "file cut short": _truncated,
}
