"""Durable flows on DBOS, in an SQLite file or on Postgres: steps are checkpointed as JSON, killed flows go on.

One process per project folder launches DBOS, held by a file lock, under an executor id of its own; with SQLite it is
the only one there is, with Postgres workers in other folders run flows beside it (`workers.py` says who lives and who
leads). The application version is a number of ours, not DBOS's code hash, so that upgrading a library strands nothing;
raise it only when a flow's steps change their order: what an older version left unfinished is then begun anew. Only
free parts of DBOS are used.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID, StepOptions, WorkflowStatus
from sqlalchemy import Engine

from daytwo.core import errors
from daytwo.core.errors import DaytwoError, Fault, Refused
from daytwo.lifecycle.flow import Flow, Json, T
from daytwo.lifecycle.launch_lock import LaunchLock
from daytwo.lifecycle.workers import BEATS_MISSED, Shift, Worker, WorkerBook

# The version of the flows' step order.
FLOW_VERSION = "3"
# Where DBOS keeps its tables on Postgres unless it is told another place; SQLite knows no such thing.
SCHEMA = "dbos"
_PENDING = "PENDING"
_UNFINISHED = [_PENDING, "ENQUEUED"]
_FAILED = frozenset({"ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
_ERRORS: dict[str, type[DaytwoError]] = {
    kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DaytwoError)
}


class JsonSerializer(Serializer):
    """Keeps arguments, results and errors as JSON text; DBOS's own default is pickle."""

    def serialize(self, data: Any) -> str:
        """Return the JSON text of a value or of an error."""
        if isinstance(data, BaseException):
            code = data.code if isinstance(data, DaytwoError) else ""
            hint = data.hint if isinstance(data, DaytwoError) else ""
            message = data.message if isinstance(data, DaytwoError) else f"{type(data).__name__}: {data}"
            data = {"__error__": [code, message, hint]}
        return msgspec.json.encode(data).decode()

    def deserialize(self, serialized_data: str) -> Any:
        """Return the value or the error behind the JSON text."""
        data = msgspec.json.decode(serialized_data)
        if isinstance(data, dict) and "__error__" in data:
            code, message, hint = data["__error__"]
            return _ERRORS[code](message, hint=hint) if code in _ERRORS else Fault(message)
        return data

    def name(self) -> str:
        """Return the name that is kept beside each value."""
        return "daytwo_json"


class DbosRun:
    """A run whose steps DBOS checkpoints."""

    def __init__(self, run_id: str) -> None:
        self._id = run_id

    @property
    def id(self) -> str:
        """The flow's id."""
        return self._id

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Do the work once and keep its result."""
        return DBOS.run_step(StepOptions(name=name), work)


@dataclass(frozen=True, slots=True)
class Crew:
    """How this worker stands to others: they sign in in `book`.

    `alone`: nobody else can run flows of this database, so whoever has not left is dead. `stands`: it would lead.
    `heard` is told at each of its beats why it failed, None where it did not; from a thread of its own.
    """

    book: WorkerBook
    dead_after_s: float = 30.0
    alone: bool = True
    stands: bool = True
    heard: Callable[[Exception | None], None] = lambda _: None


class DbosRunner:
    """Runs flows durably. Open it with `with`: launching goes on with what was cut short, leaving shuts down."""

    def __init__(
        self, engine: Engine, lock: Path, flows: Mapping[str, Flow], crew: Crew, *, schema: str = SCHEMA
    ) -> None:
        self._engine, self._schema = engine, schema
        self._lock = LaunchLock(lock)
        self._flows, self._crew = flows, crew
        self._stop = threading.Event()
        # Flows that this worker put back in line: whoever does what is due waits for them first.
        self._taken: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> DbosRunner:
        """Launch DBOS for this project folder.

        Raises
        ------
        Refused
            If another process has launched it for this folder.
        Fault
            If the ledger cannot be written.
        """
        begun = datetime.now(UTC)
        host, folder = socket.gethostname(), str(self._lock.path.parent.resolve())
        me = Worker(f"{host}-{uuid.uuid4().hex[:12]}", host, folder, begun, begun)
        before = self._lock.take(me.id)
        try:
            self._sign_in(me, before)
            self._launch(me.id)
        except BaseException:
            self.__exit__()
            raise
        # Nothing new may run beside what the process before this one left.
        self._reclaim(self._shift.alive, only=None if self._has_the_say() else {before})
        self._finish_what_was_taken()
        self._heart = threading.Thread(target=self._beat, name="worker-heart", daemon=True)
        self._heart.start()
        return self

    def _sign_in(self, me: Worker, before: str) -> None:
        crew = self._crew
        self._shift = Shift(
            crew.book,
            me,
            dead_after_s=crew.dead_after_s,
            stands=crew.stands,
            monotonic=time.monotonic,
            now=lambda: datetime.now(UTC),
        )
        self._shift.begin(dead=[one.id for one in crew.book.workers()] if crew.alone else [before])

    def _launch(self, executor_id: str) -> None:
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        config: DBOSConfig = {
            "name": "daytwo",
            "system_database_url": self._engine.url.render_as_string(hide_password=False),
            "system_database_engine": self._engine,
            "dbos_system_schema": self._schema,
            "application_version": FLOW_VERSION,
            "executor_id": executor_id,
            "serializer": JsonSerializer(),
            "log_level": "CRITICAL",
            "console_log_level": "CRITICAL",
            "max_executor_threads": 4,
        }
        DBOS(config=config)
        flows = self._flows

        @DBOS.workflow(name="daytwo_flow")
        def daytwo_flow(flow: str, run_id: str, arguments: dict[str, Json]) -> Json:
            return flows[flow](DbosRun(run_id), arguments)

        self._start = daytwo_flow
        DBOS.launch()

    def __exit__(self, *_: object) -> None:
        """Shut DBOS down, sign out and let go of the folder."""
        self._stop.set()
        if hasattr(self, "_heart"):
            self._heart.join()
        DBOS.destroy(destroy_registry=True)
        if hasattr(self, "_shift"):
            with contextlib.suppress(DaytwoError):  # then others see by its silence that it is gone
                self._shift.end()
        self._lock.release()

    def leads(self) -> bool:
        """Whether this worker does what is due; what it took over from the dead is ended first."""
        if self._shift.leads:
            self._finish_what_was_taken()
        return self._shift.leads

    def _beat(self) -> None:
        """Beat until the end, and take over the flows of the dead."""
        while not self._stop.wait(self._crew.dead_after_s / BEATS_MISSED):
            try:
                self._beat_once()
            except Exception as err:  # the database is away: tried again, and meanwhile nobody leads
                self._crew.heard(err)
            else:
                self._crew.heard(None)

    def _beat_once(self) -> None:
        # Where the database is away this fails at once; DBOS would wait for it, for a minute at a time.
        self._crew.book.leader()
        # Whoever runs a flow has signed in before it: so flows are looked at first, and workers after them.
        unfinished = self._unfinished()
        self._shift.beat()
        if self._has_the_say():
            self._take_over(unfinished, self._shift.alive)

    def _has_the_say(self) -> bool:
        """Whether the flows of the dead are this worker's to take over: it leads, or nobody does."""
        return self._shift.leads or not self._shift.is_led

    def _reclaim(self, alive: Collection[str], *, only: Collection[str] | None) -> None:
        self._take_over([one for one in self._unfinished() if only is None or one.executor_id in only], alive)

    def _unfinished(self) -> list[WorkflowStatus]:
        return DBOS.list_workflows(status=_UNFINISHED, load_input=False, load_output=False)

    def _take_over(self, unfinished: list[WorkflowStatus], alive: Collection[str]) -> None:
        """Put the flows of everybody who is not alive back in line; each is run again by one worker, whoever asks."""
        orphans = [one for one in unfinished if one.executor_id not in alive]
        for status in orphans:
            if status.app_version != FLOW_VERSION:  # nobody goes on with it; whoever asks for it again begins anew
                DBOS.delete_workflow(status.workflow_id)
            else:
                self._taken.put(status.workflow_id)
        dead = sorted({one.executor_id for one in orphans if one.executor_id and one.status == _PENDING})
        if dead:
            DBOS._recover_pending_workflows(dead)  # noqa: SLF001 (what DBOS's own admin server calls; there is no other way)
        self._shift.bury()

    def _finish_what_was_taken(self) -> None:
        """Wait for the flows that were taken up again, so that nothing new runs beside them."""
        while not self._taken.empty():
            with contextlib.suppress(Exception):  # it is done again for whoever asks for its result
                DBOS.retrieve_workflow(self._taken.get()).get_result()

    def run(self, flow: str, run_id: str, arguments: dict[str, Json]) -> Json:
        """Run to the end, as the port says."""
        known = DBOS.get_workflow_status(run_id)
        if known is not None and known.status in _FAILED:
            DBOS.delete_workflow(run_id)
        with SetWorkflowID(run_id):
            handle = DBOS.start_workflow(self._start, flow, run_id, arguments)
        try:
            return handle.get_result()
        except BaseException as err:  # the ones it raises for a cancelled flow are not for everybody to import
            status = DBOS.get_workflow_status(run_id)
            if status is None or status.status != "CANCELLED":
                raise
            raise Refused(f"{run_id} was cancelled", hint=f"'daytwo flows resume {run_id}' begins it anew") from err
