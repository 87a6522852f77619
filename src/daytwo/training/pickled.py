"""A model that only a pickle holds, taken over as data: opened once, by whoever trusts exactly these bytes.

To open a pickle is to run what its writer put into it. So nothing is opened unless its digest was named; what comes
out is converted to trees as text, and neither a bundle nor a server ever holds or opens the pickle. skops files hold
no such code where all their types are known; of others the digest must be named, too.
"""

from __future__ import annotations

import importlib
import io
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daytwo.core.digest import digest_bytes
from daytwo.core.errors import DataError, Mistake, Refused
from daytwo.core.schema import Feature, Schema, Task
from daytwo.explain.trees import Trees, parse_trees
from daytwo.scoring.engines import MODEL_FILE
from daytwo.training.conversion.estimators import estimator_text
from daytwo.training.dataset import TrainingData
from daytwo.training.foreign_model import ForeignModel, lightgbm_model

PREFIX = "sha256:"
_ROWS, _SEED = 4_000, 20130401


def read_trusted(path: Path, trust: str) -> ForeignModel:
    """Open a pickle, joblib or skops file whose digest is `trust` (`sha256:` and 64 hex digits), and convert it.

    Raises
    ------
    Refused
        If the file has another digest, or the model in it cannot be taken over exactly: all its inputs must be numbers.
    DataError
        If it cannot be read or opened.
    Mistake
        If a package that the file needs is not installed.
    """
    try:
        content = path.read_bytes()
    except OSError as err:
        raise DataError(f"{path} cannot be read: {err.strerror}", hint="Name a model file") from err
    found = PREFIX + digest_bytes(content)
    if found != trust:
        raise Refused(
            f"{path} is {found}, not {trust}; it was not opened",
            hint="Ask who wrote it for its digest: to open a pickle is to run what is in it",
        )
    estimator = _opened(content, path)
    told = f"opened once and converted; {found} is what was trusted"
    booster = getattr(estimator, "booster_", None)
    if booster is not None:  # LightGBM, which writes the text itself
        return replace(lightgbm_model(booster.model_to_string().encode(), path), notes=(told,))
    names = tuple(str(name) for name in getattr(estimator, "feature_names_in_", ()))
    width = int(getattr(estimator, "n_features_in_", 0))
    if not width:
        raise Refused(f"{path} holds a {type(estimator).__name__}, which does not say what it reads", hint=_WAY_OUT)
    if any(np.any(getattr(step, "is_categorical_", None)) for step in _steps(estimator)):
        raise Refused(f"{path} reads categories by codes of its own", hint=_WAY_OUT)
    task = Task.BINARY if hasattr(estimator, "classes_") else Task.REGRESSION
    schema = Schema(tuple(Feature(name) for name in names or (f"Column_{i}" for i in range(width))))
    text = _converted(_bare(estimator), schema, task)
    return ForeignModel(type(estimator).__name__, MODEL_FILE, text, n_inputs=width, columns=names, notes=(told,))


_WAY_OUT = "Export it as ONNX (skl2onnx), or return the model from fit() in model.py"


def _bare(estimator: Any) -> Any:
    """Return the estimator without the names of its columns: the rows that prove it are arrays."""
    for one in _steps(estimator):
        if "feature_names_in_" in getattr(one, "__dict__", {}):
            del one.feature_names_in_
    return estimator


def _steps(estimator: Any) -> list[Any]:
    return [estimator, *(step for _, step in getattr(estimator, "steps", ()))]


def _converted(estimator: Any, schema: Schema, task: Task) -> bytes:
    """Convert in two rounds: the first finds the thresholds, the second proves the scores on and between them."""
    width = len(schema.features)
    plain = np.random.default_rng(_SEED).normal(size=(_ROWS, width)).astype(np.float32)
    labels = np.zeros(_ROWS)
    text = estimator_text(estimator, TrainingData(schema, plain, labels), task)
    return estimator_text(estimator, TrainingData(schema, _around(parse_trees(text), width), labels), task)


def _around(trees: Trees, width: int) -> NDArray[np.float32]:
    """Return rows all of whose values lie between, below or above the thresholds that their columns are asked for."""
    chance = np.random.default_rng(_SEED)
    matrix = np.zeros((_ROWS, width), dtype=np.float32)
    for place in range(width):
        cuts = np.unique(trees.threshold[trees.feature == place])
        cuts = cuts[np.abs(cuts) < np.finfo(np.float32).max]
        if cuts.size:
            values = np.concatenate([cuts[:1] - 1, (cuts[1:] + cuts[:-1]) / 2, cuts[-1:] + 1])
            matrix[:, place] = chance.choice(values, _ROWS)
    return matrix


def _opened(content: bytes, path: Path) -> Any:
    try:
        if path.suffix == ".skops":
            skops: Any = importlib.import_module("skops.io")
            return skops.loads(content, trusted=skops.get_untrusted_types(data=content))
        if path.suffix == ".joblib":
            return importlib.import_module("joblib").load(io.BytesIO(content))
        return pickle.loads(content)  # noqa: S301 - its digest was named by whoever trusts it
    except ImportError as err:
        package = str(err.name or "scikit-learn").split(".")[0].replace("sklearn", "scikit-learn")
        raise Mistake(
            f"{path} needs the package {package}, which is not installed here",
            hint=f"Install what the model was trained with: pip install {package}",
        ) from err
    except Exception as err:  # whatever a pickle may raise
        raise DataError(
            f"{path} cannot be opened: {type(err).__name__}: {err}",
            hint="Open it with the versions that it was written with, and export it as ONNX",
        ) from err
