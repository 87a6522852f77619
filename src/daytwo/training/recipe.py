"""How trees are grown: the settings of LightGBM that suit a number of rows. Pure; `fit.py` next door grows them.

The values were chosen on the demo's flights and on the shared small data sets, by the metric on later rows. What
helped most everywhere is shyness: half of the columns for each tree, and a strong penalty on leaf values, because
rows of tomorrow are not those of yesterday.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from daytwo.core.schema import Task

# Below this a tree of 63 leaves would keep a handful of rows per leaf.
_SMALL_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to grow an ensemble. `rate` is the learning rate; `patience` 0 grows all `trees` without looking.

    `min_rows` is the least number of rows in a leaf, `penalty` the L2 penalty on leaf values, `column_share` the
    share of columns that each tree may use, in (0, 1].
    """

    trees: int
    leaves: int
    rate: float
    min_rows: int = 20
    penalty: float = 1.0
    column_share: float = 1.0
    patience: int = 0

    @property
    def parameters(self) -> dict[str, object]:
        """The recipe as JSON values, for the lineage."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Binning:
    """How numbers are put into bins before growing: once for the reference model and all its students.

    The ends of bins are quantiles of `sample_rows` rows, plenty for a hundred bins. `min_rows` must be that of every
    recipe that grows on the bins: LightGBM drops columns that no leaf could use.
    """

    max_bin: int = 127
    sample_rows: int = 50_000
    min_rows: int = 20
    category_smoothing: float = 10.0
    max_categories: int = 32


def binning_for(rows: int) -> Binning:
    """Return the binning that suits `rows` rows."""
    return Binning(min_rows=min_rows_for(rows))


def min_rows_for(rows: int) -> int:
    """Return the least number of rows in a leaf that suits `rows` rows: more rows, surer leaves.

    Examples
    --------
    >>> [min_rows_for(rows) for rows in (400, 20_000, 200_000, 10_000_000)]
    [5, 20, 60, 60]
    """
    return max(5, min(60, rows // 1_000)) if rows < _SMALL_ROWS else max(20, min(60, rows // 3_000))


def reference_recipe(rows: int, task: Task) -> Recipe:
    """Return how the reference model is grown from `rows` rows: as good as it gets, within seconds."""
    small = rows < _SMALL_ROWS
    return Recipe(
        trees=400 if small else 200,
        leaves=max(7, min(63, rows // 300)) if small else 63,
        rate=0.05 if small else 0.08,
        min_rows=min_rows_for(rows),
        penalty=20.0 if task is Task.BINARY else 1.0,
        column_share=0.5 if task is Task.BINARY else 0.8,
        patience=30,
    )


def challenger_recipe(rows: int, task: Task) -> Recipe:
    """Return how the weekly challenger is grown: one cheap fit, without early stopping."""
    return Recipe(
        trees=60,
        leaves=max(7, min(31, rows // 300)),
        rate=0.1,
        min_rows=min_rows_for(rows),
        penalty=20.0 if task is Task.BINARY else 1.0,
        column_share=0.5 if task is Task.BINARY else 0.8,
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a student: few trees of many leaves cost little to walk, since cost goes with trees x depth."""

    trees: int
    leaves: int
    rate: float

    @property
    def name(self) -> str:
        """What the student is called: `25x127`."""
        return f"{self.trees}x{self.leaves}"


# Trees, leaves, rate; from dear to cheap to walk. Fewer trees learn faster, so that each set learns all it can hold.
_SHAPES = (
    (80, 31, 0.1),
    (50, 63, 0.12),
    (50, 31, 0.15),
    (25, 63, 0.25),
    (25, 31, 0.25),
    (12, 63, 0.4),
    (6, 127, 0.6),
)
# A student that saves less than this share of the reference's work is not worth growing.
_WORTHWHILE = 0.8


def student_shapes(rows: int, work: float) -> tuple[Shape, ...]:
    """Return the shapes to try for `rows` rows, the dearest to walk first.

    `work` is the mean number of decisions the reference model takes for a row: shapes that would hardly take fewer
    are left out.
    """
    most = max(7, rows // 100)
    shapes = {(trees, min(leaves, most)): Shape(trees, min(leaves, most), rate) for trees, leaves, rate in _SHAPES}
    return tuple(shape for shape in shapes.values() if shape.trees * math.log2(shape.leaves) < _WORTHWHILE * work)


def student_recipe(shape: Shape, rows: int, task: Task) -> Recipe:
    """Return how a student of that shape is grown from `rows` rows."""
    binary = task is Task.BINARY
    return Recipe(
        shape.trees,
        shape.leaves,
        shape.rate,
        min_rows=min_rows_for(rows),
        penalty=5.0 if binary else 0.1,
        column_share=0.85 if binary else 1.0,
    )
