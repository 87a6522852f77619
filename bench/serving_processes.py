"""The ASGI app in processes that nobody supervises: killed, added and taken away while it is asked.

`nice .venv/bin/python bench/serving_processes.py [--seconds 60] [--json]`. uvicorn runs four; each request is sent by
two connections at once under one id. At random a process is killed, or uvicorn is told to run one more or one fewer, or
what was sealed is shipped. In the end every acknowledged prediction must be in the table, and each request there once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
from serving_model import bench_contract, bench_rows, make_place

from daytwo.core.errors import DaytwoError
from daytwo.predictions.ship import ship
from daytwo.serving.client import Client
from daytwo.tables.memory import MemoryTables

_CLIENTS, _PROCESSES, _MOST = 4, 4, 6


def main() -> int:
    """Ask, kill and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        told = _measure(Path(scratch), asked.seconds)
    print(json.dumps(told) if asked.json else "\n".join(f"{name}: {value}" for name, value in told.items()))
    return 1 if told["lost"] or told["doubled"] else 0


def _measure(folder: Path, seconds: float) -> dict[str, object]:
    make_place(folder)
    tables = MemoryTables()
    process, port = _start(folder)
    done: dict[str, str] = {}
    waited: list[float] = []
    failed: list[str] = []
    stop = threading.Event()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        asking = [pool.submit(_ask, number, port, stop, done, waited, failed) for number in range(_CLIENTS)]
        try:
            kills = _disturb(process, folder, tables, time.monotonic() + seconds)
        finally:
            stop.set()
    for one in asking:
        one.result()
    with Client("127.0.0.1", port, patience_s=30) as client:
        client.rotate()
    _ship(folder, tables)
    process.terminate()
    process.wait()
    rows = tables.read("predictions").select("_request", "_id").rows()
    times = Counter(request for request, _ in rows)
    p50, p99, worst = np.quantile(waited, [0.5, 0.99, 1.0])
    return {
        "kills": kills,
        "acknowledged": len(done),
        "lost": len(set(done.items()) - set(rows)),
        "doubled": sum(count > 1 for count in times.values()),
        "failed": len(failed),
        "p50_ms": round(p50 * 1e3, 2),
        "p99_ms": round(p99 * 1e3, 1),
        "longest_s": round(worst, 2),
        "load": os.getloadavg()[0],
    }


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    settings = {"model": "bench", "salt": "bench", "port": 0} | {
        name: str(folder / where)
        for name, where in (("bundles", "bundles"), ("route", "route.json"), ("journal", "journal"))
    }
    (folder / "server.json").write_bytes(msgspec.json.encode(settings))
    words = ["--factory", "daytwo.serving.asgi:app", "--port", "0", "--workers", str(_PROCESSES), "--no-access-log"]
    log = folder / "server.log"
    with log.open("wb") as told:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *words],
            env=os.environ | {"DAYTWO_SERVE": str(folder / "server.json")},
            stderr=told,
        )
    while log.read_text().count("startup complete") < _PROCESSES:
        time.sleep(0.05)
    found = re.search(r"running on http://127\.0\.0\.1:(\d+)", log.read_text())
    assert found is not None
    return process, int(found[1])


def _ask(
    number: int, port: int, stop: threading.Event, done: dict[str, str], waited: list[float], failed: list[str]
) -> None:
    """Send each request by two connections at once, until told to stop."""
    rows = bench_rows(256, number)
    clients = [Client("127.0.0.1", port, patience_s=30) for _ in range(2)]
    count = 0
    with ThreadPoolExecutor(2) as both:
        while not stop.is_set():
            identity, row = f"{number}-{count}", rows[count % len(rows)]

            def send(client: Client, identity: str = identity, row: dict[str, object] = row) -> str | None:
                began = time.perf_counter()
                try:
                    answer = client.predict([row], request_id=identity)
                except DaytwoError as err:
                    failed.append(str(err))
                    return None
                waited.append(time.perf_counter() - began)
                return str(answer["predictions"][0]["prediction_id"])

            told = {one for one in both.map(send, clients) if one is not None}
            assert len(told) < 2, f"{identity} was answered twice: {told}"
            done |= dict.fromkeys((identity,), told.pop()) if told else {}
            count += 1
            if count % 7 == 0:  # a new connection may reach another process
                for client in clients:
                    client.close()


def _disturb(process: subprocess.Popen[bytes], folder: Path, tables: MemoryTables, until: float) -> int:
    """Kill, add, take away and ship at random; return how many were killed."""
    draw, kills = random.Random(1), 0
    while time.monotonic() < until:
        time.sleep(draw.uniform(0.2, 2.5))
        alive, what = _alive(process.pid), draw.choice(("kill", "kill", "more", "fewer", "ship"))
        if what == "kill" and alive:
            with suppress(ProcessLookupError):
                os.kill(draw.choice(alive), signal.SIGKILL)
                kills += 1
        elif what == "more" and len(alive) < _MOST:
            process.send_signal(signal.SIGTTIN)
        elif what == "fewer" and len(alive) > 2:
            process.send_signal(signal.SIGTTOU)
        else:
            _ship(folder, tables)
    return kills


def _alive(parent: int) -> list[int]:
    found = []
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        with suppress(FileNotFoundError):
            if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(int(pid))
    return found


def _ship(folder: Path, tables: MemoryTables) -> None:
    ship(folder / "journal", tables, lambda _: bench_contract())


if __name__ == "__main__":
    sys.exit(main())
