"""What every server is put together of, whoever speaks HTTP: our own connections (`server.py`) or an ASGI server."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator, Mapping

from daytwo.serving.addresses import address
from daytwo.serving.answering.live import Live
from daytwo.serving.answering.served import Served
from daytwo.serving.answering.waiting import Patient
from daytwo.serving.config import ServerConfig
from daytwo.serving.handlers import Handlers
from daytwo.serving.tracing.asked import tracing_config
from daytwo.serving.tracing.exporter import Exporter
from daytwo.serving.tracing.traced import Traced
from daytwo.serving.transport.messages import Request
from daytwo.serving.transport.turns import Answer, Refusing, Turns


@contextlib.contextmanager
def tracing(
    config: ServerConfig, handlers: Handlers, served: Mapping[str, Served], environment: Mapping[str, str]
) -> Iterator[Callable[[Request], Answer]]:
    """Give what handles requests: the handlers, with a span for each request where the environment asks for traces.

    Raises
    ------
    SettingsError
        If the environment asks for what there is not.
    """

    def commit() -> Refusing | None:
        refusing = handlers.commit()
        handlers.settle()
        return refusing

    handle = Patient(handlers.handle, commit).handle
    asked = tracing_config(environment)
    if asked is None:
        yield handle
        return
    exporter = Exporter(asked)

    def whose(path: str) -> tuple[str, Live | None]:
        name = address(path).model or config.model
        return (name, served[name].watcher.live) if name in served else ("", None)

    try:
        yield Traced(handle, exporter.put, whose=whose, share=asked.share).handle
    finally:
        exporter.close()


def turns_of(config: ServerConfig, handlers: Handlers, handle: Callable[[Request], Answer]) -> Turns:
    """Return the queue in which requests wait, for the loop that runs."""
    return Turns(
        asyncio.get_running_loop(),
        handle,
        handlers.commit,
        max_queue=config.max_queue,
        max_wait_s=config.max_wait_ms / 1000,
        # Each request has a span of its own where they are traced.
        settle=handlers.settle,
        together=None if tracing_config(os.environ) is not None else handlers.handle_together,
    )
