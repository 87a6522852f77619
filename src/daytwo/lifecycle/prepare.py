"""A release begins: learn from everything labelled, gate on the newest rows, and ask people, or refuse with reasons.

The newest windows are set aside before anything is trained; only the gates see them. How far back to learn is chosen
by backtest, and the spans that were not chosen go through the quality gate too, so that people see what they would
have been.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.contracts.contract import Contract
from daytwo.contracts.toml import read_contract
from daytwo.core.digest import digest_bytes, digest_json
from daytwo.core.durations import duration
from daytwo.core.errors import DaytwoError
from daytwo.core.schema import Task
from daytwo.core.settings import TrainSettings
from daytwo.governance.approvals import Request
from daytwo.governance.audit import Entry
from daytwo.lifecycle.adoption import adopted_model
from daytwo.lifecycle.delivery.plan import plan_gate, plan_of
from daytwo.lifecycle.delivery.radius import blast_radius
from daytwo.lifecycle.flow import Json, Run
from daytwo.lifecycle.gating.challenge import Challenge, groups_of
from daytwo.lifecycle.gating.evidence import gate_candidate, paired_on
from daytwo.lifecycle.gating.gates import GateResult, quality_gate, verdict
from daytwo.lifecycle.gating.parity import parity_gate
from daytwo.lifecycle.gating.parity_rows import candidate_parity
from daytwo.lifecycle.gating.supply import supply_gates
from daytwo.lifecycle.gating.unseen import as_read_by, read_beside, set_aside
from daytwo.lifecycle.releases import Release, State
from daytwo.lifecycle.rows import DATASET, history
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion, load_model
from daytwo.registry.bundle import DatasetVersion
from daytwo.scoring.payoff import Payoff
from daytwo.training.candidate import TrainingRequest, train_candidate
from daytwo.training.challenger import train_challenger
from daytwo.training.dataset import Split, TrainingData
from daytwo.training.lineage import code_of
from daytwo.value.costs import TRAINING, cpu_cost

Floats = NDArray[np.float64]
# So many rows that were learned from, and as many that were answered, are served to the candidate as a client would.
_PARITY_ROWS = 500


@dataclass(frozen=True, slots=True)
class _Rows:
    contract: Contract
    payoff: Payoff
    parts: Split


def prepare_release(run: Run, system: System, arguments: dict[str, Json]) -> Json:
    """Train and gate one candidate; end with a request for approval or a refusal."""
    now = datetime.fromisoformat(str(arguments["now"]))
    release_id, author = str(arguments["release"]), str(arguments["author"])

    def begin() -> str:
        reason = str(arguments["reason"])
        system.releases.put(Release(release_id, State.TRAINING, reason, author, now, now, words="training"))
        return release_id

    def train() -> dict[str, Json]:
        return _train(_with_budget(system, arguments), release_id, author, now, str(arguments.get("adopt", "")))

    def gate() -> dict[str, Json]:
        gated = _gate(system, str(trained["digest"]), str(trained["window"]), now)
        return gated | {"reach": list(blast_radius(system, now))}

    run.step("begin", begin)
    try:
        trained = run.step("train", train)
        gated = run.step("gate", gate)
    except DaytwoError as err:
        words = f"no candidate could be made: {err}"  # the name `err` ends with this block
        return run.step("give_up", lambda: _give_up(system, release_id, words, now))

    def conclude() -> dict[str, Json]:
        return _conclude(system, release_id, trained, gated, now)

    return run.step("conclude", conclude)


def _with_budget(system: System, arguments: Mapping[str, Json]) -> System:
    """Return the system with the search that was asked for with this release in place of the settings' one."""
    budget = arguments.get("budget")
    if not isinstance(budget, dict):
        return system
    settings = msgspec.convert(msgspec.to_builtins(system.settings.train) | budget, TrainSettings)
    return replace(system, settings=msgspec.structs.replace(system.settings, train=settings))


def _give_up(system: System, release_id: str, words: str, now: datetime) -> dict[str, Json]:
    """End a release whose rows, settings or machine did not allow a candidate; another one may be begun at any time."""
    release = system.releases.get(release_id)
    assert release is not None
    system.releases.put(replace(release, state=State.REFUSED, words=words, changed_at=now))
    system.audit.append(Entry(now, "daytwo", "release refused", release_id, f"audit:{release_id}:gate", {"why": words}))
    return {"state": str(State.REFUSED), "digest": "", "words": words}


def _rows(system: System, until: datetime) -> _Rows:
    contract = read_contract(system.contract_path)
    payoff = Payoff.from_settings(system.settings.value, system.settings.model.task)
    data = history(system, contract, read_beside(system, payoff), until)
    return _Rows(contract, payoff, set_aside(data, system))


def _train(system: System, release_id: str, author: str, now: datetime, adopt: str) -> dict[str, Json]:
    begun = time.process_time()
    system.tell("reading rows")
    rows = _rows(system, now)
    present = champion(system)
    adopted = adopted_model(system, adopt, rows.contract) if adopt else None
    window = "all" if adopted else _choose_window(system, rows.parts.train)
    candidate = train_candidate(
        TrainingRequest(
            contract=rows.contract,
            settings=system.settings,
            seed=system.settings.seed,
            window=window,
            parent=None if present is None else present.digest,
            author=author,
            folder=system.folder,
            dataset=_dataset(system, rows),
            code=code_of(system.folder),
            adopted=adopted,
            tell=system.tell,
        ),
        rows.parts.train,
    )
    system.tell("writing the bundle")
    bundle = system.bundles.put(candidate.files, candidate.manifest)
    spent = time.process_time() - begun
    system.costs.add(cpu_cost(f"train:{release_id}", now, TRAINING, spent, system.settings.cost))
    return {
        "digest": bundle.digest,
        "window": window,
        "recommended": candidate.recommended,
        "variants": [msgspec.to_builtins(variant) for variant in candidate.variants],
        "findings": [finding.summary for finding in candidate.findings],
        "seconds": dict(candidate.seconds),
        "rows": rows.parts.train.rows,
    }


def _choose_window(system: System, data: TrainingData) -> str:
    """Backtest each span of history with a quick model on the newest tenth, and return the best span."""
    windows = system.settings.retrain.windows
    if data.times is None or len(windows) < 2:
        return windows[0] if windows else "all"
    cut = int(data.rows * 0.9)
    past, recent = data.take(slice(0, cut)), data.take(slice(cut, data.rows))
    scored = {}
    for window in windows:
        part = _recent(past, window)
        if window != "all" and part.rows == past.rows:
            continue  # the history is no longer than the span: the same rows as "all"
        quick = train_challenger(part, system.settings, seed=system.settings.seed)
        scored[window] = _loss(recent, quick.score_many(recent.matrix), system.settings.model.task)
    return min(scored, key=lambda window: scored[window]) if scored else windows[0]


def _recent(data: TrainingData, window: str) -> TrainingData:
    if window == "all" or data.times is None:
        return data
    first = data.times[-1] - np.timedelta64(int(duration(window).total_seconds()), "s")
    return data.take(slice(int(np.searchsorted(data.times, first)), data.rows))


def _loss(data: TrainingData, scores: Floats, task: Task) -> float:
    if task is Task.REGRESSION:
        return float(np.abs(data.labels - scores).mean())
    p = np.clip(scores, 1e-6, 1 - 1e-6)
    return float(-np.mean(data.labels * np.log(p) + (1 - data.labels) * np.log(1 - p)))


def _dataset(system: System, rows: _Rows) -> tuple[DatasetVersion, ...]:
    """Name the rows by table version and by the digest of what was made of them."""
    train = rows.parts.train
    content = digest_bytes(train.matrix.tobytes() + train.labels.tobytes())
    version = system.tables.version(DATASET)
    return (DatasetVersion(table=DATASET, version=0 if version is None else version, rows=train.rows, digest=content),)


def _gate(system: System, digest: str, window: str, now: datetime) -> dict[str, Json]:
    """Judge the candidate on the rows set aside, beside the champion if there is one."""
    system.tell("gating")
    rows = _rows(system, now)
    present = champion(system)
    beside = None if present is None else as_read_by(system, present, rows.parts, now)
    results = gate_candidate(
        Challenge(
            candidate=load_model(system.bundles, digest),
            champion=present,
            test=rows.parts.test,
            train=rows.parts.train,
            settings=system.settings,
            beside=beside,
        )
    )
    supplied = supply_gates(system, system.bundles.get(digest), rows.parts, now)
    parity = parity_gate(candidate_parity(system, load_model(system.bundles, digest), _PARITY_ROWS))
    results = (*results, parity, *supplied, plan_gate(plan_of(system, digest), now.date()))
    others: dict[str, Json] = {}
    if present is not None and rows.parts.train.times is not None:
        old = present.score_many(rows.parts.test.matrix if beside is None else beside)
        for other in system.settings.retrain.windows:
            part = _recent(rows.parts.train, other)
            if other == window or part.rows == rows.parts.train.rows:
                continue
            quick = train_challenger(part, system.settings, seed=system.settings.seed)
            others[other] = _gate_json(_quick_gate(system, rows, old, quick.score_many(rows.parts.test.matrix)))
    said = verdict(results)
    return {
        "passed": said.passed,
        "reasons": list(said.reasons),
        "gates": [_gate_json(result) for result in results],
        "other_windows": others,
        "champion": None if present is None else present.digest,
        "test_rows": rows.parts.test.rows,
    }


def _quick_gate(system: System, rows: _Rows, old: Floats, new: Floats) -> GateResult:
    test, settings = rows.parts.test, system.settings
    paired = paired_on(test, rows.payoff, new, old)
    return quality_gate(
        paired,
        task=settings.model.task,
        metric=settings.gate.metric,
        margin=settings.gate.margin,
        unit=groups_of(test)[1],
    )


def _conclude(
    system: System, release_id: str, trained: Mapping[str, Json], gated: Mapping[str, Json], now: datetime
) -> dict[str, Json]:
    release = system.releases.get(release_id)
    assert release is not None
    digest = str(trained["digest"])
    evidence = msgspec.json.encode({"trained": trained, "gated": gated}).decode()
    reasons = [str(reason) for reason in gated["reasons"]]  # type: ignore[union-attr]
    words = "; ".join(reasons)
    passed = bool(gated["passed"])
    if passed:
        system.registry.add(digest, author=release.author, reason=release.reason, at=now)
        days = timedelta(days=system.settings.release.approval_days)
        system.approvals.ask(
            Request(
                flow=release_id,
                digest=digest,
                evidence=digest_json({"trained": trained, "gated": gated}),
                author=release.author,
                needed=system.settings.release.approvers,
                asked_at=now,
                expires_at=now + days,
                summary=words,
            )
        )
        words = (
            f"all {len(reasons)} gates passed ({trained['recommended']}, learnt from {trained['rows']:,} rows);"
            " waits for approval"
        )
    state = State.WAITING if passed else State.REFUSED
    system.releases.put(replace(release, state=state, digest=digest, evidence=evidence, words=words, changed_at=now))
    detail: dict[str, object] = {"digest": digest, "reasons": list(reasons)}
    system.audit.append(Entry(now, "daytwo", f"release {state}", release_id, f"audit:{release_id}:gate", detail))
    return {"state": str(state), "digest": digest, "words": words}


def _gate_json(result: GateResult) -> dict[str, Json]:
    kept: dict[str, Json] = asdict(result)
    return kept
