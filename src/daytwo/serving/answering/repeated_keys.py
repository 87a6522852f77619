"""Keys that stand twice in one JSON object: readers drop one of the two without a word, so they are looked for here."""

from __future__ import annotations

import json

import numpy as np

# Above this an array is faster than searching bytes.
_BIG_BYTES = 4096
_SPACED_COLONS = (b" :", b"\t:", b"\n:", b"\r:")


def plain_keys(body: bytes) -> int:
    """Return how often `":` stands in `body`, or -1 where white space stands before a colon."""
    if len(body) < _BIG_BYTES:
        keys = body.count(b'":')
        # Where every colon ends a key there is no need to look for others.
        if body.count(b":") == keys:
            return keys
        return -1 if any(colon in body for colon in _SPACED_COLONS) else keys
    characters = np.frombuffer(body, dtype=np.uint8)
    colons = characters[1:] == ord(":")
    keys = int(np.count_nonzero(colons & (characters[:-1] == ord('"'))))
    if keys == np.count_nonzero(colons):
        return keys
    before = characters[:-1][colons]
    return -1 if (before <= ord(" ")).any() else keys


def repeated_key(text: bytes) -> str | None:
    """Return a key that stands twice in one object of the JSON `text`, None where there is none."""
    twice: list[str] = []

    def see(pairs: list[tuple[str, object]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            twice.extend(name for name in names if names.count(name) > 1)

    # Numbers are not made: one of a million digits would take minutes.
    json.loads(text, object_pairs_hook=see, parse_int=len, parse_float=len)
    return twice[0][:80] if twice else None
