"""Rows in, answers out: route, check, score, calibrate, advise. The record made here is what the reply is made of.

No I/O: `handlers.py` writes the record to the journal before the reply leaves. Because a reply is made of its
record alone, a request that is sent twice gets the same answer, also from another process after a restart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from daytwo.contracts.action import Action, Breach
from daytwo.core.errors import DaytwoError
from daytwo.explain.reasons import Reason
from daytwo.predictions.record import (
    CANARY,
    CHAMPION,
    FALLBACK,
    BadRow,
    BreachRecord,
    PredictionRecord,
    Row,
    good_row,
    quarantine_id,
    read_rows,
    spread,
    text_of,
)
from daytwo.scoring.payoff import Payoff
from daytwo.serving.live import Live, Version
from daytwo.serving.requests import PredictRequest
from daytwo.serving.router import Router

# From here on one call with a matrix is cheaper than a call for each row.
_BLOCK_ROWS = 6
_NUMBERS = (float, int)

NO_MODEL = BreachRecord("", "model_failed", None, "the model failed on this row; the fallback answered")


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one row, as it is sent; `quarantine_id` and `breaches` only of a row that broke its contract."""

    prediction_id: str
    key: str | None
    score: float | None
    act: bool | None
    gain: float | None
    version: str
    arm: str
    warnings: tuple[BreachRecord, ...] | msgspec.UnsetType = msgspec.UNSET
    reasons: tuple[Reason, ...] | msgspec.UnsetType = msgspec.UNSET
    quarantine_id: str | msgspec.UnsetType = msgspec.UNSET
    breaches: tuple[BreachRecord, ...] | msgspec.UnsetType = msgspec.UNSET


class Reply(msgspec.Struct, frozen=True):
    """The body of the reply to `POST /predict`."""

    request_id: str
    model: str
    predictions: list[Answer]


@dataclass(slots=True)
class _Block:
    """What is known of a request's rows while they are answered, by their number."""

    scores: list[float | None]
    acts: list[bool | None]
    gains: list[float | None]
    bad: dict[int, tuple[BreachRecord, ...]] = field(default_factory=dict)
    failed: list[int] = field(default_factory=list)
    warnings: dict[int, tuple[BreachRecord, ...]] = field(default_factory=dict)
    features: dict[int, list[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """A request's record, and why each explained row got its score (by row; empty unless asked)."""

    record: PredictionRecord
    reasons: Mapping[int, tuple[Reason, ...]]


def answer(
    request: PredictRequest,
    live: Live,
    router: Router,
    *,
    prefix: str,
    start: int,
    received_at_us: int,
    fingerprint: int,
) -> Answered:
    """Answer every row of `request`; the prediction ids begin with number `start`."""
    count = len(request.rows)
    block = _Block([None] * count, [None] * count, [None] * count)
    versions = [live.champion]
    version_of: list[int] = []
    if live.canary is not None:
        versions.append(live.canary)
        version_of = _split(request.rows, live, router)
    for number, version in enumerate(versions):
        mine = [i for i, one in enumerate(version_of) if one == number] if version_of else range(count)
        _answer_by(version, request.rows, mine, block)
    first = f"{prefix}{start:09x}"
    record = PredictionRecord(
        request_id=request.request_id or f"r-{first}",
        given=request.request_id is not None,
        fingerprint=fingerprint,
        received_at_us=received_at_us,
        prefix=prefix,
        start=start,
        versions=tuple(version.digest for version in versions),
        arms=(CHAMPION, CANARY)[: len(versions)],
        keys=tuple(version.key for version in versions),
        version_of=version_of,
        scores=block.scores,
        acts=block.acts if any(act is not None for act in block.acts) else [],
        gains=block.gains if any(gain is not None for gain in block.gains) else [],
        bad=tuple(BadRow(i, block.bad[i]) for i in sorted(block.bad)),
        failed=tuple(sorted(block.failed)),
        warnings=block.warnings,
        replay_of=request.replay_of or [],
        shadow=live.shadow.digest if live.shadow is not None else "",
        rows=msgspec.Raw(request.text),
    )
    return Answered(record, _reasons(request, versions, version_of, block) if request.explain else {})


def reply(
    record: PredictionRecord, model: str, reasons: Mapping[int, tuple[Reason, ...]], rows: Sequence[object]
) -> Reply:
    """Return the reply to the request of `record`, whose rows were read as `rows`."""
    ids, count = record.ids, len(record.scores)
    bad = {one.row: one.breaches for one in record.bad}
    failed = frozenset(record.failed)
    acts, gains = spread(record.acts, count), spread(record.gains, count)
    answered_by = record.version_of or [0] * count
    answers = []
    for i, row in enumerate(rows):
        by = answered_by[i]
        given_up = i in bad or i in failed
        answers.append(
            Answer(
                prediction_id=ids[i],
                key=text_of(row, record.keys[by]) if isinstance(row, dict) else None,
                score=record.scores[i],
                act=acts[i],
                gain=gains[i],
                version=record.versions[by],
                arm=FALLBACK if given_up else record.arms[by],
                warnings=_warnings(record, i, failed),
                reasons=reasons.get(i, msgspec.UNSET),
                quarantine_id=quarantine_id(ids[i]) if i in bad else msgspec.UNSET,
                breaches=bad.get(i, msgspec.UNSET),
            )
        )
    return Reply(record.request_id, model, answers)


def reply_again(record: PredictionRecord, model: str) -> Reply:
    """Return the reply that was, or would have been, sent to the request of `record`, without reasons."""
    return reply(record, model, {}, [good_row(row) for row in read_rows(record.rows)])


def _warnings(record: PredictionRecord, i: int, failed: frozenset[int]) -> tuple[BreachRecord, ...]:
    found = record.warnings.get(i, ())
    return (*found, NO_MODEL) if i in failed else found


def _split(rows: Sequence[Row | BreachRecord], live: Live, router: Router) -> list[int]:
    """Return for each row 0 for the champion or 1 for the canary: by its subject, else its key, else its content."""
    share, by = live.route.canary_share, live.champion
    split = []
    for row in rows:
        who = None
        if isinstance(row, dict):
            who = text_of(row, by.subject) or text_of(row, by.key) or msgspec.json.encode(row, order="sorted").decode()
        split.append(int(who is not None and router.place(who) < share))
    return split


def _answer_by(version: Version, rows: Sequence[Row | BreachRecord], mine: Sequence[int], block: _Block) -> None:
    """Answer the rows with the numbers `mine` by one version."""
    check = version.model.decoder.check
    good: list[tuple[int, Row, list[float]]] = []
    for i in mine:
        row = rows[i]
        if isinstance(row, BreachRecord):
            block.bad[i] = (row,)
            continue
        values, breaches = check(row)
        if values is None:
            block.bad[i] = tuple(breach_record(one) for one in breaches if one.action is Action.REJECT)
        else:
            good.append((i, row, values))
        if breaches:
            found = tuple(breach_record(one) for one in breaches if one.action is Action.WARN)
            if found:
                block.warnings[i] = found
    _score(version, good, block)
    for i in mine:
        if block.scores[i] is None:
            block.scores[i] = version.fallback_score
            block.acts[i] = False if version.decides else None


def _score(version: Version, good: list[tuple[int, Row, list[float]]], block: _Block) -> None:
    rows: list[Row] = []
    scored: list[int] = []
    scores: list[float] = []
    for (i, row, values), score in zip(good, score_rows(version, [values for _, _, values in good]), strict=True):
        if score is None:
            block.failed.append(i)
            continue
        block.scores[i], block.features[i] = score, values
        rows.append(row)
        scored.append(i)
        scores.append(score)
    if version.decides:
        for i, gain in zip(scored, _gains(version.model.payoff, rows, scores), strict=True):
            block.acts[i], block.gains[i] = gain is not None and gain > 0, gain


def _gains(payoff: Payoff, rows: Sequence[Row], scores: Sequence[float]) -> list[float | None]:
    """Return for each row what acting is expected to bring; None where that is not known."""
    if len(rows) < _BLOCK_ROWS:
        return [_gain(payoff, row, score) for row, score in zip(rows, scores, strict=True)]
    columns = {name: [row.get(name) for row in rows] for name in payoff.columns}
    if not all(value is None or value.__class__ in _NUMBERS for column in columns.values() for value in column):
        return [_gain(payoff, row, score) for row, score in zip(rows, scores, strict=True)]
    gains = payoff.gain_many(scores, lambda name: np.array(columns[name], dtype=np.float64))
    return [None if math.isnan(gain) else gain for gain in gains.tolist()]


def _gain(payoff: Payoff, row: Row, score: float) -> float | None:
    try:
        return payoff.advise(score, row).gain
    except DaytwoError:  # a column that no contract checks holds what no amount can be made of
        return None


def score_rows(version: Version, features: list[list[float]]) -> list[float | None]:
    """Return the calibrated score of each encoded row; None where the model failed or gave no finite number."""
    try:
        if len(features) < _BLOCK_ROWS:
            scores = [version.model.score(values) for values in features]
        else:
            scores = version.model.score_many(np.array(features, dtype=np.float32)).tolist()
    # Whatever the engine raises, these rows get the fallback and the others their answer.
    except Exception:
        return [None] * len(features)
    return [score if math.isfinite(score) else None for score in scores]


def breach_record(breach: Breach) -> BreachRecord:
    """Return a breach as it is recorded and told."""
    return BreachRecord(breach.column, breach.rule, breach.value, breach.message)


def _reasons(
    request: PredictRequest, versions: Sequence[Version], version_of: Sequence[int], block: _Block
) -> dict[int, tuple[Reason, ...]]:
    found = {}
    for i, values in block.features.items():
        version, row = versions[version_of[i] if version_of else 0], request.rows[i]
        if version.model.explainer is not None and isinstance(row, dict):
            found[i] = version.model.explain(values, row)
    return found
