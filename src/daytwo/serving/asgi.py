"""The server as an ASGI app, for those who mount it in an app of their own or run it under their own server.

    uvicorn --factory daytwo.serving.asgi:app          # reads the file in DAYTWO_SERVE, or .daytwo/serve.json

The same handlers, journal and limits as `server.py`; `transport/asgi.py` speaks ASGI. Several processes of one app find
each other by their journal, however many there are and whoever started them (`fellows.py`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from daytwo.core.errors import DaytwoError
from daytwo.serving.assembly import tracing, turns_of
from daytwo.serving.config import ServerConfig, read_config
from daytwo.serving.fellows import Fellows
from daytwo.serving.handlers import Handlers
from daytwo.serving.metrics import Metrics
from daytwo.serving.models import Models, open_models
from daytwo.serving.transport.asgi import AsgiDoor, Receive, Scope, Send, refuse
from daytwo.serving.transport.messages import HttpError
from daytwo.serving.workers.slots import claimed
from daytwo.serving.workers.together import Together

# How often old segments are sealed, a failing disk is tried again and what was counted is kept.
_TICK_S = 1.0
_CONFIG = "DAYTWO_SERVE"
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
            If the journal's folder cannot be written, or too many processes run such an app with it.
        SettingsError
            If the token leads nowhere.
        """
        config, metrics, loop = self._config, Metrics(), asyncio.get_running_loop()
        with claimed(Path(config.journal)) as place:
            fellows = Fellows(loop, place, metrics)
            await fellows.begin()
            with open_models(config, metrics, share=fellows.holding) as models:
                handlers = Handlers(config, served=models.served, metrics=metrics, together=fellows.together)
                await models.begin()
                tending = asyncio.create_task(_tend(models, fellows.together))
                try:
                    with tracing(config, handlers, models.served, os.environ) as handle:
                        turns = turns_of(config, handlers, handle)
                        async with fellows.among(turns, models):
                            self._door = AsgiDoor(
                                turns,
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


async def _tend(models: Models, together: Together) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        together.account.now()
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
