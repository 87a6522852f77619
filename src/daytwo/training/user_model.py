"""The project's own `model.py`: its `fit(data)` may take the place of the built-in reference model.

The only code of a user that daytwo runs, and only from that one file; its digest is part of the lineage. Students,
calibration, evaluation and gates treat what it returns like any other model.
"""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import lightgbm as lgb
import numpy as np

from daytwo.core.errors import DataError, Mistake, Refused, SettingsError
from daytwo.core.schema import Task
from daytwo.training.conversion.estimators import estimator_text
from daytwo.training.dataset import TrainingData
from daytwo.training.fit import Fitted, model_text

FILE = "model.py"


def user_fit(folder: Path) -> Callable[[TrainingData], object] | None:
    """Return `fit` of the project's `model.py`, or None where the project has no such file.

    Raises
    ------
    SettingsError
        If the file fails to load, or has no function `fit`.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    spec = importlib.util.spec_from_file_location("daytwo_user_model", path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as err:  # whatever a user's file may raise
        raise SettingsError(f"{path} fails to load: {_where(err, path)}", hint="Correct the file") from err
    fit = getattr(module, "fit", None)
    if not callable(fit):
        raise SettingsError(f"{path} has no function 'fit'", hint="Write 'def fit(data): ...', or remove the file")
    checked: Callable[[TrainingData], object] = fit
    return checked


def fit_user(fit: Callable[[TrainingData], object], data: TrainingData, task: Task, path: Path) -> Fitted:
    """Run the user's `fit` on the fit part, and take over the model that it returns (`conversion/`).

    Raises
    ------
    DataError
        If `fit` fails; the message names the line.
    Refused
        If the model is none that can be kept as data, or is of another task or other features.
    """
    try:
        estimator = fit(data)
    except Mistake:
        raise
    except Exception as err:  # whatever a user's function may raise
        raise DataError(f"fit() in {path} failed: {_where(err, path)}", hint="Correct the function") from err
    booster = estimator if isinstance(estimator, lgb.Booster) else getattr(estimator, "booster_", None)
    if not isinstance(booster, lgb.Booster):
        booster = lgb.Booster(model_str=estimator_text(estimator, data, task).decode())
    if booster.num_feature() != len(data.schema.features) or booster.num_model_per_iteration() != 1:
        raise Refused(
            f"the model of {path} reads {booster.num_feature()} features and gives "
            f"{booster.num_model_per_iteration()} scores a row; the contract has {len(data.schema.features)} features "
            "and wants one score",
            hint="Train it on data.matrix as it is, for two classes or for a value",
        )
    kept = lgb.Booster(model_str=booster.model_to_string())
    scores = np.asarray(kept.predict(data.matrix), dtype=np.float64)
    if task is Task.BINARY and not (scores.min() >= 0 and scores.max() <= 1):
        raise Refused(f"the model of {path} does not answer with probabilities", hint="Use the objective 'binary'")
    gains = np.asarray(kept.feature_importance("gain"), dtype=np.float64)
    return Fitted(model_text(kept), kept.num_trees(), gains)


def _where(err: Exception, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(err.__traceback__) if frame.filename == str(path)]
    line = f" (line {lines[-1]})" if lines else ""
    return f"{type(err).__name__}: {err}{line}"
