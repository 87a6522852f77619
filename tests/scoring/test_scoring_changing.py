"""Suggested changes: they turn the decision, keep every promise, and are as small as trying everything finds."""

import itertools

import lightgbm
import numpy as np
import polars as pl
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import DataError, NotFound, SettingsError
from daytwo.core.schema import Kind, Task
from daytwo.core.settings import ReasonsSettings as Limits
from daytwo.core.settings import ValueSettings
from daytwo.explain.change import smallest_changes
from daytwo.explain.options import Options
from daytwo.explain.references import build_explainer
from daytwo.registry.bundle import BundleStore, Manifest
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.cases import CASES_FILE, Cases
from daytwo.scoring.changing import Changer
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.model import Model
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.replay import Replay, hard_rows
from daytwo.scoring.turning import Asked

CONTRACT = Contract(
    "loans",
    1,
    "desk",
    (
        Column("age", Kind.INTEGER, minimum=18, maximum=90),
        Column("income", Kind.NUMBER, minimum=0),
        Column("debt", Kind.NUMBER, nullable=True),
        Column("insured", Kind.BOOLEAN),
        Column("region", Kind.CATEGORY, levels=("north", "east", "south", "west"), other="reject"),
        Column("refused", Kind.INTEGER, role=Role.TARGET, levels=("0", "1")),
    ),
    rules=(Rule("debt_is_bearable", "debt <= income"),),
)

EVEN, ANY = ValueSettings(true_positive=1.0, false_positive=-1.0), Limits()


def people(n, seed):
    random = np.random.default_rng(seed)
    income = random.gamma(4, 10, n).round(1)
    debt = [None if random.random() < 0.1 else round(float(one * random.random()), 1) for one in income]
    return [
        {
            "age": int(random.integers(18, 80)),
            "income": float(income[i]),
            "debt": debt[i],
            "insured": bool(random.random() < 0.5),
            "region": str(random.choice(["north", "east", "south", "west"])),
        }
        for i in range(n)
    ]


@pytest.fixture(scope="module")
def matrix():
    return Encoder(CONTRACT).matrix(pl.DataFrame(people(3000, 1), schema_overrides={"debt": pl.Float64}))


@pytest.fixture(scope="module")
def made(matrix, tmp_path_factory):
    """Return what makes a model: its bundle with some files changed."""
    x = np.nan_to_num(matrix)
    odds = 1.5 - 0.06 * x[:, 1] + 0.08 * x[:, 2] - (x[:, 3] + 0.5) * (x[:, 4] == 2) + (x[:, 0] < 25)
    labels = (np.random.default_rng(2).random(len(x)) < 1 / (1 + np.exp(-odds))).astype(float)
    settings = {"objective": "binary", "num_leaves": 6, "num_threads": 1, "verbosity": -1, "max_bin": 15, "seed": 1}
    data = lightgbm.Dataset(matrix, labels, categorical_feature=[4])
    text = lightgbm.train(settings, data, 10).model_to_string().encode()
    scorer = LightgbmScorer(text, 5)
    rows = hard_rows(matrix, scorer.trees, CONTRACT.features)
    store = BundleStore(tmp_path_factory.mktemp("bundles"))

    def make(task=Task.BINARY, value=EVEN, **changed):
        files = {
            "model.txt": text,
            "contract.toml": to_toml(CONTRACT).encode(),
            "calibration.json": Calibration().to_json(),
            "payoff.json": Payoff.from_settings(value, task).to_json(),
            "replay.npy": Replay(rows, scorer.many(rows)).to_bytes(),
            "explainer.json": build_explainer(matrix, CONTRACT.features, task=task, outcome="refused").to_json(),
            CASES_FILE: Cases.chosen(matrix, labels).to_bytes(),
        } | changed
        kept = {name: content for name, content in files.items() if content is not None}
        return Model.load(
            store.put(kept, Manifest(model="loans", task=task, metric="roc_auc", contract=CONTRACT.digest))
        )

    return make


@pytest.fixture(scope="module")
def model(made):
    return made()


def ask(model, row, limits=ANY, **how):
    features, breaches = model.decoder.check(row)
    assert breaches == ()
    return Changer(model, limits).changes(features, row, **how)


def changed_row(row, change):
    return {**row, **{step.column: step.after for step in change.steps}}


def decided(model, row):
    features, breaches = model.decoder.check(row)
    assert breaches == ()
    return model.payoff.advise(model.score(features), row).act


def test_every_suggestion_turns_the_decision_and_keeps_the_contract(model):
    changer, told = Changer(model, Limits()), 0
    for row in people(150, 3):
        said = changer.changes(model.decoder.check(row)[0], row)
        assert said.act == decided(model, row)
        assert bool(said.changes) != bool(said.why)
        for change in said.changes:
            told += 1
            other = changed_row(row, change)
            assert decided(model, other) != said.act
            assert change.score == model.score(model.decoder.check(other)[0])
            assert all(step.before == row[step.column] != step.after for step in change.steps)
            assert all(step.before is not None for step in change.steps)
            assert 0 <= change.nearness <= 1
    assert told > 150


def test_what_is_fixed_stays_and_what_only_rises_rises(model):
    limits = Limits(fixed=("region", "insured"), only_up=("age",), only_down=("debt",))
    changer = Changer(model, limits)
    seen = set()
    for row in people(120, 4):
        for change in changer.changes(model.decoder.check(row)[0], row).changes:
            for step in change.steps:
                seen.add(step.column)
                assert step.column not in limits.fixed
                assert step.column != "age" or step.after > step.before
                assert step.column != "debt" or step.after < step.before
    assert seen == {"age", "income", "debt"}


def test_a_suggestion_is_told_in_the_words_of_its_columns(model):
    row = {"age": 40, "income": 20.0, "debt": 15.0, "insured": True, "region": "north"}
    said = ask(model, row, Limits(fixed=("age", "debt", "insured", "region")))
    assert [step.words for step in said.changes[0].steps] == [
        f"income {said.changes[0].steps[0].after:g} instead of 20"
    ]


def test_nothing_may_change_or_nothing_helps_and_why_is_said(model):
    row = {"age": 40, "income": 20.0, "debt": 15.0, "insured": True, "region": "north"}
    everything = Limits(fixed=("age", "income", "debt", "insured", "region"))
    assert "no column may change" in ask(model, row, everything).why
    said = ask(model, row, Limits(fixed=("income", "debt", "region", "insured")))
    assert (said.changes, said.act) == ((), True)
    assert said.why == "no change of up to 3 columns brings it near a real row that was decided so"
    row = {"age": 40, "income": 40.0, "debt": 15.0, "insured": True, "region": "north"}
    said = ask(model, row, Limits(fixed=("income", "debt", "region", "insured")))
    assert said.why == "no change of up to 1 of the 1 columns that may change was found to turn the decision"


def test_a_change_that_breaks_a_rule_between_columns_is_not_offered(model):
    row = {"age": 40, "income": 60.0, "debt": 10.0, "insured": False, "region": "north"}
    said = ask(model, row, Limits(fixed=("age", "debt", "insured", "region"), only_down=("income",)))
    assert not said.act
    for change in said.changes:
        assert change.steps[0].after >= 10


def test_one_who_decides_all_alike_has_no_real_row_to_be_like(made):
    never = made(value=ValueSettings(true_positive=0.0, false_positive=-1.0))
    said = ask(never, people(1, 5)[0])
    assert (said.changes, said.why) == ((), "the model acts on none of the real rows it is compared with")


def test_amounts_that_read_the_row_count_too(made):
    model = made(value=ValueSettings(true_positive="income / 10", false_positive="-1 - age / 50"))
    changer, told = Changer(model, Limits()), 0
    for row in people(60, 6):
        for change in changer.changes(model.decoder.check(row)[0], row).changes:
            told += 1
            assert decided(model, changed_row(row, change)) != decided(model, row)
            advice = model.payoff.advise(change.score, changed_row(row, change))
            assert change.gain == advice.gain
    assert told > 30


def test_who_cannot_be_asked_says_so(made, model):
    with pytest.raises(NotFound, match="made before real rows"):
        Changer(made(**{CASES_FILE: None}), Limits())
    with pytest.raises(NotFound, match="predicts a value"):
        Changer(made(task=Task.REGRESSION), Limits())
    with pytest.raises(SettingsError, match="names the column 'agee'"):
        Changer(model, Limits(fixed=("agee",)))
    with pytest.raises(DataError, match="damaged"):
        made(**{CASES_FILE: b"no rows"})


def exhaustive(model, row, most):
    """The fewest columns by trying every value of every column, judged as the search judges."""
    asked = Asked(Changer(model, Limits()).grounds, model.decoder.check(row)[0], row)
    choices = asked.options()
    if not asked.in_reach([one.feature for one in choices], most):
        return None
    for size in range(1, most + 1):
        for chosen in itertools.combinations(choices, size):
            features = [one.feature for one in chosen]
            combined = np.array(list(itertools.product(*(one.values for one in chosen))), dtype=np.float32)
            if not len(combined):
                continue
            rows = np.repeat(asked.features[None, :], len(combined), axis=0)
            rows[:, features] = combined
            for changed in rows[asked.aim(rows)[0]]:
                if not asked.why_not(changed, tuple(features)):
                    return size
    return None


def test_as_few_columns_as_trying_everything_finds(model):
    exists = as_few = 0
    for row in people(40, 8):
        best = exhaustive(model, row, 2)
        found = ask(model, row, most=2).changes
        if best is None:
            assert found == ()
            continue
        exists += 1
        as_few += bool(found) and len(found[0].steps) == best
    assert exists > 25
    assert as_few >= 0.95 * exists


def test_cases_are_kept_to_the_bit(matrix):
    cases = Cases.chosen(matrix, np.arange(len(matrix)) % 2.0)
    again = Cases.from_bytes(cases.to_bytes())
    assert np.array_equal(again.matrix, cases.matrix, equal_nan=True)
    assert np.array_equal(again.labels, cases.labels)
    assert len(again.matrix) == 2000


def test_what_is_turned_down_at_a_glance_would_be_turned_down_all_the_same(model):
    random = np.random.default_rng(7)
    changer = Changer(model, ANY)
    far = 0
    for row in people(40, 8):
        features, _ = model.decoder.check(row)
        asked = Asked(changer.grounds, features, row)
        options = asked.options()
        if asked.is_alone or not asked.in_reach([one.feature for one in options], 3):
            continue
        rows, changed = [], []
        for _ in range(60):
            chosen = random.choice(len(options), random.integers(1, 4), replace=False)
            rows.append(asked.features.copy())
            changed.append(tuple(sorted(options[i].feature for i in chosen)))
            for i in chosen:
                rows[-1][options[i].feature] = random.choice(options[i].values)
        told = asked.too_far(np.array(rows))
        far += sum(map(bool, told))
        for glanced, one, features in zip(told, rows, changed, strict=True):
            assert not glanced or asked.why_not(one, features) == glanced
    assert far > 50


def test_of_a_large_model_fewer_rows_are_tried():
    random = np.random.default_rng(3)
    row = np.zeros(6, dtype=np.float32)
    options = [Options(i, np.arange(1, 61, dtype=np.float32), np.linspace(0.01, 1, 60)) for i in range(6)]
    weights = random.normal(size=6)

    def aim(rows):
        return np.zeros(len(rows), dtype=bool), rows @ weights

    tried = [smallest_changes(row, options, aim, lambda *_: "", effort=effort).tried for effort in (None, 2_500, 1)]
    assert tried[0] > tried[1] > tried[2] > 0
    assert tried == [smallest_changes(row, options, aim, lambda *_: "", effort=e).tried for e in (None, 2_500, 1)]
