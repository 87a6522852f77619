from __future__ import annotations

import fcntl
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.core.errors import Fault, NotFound
from daytwo.predictions.journal import Journal
from daytwo.predictions.segments import (
    HEADER_BYTES,
    frame_head,
    read_payload,
    read_segment,
    recover,
    sealed_segments,
)

PAYLOADS = [b'{"n":1}', b'{"n":22}', b'{"n":333}']


def _segment(tmp_path, content, name="a-000000.open"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def frame(payload):
    return frame_head(payload) + payload


@pytest.mark.parametrize("cut", range(len(b"".join(map(frame, PAYLOADS)))))
def test_wherever_a_write_is_cut_the_whole_records_before_it_stay(tmp_path, cut):
    path = _segment(tmp_path, b"".join(map(frame, PAYLOADS))[:cut])
    ends = [sum(len(frame(one)) for one in PAYLOADS[:n]) for n in range(4)]
    whole = max(n for n in range(4) if ends[n] <= cut)
    segment = read_segment(path)
    assert [bytes(one) for one in segment.payloads()] == PAYLOADS[:whole]
    assert segment.ending == ("whole" if cut == ends[whole] else "torn")
    names = recover(tmp_path)
    if whole:
        assert names == ("a-000000",)
        assert (tmp_path / "a-000000.segment").stat().st_size == ends[whole]
    assert not path.exists()
    assert not (tmp_path / "damaged").exists()


@settings(max_examples=200)
@given(st.data())
def test_a_flipped_bit_never_gives_a_record_that_was_not_written(tmp_path_factory, data):
    content = bytearray(b"".join(map(frame, PAYLOADS)))
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    segment = read_segment(_segment(tmp_path_factory.mktemp("s"), bytes(content)))
    read = [bytes(one) for one in segment.payloads()]
    assert read == PAYLOADS[: len(read)]
    assert segment.ending != "whole"


def test_reserved_room_that_was_never_used_is_given_back_without_a_word(tmp_path):
    _segment(tmp_path, frame(PAYLOADS[0]) + bytes(9000))
    assert recover(tmp_path) == ("a-000000",)
    assert not (tmp_path / "damaged").exists()
    (path,) = sealed_segments(tmp_path)
    assert path.read_bytes() == frame(PAYLOADS[0])


def test_a_record_whose_head_was_never_put_before_it_is_torn(tmp_path):
    first, second = frame(PAYLOADS[0]), frame(PAYLOADS[1])
    _segment(tmp_path, first + bytes(HEADER_BYTES) + second[HEADER_BYTES:] + bytes(9000))
    assert recover(tmp_path) == ("a-000000",)
    assert not (tmp_path / "damaged").exists()
    (path,) = sealed_segments(tmp_path)
    assert path.read_bytes() == first


def test_pages_that_a_power_cut_lost_are_no_records_and_what_follows_is_kept_aside(tmp_path):
    first, behind = frame(PAYLOADS[0]), frame(PAYLOADS[1])
    lost = bytes(4096 - len(first))
    _segment(tmp_path, first + lost + behind)
    assert recover(tmp_path) == ("a-000000",)
    (aside,) = (tmp_path / "damaged").iterdir()
    assert aside.read_bytes() == lost + behind
    (path,) = sealed_segments(tmp_path)
    assert path.read_bytes() == first


def test_a_live_writers_segment_is_left_alone_and_a_dead_ones_is_sealed(tmp_path):
    journal = Journal(tmp_path, "p-")
    journal.append(b"{}")
    assert recover(tmp_path) == ()
    handle = os.open(_segment(tmp_path, frame(b"{}"), "q-000000.open"), os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert recover(tmp_path) == ()
    os.close(handle)
    assert recover(tmp_path) == ("q-000000",)
    journal.close()
    assert [path.name for path in sealed_segments(tmp_path)] == ["p-000000.segment", "q-000000.segment"]


def test_a_record_is_found_wherever_its_segment_has_got_to(tmp_path):
    journal = Journal(tmp_path, "p-")
    place = journal.append(PAYLOADS[1])
    assert read_payload(tmp_path, place.segment, place.offset) == PAYLOADS[1]
    journal.rotate()
    assert read_payload(tmp_path, place.segment, place.offset) == PAYLOADS[1]
    (tmp_path / "shipped").mkdir()
    (tmp_path / f"{place.segment}.segment").rename(tmp_path / "shipped" / f"{place.segment}.segment")
    assert read_payload(tmp_path, place.segment, place.offset) == PAYLOADS[1]
    (tmp_path / "shipped" / f"{place.segment}.segment").unlink()
    with pytest.raises(NotFound, match="no longer in"):
        read_payload(tmp_path, place.segment, place.offset)
    journal.close()


def test_a_segment_that_cannot_be_read_is_a_fault(tmp_path):
    with pytest.raises(Fault, match="cannot read"):
        read_segment(tmp_path / "none.segment")
