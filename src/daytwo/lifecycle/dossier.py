"""What lies before the person who is asked to approve a release: the change, the gates, the variants, the origin.

`prepare.py` wrote the evidence; here it is read back, for the console and the command line alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from daytwo.core.errors import DaytwoError
from daytwo.governance.approvals import Decision, Request, standing
from daytwo.lifecycle.delivery.live_signs import live_signs
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.releases import OPEN, Release, State, Step, read_steps
from daytwo.lifecycle.system import System
from daytwo.registry.bundle import Lineage
from daytwo.registry.versions import current_route
from daytwo.training.front import Variant


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's answer in words. `figures` holds the plain numbers of its evidence, by name."""

    name: str
    passed: bool
    words: str
    figures: Mapping[str, float | str | bool]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a release was gated on. `others` are spans of history that were not chosen, each with its quality gate.

    `reach` says of each step of the rollout whom it would reach and what is at stake. `warnings` are findings about the
    training rows; `train_rows` and `test_rows` are None where unknown.
    """

    gates: tuple[Gate, ...] = ()
    variants: tuple[Variant, ...] = ()
    recommended: str = ""
    window: str = ""
    train_rows: int | None = None
    test_rows: int | None = None
    champion: str | None = None
    others: Mapping[str, Gate] | None = None
    warnings: tuple[str, ...] = ()
    reach: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[Gate, ...]:
        """The gates that said no."""
        return tuple(gate for gate in self.gates if not gate.passed)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a bundle came from, and the metrics it was born with.

    `data_until` is the last moment of the rows it learnt from; `trouble` says why the bundle cannot be read.
    """

    lineage: Lineage | None
    metrics: Mapping[str, float]
    data_until: datetime | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Dossier:
    """One release with everything to judge it by. `approved` is None while people may still decide.

    `moves_at` is the earliest moment at which a rollout step may end; `steps` are all of them. `signs` is what live
    traffic has said of it so far, empty before its rollout.
    """

    release: Release
    evidence: Evidence
    request: Request | None
    decisions: tuple[Decision, ...]
    approved: bool | None
    steps: tuple[Step, ...]
    moves_at: datetime | None
    commands: tuple[str, ...]
    signs: tuple[Gate, ...] = ()


def dossier(system: System, release: Release, now: datetime) -> Dossier:
    """Collect what is known about one release."""
    request = system.approvals.request(release.id)
    decisions = system.approvals.decisions(release.id) if request is not None else ()
    approved = None if request is None else standing(request, decisions, now)
    steps = read_steps(system.settings.release.steps)
    rolls = release.state is State.ROLLING and release.step_since is not None and release.step < len(steps)
    moves_at = release.step_since + steps[release.step].span if rolls and release.step_since else None
    return Dossier(
        release=release,
        evidence=read_evidence(release.evidence),
        request=request,
        decisions=decisions,
        approved=approved,
        steps=steps,
        moves_at=moves_at,
        commands=commands(release, approved=approved, answers=release.digest == _champion(system)),
        signs=tuple(_gate(one) for one in live_signs(system, release.id)),
    )


def commands(release: Release, *, approved: bool | None, answers: bool) -> tuple[str, ...]:
    """Return what a person types to move the release; nothing where it has ended, and is not what `answers` now."""
    if release.state is State.WAITING and approved is None:
        return (f"daytwo approve {release.id} --as NAME", f"daytwo refuse {release.id} --as NAME --reason TEXT")
    if release.state is State.LIVE and answers:
        return ("daytwo rollback --as NAME --reason TEXT",)
    if release.state in OPEN:
        return ("daytwo up",)
    return ()


def read_evidence(text: str) -> Evidence:
    """Read the evidence that a release keeps; what is missing or of another form stays empty."""
    try:
        kept: Json = msgspec.json.decode(text) if text else None
    except msgspec.DecodeError:
        kept = None
    trained, gated = _table(kept, "trained"), _table(kept, "gated")
    others = _table(gated, "other_windows")
    gates = gated.get("gates")
    variants = trained.get("variants")
    warnings, reach = trained.get("findings"), gated.get("reach")
    return Evidence(
        gates=tuple(_gate(one) for one in gates) if isinstance(gates, list) else (),
        variants=_variants(variants),
        recommended=str(trained.get("recommended") or ""),
        window=str(trained.get("window") or ""),
        train_rows=_count(trained.get("rows")),
        test_rows=_count(gated.get("test_rows")),
        champion=str(gated["champion"]) if gated.get("champion") else None,
        others={name: _gate(one) for name, one in others.items()},
        warnings=tuple(str(one) for one in warnings) if isinstance(warnings, list) else (),
        reach=tuple(str(one) for one in reach) if isinstance(reach, list) else (),
    )


def origin(system: System, digest: str) -> Origin:
    """Read where a bundle came from; a bundle that is missing or damaged says so instead of raising."""
    try:
        manifest = system.bundles.get(digest).manifest
    except DaytwoError as err:
        return Origin(None, {}, None, str(err))
    ends = [window.last for window in manifest.lineage.windows.values() if window.last]
    return Origin(manifest.lineage, manifest.metrics, datetime.fromisoformat(max(ends)) if ends else None)


def _champion(system: System) -> str:
    route = current_route(system.registry)
    return "" if route is None else route.champion


def _table(kept: Json, name: str) -> dict[str, Json]:
    part = kept.get(name) if isinstance(kept, dict) else None
    return part if isinstance(part, dict) else {}


def _gate(kept: Json) -> Gate:
    one = kept if isinstance(kept, dict) else {}
    figures = {n: v for n, v in _table(one, "evidence").items() if isinstance(v, bool | int | float | str)}
    return Gate(str(one.get("name") or "?"), one.get("passed") is True, str(one.get("words") or ""), figures)


def _variants(kept: Json) -> tuple[Variant, ...]:
    try:
        return msgspec.convert(kept or (), tuple[Variant, ...])
    except msgspec.ValidationError:
        return ()


def _count(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
