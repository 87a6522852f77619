"""Is the project sound: each thing looked at by itself, with what to do where it is not.

Nothing here repairs anything. A check that cannot even be made is a failed one, and never takes the others with it.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from daytwo.contracts import rows_c
from daytwo.contracts.toml import read_contract
from daytwo.core.errors import DaytwoError, NotFound
from daytwo.governance.audit import first_break
from daytwo.lifecycle.intake.ingest import sources
from daytwo.lifecycle.system import System
from daytwo.predictions.segments import DAMAGED
from daytwo.registry.versions import current_route
from daytwo.scoring.engines import why_not_ours
from daytwo.scoring.model import Model
from daytwo.scoring.spoken import check_reasons
from daytwo.serving.client import Client

_TABLES = ("dataset", "predictions", "shadow", "quarantine", "quarantine_events", "labels", "feedback", "ingests")
# Below this a day's rows of a busy project may not fit; below that nothing is written safely.
_LITTLE_BYTES, _TOO_LITTLE_BYTES = 1 << 30, 100 << 20
# The fact of the last rehearsed rollback (`rehearsal.py`).
LAST_REHEARSAL = "last_rehearsal"
_REHEARSE = "Rehearse it: 'daytwo drill rollback'"


class Outcome(StrEnum):
    """What a check found."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `next_step` is empty where nothing is to be done."""

    name: str
    outcome: Outcome
    words: str
    next_step: str = ""


def check_up(system: System, client: Client | None) -> Iterator[Check]:
    """Look at everything that a project keeps; `client` reaches its running server, None where none runs."""
    looks: dict[str, Callable[[], Check]] = {
        "contract": lambda: _contract(system),
        "reasons": lambda: _reasons(system),
        "source": lambda: _source(system),
        "ledger": lambda: _ledger(system),
        "audit": lambda: _audit(system),
        "bundles": lambda: _bundles(system),
        "engine": lambda: _engine(system),
        "tables": lambda: _tables(system),
        "journal": lambda: _journal(system),
        "rollback": lambda: _rollback(system),
        "disk": lambda: _disk(system),
        "port": lambda: _port(system, client),
    }
    for name, look in looks.items():
        yield tried(name, look)


def tried(name: str, look: Callable[[], Check]) -> Check:
    """Return what a look found; one that raises has failed, in the error's words."""
    try:
        return look()
    except DaytwoError as err:
        return Check(name, Outcome.FAIL, err.message, err.hint)
    except Exception as err:  # whatever is broken, the other checks are still worth making
        return Check(name, Outcome.FAIL, f"{type(err).__name__}: {err}", "Restore what is damaged from a backup")


def _contract(system: System) -> Check:
    contract = read_contract(system.contract_path)
    target, wanted = contract.target, system.settings.model.target
    if target is None or target.name != wanted:
        named = "none" if target is None else repr(target.name)
        words = f"the contract's target is {named}, the settings say {wanted!r}"
        return Check("contract", Outcome.FAIL, words, f"Give the column {wanted!r} the role 'target' in contract.toml")
    told = (
        f"version {contract.version}: {len(contract.columns)} columns, {len(contract.features.names)} of them features"
    )
    if not contract.owner:
        return Check("contract", Outcome.WARN, f"{told}; nobody owns it", 'Write owner = "..." in contract.toml')
    return Check("contract", Outcome.OK, f"{told}, owned by {contract.owner}")


def _reasons(system: System) -> Check:
    said = system.settings.reasons
    try:
        contract = read_contract(system.contract_path)
    except DaytwoError:
        return Check("reasons", Outcome.WARN, "not looked at: the contract cannot be read", "Mend the contract first")
    check_reasons(said, contract)
    told = [f"{len(said.phrases)} phrases", f"{len(said.groups)} groups"] if said.phrases or said.groups else []
    told += [f"compared within each {said.segment}"] if said.segment else []
    return Check("reasons", Outcome.OK, ", ".join(told) or "told in the columns' own names")


def _source(system: System) -> Check:
    try:
        found = sources(system.folder, system.settings.data.source)
    except NotFound as err:
        return Check("source", Outcome.WARN, err.message, err.hint)
    return Check("source", Outcome.OK, f"{len(found)} file{'' if len(found) == 1 else 's'} to learn from")


def _ledger(system: System) -> Check:
    releases, versions = system.releases.releases(), system.registry.versions()
    route = current_route(system.registry)
    told = f"{len(versions)} versions, {len(releases)} releases"
    return Check("ledger", Outcome.OK, f"{told}; {'something' if route else 'nothing'} is live")


def _audit(system: System) -> Check:
    log = system.audit.read()
    broken = first_break(log)
    if broken is not None:
        words = f"the chain is broken at entry {broken} of {len(log)}"
        return Check(
            "audit", Outcome.FAIL, words, "See it with 'daytwo audit verify'; restore the ledger from a backup"
        )
    return Check("audit", Outcome.OK, f"{len(log)} entries, the chain is whole")


def _bundles(system: System) -> Check:
    digests = system.bundles.list()
    for digest in digests:
        bundle = system.bundles.get(digest)
        for name in bundle.manifest.files:
            bundle.read(name)
    route = current_route(system.registry)
    missing = [one for one in route.digests if one not in digests] if route else []
    if missing:
        words = f"the route names {missing[0][:12]}, which is not there"
        return Check("bundles", Outcome.FAIL, words, "Restore .daytwo/bundles from a backup, or 'daytwo rollback'")
    return Check("bundles", Outcome.OK, f"{len(digests)} bundles, every file is what was put in")


def _engine(system: System) -> Check:
    route = current_route(system.registry)
    if route is None:
        slower, told = why_not_ours(system.settings.serve.engine), "nothing is live"
    else:
        try:
            model = Model.load(system.bundles.get(route.champion))
        except DaytwoError as err:
            return Check("engine", Outcome.WARN, f"the live model cannot be opened: {err.message}", err.hint)
        slower, told = model.slower, f"{model.engine.name} scores the live model"
    if not rows_c.LIBRARY.is_file():
        told += "; rows are read in Python, since no C compiler was found when daytwo was installed"
    if not slower:
        return Check("engine", Outcome.OK, told)
    return Check(
        "engine",
        Outcome.OK,
        f"{told}; our own engine for trees, several times as fast, does not: {slower}",
        "See 'Which engine scores' in docs/engines.md to score faster",
    )


def _tables(system: System) -> Check:
    rows = {name: system.tables.read(name).height for name in _TABLES if system.tables.version(name) is not None}
    told = ", ".join(f"{name} {count:,}" for name, count in rows.items())
    return Check("tables", Outcome.OK, told or "none yet")


def _journal(system: System) -> Check:
    damaged = sorted(path.name for path in (system.journal / DAMAGED).glob("[!.]*"))
    if damaged:
        words = f"{len(damaged)} pieces of the journal could not be read: {', '.join(damaged[:3])}"
        return Check("journal", Outcome.WARN, words, f"Look at them in {system.journal / DAMAGED}, then remove them")
    return Check("journal", Outcome.OK, "no damaged segments")


def _rollback(system: System) -> Check:
    history = system.registry.history()
    if not history or history[-1].route.previous is None:
        return Check("rollback", Outcome.OK, "nothing was live before, so there is nothing to go back to")
    back, told = history[-1].route.previous[:12], system.windows.fact(LAST_REHEARSAL)
    if not isinstance(told, dict):
        return Check("rollback", Outcome.WARN, f"going back to {back} was never rehearsed", _REHEARSE)
    at = str(told["at"])[:10]
    if not told["passed"]:
        return Check("rollback", Outcome.WARN, f"the last rehearsal, on {at}, failed", _REHEARSE)
    if not str(told["back"]).startswith(back):
        return Check("rollback", Outcome.WARN, f"rehearsed on {at}, but not with {back}", _REHEARSE)
    return Check("rollback", Outcome.OK, f"rehearsed on {at}: {told['back_s']} s, none of {told['requests']:,} failed")


def _disk(system: System) -> Check:
    free = shutil.disk_usage(system.state).free
    told = f"{free / 1e9:.1f} GB free"
    outcome = Outcome.FAIL if free < _TOO_LITTLE_BYTES else Outcome.WARN if free < _LITTLE_BYTES else Outcome.OK
    return Check("disk", outcome, told, "" if outcome is Outcome.OK else "Free some disk space")


def _port(system: System, client: Client | None) -> Check:
    serve = system.settings.serve
    if client is not None:
        state = "ready" if client.ready() else "not ready: nothing is live, or it does not answer"
        outcome = Outcome.OK if state == "ready" else Outcome.WARN
        words = f"the project's server listens on {client.host}:{client.port}, {state}"
        return Check("port", outcome, words, "" if outcome is Outcome.OK else "See .daytwo/server.log")
    try:
        with socket.socket(socket.AF_INET6 if ":" in serve.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((serve.host, serve.port))
    except OSError as err:
        words = f"{serve.host}:{serve.port} cannot be used: {err.strerror or err}"
        return Check("port", Outcome.FAIL, words, "Stop what uses the port, or set another [serve] port")
    return Check("port", Outcome.OK, f"{serve.host}:{serve.port} is free")
