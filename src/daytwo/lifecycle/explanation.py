"""Why one prediction came out as it did, long after: its row and version found again, its score worked out anew.

The exact bundle that answered scores the logged row once more; an explanation of another score than the logged one
would explain nothing, so both are held against each other first. Works on the tables alone; what a running server
has answered a moment ago is asked of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import polars as pl

from daytwo.contracts.times import parse_time
from daytwo.contracts.toml import read_contract
from daytwo.core.errors import NotFound, Refused
from daytwo.explain.reasons import Reason
from daytwo.explain.wording import Wording
from daytwo.lifecycle.reasoning.alike import Alike, alike
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import load_model
from daytwo.predictions.labels import join_labels
from daytwo.predictions.record import FALLBACK, PredictionRecord, decode, mended, row_texts, split_id
from daytwo.predictions.segments import read_segment
from daytwo.scoring.changing import Changer, Changes
from daytwo.scoring.model import Model
from daytwo.scoring.spoken import check_reasons
from daytwo.serving.answering.predict import breach_record
from daytwo.serving.answering.replies import NOTHING_KNOWN, reply_again
from daytwo.serving.client import Client

# How many reasons each way.
_REASONS = 4
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One prediction with its reasons.

    `score` was answered, `recomputed` is what the same bundle gives for the logged row now: equal to the last bit for
    trees, within the engine's tolerance for others. `typical` is the score of the row called `reference` that reasons
    compare with. `breaches` tell why the fallback answered; then there are no reasons, and where it refused no
    `score`. `row` is what the model saw, mended values included. `label` is None while the outcome is unknown.
    `confidence` says how sure the model's score was, where it knows. `changes` and `alike` are there where they were
    asked for: what would turn the decision, and what became of past rows that the model saw alike; None also where the
    model never saw the row.
    """

    id: str
    digest: str
    arm: str
    at: datetime
    key: str | None
    score: float | None
    recomputed: float | None
    typical: float | None
    act: bool | None
    gain: float | None
    outcome: str
    reference: str
    reasons: tuple[Reason, ...]
    breaches: tuple[Mapping[str, object], ...]
    row: Mapping[str, object]
    label: float | None
    confidence: str = ""
    changes: Changes | None = None
    alike: Alike | None = None


@dataclass(frozen=True, slots=True)
class _Logged:
    """A prediction as it was recorded, wherever it was found. `is_sent` tells that `row` is as the client sent it.

    `fell_back` tells that no model of its own answered it.
    """

    digest: str
    arm: str
    at: datetime
    key: str | None
    score: float | None
    act: bool | None
    gain: float | None
    row: Mapping[str, object]
    breaches: tuple[Mapping[str, object], ...] = ()
    label: float | None = None
    is_sent: bool = False
    fell_back: bool = False


def explain(
    system: System, identity: str, client: Client | None, *, change: bool = False, similar: bool = False
) -> Explanation:
    """Explain the prediction `identity`; `client` reaches a running server, if one runs.

    `change` asks for what would turn the decision too, `similar` for what became of past rows like it.

    Raises
    ------
    NotFound
        If neither the tables, nor the server, nor what a stopped server left know it; or what is asked for cannot be
        worked out of this model.
    Refused
        If its bundle is damaged, or does not give the logged score any more.
    """
    logged = _from_tables(system, identity) or _from_server(client, identity) or _from_journal(system, identity)
    if logged is None:
        raise NotFound(
            f"there is no prediction {identity!r}",
            hint="Its id is the reply's prediction_id; 'daytwo predict FILE' shows those of its rows",
        )
    check_reasons(system.settings.reasons, read_contract(system.contract_path))
    model = replace(load_model(system.bundles, logged.digest), wording=Wording(system.settings.reasons))
    features, row = (None, logged.row) if logged.fell_back else _seen(model, logged)
    recomputed = None if features is None else model.score(features)
    if recomputed is not None and (logged.score is None or not model.agrees(recomputed, logged.score)):
        raise Refused(
            f"bundle {logged.digest[:12]} gives {recomputed!r} for this row today and answered {logged.score!r} then",
            hint="The logged row or the bundle was changed; 'daytwo doctor' checks both",
        )
    told: tuple[Reason, ...] = ()
    reference, typical = "", None
    if features is not None and model.explainer is not None:
        told = model.explain(features, row, k=_REASONS)
        reference, typical = model.compared_with(features)
    moment, changes, others = _moment(model, logged), None, None
    if change and features is not None:
        changes = Changer(model, system.settings.reasons).changes(features, _as_sent(row))
    if similar and features is not None:
        others = alike(system, model, features, identity, moment)
    return Explanation(
        id=identity,
        digest=logged.digest,
        arm=logged.arm,
        at=moment,
        key=logged.key,
        score=logged.score,
        recomputed=recomputed,
        typical=typical,
        act=logged.act,
        gain=logged.gain,
        outcome=model.explainer.outcome if model.explainer else model.manifest.model,
        reference=reference,
        reasons=told,
        breaches=logged.breaches,
        row=row,
        label=logged.label,
        confidence=model.confidence.words(recomputed) if model.confidence and recomputed is not None else "",
        changes=changes,
        alike=others,
    )


def _as_sent(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row of the tables as a request would have it: times as texts."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def _moment(model: Model, logged: _Logged) -> datetime:
    """Return when the row happened: by its own time where it bears one, as in the tables."""
    column = model.contract.time
    return (parse_time(logged.row.get(column.name)) if column is not None else None) or logged.at


def _seen(model: Model, logged: _Logged) -> tuple[list[float] | None, Mapping[str, object]]:
    """Return a row as the model saw it: its features and its values."""
    row = logged.row
    if not logged.is_sent:
        return model.encoder.row({name: row.get(name) for name in model.schema.names}), row
    features, breaches = model.decoder.check(row)
    return features, mended(dict(row), map(breach_record, breaches))


def _from_tables(system: System, identity: str) -> _Logged | None:
    if system.tables.version("predictions") is None:
        return None
    found = system.tables.read("predictions", where=pl.col("_id") == identity)
    if not found.height:
        return None
    row = found.row(0, named=True)
    label = join_labels(found.select("_id", "_key"), system.tables.read("labels"))["label"][0]
    values = {name: value for name, value in row.items() if not name.startswith("_")}
    breaches: tuple[Mapping[str, object], ...] = ()
    if row["_quarantine"] is not None:
        kept = system.tables.read("quarantine", where=pl.col("_id") == row["_quarantine"])
        if kept.height:
            breaches, values = tuple(msgspec.json.decode(kept["reasons"][0])), _object(kept["row"][0])
    return _Logged(
        digest=row["_version"],
        arm=row["_arm"],
        at=row["_time"],
        key=row["_key"],
        score=row["_score"],
        act=row["_act"],
        gain=row["_gain"],
        row=values,
        breaches=breaches,
        label=label,
        # What was asked of a version by name keeps its arm; in tables of before there is no other sign.
        fell_back=row["_arm"] == FALLBACK or row.get("_fallback") is not None,
    )


def _from_server(client: Client | None, identity: str) -> _Logged | None:
    """Ask the running server, which knows its last answers before they are in the tables."""
    if client is None:
        return None
    try:
        return _as_told(client.prediction(identity))
    except NotFound:
        return None


def _from_journal(system: System, identity: str) -> _Logged | None:
    """Look into the segments that a stopped server left and nobody has carried into the tables yet."""
    split = split_id(identity)
    if split is None:
        return None
    for path in sorted(system.journal.glob(f"{split[0]}*")):
        for payload in read_segment(path).payloads():
            record = decode(payload)
            if not isinstance(record, PredictionRecord) or record.prefix != split[0]:
                continue
            place = split[1] - record.start
            if 0 <= place < len(record.scores):
                told = msgspec.to_builtins(reply_again(record, "", NOTHING_KNOWN).predictions[place])
                row = msgspec.json.decode(row_texts(record.rows)[place])
                return _as_told(told | {"received_at_us": record.received_at_us, "row": row})
    return None


def _as_told(told: Mapping[str, Any]) -> _Logged:
    """Read a prediction as the server tells it."""
    row = told["row"]
    return _Logged(
        digest=told["version"],
        arm=told["arm"],
        at=_BEGINNING + timedelta(microseconds=told["received_at_us"]),
        key=told["key"],
        score=told["score"],
        act=told["act"],
        gain=told["gain"],
        row=row if isinstance(row, dict) else {},
        breaches=tuple(told.get("breaches", ())),
        is_sent=True,
        fell_back=told["arm"] == FALLBACK or "fallback" in told,
    )


def _object(text: str) -> dict[str, object]:
    try:
        row = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return {}
    return row if isinstance(row, dict) else {}
