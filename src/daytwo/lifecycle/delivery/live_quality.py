"""Quality, money and estimates of a candidate on live rows: everything that needs the versions themselves.

In shadow the candidate's scores stand beside the champion's on the same rows; as a canary each version's own rows are
compared. Both go on speaking until the rollout ends: labels of shadow rows mostly come while the canary runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daytwo.contracts.encoder import Encoder
from daytwo.lifecycle.gating.evidence import MONEY_SHARE
from daytwo.lifecycle.gating.gates import GateResult, Paired
from daytwo.lifecycle.gating.live_gates import (
    Arm,
    canary_money,
    canary_quality,
    estimate_gate,
    shadow_money,
    shadow_quality,
)
from daytwo.lifecycle.releases import Release
from daytwo.lifecycle.rows import LiveRows, live_rows
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import load_model, load_watch, money_answers
from daytwo.monitoring.estimating.estimator import estimated
from daytwo.monitoring.estimating.performance import Answers, Estimate, realised_money
from daytwo.predictions.record import ANSWERED, CANARY, CHAMPION
from daytwo.scoring.model import Model

Floats = NDArray[np.float64]
# With fewer labels, or rows to estimate from, nothing is said; more than the most add nothing to an estimate.
_FEWEST_ROWS, _MOST_ROWS = 50, 20_000
# So many rows of others are looked at, drawn by a lot that falls the same way each time.
_LOOKED_AT, _LOT = 300_000, 20130401


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """Live rows and what one version said of each, shape (n,), as itself or unseen."""

    model: Model
    rows: LiveRows
    scores: Floats

    @property
    def said(self) -> Answers:
        return money_answers(self.model.payoff, self.scores, self.rows.column, self.rows.days)

    def labelled(self) -> _Scored:
        known = ~np.isnan(self.rows.labels)
        return _Scored(self.model, self.rows.take(known), self.scores[known])

    def money(self) -> Floats | None:
        """What each labelled row brought, or would have brought; a row whose money is unknown counts as 0."""
        return realised_money(self.said, self.rows.labels, self.model.task)

    def arm(self) -> Arm:
        return Arm(self.said, self.rows.labels, self.rows.days, self.money())


def quality_on_live(system: System, release: Release, champion: str) -> tuple[GateResult, ...]:
    """Return what labels, money and estimates say of a rolling candidate beside the champion, over its whole rollout.

    What there are too few rows, labels or days for is left out.
    """
    new, old = load_model(system.bundles, release.digest), load_model(system.bundles, champion)
    columns = dict.fromkeys([*new.payoff.columns, *old.contract.features.names])
    held = system.tables.schema("predictions")
    if not held.keys() >= {*new.contract.features.names, *columns}:
        return ()  # a column of the candidate's own contract is kept from its first answer as a canary on
    rows = live_rows(system, new.contract, tuple(columns), release.opened_at, None, only=_few_enough(system, release))
    version, arm = (rows.frame[name].to_numpy() for name in ("_version", "_arm"))
    mine = rows.take((version == release.digest) & (arm == CANARY))
    begun = mine.times[:1] if mine.rows else rows.times[-1:]
    # What the champion answered before there was a canary says nothing of these days.
    theirs = rows.take((version == champion) & (arm == CHAMPION) & (rows.times >= begun))
    canary, beside = _Scored(new, mine, mine.scores), _Scored(old, theirs, theirs.scores)
    shadow, answered = _in_shadow(system, release, new, rows)
    found = [*_of_shadow(system, shadow, answered), *_of_canary(system, canary, beside)]
    pair = (canary, beside) if mine.rows else (shadow, _Scored(old, answered.rows, answered.scores))
    found += _of_estimates(system, release, champion, *pair)
    return tuple(found)


def _few_enough(system: System, release: Release) -> pl.Expr:
    """Return which rows to look at: all of the candidate's own, and by lot as many others as fit into memory."""
    since = pl.col("_time") >= release.opened_at
    rows = system.tables.read("predictions", columns=["_version"], where=since & pl.col("_arm").is_in(ANSWERED)).height
    own = pl.col("_version") == release.digest
    return own | (pl.col("_id").hash(_LOT) % -(-max(rows, 1) // _LOOKED_AT) == 0)


def _in_shadow(system: System, release: Release, new: Model, rows: LiveRows) -> tuple[_Scored, _Scored]:
    """Return the rows that the candidate scored unseen, by its scores and by those that were answered."""
    scores = np.full(rows.rows, np.nan)
    if system.tables.version("shadow") is not None:
        wanted = (pl.col("_version") == release.digest) & pl.col("_score").is_not_null()
        shadow = system.tables.read("shadow", columns=["_id", "_score"], where=wanted).unique("_id")
        joined = rows.frame.select("_id").join(shadow, on="_id", how="left", maintain_order="left")
        scores = joined["_score"].to_numpy().astype(np.float64)
    known = np.isfinite(scores)
    part = rows.take(known)
    return _Scored(new, part, scores[known]), _Scored(new, part, part.scores)


def _of_shadow(system: System, shadow: _Scored, answered: _Scored) -> Iterator[GateResult]:
    new, old = shadow.labelled(), answered.labelled()
    if new.rows.rows < _FEWEST_ROWS:
        return
    gate, task, days = system.settings.gate, new.model.task, new.rows.days
    paired = Paired(new.rows.labels, new.scores, old.scores, days, new.said.act, old.said.act)
    quality = shadow_quality(paired, task=task, metric=gate.metric, margin=gate.margin)
    if quality is not None:
        yield quality
    gained, usual = new.money(), old.money()
    if gained is not None and usual is not None:
        money = shadow_money(gained, usual, days, margin=_bearable(usual), currency=system.settings.value.currency)
        if money is not None:
            yield money


def _of_canary(system: System, canary: _Scored, beside: _Scored) -> Iterator[GateResult]:
    new, old = canary.labelled(), beside.labelled()
    if min(new.rows.rows, old.rows.rows) < _FEWEST_ROWS:
        return
    ours, theirs, gate = new.arm(), old.arm(), system.settings.gate
    quality = canary_quality(ours, theirs, task=new.model.task, metric=gate.metric, margin=gate.margin)
    if quality is not None:
        yield quality
    if theirs.money is not None:
        currency = system.settings.value.currency
        money = canary_money(ours, theirs, margin=_bearable(theirs.money), currency=currency)
        if money is not None:
            yield money


def _of_estimates(system: System, release: Release, champion: str, new: _Scored, old: _Scored) -> Iterator[GateResult]:
    if min(new.rows.rows, old.rows.rows) < _FEWEST_ROWS:
        return
    gate = system.settings.gate
    ours, theirs = _expected(system, release.digest, new), _expected(system, champion, old)
    if gate.metric in ours and gate.metric in theirs:
        yield estimate_gate(ours[gate.metric], theirs[gate.metric], metric=gate.metric, margin=gate.margin)


def _expected(system: System, digest: str, scored: _Scored) -> dict[str, Estimate]:
    """Return what a version's own estimator expects of its scores on the newest of these rows."""
    newest = np.arange(max(scored.rows.rows - _MOST_ROWS, 0), scored.rows.rows)
    part = _Scored(scored.model, scored.rows.take(newest), scored.scores[newest])
    watch = load_watch(system.bundles, digest)
    matrix = Encoder(scored.model.contract).matrix(part.rows.frame)
    return estimated(watch.estimator, matrix, part.said, watch.raw)


def _bearable(money: Floats) -> float:
    """Return how much less a row may bring and still count as no worse, as the gate before the release has it."""
    return MONEY_SHARE * float(np.abs(money).mean())
