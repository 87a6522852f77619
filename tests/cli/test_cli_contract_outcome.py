"""One source judged: which files choose to be streamed by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from click.testing import CliRunner

from daytwo.cli import contract, contract_outcome
from daytwo.cli.contract_outcome import judged
from daytwo.cli.contract_outputs import Outputs
from daytwo.cli.main import daytwo
from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.core.schema import Kind

CONTRACT = Contract("trips", 1, "ana", (Column("wind", Kind.NUMBER, minimum=0.0),))
NOW = datetime(2013, 4, 1, tzinfo=UTC)
NOTHING = Outputs(None, None, None, None, None, None)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_large_file_is_streamed_unless_its_rows_are_asked_for(tmp_path, monkeypatch, capsys, suffix):
    path = tmp_path / f"rows.{suffix}"
    frame = pl.DataFrame({"wind": [1.0, -1.0, 3.0]})
    (frame.write_parquet if suffix == "parquet" else frame.write_csv)(path)
    held = judged(str(path), CONTRACT, {}, NOW, NOTHING, stream=False)
    assert held.rows is not None
    monkeypatch.setattr(contract_outcome, "BIG_BYTES", 5)
    streamed = judged(str(path), CONTRACT, {}, NOW, NOTHING, stream=False)
    assert f"rows.{suffix} is large: judged batch by batch" in capsys.readouterr().err
    assert streamed.rows is None
    assert (streamed.found, streamed.about, streamed.passed) == (held.found, held.about, False)
    rows = Outputs(None, None, None, None, tmp_path / "page.html", None)
    assert judged(str(path), CONTRACT, {}, NOW, rows, stream=False).rows is not None


def test_of_a_large_file_a_sample_proposes_and_promises_nothing_of_batches(tmp_path, monkeypatch):
    rows = pl.DataFrame({"at": pl.datetime_range(NOW, NOW + timedelta(days=9), "1h", eager=True)})
    rows.with_columns(wind=pl.int_range(217).cast(pl.Float64)).write_csv(tmp_path / "rows.csv")
    asked = ["contract", "propose", str(tmp_path / "rows.csv"), "--time", "at"]
    monkeypatch.setattr(contract_outcome, "BIG_BYTES", 5)
    held = CliRunner().invoke(daytwo, asked)
    assert "large" not in held.stderr
    assert "[batch]" in held.stdout
    monkeypatch.setattr(contract, "_MOST_ROWS", 200)
    sampled = CliRunner().invoke(daytwo, asked)
    assert "rows.csv is large: proposed from 109 of its 217 rows, spread over it." in sampled.stderr
    assert "[batch]" not in sampled.stdout
    assert sampled.exit_code == 0
