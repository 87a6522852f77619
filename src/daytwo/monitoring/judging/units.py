"""Which unit do numbers come in, if not in the usual one? Told by what is usual, and by units written in texts.

Pure; `lifecycle/kept_aside/likely_cause.py` asks when a column breaks its rule all at once.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# A unit that fits worse by less than this is told too.
AS_WELL = 0.2
# (this, as that, times, plus): units that feeds confuse; each is tried the other way round too.
_UNITS: tuple[tuple[str, str, float, float], ...] = (
    ("tenths", "wholes", 0.1, 0.0),
    ("hundredths", "wholes", 0.01, 0.0),
    ("thousandths", "wholes", 0.001, 0.0),
    ("mi", "km", 1.609344, 0.0),
    ("lb", "kg", 0.45359237, 0.0),
    ("ft", "m", 0.3048, 0.0),
    ("in", "cm", 2.54, 0.0),
    ("m/s", "km/h", 3.6, 0.0),
    ("mph", "m/s", 0.44704, 0.0),
    ("mph", "km/h", 1.609344, 0.0),
    ("dm/s", "m/s", 0.1, 0.0),
    ("dm/s", "mph", 0.2236936, 0.0),
    ("dm/s", "km/h", 0.36, 0.0),
    ("dm/s", "kn", 0.1943844, 0.0),
    ("kn", "m/s", 0.5144444, 0.0),
    ("kn", "mph", 1.1507794, 0.0),
    ("kn", "km/h", 1.852, 0.0),
    ("inhg", "mmhg", 25.4, 0.0),
    ("inhg", "hpa", 33.863886, 0.0),
    ("s", "min", 1 / 60, 0.0),
    ("min", "h", 1 / 60, 0.0),
    ("h", "d", 1 / 24, 0.0),
    ("gal", "l", 3.785412, 0.0),
    ("c", "f", 1.8, 32.0),
    ("k", "c", 1.0, -273.15),
    ("k", "f", 1.8, -459.67),
)
_SPELLED = {
    "lbs": "lb",
    "miles": "mi",
    "kmh": "km/h",
    "kph": "km/h",
    "kt": "kn",
    "kts": "kn",
    "knots": "kn",
    "mbar": "hpa",
    "mb": "hpa",
    "\N{DEGREE SIGN}c": "c",
    "\N{DEGREE SIGN}f": "f",
    "sec": "s",
    "hours": "h",
    "minutes": "min",
    "dm": "tenths",
}
_NUMBER = re.compile(r"^[^0-9]*[0-9][0-9.,]*(?:[eE][-+]?[0-9]+)?\s*")
_POINTS = (0.1, 0.25, 0.5, 0.75, 0.9)
_FEW = 20
# Beyond half the usual spread nothing fits; of two that fit alike the simpler reading stands, and what is written wins.
_FAR, _LESS_SIMPLE, _NOT_WRITTEN = 0.5, 0.02, 1.0
_MOST = 0.9
# One day's values are spread less than those of many: that says little, but more than nothing.
_SPREAD, _NARROWEST = 0.05, 1e-3


@dataclass(frozen=True, slots=True, order=True)
class UnitFit:
    """One reading of the numbers. `argument` is how a scale is written ("" as they stand), `distance` how bad it is.

    The distance is the mean one of the deciles and quartiles from those that are usual, in units of the usual spread,
    and a twentieth of the logarithm of how much narrower or wider they are spread.
    """

    distance: float
    argument: str
    words: str


def unit_fits(
    values: Sequence[float], usual: Sequence[float], expected: tuple[float, float] | None, *, written: str = ""
) -> list[UnitFit]:
    """Return the readings that make `values` look as is usual, the best first.

    Parameters
    ----------
    values : shape (n,), finite
        The numbers as they came.
    usual : shape (m,)
        Numbers of the same thing that were right; with fewer than 20 the `expected` range is taken as evenly filled.
    expected : lowest and highest usual value, or None
    written : a unit that stands behind the numbers, as `unit_in` finds it
        Readings of another unit come after those of this one.

    Examples
    --------
    >>> unit_fits([10.0, 200.0, 390.0], [], (0.0, 40.0))[0].argument
    '0.1'
    """
    mark = _marks(np.asarray(usual, dtype=np.float64), expected)
    if mark is None or not values:
        return []
    found = np.asarray(values, dtype=np.float64)
    best = {"": UnitFit(_distance(found, mark), "", "the number in it fits")}
    unit = _SPELLED.get(written.lower(), written.lower())
    for name, other, factor, offset in _readings():
        distance = _distance(found * factor + offset, mark)
        distance += _LESS_SIMPLE + (_NOT_WRITTEN if unit and unit != name else 0.0)
        argument = f"{factor:.7g}" + (f"{offset:+.7g}" if offset else "")
        if argument not in best or distance < best[argument].distance:
            best[argument] = UnitFit(distance, argument, f"times {argument} it fits ({name} as {other})")
    return sorted(fit for fit in best.values() if fit.distance < math.inf)


def unit_in(texts: Sequence[str]) -> str:
    """Return the unit that stands behind the number in most of the texts, "" where none does.

    Examples
    --------
    >>> unit_in(["36.0 dm/s", "41 dm/s"]), unit_in(["36.0"])
    ('dm/s', '')
    """
    endings = Counter(_NUMBER.sub("", text).strip() for text in texts)
    ending, count = endings.most_common(1)[0] if endings else ("", 0)
    return ending if count >= _MOST * len(texts) else ""


def _readings() -> Iterator[tuple[str, str, float, float]]:
    for name, other, factor, offset in _UNITS:
        yield name, other, factor, offset
        yield other, name, 1.0 / factor, -offset / factor


def _marks(usual: Floats, expected: tuple[float, float] | None) -> Floats | None:
    if usual.size >= _FEW:
        return np.quantile(usual, _POINTS)
    return None if expected is None else np.interp(_POINTS, [0.0, 1.0], expected)


def _distance(values: Floats, marks: Floats) -> float:
    """Return how far values lie from the marks, and how much narrower or wider they are spread."""
    found = np.quantile(values, _POINTS)
    spread = float(marks[-1] - marks[0]) or max(abs(float(marks[2])), 1.0)
    distance = float(np.abs(found - marks).mean()) / spread
    narrower = abs(math.log(max(float(found[-1] - found[0]) / spread, _NARROWEST)))
    return distance + _SPREAD * narrower if distance < _FAR else math.inf
