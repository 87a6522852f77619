"""How far a training is, in words, for whoever waits: it is told, and never asked for an answer."""

from __future__ import annotations

from collections.abc import Callable

# Takes one line, such as "reference: 120 of at most 600 trees". It may be called from any thread, and often.
Tell = Callable[[str], None]


def silent(words: str) -> None:
    """Say nothing."""
