"""Students: small models that learn what the reference model knows, for a fraction of its work.

A student learns mostly the reference's own answer and a little of the label, on the fit part and nothing else: the
function that grows it is given no other rows, so it cannot see what it will be judged on.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.training.fit import Binned, Fitted, grow
from daytwo.training.recipe import Shape, student_recipe

# How much of the target is the label itself. Half and half is the usual mixture for rows drawn at random; on *later*
# rows a shy reference is the better teacher. Of five shapes on four data sets, two to three cuts and seeds each, 45 %
# kept the margin with a tenth of label, 38 % with a quarter, 31 % with a half, 20 % with three quarters.
_LABEL_SHARE = {Task.BINARY: 0.1, Task.REGRESSION: 0.25}


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
    share = _LABEL_SHARE[binned.task]
    targets = share * labels + (1 - share) * taught
    return {
        shape.name: grow(binned, targets, student_recipe(shape, len(labels), binned.task), soft=True)
        for shape in shapes
    }
