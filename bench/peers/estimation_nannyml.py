"""NannyML's CBPE over pairs on disk: run by `bench/estimation_peers.py` in NannyML's own place.

    .venv/peers/monitoring-nannyml/bin/python bench/peers/estimation_nannyml.py FOLDER

FOLDER holds folders with `reference.parquet` (score, prediction, label) and `windows.parquet` (score, prediction,
window), all windows of one size. Prints one JSON object: by folder, the estimates of each metric by window, and the CPU
seconds to learn and to estimate. All is as NannyML's documentation has it: isotonic calibration where it says that one
is needed. Version 0.13.1 has no other estimator of a classifier's metrics (PAPE and the importance-weighted one are not
in the open package).
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
from nannyml import CBPE

warnings.filterwarnings("ignore")
METRICS = ["roc_auc", "accuracy", "f1"]


def estimates(folder: Path) -> dict[str, object]:
    reference, windows = (pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", "windows"))
    began = time.process_time()
    estimator = CBPE(
        metrics=METRICS,
        y_pred_proba="score",
        y_pred="prediction",
        y_true="label",
        problem_type="classification_binary",
        chunk_size=int((windows["window"] == 0).sum()),
    ).fit(reference)
    learnt, began = time.process_time() - began, time.process_time()
    found = estimator.estimate(windows.drop(columns="window")).filter(period="analysis").to_df()
    spent = time.process_time() - began
    told = {metric: [float(value) for value in found[(metric, "value")]] for metric in METRICS}
    return {**told, "learning_cpu_s": learnt, "cpu_s": spent}


def main() -> None:
    found = {one.name: estimates(one) for one in sorted(Path(sys.argv[1]).iterdir())}
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
