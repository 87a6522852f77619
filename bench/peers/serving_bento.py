"""BentoML, lean: rows as plain dictionaries, codes by dictionaries, one block, the booster's own predict.

`python serving_bento.py PORT FOLDER` becomes `bentoml serve`.
"""

import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    os.environ["BENCH_FOLDER"] = sys.argv[2]
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    os.environ["DO_NOT_TRACK"] = "1"
    here = Path(__file__).parent
    command = ["bentoml", "serve", "serving_bento:Lean", "--port", sys.argv[1], "--host", "127.0.0.1"]
    os.chdir(here)
    os.execvp(str(Path(sys.executable).parent / "bentoml"), command)

import bentoml
import lightgbm
import numpy as np


@bentoml.service(workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Lean:
    """The service."""

    def __init__(self) -> None:
        folder = Path(os.environ["BENCH_FOLDER"])
        self.booster = lightgbm.Booster(model_file=str(folder / "model.txt"))
        levels = json.loads((folder / "levels.json").read_text())
        self.names = list(levels)
        self.codes = {n: {level: float(i) for i, level in enumerate(held)} for n, held in levels.items() if held}

    @bentoml.api
    def predict(self, rows: list) -> list:
        block = np.empty((len(rows), len(self.names)))
        for i, row in enumerate(rows):
            block[i] = [
                self.codes[n].get(row[n], float(len(self.codes[n]))) if n in self.codes else row[n] for n in self.names
            ]
        return self.booster.predict(block, num_threads=1).tolist()
