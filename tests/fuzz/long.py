"""The fuzzer for as long as it is told: `python -m tests.fuzz.long --seconds 600`, and `--wire` over a real socket.

Prints what it did, and every case that broke a promise with the seed that brings it back.
"""

# ruff: noqa: T201  it is a command: what it prints is its answer

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.fuzz.door import FuzzedDoor, run
from tests.fuzz.wire import GOOD, cases, post, talk
from tests.serving.conftest import make_bundle, settled

from daytwo.registry.bundle import BundleStore


def inside(folder: Path, seconds: float, seed: int) -> list[str]:
    """Fuzz in this process; a case is its number."""
    door, found, number, end = FuzzedDoor(folder), [], seed, time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            run(door, Random(number))
        except Exception as err:
            found.append(f"case {number}: {type(err).__name__}: {str(err)[:300]}")
        number += 1
    tables = door.close()
    print(f"{number - seed:,} cases, {door.rows:,} rows judged twice, {tables.read('predictions').height:,} shipped")
    print(dict(door.statuses.most_common()))
    return found


def wire(folder: Path, seconds: float, seed: int) -> list[str]:
    """Fuzz a server process; a case is its place in the seed's sequence."""
    bundle, found, statuses, number = make_bundle(BundleStore(folder / "bundles"), trees=5), [], Counter[int](), 0
    with settled(folder, bundle.digest) as place:
        process, port = place.start()
        end = time.monotonic() + seconds
        for number, (data, cuts) in enumerate(cases(Random(seed))):
            try:
                statuses.update(answer.status for answer in talk(port, data, cuts))
                assert number % 100 or talk(port, post(GOOD))[0].status == 200
            except Exception as err:
                found.append(f"case {number} of seed {seed}: {type(err).__name__}: {str(err)[:300]}")
            if time.monotonic() > end or process.poll() is not None:
                break
        memory = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096 / 2**20
        found += [line for line in place.log().splitlines() if '"broken"' in line]
    print(f"{number + 1:,} connections, {dict(statuses)}, the server holds {memory:.0f} MB at the end")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=time.time_ns() // 1_000_000)
    parser.add_argument("--wire", action="store_true", help="over a real socket")
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    with tempfile.TemporaryDirectory() as folder:
        found = (wire if asked.wire else inside)(Path(folder), asked.seconds, asked.seed)
    print("\n".join(found) if found else "nothing broke")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
