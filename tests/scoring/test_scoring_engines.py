"""What every engine must hold, whatever it is made of."""

import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tests.scoring.conftest import make_matrix
from tests.scoring.model_makers import CODE, ENTRY, MAKERS, OURS, D, tree_graph
from tests.scoring.test_scoring_model import ROW, make_files, manifest

from daytwo.core.errors import DataError, NotFound, Refused
from daytwo.core.schema import Task
from daytwo.registry.bundle import BundleStore
from daytwo.registry.trust import Trust
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.foreign import code_digest
from daytwo.scoring.model import Model
from daytwo.scoring.replay import TOLERANCE, Replay
from daytwo.scoring.shapley_c import shapley_of

TRUST = Trust(frozenset([code_digest(ENTRY, CODE)]))


@pytest.fixture(scope="module", params=list(MAKERS))
def made(request):
    return MAKERS[request.param]()


@pytest.fixture(scope="module")
def engine(made):
    engine = made.open(made.content, D)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def hard():
    """Rows with missing values everywhere, and with codes that no model saw."""
    rows = make_matrix(1500, seed=5)
    rows[:100, 5], rows[100:200, 4] = 41, 4
    rows[200:210] = np.nan
    rows[210:220, 5] = np.arange(41, 51)
    return rows


@pytest.fixture
def bundled(made, boosters, hard, tmp_path):
    """The files of a bundle of this engine, and a store that trusts the Python code."""
    files = make_files(boosters["binary"], hard)
    del files["model.txt"]
    calibration = Calibration("sigmoid", slope=0.8, intercept=0.1)
    replay = Replay(hard[:260], calibration.many(made.expected(hard[:260])))
    return files | made.files | {"replay.npy": replay.to_bytes()}, BundleStore(tmp_path, TRUST)


def test_scores_are_those_found_by_other_means(made, engine, hard):
    scores = engine.many(hard)
    assert scores.dtype == np.float64
    assert np.abs(scores - made.expected(hard)).max() <= engine.tolerance


def test_a_row_alone_scores_as_in_a_block(engine, hard):
    alone = np.array([engine.one(row) for row in hard.tolist()])
    assert np.abs(alone - engine.many(hard)).max() <= engine.tolerance
    assert engine.tolerance <= TOLERANCE


def test_a_block_may_be_strided_double_or_empty(engine, hard):
    expected = engine.many(hard)
    assert np.array_equal(engine.many(hard.astype(np.float64)), expected)
    assert np.array_equal(engine.many(np.asfortranarray(hard)), expected)
    assert np.abs(engine.many(hard[::-1]) - expected[::-1]).max() <= engine.tolerance
    assert engine.many(hard[:0]).shape == (0,)


def test_threads_do_not_mix_up_rows(engine, hard):
    rows, expected = hard[:600].tolist(), engine.many(hard[:600])
    wrong = []

    def work(offset):
        for i in range(len(rows)):
            j = (offset + i) % len(rows)
            if i % 50 == 0 and np.abs(engine.many(hard[j : j + 7]) - expected[j : j + 7][: len(hard)]).max() > 1e-6:
                wrong.append(j)
            if abs(engine.one(rows[j]) - expected[j]) > engine.tolerance:
                wrong.append(j)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in (0, 150, 300, 450)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [j for j in wrong if j < 593] == []


def test_rows_of_another_width_are_a_bug_of_the_caller(engine):
    for width in (D - 1, D + 1):
        with pytest.raises(ValueError, match="expected"):
            engine.one([1.0] * width)
        with pytest.raises(ValueError, match="expected"):
            engine.many(np.zeros((2, width)))


def test_an_engine_says_what_it_is_and_may_be_closed_twice(made):
    engine = made.open(made.content, D)
    assert engine.name in MAKERS
    assert engine.n_features == D
    engine.close()
    engine.close()


def test_a_bundle_is_proved_on_its_replay_set_and_answers(bundled, made, hard):
    files, store = bundled
    model = Model.load(store.put(files, manifest()))
    assert Calibration("sigmoid", slope=0.8, intercept=0.1).many(made.expected(hard)) == pytest.approx(
        model.score_many(hard), abs=TOLERANCE
    )
    features, _ = model.decoder.check(ROW)
    assert 0 < model.score(features) < 1
    if model.engine.trees is None:
        assert model.explainer is None
        assert "has no trees" in model.no_reasons
        with pytest.raises(NotFound, match=f"the engine {model.engine.name} has no trees.*LightGBM or XGBoost"):
            model.explain(features, ROW)
        assert np.isnan(model.typical_score)
    else:
        raw, typical = model.engine.raw([features, model.explainer.reference])
        told = model.explain(features, ROW, k=D)
        assert sum(reason.contribution for reason in told) == pytest.approx(raw - typical, abs=1e-5)
    model.engine.close()


def test_a_bundle_whose_model_does_not_give_its_replayed_scores_is_refused(bundled, hard, made):
    files, store = bundled
    scores = Calibration("sigmoid", slope=0.8, intercept=0.1).many(made.expected(hard[:50]))
    scores[7] += 1e-5
    with pytest.raises(Refused, match="1 of 50 rows are off, row 7"):
        Model.load(store.put(files | {"replay.npy": Replay(hard[:50], scores).to_bytes()}, manifest()))


def test_log_odds_are_no_probability(boosters, hard, tmp_path):
    files = make_files(boosters["regression"], hard, Task.REGRESSION)
    with pytest.raises(Refused, match=r"scores go from -.*lies in \[0, 1\]"):
        Model.load(BundleStore(tmp_path).put(files, manifest()))


def test_a_replay_set_of_another_width_is_refused(bundled):
    files, store = bundled
    narrow = Replay(np.zeros((3, D - 1), dtype=np.float32), np.zeros(3)).to_bytes()
    with pytest.raises(DataError, match="replay set has 5 features, the contract has 6"):
        Model.load(store.put(files | {"replay.npy": narrow}, manifest()))


def test_a_bundle_with_two_models_or_none_is_refused(bundled, made):
    files, store = bundled
    other = "model.onnx" if "model.txt" in made.files else "model.txt"
    with pytest.raises(Refused, match="holds several models"):
        Model.load(store.put(files | {other: b"x"}, manifest()))
    none = {name: content for name, content in files.items() if name not in made.files}
    with pytest.raises(NotFound, match=r"holds no model.txt, model.ubj, model.onnx or python.json"):
        Model.load(store.put(none, manifest()))


@pytest.mark.parametrize("name", [*OURS, "lightgbm", "xgboost", "onnx"])
def test_a_model_of_another_width_is_refused(name):
    made = MAKERS[name]()
    with pytest.raises(DataError, match=f"trained on {D} features, the contract has {D - 1}"):
        made.open(made.content, D - 1)


_DAMAGE = """
import pickle, random, sys
import numpy as np
from daytwo.core.errors import DataError
from daytwo.scoring.forest import Unsuited
opener, content, extra = pickle.load(sys.stdin.buffer)
cases, chance = list(extra), random.Random(11)
for number in range(150):
    spoilt = bytearray(content)
    if number % 5 == 0:
        del spoilt[chance.randrange(len(spoilt)):]
    else:
        for _ in range(chance.choice([1, 1, 4, 30])):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
    cases.append(bytes(spoilt))
rows = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
refused = 0
for case in cases:
    try:
        engine = opener(case, 6)
    except (DataError, Unsuited):
        refused += 1
        continue
    engine.many(rows), engine.one(rows[0].tolist())
print(refused)
"""


@pytest.mark.parametrize("name", [*OURS, "lightgbm", "xgboost", "onnx"])
def test_damaged_files_are_refused_or_harmless_and_never_end_the_process(name):
    made = MAKERS[name]()
    odd = [b"", b"\0" * 100, made.content * 2]
    if name == "onnx":
        lists = [
            {"nodes_truenodeids": [9, 0, 0]},
            {"nodes_truenodeids": [0, 0, 0]},
            {"nodes_featureids": [70, 0, 0]},
            {"nodes_featureids": [-1, 0, 0]},
            {"target_nodeids": [1, 9]},
            {"target_ids": [0, 5]},
            {"nodes_values": [0.5]},
        ]
        odd += [tree_graph(**one) for one in lists]
    source = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", _DAMAGE],
        input=pickle.dumps((made.open, made.content, odd)),
        capture_output=True,
        check=False,
        env={"PYTHONPATH": f"{source / 'src'}:{source}"},
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    assert int(done.stdout) > 20


_LIGHT = """
import sys
from daytwo.core.schema import Task
import daytwo.scoring.model
from daytwo.scoring.engines import open_engine
assert "onnxruntime" not in sys.modules
from daytwo.scoring.xgboost_c import XgboostScorer
XgboostScorer(sys.stdin.buffer.read(), 6).one([0.0] * 6)
print(sorted({"xgboost", "lightgbm", "onnxruntime", "onnx", "pandas", "scipy", "sklearn"} & set(sys.modules)))
"""


def test_serving_loads_no_package_that_the_bundle_does_not_need():
    done = subprocess.run(
        [sys.executable, "-c", _LIGHT],
        input=MAKERS["xgboost"]().content,
        capture_output=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    assert done.stdout == b"[]\n"
    assert done.stderr == b""


def test_contributions_of_hard_rows_add_up_to_the_differences_of_raw_scores(made, hard):
    engine = made.open(made.content, D)
    if engine.trees is None:
        assert engine.name in {"onnx", "python"}
        return
    reference = hard[700]
    found = shapley_of(engine.trees, reference.tolist()).many(hard)
    raw = engine.raw(np.vstack([hard, reference]))
    assert found.sum(axis=1) == pytest.approx(raw[:-1] - raw[-1], abs=1e-5)
