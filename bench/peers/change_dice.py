"""Asks dice-ml for changes that turn a decision, in the peers' own environment, for `bench/change.py`."""

import contextlib
import io
import json
import sys
import time
import warnings
from pathlib import Path

import dice_ml
import lightgbm
import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")


class Decides:
    """The model as scikit-learn's classifiers look, with the decision at 0.5."""

    classes_ = np.array([0, 1])

    def __init__(self, booster: lightgbm.Booster, names: list[str], threshold: float) -> None:
        self._booster, self._names, self._threshold = booster, names, threshold

    def predict_proba(self, frame: pd.DataFrame) -> np.ndarray:
        """Return both classes' shares, bent so that the threshold lies at one half."""
        rows = frame[self._names].astype(float).to_numpy()
        score, cut = self._booster.predict(rows, num_threads=1), self._threshold
        bent = np.where(score < cut, score / (2 * cut), 0.5 + (score - cut) / (2 * (1 - cut)) + 1e-9)
        return np.column_stack([1 - bent, bent])

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the decision."""
        return (self.predict_proba(frame)[:, 1] >= 0.5).astype(int)


def main() -> None:
    """Read what is asked from a folder; print what was found by method."""
    folder = Path(sys.argv[1])
    told = json.loads((folder / "told.json").read_text())
    cases, rows = np.load(folder / "cases.npy"), np.load(folder / "rows.npy")
    names = [f"x{i}" for i in range(rows.shape[1])]
    texts = {names[i]: str for i in told["categories"]}

    def frame(matrix: np.ndarray) -> pd.DataFrame:
        table = pd.DataFrame(matrix, columns=names)
        for name in texts:
            table[name] = table[name].astype(int).astype(str)
        return table

    booster = lightgbm.Booster(model_file=str(folder / "model.txt"))
    model = Decides(booster, names, told["threshold"])
    learnt = frame(cases)
    learnt["y"] = model.predict(learnt)
    numbers = [name for name in names if name not in texts]
    data = dice_ml.Data(dataframe=learnt, continuous_features=numbers, outcome_name="y")
    found = []
    for method in ("random", "genetic"):
        asked = dice_ml.Dice(data, dice_ml.Model(model=model, backend="sklearn"), method=method)
        took, changed = [], []
        for i in range(len(rows)):
            begin = time.process_time()
            after = np.full(rows.shape[1], np.nan)
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                said = asked.generate_counterfactuals(
                    frame(rows[i : i + 1]), total_CFs=1, desired_class="opposite", verbose=False
                )
                after = said.cf_examples_list[0].final_cfs_df[names].astype(float).to_numpy()[0]
            took.append((time.process_time() - begin) * 1e3)
            changed.append([None if np.isnan(one) else float(one) for one in after])
        found.append({"tool": f"dice-ml {method}", "cpu_ms_p50": round(float(np.median(took))), "changed": changed})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
