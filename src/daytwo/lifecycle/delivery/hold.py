"""What keeps new versions from more people for a while: a hold that somebody placed, and the freezes of the settings.

Only steps forward wait. A candidate in trouble is stopped, and people go back, at any time.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from daytwo.core.errors import Refused
from daytwo.core.freezes import frozen_by
from daytwo.governance.audit import Entry
from daytwo.lifecycle.system import System

_FACT = "hold"


class Hold(msgspec.Struct, frozen=True):
    """Who holds everything back, since when, and why."""

    by: str
    since: datetime
    reason: str


def held(system: System) -> Hold | None:
    """Return the hold that stands, or None."""
    kept = system.windows.fact(_FACT)
    return None if not kept else msgspec.convert(kept, Hold)


def place_hold(system: System, *, person: str, reason: str, now: datetime) -> Hold:
    """Hold back whatever would reach more people, until somebody lifts it. It is sealed in the audit log.

    Raises
    ------
    Refused
        If no reason is given, or somebody holds it already.
    """
    before = held(system)
    if before is not None:
        raise Refused(f"{before.by} holds it already: {before.reason}", hint="'daytwo hold --lift' lets it go on")
    hold = Hold(_named(person, reason), now, reason)
    system.windows.keep_fact(_FACT, msgspec.to_builtins(hold))
    _seal(system, "hold", person, reason, now)
    return hold


def lift_hold(system: System, *, person: str, reason: str, now: datetime) -> Hold:
    """Let everything go on, and return the hold that stood. It is sealed in the audit log.

    Raises
    ------
    Refused
        If no reason is given, or nobody holds anything.
    """
    before = held(system)
    if before is None:
        raise Refused("nobody holds anything", hint="'daytwo status' shows what waits, and for what")
    _named(person, reason)
    system.windows.keep_fact(_FACT, None)
    _seal(system, "lift hold", person, reason, now)
    return before


def what_waits(system: System, now: datetime) -> str:
    """Say why nothing may reach more people at this moment, or nothing."""
    hold = held(system)
    if hold is not None:
        return f"held by {hold.by} since {hold.since:%d %B %H:%M} UTC: {hold.reason}"
    frozen = frozen_by(system.settings.release.freeze, now)
    return f"frozen: {frozen} (UTC)" if frozen else ""


def _named(person: str, reason: str) -> str:
    if not person.strip() or not reason.strip():
        raise Refused("a hold needs a name and a reason", hint="Say --as NAME and --reason TEXT")
    return person


def _seal(system: System, what: str, person: str, reason: str, now: datetime) -> None:
    cause = f"{what}:{person}:{now.isoformat()}"
    system.audit.append(Entry(now, person, what, system.settings.model.name, cause, {"reason": reason}))
