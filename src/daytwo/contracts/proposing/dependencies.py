"""Columns that others decide: rows with the same zip code have the same city. Found in data that may itself be dirty.

A dependency is a claim against chance, so each is held against the same rows with the dependent's values shuffled: of
the disagreements that chance would give, hardly one may be there. For a pair of determinants the values are shuffled
among the rows that agree in one of the two, so that a pair is named only where both are needed. What disagrees must
look like dirt: a value that is rare everywhere, or the group's own value with characters wrong. Other values that
disagree are legitimate alternatives: with a few of them the dependency only warns, with more there is none.

Sources: Y. Huhtala et al. (1999), TANE, The Computer Journal 42(2), 100-111, the lattice of determinants and the
g3 error; S. Kruse, F. Naumann (2018), Efficient discovery of approximate dependencies (Pyro), PVLDB 11(7), 759-772,
screening on a sample; P. Mandros et al. (2017), KDD, 355-363, the correction for agreement by chance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.proposing.agreement import MOST_DIRT, counted, disagreements, shuffled
from daytwo.contracts.proposing.coded import MISSING, Coded, joined, sampled_rows
from daytwo.contracts.proposing.held_out import alarm_rate
from daytwo.contracts.proposing.mistyped import explained_rows
from daytwo.contracts.relations import Dependency

_SAMPLE = 30_000
_GLANCE = 3_000
# So many rows, spread over all, rule out a single determinant where more than this share of them disagree, which dirt
# would do less than once in 10,000 times; tried only where so many pairs of values are possible.
_SPACED, _HOPELESS, _MOST_PLACES = 1_000, MOST_DIRT + 0.04, 1 << 16
# ... this share without looking like dirt, both in all rows and in the held-out part, ...
_MOST_DOUBT = 2e-3
# ... and this share of what chance would give.
_MOST_OF_CHANCE = 0.02
# Fewer disagreements by chance than this prove nothing.
_LEAST_CHANCE = 15
# A determinant must come again in at least this share of the rows.
_LEAST_SUPPORT = 0.2
# A second determinant still judges the rows in which the first one is wrong.
_EACH = 2
# So many rows of a part may look wrong by chance.
_FEW = 3
# In this share of its rows a value is dirt that is dirt everywhere.
_ALWAYS = 0.8
_MOST = 40
# Two determinants of a wide table are looked for among as many columns as give this many trials.
_MOST_TRIED = 10_000


@dataclass(frozen=True, slots=True)
class _Found:
    """What the rows say: rows that can disagree, that do, that do without looking like dirt, and would by chance."""

    determinant: tuple[str, ...]
    dependent: str
    support: int
    broken: int
    doubtful: int
    chance: int

    @property
    def holds(self) -> bool:
        return (
            self.chance >= _LEAST_CHANCE
            and self.broken <= MOST_DIRT * self.support
            and self.doubtful <= _MOST_DOUBT * self.support
            and self.doubtful <= _MOST_OF_CHANCE * self.chance
        )


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The dependencies, the best proven first, and for each dependent its values that are dirt wherever they stand."""

    proposed: tuple[Dependency, ...]
    dirt: Mapping[str, frozenset[str]]


def propose_dependencies(
    columns: Mapping[str, Coded], held_out: npt.NDArray[np.int64], *, determinants: Collection[str]
) -> Dependencies:
    """Return the dependencies among `columns`, at most two for each dependent.

    `determinants` are the columns that may decide others: measurements may not, they agree by chance; of numbers only
    one may, for the same reason. `held_out` are row numbers; a dependency is kept only where these rows, too, keep it.
    """
    height = next((one.codes.size for one in columns.values()), 0)
    rows = sampled_rows(height, _SAMPLE)
    sample = {name: one.part(rows) for name, one in columns.items()}
    late = {name: one.part(held_out) for name, one in columns.items()}
    kept: list[tuple[_Found, float]] = []
    singles = {name: one for name, one in sample.items() if name in determinants and _repeats(one)}
    spaced = np.linspace(0, max(rows.size - 1, 0), min(rows.size, _SPACED)).astype(np.int64)
    glanced = {name: one.part(spaced) for name, one in sample.items()}
    found_singly = {
        name: [found for found in _single(singles, one, glanced) if not _explained(found, sample)]
        for name, one in sample.items()
    }
    words = {name: one for name, one in singles.items() if not one.series.dtype.is_numeric()}
    open_ones = {name: sample[name] for name, found in found_singly.items() if not found}
    found_paired = _paired(_telling(words, len(open_ones)), open_ones)
    for name, singly in found_singly.items():
        candidates = singly or found_paired.get(name, [])
        found = 0
        for candidate in sorted(candidates, key=_merit):
            proven = _verified(candidate, columns, late)
            if proven is not None:
                kept.append(proven)
                found += 1
            if found == _EACH:
                break
    kept = sorted(kept, key=lambda one: -one[0].chance)[:_MOST]
    dirt: dict[str, frozenset[str]] = {}
    for one, _alarms in kept:
        dirt[one.dependent] = dirt.get(one.dependent, frozenset()) | _always_dirt(one, columns)
    return Dependencies(tuple(_dependency(one, alarms, height) for one, alarms in kept), dirt)


def _merit(found: _Found) -> tuple[int, int, int]:
    return (len(found.determinant), -found.support // 50, found.broken)


def _repeats(one: Coded) -> bool:
    return 2 <= one.distinct <= (1 - _LEAST_SUPPORT) * one.codes.size


def _is_hopeless(one: Coded, dependent: Coded) -> bool:
    """Whether a few rows show far more disagreement than any dirt, in pairs of values that are few enough to count."""
    places = one.distinct * dependent.distinct
    if not 0 < places <= _MOST_PLACES:
        return False
    usable = (one.codes != MISSING) & (dependent.codes != MISSING)
    counts = np.bincount((one.codes * dependent.distinct + dependent.codes)[usable], minlength=places)
    usual = int(counts.reshape(one.distinct, dependent.distinct).max(axis=1).sum())
    return int(counts.sum()) - usual > _HOPELESS * one.codes.size


def _single(singles: Mapping[str, Coded], dependent: Coded, glanced: Mapping[str, Coded]) -> Iterator[_Found]:
    for name, one in singles.items():
        if name != dependent.name and not _is_hopeless(glanced[name], glanced[dependent.name]):
            found = _tested((name,), one, dependent)
            if found is not None and found.holds:
                yield found


def _telling(words: Mapping[str, Coded], dependents: int) -> dict[str, Coded]:
    """Return the columns that are tried in pairs: all of them, or of a wide table those with the most values."""
    most = int((2 * _MOST_TRIED / max(dependents, 1)) ** 0.5) + 1
    kept = set(sorted(words, key=lambda name: -words[name].distinct)[:most])
    return {name: one for name, one in words.items() if name in kept}


def _paired(singles: Mapping[str, Coded], dependents: Mapping[str, Coded]) -> dict[str, list[_Found]]:
    few = sampled_rows(next((one.codes.size for one in dependents.values()), 0), _GLANCE)
    glanced = {name: one.part(few) for name, one in singles.items()}
    seen = {name: one.part(few) for name, one in dependents.items()}
    alone = {(a, b): counted(singles[a].codes, dependents[b]).broken for a in singles for b in dependents if a != b}
    found: dict[str, list[_Found]] = {}
    for first, second in combinations(singles, 2):
        both = joined(singles[first], singles[second])
        if not _repeats(both):
            continue
        glance = joined(glanced[first], glanced[second])
        for name, dependent in dependents.items():
            # One that is nearly right alone leaves no work for the other.
            if name in {first, second}:
                continue
            least = min(alone[first, name], alone[second, name])
            if least < _LEAST_CHANCE:
                continue
            # Neighbouring rows agree too readily, so this only rules out.
            counts = counted(glance.codes, seen[name])
            if counts.broken > (MOST_DIRT + 0.02) * max(counts.support, 1):
                continue
            if counted(both.codes, dependent).doubtful <= _MOST_OF_CHANCE * least:
                one = _needs_both((first, second), both, dependent, singles)
                if one is not None:
                    found.setdefault(name, []).append(one)
    return found


def _needs_both(pair: tuple[str, str], both: Coded, dependent: Coded, singles: Mapping[str, Coded]) -> _Found | None:
    least: _Found | None = None
    for given in pair:
        found = _tested(pair, both, dependent, given=singles[given])
        if found is None or not found.holds:
            return None
        least = found if least is None or found.chance < least.chance else least
    return least


def _verified(
    candidate: _Found, columns: Mapping[str, Coded], late: Mapping[str, Coded]
) -> tuple[_Found, float] | None:
    """Return the candidate as all rows say it, and the share of the held-out rows that it would doubt."""
    whole = _tested(candidate.determinant, _of(columns, candidate.determinant), columns[candidate.dependent])
    if whole is None or not whole.holds or _explained(whole, columns):
        return None
    rest = counted(_of(late, candidate.determinant).codes, late[candidate.dependent])
    height = max(late[candidate.dependent].codes.size, 1)
    dirty = whole.broken / max(whole.support, 1)
    # Of little dirt, chance may put more into one part; a part is also too small to tell all of it from the rest.
    if rest.doubtful > max(_MOST_DOUBT * height, _FEW, 2.0 * dirty * height + _FEW if whole.broken else 0.0):
        return None
    return whole, rest.doubtful / height


def _explained(found: _Found, columns: Mapping[str, Coded]) -> bool:
    """Whether what disagrees is the business of another column: it is right, then, and there is no dependency."""
    if found.broken == 0:
        return False
    one, dependent = _of(columns, found.determinant), columns[found.dependent]
    odd = _dirty_rows(one, dependent)
    others = [other for name, other in columns.items() if name not in {*found.determinant, found.dependent}]
    return int(explained_rows(odd, others).sum()) > _MOST_DOUBT * found.support


def _dirty_rows(one: Coded, dependent: Coded) -> npt.NDArray[np.bool_]:
    dirt = np.isin(one.codes * dependent.distinct + dependent.codes, counted(one.codes, dependent).dirt)
    odd: npt.NDArray[np.bool_] = dirt & (one.codes != MISSING) & (dependent.codes != MISSING)
    return odd


def _always_dirt(found: _Found, columns: Mapping[str, Coded]) -> frozenset[str]:
    """Return the dependent's texts that are dirt in nearly all of their rows."""
    one, dependent = _of(columns, found.determinant), columns[found.dependent]
    if found.broken == 0 or dependent.series.dtype != pl.String:
        return frozenset()
    odd = _dirty_rows(one, dependent)
    rows = np.bincount(dependent.codes[dependent.codes != MISSING], minlength=dependent.distinct)
    wrong = np.bincount(dependent.codes[odd], minlength=dependent.distinct) >= np.maximum(1, _ALWAYS * rows)
    return frozenset(dependent.series.filter(odd & wrong[dependent.codes]).to_list())


def _of(columns: Mapping[str, Coded], names: tuple[str, ...]) -> Coded:
    return columns[names[0]] if len(names) == 1 else joined(columns[names[0]], columns[names[1]])


def _tested(names: tuple[str, ...], one: Coded, dependent: Coded, given: Coded | None = None) -> _Found | None:
    counts = counted(one.codes, dependent)
    if counts.support < _LEAST_SUPPORT * one.codes.size or counts.broken > MOST_DIRT * counts.support:
        return None
    usable = (one.codes != MISSING) & (dependent.codes != MISSING)
    usable &= ~np.isin(one.codes * dependent.distinct + dependent.codes, counts.dirt)
    values = shuffled(dependent.codes[usable], None if given is None else given.codes[usable])
    chance = disagreements(one.codes[usable], values, dependent.distinct)
    return _Found(names, dependent.name, counts.support, counts.broken, counts.doubtful, chance)


def _dependency(found: _Found, false_alarms: float, height: int) -> Dependency:
    named = "_".join(found.determinant)
    words = f"{found.support} of {height} rows share their {' and '.join(found.determinant)} with others: "
    words += f"{found.broken} of them disagree in {found.dependent}, {found.chance} would by chance"
    exact = found.doubtful == 0 and false_alarms == 0.0
    if not exact:
        words += f"; {found.doubtful} of them look right, so it warns"
    return Dependency(
        f"{named}_{found.dependent}",
        found.determinant,
        found.dependent,
        Action.REJECT if exact else Action.WARN,
        evidence=words,
        false_alarm_rate=alarm_rate(false_alarms, found.support),
    )
