"""The server as an ASGI app, for those who mount it in an app of their own or run it under their own server.

    uvicorn --factory daytwo.serving.asgi:app          # reads the file in DAYTWO_SERVE, or .daytwo/serve.json

The same handlers, journal and limits as `server.py`; `transport/asgi.py` speaks ASGI. One process is one app: for
several processes there is `daytwo serve` with `[serve] workers`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from daytwo.core.errors import DaytwoError, Fault
from daytwo.serving.assembly import tracing, turns_of
from daytwo.serving.config import ServerConfig, read_config
from daytwo.serving.handlers import Handlers
from daytwo.serving.metrics import Metrics
from daytwo.serving.models import Models, open_models
from daytwo.serving.transport.asgi import AsgiDoor, Receive, Scope, Send, refuse
from daytwo.serving.transport.messages import HttpError

# How often old segments are sealed and a failing disk is tried again.
_TICK_S = 1.0
_CONFIG = "DAYTWO_SERVE"
_LOCK = ".asgi.lock"
_USUAL = ".daytwo/serve.json"


class App:
    """One model behind ASGI.

    It runs between the lifespan's startup and shutdown. Where it is mounted, and the outer app does not hand its
    lifespan on, that app enters `running()` in its own.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._door: AsgiDoor | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run for one lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and self._door is not None:
            await self._door.answer(scope, receive, send)
        elif scope["type"] == "http":
            message, hint = "the app is not running", "Hand its lifespan on, or enter running() in yours"
            await refuse(send, HttpError(503, "not_ready", message, hint=hint, retry_after_s=1), str(scope["method"]))
        else:
            raise ValueError(f"daytwo speaks http, not {scope['type']}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load what is routed, answer until the end, then finish shadow scores and seal the journal.

        Raises
        ------
        Fault
            If the journal's folder cannot be written, or another process runs such an app with it.
        SettingsError
            If the token leads nowhere.
        """
        config, metrics = self._config, Metrics()
        with _alone(Path(config.journal)), open_models(config, metrics) as models:
            handlers = Handlers(config, served=models.served, metrics=metrics)
            await models.begin()
            tending = asyncio.create_task(_tend(models))
            try:
                with tracing(config, handlers, models.served, os.environ) as handle:
                    self._door = AsgiDoor(
                        turns_of(config, handlers, handle),
                        max_body_bytes=config.max_body_bytes,
                        body_timeout_s=config.body_timeout_s,
                        is_open=lambda: not handlers.asks_for_tokens(),
                    )
                    yield
            finally:
                self._door = None
                tending.cancel()
                await asyncio.gather(tending, return_exceptions=True)
                await models.end()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.running():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except (DaytwoError, OSError) as err:
            await send({"type": "lifespan.startup.failed", "message": str(err)})
            return
        await send({"type": "lifespan.shutdown.complete"})


@contextmanager
def _alone(journal: Path) -> Iterator[None]:
    """Hold the journal for this process: two apps would each take the same request id for a new one.

    Raises
    ------
    Fault
        If another process holds it, or its folder cannot be written.
    """
    try:
        journal.mkdir(parents=True, exist_ok=True)
        lock = (journal / _LOCK).open("ab")
    except OSError as err:
        raise Fault(f"cannot write to the journal in {journal}: {err.strerror or err}", hint="Mend the folder") from err
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise Fault(
                f"another process runs this app with the journal in {journal}",
                hint="Run one process; 'daytwo serve' with [serve] workers runs several that know of each other",
            ) from err
        yield


async def _tend(models: Models) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        models.tend()


def asgi_app(config: ServerConfig) -> App:
    """Return an ASGI app that serves what `config` says; its host, port and workers are the ASGI server's business."""
    return App(config)


def app() -> App:
    """Return the app of the file in DAYTWO_SERVE; `daytwo serve` writes one as `.daytwo/serve.json`.

    Raises
    ------
    SettingsError
        If it cannot be read, or holds something it must not.
    """
    return asgi_app(read_config(Path(os.environ.get(_CONFIG, _USUAL))))
