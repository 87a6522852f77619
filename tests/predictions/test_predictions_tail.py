from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.predictions import tail
from daytwo.predictions.segments import frame_head
from daytwo.predictions.tail import Mapped, Written, tail_of


@pytest.fixture
def handle(tmp_path):
    handle = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield handle
    os.close(handle)


def _content(handle):
    return os.pread(handle, os.fstat(handle).st_size, 0)


@given(
    st.lists(st.tuples(st.integers(1, 9000), st.booleans()), min_size=1, max_size=30),
    st.sampled_from([1, 4096, 10_000]),
    st.sampled_from([Written, Mapped]),
)
def test_what_was_put_and_not_taken_back_stands_in_the_file(tmp_path_factory, puts, window, way):
    handle = os.open(tmp_path_factory.mktemp("tail") / "file", os.O_RDWR | os.O_CREAT)
    expected = b""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "_WINDOW_BYTES", window)
        end = way(handle)
        for number, (size, stays) in enumerate(puts):
            content = frame_head(b"x") + bytes([number + 1]) * size
            end.put(content, len(expected))
            if stays:
                expected += content
            else:
                end.cut(len(expected), len(content))
            assert _content(handle).rstrip(b"\0") == expected
        end.close(len(expected))
    assert _content(handle) == expected
    os.close(handle)


def test_room_behind_the_end_is_reserved_and_given_back(handle):
    end = Mapped(handle)
    end.put(b"12345678abc", 0)
    assert os.fstat(handle).st_blocks * 512 >= tail._WINDOW_BYTES
    end.close(11)
    assert _content(handle) == b"12345678abc"
    assert os.fstat(handle).st_blocks * 512 < tail._WINDOW_BYTES


def test_room_that_cannot_be_had_leaves_what_is_there(handle, monkeypatch):
    end = Mapped(handle)
    end.put(b"12345678abc", 0)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    end.put(b"12345678def", 11)  # there is room for that
    with pytest.raises(OSError, match="No space"):
        end.put(b"12345678" + bytes(tail._WINDOW_BYTES), 22)
    end.put(b"12345678ghi", 22)
    end.close(33)
    assert _content(handle) == b"12345678abc12345678def12345678ghi"


@pytest.mark.parametrize(
    ("kind", "way"), [("ext4", Mapped), ("xfs", Mapped), ("btrfs", Written), ("nfs4", Written), ("", Written)]
)
def test_only_where_reserved_room_is_room_for_good_is_it_mapped(handle, tmp_path, monkeypatch, kind, way):
    device = os.fstat(handle).st_dev
    lines = [
        "21 1 7:999 / /elsewhere rw,relatime shared:1 - ext4 /dev/other rw",
        f"22 1 {os.major(device)}:{os.minor(device)} / / rw,relatime shared:1 master:2 - {kind} /dev/own rw",
    ]
    (tmp_path / "mountinfo").write_text("\n".join(lines if kind else lines[:1]))
    monkeypatch.setattr(tail, "_MOUNTS", tmp_path / "mountinfo")
    assert type(tail_of(handle)) is way


def test_where_mounts_cannot_be_read_bytes_are_written(handle, tmp_path, monkeypatch):
    monkeypatch.setattr(tail, "_MOUNTS", tmp_path / "none")
    assert type(tail_of(handle)) is Written
