"""Money of versions on equal rows: whoever is champion, nobody of the holdout group is acted on."""

import numpy as np
import polars as pl
import pytest
from tests.serving.conftest import make_bundle, trip

from daytwo.contracts.encoder import Encoder
from daytwo.lifecycle.comparison import _acts, _figures, _money_of, _ripened
from daytwo.lifecycle.rows import LiveRows
from daytwo.registry.bundle import BundleStore
from daytwo.scoring.model import Model

ROWS = 300


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Model.load(make_bundle(BundleStore(tmp_path_factory.mktemp("bundles"))))


def live(model, held):
    """Return rows that the model has answered, those of `held` without acting."""
    frame = pl.DataFrame([trip(number) for number in range(ROWS)])
    encoder = Encoder(model.contract)
    matrix = np.array([encoder.row(row) for row in frame.iter_rows(named=True)], np.float32)
    scores = model.score_many(matrix)
    act = model.payoff.decide_many(scores, lambda name: frame[name].to_numpy())
    frame = frame.with_columns(
        pl.Series("_score", scores),
        pl.Series("_act", act & ~held),
        pl.Series("_arm", np.where(held, "holdout", "champion")),
    )
    assert 0 < act[held].sum() < held.sum() or not held.any()
    return LiveRows(frame, matrix, np.full(ROWS, np.datetime64("2013-04-01", "us")), (scores > 0.4).astype(float))


@pytest.mark.parametrize("every", [0, 3])
def test_had_nobody_retrained_the_first_version_would_have_brought_what_it_brought(model, every):
    held = np.arange(ROWS) % every == 0 if every else np.zeros(ROWS, bool)
    rows = live(model, held)
    answered = _figures(model, rows, rows.scores, rows.acts)
    static = _figures(model, rows, model.score_many(rows.matrix), _acts(model, rows))
    assert answered == static
    money = _money_of(model, rows, rows.scores)
    seats = rows.column("seats")
    acted = rows.acts == 1
    assert np.array_equal(money, np.where(acted, np.where(rows.labels == 1, 2.0 * seats, -100.0), 0.0))
    assert not money[held].any()


def test_every_figure_says_how_many_labels_of_the_window_it_rests_on():
    one = {"value": 0.7, "maturity": 1.0}
    found = _ripened({"rows": 200, "labelled": 150, "live": {"roc_auc": one}, "champion": {"f1": one}, "paired": None})
    assert found == {"live": {"roc_auc": one | {"maturity": 0.75}}, "champion": {"f1": one | {"maturity": 0.75}}}
