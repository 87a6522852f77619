import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from daytwo.core.errors import DataError, SettingsError
from daytwo.monitoring import watch

FEATURES = ["wind", "seats", "origin"]
ROOT = Path(__file__).parents[2]


def window(seed, shift=0.0, rows=400):
    draw = np.random.default_rng(seed)
    base = draw.normal(size=rows)
    wind = base + shift
    return pl.DataFrame(
        {
            "wind": wind,
            "seats": base + draw.normal(size=rows),
            "origin": draw.choice(["EWR", "JFK", "LGA"], rows),
            "score": 1 / (1 + np.exp(-base)),
        }
    )


REFERENCE = [window(seed) for seed in range(60)]


def first_alarm(windows, features=FEATURES):
    return next((found for found in watch(REFERENCE, windows, features=features) if found.alarm), None)


def test_nothing_is_said_about_windows_like_the_reference_within_the_budget():
    found = list(watch(REFERENCE, [window(1000 + i) for i in range(60)], features=FEATURES))
    assert [one.window for one in found] == list(range(60))
    assert sum(one.alarm for one in found) <= 2
    assert found[0].allowed == pytest.approx(1 / 90)
    assert not found[0].warming


def test_a_quarter_of_a_standard_deviation_that_lasts_is_heard_within_five_windows_and_named():
    alarm = first_alarm([window(2000 + i, shift=0.25) for i in range(5)])
    assert alarm is not None
    assert "wind" in [finding.subject for finding in alarm.findings]


@pytest.mark.parametrize(
    ("fault", "subject", "cause"),
    [
        (pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise("wind").alias("wind"), "wind", "missing"),
        (pl.col("seats").shuffle(seed=1), "wind and seats", "pair"),
        (pl.lit("BOS").alias("origin"), "origin", "new level"),
    ],
)
def test_a_fault_is_heard_and_named(fault, subject, cause):
    alarm = first_alarm([window(3000 + i).with_columns(fault) for i in range(5)])
    assert alarm is not None
    named = {finding.subject: finding.evidence["cause"] for finding in alarm.findings}
    assert named[subject] == cause


def test_another_unit_on_one_row_in_twenty_is_heard_within_six_windows():
    part = pl.when(pl.int_range(pl.len()) % 20 == 0).then(pl.col("seats") * 2.54).otherwise("seats").alias("seats")
    alarm = first_alarm([window(3500 + i).with_columns(part) for i in range(6)])
    assert alarm is not None
    assert "seats" in [finding.subject for finding in alarm.findings]


def day(number, seed, rows=400):
    return window(seed, shift=number % 7, rows=rows).with_columns(pl.lit(number % 7).alias("weekday"))


def test_a_weekday_is_compared_with_its_like():
    past = [day(i, 6000 + i) for i in range(70)]
    faint = [day(i, 7000 + i).with_columns(pl.col("wind") + 0.5) for i in range(8)]
    heard = [
        next((found.window for found in watch(past, faint, features=FEATURES, phase=phase) if found.alarm), 99)
        for phase in ("weekday", None)
    ]
    assert heard[0] <= 3
    assert heard[0] < heard[1]
    with pytest.raises(DataError, match="no column month for the phase"):
        watch(past, [], features=FEATURES, phase="month")


def test_fewer_rows_are_heard_where_sundays_are_quiet_anyway():
    draw = np.random.default_rng(3)

    def days(count, usual):
        for i in range(count):
            many = int((0.3 if i % 7 == 6 else 1.0) * usual * draw.uniform(0.97, 1.03))
            yield pl.DataFrame({"x": draw.normal(size=many), "score": draw.random(many), "weekday": i % 7})

    past, coming = list(days(70, 400)), list(days(14, 280))
    heard = {
        phase: [found.alarm for found in watch(past, coming, features=["x"], phase=phase)]
        for phase in ("weekday", None)
    }
    assert True in heard["weekday"][:4]
    assert True not in heard[None][:7]
    unchanged = watch(past, days(28, 400), features=["x"], phase="weekday")
    assert not any(found.alarm for found in unchanged)


def test_an_acknowledged_change_is_the_new_normal_and_says_how_long_it_is_learnt():
    changed = [window(8000 + i, shift=1.0) for i in range(40)]
    again = [window(9000 + i, shift=3.0) for i in range(6)]
    watched = watch(REFERENCE, [*changed, *again], features=FEATURES)
    found = []
    for one in watched:
        found.append(one)
        if one.alarm and one.window < 40:
            watched.acknowledge()
    alarms = [one.window for one in found if one.alarm]
    assert alarms[0] <= 3
    assert not [at for at in alarms[1:] if at < 40]
    assert [at for at in alarms if at >= 40]
    learning = found[alarms[0] + 1]
    assert learning.warming
    assert "wind" in learning.findings[-1].summary
    assert not found[30].warming


def test_pandas_arrow_and_one_frame_with_a_window_column_give_the_same_judgements():
    new = [window(4000 + i, shift=0.5) for i in range(4)]
    want = list(watch(REFERENCE, new, features=FEATURES))
    one = pl.concat([frame.with_columns(pl.lit(i).alias("window")) for i, frame in enumerate(REFERENCE)])
    as_pandas = [pd.DataFrame(frame.to_dict(as_series=False)) for frame in new]
    whole = pd.DataFrame(one.to_dict(as_series=False))
    for reference, windows in [(one, new), (whole, as_pandas), (one, [f.rechunk() for f in new])]:
        got = list(watch(reference, windows, features=FEATURES))
        assert [found.channels for found in got] == [found.channels for found in want]


def test_a_column_that_a_window_lacks_is_missing_and_heard():
    alarm = first_alarm([window(5000 + i).drop("seats") for i in range(3)])
    assert alarm is not None
    assert "seats" in [finding.subject for finding in alarm.findings]


def test_a_short_reference_says_that_it_cannot_alarm_yet_and_no_rows_are_a_finding():
    found = list(watch(REFERENCE[:3], [window(1), window(2).head(0)], features=FEATURES))
    assert found[0].warming
    assert [finding.kind for one in found for finding in one.findings] == ["monitor.warming", "monitor.silent"]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: watch(REFERENCE, [], features=["wind", "gust"]), DataError, "no column gust"),
        (lambda: watch(REFERENCE[0], [], features=FEATURES), DataError, "no column `window`"),
        (lambda: watch([], [], features=FEATURES), DataError, "needs rows"),
        (lambda: watch(REFERENCE, [], features=FEATURES, score="s"), DataError, "no column s"),
        (lambda: watch(REFERENCE, [], features=FEATURES, budget="often"), SettingsError, "no budget"),
        (lambda: watch("rows", [], features=FEATURES), DataError, "is no table"),
    ],
)
def test_wrong_use_is_refused_at_once_in_words(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_room_imports_no_frame_library_until_it_is_asked():
    code = "import sys, daytwo.monitoring; sys.exit('polars' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_example_in_the_docs_runs():
    found = doctest.testfile(str(ROOT / "docs/monitoring.md"), module_relative=False)
    assert found.attempted > 0
    assert found.failed == 0
