"""Labels and feedback read from bytes: both forms, every bound, every way to be wrong by name."""

import pytest

from daytwo.serving.answering.outcome_requests import read_feedback, read_labels
from daytwo.serving.transport.messages import HttpError


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b'{"labels": []}', 422, "no labels"),
        (b'{"labels": [{"label": 1}]}', 422, "label 0 must name either"),
        (b'{"labels": [{"label": 1, "key": "a", "prediction_id": "b"}]}', 422, "label 0 must name either"),
        (b'{"labels": [{"label": null, "key": "a"}]}', 400, "labels[0].label"),
        (b'{"labels": [{"label": 1, "key": ""}]}', 422, "1 to 200"),
        (b'{"labels": [{"label": 1, "key": "a", "observed_at": "soon"}]}', 400, "Invalid RFC3339"),
        (b'{"labels": [{"label": 1, "key": "a", "when": 1}]}', 400, "unknown field `when`"),
        (b'{"labels": [{"label": 1, "label": 0, "key": "a"}]}', 400, "'label' stands twice"),
        (b'{"labels": [' + b'{"label": 1, "key": "a"},' * 10 + b'{"label": 1, "key": "a"}]}', 413, "11 labels"),
        (b"[1]", 400, "Expected `object`"),
        (b"nothing", 400, ""),
        (b'{"labels": "\xff"}', 400, ""),
        (b"[" * 5000, 400, ""),
    ],
)
def test_labels_that_are_none_are_refused_with_their_number(body, status, words):
    with pytest.raises(HttpError) as refusal:
        read_labels(body, 10)
    assert refusal.value.status == status
    assert words in refusal.value.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"prediction_id": "p", "action": "adored"}', "no action"),
        (b'{"prediction_id": "", "action": "ignored"}', "1 to 200"),
        (b'{"prediction_id": "p", "action": "ignored", "reason": "' + b"x" * 3000 + b'"}', "2000 characters"),
        (b'{"prediction_id": "p", "action": "ignored", "by": "' + b"x" * 3000 + b'"}', "by has over 2000"),
        (b'{"prediction_id": "p", "action": "ignored", "outcome": "' + b"x" * 201 + b'"}', "outcome has over 200"),
        (b'{"prediction_id": "p", "action": "ignored", "outcome": [1]}', "outcome"),
        (b'{"prediction_id": "p", "action": "ignored", "request_id": ""}', "1 to 200"),
        (b'{"feedback": []}', "no entries"),
        (b'{"feedback": {}}', "Expected `array`"),
        (b'{"feedback": [{"prediction_id": "p", "action": "no"}]}', "feedback 0: 'no' is no action"),
        (b'{"feedback": [{"prediction_id": "p", "action": "ignored", "request_id": "r"}]}', "request_id of its own"),
        (b'{"feedback": [' + b",".join([b'{"prediction_id": "p", "action": "ignored"}'] * 4) + b"]}", "4 entries"),
        (b'{"feedback": [{"prediction_id": "p", "action": "ignored"}], "by": "ana"}', "unknown field `by`"),
        (b'{"action": "ignored"}', "missing required field `prediction_id`"),
    ],
)
def test_feedback_that_is_none_is_refused(body, words):
    with pytest.raises(HttpError) as refusal:
        read_feedback(body, 3)
    assert words in refusal.value.message


def test_one_entry_alone_and_a_list_of_them_mean_the_same():
    one = b'{"prediction_id": "p", "action": "overridden", "outcome": %s, "by": "ana"'
    for outcome, kept in ((b"0.25", "0.25"), (b'"late"', "late"), (b"true", "true"), (b"null", "")):
        alone = read_feedback(one % outcome + b', "request_id": "r"}', 5)
        listed = read_feedback(b'{"feedback": [' + one % outcome + b'}], "request_id": "r"}', 5)
        assert alone == listed
        assert listed.request_id == "r"
        assert listed.feedback[0].decided == kept


def test_a_reason_that_speaks_of_feedback_is_no_list():
    body = b'{"prediction_id": "p", "action": "ignored", "reason": "\\"feedback\\""}'
    assert read_feedback(body, 5).feedback[0].reason == '"feedback"'
