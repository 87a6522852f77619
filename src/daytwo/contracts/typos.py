"""Which known level a mistyped text looks like: what the rule `typo` and the repair `nearest` go by.

Pure and light. Two texts are compared by the fewest typing errors between them: a character put in, left out,
replaced, or swapped with its neighbour (Damerau-Levenshtein, each piece of text touched once). A level of n
characters may be off by max(1, n // 5) of them. Codes are no typos: a text that differs from a level in digits only,
or is shorter than 4 characters, is another code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

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
    """`nearest` for many values over the same levels, which are sorted beforehand and answers remembered."""

    def __init__(self, levels: Iterable[str]) -> None:
        self._known = frozenset(levels)
        compared = sorted(level for level in self._known if len(level) >= _SHORTEST)
        self._lengths = range(_SHORTEST, max((len(level) + _allowed(level) for level in compared), default=0) + 1)
        # One error away: both texts become the same by leaving one character out. That is found without a search.
        self._variants: dict[str, list[str]] = {}
        self._longer: dict[int, list[tuple[int, str]]] = {}
        for level in compared:
            if _allowed(level) > 1:
                self._longer.setdefault(len(level), []).append((_characters(level), level))
            else:
                for variant in {level, *_variants(level)}:
                    self._variants.setdefault(variant, []).append(level)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._search)

    def nearest(self, value: str) -> str | None:
        """Return the one level that a mistyped `value` looks like, in microseconds where it is far too long."""
        return self._remembered(value) if len(value) in self._lengths and value not in self._known else None

    def _search(self, value: str) -> str | None:
        found: list[str] = []
        least = len(value)
        letters, places = value.translate(_WITHOUT_DIGITS), _places(value)
        for level in self._candidates(value):
            if level.translate(_WITHOUT_DIGITS) == letters:
                continue
            errors = _errors(places, len(value), level)
            if errors <= min(least, _allowed(level)):
                found = [*found, level] if errors == least else [level]
                least = errors
        return found[0] if len(found) == 1 else None

    def _candidates(self, value: str) -> Iterator[str]:
        """Return a few levels, among them all that are near enough."""
        yield from {level for variant in (value, *_variants(value)) for level in self._variants.get(variant, ())}
        characters = _characters(value)
        for length, levels in self._longer.items():
            allowed = length // 5
            if abs(length - len(value)) <= allowed:
                # One replacement takes one character away and brings one in.
                most = 2 * allowed
                yield from (level for held, level in levels if (held ^ characters).bit_count() <= most)


def _allowed(level: str) -> int:
    return max(1, len(level) // 5)


def _variants(text: str) -> Iterator[str]:
    return (text[:i] + text[i + 1 :] for i in range(len(text)))


def _characters(text: str) -> int:
    """Return which characters there are, as bits."""
    bits = 0
    for character in set(text):
        bits |= 1 << (ord(character) & 63)
    return bits


def _places(text: str) -> dict[str, int]:
    """Return for each character where it stands in the text, as bits."""
    places: dict[str, int] = {}
    for position, character in enumerate(text):
        places[character] = places.get(character, 0) | 1 << position
    return places


def _errors(places: dict[str, int], length: int, other: str) -> int:
    """Return how many typing errors lie between a text, known by its characters' places, and `other`.

    Source: H. Hyyrö (2003), A bit-vector algorithm for computing Levenshtein and Damerau edit distances,
    Nordic Journal of Computing 10(1), 29-39: one column of the classic table at a time, as differences in bits.
    """
    full, last = (1 << length) - 1, 1 << (length - 1)
    up, down, diagonal, before = full, 0, 0, 0
    errors = length
    for character in other:
        here = places.get(character, 0)
        swapped = ((~diagonal & here) << 1) & before
        diagonal = ((((here & up) + up) ^ up) | here | down | swapped) & full
        right, left = down | (full & ~(diagonal | up)), diagonal & up
        if right & last:
            errors += 1
        elif left & last:
            errors -= 1
        right, left = (right << 1 | 1) & full, left << 1 & full
        up, down = left | (full & ~(diagonal | right)), right & diagonal
        before = here
    return errors
