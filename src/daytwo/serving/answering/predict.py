"""Rows in, answers out: route, check, score, calibrate, advise, or fall back.

No I/O: `handlers.py` writes the record made here to the journal before the reply leaves, and `replies.py` makes the
reply of the record.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from daytwo.contracts.action import Action, Breach
from daytwo.explain.reasons import Reason
from daytwo.predictions.record import (
    ANSWERED,
    ASKED,
    CANARY,
    CHAMPION,
    HOLDOUT,
    PREVIOUS,
    REFUSED,
    RULE,
    UNUSUAL,
    BadRow,
    BreachRecord,
    PredictionRecord,
    Row,
    mended,
    text_of,
)
from daytwo.scoring.later import model_us
from daytwo.serving.answering.advice import BLOCK_ROWS, gains
from daytwo.serving.answering.live import Live, Version
from daytwo.serving.answering.requests import PredictRequest
from daytwo.serving.answering.router import Router


@dataclass(slots=True)
class _Block:
    """What is known of a request's rows while they are answered, by their number."""

    scores: list[float | None]
    acts: list[bool | None]
    gains: list[float | None]
    bad: dict[int, tuple[BreachRecord, ...]] = field(default_factory=dict)
    failed: list[int] = field(default_factory=list)
    unasked: list[int] = field(default_factory=list)
    advised: dict[int, bool] = field(default_factory=dict)
    warnings: dict[int, tuple[BreachRecord, ...]] = field(default_factory=dict)
    fallbacks: dict[int, str] = field(default_factory=dict)
    seen: dict[int, tuple[Row, list[float]]] = field(default_factory=dict)
    took_us: dict[str, float] = field(default_factory=dict)


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
    named: Version | None = None,
    token: str = "",
) -> Answered:
    """Answer every row of `request`, by the route or by the version that was `named`.

    The prediction ids begin with number `start`. `token` is the name of the one that the request came with.
    """
    count = len(request.rows)
    block = _Block([None] * count, [None] * count, [None] * count)
    arms, version_of = _split(request.rows, live, router) if named is None else ((ASKED,), [])
    versions = [named or (live.canary if arm == CANARY and live.canary else live.champion) for arm in arms]
    for number, (arm, version) in enumerate(zip(arms, versions, strict=True)):
        mine = [i for i, one in enumerate(version_of) if one == number] if version_of else range(count)
        _answer_by(version, request.rows, mine, block)
        if block.bad or block.failed:
            stand_in = live.stand_in(version) if named is None else None
            _fall_back(version, stand_in, request.rows, mine, block)
        if arm == HOLDOUT:
            _leave_alone(mine, block)
    first = f"{prefix}{start:09x}"
    record = PredictionRecord(
        request_id=request.request_id or f"r-{first}",
        given=request.request_id is not None,
        fingerprint=fingerprint,
        received_at_us=received_at_us,
        prefix=prefix,
        start=start,
        versions=tuple(version.digest for version in versions),
        arms=arms,
        keys=tuple(version.key for version in versions),
        version_of=version_of,
        scores=block.scores,
        acts=block.acts if any(act is not None for act in block.acts) else [],
        gains=block.gains if any(gain is not None for gain in block.gains) else [],
        bad=tuple(BadRow(i, block.bad[i]) for i in sorted(block.bad)),
        failed=tuple(sorted(block.failed)),
        unasked=tuple(sorted(block.unasked)),
        advised=block.advised,
        fallbacks=block.fallbacks,
        previous=_previous(versions, live) if PREVIOUS in block.fallbacks.values() else (),
        warnings=block.warnings,
        replay_of=request.replay_of or [],
        shadow=live.shadow.digest if live.shadow is not None and named is None else "",
        token=token,
        model_us=[block.took_us.get(version.digest) for version in versions] if live.is_compared else [],
        rows=msgspec.Raw(request.text),
    )
    return Answered(record, _reasons(versions, version_of, block) if request.explain else {})


def _split(rows: Sequence[Row | BreachRecord], live: Live, router: Router) -> tuple[tuple[str, ...], list[int]]:
    """Return the arms that answer, and which of them each row: by its subject, else its key, else its content.

    Where one arm answers all, the second list is empty.
    """
    if not live.is_split:
        return (CHAMPION,), []
    by, holdout = live.champion, live.route.holdout
    share = live.route.canary_share if live.canary is not None else 0.0
    arm_of = []
    for row in rows:
        arm = CHAMPION
        if isinstance(row, dict):
            who = text_of(row, by.subject) or text_of(row, by.key) or msgspec.json.encode(row, order="sorted").decode()
            arm = router.arm(who, share, holdout)
        arm_of.append(arm)
    arms = tuple(arm for arm in ANSWERED if arm in arm_of)
    return arms, [arms.index(arm) for arm in arm_of] if len(arms) > 1 else []


def _leave_alone(mine: Sequence[int], block: _Block) -> None:
    """Act on none of the holdout group's rows `mine`, and keep what would have been advised."""
    for i in mine:
        act = block.acts[i]
        if act is not None:
            block.advised[i], block.acts[i] = act, False


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
        if breaches:
            found = tuple(breach_record(one) for one in breaches if one.action is not Action.REJECT)
            if found:
                block.warnings[i] = found
                row = mended(row, found)
        if values is not None:
            good.append((i, row, values))
            odd = tuple(unusual(version, row, values))
            if odd:
                block.warnings[i] = (*block.warnings.get(i, ()), *odd)
    if version.breaker.allows():
        block.failed += _score(version, good, block)
    else:
        unasked = [i for i, _, _ in good]
        block.unasked += unasked
        block.failed += unasked


def _fall_back(
    version: Version, previous: Version | None, rows: Sequence[Row | BreachRecord], mine: Sequence[int], block: _Block
) -> None:
    """Answer those of the rows `mine` that have no answer, as the version's fallback says; act on none unasked."""
    left = [i for i in mine if block.scores[i] is None]
    if previous is not None:
        left = _stand_in(previous, rows, left, block)
    for i in left:
        fallback, row = version.fallback, rows[i]
        if fallback.rule is not None and isinstance(row, dict):
            breaches = version.model.decoder.check(row)[1]
            row = mended(row, map(breach_record, breaches))
            score = fallback.rule.score(row, breaches)
            if score is not None:
                block.scores[i], block.fallbacks[i] = score, RULE
                _advise(version, [(i, row, score)], block)
                continue
        block.scores[i], block.fallbacks[i] = fallback.constant, fallback.constant_name
        block.acts[i] = False if version.decides and fallback.constant_name != REFUSED else None


def _stand_in(previous: Version, rows: Sequence[Row | BreachRecord], left: Sequence[int], block: _Block) -> list[int]:
    """Let the previous champion answer the rows that keep its own contract; return the others."""
    good: list[tuple[int, Row, list[float]]] = []
    for i in left:
        row = rows[i]
        values, breaches = previous.model.decoder.check(row) if isinstance(row, dict) else (None, ())
        if values is not None and isinstance(row, dict):
            good.append((i, mended(row, map(breach_record, breaches)), values))
    if previous.breaker.allows():
        _score(previous, good, block)
    answered = [i for i, _, _ in good if block.scores[i] is not None]
    block.fallbacks.update(dict.fromkeys(answered, PREVIOUS))
    return [i for i in left if i not in block.fallbacks]


def _previous(versions: Sequence[Version], live: Live) -> tuple[str, ...]:
    found = [live.stand_in(version) for version in versions]
    return tuple("" if one is None else one.digest for one in found)


def _score(version: Version, good: list[tuple[int, Row, list[float]]], block: _Block) -> list[int]:
    """Score checked rows and advise on them; return those on which the model failed."""
    answered: list[tuple[int, Row, float]] = []
    failed: list[int] = []
    begun = time.perf_counter()
    scores = score_rows(version, [values for _, _, values in good])
    if good:
        block.took_us[version.digest] = model_us(begun, len(good))
    for (i, row, values), score in zip(good, scores, strict=True):
        if score is None:
            failed.append(i)
        else:
            block.scores[i], block.seen[i] = score, (row, values)
            answered.append((i, row, score))
    _advise(version, answered, block)
    return failed


def _advise(version: Version, answered: Sequence[tuple[int, Row, float]], block: _Block) -> None:
    if version.decides:
        found = gains(version.model.payoff, [row for _, row, _ in answered], [score for _, _, score in answered])
        for (i, _, _), gain in zip(answered, found, strict=True):
            block.acts[i], block.gains[i] = gain is not None and gain > 0, gain


def score_rows(version: Version, features: list[list[float]]) -> list[float | None]:
    """Return the calibrated score of each encoded row; None where the model failed or gave no finite number.

    The version's breaker hears how it went, and is asked before by whoever calls.
    """
    scores = _raw_scores(version, features)
    if features and not (version.breaker.is_sound and scores[0] is not None):
        version.breaker.heard(good=any(score is not None for score in scores))
    return scores


def _raw_scores(version: Version, features: list[list[float]]) -> list[float | None]:
    try:
        if len(features) < BLOCK_ROWS:
            scores = [version.model.score(values) for values in features]
        else:
            scores = version.model.score_many(np.array(features, dtype=np.float32)).tolist()
    # Whatever the engine raises, these rows get the fallback and the others their answer.
    except Exception:
        return [None] * len(features)
    return [score if math.isfinite(score) else None for score in scores]


def unusual(version: Version, row: Row, values: Sequence[float]) -> Iterator[BreachRecord]:
    """Yield a warning for each value of a row that is hardly ever seen; the model was not tried on its like."""
    for name, why in version.model.novelty_check.unusual(values):
        yield BreachRecord(name, UNUSUAL, row.get(name), f"{name} is unusual: {why}")


def breach_record(breach: Breach) -> BreachRecord:
    """Return a breach as it is recorded and told."""
    repaired = breach.repaired if breach.action is Action.REPAIR else msgspec.UNSET
    return BreachRecord(breach.column, breach.rule, breach.value, breach.message, repaired)


def _reasons(versions: Sequence[Version], version_of: Sequence[int], block: _Block) -> dict[int, tuple[Reason, ...]]:
    found = {}
    for i, (row, values) in block.seen.items():
        version = versions[version_of[i] if version_of else 0]
        if version.model.explainer is not None and i not in block.fallbacks:
            found[i] = version.model.explain(values, row)
    return found
