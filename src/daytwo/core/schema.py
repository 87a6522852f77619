"""The shape of a feature matrix: the one form in which training, serving and monitoring share rows.

A feature matrix is float32, shape (n_rows, n_features), features in the schema's order. A number stands as
itself; a category stands as the index of its level in `levels`, and as `len(levels)` when the level is none of
them; a missing value is NaN. `contracts/encoder.py` is the only place that makes one from a table or a request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds."""

    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    TEXT = "text"
    TIME = "time"


class Task(StrEnum):
    """What a model predicts."""

    BINARY = "binary"
    REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of a model. `levels` names the known categories; empty means a number.

    `direction` binds the model, not the matrix, and so does not part two features: 1 where a higher value never lowers
    the score, -1 where it never raises it, 0 where it may do either.
    """

    name: str
    levels: tuple[str, ...] = ()
    direction: int = field(default=0, compare=False)

    @property
    def is_category(self) -> bool:
        """Whether the matrix holds level codes rather than numbers."""
        return bool(self.levels)


@dataclass(frozen=True, slots=True)
class Schema:
    """The features of a model, in the order of the matrix's columns."""

    features: tuple[Feature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def directions(self) -> tuple[int, ...]:
        """The features' directions in order."""
        return tuple(feature.direction for feature in self.features)

    @property
    def categories(self) -> tuple[int, ...]:
        """Positions of the categorical features."""
        return tuple(i for i, feature in enumerate(self.features) if feature.is_category)
