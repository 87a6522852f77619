"""A project that outgrows its folder: its records go from the file there into the Postgres that its settings name."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from daytwo.core.errors import NotFound, Refused
from daytwo.core.ledger import open_ledger, open_sqlite
from daytwo.core.ledger_copy import copy_records, opened
from daytwo.flows import launch_lock, present_workers, unfinished_in
from daytwo.governance.audit import Entry
from daytwo.governance.sql import SqlAuditLog
from daytwo.ledger_place import PRESENCE, ledger_place, left_behind
from daytwo.lifecycle.system import System
from daytwo.registry.route import Route
from daytwo.registry.sql import SqlRegistry
from daytwo.registry.versions import current_route
from daytwo.wiring import LEDGER_FILE

# What the file is called once its records are elsewhere.
_MOVED = f"{LEDGER_FILE}.moved"


def move_ledger(system: System, *, person: str, now: datetime) -> dict[str, int]:
    """Carry the records over, once and whole; return how many, by table. The file is renamed, not removed.

    Whoever is cut short gives the same command again.

    Raises
    ------
    Refused
        If the settings name no database, somebody runs the project, or flows are unfinished.
    NotFound
        If no file holds records, or what the route names is not where the settings look for it.
    Conflict
        If the database holds other records of this project.
    """
    if not system.settings.project.ledger:
        raise Refused(
            "the settings name no database to move the records to",
            hint='Write ledger = "env:NAME" under [project] in daytwo.toml, with its URL in that variable',
        )
    file = left_behind(system)
    if file is None:
        raise NotFound("no file holds records of this project", hint="They are in the database already")
    with launch_lock(system), opened(open_sqlite(file)) as source, opened(open_ledger(*ledger_place(system))) as target:
        name = system.settings.model.name
        _check(system, file, current_route(SqlRegistry(source, name)))
        # Written before it is copied: cut short at any point, both hold the same records afterwards.
        place = system.settings.project.ledger
        detail: dict[str, object] = {"from": str(file), "to": place}
        log = SqlAuditLog(source)
        log.append(Entry(now, person, "ledger.moved", name, f"ledger moved to {place}", detail))
        moved = copy_records(source, target, leave=PRESENCE)
    file.rename(file.with_name(_MOVED))
    return moved


def _check(system: System, file: Path, route: Route | None) -> None:
    if present_workers(system):
        raise Refused("a worker of this project runs on the database already", hint="Stop every 'daytwo up' first")
    unfinished = unfinished_in(file.parent)
    if unfinished:
        raise Refused(
            f"{', '.join(unfinished[:3])} {'is' if len(unfinished) == 1 else 'are'} unfinished",
            hint="Take the ledger out of the settings again, let 'daytwo up' end them or cancel them, and move then",
        )
    missing = [] if route is None else [one for one in route.digests if one not in system.bundles.list()]
    if missing:
        raise NotFound(
            f"the version {missing[0][:12]}, which is live, is not in {system.state / 'bundles'}",
            hint=f"Copy 'bundles' and 'tables' from {file.parent} there first",
        )
