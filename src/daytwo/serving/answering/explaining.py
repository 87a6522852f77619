"""Why a recent prediction is what it is: its reasons, worked out again from the row that was recorded.

The version that answered works them out, so they are those that `explain` would have given with the answer. Older
predictions are the business of `daytwo explain`, which reads the tables. `suggesting.py` finds what would turn the
decision.
"""

from __future__ import annotations

from collections.abc import Awaitable

import msgspec

from daytwo.core.errors import NotFound
from daytwo.predictions.record import PredictionRecord, Row, good_row, read_rows
from daytwo.serving.answering.again import as_seen, loaded
from daytwo.serving.answering.live import Live, Version
from daytwo.serving.answering.replies import Answer, reply_again
from daytwo.serving.answering.served import Served
from daytwo.serving.transport.messages import HttpError, Response, ok

# Asked for below a prediction's own address; all else that is there is its explanation.
_CHANGE = "change"


def told_of(part: str, record: PredictionRecord, i: int, served: Served) -> Response | Awaitable[Response]:
    """Answer what is asked of row `i` of `record`: its reasons, or what would turn the decision on it.

    Raises
    ------
    HttpError
        409, if the version that answered is no longer loaded, or no model answered.
    NotFound
        If it gives no reasons.
    """
    live = served.predicting.live()
    if part == _CHANGE:
        return _changes(record, i, live, served)
    return ok(explanation(record, i, live, served.name))


def explanation(record: PredictionRecord, i: int, live: Live, model: str) -> dict[str, object]:
    """Return what is to be told of row `i` of `record`: of a row that the model did not answer, its breaches.

    Raises
    ------
    HttpError
        409, if the version that answered is no longer loaded.
    NotFound
        If it gives no reasons.
    """
    answer = reply_again(record, model, live.known).predictions[i]
    told: dict[str, object] = {
        "prediction_id": answer.prediction_id,
        "version": answer.version,
        "arm": answer.arm,
        "score": answer.score,
    }
    if answer.fallback is not msgspec.UNSET:
        breaches = () if answer.breaches is msgspec.UNSET else answer.breaches
        warnings = () if answer.warnings is msgspec.UNSET else answer.warnings
        return {**told, "fallback": answer.fallback, "reasons": (), "breaches": (*breaches, *warnings)}
    version, values, row = _seen(record, i, live, answer)
    sure = version.model.confidence
    if sure is not None and answer.score is not None:
        told |= {"interval": sure.interval(answer.score), "confidence": sure.words(answer.score)}
    return {**told, "reasons": version.model.explain(values, row)}


async def _changes(record: PredictionRecord, i: int, live: Live, served: Served) -> Response:
    answer = reply_again(record, served.name, live.known).predictions[i]
    if answer.fallback is not msgspec.UNSET:
        raise HttpError(
            409,
            "no_model",
            f"{answer.fallback} answered this row, no model did, and what it says no change would turn",
            hint="Its breaches stand in GET /predictions/ID/explanation",
        )
    version, values, row = _seen(record, i, live, answer)
    found = await served.suggesting.changes(version.model, values, row)
    told = {"prediction_id": answer.prediction_id, "version": answer.version, "score": answer.score}
    return ok({**told, **msgspec.structs.asdict(found)})


def _seen(record: PredictionRecord, i: int, live: Live, answer: Answer) -> tuple[Version, list[float], Row]:
    """Return the version that answered a row, and the row as it saw it: its features and its values."""
    version = loaded(live, answer.version)
    if version is None:
        raise HttpError(
            409,
            "not_loaded",
            f"the version {answer.version[:12]} that answered is no longer loaded",
            hint=f"'daytwo explain {answer.prediction_id}' loads it",
        )
    values, row = as_seen(version, good_row(read_rows(record.rows)[i]))
    if values is None:
        raise NotFound("the row of this prediction kept no contract", hint="Its breaches stand in GET /predictions/ID")
    return version, values, row
