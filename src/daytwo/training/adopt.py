"""Adopt a model that somebody else trained: which of the contract's features it reads, and the proof that it is so.

`foreign_model.py` reads the file; `candidate.py` treats what comes out as the reference model of a candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daytwo.core.digest import digest_bytes
from daytwo.core.errors import DataError, Refused
from daytwo.core.schema import Feature, Schema, Task
from daytwo.scoring.engine import Engine
from daytwo.scoring.engines import engine_of
from daytwo.scoring.inputs import INPUTS_FILE, Inputs, MappedEngine
from daytwo.training.dataset import TrainingData
from daytwo.training.fit import Fitted
from daytwo.training.foreign_model import ForeignModel

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Adopted:
    """A foreign model held against a contract.

    `assumed` names the categories whose codes the file does not tell: those of the contract are taken for them.
    """

    model: ForeignModel
    inputs: Inputs
    assumed: tuple[str, ...] = ()

    @property
    def files(self) -> dict[str, bytes]:
        """Return the files of the bundle that hold the model."""
        held = {self.model.file: self.model.content}
        return held if self.inputs.is_plain else {**held, INPUTS_FILE: self.inputs.to_json()}

    @property
    def told(self) -> dict[str, object]:
        """What the lineage says of it."""
        return {"kind": self.model.kind, "digest": digest_bytes(self.model.content), "notes": list(self.model.notes)}

    def engine(self, *, threads: int = 1) -> Engine:
        """Return the engine that will serve it."""
        inside = engine_of(self.model.file, self.model.content, len(self.inputs.positions), threads=threads)
        return inside if self.inputs.is_plain else MappedEngine(inside, self.inputs)


def hold_against(model: ForeignModel, schema: Schema, *, columns: Sequence[str] = ()) -> Adopted:
    """Find the contract's feature for each input of a model.

    Inputs are found by name, blanks and underscores counting as the same; a model whose file has no names needs
    `columns`, or reads as many features as the contract has columns that are features.

    Raises
    ------
    DataError
        If an input is no feature of the contract, the numbers differ, or the codes of a category are not known; the
        message names the columns.
    """
    names = tuple(columns) or model.columns or _all_measured(model, schema)
    if model.n_inputs and len(names) != model.n_inputs:
        raise DataError(
            f"the model reads {model.n_inputs} columns a row and {len(names)} are named",
            hint="Name them with --columns, in the order that the model was trained with",
        )
    known = {_plain(feature.name): place for place, feature in enumerate(schema.features)}
    missing = [name for name in names if _plain(name) not in known]
    if missing:
        raise DataError(
            f"the model reads {', '.join(missing[:_SHOWN])}, which {'are' if len(missing) > 1 else 'is'} no feature "
            f"of the contract; its features are {', '.join(schema.names[:30])}",
            hint="Give the column the role 'feature' in contract.toml, or name the model's columns with --columns",
        )
    positions = tuple(known[_plain(name)] for name in names)
    read = [(name, schema.features[place]) for name, place in zip(names, positions, strict=True)]
    levels = _levels(model, read)
    codes = tuple(_codes(feature, levels.get(name)) for name, feature in read)
    assumed = tuple(feature.name for name, feature in read if feature.is_category and name not in levels)
    return Adopted(model, Inputs(len(schema.features), positions, codes), assumed)


def as_fitted(adopted: Adopted, engine: Engine, data: TrainingData, task: Task) -> Fitted:
    """Return the model as if it had been grown here; its scores of the fit part must be what the task asks for.

    Raises
    ------
    Refused
        If a model for two classes does not answer with probabilities.
    """
    scores = engine.many(data.matrix)
    low, high = float(np.nanmin(scores)), float(np.nanmax(scores))
    if task is Task.BINARY and not 0 <= low <= high <= 1:
        raise Refused(
            f"the model answers from {low:.3g} to {high:.3g}, and a probability lies in [0, 1]",
            hint="Save the model with its probability of the positive class, not log-odds, a rank or a label",
        )
    trees = 0 if engine.trees is None else len(engine.trees.roots)
    return Fitted(adopted.model.content, trees, np.zeros(data.matrix.shape[1]))


def _all_measured(model: ForeignModel, schema: Schema) -> tuple[str, ...]:
    """Return the contract's features without the flags that it adds, where the model reads as many."""
    flags = {f"{name}_imputed" for name in schema.names}
    measured = tuple(name for name in schema.names if name not in flags)
    if model.n_inputs in {0, len(measured)}:
        return measured
    return schema.names if model.n_inputs == len(schema.names) else measured


def _levels(model: ForeignModel, read: Sequence[tuple[str, Feature]]) -> dict[str, tuple[str, ...]]:
    """Return the values of the model's categories, by the model's names.

    Categories that the file tells without a column belong to the contract's categories among the inputs, in order.
    """
    levels = dict(model.levels)
    if model.ordered_levels:
        categories = [name for name, feature in read if feature.is_category]
        if len(categories) != len(model.ordered_levels):
            raise DataError(
                f"the model has {len(model.ordered_levels)} categories, and {len(categories)} of its columns are "
                f"categories in the contract: {', '.join(categories) or 'none'}",
                hint="Give each of the model's category columns the type 'category' in contract.toml",
            )
        levels |= dict(zip(categories, model.ordered_levels, strict=True))
    return levels


def _codes(feature: Feature, levels: tuple[str, ...] | None) -> tuple[int | None, ...] | None:
    """Return the model's code of each of the contract's levels; the contract's own where the model names none."""
    if not feature.is_category:
        return None
    if levels is None:
        return tuple(range(len(feature.levels)))
    code = {level: place for place, level in enumerate(levels)}
    if not any(level in code for level in feature.levels):
        raise DataError(
            f"{feature.name}: the model knows {', '.join(levels[:_SHOWN])}, the contract "
            f"{', '.join(feature.levels[:_SHOWN])}",
            hint="Write the levels in contract.toml as the model's training rows did",
        )
    return tuple(code.get(level) for level in feature.levels)


def _plain(name: str) -> str:
    """LightGBM writes a blank in a name as an underscore."""
    return "_".join(name.split())
