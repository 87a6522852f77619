"""Is a row unlike those that the model learned from? It is where one of its values is rarer than nearly any there was.

`training/novelty_fit.py` says what is usual; here the server asks. The fast door asks by its types alone
(`contracts/typed.py`), and leaves unusual rows to the thorough one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from daytwo.scoring.bundled import read_json

NOVELTY_FILE = "novelty.json"


class Usual(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is usual of one feature: numbers in [`low`, `high`] (None: any), categories but the codes `rare`.

    `missing` says whether a missing value is usual. `rows` is how many rows that is known from.
    """

    rows: int
    low: float | None = None
    high: float | None = None
    rare: tuple[int, ...] = ()
    missing: bool = True

    def holds(self, value: float) -> bool:
        """Whether a value of an encoded row is usual."""
        if math.isnan(value):
            return self.missing
        if self.rare:
            return int(value) not in self.rare
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class Novelty(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is usual of each feature, by its name; features that are not named may be anything.

    `expected` is the share of held-out rows that were unusual.
    """

    expected: float
    features: dict[str, Usual]

    def to_json(self) -> bytes:
        """Return it as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> Novelty:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            If the text is damaged.
        """
        return read_json(text, cls, NOVELTY_FILE)


class NoveltyCheck:
    """The check of one version: which values of an encoded row are unusual."""

    def __init__(self, novelty: Novelty, names: Sequence[str]) -> None:
        self._held = [(i, name, novelty.features[name]) for i, name in enumerate(names) if name in novelty.features]

    def unusual(self, features: Sequence[float]) -> Iterator[tuple[str, str]]:
        """Yield the name of each feature whose value is unusual, and why in words."""
        for i, name, usual in self._held:
            if not usual.holds(features[i]):
                yield name, _words(usual, features[i])


def _words(usual: Usual, value: float) -> str:
    known = f"of the {usual.rows:,} rows that the model learned from"
    if math.isnan(value):
        return f"it is missing, which it hardly ever was {known}"
    if usual.rare:
        return f"hardly any {known} had it"
    if usual.high is not None and value > usual.high:
        return f"it is above {usual.high:.6g}, as hardly any {known} was"
    return f"it is below {usual.low:.6g}, as hardly any {known} was"
