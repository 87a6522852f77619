"""A model that somebody else trained, read from its file: its kind, the columns it wants, the codes of its categories.

LightGBM text, XGBoost (UBJSON or JSON), CatBoost (JSON), ONNX, and MLflow folders that hold one of these. No file is
run or unpickled. `adopt.py` next door holds it against a contract.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from daytwo.core.digest import digest_bytes
from daytwo.core.errors import DataError, Mistake, NotFound, Refused
from daytwo.core.schema import Feature, Schema
from daytwo.scoring.engines import MODEL_FILE, ONNX_FILE, XGBOOST_FILE
from daytwo.scoring.ubjson import read_ubjson
from daytwo.training.conversion.boosted import catboost_objective, catboost_trees
from daytwo.training.conversion.tree_text import tree_text

# What LightGBM calls the columns of a model that was trained on an array.
_ARRAY_COLUMN = "Column_"
_PANDAS = b"pandas_categorical:"
_PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".skops", ".cbm", ".pt", ".pth", ".h5", ".keras"})
# Those among them that --trust opens (`pickled.py`).
_OPENED = frozenset({".pkl", ".pickle", ".joblib", ".skops"})
_CONVERT = (
    "Export it as ONNX (skl2onnx for scikit-learn, torch.onnx), CatBoost's as save_model(format='json'), or return a "
    "LightGBM model from fit() in model.py"
)


@dataclass(frozen=True, slots=True)
class ForeignModel:
    """A model file as a bundle holds it.

    `file` is its name there, which says its engine; `content` its bytes; `n_inputs` how many numbers it reads a row,
    0 where the file does not say. `columns` are their names in order, empty where the file has none; `levels` the
    values of its categories by column, each in the order of its codes; `ordered_levels` the same of categories whose
    column the file does not name, in the columns' order. `categories` are columns that it takes for categories
    without saying which values those have. `kind` is what people call it; `notes` what was done to it.
    """

    kind: str
    file: str
    content: bytes
    n_inputs: int = 0
    columns: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ordered_levels: tuple[tuple[str, ...], ...] = ()
    categories: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def read_foreign(path: Path) -> ForeignModel:
    """Read a model file, or the folder of an MLflow model.

    Raises
    ------
    NotFound
        If there is nothing.
    Refused
        If it is code or a pickle: reading it would run it.
    DataError
        If it is damaged or no model that daytwo serves.
    """
    if path.is_dir():
        return _mlflow(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError as err:
        raise NotFound(f"there is no model {path}", hint="Name a model file, or the folder of an MLflow model") from err
    except OSError as err:
        raise DataError(f"{path} cannot be read: {err.strerror}", hint="Check its permissions") from err
    if path.suffix in _PICKLES or content.startswith(b"\x80"):
        told = f"{path} would have to be run to be read, and daytwo runs no pickles"
        trusted = f"; or, if you know who wrote it, --trust sha256:{digest_bytes(content)}"
        raise Refused(told, hint=_CONVERT + (trusted if path.suffix in _OPENED else ""))
    if content.startswith(b"tree\n"):
        return lightgbm_model(content, path)
    if path.suffix == ".onnx":
        return ForeignModel("ONNX", ONNX_FILE, content)
    if content.startswith(b"{"):
        return _catboost(content, path) if b'"features_info"' in content else _xgboost(content, path)
    raise DataError(
        f"{path} is no LightGBM text, XGBoost, CatBoost or ONNX model",
        hint="Save it with booster.save_model('model.txt' | 'model.ubj'), or export it as model.onnx",
    )


def lightgbm_model(content: bytes, path: Path) -> ForeignModel:
    """Read LightGBM's text; `path` is what it is called in messages."""
    head = content.split(b"\n\n", 1)[0].decode("utf-8", "replace")
    lines = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    names = tuple(lines.get("feature_names", "").split(" ")) if lines.get("feature_names") else ()
    if not names or any(not name for name in names):
        raise DataError(f"{path} names no features", hint="Save the model again with booster.save_model()")
    by_place = all(name == f"{_ARRAY_COLUMN}{i}" for i, name in enumerate(names))
    return ForeignModel(
        "LightGBM",
        MODEL_FILE,
        content,
        n_inputs=len(names),
        columns=() if by_place else names,
        ordered_levels=_pandas_levels(content, path),
    )


def _pandas_levels(content: bytes, path: Path) -> tuple[tuple[str, ...], ...]:
    """Return the values of the categories of the frame that LightGBM was trained on, which its text ends with."""
    at = content.rfind(_PANDAS)
    if at < 0:
        return ()
    try:
        told = json.loads(content[at + len(_PANDAS) :])
        return tuple(tuple(_text(value) for value in values) for values in told or ())
    except (ValueError, TypeError) as err:
        raise DataError(f"{path}: its pandas categories are damaged: {err}", hint="Save the model again") from err


def _xgboost(content: bytes, path: Path) -> ForeignModel:
    notes: tuple[str, ...] = ()
    if content[:2] in {b'{"', b"{\n", b"{ "}:
        content = _as_ubjson(content, path)
        notes = ("written as UBJSON, with the same trees",)
    try:
        model: Any = read_ubjson(content)
        learner = model["learner"]
        names = tuple(str(name) for name in learner.get("feature_names") or ())
        kinds = [str(kind) for kind in learner.get("feature_types") or ()]
        rounds = len(learner["gradient_booster"]["model"]["iteration_indptr"]) - 1
        n_inputs = int(learner["learner_model_param"]["num_feature"])
        best = learner.get("attributes", {}).get("best_iteration")
        levels = _xgboost_levels(learner["gradient_booster"]["model"].get("cats"), names)
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise DataError(f"{path} is no XGBoost model that can be read: {err!r}", hint="Save it again") from err
    if best is not None and int(best) + 1 < rounds:
        raise Refused(
            f"{path} holds {rounds} rounds and is best with {int(best) + 1}: all of them would count",
            hint="Save booster[: booster.best_iteration + 1] instead",
        )
    categories = frozenset(name for name, kind in zip(names, kinds, strict=False) if kind == "c")
    return ForeignModel(
        "XGBoost",
        XGBOOST_FILE,
        content,
        n_inputs=n_inputs,
        columns=names,
        levels=levels,
        categories=categories - levels.keys(),
        notes=notes,
    )


def _catboost(content: bytes, path: Path) -> ForeignModel:
    try:
        told: Any = json.loads(content)
        inputs = sorted(told["features_info"]["float_features"], key=lambda one: int(one["flat_feature_index"]))
        if told["features_info"].get("categorical_features"):
            raise Refused(f"{path} counts categories in CatBoost's own way", hint="Train it without cat_features")
        if [int(one["flat_feature_index"]) for one in inputs] != [*range(len(inputs))]:
            raise Refused(
                f"{path} reads texts or embeddings, which daytwo has none of", hint="Train it on numbers alone"
            )
        names = tuple(str(one.get("feature_id") or place) for place, one in enumerate(inputs))
        objective, bias = catboost_objective(told), float(np.sum(told["scale_and_bias"][1]))
        schema = Schema(tuple(Feature(name) for name in names))
        text = tree_text(catboost_trees(told), schema, objective=objective, base=bias)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as err:
        raise DataError(f"{path} is no CatBoost model that can be read: {err!r}", hint="Save it again") from err
    return ForeignModel(
        "CatBoost",
        MODEL_FILE,
        text,
        n_inputs=len(names),
        columns=() if all(name.isdecimal() for name in names) else names,
        notes=("its trees written as LightGBM's text, with the same scores",),
    )


def _as_ubjson(content: bytes, path: Path) -> bytes:
    try:
        xgboost: Any = importlib.import_module("xgboost")  # an optional package that only this kind of file needs
    except ImportError as err:
        raise Mistake(
            f"{path} is XGBoost's JSON, which the package xgboost must rewrite",
            hint="pip install 'daytwo[xgboost]', or save it as model.ubj",
        ) from err
    try:
        return bytes(xgboost.Booster(model_file=bytearray(content)).save_raw("ubj"))
    except xgboost.core.XGBoostError as err:
        raise DataError(f"{path} is no XGBoost model: {str(err).splitlines()[0]}", hint="Save it again") from err


def _xgboost_levels(cats: Any, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the categories that XGBoost 3.1 and later keeps in the model: texts as bytes and offsets, or integers."""
    found: dict[str, tuple[str, ...]] = {}
    for name, encoded in zip(names, (cats or {}).get("enc", ()), strict=False):
        values = [int(value) for value in encoded["values"]]
        if not values:
            continue
        if "offsets" in encoded:
            ends = [int(end) for end in encoded["offsets"]]
            raw = bytes(value % 256 for value in values)
            found[name] = tuple(raw[a:b].decode("utf-8") for a, b in pairwise(ends))
        else:
            found[name] = tuple(str(value) for value in values)
    return found


def _mlflow(folder: Path) -> ForeignModel:
    path = folder / "MLmodel"
    if not path.is_file():
        raise NotFound(f"{folder} holds no MLmodel", hint="Name a model file, or the folder of an MLflow model")
    try:
        told: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        flavours: Mapping[str, Any] = told["flavors"]
        names = _signature(told.get("signature"))
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError) as err:
        raise DataError(f"{path} is damaged: {err}", hint="Log the model again") from err
    for flavour in ("lightgbm", "xgboost", "onnx"):
        data = flavours.get(flavour, {}).get("data")
        if data:
            inner = (folder / str(data)).resolve()
            if not inner.is_relative_to(folder.resolve()):
                raise Refused(f"{path} points outside its folder, at {data}", hint="Log the model again")
            model = read_foreign(inner)
            return _named(model, names)
    raise Refused(f"{path} has the flavours {', '.join(flavours)}, none of which is a model as data", hint=_CONVERT)


def _signature(signature: Any) -> tuple[str, ...]:
    """Return the names of a signature's columns; empty where there is none, or it is of tensors."""
    columns = json.loads((signature or {}).get("inputs") or "[]")
    names = [column.get("name") for column in columns]
    return tuple(str(name) for name in names) if all(names) else ()


def _named(model: ForeignModel, names: tuple[str, ...]) -> ForeignModel:
    if model.columns or not names:
        return model
    return replace(model, columns=names)


def _text(value: object) -> str:
    """Return a category as the contract writes it: whole numbers without a point, truths in lower case."""
    match value:
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)
