"""Where the records of a project are: in a file of its folder, or in the database that its settings name. Light."""

from __future__ import annotations

from pathlib import Path

from daytwo.core.ledger import open_ledger, open_sqlite
from daytwo.core.ledger_copy import count_records, opened
from daytwo.lifecycle.system import System
from daytwo.wiring import LEDGER_FILE, ledger_url

# Who is present is no record.
PRESENCE = ("workers", "lead")


def left_behind(system: System) -> Path | None:
    """Return the file that holds records of this project while its settings name a database; None where none does."""
    if not system.settings.project.ledger:
        return None
    for place in (system.own, system.state):
        file = place / LEDGER_FILE
        if file.exists():
            with opened(open_sqlite(file)) as engine:
                if any(count_records(engine, leave=PRESENCE).values()):
                    return file
    return None


def records_of(system: System) -> dict[str, int]:
    """Return how many records each table of the project's ledger holds."""
    with opened(open_ledger(*ledger_place(system))) as engine:
        return count_records(engine, leave=PRESENCE)


def ledger_place(system: System) -> tuple[str, Path, str]:
    """Return the ledger's URL, the file where that is empty, and whose records are in it, as `open_ledger` asks."""
    settings = system.settings
    return ledger_url(settings.project), system.state / LEDGER_FILE, settings.model.name
