"""The default drift rule of one tool over windows on disk: run by `bench/monitoring_peers.py` in the tool's own place.

    .venv/peers/monitoring-evidently/bin/python bench/peers/monitoring_rules.py evidently FOLDER

FOLDER holds `reference.parquet` and others, each with a column `window`. Prints one JSON object: by file, a list with
one truth a window, and the CPU seconds used.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")


def evidently(reference, current):
    """DataDriftPreset: the dataset has drifted where half of its columns have."""
    from evidently import Dataset, Report  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    base = Dataset.from_pandas(reference)
    for window in current:
        found = Report([DataDriftPreset()]).run(Dataset.from_pandas(window), base).dict()
        share = next(m["value"]["share"] for m in found["metrics"] if "DriftedColumnsCount" in m["metric_name"])
        yield bool(share >= 0.5)


def alibi_detect(reference, current):
    """TabularDrift: KS or chi-squared a column, Bonferroni at 5 %."""
    from alibi_detect.cd import TabularDrift  # noqa: PLC0415

    texts = [name for name in reference if reference[name].dtype == object]
    levels = {name: {v: i for i, v in enumerate(sorted(reference[name].astype(str).unique()))} for name in texts}

    def matrix(frame):
        columns = [
            frame[n].astype(str).map(levels[n]).fillna(len(levels[n]))
            if n in levels
            else frame[n].fillna(reference[n].mean())
            for n in reference
        ]
        return np.column_stack(columns).astype(np.float32)

    places = {list(reference).index(name): None for name in texts}
    detector = TabularDrift(matrix(reference), p_val=0.05, categories_per_feature=places)
    for window in current:
        yield bool(detector.predict(matrix(window))["data"]["is_drift"])


def whylogs(reference, current):
    """Drift scores with their own thresholds: a window counts where any column is said to drift."""
    import whylogs as why  # noqa: PLC0415
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores  # noqa: PLC0415

    base = why.log(reference).view()
    for window in current:
        scores = calculate_drift_scores(why.log(window).view(), base, with_thresholds=True)
        yield any(one and one.get("drift_category") == "DRIFT" for one in scores.values())


def nannyml(reference, current):
    """Univariate drift by Jensen-Shannon: a window counts where any column is outside its threshold."""
    import nannyml  # noqa: PLC0415

    windows = list(current)
    size = len(windows[0])
    calculator = nannyml.UnivariateDriftCalculator(list(reference), chunk_size=size).fit(reference)
    found = calculator.calculate(pd.concat(windows, ignore_index=True)).filter(period="analysis").to_df()
    alerts = found[[c for c in found.columns if c[-1] == "alert"]]
    yield from (bool(x) for x in alerts.any(axis=1).to_numpy()[: len(windows)])


TOOLS = {"evidently": evidently, "alibi-detect": alibi_detect, "whylogs": whylogs, "nannyml": nannyml}


def main() -> None:
    rule, folder = TOOLS[sys.argv[1]], Path(sys.argv[2])
    reference = pd.read_parquet(folder / "reference.parquet").drop(columns="window")
    told = {}
    begin = time.process_time()
    for path in sorted(folder.glob("*.parquet")):
        if path.stem == "reference":
            continue
        frame = pd.read_parquet(path)
        windows = [part.drop(columns="window").reset_index(drop=True) for _, part in frame.groupby("window")]
        told[path.stem] = list(rule(reference, windows))
    print("\n" + json.dumps({"told": told, "cpu_s": round(time.process_time() - begin, 1)}))


if __name__ == "__main__":
    main()
