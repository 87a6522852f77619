"""The work of the serving bench: one model of 200 trees over 12 numbers and 8 categories, and the rows it is asked.

Made alike on every machine: the same seeds, the same text of the model for daytwo and for every peer.
"""

from __future__ import annotations

import json
from pathlib import Path

import lightgbm
import numpy as np

from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.toml_text import to_toml
from daytwo.core.schema import Kind, Task
from daytwo.core.settings import ValueSettings
from daytwo.registry.bundle import BundleStore, Manifest
from daytwo.registry.route import Route, write_route
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.replay import Replay, hard_rows

NUMBERS = 12
LEVELS = (2, 3, 4, 6, 10, 16, 30, 50)
BODIES = 256
_TRAINING_ROWS = 40_000


def bench_contract() -> Contract:
    """Return the promises of the bench's 20 fields."""
    numbers = [Column(f"n{i}", Kind.NUMBER, minimum=-8.0, maximum=8.0) for i in range(NUMBERS)]
    levels = [tuple(f"c{i}-{level}" for level in range(count)) for i, count in enumerate(LEVELS)]
    categories = [Column(f"c{i}", Kind.CATEGORY, levels=known, other="keep") for i, known in enumerate(levels)]
    return Contract("bench", 1, "bench@example.org", (*numbers, *categories))


def bench_rows(count: int, seed: int) -> list[dict[str, object]]:
    """Return rows that keep the contract."""
    random = np.random.default_rng(seed)
    numbers = np.clip(random.normal(size=(count, NUMBERS)), -7.9, 7.9).round(4)
    codes = [random.integers(0, levels, count) for levels in LEVELS]
    return [
        {f"n{i}": float(numbers[row, i]) for i in range(NUMBERS)}
        | {f"c{i}": f"c{i}-{codes[i][row]}" for i in range(len(LEVELS))}
        for row in range(count)
    ]


def make_place(folder: Path) -> None:
    """Write a bundle and its route, the model's text for the peers, and the request bodies."""
    contract = bench_contract()
    encoder = Encoder(contract)
    matrix = np.array([encoder.row(row) for row in bench_rows(_TRAINING_ROWS, 1)], dtype=np.float32)
    odds = matrix[:, 0] + 0.5 * matrix[:, 1] * matrix[:, 2] + 0.1 * matrix[:, 19] - 2 + np.sin(3 * matrix[:, 3])
    labels = (np.random.default_rng(2).random(len(matrix)) < 1 / (1 + np.exp(-odds))).astype(float)
    data = lightgbm.Dataset(matrix, labels, categorical_feature=list(encoder.schema.categories))
    settings = {"objective": "binary", "num_leaves": 31, "verbosity": -1, "num_threads": 2, "seed": 1}
    text = lightgbm.train(settings, data, num_boost_round=200).model_to_string().encode()
    scorer = LightgbmScorer(text, matrix.shape[1])
    hard = hard_rows(matrix[:4000], scorer.trees, encoder.schema)
    payoff = Payoff.from_settings(ValueSettings(true_positive=10, false_positive=-3), Task.BINARY)
    files = {
        "model.txt": text,
        "contract.toml": to_toml(contract).encode(),
        "calibration.json": Calibration().to_json(),
        "payoff.json": payoff.to_json(),
        "replay.npy": Replay(hard, scorer.many(hard)).to_bytes(),
    }
    manifest = Manifest(
        model="bench", task=Task.BINARY, metric="roc_auc", contract=contract.digest, metrics={"base_rate": 0.25}
    )
    bundle = BundleStore(folder / "bundles").put(files, manifest)
    write_route(folder / "route.json", Route(1, bundle.digest))
    (folder / "model.txt").write_bytes(text)
    (folder / "levels.json").write_text(json.dumps({c.name: c.levels for c in contract.columns}))
    for count in (1, 32, 200, 1000):
        rows = bench_rows((BODIES if count < 100 else 8) * count, 3)
        bodies = [rows[begin : begin + count] for begin in range(0, len(rows), count)]
        (folder / f"bodies{count}.txt").write_text("\n".join(json.dumps({"rows": body}) for body in bodies))
