"""What a row costs in each engine, alone and in blocks: 20 features, 200 trees of 31 leaves, different rows in turn.

Beside each engine stands what its library's own Python package takes for the same. Rounds of all of them alternate,
and the lowest counts, so that what else the machine does weighs on all alike. Times are of the processor, but for
`python`, whose work is in another process: there it is the clock's. Run it on an idle machine:

    python bench/engines.py [--json]

`trees` and `lightgbm` score the same model, and their scores are compared to the last bit. `onnx` is a logistic model
in plain operators, since converters are no part of daytwo; `python` sums the row.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import lightgbm
import numpy as np
import onnxruntime
import xgboost
from onnx import TensorProto, helper, numpy_helper

from daytwo.registry.trust import Trust
from daytwo.scoring.engine import Engine
from daytwo.scoring.foreign import PythonScorer
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.onnx import OnnxScorer
from daytwo.scoring.trees_c import TreeScorer, missing_engine
from daytwo.scoring.xgboost_c import XgboostScorer

FEATURES, NUMBERS, LEVELS = 20, 12, (2, 3, 4, 6, 10, 16, 30, 50)
ROWS, ROUNDS, TREES, SMALL = 1000, 9, 200, 32


def made_rows(count: int, seed: int) -> np.ndarray:
    """Return 12 numbers and 8 codes a row, one in fifty missing."""
    random = np.random.default_rng(seed)
    rows = np.hstack([random.normal(size=(count, NUMBERS)), random.integers(0, LEVELS, size=(count, len(LEVELS)))])
    rows[random.random(rows.shape) < 0.02] = np.nan
    return rows.astype(np.float32)


def labels_of(rows: np.ndarray) -> np.ndarray:
    """Return labels that the features tell something about."""
    x = np.nan_to_num(rows)
    odds = x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + 0.1 * x[:, 19] - 2 + np.sin(3 * x[:, 3])
    return (np.random.default_rng(2).random(len(x)) < 1 / (1 + np.exp(-odds))).astype(float)


def graph() -> bytes:
    """Return a logistic model as ONNX."""
    nodes = [helper.make_node("Gemm", ["rows", "w", "b"], ["odds"]), helper.make_node("Sigmoid", ["odds"], ["p"])]
    weights = np.random.default_rng(3).normal(size=(FEATURES, 1)).astype(np.float32)
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.zeros(1, np.float32), "b")]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", width)) for name, width in (("rows", 20), ("p", 1))
    ]
    made = helper.make_graph(nodes, "bench", ends[:1], ends[1:], constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def calls() -> dict[str, tuple[Engine, Callable[[np.ndarray], object]]]:
    """Return each engine, and the same by its package, for one row as a matrix."""
    training = made_rows(40_000, 1)
    y, categories = labels_of(training), list(range(NUMBERS, FEATURES))
    shape = {"objective": "binary", "num_leaves": 31, "num_threads": 2, "verbosity": -1}
    light = lightgbm.train(shape, lightgbm.Dataset(training, y, categorical_feature=categories), TREES)
    kinds = ["q"] * NUMBERS + ["c"] * len(LEVELS)
    data = xgboost.DMatrix(training, y, feature_types=kinds, enable_categorical=True)
    shape = {"objective": "binary:logistic", "max_leaves": 31, "max_depth": 0, "grow_policy": "lossguide", "nthread": 2}
    boosted = xgboost.train(shape, data, TREES)
    boosted.set_param({"nthread": 1})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph(), options)
    code = {"total.py": b"def score(rows):\n    return rows.sum(axis=1)\n"}
    text = light.model_to_string().encode()
    ours = {} if missing_engine() else {"trees": (TreeScorer(text, FEATURES), len)}
    return {
        **ours,
        "lightgbm": (
            LightgbmScorer(text, FEATURES),
            lambda row: light.predict(row, num_threads=1),
        ),
        "xgboost": (XgboostScorer(bytes(boosted.save_raw("ubj")), FEATURES), boosted.inplace_predict),
        "onnx": (OnnxScorer(graph(), FEATURES), lambda row: session.run(None, {"rows": row})),
        "python": (PythonScorer("total:score", code, FEATURES, Trust()), lambda row: row.sum(axis=1)),
    }


def us_a_call(call: Callable[[object], object], given: list[object], clock: Callable[[], float]) -> float:
    """Return the mean of one round, in microseconds."""
    start = clock()
    for one in given:
        call(one)
    return (clock() - start) / len(given) * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = made_rows(ROWS, 5)
    lists, single, block = rows.tolist(), [rows[i : i + 1] for i in range(ROWS)], [rows]
    small = [rows[i : i + SMALL] for i in range(0, ROWS - SMALL, SMALL)]
    found = {}
    made = calls()
    if "trees" in made:
        assert np.array_equal(made["trees"][0].many(rows), made["lightgbm"][0].many(rows))
    for _ in range(ROUNDS):
        for name, (engine, package) in made.items():
            clock = time.perf_counter if name == "python" else time.process_time
            took = {
                "one_us": us_a_call(engine.one, lists, clock),
                "small_us_per_row": us_a_call(engine.many, small, clock) / SMALL,
                "block_us_per_row": us_a_call(engine.many, block, clock) / ROWS,
                "package_us": us_a_call(package, single[:200], clock),
            }
            found[name] = {key: min(value, found.get(name, took)[key]) for key, value in took.items()}
    for engine, _ in made.values():
        engine.close()
    if arguments.json:
        print(json.dumps({name: {key: round(value, 2) for key, value in one.items()} for name, one in found.items()}))
        return
    print("us a row  " + "".join(f"{head:>14}" for head in ("alone", "of 32", "of 1,000", "its package")))
    for name, one in found.items():
        print(f"{name:<10}" + "".join(f"{value:>14.2f}" for value in one.values()))


if __name__ == "__main__":
    main()
