"""One source judged: which files choose to be streamed by themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from daytwo.cli import contract_outcome
from daytwo.cli.contract_outcome import judged
from daytwo.cli.contract_outputs import Outputs
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
