import os
import subprocess
import sys
from pathlib import Path

import pytest

from daytwo.core.errors import DataError, Fault
from daytwo.registry.route import Route, read_route, write_route


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "live" / "route.json"
    route = Route(3, "a" * 64, canary="b" * 64, canary_share=0.05, shadow="c" * 64)
    assert write_route(path, route) == route == read_route(path)
    assert route.digests == ("a" * 64, "b" * 64, "c" * 64)


def test_each_bundle_is_named_once():
    assert Route(1, "a", canary="b", canary_share=0.1, shadow="b").digests == ("a", "b")


def test_no_file_is_no_route(tmp_path):
    assert read_route(tmp_path / "route.json") is None


def test_an_older_generation_never_replaces_a_newer_one(tmp_path):
    path = tmp_path / "route.json"
    newer = write_route(path, Route(5, "new"))
    assert write_route(path, Route(4, "old")) == newer == read_route(path)
    assert write_route(path, Route(6, "newest")) == read_route(path)


def test_a_damaged_file_is_named_and_written_over(tmp_path):
    path = tmp_path / "route.json"
    for damaged in (b"", b"{", b"[]", b'{"generation": 1, "champion": ""}', b'{"generation": 1, "champ": "a"}'):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"route\.json is no route.*Remove the file"):
            read_route(path)
    assert write_route(path, Route(1, "a")) == read_route(path)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_lies_between_nobody_and_everybody(share):
    with pytest.raises(ValueError, match="canary share"):
        Route(1, "a", canary="b", canary_share=share)


def test_a_folder_that_cannot_be_written_is_a_fault(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Fault, match="make the folder writable"):
        write_route(tmp_path / "file" / "route.json", Route(1, "a"))
    with pytest.raises(Fault, match="cannot read"):
        read_route(tmp_path)


_WRITE_FOREVER = """
import sys
from pathlib import Path
from daytwo.registry.route import Route, write_route
for generation in range(1, 1_000_000):
    write_route(Path(sys.argv[1]), Route(generation, "d" * 64))
    print(generation, flush=True)
"""


def test_a_reader_never_sees_half_a_route_nor_an_older_one(tmp_path):
    path = tmp_path / "route.json"
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITE_FOREVER, str(path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    child.stdout.readline()
    last = 0
    for _ in range(2000):
        route = read_route(path)
        assert route.generation >= last
        last = route.generation
    child.kill()
    child.wait()
    child.stdout.close()
    assert read_route(path).generation >= last
