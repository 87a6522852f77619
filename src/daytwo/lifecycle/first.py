"""The first version of a project: made as soon as there are rows to learn from, and again only when something changed.

Pure of waiting: `daytwo up` asks at every look, and most times there is nothing to do.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from daytwo.contracts.toml import read_contract
from daytwo.core.digest import digest_json
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.releases import OPEN, State
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.system import System
from daytwo.lifecycle.worker import Event, open_release
from daytwo.registry.versions import current_route

_TRIED = "first_tried"
_REASON = "the first version"


def next_release_id(system: System) -> str:
    """Return the id of the next release that a person or `daytwo up` begins.

    It counts, so that a release that was cut short before it was written down is taken up under its own id again.
    """
    return f"release-{len(system.releases.releases()) + 1}"


def make_first_version(system: System, runner: Runner, now: datetime) -> list[Event]:
    """Train, gate and put forward a first version where nothing is live yet; return what happened.

    What was refused or declined is not tried again until rows, contract or settings have changed. One that was cut
    short in training goes on.
    """
    if current_route(system.registry) is not None:
        return []
    releases = system.releases.releases()
    events: list[Event] = []
    cut_short = next((one for one in releases if one.state is State.TRAINING), None)
    if cut_short is not None:
        open_release(system, runner, cut_short.id, reason=cut_short.reason, now=now, events=events)
        return events
    tried = _inputs(system)
    if not tried or any(one.state in OPEN for one in releases) or system.windows.fact(_TRIED) == tried:
        return []
    open_release(system, runner, next_release_id(system), reason=_REASON, now=now, events=events)
    system.windows.keep_fact(_TRIED, tried)
    return events


def _inputs(system: System) -> str:
    """Return a digest of everything that a first version is made of; empty where there are no rows."""
    rows = system.tables.version(DATASET)
    if rows is None:
        return ""
    said = msgspec.to_builtins(system.settings)
    kept = {name: said[name] for name in ("model", "data", "value", "retrain", "gate", "seed")}
    kept["plan"] = [said["plan"], system.settings.serve.fallback]
    return digest_json([rows, read_contract(system.contract_path).digest, kept])
