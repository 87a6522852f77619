"""The smallest change of a row that turns a decision: fewest columns first, then the smallest steps.

A beam search over what each feature may become (`options.py`). All single changes are scored in one block, then the
most promising ones together with a second, and so on; what turns the decision is offered to the caller's judgement,
cheapest first, and what was accepted is made cheaper still, step by step. A beam may miss what an exhaustive search
would find; `bench/explain.py` measures how often.

Source: the question is that of Wachter, Mittelstadt and Russell (2018), Counterfactual explanations without opening
the black box, Harvard J. of Law & Technology 31(2); costs as shares of people passed by follow Ustun, Spangher and
Liu (2019), Actionable recourse in linear classification.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daytwo.explain.options import Options

Matrix = NDArray[np.float32]
# Which rows of a matrix turn the decision, shape (n,), and how near each is to it: more is nearer.
Aim = Callable[[Matrix], tuple[NDArray[np.bool_], NDArray[np.float64]]]
# Why a row with these features changed is not to be offered; empty where it may be.
Judge = Callable[[Matrix, tuple[int, ...]], str]
# Which rows of a matrix are sure to be turned down and why, quickly: the end of a sentence, empty where it is not sure.
Glance = Callable[[Matrix], Sequence[str]]

# Changes that are carried on to be joined with one more, and how many of the same features may be among them.
_BEAM, _OF_THE_SAME = 24, 3
# Single changes that others are joined with: in all at most and at least, and of one feature.
_JOINED, _FEWEST_JOINED, _OF_ONE = 320, 80, 24
# How many that turn the decision are judged on each level, and how many of the same features among them.
_JUDGED, _JUDGED_ALIKE = 1_500, 300
# So many are glanced at together, the first time and at most: most often the cheapest ones do.
_FIRST_GLANCE, _GLANCE = 32, 512
# So cheap a step is as good as free, when steps are compared by what they bring for their cost.
_FREE = 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """A changed row that turns the decision: which features were changed, and the sum of what that costs."""

    row: Matrix
    features: tuple[int, ...]
    cost: float


@dataclass(slots=True)
class Search:
    """What was found, cheapest first, each by other features; how much was tried, and why some were turned down."""

    found: list[Found] = field(default_factory=list)
    tried: int = 0
    turned: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def smallest_changes(
    row: Matrix,
    options: Sequence[Options],
    aim: Aim,
    judge: Judge,
    *,
    most: int = 3,
    wanted: int = 3,
    glance: Glance | None = None,
    effort: int | None = None,
) -> Search:
    """Search the smallest changes of `row`, shape (d,), that turn the decision and that `judge` accepts.

    What `glance` turns down `judge` would turn down too, and is not asked. `effort` is about how many rows may be
    scored for each further column. No more than `most` features are changed at once, and as few as possible; up to
    `wanted` ways are returned.
    """
    return _Beam(row, options, aim, judge, glance, effort).run(most, wanted)


class _Beam:
    """One search. A step is the number of one value of one feature; a change is a tuple of steps."""

    def __init__(
        self,
        row: Matrix,
        options: Sequence[Options],
        aim: Aim,
        judge: Judge,
        glance: Glance | None,
        effort: int | None,
    ) -> None:
        self._most_joined = _JOINED if effort is None else max(_FEWEST_JOINED, min(_JOINED, effort // _BEAM))
        self._row, self._aim, self._judge, self._glance = row, aim, judge, glance
        self._feature = np.repeat([one.feature for one in options], [len(one.values) for one in options]).astype(int)
        empty = np.zeros(0)
        self._value = np.concatenate([empty, *(one.values for one in options)]).astype(np.float32)
        self._cost = np.concatenate([empty, *(one.costs for one in options)])
        self._said = Search()

    def run(self, most: int, wanted: int) -> Search:
        changes = np.arange(len(self._value))[:, None]
        joined = None
        for _ in range(min(most, len(np.unique(self._feature)))):
            turns, near = self._score(changes)
            costs = self._cost[changes].sum(axis=1)
            accepted = self._accepted(changes[turns], costs[turns], wanted)
            if accepted:
                self._said.found = sorted((self._cheaper(one) for one in accepted), key=lambda one: one.cost)
                break
            if joined is None:
                joined = self._joined(near)
                before = float(self._aim(self._row[None, :])[1][0])
            kept = self._kept(changes, near - before, costs)
            changes = self._longer(changes[kept], joined)
            if not len(changes):
                break
        return self._said

    def _rows(self, changes: NDArray[np.intp]) -> Matrix:
        rows = np.repeat(self._row[None, :], len(changes), axis=0)
        at = np.arange(len(changes))
        for steps in changes.T:
            rows[at, self._feature[steps]] = self._value[steps]
        return rows

    def _score(self, changes: NDArray[np.intp]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        self._said.tried += len(changes)
        return self._aim(self._rows(changes))

    def _accepted(self, changes: NDArray[np.intp], costs: NDArray[np.float64], wanted: int) -> list[Found]:
        """Judge what turns the decision, cheapest first; return up to `wanted`, each of other features."""
        self._said.turned += len(changes)
        order = np.argsort(costs, kind="stable")
        found: dict[tuple[int, ...], Found] = {}
        judged: Counter[tuple[int, ...]] = Counter()
        size = _FIRST_GLANCE
        while len(order):
            block, order = changes[order[:size]], order[size:]
            size = min(2 * size, _GLANCE)
            together = [tuple(one) for one in np.sort(self._feature[block], axis=1).tolist()]
            open_still = [i for i, one in enumerate(together) if one not in found and judged[one] < _JUDGED_ALIKE]
            rows = self._rows(block[open_still])
            refused = [""] * len(rows) if self._glance is None else self._glance(rows)
            for row, why, i in zip(rows, refused, open_still, strict=True):
                features = together[i]
                if features in found or judged[features] >= _JUDGED_ALIKE:
                    continue
                judged[features] += 1
                if reason := why or self._judge(row, features):
                    self._said.refused[reason] += 1
                else:
                    found[features] = Found(row, features, float(self._cost[block[i]].sum()))
                if len(found) == wanted or judged.total() == _JUDGED:
                    return list(found.values())
        return list(found.values())

    def _joined(self, near: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the single steps that others are joined with: of each feature those that bring the most for less."""
        of_one = max(3, min(_OF_ONE, self._most_joined // max(len(np.unique(self._feature)), 1)))
        kept = []
        for feature in np.unique(self._feature):
            steps = np.flatnonzero(self._feature == feature)
            steps = steps[np.argsort(self._cost[steps], kind="stable")]
            best = np.maximum.accumulate(near[steps])
            rising = np.r_[True, near[steps][1:] > best[:-1]]
            chosen = steps[rising]
            spread = steps[~rising]
            kept.append(_spread(chosen, of_one))
            kept.append(_spread(spread, max(of_one - len(kept[-1]), 0)))
        return np.concatenate(kept) if kept else np.zeros(0, dtype=np.intp)

    def _kept(self, changes: NDArray[np.intp], nearer: NDArray[np.float64], costs: NDArray[np.float64]) -> list[int]:
        """Return the changes that go on: half of them the nearest, half those that bring the most for their cost."""
        kept: dict[int, None] = {}
        alike: Counter[tuple[int, ...]] = Counter()
        for rank, most in ((nearer, _BEAM // 2), (nearer / (costs + _FREE), _BEAM)):
            for i in np.argsort(-rank, kind="stable").tolist():
                if len(kept) >= most:
                    break
                features = tuple(sorted(self._feature[changes[i]].tolist()))
                if i not in kept and alike[features] < _OF_THE_SAME:
                    alike[features] += 1
                    kept[i] = None
        return list(kept)

    def _longer(self, changes: NDArray[np.intp], joined: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return every change with every joined step of another feature, each once."""
        pairs = np.hstack([np.repeat(changes, len(joined), axis=0), np.tile(joined, len(changes))[:, None]])
        features = self._feature[pairs]
        other = (features[:, :-1] != features[:, -1:]).all(axis=1)
        rows = np.sort(pairs[other], axis=1)
        rows = rows[np.lexsort(rows.T[::-1])]
        first = np.ones(len(rows), dtype=bool)
        first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
        return rows[first]

    def _cheaper(self, found: Found) -> Found:
        """Return it with smaller steps, where these do as well, one feature after the other."""
        for feature in found.features if len(found.features) > 1 else ():
            here = np.flatnonzero(self._feature == feature)
            now = self._cost[here][self._value[here] == found.row[feature]].min()
            less = here[self._cost[here] < now]
            less = less[np.argsort(self._cost[less], kind="stable")]
            if not len(less):
                continue
            rows = np.repeat(found.row[None, :], len(less), axis=0)
            rows[:, feature] = self._value[less]
            self._said.tried += len(less)
            for i in np.flatnonzero(self._aim(rows)[0]).tolist()[:_JUDGED_ALIKE]:
                if not self._judge(rows[i], found.features):
                    found = Found(rows[i], found.features, found.cost - float(now - self._cost[less[i]]))
                    break
        return found


def _spread(steps: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """Return up to `most` of the steps, evenly spread from the first to the last."""
    if len(steps) <= most:
        return steps
    return steps[np.unique(np.linspace(0, len(steps) - 1, most).astype(int))] if most else steps[:0]
