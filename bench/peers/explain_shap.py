"""Times LightGBM's and shap's contributions, in the peers' own environment, for `bench/explain.py`."""

import json
import sys
import time
from pathlib import Path

import lightgbm
import numpy as np
import shap


def main() -> None:
    """Read a model, rows and the reference from a folder; print microseconds a row by tool."""
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    booster = lightgbm.Booster(model_file=str(folder / "model.txt"))
    rows, reference = np.load(folder / "rows.npy"), np.load(folder / "reference.npy")
    along = shap.TreeExplainer(booster)
    calls = {
        "lightgbm pred_contrib": lambda: [
            booster.predict(rows[i : i + 1], pred_contrib=True, num_threads=1) for i in range(len(rows))
        ],
        "lightgbm pred_contrib, block": lambda: booster.predict(rows, pred_contrib=True, num_threads=1),
        "shap along paths": lambda: [along.shap_values(rows[i : i + 1]) for i in range(len(rows))],
        "shap along paths, block": lambda: along.shap_values(rows),
    }
    try:
        against = shap.TreeExplainer(booster, data=reference, feature_perturbation="interventional")
        found = against.shap_values(rows[:20], check_additivity=False)
        np.save(folder / "shap.npy", found[1] if isinstance(found, list) else found)
    except Exception as err:
        print(f"shap against one row: {err}", file=sys.stderr)
    else:
        calls["shap against the reference"] = lambda: [
            against.shap_values(rows[i : i + 1], check_additivity=False) for i in range(len(rows))
        ]
        calls["shap against the reference, block"] = lambda: against.shap_values(rows, check_additivity=False)
    took = {}
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.process_time()
            call()
            took.setdefault(name, []).append((time.process_time() - begin) / len(rows) * 1e6)
    print(json.dumps(took))


if __name__ == "__main__":
    main()
