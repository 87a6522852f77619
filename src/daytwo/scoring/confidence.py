"""How sure a score is: what came true of held-out rows with scores like it. `training/confidence_fit.py` counts them.

Light: the server asks for every answer, so there is no numpy here and one look into a sorted tuple.
"""

from __future__ import annotations

from bisect import bisect_right

import msgspec

from daytwo.core.schema import Task
from daytwo.scoring.bundled import read_json

CONFIDENCE_FILE = "confidence.json"
# An interval from fewer rows is told with a word of doubt.
_FEW = 100


class Confidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Intervals by score, one for each bin: bin k holds the scores in [`edges[k-1]`, `edges[k]`).

    `low` and `high` are what to add to the score: for two classes, so as to come to the 95 % interval of the share of
    positives, as it is in the bin's middle; for a value, so that `share` of held-out rows lie between. `rows` counts
    the bin's held-out rows.
    """

    task: Task
    share: float
    edges: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    rows: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.low) == len(self.high) == len(self.rows) == len(self.edges) + 1:
            raise ValueError("edges, low, high and rows do not fit")

    def interval(self, score: float) -> tuple[float, float]:
        """Return the ends between which the probability, or the value, lies."""
        k = bisect_right(self.edges, score)
        low, high = score + self.low[k], score + self.high[k]
        if self.task is Task.REGRESSION:
            return low, high
        # A bin off the mark has its score at the edge.
        return (max(low, 0.0) if low < score else score), (min(high, 1.0) if high > score else score)

    def words(self, score: float) -> str:
        """Say how sure the score is, and from how many rows that is known."""
        low, high = self.interval(score)
        count = self.rows[bisect_right(self.edges, score)]
        known = f"known from {count:,} rows like it" if count >= _FEW else f"known from only {count:,} rows like it"
        if self.task is Task.REGRESSION:
            return f"{self.share:.0%} of rows like it lie between {low:.4g} and {high:.4g}, {known}"
        return f"between {low:.1%} and {high:.1%} of rows like it come true, {known}"

    def to_json(self) -> bytes:
        """Return the intervals as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> Confidence:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            If the text is damaged.
        """
        return read_json(text, cls, CONFIDENCE_FILE)
