"""Which known level a mistyped text looks like: what the rule `typo` and the repair `nearest` go by.

Pure and light. Two texts are compared by the fewest typing errors between them: a character put in, left out,
replaced, or swapped with its neighbour (Damerau-Levenshtein, each piece of text touched once). A level of n
characters may be off by max(1, n // 5) of them. Codes are no typos: a text that differs from a level in digits only,
or is shorter than 4 characters, is another code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

_SHORTEST = 4
_REMEMBERED = 4096
_WITHOUT_DIGITS = dict.fromkeys(range(ord("0"), ord("9") + 1))


def nearest(value: str, levels: Sequence[str]) -> str | None:
    """Return the one level that a mistyped `value` looks like.

    None where it is a level itself, looks like none, or two are equally near.

    Examples
    --------
    >>> nearest("birminghxm", ["birmingham", "dothan"])
    'birmingham'
    >>> nearest("35234", ["35233", "36301"]) is None
    True
    """
    return Typos(levels).nearest(value)


class Typos:
    """`nearest` for many values over the same levels: all levels are compared at once, and answers remembered.

    A value costs some 20 steps on whole numbers of as many bits as all levels have characters, times its length, and
    next to nothing where it is longer than any level with its errors.
    """

    def __init__(self, levels: Iterable[str]) -> None:
        self._known = frozenset(levels)
        self._levels = sorted(level for level in self._known if len(level) >= _SHORTEST)
        self._letters = [level.translate(_WITHOUT_DIGITS) for level in self._levels]
        self._allowed = np.array([max(1, len(level) // 5) for level in self._levels], dtype=np.int64)
        longest = max((len(level) for level in self._levels), default=0)
        self._lengths = range(_SHORTEST, longest + longest // 5 + 2 if longest else 0)
        self._table = _Table(self._levels)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._search)

    def nearest(self, value: str) -> str | None:
        """Return the one level that a mistyped `value` looks like."""
        return self._remembered(value) if len(value) in self._lengths and value not in self._known else None

    def _search(self, value: str) -> str | None:
        errors = self._table.errors(value)
        letters = value.translate(_WITHOUT_DIGITS)
        near = [i for i in np.flatnonzero(errors <= self._allowed).tolist() if self._letters[i] != letters]
        least = min((errors[i] for i in near), default=0)
        found = [i for i in near if errors[i] == least]
        return self._levels[found[0]] if len(found) == 1 else None


@lru_cache(maxsize=64)
def typos_of(levels: tuple[str, ...]) -> Typos:
    """Return the `Typos` of these levels, made once for all who ask."""
    return Typos(levels)


class _Table:
    """How many typing errors lie between a text and each of many.

    Source: H. Hyyrö (2003), A bit-vector algorithm for computing Levenshtein and Damerau edit distances,
    Nordic Journal of Computing 10(1), 29-39: one column of the classic table at a time, as differences in bits. Here
    the columns of all texts stand in one number, each in whole bytes with at least one bit between it and the next.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        ends = np.cumsum([len(text) // 8 + 1 for text in texts], dtype=np.int64)
        self._size = int(ends[-1]) if texts else 0
        self._starts = np.concatenate([[0], ends[:-1]]) if texts else ends
        used: dict[str, bytearray] = {}
        for start, text in zip(self._starts.tolist(), texts, strict=True):
            for position, character in enumerate(text):
                bits = used.setdefault(character, bytearray(self._size))
                bits[start + position // 8] |= 1 << position % 8
        self._places = {character: int.from_bytes(bits, "little") for character, bits in used.items()}
        self._full = sum(self._places.values())
        self._first = sum(1 << 8 * start for start in self._starts.tolist())

    def errors(self, value: str) -> npt.NDArray[np.int64]:
        """Return the errors between `value` and each text, shape (n_texts,)."""
        if not self._size:
            return np.zeros(0, dtype=np.int64)
        full, first = self._full, self._first
        up, down, diagonal, before = full, 0, 0, 0
        for character in value:
            here = self._places.get(character, 0)
            swapped = ((here & ~diagonal) << 1) & before
            diagonal = ((((here & up) + up) ^ up) | here | down | swapped) & full
            right = ((down | (full & ~(diagonal | up))) << 1 | first) & full
            left = (diagonal & up) << 1 & full
            up, down = left | (full & ~(diagonal | right)), right & diagonal
            before = here
        return len(value) + self._counted(up) - self._counted(down)

    def _counted(self, bits: int) -> npt.NDArray[np.int64]:
        counts = np.bitwise_count(np.frombuffer(bits.to_bytes(self._size, "little"), dtype=np.uint8))
        return np.add.reduceat(counts, self._starts, dtype=np.int64)
