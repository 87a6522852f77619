"""Serving, side by side in one run: daytwo, hand-tuned and natural FastAPI, BentoML, MLflow, and a bare echo.

`.venv/bin/python bench/serving.py [--json] [--quick]`. Needs `wrk`; the peers live in an environment of their own
(`make bench-peers`) and are left out, with a word, where it is not there. The server runs on core 0, the load on core
1; the servers take turns round by round, a warm-up is not counted, and every request carries another body than the
one before. What is compared are ratios within one run. What overload and `kill -9` do is in `serving_storm.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from serving_model import make_place
from serving_storm import kill_nine, overload

HERE = Path(__file__).parent
PEERS_PYTHON = HERE.parent / ".venv" / "peers" / "serving" / "bin" / "python"
# Rows a request x connections.
CELLS = {"1x32": (1, 32), "32x32": (32, 32), "1000x1": (1000, 1), "1x1": (1, 1)}
PATHS = {"mlflow": "/invocations", "echo": "/", "bentoml": "/predict"}
_READY_S = 90.0


@dataclass
class Server:
    """One server under test."""

    name: str
    command: list[str]
    port: int
    process: subprocess.Popen[bytes] | None = None
    rps: dict[str, list[float]] = field(default_factory=dict)
    p50_ms: dict[str, list[float]] = field(default_factory=dict)
    errors: int = 0
    rss_mb: float = 0.0
    ready_s: float = 0.0

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}{PATHS.get(self.name, '/predict')}"

    def start(self, bodies: Path) -> None:
        """Start it on core 0 and wait until it answers a request."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *self.command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        body = bodies.read_text().splitlines()[0].encode()
        while True:
            try:
                asked = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
                with urllib.request.urlopen(asked, timeout=5) as answer:
                    answer.read()
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() - began > _READY_S:
                    raise SystemExit(f"{self.name} did not start: {' '.join(self.command)}") from None
                time.sleep(0.05)
        self.ready_s = time.monotonic() - began

    def measure(self, cell: str, seconds: int, bodies: Path, *, counts: bool = True) -> None:
        """Load it for a while, and keep what came of it if that counts."""
        connections = CELLS[cell][1]
        lua = str(HERE / "peers" / "serving_rotate.lua")
        load = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
        said = subprocess.run(
            [*load, "-s", lua, self.url, "--", str(bodies)], capture_output=True, text=True, check=True
        ).stdout
        told = json.loads(said.strip().splitlines()[-1])
        if not counts:
            return
        self.rps.setdefault(cell, []).append(told["requests"] / (told["us"] / 1e6))
        self.p50_ms.setdefault(cell, []).append(told["p50_us"] / 1000)
        self.errors += told["status"] + told["timeout"] + told["broken"]

    def stop(self) -> None:
        """Note its memory and end it with all its children."""
        assert self.process is not None
        pages = 0
        for place in _descendants(self.process.pid):
            with contextlib.suppress(OSError):
                pages += int((place / "statm").read_text().split()[1])
                os.kill(int(place.name), signal.SIGKILL)
        self.rss_mb = pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        self.process.wait()


def _descendants(first: int) -> list[Path]:
    """Return the folders of a process and of all that it began, some of which begin sessions of their own."""
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            parents[int(place.name)] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
    found, more = {first}, {first}
    while more := {one for one, parent in parents.items() if parent in more} - found:
        found |= more
    return [Path("/proc") / str(one) for one in found]


def servers(folder: Path, *, quick: bool) -> list[Server]:
    """Return everything to be measured that is installed."""
    config = {
        "model": "bench",
        "bundles": str(folder / "bundles"),
        "route": str(folder / "route.json"),
        "journal": str(folder / "journal"),
        "port": 8101,
        "salt": "bench",
    }
    (folder / "server.json").write_text(json.dumps(config))
    python, peers = sys.executable, str(PEERS_PYTHON)
    found = [
        Server("daytwo", [python, "-m", "daytwo.serving", "--config", str(folder / "server.json")], 8101),
        Server("echo", [python, str(HERE / "peers" / "serving_echo.py"), "8102"], 8102),
    ]
    if not PEERS_PYTHON.exists():
        sys.stderr.write("the peers are not installed and are left out: run 'make bench-peers'\n")
        return found
    fastapi = str(HERE / "peers" / "serving_fastapi.py")
    found += [Server("fastapi_lean", [peers, fastapi, "8103", str(folder), "lean"], 8103)]
    if not quick:
        bento, mlflow = str(HERE / "peers" / "serving_bento.py"), str(HERE / "peers" / "serving_mlflow.py")
        found += [
            Server("fastapi_pandas", [peers, fastapi, "8104", str(folder), "pandas"], 8104),
            Server("bentoml", [peers, bento, "8105", str(folder)], 8105),
            Server("mlflow", [peers, mlflow, "8106", str(folder)], 8106),
        ]
    return found


def bodies_for(server: Server, folder: Path, rows: int) -> Path:
    """Return the file of request bodies, in the form this server reads."""
    plain = folder / f"bodies{rows}.txt"
    if server.name != "mlflow":
        return plain
    changed = folder / f"bodies{rows}-mlflow.txt"
    if not changed.exists():
        changed.write_text(plain.read_text().replace('{"rows":', '{"dataframe_records":'))
    return changed


def main() -> int:
    """Measure, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="only daytwo, the echo and lean FastAPI; within 90 s")
    parser.add_argument("--no-storm", action="store_true", help="leave overload and kill -9 out")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is needed: apt-get install wrk\n")
        return 2
    rounds, seconds = (2, 1) if asked.quick else (5, 3)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_place(folder)
        tested = servers(folder, quick=asked.quick)
        try:
            for server in tested:
                server.start(bodies_for(server, folder, 1))
            for number in range(rounds + 1):
                for cell, (rows, _) in CELLS.items():
                    for server in tested:
                        server.measure(cell, seconds, bodies_for(server, folder, rows), counts=number > 0)
        finally:
            for server in tested:
                if server.process is not None:
                    server.stop()
        told = summary(tested)
        if not asked.no_storm:
            storm_s, kills = (5.0, 3) if asked.quick else (30.0, 20)
            told["overload"] = overload(folder, tested[0].command, 8101, storm_s)
            told["kill9"] = kill_nine(folder, tested[0].command, 8101, kills)
    if not asked.json:
        table(told)
    print(json.dumps(told))
    return 0


def summary(tested: list[Server]) -> dict[str, object]:
    """Return medians over the rounds, and daytwo's ratios to each other server."""
    rps = {s.name: {cell: round(statistics.median(s.rps[cell]), 1) for cell in CELLS} for s in tested}
    ours = rps["daytwo"]
    ratio = {name: {cell: round(ours[cell] / cells[cell], 3) for cell in CELLS} for name, cells in rps.items()}
    return {
        "rps": rps,
        "ratio": {name: cells for name, cells in ratio.items() if name != "daytwo"},
        "p50_ms": {s.name: {c: round(statistics.median(s.p50_ms[c]), 3) for c in CELLS} for s in tested},
        "rss_mb": {s.name: round(s.rss_mb, 1) for s in tested},
        "ready_s": {s.name: round(s.ready_s, 2) for s in tested},
        "errors": {s.name: s.errors for s in tested},
        "load": os.getloadavg()[0],
    }


def table(told: dict[str, object]) -> None:
    """Print requests a second and daytwo's ratio to each server."""
    rps, ratio = told["rps"], told["ratio"]
    assert isinstance(rps, dict)
    assert isinstance(ratio, dict)
    print(f"{'server':<16}" + "".join(f"{cell:>12}{'x':>8}" for cell in CELLS))
    for name, cells in rps.items():
        said = "".join(f"{cells[c]:>12,.0f}{ratio.get(name, {}).get(c, 1):>8.2f}" for c in CELLS)
        print(f"{name:<16}{said}")


if __name__ == "__main__":
    sys.exit(main())
