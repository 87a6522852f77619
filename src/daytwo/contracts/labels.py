"""What a row's outcome is as a number: 0 or 1 for two classes, the value itself for a regression.

Light: the server reads labels with `label_value`. Which class is positive stands in the contract: the target's last
level. `propose.py` chooses it by `positive_level`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.contracts.frame import Frame
from daytwo.core.errors import DataError

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_YES = ("yes", "true", "y", "t", "positive", "on")


def positive_level(counts: Mapping[str, int]) -> str:
    """Return which of two levels is the positive one.

    Of numbers the larger; of texts a plain yes, else the rarer, else the later in the alphabet.

    Examples
    --------
    >>> positive_level({"No": 10, "Yes": 90})
    'Yes'
    >>> positive_level({"stayed": 90, "left": 10})
    'left'
    """
    numbers = [level for level in counts if _NUMBER.fullmatch(level)]
    if len(numbers) == len(counts):
        return max(numbers, key=float)
    for word in _YES:
        for level in counts:
            if level.strip().lower() == word:
                return level
    return min(sorted(counts, reverse=True), key=lambda level: counts[level])


def label_of(contract: Contract, frame: Frame) -> npt.NDArray[np.float64]:
    """Return each row's label: shape (n,), 0.0 / 1.0 for two classes, else the value; NaN where it is missing.

    Raises
    ------
    DataError
        If the frame has no target column, or a value is neither a level of the contract nor a number.
    """
    target = _target(contract)
    if target.name not in frame.columns:
        raise DataError(
            f"the data has no target column {target.name!r}", hint=f"Its columns are {', '.join(frame.columns[:20])}"
        )
    series = frame.get_column(target.name)
    labels = {value: label_value(contract, value) for value in series.unique().to_list() if value is not None}
    return np.array([labels.get(value, math.nan) for value in series.to_list()], dtype=np.float64)


def label_value(contract: Contract, raw: object) -> float:
    """Return one outcome as a number. Of two classes it may be named by its level, by 0 / 1, or by true / false.

    Raises
    ------
    DataError
        If `raw` names no outcome of this contract's target.
    """
    target = _target(contract)
    if target.levels:
        text = level_text(raw)
        if text in target.levels:
            return float(target.levels.index(text))
        if text in {"0", "false"}:
            return 0.0
        if text in {"1", "true"}:
            return 1.0
        raise DataError(
            f"{raw!r:.80} is no outcome of {target.name!r}",
            hint=f"Send {target.levels[0]!r} or {target.levels[1]!r}, or 0 or 1",
        )
    if isinstance(raw, int | float) and not isinstance(raw, bool) and abs(raw) <= 1e300:
        return float(raw)
    raise DataError(f"{raw!r:.80} is no outcome of {target.name!r}", hint="Send a finite number")


def level_text(raw: object) -> str:
    """Return how a class is written among the target's levels: `1` and `1.0` are "1", `True` is "true"."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return str(raw)


def _target(contract: Contract) -> Column:
    if contract.target is None:
        raise DataError(f"the contract {contract.name!r} has no target", hint="Give one column the role 'target'")
    return contract.target
