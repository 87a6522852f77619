"""What a candidate stands on and takes, read from the project: its rows, and its memory once loaded.

`gate_supply.py` next door judges.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from daytwo.core.durations import duration
from daytwo.lifecycle.gating.gate_supply import Supply, data_gate, memory_gate
from daytwo.lifecycle.gating.gates import GateResult
from daytwo.lifecycle.intake.intakes import INGESTS
from daytwo.lifecycle.system import System
from daytwo.registry.bundle import Bundle
from daytwo.scoring.weigh import resident_bytes
from daytwo.training.dataset import Split


class _Taken(msgspec.Struct, frozen=True):
    """What the record of an ingest says about its rows."""

    rows: int = 0
    rejected: int = 0


def supply_gates(system: System, bundle: Bundle, parts: Split, now: datetime) -> Iterator[GateResult]:
    """Yield the gates on a candidate's rows and memory."""
    gate = system.settings.gate
    yield data_gate(
        supply_of(system, parts, now),
        max_rejected=gate.max_rejected,
        fewest_rows=gate.fewest_rows,
        max_age=duration(gate.max_age) if gate.max_age else None,
    )
    on_disk = sum((bundle.folder / name).stat().st_size for name in bundle.manifest.files)
    yield memory_gate(resident_bytes(bundle), on_disk, max_mb=gate.max_memory_mb)


def supply_of(system: System, parts: Split, now: datetime) -> Supply:
    """Return the rows behind a candidate: those taken in so far, and those that are labelled."""
    records = system.tables.read(INGESTS)["record"].to_list() if system.tables.version(INGESTS) is not None else []
    taken = [msgspec.json.decode(record, type=_Taken) for record in records]
    age: timedelta | None = None
    if parts.test.times is not None and parts.test.rows:
        newest = parts.test.times[-1].astype("datetime64[us]").item().replace(tzinfo=UTC)
        age = max(now - newest, timedelta(0))
    return Supply(sum(one.rows for one in taken), sum(one.rejected for one in taken), parts.train.rows, age)
