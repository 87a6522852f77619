from __future__ import annotations

import json
import threading

import polars as pl
import pytest
from tests.serving.conftest import make_bundle, raw, shipped, trip, trips_contract, wait_for

from daytwo.scoring.model import Model
from daytwo.serving.client import Client


def test_without_a_route_the_server_waits_and_says_so(serve, place):
    (place.folder / "route.json").unlink()
    client = serve()
    assert not client.ready()
    status, answer, headers = raw(client, "POST", "/predict", b"[{}]", content_type="application/json")
    assert (status, headers["retry-after"]) == (503, "1")
    assert "nothing is routed yet" in json.loads(answer)["error"]["message"]
    assert client.route()["champion"] is None
    place.generation = 0
    place.route(place.bundles.list()[0])
    assert client.predict([trip(1)])["predictions"][0]["arm"] == "champion"
    assert client.ready()


def test_a_bundle_that_cannot_be_trusted_never_answers_and_the_old_one_goes_on(serve, own_place):
    client = serve()
    good = client.route()["champion"]
    bad = make_bundle(own_place.bundles, seed=5)
    model = own_place.folder / "bundles" / bad.digest / "model.txt"
    model.write_bytes(model.read_bytes().replace(b"leaf_value=", b"leaf_value=9", 1))
    own_place.route(bad.digest)
    for _ in range(500):
        if client.route()["fault"]:
            break
    assert "damaged" in client.route()["fault"]
    assert client.predict([trip(1)])["predictions"][0]["version"] == good
    status, answer, _ = raw(client, "GET", "/v2/health/ready")
    assert (status, json.loads(answer)["status"]) == (200, "degraded")
    own_place.route(good)
    wait_for(client, own_place.generation)


def test_swaps_canary_and_rollback_under_load_answer_every_request_once(serve, own_place):
    client = serve()
    old = client.route()["champion"]
    new = make_bundle(own_place.bundles, seed=2, contract=trips_contract(2, maximum=200.0)).digest
    answers, errors, stop = [], [], threading.Event()

    def load(number):
        mine, sent = Client("127.0.0.1", client.port, patience_s=0), 0
        try:
            while not stop.is_set():
                rows = [trip(number * 100_000 + sent + i) for i in range(7)]
                answers.extend(mine.predict(rows)["predictions"])
                sent += 7
        except Exception as err:
            errors.append(err)
        mine.close()

    threads = [threading.Thread(target=load, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    met = []
    for route in ({"canary": new, "canary_share": 0.3}, {"canary": new, "canary_share": 0.6}, {}):
        own_place.route(old, **route)
        wait_for(client, own_place.generation)
        met.append(len(answers))
        while len(answers) < met[-1] + 300 and not errors:
            stop.wait(0.005)
    own_place.route(new)
    wait_for(client, own_place.generation)
    own_place.route(old)
    wait_for(client, own_place.generation)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    client.rotate()
    rows = shipped(own_place).read("predictions")
    assert sorted(rows["_id"].to_list()) == sorted(one["prediction_id"] for one in answers)
    assert rows["_id"].is_unique().all()
    counted = dict(rows.group_by("_arm").len().rows())
    told = {arm: sum(one["arm"] == arm for one in answers) for arm in counted}
    assert counted == told
    assert set(counted) == {"champion", "canary"}
    assert {one["version"] for one in answers} == {old, new}


def test_one_subject_always_meets_one_version_and_a_growing_share_keeps_it(serve, own_place):
    client = serve()
    old = client.route()["champion"]
    new = make_bundle(own_place.bundles, seed=2).digest
    met = {}
    for share in (0.2, 0.5):
        own_place.route(old, canary=new, canary_share=share)
        wait_for(client, own_place.generation)
        answers = client.predict([trip(number) for number in range(2000)])["predictions"]
        arms = {}
        for number, one in enumerate(answers):
            arms.setdefault(trip(number)["tail"], set()).add(one["arm"])
        assert all(len(arm) == 1 for arm in arms.values())
        met[share] = {tail for tail, arm in arms.items() if arm == {"canary"}}
    assert met[0.2] < met[0.5]
    assert 60 < len(met[0.2]) < 140
    own_place.route(old, canary=new, canary_share=0.5)
    rows = [{name: value for name, value in trip(7).items() if name not in {"tail", "key"}}] * 5
    arms = {one["arm"] for one in client.predict(rows)["predictions"]}
    assert len(arms) == 1


def test_the_shadow_scores_everything_and_nobody_sees_it(serve, own_place):
    client = serve()
    old = client.route()["champion"]
    new = make_bundle(own_place.bundles, seed=2, contract=trips_contract(2, maximum=40.0))
    own_place.route(old, shadow=new.digest)
    wait_for(client, own_place.generation)
    rows = [trip(number) for number in range(300)]
    answers = client.predict(rows)["predictions"]
    assert {one["version"] for one in answers} == {old}
    client.rotate()
    tables = shipped(own_place)
    model = Model.load(new)
    expected = {}
    for row, one in zip(rows, answers, strict=True):
        features = model.decoder.check(row)[0]
        if features is not None:
            expected[one["prediction_id"]] = model.score(features)
    shadow = tables.read("shadow")
    assert dict(shadow.select("_id", "_score").rows()) == expected
    assert 0 < len(expected) < 300
    times = tables.read("predictions").join(shadow, on="_id").select(same=pl.col("_time") == pl.col("_time_right"))
    assert times["same"].all()


@pytest.mark.parametrize("compared", ["shadow", "canary", ""])
def test_how_long_a_model_takes_is_kept_while_two_versions_are_compared(serve, own_place, compared):
    client = serve()
    old, new = client.route()["champion"], make_bundle(own_place.bundles, seed=2).digest
    roles = {"shadow": {"shadow": new}, "canary": {"canary": new, "canary_share": 0.5}, "": {}}
    own_place.route(old, **roles[compared])
    wait_for(client, own_place.generation)
    for number in range(20):
        client.predict([trip(number)])
    client.predict([trip(number) for number in range(100)])
    client.predict([trip(1) | {"wind": "none"}, trip(2)])
    client.rotate()
    tables = shipped(own_place)
    rows = tables.read("predictions").filter(pl.col("_arm") != "fallback")
    if not compared:
        assert rows["_model_us"].null_count() == rows.height
        return
    assert rows["_model_us"].null_count() == 0
    assert rows["_model_us"].min() > 0
    assert set(rows["_version"]) == ({old, new} if compared == "canary" else {old})
    if compared == "shadow":
        shadow = tables.read("shadow")
        assert shadow["_model_us"].null_count() == 0
        assert shadow.height == rows.height


def test_a_shadow_cut_short_by_a_kill_is_done_after_the_restart(serve, own_place):
    client = serve()
    old = client.route()["champion"]
    own_place.route(old, shadow=make_bundle(own_place.bundles, seed=2).digest)
    wait_for(client, own_place.generation)
    for number in range(10):
        client.predict([trip(100 * number + i) for i in range(100)])
    own_place.processes[0].kill()
    own_place.processes[0].wait()
    serve().rotate()
    tables = shipped(own_place)
    ids = tables.read("shadow")["_id"]
    assert sorted(ids.to_list()) == sorted(tables.read("predictions")["_id"].to_list())
    assert len(ids) == 1000
