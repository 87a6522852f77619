"""pandera's own proposal beside ours: `infer_schema` of the rows before, then a lazy check of the rows after.

`python proposals_pandera.py BEFORE.parquet AFTER.parquet` prints the failing cells as JSON: [[row, column], ...].
Runs in an environment of its own with pandera, pandas and pyarrow (pandera 0.35.0 was measured).
"""

import json
import sys

import pandas as pd
import pandera.pandas as pandera


def main(before: str, after: str) -> None:
    """Infer, check, print."""
    schema = pandera.infer_schema(pd.read_parquet(before))
    rows = pd.read_parquet(after).reset_index(drop=True)
    cells = []
    try:
        schema.validate(rows, lazy=True)
    except pandera.errors.SchemaErrors as err:
        failed = err.failure_cases
        # A failure of a column as such (another width of integer) is left out: it would flag every row.
        for column, row in zip(failed["column"], failed["index"], strict=True):
            if not pd.isna(row):
                cells.append([int(row), column])
    print(json.dumps(cells))


if __name__ == "__main__":
    main(*sys.argv[1:])
