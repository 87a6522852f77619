"""Real data sets from the shared folder, end to end from the file; skipped where that folder is not there."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from daytwo.contracts.encoder import Encoder
from daytwo.contracts.event_times import times_of
from daytwo.contracts.labels import label_of
from daytwo.contracts.proposing.propose import propose
from daytwo.core.schema import Task
from daytwo.core.settings import GateSettings, ModelSettings, Settings
from daytwo.registry.bundle import BundleStore
from daytwo.scoring.model import Model
from daytwo.training.candidate import TrainingRequest, train_candidate
from daytwo.training.dataset import TrainingData, split

FOLDER = Path(os.environ.get("DAYTWO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there is no {FOLDER}")

# File, target, time, columns known only afterwards, metric, bearable loss, and what the model must reach on later rows.
CASES = [
    ("telco_churn", "churn", "", (), "roc_auc", 0.01, 0.80),
    ("electricity", "price_up", "timestamp", (), "roc_auc", 0.01, 0.70),
    ("bike_sharing", "cnt", "timestamp", ("casual", "registered", "instant"), "mae", 2.0, 80.0),
]


@pytest.mark.parametrize(("name", "target", "time", "exclude", "metric", "margin", "reach"), CASES)
def test_a_real_file_becomes_a_bundle_that_predicts_later_rows(
    name, target, time, exclude, metric, margin, reach, tmp_path
):
    frame = pl.read_parquet(FOLDER / f"{name}.parquet").filter(pl.col(target).is_not_null())
    contract = propose(frame, name=name, target=target, time=time, exclude=exclude)
    times = times_of(contract, frame) if time else None
    data = TrainingData(contract.features, Encoder(contract).matrix(frame), label_of(contract, frame), times)
    parts = split(data, test_share=0.2, seed=1)
    settings = Settings(
        model=ModelSettings(name=name, target=target, time=time, task=contract.task),
        gate=GateSettings(metric=metric, margin=margin),
    )
    candidate = train_candidate(TrainingRequest(contract, settings, seed=1), parts.train)
    model = Model.load(BundleStore(tmp_path).put(candidate.files, candidate.manifest))
    scores = model.score_many(parts.test.matrix)
    if contract.task is Task.REGRESSION:
        assert np.abs(scores - parts.test.labels).mean() < reach
    else:
        order = np.argsort(np.argsort(scores)) + 1
        positive = parts.test.labels == 1
        n = positive.sum()
        assert (order[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n)) > reach
    assert not [one for one in candidate.findings if one.kind == "training.leak"]
