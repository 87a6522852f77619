"""One worker's place: a process is kept running in it until it is told to stop.

The socket on which the worker accepts connections stays open here while a dead worker is replaced, so whoever connects
meanwhile waits for the next one. A worker that dies again and again loses it for the time of the pause: then the other
workers take the connections.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daytwo.core.errors import Fault
from daytwo.serving.log import log
from daytwo.serving.workers.listeners import listen_beside
from daytwo.serving.workers.order import Order, order_text

# One that answered for less long than this was hardly alive.
_SHORT_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_MOST_SHORT_LIVES = 10
_END_S = 15.0


@dataclass(slots=True)
class Patience:
    """How long to wait before a worker is started again, and when to give up."""

    short_lives: int = 0

    def pause_s(self, lived_s: float) -> float:
        """Return the seconds to wait after a worker that could answer for `lived_s` has died.

        Raises
        ------
        Fault
            After too many that died at once.
        """
        self.short_lives = self.short_lives + 1 if lived_s < _SHORT_S else 0
        if self.short_lives > _MOST_SHORT_LIVES:
            raise Fault(
                f"a server process died {self.short_lives} times in a row within {_SHORT_S:g} s of its start",
                hint="Its last words are in the server's log; start the server again once their cause is gone",
            )
        if self.short_lives < 2:
            return 0.0
        return float(min(_FIRST_PAUSE_S * 2 ** (self.short_lives - 2), _LONGEST_PAUSE_S))


class NeverReady(Exception):
    """A worker ended before it could answer for the first time."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class Place:
    """The place of the worker with this `number`; `order` returns what the next process in it is told."""

    def __init__(self, number: int, config: Path, listener: socket.socket, order: Callable[[int, int], Order]) -> None:
        self._number, self._config, self._listener, self._order = number, config, listener, order
        self._address = listener.getsockname()
        self._patience = Patience()
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self.ready, self.drained = asyncio.Event(), asyncio.Event()

    async def keep(self) -> None:
        """Run a worker, and start it again when it died, until `stop`.

        Raises
        ------
        NeverReady
            If the first one ended before it was ready.
        Fault
            If they die too often.
        """
        try:
            while not self._stopping.is_set():
                process = await self._start()
                lived_s = await self._lives(process)
                code = await process.wait()
                if self._stopping.is_set():
                    return
                log("worker", number=self._number, ended=process.pid, code=code, lived_s=round(lived_s, 3))
                if not self.ready.is_set():
                    raise NeverReady(code)
                await self._pause(self._patience.pause_s(lived_s))
        finally:
            self.drained.set()

    async def _lives(self, process: asyncio.subprocess.Process) -> float:
        """Listen to the worker until its end; return for how many seconds it could answer."""
        assert process.stdout is not None
        assert process.stdin is not None
        if not await process.stdout.readline():
            return 0.0
        began = time.monotonic()
        self.ready.set()
        if await process.stdout.readline():
            if self._stopping.is_set():
                self.drained.set()
            else:  # somebody has asked this one alone to stop: another takes its place
                process.stdin.close()
            await process.stdout.read()
        return time.monotonic() - began

    def stop(self) -> None:
        """Let the worker answer what it has begun."""
        self._stopping.set()
        self._listener.close()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    async def end(self) -> None:
        """Let go of the worker, which then ends; one that does not is killed."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            log("worker", number=self._number, killed=process.pid)
            process.kill()
            await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        handle = self._listener.fileno()
        order = order_text(self._order(self._number, handle))
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "daytwo.serving.worker", "--config", str(self._config), "--order", order),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(handle,),
        )
        return self._process

    async def _pause(self, seconds: float) -> None:
        if not seconds:
            return
        self._listener.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        if not self._stopping.is_set():
            self._listener = listen_beside(*self._address[:2])
