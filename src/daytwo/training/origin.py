"""What a reference model is made by: the project's own function, or a recipe, the usual or a searched one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

from daytwo.core.errors import SettingsError
from daytwo.core.schema import Task
from daytwo.core.settings import TrainSettings
from daytwo.training.dataset import Parts, TrainingData
from daytwo.training.progress import Tell, silent
from daytwo.training.recipe import Recipe, reference_recipe
from daytwo.training.search import Budget, Searched, search_recipe
from daytwo.training.weights import Weighting, weighting_of

_EVEN = Weighting()


@dataclass(frozen=True, slots=True)
class Origin:
    """The project's `own` function, or the `recipe`, which may be `searched`; neither for a model from elsewhere."""

    own: Callable[[TrainingData], object] | None = None
    weighting: Weighting = _EVEN
    recipe: Recipe | None = None
    searched: Searched | None = None

    @property
    def told(self) -> dict[str, object]:
        """What the lineage says of it."""
        told: dict[str, object] = {} if self.recipe is None else {"reference": self.recipe.parameters}
        if self.searched is not None:
            told |= {"search": self.searched.told, "optuna": metadata.version("optuna")}
        return told


def origin_of(
    parts: Parts,
    task: Task,
    settings: TrainSettings,
    own: Callable[[TrainingData], object] | None,
    *,
    seed: int,
    threads: int,
    tell: Tell = silent,
) -> Origin:
    """Return what makes the reference model of these parts, after a search where `settings` ask for one.

    Raises
    ------
    SettingsError
        If a search or a class weight is asked for, and the project's own function makes the model.
    """
    budget = Budget(settings.trials, settings.minutes)
    if own is not None:
        asked = "a search" if not budget.is_empty else "class_weight" if settings.class_weight else ""
        if asked:
            raise SettingsError(
                f"[train] asks for {asked}, and model.py makes the model itself",
                hint="Do it in model.py, or take model.py away to have daytwo train",
            )
        return Origin(own)
    fit = parts.fit
    weighting, usual = weighting_of(fit, settings.class_weight, task), reference_recipe(fit.rows, task)
    if budget.is_empty:
        return Origin(None, weighting, usual)
    searched = search_recipe(
        fit, (parts.tune, parts.select), task, usual, budget, weighting=weighting, seed=seed, threads=threads, tell=tell
    )
    return Origin(None, weighting, searched.chosen.recipe, searched)
