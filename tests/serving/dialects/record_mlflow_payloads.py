"""Write `mlflow_payloads.json`: what MLflow's own code sends for a few rows.

`pip install mlflow-skinny pandas scipy` in an environment of its own, then
`python record_mlflow_payloads.py > mlflow_payloads.json`.
"""

import json
import sys

import mlflow
import numpy as np
import pandas as pd
from mlflow.models.utils import convert_input_example_to_serving_input
from mlflow.utils.proto_json_utils import NumpyEncoder, dump_input_data

CARRIERS = ("AA", "B6", "DL", "UA")
ROWS = [
    {
        "key": f"trip-{number}",
        "tail": f"N{number}" if number != 2 else None,
        "at": f"2013-04-{1 + number:02d}T{number:02d}:30:00",
        "wind": None if number == 1 else number * 3.25,
        "seats": 50 + number * 13,
        "carrier": CARRIERS[number % 4],
        "night": number % 3 == 0,
    }
    for number in range(5)
]
JSON, CSV = "application/json", "text/csv"

frame = pd.DataFrame(ROWS)
frame["at"] = pd.to_datetime(frame["at"])
frame["carrier"] = frame["carrier"].astype("category")
utc = frame.assign(at=frame["at"].dt.tz_localize("UTC"))
texts = frame.assign(at=[row["at"] for row in ROWS], carrier=frame["carrier"].astype(object))
columns = {name: texts[name].to_numpy() for name in texts}


def split(body):
    return json.dumps({"dataframe_split": json.loads(body)})


payloads = [
    ("the client's frame", JSON, dump_input_data(frame)),
    ("the client's frame with parameters", JSON, dump_input_data(frame, params={"explain": True})),
    ("a frame with a time zone", JSON, dump_input_data(utc)),
    ("a model's example, a frame", JSON, convert_input_example_to_serving_input(frame)),
    ("a model's example, columns", JSON, convert_input_example_to_serving_input(columns)),
    ("records", JSON, json.dumps({"dataframe_records": frame.to_dict(orient="records")}, cls=NumpyEncoder)),
    ("a list of rows as inputs", JSON, dump_input_data(texts.to_dict(orient="records"))),
    ("a list of rows as instances", JSON, dump_input_data(texts.to_dict(orient="records"), inputs_key="instances")),
    ("an array of objects", JSON, dump_input_data(texts.to_numpy())),
    ("columns of lists", JSON, json.dumps({"inputs": texts.to_dict(orient="list")}, cls=NumpyEncoder)),
    ("pandas' own split, ISO dates", JSON, split(frame.to_json(orient="split", date_format="iso"))),
    ("CSV", CSV, frame.to_csv(index=False)),
    ("CSV with a time zone", f"{CSV}; charset=utf-8", utc.to_csv(index=False)),
    (
        "CSV of numbers with a missing one",
        CSV,
        frame.assign(seats=frame["seats"].astype(np.float64)).to_csv(index=False),
    ),
]
json.dump(
    {
        "mlflow": mlflow.__version__,
        "pandas": pd.__version__,
        "rows": ROWS,
        "payloads": [{"name": name, "type": kind, "body": body} for name, kind, body in payloads],
    },
    sys.stdout,
    indent=1,
)
sys.stdout.write("\n")
