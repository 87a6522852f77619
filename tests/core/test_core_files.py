"""Files written whole: also when the writer is killed at any moment, the disk is full, or the folder is closed."""

import os
import random
import resource
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from daytwo.core import files
from daytwo.core.errors import Fault
from daytwo.core.files import write_whole

# Bigger than one write of the system, so that a kill can fall into the middle of it.
SIZE = 3_000_000
KILLS = 25
WRITER = f"""
import sys
from pathlib import Path
from daytwo.core.files import write_whole
path = Path(sys.argv[1])
print("ready", flush=True)
while True:
    for letter in b"abcdefgh":
        write_whole(path, bytes([letter]) * {SIZE})
        sys.stdout.write("x"); sys.stdout.flush()
"""


def test_what_was_written_is_there_and_nothing_beside_it(tmp_path):
    path = tmp_path / "deep" / "er" / "file.json"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert [file.name for file in path.parent.iterdir()] == ["file.json"]


def test_what_is_private_is_for_its_owner_only_also_over_a_file_that_was_for_all(tmp_path):
    path = tmp_path / "key"
    write_whole(path, b"one")
    path.chmod(0o644)
    write_whole(path, b"two", private=True)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_writer_that_is_killed_at_any_moment_leaves_the_old_content_or_the_new_one(tmp_path):
    path = tmp_path / "file"
    write_whole(path, b"z" * SIZE)
    moments = random.Random(7)
    seen = set()
    for _ in range(KILLS):
        with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            # Some whole files later, then a moment that falls anywhere in the writing of the next one.
            writer.stdout.read(moments.randrange(3))
            for _ in range(moments.randrange(20_000)):
                pass
            os.kill(writer.pid, signal.SIGKILL)
        content = path.read_bytes()
        assert len(content) == SIZE
        assert len(set(content)) == 1
        seen.add(content[:1])
    assert len(seen) > 1
    write_whole(path, b"end")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


# Stops in the middle of a write, says so, and goes on when it is told to.
PAUSING = """
import os, sys
from pathlib import Path
from daytwo.core.files import write_whole
sync = os.fsync
def pausing(handle):
    os.fsync = sync
    print("writing", flush=True)
    sys.stdin.readline()
    sync(handle)
os.fsync = pausing
write_whole(Path(sys.argv[1]), b"n" * 100_000)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_draft_of_a_killed_writer_goes_with_the_next_write_and_that_of_a_living_one_stays(tmp_path):
    with ExitStack() as stack:
        writers = []
        for name in ("killed", "living"):
            command = [sys.executable, "-c", PAUSING, tmp_path / name]
            writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.enter_context(writer)
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"writing\n"
            writers.append(writer)
        killed, living = writers
        killed.kill()
        killed.wait()
        assert [name.split(".")[1] for name in names(tmp_path)] == ["killed", "living"]
        write_whole(tmp_path / "other", b"x")
        assert [name.split(".")[1] for name in names(tmp_path) if name != "other"] == ["living"]
        assert living.stdin is not None
        living.stdin.write(b"\n")
        living.stdin.close()
        assert living.wait() == 0
    assert names(tmp_path) == ["living", "other"]
    assert (tmp_path / "living").read_bytes() == b"n" * 100_000


def test_only_its_own_drafts_are_swept(tmp_path):
    others = [".segment.draft", "notes.draft", f".file.{'0' * 32}.draft.txt", f".{'0' * 32}.draft"]
    for name in others:
        (tmp_path / name).write_bytes(b"not mine")
    (tmp_path / f".file.{'0' * 32}.draft").write_bytes(b"left")
    (tmp_path / f".folder.{'1' * 32}.draft").mkdir()
    write_whole(tmp_path / "file", b"x")
    assert names(tmp_path) == sorted([*others, "file", f".folder.{'1' * 32}.draft"])


def test_a_draft_that_was_swept_before_its_lock_is_made_anew(tmp_path, monkeypatch):
    locks = []

    def swept_once(stream, how):
        if not locks:
            Path(stream.name).unlink()
        locks.append(how)

    monkeypatch.setattr(files.fcntl, "flock", swept_once)
    write_whole(tmp_path / "file", b"x")
    assert len(locks) == 2
    assert names(tmp_path) == ["file"]


def test_a_folder_that_cannot_be_made_is_a_fault_with_the_next_step(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Fault, match=r"cannot write .*Free some disk space"):
        write_whole(tmp_path / "file" / "below", b"x")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_a_fault(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(Fault, match="cannot write"):
        write_whole(tmp_path / "file", b"x")


def _limit_file_size() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_where_the_disk_takes_no_more_the_old_file_stays_and_no_draft_is_left(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    code = (
        "import sys\nfrom pathlib import Path\nfrom daytwo.core.errors import Fault\n"
        "from daytwo.core.files import write_whole\n"
        "try:\n    write_whole(Path(sys.argv[1]), b'n' * 100_000)\n"
        "except Fault as err:\n    print(err)\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, path],
        preexec_fn=_limit_file_size,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"cannot write {path}: File too large")
    assert path.read_bytes() == b"old"
    assert [Path(file).name for file in tmp_path.iterdir()] == ["file"]
