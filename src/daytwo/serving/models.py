"""Every model of one server process: opened together, followed, tended and closed together.

Each keeps its own route, journal and memory in its own project, so that shipping and windows know nothing of the
others. What every server is put together of besides stands in `assembly.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from daytwo.core.errors import Fault
from daytwo.explain.wording import Wording
from daytwo.predictions.journal import Journal
from daytwo.registry.bundle import BundleStore
from daytwo.serving.answering.live import Versions, Watcher
from daytwo.serving.answering.personal import pseudonyms_for
from daytwo.serving.answering.recent import Recent
from daytwo.serving.answering.served import Served
from daytwo.serving.answering.shadow import ShadowQueue
from daytwo.serving.config import ModelConfig, ServerConfig
from daytwo.serving.log import log
from daytwo.serving.metrics import Metrics
from daytwo.serving.workers.share import Keeping, Share


class Models:
    """The models of one server by their names, the first one first. For the loop's thread only."""

    def __init__(self, config: ServerConfig, served: Mapping[str, Served]) -> None:
        self._config, self.served = config, served
        self._following: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Load what is routed, take up what a predecessor left, and follow the routes from now on."""
        await asyncio.gather(*(one.watcher.look() for one in self.served.values()))
        for one in self.served.values():
            take_up_shadows(one)
        self._following = [asyncio.create_task(one.watcher.follow(self._config.poll_s)) for one in self.served.values()]

    @property
    def generations(self) -> dict[str, int | None]:
        """The generation of each model's route, None where nothing is loaded."""
        lives = {name: one.watcher.live for name, one in self.served.items()}
        return {name: None if live is None else live.route.generation for name, live in lives.items()}

    def tend(self) -> None:
        """Try failing disks again, write anew what was taken away, and seal segments that are old."""
        for one in self.served.values():
            rescued = one.journal.rescued
            try:
                one.journal.rescue()
                if one.journal.failing is not None:
                    one.journal.probe()
                if one.journal.age_s > self._config.segment_s:
                    one.journal.rotate()
            except (Fault, OSError) as err:
                log("journal", model=one.name, reason=str(err))
            if one.journal.rescued != rescued:
                log("journal", model=one.name, reason="its segment was taken away, and has been written anew")

    async def end(self) -> None:
        """Follow the routes no longer, and finish the shadow scores that wait."""
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        for one in self.served.values():
            one.shadow.drain()


@contextmanager
def open_models(
    config: ServerConfig,
    metrics: Metrics,
    *,
    share: Keeping = Share(),  # noqa: B008 (frozen)
    prefixes: tuple[str, ...] = (),
    others: Collection[str] = (),
) -> Iterator[Models]:
    """Open the journals of all models, and close them at the end; for the loop that runs.

    `prefixes` begin the ids of each model's predictions, made anew where none are given; `share` is what this worker
    of several keeps, and under `others`, prefixes too, nothing is.

    Raises
    ------
    Fault
        If a journal's folder cannot be written.
    """
    prefixes = prefixes or tuple(share.new_prefix() for _ in config.models)
    journals: list[Journal] = []
    try:
        served: dict[str, Served] = {}
        for model, prefix in zip(config.models, prefixes, strict=True):
            folder = Path(model.journal)
            journal = Journal(
                folder, prefix, max_bytes=int(config.segment_mb * (1 << 20)), sync_every_s=config.sync_every_s
            )
            journals.append(journal)
            recent = Recent(folder, share)
            recent.rebuild(others)
            served[model.model] = _served(config, model, prefix, journal, recent, metrics)
        yield Models(config, served)
    finally:
        for journal in journals:
            journal.close()


def _served(
    config: ServerConfig, model: ModelConfig, prefix: str, journal: Journal, recent: Recent, metrics: Metrics
) -> Served:
    versions = Versions(BundleStore(Path(model.bundles), model.trusted), model.fallback, Wording(model.reasons))
    queue_bytes = int(config.shadow_queue_mb * (1 << 20))
    return Served(
        model.model,
        prefix=prefix,
        salt=model.salt,
        max_rows=config.max_rows,
        pseudonyms=pseudonyms_for(model),
        watcher=Watcher(Path(model.route), versions),
        journal=journal,
        recent=recent,
        shadow=ShadowQueue(asyncio.get_running_loop(), journal, metrics.of(model.model), queue_bytes),
        metrics=metrics,
        reasons=model.reasons,
    )


def take_up_shadows(served: Served) -> None:
    """Queue what one that has died had promised to score in shadow, and has not."""
    live = served.watcher.live
    if live is not None and live.shadow is not None:
        for record in served.recent.unshadowed(live.shadow.digest):
            served.shadow.put(record, live.shadow)
