import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from daytwo.core.finding import Severity
from daytwo.core.schema import Feature, Schema, Task
from daytwo.monitoring.alarming.alarm import start
from daytwo.monitoring.alarming.volumes import Volumes
from daytwo.monitoring.estimating.estimator import Estimator
from daytwo.monitoring.estimating.late_labels import Bias
from daytwo.monitoring.estimating.performance import Answers
from daytwo.monitoring.judging.judge import Window, judge
from daytwo.monitoring.judging.normal import learn_normal
from daytwo.monitoring.judging.reference import Reference
from daytwo.monitoring.judging.reference_fit import build_reference
from daytwo.monitoring.profiles.profile import profile

SCHEMA = Schema((Feature("wind"), Feature("seats"), Feature("distance"), Feature("origin", ("EWR", "JFK", "LGA"))))
START = datetime(2013, 4, 1, tzinfo=UTC)
PER_DAY = 400


def rows(days, seed):
    rng = np.random.default_rng(seed)
    n = days * PER_DAY
    base = rng.normal(size=n)
    matrix = np.column_stack(
        [
            np.exp(1.5 + 0.4 * base),
            rng.normal(150, 20, n),
            900 + 300 * (base + rng.normal(size=n)),
            rng.integers(0, 3, n),
        ]
    ).astype(np.float32)
    scores = 1 / (1 + np.exp(-(1.5 * base - 1)))
    labels = (rng.random(n) < scores).astype(float)
    return matrix, scores, labels


def answers(scores):
    act = scores > 0.3
    return Answers(scores, act.astype(float), np.where(act, 3.0, 0.0), np.where(act, -1.0, 0.0))


@pytest.fixture(scope="module")
def reference():
    matrix, scores, labels = rows(90, 0)
    times = np.repeat(np.datetime64("2013-01-01", "us") + np.arange(90).astype("timedelta64[D]"), PER_DAY)
    return build_reference(
        matrix, answers(scores), SCHEMA, task=Task.BINARY, labels=labels, times=times, window=timedelta(days=7)
    )


def window(week, disturb=None, *, labelled=True, contract_share=0.0):
    matrix, scores, labels = rows(7, 100 + week)
    if disturb:
        matrix, scores, labels = disturb(matrix, scores, labels)
    begin = START + timedelta(days=7 * week)
    first = np.datetime64(begin.replace(tzinfo=None), "us")
    times = np.repeat(first + np.arange(7).astype("timedelta64[D]"), PER_DAY)
    return Window(
        begin,
        begin + timedelta(days=7),
        matrix,
        answers(scores),
        times,
        labels if labelled else np.full(labels.size, np.nan),
        contract_share,
    )


def watch(reference, weeks):
    state = start(reference.channel_names, reference.history, constant={"contract": 0.0})
    estimator = Estimator("plain", Task.BINARY)
    found = []
    for week in weeks:
        judgement, state = judge(week, reference, state, budget="1 per quarter", estimator=estimator, currency="USD")
        found.append(judgement)
    return found


def test_a_quarter_without_change_is_quiet(reference):
    found = watch(reference, [window(week) for week in range(13)])
    assert sum(j.alarm for j in found) <= 1
    assert sum(j.verdict == "worse" for j in found) <= 1
    assert found[0].allowed == pytest.approx(7 / 91.3125)
    assert found[0].realised["money"].low < found[0].estimated["money"].value < found[0].realised["money"].high
    json.loads(msgspec.json.encode(found[0]))


def unit(matrix, scores, labels):
    part = np.random.default_rng(1).random(len(matrix)) < 1 / 3
    part &= np.arange(len(matrix)) < 3 * PER_DAY
    matrix[part, 0] *= 4.47
    return matrix, scores, labels


def holes(matrix, scores, labels):
    matrix[np.random.default_rng(1).random(len(matrix)) < 0.1, 0] = np.nan
    return matrix, scores, labels


def independence(matrix, scores, labels):
    matrix[:, 2] = np.random.default_rng(1).permutation(matrix[:, 2])
    return matrix, scores, labels


def exchanged(matrix, scores, labels):
    matrix[:, 1] = matrix[:, 2]
    return matrix, scores, labels


@pytest.mark.parametrize(
    ("fault", "channel", "cause"),
    [
        (unit, "unit:wind", "as if unit"),
        (holes, "missing:wind", "missing"),
        (independence, "dependence", "untied"),
        (exchanged, "column:seats", "mix-up"),
    ],
)
def test_a_fault_is_heard_in_its_first_week_and_named(reference, fault, channel, cause):
    judgement = watch(reference, [window(0), window(1, fault)])[1]
    assert judgement.alarm
    assert channel in [part.channel for part in judgement.alarms[0].moved]
    finding = next(f for f in judgement.findings if f.kind.startswith("drift."))
    assert finding.evidence["cause"] == cause
    if cause != "dependence":
        assert finding.severity is Severity.WARNING


def test_quarantined_rows_are_a_channel_of_their_own(reference):
    found = watch(reference, [window(0), window(1, contract_share=0.05)])
    assert "contract" in [part.channel for alarm in found[1].alarms for part in alarm.moved]


def flipped(matrix, scores, labels):
    return matrix, scores, (np.random.default_rng(1).random(labels.size) < 0.27).astype(float)


def test_labels_that_mean_something_else_are_called_concept_drift_and_priced(reference):
    judgement = watch(reference, [window(0), window(1, flipped)])[1]
    kinds = {finding.kind: finding for finding in reversed(judgement.findings)}
    assert judgement.verdict == "worse"
    assert not judgement.alarm
    assert {"performance.realised", "performance.concept"} <= kinds.keys()
    assert kinds["performance.realised"].severity is Severity.CRITICAL
    assert kinds["performance.realised"].money_per_day > 0
    assert kinds["performance.concept"].next_step


def test_without_labels_nothing_is_realised_and_the_estimate_stands(reference):
    judgement = watch(reference, [window(0, labelled=False)])[0]
    assert judgement.realised == {}
    assert judgement.maturity == 0.0
    assert judgement.estimated["roc_auc"].method == "CBPE"


def test_an_empty_window_is_a_finding_not_a_crash(reference):
    nothing = Window(START, START + timedelta(days=7), np.zeros((0, 4), np.float32), Answers(np.zeros(0)))
    judgement = watch(reference, [nothing])[0]
    assert judgement.verdict == "empty"
    assert judgement.findings[0].kind == "monitor.silent"


def test_judging_needs_no_frame_library_and_no_learning_library():
    code = (
        "import sys, daytwo.monitoring.judging.judge; "
        "bad = {'polars', 'pandas', 'sklearn', 'scipy', 'lightgbm'} & set(sys.modules); "
        "sys.exit(str(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_late_labels_correct_what_is_shown_and_judged_and_leave_what_inputs_say(reference):
    state = start(reference.channel_names, reference.history, constant={"contract": 0.0})
    late = {"roc_auc": Bias(-0.1, 0.005, True, 4, 3), "money": Bias(-0.5, 0.01, True, 4, 3)}
    given = {"budget": "1 per quarter", "estimator": Estimator("plain", Task.BINARY)}
    unlabelled = window(0, labelled=False)
    plain, _ = judge(unlabelled, reference, state, **given)
    found, _ = judge(unlabelled, reference, state, **given, biases=late)
    assert plain.verdict == "ok"
    assert found.verdict == "worse"
    assert found.uncorrected == plain.estimated
    assert found.estimated["roc_auc"].value == pytest.approx(plain.estimated["roc_auc"].value - 0.1)
    assert found.estimated["money"].value == pytest.approx(plain.estimated["money"].value - 0.5 * 7 * PER_DAY)
    assert found.estimated["brier"] == plain.estimated["brier"]
    told = next(one for one in found.findings if one.kind == "performance.estimated")
    assert told.evidence["method"] == "CBPE, corrected by late labels"


def test_what_labels_show_says_how_many_there_are(reference):
    def turned(matrix, scores, labels):
        labels = 1 - labels
        labels[::4] = np.nan
        return matrix, scores, labels

    state = start(reference.channel_names, reference.history, constant={"contract": 0.0})
    given = {"budget": "1 per quarter", "estimator": Estimator("plain", Task.BINARY)}
    found, _ = judge(window(0, turned), reference, state, **given)
    told = next(one for one in found.findings if one.kind == "performance.realised")
    assert "75 % of labels in" in told.summary
    assert told.evidence["maturity"] == 0.75


def test_a_project_hears_what_watch_hears_phase_by_phase():
    matrix, scores, _ = rows(70, 5)
    day = np.repeat(np.arange(70), PER_DAY)
    matrix[day % 7 == 5, 0] *= 1.5
    times = np.datetime64("2013-01-07T12", "us") + day.astype("timedelta64[D]")
    learnt = build_reference(matrix, answers(scores), SCHEMA, task=Task.BINARY, times=times, window=timedelta(days=7))
    kept = Reference.from_json(learnt.to_json())
    assert kept.calendar == "weekday"
    assert sorted(kept.phases) == [*"0123456"]
    windows = [(matrix[day == i], scores[day == i], str(i % 7)) for i in range(70)]
    normal, history = learn_normal(windows, SCHEMA)
    assert [dict(zip(kept.channel_names, row, strict=True)) for row in kept.history] == history
    saturday = window(0)
    rows_of = slice(0, PER_DAY)
    part = profile(saturday.matrix[rows_of], saturday.answers.scores[rows_of], kept.layout)
    heard = kept.compare(part, saturday.matrix[rows_of], np.datetime64("2013-04-06T12"))
    assert heard == pytest.approx(normal.compare(part, saturday.matrix[rows_of], "5"))
    assert heard["fall:wind"] > 4.0
    assert kept.compare(part, saturday.matrix[rows_of], np.datetime64("2013-04-02T12"))["fall:wind"] < 3.0


def quiet_sundays(days, *, less=1.0):
    matrix, scores, _ = rows(days, 8)
    day = np.repeat(np.arange(days), PER_DAY)
    keep = np.arange(len(day)) % PER_DAY < PER_DAY * less * np.where(day % 7 == 6, 0.3, 1.0)
    times = np.datetime64("2013-01-07T12", "us") + day.astype("timedelta64[D]")
    return matrix[keep], scores[keep], times[keep]


def test_a_project_knows_quiet_sundays_though_their_rows_are_like_others():
    matrix, scores, times = quiet_sundays(70)
    learnt = build_reference(matrix, answers(scores), SCHEMA, task=Task.BINARY, times=times, window=timedelta(days=7))
    kept = Reference.from_json(learnt.to_json())
    assert kept.calendar == ""
    assert kept.volumes.calendar == "weekday"
    monday, sunday = np.datetime64("2013-04-01T12"), np.datetime64("2013-04-07T12")
    usual = kept.volumes.phases[kept.volumes.at(monday)][0]
    part = profile(matrix[: int(0.7 * usual)], scores[: int(0.7 * usual)], kept.layout)
    assert kept.compare(part, matrix[: part.rows], monday)["volume"] == pytest.approx(-10 * np.log(part.rows / usual))
    few = kept.volumes.phases[kept.volumes.at(sunday)][0]
    quiet = profile(matrix[:few], scores[:few], kept.layout)
    assert kept.compare(quiet, matrix[:few], sunday)["volume"] == 0.0
    assert kept.compare(quiet, matrix[:few], monday)["volume"] > 9.0
    at = kept.channel_names.index("volume")
    assert max(row[at] for row in kept.history) == 0.0


def test_a_reference_from_before_volumes_were_kept_holds_blocks_against_the_usual_one():
    matrix, scores, times = quiet_sundays(70)
    learnt = build_reference(matrix, answers(scores), SCHEMA, task=Task.BINARY, times=times, window=timedelta(days=7))
    old = msgspec.structs.replace(learnt, volumes=Volumes())
    few = int(0.3 * PER_DAY)
    quiet = profile(matrix[:few], scores[:few], old.layout)
    told = old.compare(quiet, matrix[:few], np.datetime64("2013-04-07T12"))["volume"]
    assert told == pytest.approx(-10 * np.log(few / old.block.typical_rows))
