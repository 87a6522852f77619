"""The durable flows of a project, opened. Apart from `wiring.py`: most commands need no flow, and not its weight."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from daytwo.core.ledger import open_sqlite
from daytwo.lifecycle.dbos import DbosRunner
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.system import System
from daytwo.lifecycle.worker import flows


@contextmanager
def open_runner(system: System) -> Iterator[Runner]:
    """Launch the durable flows of a project; what was cut short goes on.

    Raises
    ------
    Refused
        If another process runs them.
    """
    engine = open_sqlite(system.state / "flows.db", begin_at_first_write=True)
    with DbosRunner(engine, system.state / "flows.lock", flows(system)) as runner:
        yield runner
    engine.dispose()
