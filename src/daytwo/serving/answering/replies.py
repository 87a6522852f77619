"""A reply is made of its record alone, so a request that is sent twice gets the same answer, also from another process.

Pure. `predict.py` next door makes the record, `handlers.py` sends the reply once the record is in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from daytwo.explain.reasons import Reason
from daytwo.predictions.record import (
    ASKED,
    BreachRecord,
    PredictionRecord,
    good_row,
    quarantine_id,
    read_rows,
    spread,
    text_of,
)
from daytwo.scoring.confidence import Confidence

# Where no version is at hand, and where none is asked why.
NOTHING_KNOWN: Mapping[str, Confidence] = {}
_NO_REASONS: Mapping[int, tuple[Reason, ...]] = {}
NO_MODEL = BreachRecord("", "model_failed", None, "the model failed on this row")
UNASKED = BreachRecord("", "model_unasked", None, "the model was not asked: it failed again and again, and rests")


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The answer to one row, as it is sent; `version` is the one that answered, or whose fallback did.

    `interval` is what the probability, or the value, lies between (`scoring/confidence.py`), `confidence` the same in
    words, with reasons only. `fallback` stands only where the model did not answer, `quarantine_id` and `breaches`
    where the row broke its contract. `holdout` stands where the row's subject is left alone: then it is not acted on,
    and no gain is told that somebody might act on.
    """

    prediction_id: str
    key: str | None
    score: float | None
    act: bool | None
    gain: float | None
    version: str
    arm: str
    interval: tuple[float, float] | msgspec.UnsetType = msgspec.UNSET
    fallback: str | msgspec.UnsetType = msgspec.UNSET
    warnings: tuple[BreachRecord, ...] | msgspec.UnsetType = msgspec.UNSET
    reasons: tuple[Reason, ...] | msgspec.UnsetType = msgspec.UNSET
    quarantine_id: str | msgspec.UnsetType = msgspec.UNSET
    breaches: tuple[BreachRecord, ...] | msgspec.UnsetType = msgspec.UNSET
    holdout: bool | msgspec.UnsetType = msgspec.UNSET
    confidence: str | msgspec.UnsetType = msgspec.UNSET


class Reply(msgspec.Struct, frozen=True):
    """The body of the reply to `POST /predict`; `degraded` says what is wrong with the model, where something is."""

    request_id: str
    model: str
    predictions: list[Answer]
    degraded: str | msgspec.UnsetType = msgspec.UNSET


def reply(
    record: PredictionRecord,
    model: str,
    reasons: Mapping[int, tuple[Reason, ...]],
    rows: Sequence[object],
    known: Mapping[str, Confidence],
) -> Reply:
    """Return the reply to the request of `record`, whose rows were read as `rows`.

    `known` holds, by digest, how sure the scores of a version are; without it there is no interval.
    """
    ids, count = record.ids, len(record.scores)
    bad = {one.row: one.breaches for one in record.bad}
    failed = frozenset(record.failed)
    acts, gains = spread(record.acts, count), spread(record.gains, count)
    answered_by = record.version_of or [0] * count
    answers = []
    for i, row in enumerate(rows):
        by = answered_by[i]
        given_up = i in bad or i in failed
        if isinstance(row, dict):
            key = text_of(record.mended(i, row) if i in record.warnings else row, record.keys[by])
        else:
            key = None
        score, version = record.scores[i], (record.stand_in(i) if given_up else "") or record.versions[by]
        sure = known.get(version) if score is not None and (not given_up or record.stand_in(i)) else None
        answers.append(
            Answer(
                prediction_id=ids[i],
                key=key,
                score=score,
                act=acts[i],
                gain=None if record.is_held(i) else gains[i],
                version=version,
                arm=record.arm(i, given_up=given_up),
                interval=sure.interval(score) if sure is not None and score is not None else msgspec.UNSET,
                fallback=record.fallbacks.get(i, msgspec.UNSET) if given_up else msgspec.UNSET,
                warnings=_warnings(record, i, failed),
                reasons=reasons.get(i, msgspec.UNSET),
                quarantine_id=quarantine_id(ids[i]) if i in bad and record.arms[by] != ASKED else msgspec.UNSET,
                breaches=bad.get(i, msgspec.UNSET),
                holdout=True if record.is_held(i) else msgspec.UNSET,
                confidence=(
                    sure.words(score) if sure is not None and score is not None and i in reasons else msgspec.UNSET
                ),
            )
        )
    return Reply(record.request_id, model, answers)


def reply_again(
    record: PredictionRecord,
    model: str,
    known: Mapping[str, Confidence],
    reasons: Mapping[int, tuple[Reason, ...]] = _NO_REASONS,
) -> Reply:
    """Return the reply that was, or would have been, sent to the request of `record`, with these reasons by row.

    `known` is as for `reply`: without the version that answered, its interval is left out.
    """
    return reply(record, model, reasons, [good_row(row) for row in read_rows(record.rows)], known)


def _warnings(record: PredictionRecord, i: int, failed: frozenset[int]) -> tuple[BreachRecord, ...]:
    found = record.warnings.get(i, ())
    if i not in failed:
        return found
    return (*found, UNASKED if i in record.unasked else NO_MODEL)
