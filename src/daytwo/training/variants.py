"""Students: small models that learn what the reference model knows, for a fraction of its work.

A student learns what the reference answers, on the rows of the fit part and on mixed ones: rows some of whose values
are those of other rows, so that it also learns what the reference says where few rows lie. It is given no label
at all, so it cannot know what it will be judged on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.schema import Schema, Task
from daytwo.training.additive import grow_additive
from daytwo.training.fit import Binned, Fitted, bin_alike, grow_refitted
from daytwo.training.front import ADDITIVE, PAIRED
from daytwo.training.progress import Tell, silent
from daytwo.training.recipe import Shape, student_recipe

# The share of values that a mixed row has from another row. With none, a student's answers on later rows lie 10 to
# 70 % further from the reference's; shares from 0.1 to 0.35 differ by little.
_MIXED_SHARE = 0.3
# Mixed rows for each row of the fit part: more of them where there are few rows, up to so many.
_MIXED_ROWS, _MORE_MIXED_ROWS, _PLENTY = 1.5, 5.0, 50_000
# More rows bring little: half as many, answers that lie 0 to 14 % further from the reference's.
_MOST_ROWS = 200_000
# A probability nearer to 0 or 1 counts as this near: its log-odds would weigh nothing.
_EDGE = 1e-6


def grow_students(
    binned: Binned,
    matrix: NDArray[np.float32],
    newest: NDArray[np.float32],
    teacher: Callable[[ArrayLike], NDArray[np.float64]],
    shapes: Iterable[Shape],
    *,
    schema: Schema,
    seed: int,
    tell: Tell = silent,
) -> dict[str, Fitted]:
    """Grow one student a shape, and two glass boxes (`additive.py`), by name.

    Parameters
    ----------
    matrix : shape (n, d)
        The fit part, which `binned` was made of.
    newest : shape (m, d)
        Later rows, without labels: they lend their values to mixed rows, and are not learned themselves.
    teacher : callable
        What the reference model answers to a feature matrix: probabilities, or values.

    Sources: C. Bucila, R. Caruana & A. Niculescu-Mizil (2006), Model compression, KDD, 535-541; G. Hinton, O. Vinyals &
    J. Dean (2015), Distilling the knowledge in a neural network, arXiv 1503.02531.
    """
    chosen = tuple(shapes)
    rows = teaching_rows(matrix, newest, seed=seed)
    answers = np.asarray(teacher(rows), dtype=np.float64)
    binary = binned.task is Task.BINARY
    answers = np.clip(answers, _EDGE, 1 - _EDGE) if binary else answers
    sums = np.log(answers) - np.log1p(-answers) if binary else answers
    weights = answers * (1 - answers) if binary else np.ones(len(rows))
    alike = bin_alike(binned, rows)
    grown = {}
    for number, shape in enumerate(chosen, start=1):
        tell(f"students: {shape.name}, {number} of {len(chosen)}")
        recipe = student_recipe(shape, len(matrix), binned.task)
        grown[shape.name] = grow_refitted(alike, rows, answers, recipe, sums=sums, weights=weights)
    tell("students: glass boxes")
    grown[ADDITIVE], grown[PAIRED] = grow_additive(alike, rows, answers, schema, sums=sums, weights=weights)
    return grown


def teaching_rows(matrix: NDArray[np.float32], newest: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """Return the rows that students learn from, at most 200,000: those of `matrix`, then mixed ones.

    A mixed row is a row of `matrix` or `newest` of which each value is, by chance of 0.3, that of another such row.
    """
    chance = np.random.default_rng(seed)
    kept = matrix
    if len(matrix) > _MOST_ROWS // 2:
        kept = matrix[np.sort(chance.choice(len(matrix), _MOST_ROWS // 2, replace=False))]
    pool = np.concatenate([matrix, newest])
    count = max(int(_MIXED_ROWS * len(matrix)), min(int(_MORE_MIXED_ROWS * len(matrix)), _PLENTY))
    count = min(count, _MOST_ROWS - len(kept))
    one, other = (pool[chance.integers(0, len(pool), count)] for _ in range(2))
    mixed = np.where(chance.random(one.shape) < _MIXED_SHARE, other, one)
    return np.concatenate([kept, mixed.astype(np.float32)])
