"""Why a column moved, as far as its values tell: another unit, another column's values, holes, or the world itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daytwo.monitoring.profiles.bins import Bins, Floats
from daytwo.monitoring.profiles.distances import js_distance
from daytwo.monitoring.profiles.profile import Layout, Profile

# A column this far (JS distance) from itself and this near to another one carries the other's values.
_FAR, _NEAR = 0.3, 0.15
# Quartiles that all moved by one factor, within a tenth, look like another unit.
_FACTOR_SPREAD, _LEAST_FACTOR = 0.1, 1.2
_FEW_BINS = 8


@dataclass(frozen=True, slots=True)
class Cause:
    """A suspicion: `kind` is `missing`, `unit`, `mix-up`, `new level` or `covariate`; `words` says it."""

    kind: str
    words: str


def column_cause(
    layout: Layout, reference: Profile, current: Profile, matrix: NDArray[np.floating], column: int
) -> Cause:
    """Say what most likely moved one column between the reference and a window with these rows."""
    bins = layout.columns[column]
    before, now = reference.counts[column], current.counts[column]
    holes = now[bins.size] / max(current.rows, 1) - before[bins.size] / max(reference.rows, 1)
    if holes > 0.05:
        return Cause("missing", f"{holes:.0%} more of its values are missing than in the reference")
    if not now[: bins.size].sum() or not before[: bins.size].sum():
        return Cause("covariate", "it has no values to compare")
    if bins.is_category:
        strange = now[bins.size - 1] / now[: bins.size].sum()
        if strange > 0.02:
            return Cause("new level", f"{strange:.0%} of its rows hold a level never seen before")
        return _moved_most(bins, before, now)
    values = matrix[:, column]
    other = _fits_another(layout, reference, values, column)
    if other is not None and js_distance(before[: bins.size], now[: bins.size]) > _FAR:
        return Cause("mix-up", f"its values look like those of {other}: was a column exchanged upstream?")
    factor = _unit_factor(bins, before[: bins.size], values)
    if factor is not None:
        return Cause("unit", f"its quartiles all moved by a factor of about {factor:.3g}: another unit upstream?")
    return _moved_most(bins, before, now)


def _moved_most(bins: Bins, before: Floats, now: Floats) -> Cause:
    p = before[: bins.size] / before[: bins.size].sum()
    q = now[: bins.size] / now[: bins.size].sum()
    i = int(np.argmax(np.abs(q - p)))
    return Cause("covariate", f"the share of {bins.label(i)} went from {p[i]:.1%} to {q[i]:.1%}")


def _fits_another(layout: Layout, reference: Profile, values: NDArray[np.floating], column: int) -> str | None:
    """Return the number column whose reference these values fit best, where they fit it well."""
    found: list[tuple[float, str]] = []
    for j, bins in enumerate(layout.columns):
        if j == column or bins.is_category or bins.size < _FEW_BINS:
            continue
        counts = np.bincount(bins.codes(values), minlength=bins.size + 1)[: bins.size].astype(np.float64)
        usual = reference.counts[j][: bins.size]
        if counts.sum() and usual.sum():
            found.append((js_distance(usual, counts), bins.name))
    distance, name = min(found, default=(1.0, ""))
    return name if distance < _NEAR else None


def _unit_factor(bins: Bins, before: Floats, values: NDArray[np.floating]) -> float | None:
    if len(bins.edges) < _FEW_BINS:
        return None
    quartiles: Sequence[float] = (0.25, 0.5, 0.75)
    cumulated = np.cumsum(before) / before.sum()
    index = np.minimum(np.searchsorted(cumulated, quartiles), len(bins.edges) - 1)
    usual = np.asarray(bins.edges)[index]
    present = np.quantile(values[~np.isnan(values)], quartiles)
    if (usual <= 0).any() or (present <= 0).any():
        return None
    factors = present / usual
    middle = float(np.median(factors))
    if float(np.ptp(factors)) > _FACTOR_SPREAD * 2 * middle or 1 / _LEAST_FACTOR < middle < _LEAST_FACTOR:
        return None
    return middle
