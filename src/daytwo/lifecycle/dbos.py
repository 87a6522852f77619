"""Durable flows on DBOS, in one SQLite file: steps are checkpointed as JSON, killed flows go on at the next launch.

One process per project folder launches DBOS, held by a file lock. The application version is a number of ours, not
DBOS's code hash, so that upgrading a library strands nothing; raise it only when a flow's steps change their order:
what an older version left unfinished is then begun anew. Only free parts of DBOS are used.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID, StepOptions
from sqlalchemy import Engine

from daytwo.core import errors
from daytwo.core.errors import DaytwoError, Fault, Refused
from daytwo.lifecycle.flow import Flow, Json, T

# The version of the flows' step order.
FLOW_VERSION = "3"
_UNFINISHED = ["PENDING", "ENQUEUED"]
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


class DbosRunner:
    """Runs flows durably. Open it with `with`: launching goes on with what was cut short, leaving shuts down."""

    def __init__(self, engine: Engine, lock: Path, flows: Mapping[str, Flow]) -> None:
        self._engine = engine
        self._lock_path = lock
        self._flows = flows

    def __enter__(self) -> DbosRunner:
        """Launch DBOS for this project folder.

        Raises
        ------
        Refused
            If another process has launched it for this folder.
        """
        self._lock_path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self._lock_path.open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as err:
            self._lock.close()
            raise Refused(
                "another daytwo process runs the flows of this project",
                hint="Stop the running 'daytwo up' or 'daytwo demo' first, or use its console",
            ) from err
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        config: DBOSConfig = {
            "name": "daytwo",
            "system_database_url": str(self._engine.url),
            "system_database_engine": self._engine,
            "application_version": FLOW_VERSION,
            "executor_id": "project",
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
        self._finish_what_was_cut_short()
        return self

    def __exit__(self, *_: object) -> None:
        """Shut DBOS down and let go of the folder."""
        DBOS.destroy(destroy_registry=True)
        self._lock.close()

    def _finish_what_was_cut_short(self) -> None:
        """Wait for the flows that launching took up again, so that nothing new runs beside them."""
        for status in DBOS.list_workflows(status=_UNFINISHED):
            if status.app_version != FLOW_VERSION:  # nobody goes on with it; whoever asks for it again begins anew
                DBOS.delete_workflow(status.workflow_id)
                continue
            with contextlib.suppress(Exception):  # it is done again for whoever asks for its result
                DBOS.retrieve_workflow(status.workflow_id).get_result()

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
