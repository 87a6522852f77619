import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from daytwo.core.errors import SettingsError
from daytwo.core.schema import Task
from daytwo.monitoring.judging.reference import Reference
from daytwo.registry.bundle import BASE_RATE, BundleStore
from daytwo.scoring.model import Model
from daytwo.training.candidate import TrainingRequest, train_candidate
from daytwo.training.dataset import TrainingData, divide, split
from daytwo.training.front import REFERENCE

SCRIPT = """
import json, runpy, sys
from daytwo.training.candidate import TrainingRequest, train_candidate
from daytwo.registry.bundle import BASE_RATE, BundleStore
from pathlib import Path
made = runpy.run_path(sys.argv[1])
request = TrainingRequest(made["make_contract"](), made["make_settings"](), seed=5, threads=int(sys.argv[2]))
candidate = train_candidate(request, made["make_data"](1200))
print(BundleStore(Path(sys.argv[3])).put(candidate.files, candidate.manifest).digest)
"""


@pytest.fixture(scope="module")
def candidate(made, settings_of, contract_of):
    return train_candidate(TrainingRequest(contract_of(), settings_of(), seed=5, threads=1), made)


def test_the_bundle_loads_proves_itself_and_gives_reasons(candidate, made, tmp_path):
    model = Model.load(BundleStore(tmp_path).put(candidate.files, candidate.manifest))
    scores = model.score_many(made.matrix)
    assert roc_auc_score(made.labels, scores) > 0.8
    row = {"wind": 2.5, "age": 0.1, "noise": 0.0, "carrier": "b"}
    assert model.explain(model.encoder.row(row), row)[0].feature == "wind"
    assert {"reference.json", "estimator.json", "evaluation.json", "card.md"} <= set(candidate.files)


def test_the_reference_knows_the_reasons_that_the_served_model_gives(candidate, made, tmp_path):
    model = Model.load(BundleStore(tmp_path).put(candidate.files, candidate.manifest))
    reference = Reference.from_json(candidate.files["reference.json"])
    assert reference.attribution is not None
    assert reference.filter is not None
    assert {"attribution:wind", "rise:wind", "hole:age"} <= set(reference.channel_names)
    usual = reference.attribution.asked(made.matrix, model.contributions)
    assert max(usual.values()) < 4.0
    other = reference.attribution.asked(made.matrix, lambda rows: model.contributions(rows) * 2)
    assert other["attribution:wind"] > 6.0


def test_figures_are_those_of_rows_no_tree_has_seen(candidate, made, tmp_path):
    model = Model.load(BundleStore(tmp_path).put(candidate.files, candidate.manifest))
    select = made.take(slice(made.rows - candidate.evaluation.rows, made.rows))
    assert candidate.evaluation.figures["roc_auc"].value == pytest.approx(
        roc_auc_score(select.labels, model.score_many(select.matrix)), abs=1e-12
    )
    assert candidate.manifest.metrics["roc_auc"] == candidate.evaluation.figures["roc_auc"].value
    assert candidate.manifest.metrics[BASE_RATE] == pytest.approx(divide(made, task=Task.BINARY).fit.labels.mean())
    assert candidate.evaluation.money.low > candidate.evaluation.never_act


def test_the_recommended_variant_is_the_one_in_the_bundle_and_keeps_the_margin(candidate):
    taken = next(one for one in candidate.variants if one.name == candidate.recommended)
    reference = next(one for one in candidate.variants if one.name == REFERENCE)
    assert taken.nodes_per_row < reference.nodes_per_row
    assert taken.loss_high <= 0.01
    assert candidate.manifest.lineage.parameters["variant"] == candidate.recommended
    assert candidate.files["model.txt"].count(b"\nTree=") == taken.trees
    assert all(one.cpu_us > 0 and one.cost_per_million > 0 for one in candidate.variants)


def test_nothing_that_was_timed_is_in_the_files(candidate):
    report = json.loads(candidate.files["evaluation.json"])
    assert report["recommended"] == candidate.recommended
    for one in report["variants"]:
        assert [one[name] for name in ("p50_us", "p99_us", "cpu_us", "cost_per_million")] == [None] * 4


def test_two_processes_with_other_threads_and_hash_seeds_give_one_digest(tmp_path, data_of, settings_of, contract_of):
    conftest = Path(__file__).with_name("conftest.py")
    here = train_candidate(TrainingRequest(contract_of(), settings_of(), seed=5, threads=1), data_of(1_200))
    digests = {BundleStore(tmp_path / "here").put(here.files, here.manifest).digest}
    running = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SCRIPT, str(conftest), threads, str(tmp_path / threads)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for threads, hash_seed in (("1", "1"), ("2", "77"))
    ]
    for one in running:
        printed, _ = one.communicate(timeout=120)
        assert one.returncode == 0
        digests.add(printed.strip())
    assert len(digests) == 1


def test_another_seed_gives_another_model(candidate, made, settings_of, contract_of):
    other = train_candidate(TrainingRequest(contract_of(), settings_of(), seed=6, threads=1), made)
    assert other.files["model.txt"] != candidate.files["model.txt"]


def test_the_test_part_leaves_no_trace(made, settings_of, contract_of):
    request = TrainingRequest(contract_of(), settings_of(), seed=5, threads=1)
    texts = []
    for spoil in (False, True):
        labels = np.where(made.times >= np.datetime64("2013-02-15"), 1 - made.labels, made.labels)
        data = TrainingData(made.schema, made.matrix, labels if spoil else made.labels, made.times, made.money)
        texts.append(train_candidate(request, split(data, test_from=np.datetime64("2013-02-15")).train).files)
    assert texts[0] == texts[1]


def test_the_lineage_names_rows_window_parent_and_seed(made, settings_of, contract_of):
    request = TrainingRequest(contract_of(), settings_of(), seed=9, window="20d", parent="f" * 64, author="ann")
    lineage = train_candidate(request, made).manifest.lineage
    assert lineage.windows["fit"].rows < made.rows / 2
    assert lineage.windows["fit"].last <= lineage.windows["tune"].first
    assert (lineage.parent, lineage.author, lineage.seeds) == ("f" * 64, "ann", {"training": 9})
    assert lineage.contract == contract_of().digest
    assert lineage.parameters["window"] == "20d"


def test_a_regression_goes_the_same_road(data_of, settings_of, contract_of, tmp_path):
    data = data_of(6_000, task=Task.REGRESSION)
    request = TrainingRequest(contract_of(Task.REGRESSION), settings_of(Task.REGRESSION), seed=1, threads=1)
    candidate = train_candidate(request, data)
    model = Model.load(BundleStore(tmp_path).put(candidate.files, candidate.manifest))
    assert np.corrcoef(model.score_many(data.matrix), data.labels)[0, 1] > 0.95
    assert candidate.evaluation.calibration == "identity"
    assert candidate.evaluation.figures["mae"].high < candidate.evaluation.trivial["mae"]


@pytest.mark.parametrize("timed", [True, False])
def test_three_hundred_rows_are_enough_for_a_whole_bundle(data_of, settings_of, contract_of, tmp_path, timed):
    data = split(data_of(300, timed=timed), test_share=0.2).train
    candidate = train_candidate(TrainingRequest(contract_of(), settings_of(), seed=1, threads=1), data)
    Model.load(BundleStore(tmp_path).put(candidate.files, candidate.manifest))


def test_the_projects_own_model_takes_the_place_of_the_reference(made, settings_of, contract_of, tmp_path):
    text = (
        "import lightgbm\ndef fit(data):\n    rows = lightgbm.Dataset(data.matrix, data.labels)\n"
        "    return lightgbm.train({'objective': 'binary', 'verbosity': -1, 'num_threads': 1}, rows, 33)\n"
    )
    (tmp_path / "model.py").write_text(text)
    request = TrainingRequest(contract_of(), settings_of(margin=0.0), seed=1, threads=1, folder=tmp_path)
    candidate = train_candidate(request, made)
    reference = next(one for one in candidate.variants if one.name == REFERENCE)
    assert reference.trees == 33
    assert candidate.manifest.lineage.parameters["model.py"] == hashlib.sha256(text.encode()).hexdigest()


def test_the_card_says_what_for_how_good_and_where_not(candidate):
    card = candidate.files["card.md"].decode()
    for words in (
        "Purpose: to know",
        "Owner: ops",
        "roc_auc (the gate)",
        "## Money",
        "## Limits",
        "## Origin",
        "taken",
    ):
        assert words in card
    figure = candidate.evaluation.figures["roc_auc"]
    assert f"{figure.value:.4g} | {figure.low:.4g} to {figure.high:.4g}" in card


def test_a_column_that_is_the_answer_is_called_out(made, settings_of, contract_of):
    matrix = made.matrix.copy()
    matrix[:, 2] = made.labels
    data = TrainingData(made.schema, matrix, made.labels, made.times, made.money)
    findings = train_candidate(TrainingRequest(contract_of(), settings_of(), seed=1, threads=1), data).findings
    assert [(one.kind, one.subject, one.severity.value) for one in findings] == [("training.leak", "noise", "critical")]


def test_what_the_contract_says_of_a_score_binds_our_models_and_shows_what_is_wrong_with_others(
    made, settings_of, contract_of, tmp_path
):
    free = contract_of()
    columns = tuple(replace(one, score="falls") if one.name == "wind" else one for one in free.columns)
    contract = replace(free, columns=columns)
    data = TrainingData(contract.features, made.matrix, made.labels, made.times, made.money)
    bound = train_candidate(TrainingRequest(contract, settings_of(), seed=1, threads=1), data)
    model = Model.load(BundleStore(tmp_path / "bound").put(bound.files, bound.manifest))
    rows = np.repeat(made.matrix[:50], 30, axis=0)
    rows[:, 0] = np.tile(np.linspace(-3, 3, 30), 50)
    assert np.diff(model.score_many(rows).reshape(50, 30)).max() <= 1e-12
    assert "training.direction" not in {one.kind for one in bound.findings}
    (tmp_path / "model.py").write_text(
        "import lightgbm\ndef fit(data):\n    rows = lightgbm.Dataset(data.matrix, data.labels)\n"
        "    return lightgbm.train({'objective': 'binary', 'verbosity': -1, 'num_threads': 1}, rows, 20)\n"
    )
    request = TrainingRequest(contract, settings_of(margin=0.0), seed=1, threads=1, folder=tmp_path)
    own = train_candidate(request, data)
    assert own.recommended == REFERENCE
    told = next(one for one in own.findings if one.kind == "training.direction")
    assert (told.subject, told.evidence["share"]) == ("wind", 1.0)
    assert "the contract says that the score falls with wind" in own.files["card.md"].decode()


def test_rows_without_any_signal_are_called_out(made, settings_of, contract_of):
    labels = (np.random.default_rng(8).random(made.rows) < 0.3).astype(float)
    data = TrainingData(made.schema, made.matrix, labels, made.times, made.money)
    findings = train_candidate(TrainingRequest(contract_of(), settings_of(), seed=1, threads=1), data).findings
    assert "training.no_signal" in {one.kind for one in findings}


def test_the_wrong_metric_stops_before_any_work(made, settings_of, contract_of):
    request = TrainingRequest(contract_of(), settings_of(metric="mae"), seed=1, threads=1)
    with pytest.raises(SettingsError, match="'mae' is no metric for binary"):
        train_candidate(request, made)


def test_evaluation_survives_its_json(candidate):
    assert msgspec.json.decode(msgspec.json.encode(candidate.evaluation), type=type(candidate.evaluation)) == (
        candidate.evaluation
    )
