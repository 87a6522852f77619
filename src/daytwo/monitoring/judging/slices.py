"""Where does it hurt: levels, ranges, and pairs of them, in which rows cost more than in the reference.

Half of the window and half of the reference propose the slices that look worst; the other halves confirm or dismiss
them. So however many slices were looked at, only the few proposed are tested, and what is said of them is not
flattered by the search. A slice is bad when it costs more than it did *and* its rise exceeds that of all other rows:
where everything got worse alike, no slice is to blame. `slice_table.py` keeps the reference's losses,
`slice_findings.py` says what was found.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.monitoring.estimating.performance import Z, standard_error
from daytwo.monitoring.judging.slice_choices import Masks, choices_of
from daytwo.monitoring.judging.slice_table import RUNS, Cells, SliceTable, count_cells, half_of
from daytwo.monitoring.profiles.bins import Floats

# Fewer rows in one half of the window or of the reference tell nothing of a slice.
MIN_ROWS = 50
# With so many days in a window the first of them propose, and the last confirm.
DAYS = 4
# So many slices at most are put to the test, and only those that stand out by so many standard errors.
PROPOSED, STANDS_OUT = 8, 2.0
# Two slices that share more than this of the smaller one's rows are one story, told once.
_SAME = 0.5
# The worst of so many are looked at for that.
_LOOKED = 400
# A slice is one choice of each of one or two columns; the choices of a column are masks over its bins, and words.
_Parts = tuple[tuple[int, int], ...]
_Choices = tuple[tuple[Masks, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows in which the model costs more than it did in the reference.

    `name` is the slice in words. `value` and `usual` are its loss per row now and in the reference, `rise` their
    difference with its 95 % interval `low` to `high`, from the halves that confirm. `rows` counts all of its rows in
    the window; `harm` is the rise times the rows. `p_value` is corrected for the slices that were tested.
    """

    name: str
    rows: int
    value: float
    usual: float
    rise: float
    low: float
    high: float
    harm: float
    p_value: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    parts: _Parts


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """A window beside the table: bins of its rows, their losses and halves, every column's choices and unrest."""

    table: SliceTable
    codes: NDArray[np.intp]
    losses: Floats
    half: NDArray[np.intp]
    choices: _Choices
    known: bool
    unrest: Sequence[Floats]

    def wanders(self, column: int, rows: Floats) -> Floats:
        """Return what days add to the variance of each choice's mean, shape (2, choices): its bins weighed by rows."""
        masks = self.choices[column][0] * rows
        return np.asarray(self.unrest[column] @ masks.T / np.maximum(masks.sum(axis=1), 1))

    def inside(self, parts: _Parts) -> NDArray[np.bool_]:
        """Return which rows of the window a slice holds."""
        found = np.ones(len(self.losses), dtype=bool)
        for column, choice in parts:
            found &= self.choices[column][0][choice].astype(bool)[self.codes[column]]
        return found


def find_slices(
    table: SliceTable,
    matrix: NDArray[np.floating],
    losses: Floats,
    *,
    known: bool,
    chance: float,
    days: ArrayLike | None = None,
) -> tuple[Slice, ...]:
    """Return the slices that are worse than in the reference, the most harmful first.

    Parameters
    ----------
    matrix : shape (n, d)
        The window's feature matrix, in order of time.
    losses : shape (n,), finite
        What each row costs, as `slice_losses.py` says.
    known : bool
        Whether losses are known ones, to be held against the reference's known ones, or expected ones.
    chance : probability
        How often any slice may be named at all where nothing changed.
    days : shape (n,), optional
        Each row's day. With four or more the first days propose and the last confirm, so that a day's weather does not
        confirm itself; what days share counts as chance as far as the reference shows it.

    Source: split-sample confirmation with S. Holm (1979), Scand. J. Stat. 6, 65-70; slices by bins and pairs of them
    after Y. Chung et al. (2019), Slice Finder, ICDE.
    """
    if len(losses) < 2 * MIN_ROWS:
        return ()
    mean = table.known_mean if known else table.expected_mean
    choices = tuple(choices_of(bins) for bins in table.columns)
    half, per_half = _halves(len(losses), days)
    unrest = table.wandering(known=known, days=per_half)
    search = _Search(table, table.codes(matrix), losses - mean, half, choices, known, unrest)
    tested = [_tested(search, one.parts) for one in _proposed(search)]
    found = [_slice(one, choices, mean) for one in _holm([one for one in tested if one], chance)]
    return tuple(sorted(found, key=lambda one: -one.harm))


def _halves(rows: int, days: ArrayLike | None) -> tuple[NDArray[np.intp], int]:
    """Return each row's half, and how many days each half holds."""
    if days is None:
        return half_of(rows), 1
    names, day = np.unique(np.asarray(days), return_inverse=True)
    if names.size < DAYS:
        return half_of(rows), int(names.size)
    return np.asarray(day >= names.size // 2, dtype=np.intp), int(names.size) // 2


def _proposed(search: _Search) -> list[_Candidate]:
    """Return the slices that stand out most in the first halves, no two of them the same story."""
    table, mine = search.table, search.half == 0
    losses = search.losses[mine]
    single, pairs = count_cells(table.columns, table.paired, search.codes[:, mine], [losses, losses**2])
    now, usual = Cells(table.columns, table.paired, single, pairs), table.half(0, known=search.known)
    every = list(_scored(search, now, usual))
    every.sort(key=lambda one: (-one.score, len(one.parts), one.parts))
    chosen: list[_Candidate] = []
    masks: list[NDArray[np.bool_]] = []
    for one in every[:_LOOKED]:
        inside = search.inside(one.parts)
        size = int(inside.sum())
        if all((inside & other).sum() <= _SAME * min(size, int(other.sum())) for other in masks):
            chosen.append(one)
            masks.append(inside)
        if len(chosen) == PROPOSED:
            break
    return chosen


def _scored(search: _Search, now: Cells, usual: Cells) -> Iterator[_Candidate]:
    """Yield every slice that stands out, with by how many standard errors."""
    both = now.of(0).sum(axis=1), usual.of(0).sum(axis=1)
    choices = search.choices
    wanders = [search.wanders(i, usual.of(i)[0]) for i in range(len(choices))]
    for i, (mine, _) in enumerate(choices):
        score = _stand_out(now.of(i) @ mine.T, usual.of(i) @ mine.T, *both, wanders[i])
        yield from (_Candidate(float(score[a]), ((i, int(a)),)) for a in np.flatnonzero(score > STANDS_OUT))
    for i, j in combinations(search.table.paired, 2):
        rows, columns = choices[i][0], choices[j][0].T
        more = np.maximum(wanders[i][:, :, None], wanders[j][:, None, :])
        score = _stand_out(rows @ now.of(i, j) @ columns, rows @ usual.of(i, j) @ columns, *both, more)
        for a, b in zip(*np.nonzero(score > STANDS_OUT), strict=True):
            yield _Candidate(float(score[a, b]), ((i, int(a)), (j, int(b))))


def _stand_out(now: Floats, usual: Floats, all_now: Floats, all_usual: Floats, wanders: Floats) -> Floats:
    """Return by how many standard errors slices lost more than before, and more so than all other rows.

    Arrays hold rows, sums and squares in their first dimension, `wanders` what days add to the variance by itself and
    beside the others. Too small a slice, or rest, gets minus infinity.
    """
    shape = (3,) + (1,) * (now.ndim - 1)
    rest_now, rest_usual = all_now.reshape(shape) - now, all_usual.reshape(shape) - usual
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = now[1] / now[0] - usual[1] / usual[0]
        other = rest_now[1] / rest_now[0] - rest_usual[1] / rest_usual[0]
        variance = _variance(now) + _variance(usual)
        beyond = variance + _variance(rest_now) + _variance(rest_usual) + wanders[1]
        score = np.minimum(rise / np.sqrt(variance + wanders[0]), (rise - other) / np.sqrt(beyond))
    fewest = np.minimum(np.minimum(now[0], usual[0]), np.minimum(rest_now[0], rest_usual[0]))
    return np.where((fewest >= MIN_ROWS) & np.isfinite(score), score, -np.inf)


def _variance(sums: Floats) -> Floats:
    """Variance of the mean, from rows, sum and sum of squares."""
    mean = sums[1] / sums[0]
    return np.asarray(np.maximum(sums[2] / sums[0] - mean**2, 0.0) / np.maximum(sums[0] - 1, 1))


@dataclass(frozen=True, slots=True)
class _Tested:
    parts: _Parts
    rows: int
    value: float
    usual: float
    error: float
    p_value: float


def _tested(search: _Search, parts: _Parts) -> _Tested | None:
    """Weigh one proposed slice by the second halves; None where too few rows are left there."""
    inside, mine, losses = search.inside(parts), search.half == 1, search.losses
    cells = search.table.half(1, known=search.known)
    every = cells.of(0).sum(axis=1)
    usual = _usual(cells, search.choices, parts)
    rest = every - usual
    mask = inside[mine]
    fewest = min(int(mask.sum()), int((~mask).sum()), int(usual[0]), int(rest[0]))
    if fewest < MIN_ROWS:
        return None
    runs = np.arange(len(losses))[mine] * RUNS // len(losses)
    value, error = _mean(losses[mine], mask, runs)
    other, other_error = _mean(losses[mine], ~mask, runs)
    before, before_rest = float(usual[1] / usual[0]), float(rest[1] / rest[0])
    wanders = np.max([search.wanders(i, cells.of(i)[0])[:, choice] for i, choice in parts], axis=0)
    variance = error**2 + float(_variance(usual))
    beyond = math.sqrt(variance + other_error**2 + float(_variance(rest)) + float(wanders[1]))
    error = math.sqrt(variance + float(wanders[0]))
    if error == 0.0:
        return None
    score = min((value - before) / error, (value - before - other + before_rest) / beyond)
    return _Tested(parts, int(inside.sum()), value, before, error, NormalDist().cdf(-score))


def _usual(
    cells: Cells, choices: Sequence[tuple[Masks, tuple[str, ...]]], parts: tuple[tuple[int, int], ...]
) -> Floats:
    if len(parts) == 1:
        ((i, a),) = parts
        return np.asarray(cells.of(i) @ choices[i][0][a])
    (i, a), (j, b) = parts
    return np.asarray(choices[i][0][a] @ cells.of(i, j) @ choices[j][0][b])


def _mean(losses: Floats, mask: NDArray[np.bool_], runs: NDArray[np.intp]) -> tuple[float, float]:
    """Return the mean loss of some rows and its standard error, the larger of that by rows and that by runs."""
    part = losses[mask]
    mean = float(part.mean())
    by_rows = standard_error(part - mean, None)
    by_runs = standard_error(part - mean, runs[mask])
    return mean, max(by_rows, by_runs)


def _holm(tested: Sequence[_Tested], chance: float) -> list[_Tested]:
    """Return those that hold when all are tested together, each with its corrected p-value."""
    found = []
    worst = 0.0
    for rank, one in enumerate(sorted(tested, key=lambda one: one.p_value)):
        worst = max(worst, min(one.p_value * (len(tested) - rank), 1.0))
        if worst > chance:
            break
        found.append(_Tested(one.parts, one.rows, one.value, one.usual, one.error, worst))
    return found


def _slice(found: _Tested, choices: _Choices, mean: float) -> Slice:
    rise, reach = found.value - found.usual, Z * found.error
    return Slice(
        name=" and ".join(choices[column][1][choice] for column, choice in found.parts),
        rows=found.rows,
        value=found.value + mean,
        usual=found.usual + mean,
        rise=rise,
        low=rise - reach,
        high=rise + reach,
        harm=rise * found.rows,
        p_value=found.p_value,
    )
