"""Whether a column's range can hold a value at all; half of `contract.py`."""

from __future__ import annotations

import math
from collections.abc import Iterator

from daytwo.core.schema import Kind

_Ends = tuple[float | None, float | None]


def range_problems(kind: Kind, hard: _Ends, expected: _Ends) -> Iterator[str]:
    """Say what is wrong with the hard and the expected range of a column of this kind."""
    given = [end for end in (*hard, *expected) if end is not None]
    if given and kind not in {Kind.NUMBER, Kind.INTEGER}:
        yield f"a {kind} has no range"
    if not all(math.isfinite(end) for end in given):
        yield "the ends of a range must be finite"
    for low, high in (hard, expected):
        if low is not None and high is not None and low > high:
            yield f"the range {low} .. {high} holds no value"


def is_number(level: str) -> bool:
    """Whether a level's text is a finite number."""
    try:
        return math.isfinite(float(level))
    except ValueError:
        return False
