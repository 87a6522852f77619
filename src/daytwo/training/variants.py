"""Students: small models that learn what the reference model knows, for a fraction of its work.

A student learns from half the label and half the reference's own answer, on the fit part and nothing else: the
function that grows it is given no other rows, so it cannot see what it will be judged on.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from daytwo.training.fit import Binned, Fitted, grow
from daytwo.training.recipe import Shape, student_recipe

# Soft and hard in equal parts beat either alone on every data set tried.
_LABEL_SHARE = 0.5


def grow_students(
    binned: Binned, labels: NDArray[np.float64], taught: NDArray[np.float64], shapes: Iterable[Shape]
) -> dict[str, Fitted]:
    """Grow one student a shape, by name.

    Parameters
    ----------
    labels, taught : shape (n,)
        Of the fit part: the labels, and what the reference model answers.

    Source: G. Hinton, O. Vinyals & J. Dean (2015), Distilling the knowledge in a neural network, arXiv 1503.02531.
    """
    targets = _LABEL_SHARE * labels + (1 - _LABEL_SHARE) * taught
    return {
        shape.name: grow(binned, targets, student_recipe(shape, len(labels), binned.task), soft=True)
        for shape in shapes
    }
