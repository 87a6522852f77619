"""What every server is put together of, whoever speaks HTTP: our own connections (`server.py`) or an ASGI server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from daytwo.core.errors import Fault
from daytwo.predictions.journal import Journal
from daytwo.registry.bundle import BundleStore
from daytwo.serving.answering.live import Versions, Watcher
from daytwo.serving.answering.personal import pseudonyms_for
from daytwo.serving.answering.recent import Recent
from daytwo.serving.answering.served import Served
from daytwo.serving.answering.shadow import ShadowQueue
from daytwo.serving.config import ServerConfig
from daytwo.serving.handlers import Handlers
from daytwo.serving.log import log
from daytwo.serving.metrics import Metrics
from daytwo.serving.tracing.asked import tracing_config
from daytwo.serving.tracing.exporter import Exporter
from daytwo.serving.tracing.traced import Traced
from daytwo.serving.transport.messages import Request
from daytwo.serving.transport.turns import Answer, Turns


def journal_of(config: ServerConfig, prefix: str) -> Journal:
    """Return the journal of the process whose ids begin with `prefix`; raises Fault where it cannot be written."""
    return Journal(
        Path(config.journal),
        prefix,
        max_bytes=int(config.segment_mb * (1 << 20)),
        sync_every_s=config.sync_every_s,
    )


def served_of(config: ServerConfig, prefix: str, journal: Journal, recent: Recent, metrics: Metrics) -> Served:
    """Return the model that is served, for the loop that runs."""
    versions = Versions(BundleStore(Path(config.bundles), config.trusted), config.fallback)
    queue_bytes = int(config.shadow_queue_mb * (1 << 20))
    return Served(
        config.model,
        prefix=prefix,
        salt=config.salt,
        max_rows=config.max_rows,
        pseudonyms=pseudonyms_for(config),
        watcher=Watcher(Path(config.route), versions),
        journal=journal,
        recent=recent,
        shadow=ShadowQueue(asyncio.get_running_loop(), journal, metrics.of(config.model), queue_bytes),
        metrics=metrics,
    )


@contextlib.contextmanager
def tracing(
    config: ServerConfig, handlers: Handlers, served: Served, environment: Mapping[str, str]
) -> Iterator[Callable[[Request], Answer]]:
    """Give what handles requests: the handlers, with a span for each request where the environment asks for traces.

    Raises
    ------
    SettingsError
        If the environment asks for what there is not.
    """
    asked = tracing_config(environment)
    if asked is None:
        yield handlers.handle
        return
    exporter = Exporter(asked)
    try:
        watcher = served.watcher
        yield Traced(
            handlers.handle, exporter.put, model=config.model, live=lambda: watcher.live, share=asked.share
        ).handle
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
    )


def take_up_shadows(served: Served) -> None:
    """Queue what a predecessor had promised to score in shadow, and has not."""
    live = served.watcher.live
    if live is not None and live.shadow is not None:
        for record in served.recent.unshadowed(live.shadow.digest):
            served.shadow.put(record, live.shadow)


def tend(journal: Journal, config: ServerConfig) -> None:
    """Try a failing disk again, and seal a segment that is old."""
    try:
        if journal.failing is not None:
            journal.probe()
        if journal.age_s > config.segment_s:
            journal.rotate()
    except (Fault, OSError) as err:
        log("journal", reason=str(err))
