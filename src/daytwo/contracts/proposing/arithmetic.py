"""Sums, products and orders between the numbers and times of one row: `casual + registered == cnt`, `low <= high`.

Each is a claim against chance: with one column's values shuffled among the rows it must fail often, or its holding
says nothing. An order must moreover be reached: where rows come up to the limit and none passes, there is a limit.
Half of `propose.py`.

Source: after M. Ernst et al. (2007), The Daikon system for dynamic detection of likely invariants, Science of Computer
Programming 69, 35-45: invariants are kept only where chance would not have kept them.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt

from daytwo.contracts.action import Action
from daytwo.contracts.contract import Rule
from daytwo.core.expression import parse

_Values = npt.NDArray[np.float64]
_GLANCE = 256
# A first look at few rows, for all results at once: there are as many triples as columns to the power of three.
_PROBE, _LEAST_PROBED = 24, 0.8
_LEAST_ROWS = 200
# Broken by more rows than this a rule only warns, by more than that it is none.
_MOST_REJECTED, _MOST_BROKEN = 5e-4, 0.02
# Shuffled, a sum must fail in this share of the rows, an order in that.
_LEAST_CHANCE_SUM, _LEAST_CHANCE_ORDER = 0.2, 0.005
# So often two rows of a column differ at least, or shuffling it changes too few rows to tell a rule from chance.
_LEAST_DIFFERENT = _LEAST_CHANCE_SUM - _MOST_BROKEN - 0.03
# Rows that lie at the limit of an order: within this share of the difference's spread.
_AT_LIMIT, _LEAST_AT_LIMIT = 0.02, 50
# So many rows reach the limit for each that breaks it; and the two go together.
_REACHED, _LEAST_CORRELATION = 100, 0.1
# A rounded result is off by half of its last digit.
_MOST_DIGITS = 6
# Larger numbers have no digits behind the point.
_WRITTEN = 2.0**53
_MOST_RULES = 12


@dataclass(frozen=True, slots=True)
class _Shape:
    """One form of rule: `text` with {a}, {b}, {c}; `gap` is how far a row is from it, in the unit of c."""

    name: str
    text: str


_SUM = _Shape("sum", "{a} + {b} == {c}")
_PRODUCT = _Shape("product", "{a} * {b} == {c}")


def propose_arithmetic(
    values: Mapping[str, _Values], held_out: npt.NDArray[np.int64], *, target: str = ""
) -> tuple[Rule, ...]:
    """Return sums and products that hold in `values`, one array of shape (n,) for each column, NaN where missing.

    `held_out` are row numbers: the rule must hold there as well. A rule that reads the target says so.
    """
    names = [name for name, held in values.items() if _varies(held) and _differing(held) >= _LEAST_DIFFERENT]
    rows = _glance(values, names)
    if rows.size < _LEAST_ROWS // 2:
        return ()
    glanced = {name: values[name][rows] for name in names}
    found = []
    for shape, a, b, c in _likely(glanced):
        if _agreeing(shape, glanced, a, b, c) >= 1 - 2 * _MOST_BROKEN:
            rule = _proven(shape, values, held_out, a, b, c)
            if rule is not None:
                found.append(rule)
    waits = [replace(rule, evidence=f"{rule.evidence}; judged once the outcome is known") for rule in found]
    read = [target in parse(rule.expression).columns for rule in found]
    return tuple(late if reads else rule for late, rule, reads in zip(waits, found, read, strict=True))[:_MOST_RULES]


def propose_orders(values: Mapping[str, _Values], held_out: npt.NDArray[np.int64]) -> tuple[Rule, ...]:
    """Return which columns are never above which; of a <= b <= c not the rule that follows from the others."""
    names = [name for name, held in values.items() if _varies(held)]
    rows = _glance(values, names) if names else np.empty(0, dtype=np.int64)
    found: dict[tuple[str, str], Rule] = {}
    lowest = {name: np.nanmin(values[name]) for name in names}
    highest = {name: np.nanmax(values[name]) for name in names}
    for a, b in permutations(names, 2):
        # Columns that lie apart are in order whatever a row holds; of the others a glance rules out nearly all.
        if highest[a] <= lowest[b] or np.mean(values[a][rows] > values[b][rows]) > _MOST_BROKEN:
            continue
        rule = _order(values, held_out, a, b)
        if rule is not None:
            found[a, b] = rule
    kept = [
        rule
        for (a, c), rule in found.items()
        if not any((a, b) in found and (b, c) in found for b in names if b not in {a, c})
    ]
    return tuple(kept[:_MOST_RULES])


def _varies(held: _Values) -> bool:
    known = held[~np.isnan(held)]
    return known.size >= _LEAST_ROWS and known.min() < known.max()


def _glance(values: Mapping[str, _Values], names: list[str]) -> npt.NDArray[np.int64]:
    if not names:
        return np.empty(0, dtype=np.int64)
    height = values[names[0]].size
    return np.linspace(0, height - 1, min(height, _GLANCE)).astype(np.int64)


def _likely(glanced: Mapping[str, _Values]) -> Iterator[tuple[_Shape, str, str, str]]:
    """Yield the forms that the first few rows do not rule out."""
    names = list(glanced)
    every = np.column_stack([glanced[name] for name in names])
    probe = every[:: max(1, len(every) // _PROBE)]
    tolerances = np.array([_tolerance(glanced[name]) for name in names])
    for a, b in combinations(range(len(names)), 2):
        likely = []
        for shape in (_SUM, _PRODUCT):
            gap = np.abs(_result(shape, probe[:, a], probe[:, b])[:, None] - probe)
            broken = np.count_nonzero(gap > tolerances, axis=0)
            known = np.count_nonzero(~np.isnan(gap), axis=0)
            likely += [(c, shape) for c in np.flatnonzero(broken <= (1 - _LEAST_PROBED) * known) if c not in {a, b}]
        for c, shape in sorted(likely, key=lambda one: one[0]):
            yield shape, names[a], names[b], names[c]


def _differing(held: _Values) -> float:
    """Return how probably two rows with a value differ in it."""
    _, counts = np.unique(held[~np.isnan(held)], return_counts=True)
    return float(1 - ((counts / counts.sum()) ** 2).sum())


def _result(shape: _Shape, a: _Values, b: _Values) -> _Values:
    return a + b if shape is _SUM else a * b


def _tolerance(c: _Values) -> float:
    """Return half of the last digit that the result is written with; 0 for whole numbers."""
    known = c[~np.isnan(c)][:_GLANCE]
    known = known[np.abs(known) < _WRITTEN]
    for digits in range(_MOST_DIGITS):
        if np.allclose(known, np.round(known, digits), rtol=0, atol=1e-9):
            return 0.0 if digits == 0 else 0.6 * 10.0**-digits
    return float(0.6 * 10.0**-_MOST_DIGITS)


def _broken(shape: _Shape, a: _Values, b: _Values, c: _Values, tolerance: float) -> npt.NDArray[np.bool_]:
    """Return which rows break it; rows with a missing value keep it."""
    return np.abs(_result(shape, a, b) - c) > tolerance


def _agreeing(shape: _Shape, glanced: Mapping[str, _Values], a: str, b: str, c: str) -> float:
    gap = np.abs(_result(shape, glanced[a], glanced[b]) - glanced[c])
    known = gap[~np.isnan(gap)]
    return float(np.mean(known <= _tolerance(glanced[c]))) if known.size >= _LEAST_ROWS // 4 else 0.0


def _proven(
    shape: _Shape, values: Mapping[str, _Values], held_out: npt.NDArray[np.int64], a: str, b: str, c: str
) -> Rule | None:
    left, right, result = values[a], values[b], values[c]
    tolerance = _tolerance(result)
    whole = all(np.array_equal(x, np.rint(x), equal_nan=True) for x in (left, right))
    if tolerance == 0.0 and not whole:
        tolerance = 0.6
    broken = _broken(shape, left, right, result, tolerance)
    known = ~np.isnan(left + right + result)
    shuffler = np.random.default_rng(0)
    chances = []
    for moved in range(3):
        three = [column[known] for column in (left, right, result)]
        three[moved] = shuffler.permutation(three[moved])
        shuffled = _broken(shape, three[0], three[1], three[2], tolerance)
        chances.append(float(shuffled.mean()) if known.any() else 0.0)
    if min(chances) < _LEAST_CHANCE_SUM:
        return None
    share, late = float(broken[known].mean()), float(broken[held_out].mean())
    if max(share, late) > _MOST_BROKEN:
        return None
    names = {"a": written_column(a), "b": written_column(b), "c": written_column(c)}
    text = shape.text.format(**names)
    if tolerance:
        inside = shape.text.format(**names).split(" == ")[0]
        text = f"{inside} - {names['c']} <= {tolerance:g} and {names['c']} - ({inside}) <= {tolerance:g}"
    action = Action.REJECT if max(share, late) <= _MOST_REJECTED else Action.WARN
    words = f"broken by {int(broken.sum())} of {int(known.sum())} rows; {min(chances):.0%} would break it by chance"
    return Rule(f"{shape.name}_{c}", text, action, f"{words}; false alarms expected: {late:.4%}")


def _order(values: Mapping[str, _Values], held_out: npt.NDArray[np.int64], a: str, b: str) -> Rule | None:
    left, right = values[a], values[b]
    known = ~np.isnan(left + right)
    rows = int(known.sum())
    if rows < _LEAST_ROWS:
        return None
    gap = right[known] - left[known]
    broken = int((gap < 0).sum())
    late = float(np.mean(left[held_out] > right[held_out]))
    if max(broken / rows, late) > _MOST_REJECTED:
        return None
    chance = float(np.mean(np.random.default_rng(0).permutation(left[known]) > right[known]))
    spread = float(gap.std())
    if chance < _LEAST_CHANCE_ORDER or chance * rows < _LEAST_ROWS or spread == 0.0:
        return None
    # At the limit, but not just because both are 0 there.
    near = (gap >= 0) & (gap <= _AT_LIMIT * spread) & (left[known] > min(left[known].min(), right[known].min()))
    if int(near.sum()) < max(_LEAST_AT_LIMIT, _REACHED * broken):
        return None
    # Numbers that have nothing to do with each other have no order, either.
    if np.corrcoef(left[known], right[known])[0, 1] < _LEAST_CORRELATION:
        return None
    words = (
        f"broken by {broken} of {rows} rows, {chance:.0%} would break it by chance, {int(near.sum())} reach the limit"
    )
    text = f"{written_column(a)} <= {written_column(b)}"
    return Rule(f"order_{a}_{b}", text, Action.REJECT, f"{words}; false alarms expected: {late:.4%}")


def written_column(name: str) -> str:
    """Return a column as a row rule names it."""
    plain = name.isidentifier() and not keyword.iskeyword(name) and name != "col"
    return name if plain else f"col({name!r})"
