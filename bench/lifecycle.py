"""What kills, waiting people and going back cost the lifecycle of releases.

    .venv/bin/python bench/lifecycle.py [--quick] [--only kills|waiting|rollback] [--json]

Kills: releases are made, approved and brought live one after the other by processes that are killed (SIGKILL) at
random moments and begun again, on SQLite by one worker, on Postgres by two; then every trace they left is counted
(`lifecycle_kills.py`). Waiting: so many releases wait for approval while the heart beats, and the processor time is
read. Rollback: while clients ask the server, a version is taken back by `daytwo rollback`; what counts is the time from
the command's first moment, and from the entry in the ledger, until no answer comes from the old version any more, and
the requests that failed meanwhile.
Projects are of 2,000 rows and three columns, so that a release takes a second or two.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from lifecycle_kills import make_project_in, storm, take_further

from daytwo.flows import open_runner
from daytwo.governance.approvals import Request
from daytwo.lifecycle.heart import Heart
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.system import System
from daytwo.serving.process import ServerProcess
from daytwo.wiring import open_system, server_config

# So many clients ask, each this long after its last answer: a busy server, on a machine that has some time left.
_CLIENTS, _REST_S = 8, 0.005
_DOOR = [sys.executable, "-c", "from daytwo.cli.main import main; main()"]


@contextmanager
def _postgres() -> Any:
    """A server of our own, as the tests make it."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests.sources.postgres import programs, running  # noqa: PLC0415 (the tests lie beside, not on the path)

    binaries = programs()
    if binaries is None:
        yield None
        return
    with running(binaries) as made:
        yield made.url()


def kills(*, releases: int, deaths: int, seed: int) -> dict[str, object]:
    """Return what was left of so many releases after so many deaths, on each engine."""
    with tempfile.TemporaryDirectory() as made:
        told: dict[str, object] = {"sqlite": storm(Path(made), "", 1, releases=releases, deaths=deaths, seed=seed)}
    with _postgres() as url, tempfile.TemporaryDirectory() as made:
        if url is not None:
            told["postgres"] = storm(Path(made), url, 2, releases=releases, deaths=deaths, seed=seed)
    return told


def waiting(*, releases: int, seconds: float) -> dict[str, object]:
    """Return the share of a core that a project takes of which so many releases wait for approval."""
    told: dict[str, object] = {}
    with _postgres() as url:
        for engine, place in (("sqlite", ""), ("postgres", url)):
            if place is None:
                continue
            with tempfile.TemporaryDirectory() as made:
                (folder,) = make_project_in(Path(made), place, 1)
                told[engine] = _waiting(open_system(folder), releases, seconds)
    return told


def _waiting(system: System, releases: int, seconds: float) -> dict[str, object]:
    with open_runner(system) as runner:
        take_further(system, runner, 1, folder=system.folder)
        (live,) = system.releases.releases()
        asked = system.approvals.request(live.id)
        assert asked is not None
        shares = []
        for count in (0, releases):
            for number in range(count):
                _wait(system, live, asked, f"waits-{number}")
            heart = Heart(system, say=lambda _: None)
            heart.beat(runner, datetime.now(UTC))
            begun, used = time.monotonic(), time.process_time()
            while time.monotonic() - begun < seconds:
                heart.beat(runner, datetime.now(UTC))
                time.sleep(2.0)
            shares.append((time.process_time() - used) / (time.monotonic() - begun))
    system.close()
    return {"waiting": releases, "share_of_a_core": round(shares[1], 4), "with_none_waiting": round(shares[0], 4)}


def _wait(system: System, like: Release, asked: Request, name: str) -> None:
    now = datetime.now(UTC)
    system.approvals.ask(replace(asked, flow=name, asked_at=now, expires_at=now + timedelta(days=14)))
    system.releases.put(replace(like, id=name, state=State.WAITING, opened_at=now, changed_at=now))


def rollback(*, times: int) -> dict[str, object]:
    """Return how long going back takes under load, by the command and in a process that has it loaded."""
    with tempfile.TemporaryDirectory() as made:
        (folder,) = make_project_in(Path(made), "", 1)
        system = open_system(folder)
        with open_runner(system) as runner:
            for number in range(1, times + 2):
                take_further(system, runner, number, folder=folder)
        versions = [one.digest for one in system.registry.versions()]
        row = pl.read_parquet(folder / "rows" / "first.parquet").drop("late").row(0, named=True)
        server = ServerProcess(server_config(system, port=0), system.own / "server.log")
        port = server.start()
        try:
            runs = [_roll_back(folder, port, json.dumps({"rows": [row]}).encode(), one) for one in versions[-2::-1]]
        finally:
            server.stop()
            system.close()
    return {
        "rollbacks": len(runs),
        "clients": _CLIENTS,
        "requests": sum(one["requests"] for one in runs),
        "requests_per_s": round(sum(one["requests"] for one in runs) / sum(one["seconds"] for one in runs)),
        "failed": sum(one["failed"] for one in runs),
        "command_s": _spread([one["command_s"] for one in runs]),
        "from_deed_s": _spread([one["deed_s"] for one in runs]),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": round(sorted(values)[len(values) // 2], 3), "worst": round(max(values), 3)}


def _roll_back(folder: Path, port: int, body: bytes, to: str) -> dict[str, Any]:
    """Take the live version back while clients ask."""
    stop, seen, failed = threading.Event(), [], []

    def ask() -> None:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        while not stop.is_set():
            try:
                line.request("POST", "/predict", body, {"Content-Type": "application/json"})
                answer = line.getresponse()
                told = json.loads(answer.read())
                if answer.status != 200:
                    failed.append(answer.status)
                seen.append((time.monotonic(), told["predictions"][0]["version"]))
            except (OSError, http.client.HTTPException, KeyError) as err:
                failed.append(repr(err))
                line.close()
            time.sleep(_REST_S)

    clients = [threading.Thread(target=ask) for _ in range(_CLIENTS)]
    for client in clients:
        client.start()
    _until(lambda: len(seen) > 200)
    begun = time.monotonic()
    words = ("rollback", to[:12], "--as", "ben", "--reason", "bench", "-C", str(folder))
    subprocess.run([*_DOOR, *words], check=True, capture_output=True)
    _until(lambda: seen[-1][1] == to[: len(seen[-1][1])])
    time.sleep(0.3)
    stop.set()
    for client in clients:
        client.join()
    last_of_old = max(at for at, version in seen if version != to[: len(version)])
    deed = _decided_at(folder)
    return {
        "requests": len(seen),
        "seconds": seen[-1][0] - seen[0][0],
        "failed": len(failed),
        "command_s": last_of_old - begun,
        "deed_s": max(last_of_old - deed, 0.0),
    }


def _decided_at(folder: Path) -> float:
    """Return when the route stood in the ledger, on the monotonic clock."""
    system = open_system(folder)
    at = system.registry.history()[-1].at
    system.close()
    return time.monotonic() - (datetime.now(UTC) - at).total_seconds()


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not what():
        if time.monotonic() > end:
            raise SystemExit("it did not happen within 20 s")
        time.sleep(0.005)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 releases and 10 kills, 50 waiting, 2 rollbacks")
    parser.add_argument("--only", choices=("kills", "waiting", "rollback"))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    quick = asked.quick
    parts: dict[str, Callable[[], dict[str, object]]] = {
        "kills": lambda: kills(releases=3 if quick else 50, deaths=10 if quick else 200, seed=asked.seed),
        "waiting": lambda: waiting(releases=50 if quick else 500, seconds=10 if quick else 70),
        "rollback": lambda: rollback(times=2 if quick else 10),
    }
    told: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "python": platform.python_version(),
    }
    for name, part in parts.items():
        if asked.only in {None, name}:
            told[name] = part()
    print(json.dumps(told, indent=None if asked.json else 2))


if __name__ == "__main__":
    main()
