"""Which engine serves a bundle: the one for the model file that it holds."""

from __future__ import annotations

from daytwo.core.errors import DataError, NotFound, Refused
from daytwo.registry.bundle import Bundle
from daytwo.scoring.engine import Engine
from daytwo.scoring.foreign import PYTHON_FILE, open_foreign
from daytwo.scoring.inputs import INPUTS_FILE, Inputs, MappedEngine
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.onnx import OnnxScorer
from daytwo.scoring.xgboost_c import XgboostScorer

# LightGBM's text, as daytwo trains it.
MODEL_FILE = "model.txt"
XGBOOST_FILE, ONNX_FILE = "model.ubj", "model.onnx"
MODEL_FILES = (MODEL_FILE, XGBOOST_FILE, ONNX_FILE, PYTHON_FILE)


def open_engine(bundle: Bundle, n_features: int, *, threads: int = 1) -> Engine:
    """Return the engine for the bundle's model; `threads` is how many a library may use for a block of rows.

    Raises
    ------
    NotFound
        If the bundle holds no model file.
    Refused
        If it holds several, or Python code that the settings do not trust.
    DataError
        If the file is damaged, or the model is none that daytwo serves.
    Mistake
        If the engine's optional package is not installed.
    """
    if INPUTS_FILE not in bundle.manifest.files:
        return _open(bundle, n_features, threads)
    inputs = Inputs.from_json(bundle.read(INPUTS_FILE))
    if inputs.features != n_features:
        raise DataError(
            f"{INPUTS_FILE} is of {inputs.features} features, the contract has {n_features}",
            hint="Adopt the model again",
        )
    return MappedEngine(_open(bundle, len(inputs.positions), threads), inputs)


def _open(bundle: Bundle, n_features: int, threads: int) -> Engine:
    held = [name for name in MODEL_FILES if name in bundle.manifest.files]
    if len(held) > 1:
        raise Refused(
            f"bundle {bundle.digest[:12]} holds several models: {', '.join(held)}", hint="Make it with one of them"
        )
    if not held:
        raise NotFound(
            f"bundle {bundle.digest[:12]} holds no {', '.join(MODEL_FILES[:-1])} or {PYTHON_FILE}",
            hint="Make the model again",
        )
    if held == [PYTHON_FILE]:
        return open_foreign(bundle, n_features, bundle.trust)
    return engine_of(held[0], bundle.read(held[0]), n_features, threads=threads)


def engine_of(name: str, content: bytes, n_features: int, *, threads: int = 1) -> Engine:
    """Return the engine for a model file called `name`, of the names in `MODEL_FILES`; it must hold no Python code.

    Raises
    ------
    DataError
        If the file is damaged, or the model is none that daytwo serves.
    Mistake
        If the engine's optional package is not installed.
    """
    if name == XGBOOST_FILE:
        return XgboostScorer(content, n_features, threads=threads)
    if name == ONNX_FILE:
        return OnnxScorer(content, n_features, threads=threads)
    return LightgbmScorer(content, n_features, threads=threads)
