"""Which engine serves a bundle: the one for the model file that it holds.

LightGBM's models have two: our own (`trees_c.py`), where it is compiled and knows the model, else the library's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from daytwo.core.errors import DataError, Fault, NotFound, Refused
from daytwo.registry.bundle import Bundle
from daytwo.scoring.engine import Engine
from daytwo.scoring.foreign import PYTHON_FILE, open_foreign
from daytwo.scoring.forest import Unsuited
from daytwo.scoring.inputs import INPUTS_FILE, Inputs, MappedEngine
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.onnx import OnnxScorer
from daytwo.scoring.trees_c import TreeScorer, missing_engine
from daytwo.scoring.xgboost_c import XgboostScorer

# LightGBM's text, as daytwo trains it.
MODEL_FILE = "model.txt"
XGBOOST_FILE, ONNX_FILE = "model.ubj", "model.onnx"
MODEL_FILES = (MODEL_FILE, XGBOOST_FILE, ONNX_FILE, PYTHON_FILE)


@dataclass(frozen=True, slots=True)
class Opened:
    """The engine of a bundle. `slower` says why it is LightGBM's own where ours could be; else it is empty."""

    engine: Engine
    slower: str = ""


def open_engine(bundle: Bundle, n_features: int, *, threads: int = 1, not_ours: str = "") -> Opened:
    """Return the engine for the bundle's model; `threads` is how many a library may use for a block of rows.

    `not_ours` says why our own tree engine may not score it, if it may not.

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
        return _open(bundle, n_features, threads, not_ours)
    inputs = Inputs.from_json(bundle.read(INPUTS_FILE))
    if inputs.features != n_features:
        raise DataError(
            f"{INPUTS_FILE} is of {inputs.features} features, the contract has {n_features}",
            hint="Adopt the model again",
        )
    opened = _open(bundle, len(inputs.positions), threads, not_ours)
    return replace(opened, engine=MappedEngine(opened.engine, inputs))


def _open(bundle: Bundle, n_features: int, threads: int, not_ours: str) -> Opened:
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
        return Opened(open_foreign(bundle, n_features, bundle.trust))
    content = bundle.read(held[0])
    if held == [MODEL_FILE]:
        return _open_lightgbm(content, n_features, threads, not_ours or why_not_ours(bundle.trust.engine))
    return Opened(engine_of(held[0], content, n_features, threads=threads))


def why_not_ours(engine: str) -> str:
    """Return why our own tree engine scores no model here, whatever the model; `engine` is the setting."""
    return "[serve] engine is lightgbm" if engine == "lightgbm" else missing_engine()


def _open_lightgbm(content: bytes, n_features: int, threads: int, not_ours: str) -> Opened:
    if not not_ours:
        try:
            return Opened(TreeScorer(content, n_features))
        except (Unsuited, Fault) as err:
            not_ours = f"our own engine does not take the model: {err}"
    return Opened(LightgbmScorer(content, n_features, threads=threads), not_ours)


def quickest_lightgbm(content: bytes, n_features: int, *, threads: int = 1) -> Engine:
    """Return what scores LightGBM's text fastest here; the scores are the same to the last bit, whichever it is.

    Raises
    ------
    DataError
        If the text is damaged, or of another number of features.
    """
    return _open_lightgbm(content, n_features, threads, missing_engine()).engine


def engine_of(name: str, content: bytes, n_features: int, *, threads: int = 1) -> Engine:
    """Return the library's engine for a model file called `name`, one of `MODEL_FILES`; it must hold no Python code.

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
