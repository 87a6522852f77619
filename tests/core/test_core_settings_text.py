"""Settings as text: every key has its meaning, and what is written reads back as the same settings."""

import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.core.schema import Task
from daytwo.core.settings import (
    DataSettings,
    GateSettings,
    ModelSettings,
    MonitorSettings,
    ReasonsSettings,
    ReleaseSettings,
    RetrainSettings,
    ServeSettings,
    Settings,
    ValueSettings,
)
from daytwo.core.settings_file import FILE_NAME, every_key, load_settings
from daytwo.core.settings_text import MEANINGS, render

# Any text that a file in UTF-8 can hold: quotes, backslashes, line ends, control characters, emoji.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.lists(TEXTS, max_size=3).map(tuple)
AMOUNTS = st.floats(-1e12, 1e12) | st.sampled_from(["2.5 * seats - 120", 'col("a \\"b\\"") / 3', "kind == 'x#'"])
SPANS = st.tuples(st.integers(1, 500), st.sampled_from("smhdw")).map(lambda part: f"{part[0]}{part[1]}")
STEPS = SPANS.map(lambda span: f"shadow {span}") | st.tuples(st.integers(1, 99), SPANS).map(
    lambda part: f"canary {part[0]}% {part[1]}"
)
POSITIVE = st.floats(1e-6, 1e9)
TABLES = {"ci.expect", *(f"reasons.{name}" for name in ("names", "phrases", "units", "formats", "values", "groups"))}
TASKS = {
    Task.BINARY: st.builds(
        ValueSettings,
        currency=TEXTS,
        true_positive=AMOUNTS,
        false_positive=AMOUNTS,
        false_negative=AMOUNTS,
        true_negative=AMOUNTS,
    ),
    Task.REGRESSION: st.builds(ValueSettings, currency=TEXTS, error_cost=AMOUNTS),
}


def _settings(task: Task) -> st.SearchStrategy[Settings]:
    return st.builds(
        Settings,
        seed=st.integers(0, 2**40),
        model=st.builds(ModelSettings, name=TEXTS, purpose=TEXTS, target=TEXTS, owner=TEXTS, task=st.just(task)),
        data=st.builds(DataSettings, source=TEXTS, owner=TEXTS, exclude=NAMES),
        value=TASKS[task],
        reasons=st.builds(
            ReasonsSettings,
            row=TEXTS,
            names=st.dictionaries(TEXTS, TEXTS, max_size=3),
            values=st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=2), max_size=2),
            groups=st.dictionaries(TEXTS, st.just(()), max_size=2),
        ),
        monitor=st.builds(MonitorSettings, window=SPANS, label_delay=SPANS),
        retrain=st.builds(
            RetrainSettings,
            policy=st.sampled_from(["marginal", "every 7d", "on alarm", "never"]),
            switch_cost=POSITIVE,
            every=st.integers(1, 99),
            windows=st.lists(SPANS | st.just("all"), max_size=3).map(tuple),
        ),
        gate=st.builds(GateSettings, metric=TEXTS, margin=POSITIVE, max_p99_ms=POSITIVE, slices=NAMES),
        release=st.builds(ReleaseSettings, steps=st.lists(STEPS, max_size=3).map(tuple)),
        serve=st.builds(ServeSettings, host=TEXTS, port=st.integers(0, 65_535), token=TEXTS),
    )


def _read(text: str) -> Settings:
    with tempfile.TemporaryDirectory() as folder:
        # Bytes, as daytwo writes them: a text file would change line ends.
        (Path(folder) / FILE_NAME).write_bytes(text.encode())
        return load_settings(Path(folder), {}).settings


@given(st.sampled_from(Task).flatmap(_settings))
@settings(max_examples=200, deadline=None)
def test_what_is_written_reads_back_as_the_same_settings(wanted):
    assert _read(render(wanted)) == wanted


def test_every_key_has_a_meaning_and_every_meaning_a_key():
    assert set(MEANINGS) == set(every_key())
    assert [key for key, words in MEANINGS.items() if not words.strip() or "\n" in words] == []


@pytest.mark.parametrize("task", Task)
def test_every_key_that_counts_for_the_task_is_written_with_its_meaning(task):
    text = render(Settings(model=ModelSettings(name="x", target="y", task=task)))
    lines = text.splitlines()
    keys = [key for key in every_key() if any(MEANINGS[key] in line for line in lines)]
    left_out = set(every_key()) - set(keys) - TABLES  # written by people
    if task is Task.BINARY:
        assert left_out == {"value.error_cost"}
    else:
        assert left_out == {
            f"value.{name}" for name in ("true_positive", "false_positive", "false_negative", "true_negative")
        }


def test_a_setting_is_frozen():
    with pytest.raises(AttributeError):
        Settings(model=ModelSettings(name="x", target="y")).seed = 1


def test_the_defaults_are_valid():
    told = msgspec.to_builtins(Settings(model=ModelSettings(name="x", target="y")))
    assert msgspec.convert(told, Settings) == Settings(model=ModelSettings(name="x", target="y"))
