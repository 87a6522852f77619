"""What is known of a candidate from live traffic: its rows in shadow and as a canary, collected for the gates.

Cheap signs (failures, no numbers, agreement, pace) are looked at on every tick, from the rows of the present step.
Labels, money and estimates are of the whole rollout so far; they are looked at once an hour and before a step ends.
What was found is kept for people to see (`live_signs.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from daytwo.lifecycle.delivery.live_quality import quality_on_live
from daytwo.lifecycle.delivery.live_signs import keep_live, read_live
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.gating.gates import GateResult
from daytwo.lifecycle.gating.live_gates import agreement_gate, failing_gate, numbers_gate, pace_gate
from daytwo.lifecycle.releases import Release
from daytwo.lifecycle.system import System
from daytwo.predictions.record import ANSWERED, CANARY, FALLBACK

# Labels come by the day and estimates cost time: a look an hour is enough, and none of it is done twice.
_LOOK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LiveEvidence:
    """What is wrong with the candidate, empty where nothing is, and how many rows it scored in the present step."""

    trouble: str
    rows: int


def look_at_live(
    system: System, release: Release, champion: str, now: datetime, *, is_canary: bool, ends: bool
) -> LiveEvidence:
    """Judge a rolling release by what live traffic says of it; `ends` tells that its present step is about to end."""
    scored = _canary_rows(system, release) if is_canary else _shadow_rows(system, release)
    failed = _failed_rows(system, release) if is_canary else scored["_score"].null_count()
    scored = scored.filter(pl.col("_score").is_not_null())
    results = [one for one in _signs(system, release, scored, failed, champion, is_canary=is_canary) if one is not None]
    seen = read_live(system, release.id)
    fresh = now - datetime.fromisoformat(str(seen["looked_at"])) < _LOOK if "looked_at" in seen else False
    if fresh and not ends:
        looked_at, deep = seen["looked_at"], seen.get("deep", [])
    elif all(one.passed for one in results):
        looked_at, deep = now.isoformat(), [_json(one) for one in quality_on_live(system, release, champion)]
    else:
        looked_at, deep = now.isoformat(), []
    kept: list[Json] = [*map(_json, results), *(deep if isinstance(deep, list) else [])]
    if kept:
        known: dict[str, Json] = {"looked_at": looked_at, "rows": scored.height, "signs": kept, "deep": deep}
        keep_live(system, release.id, known)
    wrong = [str(one["words"]) for one in kept if isinstance(one, dict) and not one["passed"]]
    return LiveEvidence("; ".join(wrong), scored.height)


def _signs(
    system: System, release: Release, scored: pl.DataFrame, failed: int, champion: str, *, is_canary: bool
) -> Iterable[GateResult | None]:
    yield failing_gate(failed, scored.height)
    if not scored.height:
        return
    scores = scored["_score"].to_numpy()
    sound = numbers_gate(scores)
    yield sound
    if sound.passed and not is_canary:
        yield agreement_gate(scores, scored["answered"].to_numpy())
    if scored["_model_us"].null_count() < scored.height:
        usual = _times(system, (pl.col("_version") == champion) & (pl.col("_time") >= release.step_since))
        mine = scored["_model_us"].drop_nulls().to_numpy()
        yield pace_gate(mine, usual, max_p99_ms=system.settings.gate.max_p99_ms)


def _times(system: System, which: pl.Expr) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if "_model_us" not in system.tables.schema("predictions"):
        return np.zeros(0)
    rows = system.tables.read("predictions", columns=["_model_us"], where=which & pl.col("_arm").is_in(ANSWERED))
    return rows["_model_us"].drop_nulls().to_numpy()


def _failed_rows(system: System, release: Release) -> int:
    """Count the rows that kept the contract and that the fallback answered for the candidate as a canary."""
    if "_quarantine" not in system.tables.schema("predictions"):
        return 0
    mine = (
        (pl.col("_version") == release.digest)
        & (pl.col("_arm") == FALLBACK)
        & pl.col("_quarantine").is_null()
        & (pl.col("_time") >= release.step_since)
    )
    return system.tables.read("predictions", columns=["_arm"], where=mine).height


def _shadow_rows(system: System, release: Release) -> pl.DataFrame:
    """Rows the candidate scored unseen in this step, beside what was `answered`; `_score` is null where it failed."""
    mine = (pl.col("_version") == release.digest) & (pl.col("_time") >= release.step_since)
    if system.tables.version("shadow") is None:
        return pl.DataFrame(schema={"_score": pl.Float64, "answered": pl.Float64, "_model_us": pl.Float64})
    shadow = _timed(system.tables.read("shadow", where=mine))
    answered = system.tables.read(
        "predictions",
        columns=["_id", "_score"],
        where=(pl.col("_time") >= release.step_since) & pl.col("_arm").is_in(ANSWERED),
    )
    return shadow.join(answered.rename({"_score": "answered"}), on="_id", how="inner")


def _canary_rows(system: System, release: Release) -> pl.DataFrame:
    """Rows the candidate answered for its share of subjects in this step."""
    mine = (pl.col("_version") == release.digest) & (pl.col("_arm") == CANARY) & (pl.col("_time") >= release.step_since)
    held = [name for name in ("_score", "_model_us") if name in system.tables.schema("predictions")]
    return _timed(system.tables.read("predictions", columns=held, where=mine))


def _timed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with the time of their model, null in rows from before it was noted."""
    return rows if "_model_us" in rows.columns else rows.with_columns(_model_us=pl.lit(None, dtype=pl.Float64))


def _json(result: GateResult) -> dict[str, Json]:
    kept: dict[str, Json] = asdict(result)
    return kept
