"""The five examples of docs/adopt.md run as they stand, and give the scores that the original library gives."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from tests.training.conftest import make_data

from daytwo.core.schema import Task
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.user_model import fit_user, user_fit

TEXT = (Path(__file__).parents[2] / "docs" / "adopt.md").read_text(encoding="utf-8")
ROWS, *EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
MODELS = [one for one in EXAMPLES if "def fit(" not in one]
FITS = [one for one in EXAMPLES if "def fit(" in one]


def test_there_are_five():
    assert (len(MODELS), len(FITS)) == (3, 2)


@pytest.mark.parametrize("example", MODELS, ids=["lightgbm", "xgboost", "onnx"])
def test_an_adopted_example_gives_every_row_the_score_that_it_had(daytwo, example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(ROWS + example, "docs/adopt.md", "exec"), {})
    command = TEXT[TEXT.index(example) :].split("\n    daytwo ")[1].splitlines()[0]
    made = daytwo(*command.split(), "--json", cwd=tmp_path)
    assert made.json["proved"] == 3000, made
    # Its rows bear no signal that a gate would let pass for sure; it was made and judged.
    assert made.json["state"] in {"waiting", "stopped", "refused"}


@pytest.mark.parametrize("example", FITS, ids=["forest", "histogram"])
def test_an_example_of_fit_answers_as_the_original_does(example, tmp_path):
    (tmp_path / "model.py").write_text(example)
    data = make_data(2_000)
    fit = user_fit(tmp_path)
    assert fit is not None
    fitted = fit_user(fit, data, Task.BINARY, tmp_path / "model.py")
    original = fit(data).predict_proba(data.matrix)[:, 1]
    assert np.abs(LightgbmScorer(fitted.text, 4).many(data.matrix) - original).max() < 1e-12
