import numpy as np
import pytest

from daytwo.core.errors import DataError, Refused, SettingsError
from daytwo.core.schema import Task
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.training.candidate import TrainingRequest, train_candidate
from daytwo.training.user_model import fit_user, user_fit

BOOSTER = """
import lightgbm

def fit(data):
    rows = lightgbm.Dataset(data.matrix, data.labels, categorical_feature=list(data.schema.categories))
    return lightgbm.train({"objective": "OBJECTIVE", "num_leaves": 7, "verbosity": -1, "num_threads": 1}, rows, 5)
"""


def run(folder, text, data, task=Task.BINARY):
    (folder / "model.py").write_text(text)
    return fit_user(user_fit(folder), data, task, folder / "model.py")


def test_a_project_without_the_file_uses_the_built_in_model(tmp_path):
    assert user_fit(tmp_path) is None


def test_a_booster_is_kept_as_text(tmp_path, made):
    fitted = run(tmp_path, BOOSTER.replace("OBJECTIVE", "binary"), made)
    scorer = LightgbmScorer(fitted.text, 4)
    assert fitted.trees == 5
    assert ((scorer.many(made.matrix) > 0.5) == made.labels).mean() > 0.7
    assert b"[num_threads: 0]" in fitted.text


def test_an_estimator_of_lightgbm_is_taken_too(tmp_path, made):
    text = (
        "import lightgbm\n\ndef fit(data):\n    return lightgbm.LGBMClassifier(n_estimators=4, n_jobs=1, verbosity=-1)"
    )
    assert run(tmp_path, text + ".fit(data.matrix, data.labels)\n", made).trees == 4


FOREST = """
from sklearn.ensemble import RandomForestClassifier

def fit(data):
    return RandomForestClassifier(20, max_depth=9, random_state=1).fit(data.matrix, data.labels)
"""


def test_a_forest_becomes_the_reference_that_students_learn_from(tmp_path, contract_of, settings_of, made):
    fitted = run(tmp_path, FOREST, made)
    home = user_fit(tmp_path)(made)
    assert fitted.trees == 20
    assert np.allclose(LightgbmScorer(fitted.text, 4).many(made.matrix), home.predict_proba(made.matrix)[:, 1])
    request = TrainingRequest(contract_of(), settings_of(), seed=1, folder=tmp_path)
    candidate = train_candidate(request, made)
    assert len(candidate.variants) > 1
    assert next(one for one in candidate.variants if one.name == "reference").trees == 20


def test_anything_else_is_refused_with_the_way_to_come(tmp_path, made):
    with pytest.raises(Refused, match=r"returned a dict.*'daytwo adopt' takes model files"):
        run(tmp_path, "def fit(data):\n    return {}\n", made)


def test_a_model_that_answers_with_other_than_probabilities_is_refused(tmp_path, made):
    with pytest.raises(Refused, match="does not answer with probabilities"):
        run(tmp_path, BOOSTER.replace("OBJECTIVE", "regression").replace("data.labels", "data.labels * 5"), made)


def test_a_model_of_other_columns_is_refused(tmp_path, made):
    text = BOOSTER.replace("OBJECTIVE", "binary").replace("data.matrix,", "data.matrix[:, :3],")
    with pytest.raises(Refused, match="reads 3 features"):
        run(tmp_path, text.replace("list(data.schema.categories)", "[]"), made)


def test_faults_in_the_file_name_the_line_and_are_no_stack(tmp_path, made):
    with pytest.raises(DataError, match=r"fit\(\) in .*model.py failed: ZeroDivisionError.*line 3"):
        run(tmp_path, "def fit(data):\n    x = 1\n    return x / 0\n", made)
    with pytest.raises(SettingsError, match=r"fails to load: NameError.*line 1"):
        run(tmp_path, "what\n", made)
    with pytest.raises(SettingsError, match="fails to load: SyntaxError"):
        run(tmp_path, "def fit(:\n", made)
    with pytest.raises(SettingsError, match="has no function 'fit'"):
        run(tmp_path, "def train(data):\n    return 1\n", made)
