"""A person takes a change as the new normal: the alarm learns what moved anew, from the blocks since the change."""

from __future__ import annotations

from datetime import datetime

from daytwo.core.errors import Refused
from daytwo.governance.audit import Entry
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion
from daytwo.monitoring.alarming.alarm import AlarmState, acknowledge


def acknowledge_change(system: System, *, by: str, at: datetime) -> tuple[str, ...]:
    """Restart the champion's alarm after the change it spoke of last, and return the columns and concerns learnt anew.

    Raises
    ------
    Refused
        If nothing is live, or no alarm is open.
    """
    model = champion(system)
    kept = None if model is None else system.windows.fact(f"alarm:{model.digest}")
    state = None if kept is None else AlarmState.from_json(str(kept).encode())
    if model is None or state is None or not state.open:
        raise Refused("no drift alarm is open", hint="'daytwo monitor' shows what the last windows brought")
    moved = tuple(dict.fromkeys(name.partition(":")[2] or name for name in state.open))
    system.windows.keep_fact(f"alarm:{model.digest}", acknowledge(state).to_json().decode())
    detail = {"columns": list(moved), "blocks": state.changed}
    cause = f"acknowledge:{model.digest}:{state.blocks}"
    system.audit.append(Entry(at, by, "acknowledge change", model.digest, cause, detail))
    return moved
