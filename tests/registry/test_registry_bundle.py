import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daytwo.core.digest import digest_bytes
from daytwo.core.errors import DataError, Fault, Mistake, NotFound, Refused
from daytwo.core.schema import Task
from daytwo.registry.bundle import BundleStore, DatasetVersion, Lineage, Manifest

_ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
FILES = {"model.txt": b"tree\n" * 1000, "card.md": b"# a model", "replay.npy": bytes(range(256))}


def manifest(**changes):
    lineage = Lineage(
        dataset=(DatasetVersion(table="flights", version=3, rows=10, digest="ab"),),
        parameters={"num_leaves": 31, "learning_rate": 0.1},
        seeds={"fit": 1},
    )
    fields = {"model": "late", "task": Task.BINARY, "metric": "roc_auc", "contract": "c" * 64, "lineage": lineage}
    return Manifest(**(fields | changes))


@pytest.fixture
def store(tmp_path):
    return BundleStore(tmp_path / "bundles")


def test_what_was_put_is_got_back_by_digest_and_by_its_beginning(store):
    put = store.put(FILES, manifest(metrics={"roc_auc": 0.75}))
    assert store.get(put.digest) == put == store.get(put.digest[:6])
    assert {name: put.read(name) for name in put.manifest.files} == FILES
    assert put.manifest.metrics == {"roc_auc": 0.75}
    assert put.manifest.lineage.dataset[0].version == 3
    assert store.list() == (put.digest,)


def test_the_same_content_is_the_same_bundle_wherever_and_in_whatever_order(store, tmp_path):
    first = store.put(FILES, manifest())
    again = store.put(dict(reversed(FILES.items())), manifest())
    elsewhere = BundleStore(tmp_path / "other").put(FILES, manifest())
    assert first.digest == again.digest == elsewhere.digest
    assert store.list() == (first.digest,)


def test_another_byte_or_another_lineage_is_another_bundle(store):
    digests = {
        store.put(FILES, manifest()).digest,
        store.put(FILES | {"card.md": b"# another"}, manifest()).digest,
        store.put(FILES, manifest(lineage=Lineage(seeds={"fit": 2}))).digest,
        store.put(FILES, manifest(parent="p" * 64)).digest,
    }
    assert len(digests) == 4


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_changed_file_is_refused_by_name(store, name):
    bundle = store.put(FILES, manifest())
    path = bundle.folder / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Refused, match=rf"{name} is not the file that was put in.*Restore"):
        store.get(bundle.digest)
    with pytest.raises(Refused, match=name):
        store.put(FILES, manifest())


def test_a_missing_file_is_refused_by_name(store):
    bundle = store.put(FILES, manifest())
    (bundle.folder / "card.md").unlink()
    with pytest.raises(Refused, match=r"card\.md cannot be read"):
        store.get(bundle.digest)


def test_a_file_changed_after_it_was_verified_is_refused_when_read(store):
    bundle = store.put(FILES, manifest())
    (bundle.folder / "card.md").write_bytes(b"# forged")
    with pytest.raises(Refused, match=r"card\.md"):
        bundle.read("card.md")


def test_a_file_that_the_manifest_does_not_list_is_not_read(store):
    bundle = store.put(FILES, manifest())
    (bundle.folder / "extra.txt").write_bytes(b"?")
    with pytest.raises(NotFound, match=r"holds no extra\.txt.*card\.md"):
        store.get(bundle.digest).read("extra.txt")


def test_a_digest_that_is_none_or_unknown_or_shared_says_what_to_do(store):
    digest = store.put(FILES, manifest()).digest
    twin = store.folder / (digest[:8] + "0" * 56)
    twin.mkdir()
    for wrong in ("", "abc", "../../etc", digest.upper()[:6] + "X", "latest"):
        with pytest.raises(Mistake, match="no bundle digest"):
            store.get(wrong)
    with pytest.raises(NotFound, match="no bundle 000000"):
        store.get("000000")
    with pytest.raises(Mistake, match=r"2 bundles begin with.*more characters"):
        store.get(digest[:8])


def test_a_file_name_cannot_leave_the_folder(store):
    for name in ("../evil", "/etc/passwd", "a/b", ".hidden", "manifest.json", ""):
        with pytest.raises(ValueError, match="no name"):
            store.put({name: b""}, manifest())


def test_a_metric_that_is_no_number_is_left_out_by_its_maker():
    with pytest.raises(ValueError, match="roc_auc is nan"):
        manifest(metrics={"roc_auc": float("nan")})


def test_a_manifest_of_another_form_is_refused_with_a_way_out(store):
    text = json.dumps({"format": 9}).encode()
    folder = store.folder / digest_bytes(text)
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(text)
    with pytest.raises(DataError, match="daytwo version that wrote it"):
        store.get(folder.name)


_PUT_WHEN_TOLD = """
import sys
from pathlib import Path
from daytwo.core.schema import Task
from daytwo.registry.bundle import BundleStore, Manifest
files = {f"{i}.bin": bytes([i]) * 200_000 for i in range(8)}
print("ready", flush=True)
sys.stdin.readline()
print(BundleStore(Path(sys.argv[1])).put(files, Manifest(model="m", task=Task.BINARY, metric="f1", contract="")).digest)
"""


def test_processes_that_put_the_same_bundle_at_once_agree(store):
    children = [
        subprocess.Popen(
            [sys.executable, "-c", _PUT_WHEN_TOLD, str(store.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_ENVIRONMENT,
        )
        for _ in range(3)
    ]
    for child in children:
        child.stdout.readline()
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    digests = {child.communicate()[0].strip() for child in children}
    assert store.list() == tuple(digests)
    assert len(digests) == 1


_PUT_FOREVER = """
import sys
from pathlib import Path
from daytwo.core.schema import Task
from daytwo.registry.bundle import BundleStore, Manifest
store = BundleStore(Path(sys.argv[1]))
for number in range(1_000_000):
    files = {f"{i}.bin": bytes([i]) * 200_000 for i in range(8)} | {"n.txt": f"{sys.argv[2]} {number}".encode()}
    store.put(files, Manifest(model="m", task=Task.BINARY, metric="roc_auc", contract=""))
    print(number, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_only_whole_bundles(store):
    seen = 0
    for attempt in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", _PUT_FOREVER, str(store.folder), str(attempt)],
            stdout=subprocess.PIPE,
            env=_ENVIRONMENT,
        )
        for _ in range(1 + attempt):
            child.stdout.readline()
            seen += 1
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        digests = store.list()
        assert len(digests) >= seen
        for digest in digests:
            store.get(digest)
    store.put(FILES, manifest())
    assert not list(store.folder.glob(".*.draft"))


_PUT_WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from daytwo.core.errors import Fault
from daytwo.core.schema import Task
from daytwo.registry.bundle import BundleStore, Manifest
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    BundleStore(Path(sys.argv[1])).put(
        {"a.txt": b"a", "model.txt": b"x" * 5000}, Manifest(model="m", task=Task.BINARY, metric="roc_auc", contract="")
    )
except Fault as err:
    print(err)
"""


def test_a_disk_without_room_leaves_nothing_and_says_what_to_do(store):
    done = subprocess.run(
        [sys.executable, "-c", _PUT_WITHOUT_ROOM, str(store.folder)],
        capture_output=True,
        text=True,
        check=True,
        env=_ENVIRONMENT,
    )
    assert "cannot write the bundle" in done.stdout
    assert "Free some disk space" in done.stdout
    assert [entry.name for entry in store.folder.iterdir()] == [".lock"]


def test_a_folder_that_cannot_be_made_is_a_fault(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Fault, match=r"cannot write the bundle.*make the folder writable"):
        BundleStore(tmp_path / "file" / "bundles").put(FILES, manifest())


def test_a_store_that_was_never_written_holds_nothing(store):
    assert store.list() == ()
