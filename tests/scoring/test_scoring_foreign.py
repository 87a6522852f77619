import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from tests.scoring.model_makers import CODE, ENTRY, D
from tests.scoring.test_scoring_model import manifest

from daytwo.core.errors import DataError, Fault, Refused
from daytwo.registry.bundle import BundleStore
from daytwo.registry.trust import Trust
from daytwo.scoring import foreign
from daytwo.scoring.foreign import PythonScorer, code_digest, foreign_files, open_foreign

MOODY = {
    "moody.py": b"""import ctypes, os, sys, time
import numpy as np

def score(rows):
    mood = rows[0, 0]
    if mood == 1:
        while True:
            time.sleep(1)
    if mood == 2:
        ctypes.PyDLL(None).sleep(1000)  # in C, and Python's lock is kept
    if mood == 3:
        os._exit(7)
    if mood == 4:
        raise ValueError("no such mood")
    if mood == 5:
        return rows[:0, 0]
    if mood == 6:
        return [float(os.getpid())] * len(rows)
    if mood == 7:
        return [float(sum(name.startswith("DAYTWO") for name in os.environ))]
    return np.column_stack([1 - rows[:, 1], rows[:, 1]])
"""
}


def open_moody(**how):
    return PythonScorer("moody:score", MOODY, 2, Trust(**({"deadline_s": 20.0} | how)))


@pytest.fixture
def moody():
    scorer = open_moody()
    yield scorer
    scorer.close()


def settle(scorer):
    """Ask until there is an answer again; a process is started anew on a thread of its own."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        try:
            return scorer.one([0.0, 0.25])
        except Fault as err:
            last = err
            threading.Event().wait(0.01)
    raise last


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid):
    ends = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < ends:
        threading.Event().wait(0.01)
    return not is_alive(pid)


def test_rows_go_in_blocks_and_the_positive_class_stands_last(moody, monkeypatch):
    monkeypatch.setattr(foreign, "_BLOCK_ROWS", 7)
    rows = np.column_stack([np.zeros(50), np.arange(50)]).astype(np.float32)
    assert moody.many(rows).tolist() == list(range(50))


@pytest.mark.parametrize(
    ("mood", "told"), [(4.0, "ValueError: no such mood"), (5.0, r"scores of shape \(0,\) for 1 rows")]
)
def test_an_error_of_the_code_is_told_and_its_process_goes_on(moody, mood, told):
    pid = moody.one([6.0, 0.0])
    with pytest.raises(Fault, match=told):
        moody.one([mood, 0.0])
    assert moody.one([6.0, 0.0]) == pid


@pytest.mark.parametrize("mood", [1.0, 2.0])
def test_a_model_that_hangs_is_ended_at_the_deadline_and_started_again(mood):
    scorer = open_moody(deadline_s=0.3)
    pid = int(scorer.one([6.0, 0.0]))
    with pytest.raises(Fault, match=r"did not answer in time and was ended.*started again"):
        scorer.one([mood, 0.0])
    assert gone(pid)
    assert settle(scorer) == 0.25
    assert scorer.one([6.0, 0.0]) != pid
    scorer.close()


def test_a_model_that_dies_or_is_killed_comes_back(moody):
    with pytest.raises(Fault, match="its process ended"):
        moody.one([3.0, 0.0])
    assert settle(moody) == 0.25
    os.kill(int(moody.one([6.0, 0.0])), signal.SIGKILL)
    assert settle(moody) == 0.25


def test_pauses_between_starts_grow_while_it_keeps_dying(moody, monkeypatch):
    waited = []
    closed = threading.Event()

    class Dead:
        def wait(self):
            if len(waited) > 8:
                closed.set()

    monkeypatch.setattr(closed, "wait", lambda seconds: waited.append(seconds) or closed.is_set())
    monkeypatch.setattr(moody, "revive", Dead)
    foreign._keep(lambda: moody, Dead(), closed)
    assert waited[:7] == pytest.approx([0.05, 0.2, 0.8, 3.2, 12.8, 51.2, 60.0])
    assert set(waited[6:]) == {60.0}


def test_the_code_sees_no_secret_of_ours(monkeypatch):
    monkeypatch.setenv("DAYTWO_SERVE__TOKEN", "secret")
    scorer = open_moody()
    assert scorer.one([7.0, 0.0]) == 0.0
    scorer.close()


def test_its_process_and_folder_go_with_the_engine(moody):
    scorer = open_moody()
    pid, folder = int(scorer.one([6.0, 0.0])), Path(f"/proc/{scorer._process.running.pid}/cwd").readlink()
    assert (folder / "moody.py").exists()
    del scorer
    gc.collect()
    assert gone(pid)
    assert not folder.exists()


_PARENT = """
import sys, threading
from daytwo.registry.trust import Trust
from daytwo.scoring.foreign import PythonScorer
code = sys.stdin.buffer.read()
scorer = PythonScorer("moody:score", {"moody.py": code}, 2, Trust(deadline_s=500.0))
print(int(scorer.one([6.0, 0.0])), flush=True)
scorer.one([float(sys.argv[1]), 0.0])
"""


@pytest.mark.parametrize("mood", ["1", "2"])
def test_a_hanging_model_dies_with_its_parent(mood, tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, mood],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "TMPDIR": str(tmp_path)},
    )
    with parent:
        parent.stdin.write(MOODY["moody.py"])
        parent.stdin.close()
        pid = int(parent.stdout.readline())
        parent.kill()
    assert gone(pid)


def test_the_folder_of_a_killed_parent_goes_at_the_next_start_and_no_other(tmp_path, monkeypatch):
    environment = {"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "TMPDIR": str(tmp_path)}
    how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": environment}
    with (
        subprocess.Popen([sys.executable, "-c", _PARENT, "1"], **how) as killed,
        subprocess.Popen([sys.executable, "-c", _PARENT, "1"], **how) as living,
    ):
        folder = {}
        for parent in (killed, living):
            parent.stdin.write(MOODY["moody.py"])
            parent.stdin.close()
            folder[parent] = Path(f"/proc/{int(parent.stdout.readline())}/cwd").readlink()
        assert set(tmp_path.iterdir()) == set(folder.values())
        killed.kill()
        killed.wait()
        assert folder[killed].exists()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        scorer = open_moody()
        try:
            assert not folder[killed].exists()
            assert (folder[living] / "moody.py").exists()
            assert len(list(tmp_path.iterdir())) == 2
        finally:
            scorer.close()
            living.kill()
    assert list(tmp_path.iterdir()) == [folder[living]]


@pytest.mark.parametrize(
    ("code", "entry", "told"),
    [
        ({"m.py": b"def score(:"}, "m:score", "SyntaxError"),
        ({"m.py": b"x = 1"}, "m:score", "no attribute 'score'"),
        ({"m.py": b"import not_there_at_all"}, "m:score", "not_there_at_all"),
    ],
)
def test_code_that_cannot_be_imported_is_refused_in_its_words(code, entry, told):
    with pytest.raises(DataError, match=rf"cannot be imported.*{told}"):
        PythonScorer(entry, code, 2, Trust())


def test_code_that_ends_its_process_or_an_interpreter_that_is_none_is_a_fault(tmp_path):
    with pytest.raises(Fault, match="did not start: its process ended"):
        PythonScorer("m:score", {"m.py": b"import os; os._exit(3)"}, 2, Trust())
    with pytest.raises(Fault, match=r"cannot start .*no-python.*\[serve\] python"):
        PythonScorer(ENTRY, CODE, D, Trust(python=str(tmp_path / "no-python")))


def test_code_runs_only_where_the_settings_name_its_digest(tmp_path):
    store, digest = BundleStore(tmp_path), code_digest(ENTRY, CODE)
    bundle = store.put(foreign_files(ENTRY, CODE), manifest())
    with pytest.raises(Refused, match=rf'does not trust.*\[serve\] trust = \["{digest}"\] in daytwo.toml'):
        open_foreign(bundle, D, bundle.trust)
    trusting = BundleStore(tmp_path, Trust(frozenset([digest]), python=sys.executable)).get(bundle.digest)
    scorer = open_foreign(trusting, D, trusting.trust)
    assert 0 < scorer.one([0.0] * D) < 1
    scorer.close()


def test_the_digest_is_of_every_file_and_of_the_entry(tmp_path):
    files = foreign_files(ENTRY, CODE)
    trust = Trust(frozenset([code_digest(ENTRY, CODE)]))
    changes = [
        {"weights.bin": b"\0" * 24},
        {"logistic.py": CODE["logistic.py"] + b"#"},
        {"python.json": files["python.json"].replace(b"logistic:score", b"logistic:other")},
    ]
    for change in changes:
        bundle = BundleStore(tmp_path, trust).put(files | change, manifest())
        with pytest.raises(Refused, match="has not the digest it names"):
            open_foreign(bundle, D, bundle.trust)
    for entry in ("os.path:join", "logistic", "logistic:__import__('os')"):
        bundle = BundleStore(tmp_path, trust).put(foreign_files(entry, CODE), manifest())
        with pytest.raises(DataError, match="is no entry"):
            open_foreign(bundle, D, bundle.trust)
    bundle = BundleStore(tmp_path, trust).put({**CODE, "python.json": b"{}"}, manifest())
    with pytest.raises(DataError, match=r"python.json is damaged"):
        open_foreign(bundle, D, bundle.trust)
