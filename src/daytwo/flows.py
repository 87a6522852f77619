"""The durable flows of a project, opened. Apart from `wiring.py`: most commands need no flow, and not its weight."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from daytwo.core.errors import DaytwoError, Fault
from daytwo.core.ledger import open_sqlite
from daytwo.lifecycle.dbos import DbosRunner
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.system import System
from daytwo.lifecycle.worker import flows


@contextlib.contextmanager
def open_runner(system: System) -> Iterator[Runner]:
    """Launch the durable flows of a project; what was cut short goes on.

    Raises
    ------
    Refused
        If another process runs them.
    Fault
        If their database cannot be opened.
    """
    path = system.state / "flows.db"
    engine = open_sqlite(path, begin_at_first_write=True)
    durable = DbosRunner(engine, system.state / "flows.lock", flows(system))
    try:
        try:
            runner = durable.__enter__()
        except DaytwoError:
            raise
        except Exception as err:  # whatever the library makes of a full disk or a damaged file
            with contextlib.suppress(Exception):
                durable.__exit__()
            raise Fault(
                f"the flows of this project, {path}, cannot be opened: {str(err).splitlines()[0]}",
                hint="Check that the folder is writable and the disk has room",
            ) from err
        try:
            yield runner
        finally:
            durable.__exit__()
    finally:
        engine.dispose()
