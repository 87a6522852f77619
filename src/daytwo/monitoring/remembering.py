"""What was learnt from somebody's frame, kept while that frame lives and looks unchanged."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Learnt = TypeVar("Learnt")
Mark = tuple[float, ...]
_KEPT = 4
_HELD: OrderedDict[Hashable, tuple[weakref.ref[Any], Mark, Any]] = OrderedDict()


def remembered(frame: Any, how: Hashable, mark: Mark, learn: Callable[[], Learnt]) -> Learnt:
    """Return what was learnt before from this very object in this way while its mark was the same, or learn it now.

    The mark is a few sums over the frame: a cheap sign that it is unchanged.
    """
    key = (id(frame), how)
    held = _HELD.get(key)
    if held is not None and held[0]() is frame and held[1] == mark:
        known: Learnt = held[2]
        return known
    learnt = learn()
    try:
        _HELD[key] = weakref.ref(frame), mark, learnt
    except TypeError:  # what cannot be watched is learnt from again
        return learnt
    while len(_HELD) > _KEPT:
        _HELD.popitem(last=False)
    return learnt
