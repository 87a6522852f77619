"""One small model for each engine, with its scores by other means: the library's own Python package, or numpy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
import xgboost
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tests.scoring.conftest import make_matrix, train

from daytwo.registry.trust import Trust
from daytwo.scoring.engine import Engine
from daytwo.scoring.foreign import PythonScorer, foreign_files
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.onnx import OnnxScorer
from daytwo.scoring.trees_c import TreeScorer, missing_engine
from daytwo.scoring.xgboost_c import XgboostScorer

D = 6
KINDS = ["q"] * 4 + ["c"] * 2
WEIGHTS = np.array([0.7, -1.1, 0.3, 0.05, 0.4, -0.02], dtype=np.float32)
ENTRY = "logistic:score"
CODE = {
    "logistic.py": b"""import numpy as np
from pathlib import Path

WEIGHTS = np.frombuffer(Path(__file__).with_name("weights.bin").read_bytes(), dtype="<f4")

def score(rows):
    print("scoring", len(rows))
    return 1 / (1 + np.exp(-(np.nan_to_num(rows).astype(float) @ WEIGHTS.astype(float) + 0.25)))
""",
    "weights.bin": WEIGHTS.astype("<f4").tobytes(),
}


@dataclass(frozen=True)
class Made:
    """`files` go into a bundle, `open` makes the engine of a model's content, `expected` scores by other means."""

    files: dict[str, bytes]
    open: Callable[[bytes, int], Engine]
    expected: Callable[[NDArray[np.float32]], NDArray[np.float64]]

    @property
    def content(self) -> bytes:
        return next(iter(self.files.values()))


def labels_of(x, objective="binary:logistic"):
    rng = np.random.default_rng(1)
    value = np.nan_to_num(x[:, 0]) + (x[:, 5] % 3 == 1) + np.nan_to_num(x[:, 1] * x[:, 2]) + rng.normal(size=len(x))
    return value if objective.startswith("reg:") else (value > 0.5).astype(float)


def boost(objective="binary:logistic", rounds=30, **parameters):
    x = make_matrix(3000)
    rows = xgboost.DMatrix(x, labels_of(x, objective), feature_types=KINDS, enable_categorical=True)
    settings = {"objective": objective, "max_depth": 4, "nthread": 1, "max_cat_to_onehot": 3, "seed": 7}
    return xgboost.train(settings | parameters, rows, rounds)


def ubj(booster):
    return bytes(booster.save_raw("ubj"))


def by_package(booster, matrix, **how):
    rows = xgboost.DMatrix(matrix, feature_types=KINDS, enable_categorical=True)
    return booster.predict(rows, **how).astype(np.float64)


def logistic(matrix):
    return 1 / (1 + np.exp(-(np.nan_to_num(matrix).astype(float) @ WEIGHTS.astype(float) + 0.25)))


def graph(nodes, outputs, *, shape=("n", D), name="rows", kind=TensorProto.FLOAT, extra=(), more_inputs=()):
    """Return an ONNX model that begins with the logistic model's log-odds, named `odds`, shape (n, 1)."""
    first = [
        helper.make_node("IsNaN", [name], ["gone"]),
        helper.make_node("Where", ["gone", "zero", name], ["there"]),
        helper.make_node("MatMul", ["there", "weights"], ["sums"]),
        helper.make_node("Add", ["sums", "bias"], ["odds"]),
    ]
    constants = [
        numpy_helper.from_array(np.zeros(1, dtype=np.float32), "zero"),
        numpy_helper.from_array(WEIGHTS.reshape(-1, 1), "weights"),
        numpy_helper.from_array(np.array([0.25], dtype=np.float32), "bias"),
        *extra,
    ]
    inputs = [helper.make_tensor_value_info(name, kind, shape), *more_inputs]
    made = helper.make_graph([*first, *nodes], "model", inputs, outputs, constants)
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(made, opset_imports=domains, ir_version=9).SerializeToString()


def sigmoid_graph(**how):
    out = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ("n", 1))
    return graph([helper.make_node("Sigmoid", ["odds"], ["probability"])], [out], **how)


def tree_graph(**changed):
    """Return an ONNX model of one tree, x0 <= 0.5 ? 1 : 2, with some of its lists changed."""
    lists = {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_hitrates": [1.0, 1.0, 1.0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "nodes_missing_value_tracks_true": [0, 0, 0],
        "target_treeids": [0, 0],
        "target_nodeids": [1, 2],
        "target_ids": [0, 0],
        "target_weights": [1.0, 2.0],
    } | changed
    node = helper.make_node("TreeEnsembleRegressor", ["rows"], ["value"], domain="ai.onnx.ml", n_targets=1, **lists)
    made = helper.make_graph(
        [node],
        "tree",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ("n", D))],
        [helper.make_tensor_value_info("value", TensorProto.FLOAT, ("n", 1))],
    )
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return onnx.helper.make_model(made, opset_imports=domains, ir_version=9).SerializeToString()


def make_lightgbm():
    booster = train("binary")
    return Made({"model.txt": booster.model_to_string().encode()}, LightgbmScorer, booster.predict)


def make_xgboost():
    booster = boost()
    return Made({"model.ubj": ubj(booster)}, XgboostScorer, lambda matrix: by_package(booster, matrix))


def make_onnx():
    return Made({"model.onnx": sigmoid_graph()}, OnnxScorer, logistic)


def make_python():
    files = foreign_files(ENTRY, CODE)
    files = {"python.json": files.pop("python.json"), **files}
    return Made(files, lambda _content, n: PythonScorer(ENTRY, CODE, n, Trust()), logistic)


def make_trees():
    booster = train("binary")
    return Made({"model.txt": booster.model_to_string().encode()}, TreeScorer, booster.predict)


OURS = {} if missing_engine() else {"trees": make_trees}
MAKERS = {**OURS, "lightgbm": make_lightgbm, "xgboost": make_xgboost, "onnx": make_onnx, "python": make_python}
