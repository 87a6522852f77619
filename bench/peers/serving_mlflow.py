"""MLflow's own scoring server, lean: a pyfunc that encodes by dictionaries and calls the booster with one block.

The model has a signature, as its own guide asks: the server checks the columns of each request, as others do.

`python serving_mlflow.py PORT FOLDER`: writes the model once, then becomes `mlflow models serve`.
"""

import json
import os
import sys
from pathlib import Path

import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

port, folder = int(sys.argv[1]), Path(sys.argv[2])
place = folder / "mlflow-model"


class Lean(mlflow.pyfunc.PythonModel):
    """The model."""

    def load_context(self, context):
        import lightgbm  # noqa: PLC0415  (loaded where the model is, not where it is written)

        self.booster = lightgbm.Booster(model_file=context.artifacts["model"])
        levels = json.loads(Path(context.artifacts["levels"]).read_text())
        self.names = list(levels)
        self.codes = {n: {level: float(i) for i, level in enumerate(held)} for n, held in levels.items() if held}

    def predict(self, context, model_input, params=None):  # noqa: ARG002  (the form that MLflow calls)
        columns = [
            [self.codes[n].get(v, float(len(self.codes[n]))) for v in model_input[n]]
            if n in self.codes
            else model_input[n].to_numpy(dtype=float)
            for n in self.names
        ]
        return self.booster.predict(np.column_stack(columns), num_threads=1).tolist()


if not place.exists():
    artifacts = {"model": str(folder / "model.txt"), "levels": str(folder / "levels.json")}
    levels = json.loads((folder / "levels.json").read_text())
    columns = Schema([ColSpec("string" if held else "double", name) for name, held in levels.items()])
    mlflow.pyfunc.save_model(
        str(place), python_model=Lean(), artifacts=artifacts, signature=ModelSignature(columns), pip_requirements=[]
    )
os.environ["MLFLOW_DISABLE_ENV_MANAGER_CONDA_WARNING"] = "1"
command = ["mlflow", "models", "serve", "-m", str(place), "-p", str(port), "-h", "127.0.0.1", "--env-manager", "local"]
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where its own uvicorn lies
os.execvp(str(Path(sys.executable).parent / "mlflow"), [*command, "--workers", "1"])
