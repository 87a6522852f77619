"""The answer to a request that is sent again: from its record, and with reasons where they are asked for.

Reasons are not recorded. They are worked out again from the recorded row, by the version that answered, as long as that
is loaded: then they are those of the first answer. `explaining.py` tells those of one prediction.
"""

from __future__ import annotations

from daytwo.explain.reasons import Reason
from daytwo.predictions.record import PredictionRecord, Row, good_row, mended, read_rows
from daytwo.serving.answering.live import Live, Version
from daytwo.serving.answering.predict import breach_record
from daytwo.serving.answering.replies import Reply, reply_again


def answered_again(record: PredictionRecord, model: str, live: Live, *, explain: bool) -> Reply:
    """Return the reply to the request of `record`, which was answered before."""
    return reply_again(record, model, live.known, _reasons(record, live) if explain else {})


def loaded(live: Live, digest: str) -> Version | None:
    """Return the version with this digest, None where it is no longer loaded."""
    held = (live.champion, live.canary, live.shadow, live.previous)
    return next((one for one in held if one is not None and one.digest == digest), None)


def as_seen(version: Version, row: Row) -> tuple[list[float] | None, Row]:
    """Return a recorded row as the version saw it: its features, None where it breaks the contract, and its values."""
    values, found = version.model.decoder.check(row)
    return values, mended(row, map(breach_record, found))


def _reasons(record: PredictionRecord, live: Live) -> dict[int, tuple[Reason, ...]]:
    unanswered = {*(one.row for one in record.bad), *record.failed}
    answered_by = record.version_of or [0] * len(record.scores)
    reasons = {}
    for i, row in enumerate(read_rows(record.rows)):
        version = None if i in unanswered else loaded(live, record.versions[answered_by[i]])
        if version is not None:
            values, seen = as_seen(version, good_row(row))
            if values is not None and version.model.explainer is not None:
                reasons[i] = version.model.explain(values, seen)
    return reasons
