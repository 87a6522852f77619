"""The rows that reasons compare with: the typical one of all rows, and of each level of a segment that has enough.

A reference is made of columns, not found: the median of every number and the most common level of every category. It
is kept in the bundle, so that a version's reasons are the same for ever. `shapley.py` explains against one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.core.schema import Schema, Task
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.words import spoken

# A level of fewer rows is compared with the typical row of all: its medians would be those of a few rows.
_FEWEST = 100
# So many of the levels with the most rows have a reference of their own: each costs the server a copy of the trees.
_MOST = 32


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one feature is spoken of. `typical` is the reference's value, as a number or a level; None is missing."""

    name: str
    label: str
    unit: str
    typical: float | str | None


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row to compare with, called `name`, that stands for `rows` rows (0: not counted).

    `codes` is it as a row of the feature matrix, None for NaN; `typical` holds the same as numbers and levels. `code`
    is the segment's level that it stands for, None for all.
    """

    name: str
    code: float | None
    rows: int
    codes: tuple[float | None, ...]
    typical: tuple[float | str | None, ...]

    @property
    def row(self) -> list[float]:
        """The reference as a row of the feature matrix, shape (d,)."""
        return [math.nan if code is None else code for code in self.codes]


class Explainer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What reasons need besides the model. `codes` is the reference as a row of the feature matrix, None for NaN.

    `outcome` is what a higher score means, in words; `reference_name` says whom the row is compared with. `segment` is
    the place of the feature whose levels have `segments`, references of their own; all other rows have the common one.
    """

    task: Task
    outcome: str
    reference_name: str
    labels: tuple[Label, ...]
    codes: tuple[float | None, ...]
    segment: int | None = None
    segments: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        widths = {len(self.codes), *(len(one.codes) for one in self.segments)}
        if widths != {len(self.labels)}:
            raise ValueError(f"{len(self.labels)} labels for {max(widths)} features")

    @property
    def reference(self) -> list[float]:
        """The common reference as a row of the feature matrix, shape (d,)."""
        return self.common.row

    @property
    def common(self) -> Reference:
        """The reference of all rows whose segment has none of its own."""
        return Reference(self.reference_name, None, 0, self.codes, tuple(one.typical for one in self.labels))

    def to_json(self) -> bytes:
        """Return the explainer as JSON text, for a bundle."""
        return msgspec.json.encode(self)

    @staticmethod
    def from_json(text: bytes) -> Explainer:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            If the text is no explainer.
        """
        try:
            return msgspec.json.decode(text, type=Explainer)
        except msgspec.MsgspecError as err:
            raise DataError(f"this is no explainer: {err}", hint="Make the model again") from err


def build_explainer(
    matrix: NDArray[np.float32],
    schema: Schema,
    *,
    task: Task,
    outcome: str,
    labels: NDArray[np.float64] | None = None,
    settings: ReasonsSettings = ReasonsSettings(),  # noqa: B008 - frozen
) -> Explainer:
    """Choose the references from the rows a model learned from, and name every feature.

    Parameters
    ----------
    matrix : feature matrix, shape (n, d), n >= 1
    schema : Schema
        Its features.
    outcome : str
        What a higher score means; `outcome_words` makes it from the target.
    labels : shape (n,), 0 or 1
        Read where `settings` compare with rows whose outcome did not come true; such rows must be there.
    settings : ReasonsSettings
        The words and the segment; a segment that is no category of the schema is not heeded.
    """
    of, which = matrix, ""
    if labels is not None and settings.typical_of == "negatives":
        of, which = matrix[labels == 0], f" (not {outcome})"
    name = f"the typical {settings.row}"
    codes, typical = _typical_row(of, schema)
    told = tuple(
        Label(feature.name, *spoken(feature.name), value)
        for feature, value in zip(schema.features, typical, strict=True)
    )
    if settings.segment not in schema.names:
        return Explainer(task, outcome, name + which, told, codes)
    place = schema.names.index(settings.segment)
    own = _segments(of, schema, place, f"{name} of {settings.names.get(settings.segment) or told[place].label}", which)
    return Explainer(task, outcome, name + which, told, codes, place, tuple(own))


def _segments(of: NDArray[np.float32], schema: Schema, place: int, name: str, which: str) -> Iterator[Reference]:
    levels = schema.features[place].levels
    column = of[:, place]
    counts = np.array([(column == code).sum() for code in range(len(levels))], dtype=int)
    for code in np.argsort(-counts, kind="stable")[:_MOST].tolist():
        if counts[code] >= _FEWEST:
            codes, typical = _typical_row(of[column == code], schema)
            yield Reference(f"{name} {levels[code]}{which}", float(code), int(counts[code]), codes, typical)


def _typical_row(
    of: NDArray[np.float32], schema: Schema
) -> tuple[tuple[float | None, ...], tuple[float | str | None, ...]]:
    """Return the typical row of some rows as codes, and as numbers and levels."""
    codes = tuple(_typical(of[:, i], feature.is_category) for i, feature in enumerate(schema.features))
    typical: list[float | str | None] = []
    for feature, code in zip(schema.features, codes, strict=True):
        if feature.is_category and code is not None:
            typical.append(feature.levels[int(code)] if code < len(feature.levels) else "another")
        else:
            typical.append(code)
    return codes, tuple(typical)


def _typical(column: NDArray[np.float32], is_category: bool) -> float | None:  # noqa: FBT001
    present = column[~np.isnan(column)]
    if 2 * len(present) < len(column) or not len(present):
        return None
    if is_category:
        return float(np.bincount(present.astype(np.int64)).argmax())
    # A value that occurs, rather than the mean of two: whole numbers stay whole.
    return float(np.partition(present, (len(present) - 1) // 2)[(len(present) - 1) // 2])
