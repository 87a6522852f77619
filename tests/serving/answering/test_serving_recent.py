from __future__ import annotations

import contextlib

import msgspec
import pytest

from daytwo.predictions.journal import Journal
from daytwo.predictions.record import Label, LabelsRecord, PredictionRecord, ShadowRecord, encode, prediction_id
from daytwo.serving.answering import recent as recent_module
from daytwo.serving.answering.recent import Recent
from daytwo.serving.transport.messages import HttpError
from daytwo.serving.workers.share import Elsewhere, Share


def prediction(start, count=2, **more):
    record = {
        "request_id": f"r{start}",
        "given": True,
        "received_at_us": 0,
        "prefix": "p-",
        "start": start,
        "versions": ("v",),
        "arms": ("champion",),
        "keys": ("",),
        "scores": [0.5] * count,
        "rows": msgspec.Raw(b"[" + b",".join([b"{}"] * count) + b"]"),
    }
    return PredictionRecord(**(record | more))


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path, "p-")
    yield made
    made.close()


def test_a_prediction_is_found_by_any_id_of_its_request(tmp_path, journal):
    recent = Recent(tmp_path)
    for start in (0, 2, 10):
        recent.remember_prediction("p-", start, journal.append(encode(prediction(start))))
    for number, row in ((0, 0), (1, 1), (2, 0), (11, 1)):
        record, found = recent.prediction(prediction_id("p-", number))
        assert record.start + found == number
        assert found == row
    for unknown in (prediction_id("p-", 5), prediction_id("p-", 12), prediction_id("q-", 0), "x"):
        assert recent.prediction(unknown) is None


def test_ids_of_predictions_and_labels_are_apart(tmp_path, journal):
    recent = Recent(tmp_path)
    recent.remember_id("prediction", "a", journal.append(encode(prediction(0, request_id="a"))))
    assert recent.labels_request("a") is None
    labels = LabelsRecord(request_id="a", received_at_us=0, labels=[Label(key="k", label=1.0, observed_at_us=0)])
    recent.remember_id("labels", "a", journal.append(encode(labels)))
    assert recent.prediction_request("a").start == 0
    assert recent.labels_request("a") == labels
    assert recent.prediction_request("b") is None


def test_everything_is_known_again_after_a_restart_and_missing_shadows_are_named(tmp_path, journal):
    journal.append(encode(prediction(0, shadow="s")))
    journal.append(encode(prediction(2, given=False)))
    journal.append(encode(ShadowRecord(prefix="p-", start=0, version="s", received_at_us=0, scores=[0.1, 0.1])))
    journal.rotate()
    (tmp_path / "shipped").mkdir()
    (tmp_path / "p-000000.segment").rename(tmp_path / "shipped" / "p-000000.segment")
    journal.append(encode(prediction(4, shadow="s")))
    journal.append(encode(LabelsRecord(request_id="l", received_at_us=0, labels=[])))
    recent = Recent(tmp_path)
    recent.rebuild()
    assert [record.start for record in recent.unshadowed("s")] == [4]
    assert list(recent.unshadowed("s")) == []
    assert recent.prediction_request("r0").start == 0
    assert recent.prediction_request("r2") is None
    assert recent.prediction(prediction_id("p-", 3))[1] == 1
    assert recent.labels_request("l") is not None


def test_memory_is_bounded_and_the_oldest_goes_first(tmp_path, journal, monkeypatch):
    monkeypatch.setattr(recent_module, "MAX_IDS", 3)
    monkeypatch.setattr(recent_module, "MAX_REQUESTS", 4)
    recent = Recent(tmp_path)
    for start in range(0, 20, 2):
        place = journal.append(encode(prediction(start)))
        recent.remember_prediction("p-", start, place)
        recent.remember_id("prediction", f"r{start}", place)
    assert [start for start in range(0, 20, 2) if recent.prediction_request(f"r{start}")] == [14, 16, 18]
    known = [number for number in range(20) if recent.prediction(prediction_id("p-", number))]
    assert known == list(range(known[0], 20))
    assert 2 <= len(known) // 2 <= 4


def test_an_id_whose_record_is_gone_from_the_disk_is_no_new_id(tmp_path, journal):
    recent = Recent(tmp_path)
    recent.remember_id("prediction", "r0", journal.append(encode(prediction(0))))
    journal.rotate()
    (tmp_path / "p-000000.segment").unlink()
    with pytest.raises(HttpError, match="answered long ago") as refusal:
        recent.prediction_request("r0")
    assert refusal.value.status == 409


def test_of_several_workers_each_remembers_its_share_and_names_the_keeper_of_the_rest(tmp_path):
    shares = [Share(number, 3) for number in range(3)]
    prefixes = [share.new_prefix() for share in shares]
    for number, prefix in enumerate(prefixes):
        writing = Journal(tmp_path, prefix)
        for start in range(0, 40, 2):
            given = f"r{number}-{start}"
            record = prediction(start, prefix=prefix, request_id=given, shadow="s")
            writing.append(encode(record))
            writing.append(encode(LabelsRecord(request_id=given, received_at_us=0, labels=[])))
        writing.close()
    workers = [Recent(tmp_path, share) for share in shares]
    for worker in workers:
        worker.rebuild()
    for number, prefix in enumerate(prefixes):
        for start in range(0, 40, 2):
            given = f"r{number}-{start}"
            for share, worker in zip(shares, workers, strict=True):
                for keeper, ask in (
                    (number, lambda w=worker, p=prefix, s=start: w.prediction(prediction_id(p, s))[0]),
                    (share.keeper(given), lambda w=worker, g=given: w.prediction_request(g)),
                    (share.keeper(given), lambda w=worker, g=given: w.labels_request(g)),
                ):
                    if keeper == share.number:
                        assert ask().request_id == given
                    else:
                        with pytest.raises(Elsewhere) as elsewhere:
                            ask()
                        assert elsewhere.value.worker == keeper
    due = [[(record.prefix, record.start) for record in worker.unshadowed("s")] for worker in workers]
    assert [{prefix for prefix, _ in one} for one in due] == [{prefix} for prefix in prefixes]
    assert [len(one) for one in due] == [20, 20, 20]


def test_what_other_workers_have_written_since_the_start_is_not_even_read(tmp_path):
    mine, other = Share(0, 2), Share(1, 2)
    for prefix in (first := mine.new_prefix(), foreign := other.new_prefix()):
        with contextlib.closing(Journal(tmp_path, prefix)) as writing:
            writing.append(encode(prediction(0, prefix=prefix, request_id="r")))
    (tmp_path / f"{foreign}000000.segment").write_bytes(b"never opened")
    recent = Recent(tmp_path, mine)
    recent.rebuild(others=(foreign,))
    assert recent.prediction(prediction_id(first, 0)) is not None


def test_a_segment_that_is_shipped_while_the_memory_is_made_again_is_found_where_it_went(
    tmp_path, journal, monkeypatch
):
    journal.append(encode(prediction(0)))
    journal.rotate()
    (tmp_path / "shipped").mkdir()
    listed = recent_module.sealed_segments

    def moved_meanwhile(folder):
        found = listed(folder)
        for path in found if folder == tmp_path else ():
            path.rename(tmp_path / "shipped" / path.name)
        return found

    monkeypatch.setattr(recent_module, "sealed_segments", moved_meanwhile)
    recent = Recent(tmp_path)
    recent.rebuild()
    assert recent.prediction_request("r0").start == 0


def test_a_share_that_moves_brings_what_was_kept_under_it(tmp_path):
    shares = [Share(number, 3) for number in range(3)]
    for number, share in enumerate(shares):
        writing = Journal(tmp_path, share.new_prefix())
        for start in range(0, 20, 2):
            writing.append(
                encode(prediction(start, prefix=writing._prefix, request_id=f"r{number}-{start}", shadow="s"))
            )
        writing.close()
    whole, growing = Recent(tmp_path), Recent(tmp_path, Share())
    whole.rebuild()
    for share in (*shares, shares[1]):  # once more what is known already
        growing.take_in(growing.found_for(share))
    for number in range(3):
        for start in range(0, 20, 2):
            record = growing.prediction_request(f"r{number}-{start}")
            assert record == whole.prediction_request(f"r{number}-{start}") is not None
            identity = prediction_id(record.prefix, start + 1)
            assert growing.prediction(identity) == whole.prediction(identity) is not None
    due = sorted((record.prefix, record.start) for record in growing.unshadowed("s"))
    assert due == sorted((record.prefix, record.start) for record in whole.unshadowed("s"))
    assert growing._requests == whole._requests == 30
