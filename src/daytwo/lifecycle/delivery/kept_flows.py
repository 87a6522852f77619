"""What the durable flows kept, read beside whoever runs them: it needs no launch. `dbos.py` next door runs flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType

from dbos import DBOSClient, WorkflowStatus
from sqlalchemy import Engine

from daytwo.lifecycle.dbos import FLOW_VERSION, SCHEMA, JsonSerializer
from daytwo.lifecycle.flow import Json

_STATES = {
    "PENDING": "unfinished",
    "ENQUEUED": "unfinished",
    "DELAYED": "unfinished",
    "ERROR": "failed",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "failed",
    "CANCELLED": "cancelled",
    "SUCCESS": "done",
}
_UNSETTLED = [status for status, state in _STATES.items() if state != "done"]


@dataclass(frozen=True, slots=True)
class KeptStep:
    """A step that has ended and is not done again."""

    name: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeptFlow:
    """One durable flow as it is kept. `state` is `unfinished`, `failed`, `cancelled` or `done`.

    `current` is whether the present version of the flows knows its steps; `arguments` are those it was begun with.
    """

    id: str
    flow: str
    state: str
    begun_at: datetime
    changed_at: datetime
    arguments: Mapping[str, Json]
    error: str = ""
    current: bool = True
    steps: tuple[KeptStep, ...] = ()


class KeptFlows:
    """The flows of one database. Open it with `with`."""

    def __init__(self, engine: Engine, *, schema: str = SCHEMA) -> None:
        self._engine, self._schema = engine, schema

    def __enter__(self) -> KeptFlows:
        """Connect."""
        self._client = DBOSClient(
            system_database_engine=self._engine,
            dbos_system_schema=self._schema,
            serializer=JsonSerializer(),
            retry_connection_errors=False,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go."""
        self._client.destroy()

    def unsettled(self) -> tuple[KeptFlow, ...]:
        """Return the flows that are unfinished, failed or cancelled, the oldest first, with their steps."""
        found = self._client.list_workflows(status=_UNSETTLED)
        return tuple(self._with_steps(one) for one in found)

    def newest(self, most: int) -> tuple[KeptFlow, ...]:
        """Return the `most` newest flows of any state, the oldest first, without their steps."""
        found = self._client.list_workflows(limit=most, sort_desc=True)
        return tuple(_flow(one, ()) for one in reversed(found))

    def find(self, flow_id: str) -> KeptFlow | None:
        """Return one flow with its steps, or None."""
        found = self._client.list_workflows(workflow_ids=[flow_id])
        return self._with_steps(found[0]) if found else None

    def cancel(self, flow_id: str) -> None:
        """Let a flow go no further than the step it is in."""
        self._client.cancel_workflow(flow_id)

    def _with_steps(self, status: WorkflowStatus) -> KeptFlow:
        steps = self._client.list_workflow_steps(status.workflow_id, load_output=False)
        return _flow(status, tuple(KeptStep(one["function_name"], _at(one["completed_at_epoch_ms"])) for one in steps))


def _flow(status: WorkflowStatus, steps: tuple[KeptStep, ...]) -> KeptFlow:
    given: Sequence[object] = status.input["args"] if status.input else ()
    flow, arguments = (given[0], given[2]) if len(given) == 3 else (status.name, {})
    begun = _at(status.created_at) or datetime.fromtimestamp(0, UTC)
    return KeptFlow(
        status.workflow_id,
        str(flow),
        _STATES[status.status],
        begun,
        _at(status.updated_at) or begun,
        arguments if isinstance(arguments, dict) else {},
        str(status.error) if status.error is not None else "",
        status.app_version == FLOW_VERSION,
        steps,
    )


def _at(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
