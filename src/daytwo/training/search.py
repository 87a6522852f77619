"""Look for a better recipe than the usual one, within a budget: Optuna proposes, later rows of the fit part judge.

Each recipe is tried on three spans of time as in earnest: trained on what lies before, stopped by the rows just before
the span, which then judge nothing. The best of many looks better than it is,
and what was best in the past may be bad now: it takes the place of the usual recipe only if it did better on every one
of the spans, and then on the newer rows too that stop the growing and choose among variants. The rows that gates judge
by are not looked at. Nothing is written down before the end: a search that is interrupted leaves nothing.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from daytwo.core.errors import Mistake
from daytwo.core.schema import Task
from daytwo.training.dataset import TrainingData
from daytwo.training.fit import Rehearsal, bin_rows, held_out, rehearsed_loss
from daytwo.training.progress import Tell, silent
from daytwo.training.recipe import Binning, Recipe
from daytwo.training.weights import Weighting

# Where the rows that stop the growing begin, those that judge, and where these end, in shares of the fit part: the last
# ones, because the next rows will be like them.
_SPANS = ((0.45, 0.55, 0.7), (0.6, 0.7, 0.85), (0.75, 0.85, 1.0))
# So many trials are proposed by chance before the sampler learns from them, and before one is given up early.
_BY_CHANCE = 8
# With a smaller rate more trees are needed; more than this many no recipe grows.
_MOST_TREES = 1500
# How far from the usual recipe is looked: so many times as many leaves or rows in them, or as few, and other shares of
# columns. Further off, leaves of 150 rows or trees of 7 leaves won on the past of two real sets, and lost much later.
_FAR, _SHARE_FAR = 2.5, 0.2


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to look: `trials` recipes and `minutes`, whichever ends first; 0 sets no end. Both 0: do not look."""

    trials: int = 0
    minutes: float = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be looked for."""
        return not (self.trials or self.minutes)


@dataclass(frozen=True, slots=True)
class Trial:
    """One recipe that was tried. `losses` are those of the spans: fewer than three where it was given up early.

    A loss is the log-loss (binary) or the squared error, of rows weighted as in training.
    """

    number: int
    recipe: Recipe
    losses: tuple[float, ...]

    @property
    def loss(self) -> float:
        """The mean loss; infinite where the trial was given up."""
        return float(np.mean(self.losses)) if len(self.losses) == len(_SPANS) else np.inf


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found. The first of the `trials` is the usual recipe.

    `newer` is what the usual recipe and the best one lose on newer rows; None where the usual one is the best.
    """

    trials: tuple[Trial, ...]
    newer: tuple[float, float] | None = None

    @property
    def best(self) -> Trial:
        """The trial with the lowest loss, the earlier one of equals."""
        return min(self.trials, key=lambda one: (one.loss, one.number))

    @property
    def chosen(self) -> Trial:
        """The best trial if it did better than the usual recipe wherever both were tried, else the usual recipe."""
        usual, best = self.trials[0], self.best
        places = [*zip(usual.losses, best.losses, strict=True), *([] if self.newer is None else [self.newer])]
        return best if all(after < before for before, after in places) else usual

    @property
    def told(self) -> Mapping[str, object]:
        """What the lineage says of it."""
        return {
            "chosen": self.chosen.number,
            "best": self.best.number,
            "loss": self.best.loss,
            "usual_loss": self.trials[0].loss,
            "newer": None if self.newer is None else {"usual": self.newer[0], "best": self.newer[1]},
            "trials": [
                {"number": one.number, "losses": list(one.losses), "recipe": one.recipe.parameters}
                for one in self.trials
            ],
        }


def check_search() -> None:
    """Refuse to begin what would fail at once.

    Raises
    ------
    Mistake
        If Optuna is not installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise Mistake(
            "a search for a recipe needs Optuna, which is not installed",
            hint="Run `pip install 'daytwo[search]'`, or leave --trials and --minutes (and [train] both) at 0",
        )


def search_recipe(
    fit: TrainingData,
    newer: tuple[TrainingData, TrainingData],
    task: Task,
    usual: Recipe,
    budget: Budget,
    *,
    weighting: Weighting,
    seed: int,
    threads: int,
    tell: Tell = silent,
    clock: Callable[[], float] = time.monotonic,
) -> Searched:
    """Try recipes on `fit` until the budget is spent, and the best of them on the `newer` parts: one stops, one judges.

    With `trials` alone the same rows and seed find the same one.

    `minutes` end the search after the trial's span that is under way, so it then depends on the machine's speed. The
    usual recipe is always tried to the end.

    Raises
    ------
    Mistake
        If Optuna is not installed.

    Sources: J. Bergstra et al. (2011), Algorithms for hyper-parameter optimization, NeurIPS (the sampler); L. Tashman
    (2000), Out-of-sample tests of forecasting accuracy, Int. J. Forecasting 16(4), 437-450 (the spans).
    """
    check_search()
    optuna: Any = importlib.import_module("optuna")  # a second, so only where it is needed
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    ends = clock() + budget.minutes * 60 if budget.minutes else np.inf

    def rehearsal(rows: TrainingData, stop: TrainingData, judge: TrainingData) -> Rehearsal:
        binned = bin_rows(rows, task, Binning(), seed=seed, threads=threads, weights=weighting.of(rows))
        return Rehearsal(binned, *(held_out(binned, part, weighting.of(part)) for part in (stop, judge)))

    spans = [rehearsal(*_parts(fit, *cuts)) for cuts in _SPANS]
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=_BY_CHANCE),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_BY_CHANCE),
    )
    study.enqueue_trial(
        {name: getattr(usual, name) for name in ("leaves", "rate", "min_rows", "penalty", "column_share")}
    )
    tried: list[Trial] = []
    of = f" of {budget.trials}" if budget.trials else ""
    while not budget.trials or len(tried) < budget.trials:
        if tried and clock() >= ends:
            break
        trial = study.ask()
        proposed = _proposed(trial, usual)
        recipe = proposed if tried else usual
        losses: list[float] = []
        for place, span in enumerate(spans, start=1):
            tell(f"search: recipe {len(tried) + 1}{of}, span {place} of {len(spans)}")
            losses.append(rehearsed_loss(span, recipe))
            trial.report(float(np.mean(losses)), len(losses))
            if tried and (trial.should_prune() or clock() >= ends):
                break
        tried.append(Trial(len(tried), recipe, tuple(losses)))
        is_whole = len(losses) == len(spans)
        study.tell(
            trial, tried[-1].loss if is_whole else None, state=None if is_whole else optuna.trial.TrialState.PRUNED
        )
        best = Searched(tuple(tried)).best
        tell(f"search: {len(tried)}{of} recipes, loss {best.loss:.5g} (the usual one {tried[0].loss:.5g})")
    best = Searched(tuple(tried)).best
    if best.recipe == usual:
        return Searched(tuple(tried))
    last = rehearsal(fit, *newer)
    return Searched(tuple(tried), (rehearsed_loss(last, usual), rehearsed_loss(last, best.recipe)))


def _proposed(trial: Any, usual: Recipe) -> Recipe:
    """Ask the sampler for a recipe not far from the usual one, which has held in many worlds."""
    rate = trial.suggest_float("rate", usual.rate / 2, usual.rate * 2, log=True)
    fewest, most = max(1, round(usual.min_rows / _FAR)), round(usual.min_rows * _FAR)
    return replace(
        usual,
        rate=rate,
        trees=min(_MOST_TREES, round(usual.trees * usual.rate / rate)),
        leaves=trial.suggest_int("leaves", max(4, round(usual.leaves / _FAR)), round(usual.leaves * _FAR), log=True),
        min_rows=trial.suggest_int("min_rows", fewest, most, log=True),
        penalty=trial.suggest_float("penalty", usual.penalty / 10, usual.penalty * 10, log=True),
        column_share=trial.suggest_float(
            "column_share", max(0.1, usual.column_share - _SHARE_FAR), min(1.0, usual.column_share + _SHARE_FAR)
        ),
    )


def _parts(fit: TrainingData, *cuts: float) -> list[TrainingData]:
    """Return the rows before the first cut, and those between the others; cuts are shares of all rows."""
    places = [0, *(int(fit.rows * cut) for cut in cuts)]
    return [fit.take(slice(*ends)) for ends in pairwise(places)]
