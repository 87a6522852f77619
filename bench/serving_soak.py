"""Millions of predictions through one server process: what its memory does meanwhile.

`.venv/bin/python bench/serving_soak.py [--predictions 10000000] [--rows 1000] [--json]`. Needs `wrk`. Sealed segments
are thrown away as they come, as shipping would; what is left to grow is the server itself.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from serving_model import make_place

HERE = Path(__file__).parent
PORT = 8109
_SLICE_S = 5


def main() -> int:
    """Load the server until it has answered enough, and tell how its memory went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=int, default=10_000_000)
    parser.add_argument("--rows", type=int, default=1000, choices=(1, 32, 1000), help="rows a request")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.stderr.write("wrk is needed: apt-get install wrk\n")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_place(folder)
        process = _start(folder)
        try:
            told = _soak(folder, process.pid, asked.predictions, asked.rows)
        finally:
            process.terminate()
            process.wait()
    print(json.dumps(told) if asked.json else "\n".join(f"{name}: {value}" for name, value in told.items()))
    return 0


def _start(folder: Path) -> subprocess.Popen[bytes]:
    config = {
        "model": "bench",
        "bundles": str(folder / "bundles"),
        "route": str(folder / "route.json"),
        "journal": str(folder / "journal"),
        "port": PORT,
        "salt": "bench",
    }
    (folder / "server.json").write_text(json.dumps(config))
    command = ["taskset", "-c", "0", sys.executable, "-m", "daytwo.serving", "--config", str(folder / "server.json")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    if not process.stdout.readline():
        raise SystemExit("the server did not start")
    return process


def _soak(folder: Path, pid: int, wanted: int, rows: int) -> dict[str, object]:
    """Return the predictions answered and the memory, in MB: after the first tenth, at most, at the end."""
    sizes: list[tuple[int, float]] = []
    connections, began = (1 if rows == 1000 else 32), time.monotonic()
    while not sizes or sizes[-1][0] < wanted:
        lua = str(HERE / "peers" / "serving_rotate.lua")
        load = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{_SLICE_S}s", "--timeout", "10s", "-s", lua]
        url = f"http://127.0.0.1:{PORT}/predict"
        subprocess.run([*load, url, "--", str(folder / f"bodies{rows}.txt")], capture_output=True, check=True)
        for sealed in (folder / "journal").glob("*.segment"):
            sealed.unlink()
        sizes.append((_answered(), _rss_mb(pid)))
    early = next(size for count, size in sizes if count >= wanted / 10)
    return {
        "predictions": sizes[-1][0],
        "rows_a_request": rows,
        "seconds": round(time.monotonic() - began, 1),
        "rss_mb_after_a_tenth": round(early, 1),
        "rss_mb_most": round(max(size for _, size in sizes), 1),
        "rss_mb_end": round(sizes[-1][1], 1),
        "load": os.getloadavg()[0],
    }


def _answered() -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return int(sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("daytwo_predictions_total{")))


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    sys.exit(main())
