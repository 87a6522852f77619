"""The log: where it went wrong, and nothing of what a client sent."""

import json

from daytwo.serving.log import log


def _raise(error):
    raise error


def test_an_error_is_told_with_its_place_and_name_and_not_with_its_words(capsys):
    sent = f"ana@{'x' * 3}.org"
    try:
        int(sent)
    except ValueError as err:
        log("broken", id="1-2", error=err)
    told = capsys.readouterr().err
    line = json.loads(told)
    assert line["event"] == "broken"
    assert line["error"].endswith("ValueError")
    assert "test_an_error_is_told_with_its_place" in line["error"]
    assert sent not in told


def test_the_machines_own_errors_keep_their_words(capsys):
    try:
        _raise(OSError(28, "No space left on device"))
    except OSError as err:
        log("journal", error=err)
    assert json.loads(capsys.readouterr().err)["error"].endswith("OSError: No space left on device")
