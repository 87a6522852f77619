from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest

from daytwo.core.errors import Fault
from daytwo.predictions.journal import Journal
from daytwo.predictions.segments import read_segment, recover, sealed_segments


def _payloads(folder):
    return [bytes(one) for path in sealed_segments(folder) for one in read_segment(path).payloads()]


def test_records_come_back_in_order_across_rotations(tmp_path):
    journal = Journal(tmp_path, "p-", max_bytes=100)
    written = [b'{"n":%d}' % n for n in range(50)]
    for payload in written:
        journal.append(payload)
    journal.close()
    assert len(sealed_segments(tmp_path)) > 1
    assert _payloads(tmp_path) == written
    assert not list(tmp_path.glob("*.open"))


@pytest.mark.parametrize("sync_every_s", [0.0, 0.001])
def test_a_folder_that_is_taken_away_costs_nothing_that_was_acknowledged(tmp_path, sync_every_s):
    folder, written, places = tmp_path / "journal", [], []
    journal = Journal(folder, "p-", max_bytes=1_000, sync_every_s=sync_every_s)
    for n in range(200):
        payload = b'{"n":%d}' % n
        if n % 60 == 7:
            kept = sealed_segments(folder)
            for path in kept:
                path.rename(tmp_path / path.name)
            shutil.rmtree(folder)
        places.append(journal.append(payload))
        written.append(payload)
    journal.close()
    assert journal.rescued >= 1
    for path in tmp_path.glob("*.segment"):
        path.rename(folder / path.name)
    assert _payloads(folder) == written
    for place, payload in zip(places, written, strict=True):
        content = (folder / f"{place.segment}.segment").read_bytes()
        assert content[place.offset : place.offset + place.length] == payload


def test_a_segment_that_is_taken_away_last_of_all_is_sealed_all_the_same(tmp_path):
    journal = Journal(tmp_path / "journal", "p-")
    journal.append(b'{"n":1}')
    shutil.rmtree(tmp_path / "journal")
    journal.close()
    assert _payloads(tmp_path / "journal") == [b'{"n":1}']


def test_what_cannot_be_written_anew_is_refused_and_kept_until_it_can(tmp_path):
    folder = tmp_path / "journal"
    journal = Journal(folder, "p-", sync_every_s=0)
    journal.append(b'{"n":1}')
    shutil.rmtree(folder)
    folder.write_text("in the way")
    for _ in range(2):
        with pytest.raises(Fault):
            journal.append(b'{"n":2}')
    assert journal.failing
    folder.unlink()
    journal.append(b'{"n":3}')
    journal.close()
    assert _payloads(folder) == [b'{"n":1}', b'{"n":3}']


def test_rotating_names_the_sealed_segment_and_seals_nothing_twice(tmp_path):
    journal = Journal(tmp_path, "p-")
    assert journal.rotate() is None
    journal.append(b"{}")
    assert journal.rotate() == "p-000000"
    assert journal.rotate() is None
    assert [path.name for path in sealed_segments(tmp_path)] == ["p-000000.segment"]
    journal.append(b"{}")
    journal.close()
    assert len(sealed_segments(tmp_path)) == 2


def test_age_counts_from_the_first_record(tmp_path):
    journal = Journal(tmp_path, "p-")
    assert journal.age_s == 0.0
    journal.append(b"{}")
    assert journal.age_s >= 0.0
    journal.rotate()
    assert journal.age_s == 0.0
    journal.close()


def test_closing_an_unused_journal_leaves_nothing(tmp_path):
    Journal(tmp_path / "journal", "p-").close()
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Fault, match=r"cannot write to the journal in .*file"):
        Journal(tmp_path / "file" / "journal", "p-")


# Which way bytes take to the disk depends on the file system: both are tried on the one that is here.
_BY = {"mapped": "", "written": "from daytwo.predictions import tail; tail._KEEPING = frozenset()"}
_FULL = textwrap.dedent(
    """
    import resource, sys
    from pathlib import Path
    from daytwo.core.errors import Fault
    from daytwo.predictions.journal import Journal

    exec(sys.argv[3])
    folder, limited = Path(sys.argv[1]), sys.argv[2] == "limit"
    journal = Journal(folder, "p-")
    written = 0
    if limited:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    payload = b'{"x":"' + b"x" * 700 + b'"}'
    try:
        while True:
            journal.append(payload)
            written += 1
    except Fault as err:
        print(err)
    assert journal.failing
    try:
        journal.append(payload)
        raise SystemExit("a second record was taken")
    except Fault:
        pass
    try:
        journal.probe()
        raise SystemExit("the probe saw nothing")
    except Fault:
        assert journal.failing
    if limited:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        (folder / "ballast").unlink()
    journal.probe()
    assert journal.failing is None
    journal.append(payload)
    print(written + 1)
    journal.close()
    """
)


def _fill(folder, how, by):
    command = [sys.executable, "-c", _FULL, str(folder), how, _BY[by]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    fault, count = done.stdout.splitlines()
    return fault, int(count)


@pytest.mark.parametrize("by", _BY)
def test_what_the_disk_refuses_leaves_no_half_record_and_is_taken_when_there_is_room(tmp_path, by):
    fault, count = _fill(tmp_path, "limit", by)
    assert "cannot write to the journal" in fault
    assert "Free some disk space" in fault
    (path,) = sealed_segments(tmp_path)
    segment = read_segment(path)
    assert segment.ending == "whole"
    assert len(segment.spans) == count


@pytest.mark.parametrize("by", _BY)
def test_a_disk_that_is_really_full_loses_nothing_that_was_acknowledged(tmp_path, by):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        (tmp_path / "ballast").write_bytes(bytes(30_000))
        fault, count = _fill(tmp_path, "disk", by)
        assert "No space left on device" in fault
        (path,) = sealed_segments(tmp_path)
        segment = read_segment(path)
        assert segment.ending == "whole"
        assert len(segment.spans) == count
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


_WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from daytwo.predictions.journal import Journal

    exec(sys.argv[3])
    journal = Journal(Path(sys.argv[1]), sys.argv[2], max_bytes=20_000)
    n = 0
    while True:
        journal.append(b'{"n":"%s%d","x":"' % (sys.argv[2].encode(), n) + b"x" * (n * 7919 % 3000) + b'"}')
        sys.stdout.write(f"{n}\\n")  # the acknowledgement
        sys.stdout.flush()
        n += 1
    """
)


@pytest.mark.parametrize("by", _BY)
def test_no_acknowledged_record_is_lost_when_the_writer_is_killed(tmp_path, by):
    acknowledged = []
    for kill in range(8):
        prefix = f"p{kill}-"
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(tmp_path), prefix, _BY[by]], stdout=subprocess.PIPE, text=True
        ) as writer:
            acknowledged += [prefix + writer.stdout.readline().strip() for _ in range(20 + 37 * kill)]
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged += [prefix + line.strip() for line in writer.stdout if line.endswith("\n")]
    recover(tmp_path)
    assert not list(tmp_path.glob("*.open"))
    assert not (tmp_path / "damaged").exists()
    written = [payload.split(b'"')[3].decode() for payload in _payloads(tmp_path)]
    assert len(written) == len(set(written))
    assert set(acknowledged) <= set(written)
    # At most the one record that was written and not yet acknowledged when the kill came.
    assert len(written) - len(acknowledged) <= 8
