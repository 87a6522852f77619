"""FastAPI twice: hand-tuned ("lean": codes by dictionaries, one numpy block, the booster's own predict) and natural.

`python serving_fastapi.py PORT FOLDER lean|pandas`. Needs peers/serving.txt.
"""

import json
import sys
from pathlib import Path

import lightgbm
import numpy as np
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, create_model

port, folder, form = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
booster = lightgbm.Booster(model_file=str(folder / "model.txt"))
LEVELS = json.loads((folder / "levels.json").read_text())
NAMES = list(LEVELS)
CODES = {name: {level: float(code) for code, level in enumerate(levels)} for name, levels in LEVELS.items() if levels}
app = FastAPI()


def encoded(rows):
    block = np.empty((len(rows), len(NAMES)))
    for i, row in enumerate(rows):
        block[i] = [CODES[n].get(row[n], float(len(CODES[n]))) if n in CODES else row[n] for n in NAMES]
    return block


if form == "lean":

    @app.post("/predict")
    async def predict(request: Request):
        rows = orjson.loads(await request.body())["rows"]
        scores = booster.predict(encoded(rows), num_threads=1)
        return Response(orjson.dumps({"predictions": scores.tolist()}), media_type="application/json")

else:
    import pandas as pd

    Row = create_model("Row", **{name: (str if name in CODES else float, ...) for name in NAMES})

    class Rows(BaseModel):
        """A request."""

        rows: list[Row]

    @app.post("/predict")
    async def predict(asked: Rows):
        frame = pd.DataFrame([row.model_dump() for row in asked.rows])
        for name, levels in CODES.items():
            frame[name] = frame[name].map(levels).fillna(len(levels))
        return {"predictions": booster.predict(frame[NAMES], num_threads=1).tolist()}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, loop="uvloop", http="httptools")
