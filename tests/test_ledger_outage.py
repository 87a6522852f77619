"""The ledger's Postgres dies under a running `daytwo up`: answers go on, people hear of it, nothing is lost."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import polars as pl
import pytest
from tests.running import make
from tests.sources.postgres import programs, running


@pytest.fixture
def postgres_of_its_own():
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed here")
    with running(binaries) as server:
        yield server


def on_postgres(folder: Path, url: str) -> Path:
    project = make(folder)
    (folder / "url").write_text(url)
    settings = project / "daytwo.toml"
    text = settings.read_text()
    settings.write_text(text[: text.index("[project]")] + f'[project]\nledger = "file:{folder}/url"\n')
    return project


def test_a_ledger_that_dies_and_comes_back_costs_no_answer(start, postgres_of_its_own, tmp_path):
    project = on_postgres(tmp_path, postgres_of_its_own.url())
    up = start(project, "--approve-as", "ben")
    ask = up.live()["try"]

    def answered() -> str:
        said = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True).stdout
        return json.loads(said)["predictions"][0]["prediction_id"]

    ids = [answered()]
    postgres_of_its_own.crash()
    ids.append(answered())
    up.wait_for(lambda: "cannot be read or written" in up.said())
    ids += [answered() for _ in range(20)]
    postgres_of_its_own.start()
    up.wait_for(lambda: "the lifecycle goes on; it stood still for" in up.said())
    ids.append(answered())
    # Whatever was tried while it was away is over: from here on nobody is troubled any more.
    troubles = up.said().count("trouble ")
    more = project / "rows" / "more.parquet"
    pl.read_parquet(project / "rows" / "first.parquet").with_columns(pl.col("trip") + "-again").write_parquet(
        tmp_path / "more.parquet"
    )
    (tmp_path / "more.parquet").rename(more)
    up.wait_for(lambda: "more.parquet: 2,000 rows in" in up.said())
    assert up.said().count("trouble ") == troubles
    assert up.end() == 0
    kept = pl.read_delta(str(project / ".daytwo" / "tables" / "predictions"))["_id"]
    assert sorted(kept) == sorted(ids)
