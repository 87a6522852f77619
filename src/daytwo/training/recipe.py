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

    The ends of bins are quantiles of `sample_rows` rows, plenty for a hundred bins.
    """

    max_bin: int = 127
    sample_rows: int = 50_000
    category_smoothing: float = 10.0
    max_categories: int = 32


def min_rows_for(rows: int) -> int:
    """Return the least number of rows in a leaf that suits `rows` rows: more rows, surer leaves.

    Examples
    --------
    >>> [min_rows_for(rows) for rows in (400, 20_000, 200_000, 10_000_000)]
    [5, 20, 60, 60]
    """
    return max(5, min(60, rows // 1_000)) if rows < _SMALL_ROWS else max(20, min(60, rows // 3_000))


def reference_recipe(rows: int, task: Task) -> Recipe:
    """Return how the reference model is grown from `rows` rows: as good as it gets, within seconds.

    It learns slowly and ends large: it is the yardstick, its students are what is served. A rate of 0.08 instead of
    0.03 costs a third of the work and was worse on later rows of three of five data sets, alike on two.
    """
    small = rows < _SMALL_ROWS
    return Recipe(
        trees=800 if small else 600,
        leaves=max(7, min(63, rows // 300)) if small else 63,
        rate=0.03,
        min_rows=min_rows_for(rows),
        penalty=20.0 if task is Task.BINARY else 1.0,
        column_share=0.5 if task is Task.BINARY else 0.8,
        patience=60,
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


# How many times less work than the reference each student is meant to take.
_RATIOS = (4.0, 6.5, 10.0, 16.0, 26.0)
# For the same work, few trees of many leaves follow the reference best, if there are rows enough for the leaves; with
# twice as many leaves the processor's caches lose what is won.
_LEAVES, _ROWS_PER_LEAF = 127, 80
# A row's way through a tree of LightGBM is this much longer than through a balanced one.
_CROOKED = 1.15
# Fewer trees learn faster, so that each set learns all it can hold.
_RATE_TREES, _FASTEST = 6.5, 0.65
_STUDENT_ROWS = 20


def student_shapes(rows: int, work: float) -> tuple[Shape, ...]:
    """Return the shapes to try for `rows` rows, the dearest to walk first.

    `work` is the mean number of decisions the reference model takes for a row.

    Examples
    --------
    >>> [shape.name for shape in student_shapes(20_000, 300.0)]
    ['9x127', '6x127', '4x127', '2x127']
    """
    leaves = max(7, min(_LEAVES, rows // _ROWS_PER_LEAF))
    depth = _CROOKED * math.log2(leaves)
    counts = dict.fromkeys(round(work / ratio / depth) for ratio in _RATIOS)
    return tuple(Shape(trees, leaves, min(_FASTEST, _RATE_TREES / trees)) for trees in counts if trees > 1)


def student_recipe(shape: Shape, rows: int, task: Task) -> Recipe:
    """Return how a student of that shape is grown, where the reference learned from `rows` rows.

    What it learns bears no noise, so that its leaves may hold fewer rows and hardly need a penalty.
    """
    binary = task is Task.BINARY
    return Recipe(
        shape.trees,
        shape.leaves,
        shape.rate,
        min_rows=min(min_rows_for(rows), _STUDENT_ROWS),
        penalty=2.0 if binary else 0.1,
        column_share=0.8 if binary else 1.0,
    )
