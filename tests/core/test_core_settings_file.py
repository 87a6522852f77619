"""`daytwo.toml` and the environment: what is wrong is named, with the nearest right thing."""

import os
from pathlib import Path

import pytest

from daytwo.core.errors import Fault, NotFound, SettingsError
from daytwo.core.settings_file import FILE_NAME, every_key, find_project, load_settings, secret

LEAST = '[model]\nname = "flights"\ntarget = "late"\n'


@pytest.fixture
def load(tmp_path):
    def loaded(text: str, **environment: str):
        (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
        return load_settings(tmp_path, environment)

    return loaded


def test_the_shortest_file_is_a_name_and_a_target(load):
    loaded = load(LEAST)
    assert (loaded.settings.model.name, loaded.settings.model.target) == ("flights", "late")
    assert loaded.origins["model.name"] == FILE_NAME
    assert loaded.origins["serve.port"] == "default"
    assert set(loaded.origins) == set(every_key())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[serve]\nprot = 1\n", r"unknown key 'serve.prot'\. Did you mean 'serve.port'\?"),
        ("[server]\nport = 1\n", r"unknown key 'server'\. Did you mean 'serve'\?"),
        ("sed = 1\n", r"unknown key 'sed'\. Did you mean 'seed'\?"),
        ("[retrain]\nswitchcost = 1\n", r"Did you mean 'retrain.switch_cost'\?"),
        ("zzz = 1\n", r"unknown key 'zzz'\. Remove it; 'daytwo config' lists the keys there are"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_one(load, text, told):
    if text.startswith("["):
        text = LEAST + text
    else:
        text += LEAST
    with pytest.raises(SettingsError, match=told):
        load(text)


@pytest.mark.parametrize(("column", "role"), [("late", "target"), ("at", "time")])
def test_what_a_model_needs_cannot_be_personal(load, column, role):
    text = LEAST + f'time = "at"\n[data]\npersonal = ["{column}"]\n'
    with pytest.raises(SettingsError, match=f"data.personal names '{column}', which is the {role}"):
        load(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the key 'model' is missing"),
        ('[model]\nname = "x"\n', "the key 'model.target' is missing"),
        ("model = 3\n", "'model'"),
        ("[[model]]\n", "'model'"),
        (LEAST + '[serve]\nport = "80"\n', "Expected `int`, got `str` at 'serve.port'"),
        (LEAST + "[serve]\nport = 70000\n", "<= 65535 at 'serve.port'"),
        (LEAST + "[serve]\nworkers = -1\n", ">= 0 at 'serve.workers'"),
        (LEAST + "[serve]\nmax_body_mb = 0\n", "> 0.0 at 'serve.max_body_mb'"),
        (LEAST + "[retrain]\nevery = 0\n", ">= 1 at 'retrain.every'"),
        (LEAST + "[cost]\ncore_hour = -0.05\n", ">= 0.0 at 'cost.core_hour'"),
        (LEAST + '[model]\ntask = "binary"\n', "not valid TOML.*Mend the line named"),
        ("[model\n", "not valid TOML: .*line 1"),
        (LEAST.replace("flights", "flights\x00"), "not valid TOML"),
        (LEAST + 'task = "multiclass"\n', "'multiclass' at 'model.task'"),
    ],
)
def test_a_broken_file_is_told_with_the_place(load, text, told):
    with pytest.raises(SettingsError, match=told):
        load(text)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('[monitor]\nwindow = "a week"', r"monitor\.window: 'a week' is no duration"),
        ('[monitor]\nwindow = "0d"', r"monitor\.window is no time at all"),
        ('[monitor]\nlabel_delay = "2"', r"monitor\.label_delay: '2' is no duration"),
        ('[monitor]\nfalse_alarms = "few"', r"monitor\.false_alarms: 'few' is no rate"),
        ('[value]\ntrue_positive = "2 *"', r"value\.true_positive: '2 \*' is no expression"),
        ('[value]\nerror_cost = "open(a)"', r"value\.error_cost: 'open\(a\)' is not allowed"),
        ('[retrain]\nwindows = ["all", "soon"]', r"retrain\.windows: 'soon' is no duration"),
        ('[retrain]\npolicy = "always"', r"retrain\.policy.*'always' is no retraining policy.*marginal"),
        ('[retrain]\npolicy = "never"\nstale_after = "90d"', r"retrain\.stale_after.*retrain\.policy never"),
        ('[retrain]\nstale_after = "old"', r"retrain\.stale_after.*no duration"),
        ("[serve]\nfallback = 1.5", r"serve\.fallback = 1\.5 is not a probability, from 0 to 1"),
        ("[serve]\nfallback = nan", r"serve\.fallback = nan is not a probability"),
        ("[serve]\nfallback = true", r"serve\.fallback"),
        ('[serve]\nfallback = "0.2"', r"serve\.fallback = '0\.2' reads no column.*a number without quotes"),
        ('[serve]\nfallback = "import os"', r"serve\.fallback: .*is no expression"),
        ('[release]\nsteps = ["canary 5%"]', r"release\.steps has 'canary 5%'.*shadow 2d"),
        ('[release]\nsteps = ["canary 0% 1d"]', r"release\.steps has 'canary 0% 1d'"),
        ('[release]\nsteps = ["canary 100% 1d"]', r"release\.steps has"),
        ('[release]\nsteps = ["shadow 5% 1d"]', r"release\.steps has"),
    ],
)
def test_a_value_that_means_nothing_is_named_by_its_key(load, line, told):
    with pytest.raises(SettingsError, match=told):
        load(f"{LEAST}{line}\n")


def test_the_environment_overrides_the_file_and_is_named_as_origin(load):
    loaded = load(
        LEAST + "[serve]\nport = 1\n",
        DAYTWO_SERVE__PORT="9000",
        DAYTWO_GATE__MARGIN="0.01",
        DAYTWO_MONITOR__WINDOW="1d",
        DAYTWO_GATE__SLICES='["origin"]',
        DAYTWO_MODEL__NAME='"7"',
        DAYTWO_DEBUG="1",
        OTHER__THING="x",
    )
    settings = loaded.settings
    assert (settings.serve.port, settings.gate.margin, settings.monitor.window) == (9000, 0.01, "1d")
    assert (settings.gate.slices, settings.model.name) == (("origin",), "7")
    assert loaded.origins["serve.port"] == "DAYTWO_SERVE__PORT"
    assert loaded.origins["model.target"] == FILE_NAME


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DAYTWO_SERVE__PROT", "1", "with DAYTWO_SERVE__PROT: unknown key 'serve.prot'"),
        ("DAYTWO_SERVE__PORT", "many", "with DAYTWO_SERVE__PORT: Expected `int`, got `str`"),
        ("DAYTWO_NOTHING__AT_ALL", "1", "unknown key 'nothing'"),
        ("DAYTWO_SEED__X", "1", "DAYTWO_SEED__X.*'seed'"),
    ],
)
def test_a_wrong_override_is_told_with_its_name(load, name, value, told):
    with pytest.raises(SettingsError, match=told):
        load(LEAST, **{name: value})


def test_an_override_of_what_is_no_section_is_a_mistake_and_not_a_crash(load):
    with pytest.raises(SettingsError, match="'model'"):
        load("model = 3\n", DAYTWO_MODEL__NAME="x")


def test_bytes_that_are_no_text_are_a_mistake(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b'[model]\nname = "\xff"\n')
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings(tmp_path, {})


def test_a_missing_file_and_one_that_is_none_are_told(tmp_path):
    with pytest.raises(NotFound, match=r"no daytwo\.toml in .*daytwo init"):
        load_settings(tmp_path, {})
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(Fault, match=r"daytwo\.toml cannot be read"):
        load_settings(tmp_path, {})


def test_a_project_is_found_from_any_folder_below(tmp_path):
    (tmp_path / FILE_NAME).write_text(LEAST)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_project(below) == find_project(tmp_path) == tmp_path.resolve()


def test_outside_of_a_project_the_next_step_is_told(tmp_path):
    with pytest.raises(NotFound, match=r"no daytwo\.toml in .* or above it.*daytwo init"):
        find_project(tmp_path)


def test_secrets_come_from_the_environment_or_a_file(tmp_path):
    (tmp_path / "token").write_text("swordfish\n")
    assert secret("") == ""
    assert secret("env:TOKEN", {"TOKEN": "a:b c"}) == "a:b c"
    assert secret(f"file:{tmp_path / 'token'}") == "swordfish"
    assert secret("env:PATH") == os.environ["PATH"]


@pytest.mark.parametrize("reference", ["env:MISSING", "file:/no/such/file", "file:/", "env:"])
def test_a_secret_that_is_not_there_is_told(reference):
    with pytest.raises(SettingsError, match="is not there"):
        secret(reference, {})


@pytest.mark.parametrize("reference", ["swordfish", "https://hooks.example/swordfish", ":swordfish"])
def test_a_secret_given_in_the_open_is_refused_without_repeating_it(reference):
    with pytest.raises(SettingsError, match="env:NAME") as caught:
        secret(reference, {})
    assert "swordfish" not in str(caught.value)


def test_a_file_that_is_no_text_is_no_secret(tmp_path):
    path = Path(tmp_path / "token")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is not there"):
        secret(f"file:{path}")
