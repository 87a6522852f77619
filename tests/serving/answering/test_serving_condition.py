"""What the lifecycle says of the champion's condition stands in every answer, and in health, until it is better."""

from __future__ import annotations

import json
import threading

from tests.serving.conftest import raw, trip

from daytwo.registry.condition import CONDITION_FILE, Condition, read_condition, write_condition

WORSE = "worse than usual in the window from 2013-05-01 00:00 on: money fell by 12 %"


def answers(client, *, explain=False):
    status, body, _ = raw(client, "POST", "/predict", json.dumps({"rows": [trip(1)], "explain": explain}))
    assert status == 200
    return json.loads(body)


def wait_until(client, degraded):
    for _ in range(500):
        told = answers(client)
        if told.get("degraded") == degraded:
            return told
        threading.Event().wait(0.01)
    raise AssertionError(told)


def test_a_degraded_model_says_so_with_every_answer_until_it_is_better(place, serve):
    client = serve()
    assert "degraded" not in answers(client)
    path, champion = place.folder / CONDITION_FILE, place.bundles.list()[0]

    write_condition(path, Condition(champion, WORSE))
    wait_until(client, WORSE)
    assert answers(client, explain=True)["degraded"] == WORSE
    _, body, _ = raw(client, "GET", "/v2/health/ready")
    told = json.loads(body)
    assert (told["ready"], told["status"]) == (True, "degraded")
    assert [(one["code"], one["reason"]) for one in told["problems"]] == [("condition", WORSE)]

    write_condition(path, Condition("f" * 64, WORSE))  # of a version that answers no more
    wait_until(client, None)
    write_condition(path, Condition(champion, WORSE))
    wait_until(client, WORSE)
    path.write_bytes(b"{")
    wait_until(client, None)


def test_a_condition_is_written_whole_and_only_where_it_changed(tmp_path):
    path = tmp_path / CONDITION_FILE
    assert read_condition(path) is None
    write_condition(path, Condition("a" * 64))
    before = path.stat().st_mtime_ns, path.stat().st_ino
    write_condition(path, Condition("a" * 64))
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert read_condition(path) == Condition("a" * 64)
