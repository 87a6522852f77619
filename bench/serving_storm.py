"""What three times the load, and `kill -9`, do to daytwo's server: half of `serving.py`.

The storm is an open loop: requests of 200 rows, so that one core of load is enough, are sent at three times the
measured capacity whether or not answers come, over up to 1,000 connections of which the one that has rested longest is
taken next, each given up after 4 s. Nobody waits as long as a refusal asks for. The killer counts what was
acknowledged and looks for it in the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
import urllib.request
from collections import Counter, deque
from pathlib import Path

import msgspec

from daytwo.predictions.record import PredictionRecord, decode
from daytwo.predictions.segments import OPEN, read_segment, recover, sealed_segments

STORM_ROWS = 200
_CONNECTIONS = 1000
_GIVE_UP_S = 4.0


def start(command: list[str], port: int) -> subprocess.Popen[bytes]:
    """Start the server on core 0 and wait until it is ready."""
    process = subprocess.Popen(
        ["taskset", "-c", "0", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    if not process.stdout.readline():
        raise SystemExit(f"the server on port {port} did not start")
    return process


def overload(folder: Path, command: list[str], port: int, seconds: float) -> dict[str, object]:
    """Return what came of a storm at three times the capacity."""
    os.sched_setaffinity(0, {1})
    bodies = [line.encode() for line in (folder / f"bodies{STORM_ROWS}.txt").read_text().splitlines()]
    process = start(command, port)
    try:
        used = _cpu_s(process.pid)
        capacity = asyncio.run(_closed(port, bodies, 32, min(5.0, seconds)))
        busy = (_cpu_s(process.pid) - used) / min(5.0, seconds)
        quiet = _rss_mb(process.pid)
        told = asyncio.run(_open(port, bodies, 3 * capacity, seconds, process.pid))
        began = time.monotonic()
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/predict", bodies[0])
        asked.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                after: object = round(1000 * (time.monotonic() - began), 1) if answer.status == 200 else answer.status
        except OSError as err:
            after = str(err)
    finally:
        process.kill()
        process.wait()
    good = int(told.pop("200", 0))  # type: ignore[call-overload]
    return {
        "capacity_rps": round(capacity, 1),
        # Near 1, or the load's own process was what bounded the capacity.
        "capacity_cpu_share": round(busy, 2),
        "offered_rps": round(3 * capacity, 1),
        "goodput_rps": round(good / seconds, 1),
        "goodput_share": round(good / seconds / capacity, 3),
        "others": told,
        "rss_mb_before": round(quiet, 1),
        "after_storm_ms": after,
    }


def kill_nine(folder: Path, command: list[str], port: int, kills: int) -> dict[str, object]:
    """Return how many acknowledged predictions were lost or doubled over `kills` kills under load."""
    bodies = [line.encode() for line in (folder / "bodies1.txt").read_text().splitlines()]
    journal = folder / "journal"
    acknowledged: list[str] = []
    for _ in range(kills):
        process = start(command, port)
        asyncio.run(_until_killed(port, bodies, process, acknowledged))
        process.wait()
    recover(journal)
    kept: Counter[str] = Counter()
    for path in sorted([*sealed_segments(journal), *journal.glob(f"*{OPEN}")]):
        for payload in read_segment(path).payloads():
            record = decode(payload)
            if isinstance(record, PredictionRecord):
                kept.update(record.ids)
    return {
        "kills": kills,
        "acknowledged": len(acknowledged),
        "lost": sum(one not in kept for one in acknowledged),
        "doubled": sum(count > 1 for count in kept.values()),
    }


def _cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _bytes(body: bytes) -> bytes:
    head = f"POST /predict HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> tuple[int, bytes]:
    writer.write(content)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return int(head[9:12]), await reader.readexactly(length)


async def _closed(port: int, bodies: list[bytes], connections: int, seconds: float) -> float:
    """Return the requests a second that are answered when each connection asks again at once."""
    done, end = 0, time.monotonic() + seconds

    async def ask_on() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < end:
            status, _ = await _ask(reader, writer, _bytes(bodies[done % len(bodies)]))
            done += status == 200
        writer.close()

    await asyncio.gather(*(ask_on() for _ in range(connections)))
    return done / seconds


async def _open(port: int, bodies: list[bytes], rps: float, seconds: float, pid: int) -> dict[str, object]:
    """Send at a rate that does not wait for answers, and count what came back."""
    told: Counter[str] = Counter()
    idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
    refusals_ms: list[float] = []
    late_ms: list[float] = []
    busy: set[asyncio.Task[None]] = set()
    peak = 0.0

    async def ask(body: bytes) -> None:
        pair = None
        try:
            async with asyncio.timeout(_GIVE_UP_S):
                asked = time.monotonic()
                pair = idle.popleft() if idle else await asyncio.open_connection("127.0.0.1", port)
                status, _ = await _ask(*pair, _bytes(body))
                told[str(status)] += 1
                if status == 503:
                    refusals_ms.append(1000 * (time.monotonic() - asked))
                idle.append(pair)
                return
        except TimeoutError:
            told["timeout"] += 1
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            told["refused"] += 1
        if pair is not None:
            pair[1].close()

    begun, sent = time.monotonic(), 0
    while (now := time.monotonic() - begun) < seconds:
        while sent < rps * now:
            sent += 1
            if len(busy) >= _CONNECTIONS:
                told["not_sent"] += 1
                continue
            task = asyncio.create_task(ask(bodies[sent % len(bodies)]))
            busy.add(task)
            task.add_done_callback(busy.discard)
        peak = max(peak, _rss_mb(pid))
        asleep = time.monotonic()
        await asyncio.sleep(0.001)
        late_ms.append(1000 * (time.monotonic() - asleep) - 1)
    for task in tuple(busy):
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    # How late the load's own process is adds to each time that it takes.
    return {
        **told,
        "rss_mb_peak": round(peak, 1),
        "refusal_ms": _quantiles(refusals_ms),
        "load_late_ms": _quantiles(late_ms),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    values = sorted(values) or [0.0]
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}
    return {name: round(values[min(int(share * len(values)), len(values) - 1)], 1) for name, share in shares.items()}


async def _until_killed(port: int, bodies: list[bytes], process: subprocess.Popen[bytes], seen: list[str]) -> None:
    """Ask over 16 connections, kill the server in the middle, and keep the ids of every complete answer."""

    async def ask_on(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                status, body = await _ask(reader, writer, _bytes(bodies[number % len(bodies)]))
                if status == 200:
                    seen.extend(one["prediction_id"] for one in msgspec.json.decode(body)["predictions"])
                number += 16
        writer.close()

    asking = [asyncio.create_task(ask_on(number)) for number in range(16)]
    await asyncio.sleep(0.5 + 0.5 * (len(seen) % 97) / 97)
    process.send_signal(signal.SIGKILL)
    await asyncio.gather(*asking)
