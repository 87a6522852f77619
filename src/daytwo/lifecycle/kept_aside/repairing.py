"""Rows in quarantine are mended: shown first, kept beside the row as it came only where the contract accepts them.

A repair always begins with the row as it came, so that another one can be tried; `replaying.py` sends mended rows on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daytwo.contracts.toml import read_contract
from daytwo.core.errors import NotFound
from daytwo.lifecycle.kept_aside.mending import Repair, mend
from daytwo.lifecycle.kept_aside.quarantine import Kept
from daytwo.lifecycle.kept_aside.quarantine_events import DROPPED, REPAIRED, Event, events_with, note
from daytwo.lifecycle.kept_aside.verdicts import Mended, Reason, judged, own_repairs
from daytwo.lifecycle.system import System


@dataclass(frozen=True, slots=True)
class Trial:
    """What repairs would make of rows: those that would pass, and those that would still break the contract."""

    passing: tuple[Mended, ...]
    failing: tuple[Mended, ...]

    @property
    def still_broken(self) -> tuple[tuple[Reason, int], ...]:
        """Why rows would still be rejected: one reason for each column and rule, with rows, the most frequent first."""
        counts: Counter[tuple[str, str]] = Counter()
        examples: dict[tuple[str, str], Reason] = {}
        for one in self.failing:
            for reason in one.reasons:
                place = (str(reason["column"]), str(reason["rule"]))
                counts[place] += 1
                examples.setdefault(place, reason)
        return tuple((examples[place], rows) for place, rows in counts.most_common())


def attempt(system: System, rows: Sequence[Kept], repairs: Sequence[Repair], *, use_repairs: bool = False) -> Trial:
    """Mend rows and judge them; nothing is written. `use_repairs` adds the repairs that `contract.toml` lists."""
    contract = read_contract(system.contract_path)
    kinds = {column.name: column.kind for column in contract.columns}
    mended: list[tuple[Kept, Mapping[str, object]]] = []
    for kept in rows:
        row = mend(kept.row, repairs, kinds)
        mended.append((kept, own_repairs(contract, row) if use_repairs else row))
    found = judged(system, mended)
    return Trial(tuple(one for one in found if one.passes), tuple(one for one in found if not one.passes))


def keep(system: System, trial: Trial, repairs: Sequence[Repair], *, by: str, now: datetime) -> int:
    """Keep the mended form of the rows that would pass, and return how many are kept so; the others stay open.

    A row whose mended form is kept already is not written again.
    """
    earlier: Counter[str] = Counter()
    if trial.passing:
        earlier.update(events_with(system, REPAIRED, [one.kept.id for one in trial.passing])["_id"].to_list())
    events = [
        Event(
            one.kept.id,
            REPAIRED,
            now,
            by,
            {
                "row": dict(one.row),
                "repairs": [repair.text for repair in repairs],
                "number": earlier[one.kept.id] + 1,
            },
        )
        for one in trial.passing
        if one.kept.mended != dict(one.row)
    ]
    note(system, events)
    return len(trial.passing)


def drop(system: System, rows: Sequence[Kept], *, by: str, reason: str, now: datetime) -> int:
    """Give rows up: they stay on record and are never replayed."""
    if not rows:
        raise NotFound("no open row matches", hint="'daytwo quarantine list' shows what is there")
    note(system, [Event(kept.id, DROPPED, now, by, {"reason": reason}) for kept in rows])
    return len(rows)
