"""One server process: everything put together, run until it is told to stop, and stopped without losing anything.

`run(config)` serves; `python -m daytwo.serving --config FILE` calls it. When it can answer it prints one line on
stdout: JSON with its port, or the words it was given. SIGTERM and SIGINT let requests that have begun end, then seal
the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import time
from pathlib import Path

import uvloop

from daytwo.core.errors import Fault
from daytwo.predictions.journal import Journal
from daytwo.registry.bundle import BundleStore
from daytwo.serving.answering.live import Versions, Watcher
from daytwo.serving.answering.recent import Recent
from daytwo.serving.answering.served import Served
from daytwo.serving.answering.shadow import ShadowQueue
from daytwo.serving.config import ServerConfig
from daytwo.serving.handlers import Handlers
from daytwo.serving.log import log
from daytwo.serving.metrics import Metrics
from daytwo.serving.transport.door import Door
from daytwo.serving.transport.protocol import Connection
from daytwo.serving.transport.turns import Turns

# How often slow connections are cut off, old segments are sealed and a failing disk is tried again.
_TICK_S = 1.0
_BACKLOG = 1024


def run(config: ServerConfig, *, attached: bool = False, ready_words: str = "") -> None:
    """Serve until SIGTERM or SIGINT; an `attached` server also stops when its stdin closes.

    `ready_words` are for people, and printed in place of the JSON line.

    Raises
    ------
    Fault
        If the port is in use or the journal's folder cannot be written.
    SettingsError
        If the token leads nowhere.
    """
    listener = _listen(config.host, config.port)
    with listener:
        uvloop.run(_serve(config, listener, attached=attached, ready_words=ready_words))


async def _serve(config: ServerConfig, listener: socket.socket, *, attached: bool, ready_words: str) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    if attached:
        loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 1024) else stop.set())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watcher = Watcher(Path(config.route), Versions(BundleStore(Path(config.bundles)), config.fallback))
    folder, prefix, metrics = Path(config.journal), process_prefix(), Metrics()
    journal = Journal(folder, prefix, max_bytes=int(config.segment_mb * (1 << 20)), sync_every_s=config.sync_every_s)
    try:
        shadow = ShadowQueue(loop, journal, metrics, int(config.shadow_queue_mb * (1 << 20)))
        recent = Recent(folder)
        recent.rebuild()
        served = Served(
            config.model,
            prefix=prefix,
            salt=config.salt,
            max_rows=config.max_rows,
            watcher=watcher,
            journal=journal,
            recent=recent,
            shadow=shadow,
            metrics=metrics,
        )
        handlers = Handlers(config, served=served, metrics=metrics)
        door = _door(config, handlers, loop)
        await watcher.look()
        if watcher.live is not None and (version := watcher.live.shadow) is not None:
            for record in recent.unshadowed(version.digest):
                shadow.put(record, version)
        server = await loop.create_server(lambda: Connection(door, loop), sock=listener, backlog=_BACKLOG)
        tasks = [
            loop.create_task(watcher.follow(config.poll_s)),
            loop.create_task(_tick(config, door, journal, metrics)),
        ]
        sys.stdout.write((ready_words or json.dumps({"port": listener.getsockname()[1]})) + "\n")
        sys.stdout.flush()
        log("ready", port=listener.getsockname()[1], generation=watcher.live and watcher.live.route.generation)
        await stop.wait()
        server.close()
        await _drain(door, config.drain_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        shadow.drain()
    finally:
        journal.close()
    log("stopped")


def process_prefix() -> str:
    """Return what all prediction ids and segments of this process begin with: sorts by time, and no other has it."""
    return f"{time.time_ns() // 1_000_000:011x}{secrets.token_hex(4)}-"


async def _tick(config: ServerConfig, door: Door, journal: Journal, metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_TICK_S)
        door.sweep(loop.time())
        metrics.set("daytwo_connections", len(door.connections))
        metrics.set("daytwo_refused_busy_total", door.turns.refused)
        metrics.set("daytwo_dropped_total", door.turns.dropped)
        try:
            if journal.failing is not None:
                journal.probe()
            if journal.age_s > config.segment_s:
                journal.rotate()
        except (Fault, OSError) as err:
            log("journal", reason=str(err))


async def _drain(door: Door, longest_s: float) -> None:
    door.drain()
    if door.connections:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(door.emptied.wait(), longest_s)
    for connection in tuple(door.connections):
        connection.abort()


def _door(config: ServerConfig, handlers: Handlers, loop: asyncio.AbstractEventLoop) -> Door:
    turns = Turns(
        loop, handlers.handle, handlers.commit, max_queue=config.max_queue, max_wait_s=config.max_wait_ms / 1000
    )
    return Door(
        turns,
        max_body_bytes=config.max_body_bytes,
        max_connections=config.max_connections,
        head_timeout_s=config.head_timeout_s,
        body_timeout_s=config.body_timeout_s,
        idle_timeout_s=config.idle_timeout_s,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as err:
        raise Fault(f"cannot open a socket: {err.strerror or err}", hint="Check the machine's limits") from err
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as err:
        listener.close()
        raise Fault(
            f"cannot listen on {host} port {port}: {err.strerror or err}",
            hint="Stop what uses the port, or set another one as [serve] port (0 picks a free one)",
        ) from err
    return listener
