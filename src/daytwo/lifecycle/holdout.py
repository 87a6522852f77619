"""The holdout group: subjects whom no version acts on, drawn at random, so that it can be measured what acting brings.

`[release] holdout` says how many. A change of it is a change of the route: kept in the ledger with its time, sealed in
the audit log, and followed by the servers. Every prediction bears its group, so figures stay right across changes.
"""

from __future__ import annotations

from datetime import datetime

from daytwo.governance.audit import Entry
from daytwo.lifecycle.system import System
from daytwo.registry.route import write_route
from daytwo.registry.versions import RouteChange

_CAUSE = "holdout:"
_BY = "settings"


def follow_holdout(system: System, now: datetime) -> RouteChange | None:
    """Let the route follow the settings; return the change, or None where there is nothing to change.

    Whoever is killed on the way does the rest the next time.
    """
    history = system.registry.history()
    wanted = system.settings.release.holdout
    if not history:
        return None
    newest = history[-1]
    if newest.route.holdout != wanted:
        generation = newest.route.generation + 1
        reason = f"[release] holdout: {_words(wanted)}, before {_words(newest.route.holdout)}"
        cause = f"{_CAUSE}{generation}"
        change = system.registry.change_holdout(
            wanted, generation=generation, cause=cause, at=now, by=_BY, reason=reason
        )
    elif newest.cause.startswith(_CAUSE):
        change = newest
    else:
        return None
    seal = f"audit:{change.cause}"
    if any(sealed.entry.cause == seal for sealed in system.audit.read()):
        return None
    write_route(system.route_path, change.route)
    detail: dict[str, object] = {"holdout": change.route.holdout, "reason": change.reason}
    system.audit.append(Entry(change.at, change.by, "holdout", change.route.champion, seal, detail))
    return change


def _words(share: float) -> str:
    return f"{share:.4g} of subjects are left alone" if share else "nobody is left alone"
