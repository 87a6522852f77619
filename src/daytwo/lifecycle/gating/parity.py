"""Training and serving see the same: rows sent as a client sends them, through both ways, feature by feature.

Training encodes whole tables and scores them in blocks; a server decodes the JSON text of one row, at its fast door or
its thorough one, and scores it alone. What a model learned is worth nothing where the two part ways: another time zone,
a code read as a number, an engine that takes another branch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.lifecycle.gating.gates import GateResult
from daytwo.lifecycle.sending import Row, as_received
from daytwo.scoring.model import Model
from daytwo.scoring.replay import TOLERANCE
from daytwo.serving.answering.plain import Plain, plain_door

Floats = NDArray[np.float64]
# What a difference of scores is called, among columns.
SCORE, LOGGED, FAST = "the score", "the logged score", "the fast door"
# So many are named; all are counted.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs: of which row (its id, or its place) and column, as served and as trained; NaN is None."""

    row: str
    column: str
    served: float | None
    trained: float | None


@dataclass(frozen=True, slots=True)
class Parity:
    """What came of holding `rows` rows through both ways.

    The server would have turned down `refused` of them, whose values are not compared; `off` rows differ, in `columns`
    so many each; `differences` names the first ones.
    """

    rows: int
    refused: int
    off: int
    columns: tuple[tuple[str, int], ...]
    differences: tuple[Difference, ...]


def hold_together(
    model: Model, rows: Sequence[Row], names: Sequence[str], matrix: NDArray[np.float32], logged: Floats | None = None
) -> Parity:
    """Send rows through the server's way and compare with the training's.

    Parameters
    ----------
    rows : n rows
        JSON values as a client sends them.
    names : n texts
        What each row is called where it differs.
    matrix : shape (n, d)
        The same rows as training encodes them.
    logged : shape (n,), optional
        What a server answered to them by this model; NaN where that is not known.
    """
    trained = model.score_many(matrix)
    door = plain_door(model, "", "", decides=model.task is Task.BINARY)
    found, refused, off = [], 0, 0
    for i, row in enumerate(rows):
        text = msgspec.json.encode(as_received(row))
        values, _ = model.decoder.check(msgspec.json.decode(text))
        if values is None:
            refused += 1
            continue
        mine = [*_features(model, values, matrix[i]), *_fast(door, text, values)]
        if not _close(score := model.score(values), float(trained[i])):
            mine.append((SCORE, score, float(trained[i])))
        if logged is not None and not math.isnan(logged[i]) and not _close(float(logged[i]), float(trained[i])):
            mine.append((LOGGED, float(logged[i]), float(trained[i])))
        off += bool(mine)
        found += [Difference(names[i], column, _known(served), _known(learned)) for column, served, learned in mine]
    columns = tuple(Counter(one.column for one in found).most_common())
    return Parity(len(rows), refused, off, columns, tuple(found[:_NAMED]))


def joined(parts: Sequence[Parity]) -> Parity:
    """Add up what came of several sets of rows."""
    columns: Counter[str] = Counter()
    for part in parts:
        columns.update(dict(part.columns))
    differences = [one for part in parts for one in part.differences]
    return Parity(
        sum(part.rows for part in parts),
        sum(part.refused for part in parts),
        sum(part.off for part in parts),
        tuple(columns.most_common()),
        tuple(differences[:_NAMED]),
    )


def parity_gate(parity: Parity) -> GateResult:
    """Refuse a candidate for which any row is another row when it is served, or whose contract takes none."""
    compared = parity.rows - parity.refused
    more = f"; the contract turns down {parity.refused:,} more" if parity.refused else ""
    if not compared:
        words = f"none of {parity.rows:,} rows keeps its contract when a client sends it"
    elif not parity.off:
        words = f"{compared:,} rows give the same features and scores served as trained{more}"
    else:
        which = ", ".join(f"{name} ({count:,})" for name, count in parity.columns[:3])
        one = parity.differences[0]
        words = (
            f"{parity.off:,} of {compared:,} rows are others when served than when learned from: {which}; first"
            f" {one.row}: {one.column} {_told(one.served)} served, {_told(one.trained)} learned{more}"
        )
    return GateResult("parity", bool(compared) and not parity.off, words, asdict(parity))


def _features(model: Model, served: Sequence[float], trained: NDArray[np.float32]) -> list[tuple[str, float, float]]:
    """Return the features that differ, by name; a missing value is equal to a missing one."""
    ours = np.asarray(served, dtype=np.float32)
    return [(model.schema.names[j], float(ours[j]), float(trained[j])) for j in _differing(ours, trained)]


def _fast(door: Plain | None, text: bytes, values: Sequence[float]) -> list[tuple[str, float, float]]:
    """Return the first feature that the fast door reads otherwise, where it takes the row at all."""
    asked = None if door is None else door.read(b'{"rows":[%b]}' % text, 1)
    if asked is None:
        return []
    fast = np.frombuffer(asked.packed, dtype=np.float32)
    slow = np.asarray(values, dtype=np.float32)
    return [(FAST, float(fast[j]), float(slow[j])) for j in _differing(fast, slow)[:1]]


def _differing(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> NDArray[np.intp]:
    return np.flatnonzero(~((ours == theirs) | (np.isnan(ours) & np.isnan(theirs))))


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE * max(1.0, abs(other))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _told(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"
