"""What a model reads of the contract's features, where it was made elsewhere: its own columns, its own category codes.

`training/foreign_model.py` finds out when a model is adopted; `engines.py` puts it around the model's engine. A model
that daytwo trained reads the contract's features as they are, and its bundle has no such file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.explain.trees import Trees
from daytwo.scoring.bundled import read_json
from daytwo.scoring.engine import Engine, feature_rows

INPUTS_FILE = "inputs.json"
_MISSING = -1


class Inputs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The inputs of a model among the `features` features of a contract.

    `positions` names, for each input in the model's order, the contract's feature that it reads. `codes` holds, for
    an input that is a category, the model's code of each level of the contract, None for one that the model does not
    know, and None in place of them all for a number. A level that is unknown to the model or to the contract is
    missing to the model.
    """

    features: int
    positions: tuple[int, ...]
    codes: tuple[tuple[int | None, ...] | None, ...]

    def __post_init__(self) -> None:
        if len(self.codes) != len(self.positions) or not self.positions:
            raise ValueError("positions and codes must be of one length, at least 1")
        if not all(0 <= one < self.features for one in self.positions):
            raise ValueError(f"positions must be between 0 and {self.features - 1}")

    @property
    def is_plain(self) -> bool:
        """Whether the model reads just the contract's features."""
        return self.positions == tuple(range(self.features)) and all(
            codes is None or codes == tuple(range(len(codes))) for codes in self.codes
        )

    def to_json(self) -> bytes:
        """Return the inputs as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> Inputs:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            If the text is damaged.
        """
        return read_json(text, cls, INPUTS_FILE)


class MappedEngine:
    """An engine that takes rows of the contract and hands its model what that reads. As safe as the engine inside."""

    def __init__(self, engine: Engine, inputs: Inputs) -> None:
        self._engine = engine
        self._inputs = inputs
        self.name, self.tolerance, self.n_features = engine.name, engine.tolerance, inputs.features
        self.trees = None if engine.trees is None else _renamed(engine.trees, inputs)
        nan = math.nan
        # One more code, for a level that the contract does not know.
        self._tables = [
            None if codes is None else [*(nan if code is None else float(code) for code in codes), nan]
            for codes in inputs.codes
        ]

    def one(self, features: Sequence[float]) -> float:
        """Return the score of one row of `n_features` numbers."""
        if len(features) != self.n_features:
            raise ValueError(f"a row of {self.n_features} numbers was expected, not of {len(features)}")
        given = [
            features[position] if table is None else _looked_up(features[position], table)
            for position, table in zip(self._inputs.positions, self._tables, strict=True)
        ]
        return self._engine.one(given)

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the scores, shape (n,), of a feature matrix, shape (n, n_features)."""
        rows = feature_rows(matrix, self.n_features)
        given = rows[:, self._inputs.positions]
        for place, table in enumerate(self._tables):
            if table is not None:
                codes = np.array([*table, math.nan], dtype=np.float32)
                asked = np.where(np.isnan(given[:, place]), len(codes) - 1, given[:, place])
                given[:, place] = codes[np.clip(asked, 0, len(codes) - 1).astype(np.int64)]
        return self._engine.many(np.ascontiguousarray(given))

    def close(self) -> None:
        """Close the engine inside."""
        self._engine.close()


def _looked_up(value: float, table: Sequence[float]) -> float:
    # Written so that NaN fails the comparison.
    return table[int(value)] if 0 <= value < len(table) else math.nan


def _renamed(trees: Trees, inputs: Inputs) -> Trees:
    """Return the trees as if they had grown on the contract's features: reasons speak of these."""
    positions = np.array(inputs.positions, dtype=np.int64)
    sets = []
    for feature, chosen in zip(trees.feature.tolist(), trees.categories, strict=True):
        levels = inputs.codes[feature]
        if chosen is None or levels is None:
            sets.append(chosen)
            continue
        left = set(chosen.tolist())
        kept = [level for level, code in enumerate(levels) if (_MISSING if code is None else code) in left]
        if _MISSING in left:
            kept += [_MISSING, len(levels)]
        sets.append(np.array(sorted(kept), dtype=np.int64))
    return replace(trees, feature=positions[trees.feature], categories=tuple(sets))
