"""The parent of several workers: it holds their port, starts them, starts again what died, and ends them together.

It answers no request, and loads nothing of what a worker needs. `run_workers` is called by `serving/__main__.py`;
what a worker does is in `serving/worker.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from daytwo.serving.config import ServerConfig
from daytwo.serving.log import log
from daytwo.serving.workers.crew import NeverReady, Place
from daytwo.serving.workers.folder import meeting_place
from daytwo.serving.workers.listeners import listen_together
from daytwo.serving.workers.order import Order
from daytwo.serving.workers.share import Share

# What a worker may take beyond the time in which its clients must have their answers.
_DRAIN_MARGIN_S = 5.0


def run_workers(config: ServerConfig, path: Path, count: int, *, attached: bool, ready_words: str) -> int:
    """Serve by `count` workers until SIGTERM or SIGINT, and return the exit code; `path` is where `config` was read.

    Everything else is as for one server process (`server.py`).

    Raises
    ------
    Fault
        If the port is in use, the journal's folder cannot be written, or workers die again and again.
    """
    listeners = listen_together(config.host, config.port, count)
    try:
        with meeting_place(Path(config.journal)) as folder:
            supervisor = _Supervisor(config, path, folder, count)
            return asyncio.run(supervisor.run(listeners, attached=attached, ready_words=ready_words))
    finally:
        for listener in listeners:
            listener.close()


class _Supervisor:
    def __init__(self, config: ServerConfig, path: Path, folder: Path, count: int) -> None:
        self._config, self._path, self._folder, self._count = config, path, folder, count
        self._prefixes: list[tuple[int, str]] = []

    async def run(self, listeners: list[socket.socket], *, attached: bool, ready_words: str) -> int:
        port = listeners[0].getsockname()[1]
        stop = _told_to_stop(attached=attached)
        places = [Place(i, self._path, one, self._order) for i, one in enumerate(listeners)]
        keeping = [asyncio.create_task(place.keep()) for place in places]
        ready, stopped = asyncio.create_task(_all_ready(places)), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({ready, stopped, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done() and not stop.is_set():
                sys.stdout.write((ready_words or json.dumps({"port": port})) + "\n")
                sys.stdout.flush()
                log("ready", port=port, workers=self._count)
                await asyncio.wait({stopped, *keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
            stopped.cancel()
            await self._end(places)
            told = await asyncio.gather(*keeping, return_exceptions=True)
        for error in told:
            if isinstance(error, NeverReady):
                return error.code if error.code > 0 else 3
            if error is not None:
                raise error
        log("stopped", workers=self._count)
        return 0

    def _order(self, number: int, listener: int) -> Order:
        share = Share(number, self._count)
        prefixes = tuple(share.new_prefix() for _ in self._config.models)
        others = tuple(one for by, one in self._prefixes if by != number)
        self._prefixes += [(number, prefix) for prefix in prefixes]
        return Order(
            number=number,
            of=self._count,
            prefixes=prefixes,
            folder=str(self._folder),
            listener=listener,
            others=others,
        )

    async def _end(self, places: list[Place]) -> None:
        """Let all answer what they have begun, and only then let go of them: they ask each other until the end."""
        for place in places:
            place.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(
                asyncio.gather(*(place.drained.wait() for place in places)), self._config.drain_s + _DRAIN_MARGIN_S
            )
        await asyncio.gather(*(place.end() for place in places))


async def _all_ready(places: list[Place]) -> None:
    for place in places:
        await place.ready.wait()


def _told_to_stop(*, attached: bool) -> asyncio.Event:
    """Return what is set by a signal, or where the supervisor is attached by the end of its stdin."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if attached:

        def heard() -> None:
            if not os.read(sys.stdin.fileno(), 1024):
                loop.remove_reader(sys.stdin.fileno())
                stop.set()

        loop.add_reader(sys.stdin.fileno(), heard)
    return stop
