"""One server process: everything put together, run until it is told to stop, and stopped without losing anything.

`run(config)` serves; `python -m daytwo.serving.worker --config FILE` calls it. When it can answer it prints one line on
stdout: JSON with its port, or the words it was given. SIGTERM and SIGINT let requests that have begun end, then seal
the journal. A worker among others (`workers/supervisor.py`) prints a second line once its clients have their answers,
and goes on answering the others until its stdin closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop

from daytwo.serving.assembly import tracing, turns_of
from daytwo.serving.config import ServerConfig
from daytwo.serving.handlers import Handlers
from daytwo.serving.log import log
from daytwo.serving.metrics import Metrics
from daytwo.serving.models import Models, open_models
from daytwo.serving.transport.accepting import Acceptor
from daytwo.serving.transport.door import Door
from daytwo.serving.transport.protocol import Connection
from daytwo.serving.transport.tls import Certificate
from daytwo.serving.transport.turns import Turns
from daytwo.serving.workers.callers import Callers
from daytwo.serving.workers.listeners import listen
from daytwo.serving.workers.order import Order
from daytwo.serving.workers.together import Together, together_by

# How often slow connections are cut off, old segments are sealed and a failing disk is tried again.
_TICK_S = 1.0
# For so long a kept connection may bring one more request: its client may have sent it before it could know.
_GRACE_S = 0.1


def run(config: ServerConfig, *, attached: bool = False, ready_words: str = "", order: Order | None = None) -> None:
    """Serve until SIGTERM or SIGINT; an `attached` server also stops when its stdin closes.

    `ready_words` are for people, and printed in place of the JSON line. `order` makes it one of several workers.

    Raises
    ------
    Fault
        If the port is in use or the journal's folder cannot be written.
    SettingsError
        If the token leads nowhere, or the certificate cannot be used.
    """
    listener = listen(config.host, config.port) if order is None else socket.socket(fileno=order.listener)
    with listener:
        server = _Server(config, listener, order)
        uvloop.run(server.serve(attached=attached or order is not None, ready_words=ready_words))


class _Server:
    """One server process from its start to its end."""

    def __init__(self, config: ServerConfig, listener: socket.socket, order: Order | None) -> None:
        self._config, self._listener, self._order = config, listener, order
        self._metrics = Metrics()
        self._certificate = Certificate(config.certificate, config.private_key) if config.certificate else None
        self._stop, self._left = asyncio.Event(), asyncio.Event()

    async def serve(self, *, attached: bool, ready_words: str) -> None:
        """Serve until told to stop."""
        self._heed(attached=attached)
        config, order = self._config, self._order
        opened = (
            open_models(config, self._metrics)
            if order is None
            else open_models(config, self._metrics, share=order.share, prefixes=order.prefixes, others=order.others)
        )
        with opened as models:
            together = None if order is None else together_by(asyncio.get_running_loop(), order, self._metrics)
            handlers = Handlers(
                config,
                served=models.served,
                metrics=self._metrics,
                together=together,
                certificate=self._certificate,
            )
            await models.begin()
            with tracing(config, handlers, models.served, os.environ) as handle:
                await self._answer(_door(config, turns_of(config, handlers, handle)), models, together, ready_words)
        log("stopped")

    def _heed(self, *, attached: bool) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)

        def heard() -> None:
            if not os.read(sys.stdin.fileno(), 1024):
                loop.remove_reader(sys.stdin.fileno())
                self._stop.set()
                self._left.set()

        if attached:
            loop.add_reader(sys.stdin.fileno(), heard)

    async def _answer(self, door: Door, models: Models, together: Together | None, ready_words: str) -> None:
        """Answer until told to stop, and then what has begun."""
        config, loop, callers = self._config, asyncio.get_running_loop(), None
        if self._order is not None:
            callers = Callers(loop, Path(self._order.folder), self._order.number, door.turns)
            await callers.listen()
        acceptor = Acceptor(
            loop,
            self._listener,
            lambda: Connection(door, loop),
            tls=None if self._certificate is None else self._certificate.context,
            handshake_s=config.head_timeout_s,
            most_shaking=config.max_connections,
        )
        # What was loaded stays: to look for garbage in it would keep everybody waiting for 5 ms, again and again.
        gc.collect()
        gc.freeze()
        acceptor.begin()
        ticking = loop.create_task(_tick(door, models, self._metrics, together, callers, self._certificate))
        port = self._listener.getsockname()[1]
        _say(ready_words or json.dumps({"port": port}))
        log("ready", port=port, models=models.generations, worker=self._order and self._order.number)
        await self._stop.wait()
        await acceptor.end()
        await _drain(door, config.drain_s)
        if callers is not None:
            _say("drained")
            await self._left.wait()
            callers.close()
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await models.end()
        if together is not None:
            together.close()


def _say(words: str) -> None:
    """Tell the parent."""
    with contextlib.suppress(BrokenPipeError):  # it is dead, and so is who would listen
        sys.stdout.write(words + "\n")
        sys.stdout.flush()


async def _tick(
    door: Door,
    models: Models,
    metrics: Metrics,
    together: Together | None,
    callers: Callers | None,
    certificate: Certificate | None,
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_TICK_S)
        door.sweep(loop.time())
        metrics.set("daytwo_connections", len(door.connections))
        metrics.set("daytwo_refused_busy_total", door.turns.refused)
        metrics.set("daytwo_dropped_total", door.turns.dropped)
        if certificate is not None:
            certificate.tend()
            metrics.set("daytwo_certificate_expires_time_seconds", certificate.expires)
        if together is not None:
            together.account.now()
        if callers is not None:
            await callers.tend()
        models.tend()


async def _drain(door: Door, longest_s: float) -> None:
    door.draining = True  # each answer says from now on that it is the connection's last
    if door.connections:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(door.emptied.wait(), min(_GRACE_S, longest_s))
    door.drain()
    if door.connections:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(door.emptied.wait(), longest_s)
    for connection in tuple(door.connections):
        connection.abort()


def _door(config: ServerConfig, turns: Turns) -> Door:
    return Door(
        turns,
        max_body_bytes=config.max_body_bytes,
        max_connections=config.max_connections,
        head_timeout_s=config.head_timeout_s,
        body_timeout_s=config.body_timeout_s,
        idle_timeout_s=config.idle_timeout_s,
    )
