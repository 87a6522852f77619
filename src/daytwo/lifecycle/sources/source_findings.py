"""A burst of bad rows in words: how many, since when, the likely cause, what it costs, and the command to type next.

`source_health.py` finds bursts.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import polars as pl

from daytwo.contracts.contract import Contract
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.kept_aside.likely_cause import Cause, likely_cause
from daytwo.lifecycle.kept_aside.quarantine import QUARANTINE, read_row, said
from daytwo.lifecycle.kept_aside.verdicts import SERVER
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.sources.source_tallies import Came, Place
from daytwo.lifecycle.system import System
from daytwo.lifecycle.words import count, share
from daytwo.monitoring.alarming.bursts import Usual
from daytwo.predictions.record import ANSWERED

# More rules than this at once are one thing that happened to the source.
_MOST_RULES = 3
_SAMPLE, _GOOD_SAMPLE = 300, 5000
# From this share of the rows on it cannot wait for the morning.
_LOUD = 0.1


@dataclass(frozen=True, slots=True)
class Burst:
    """Rows of one source that broke one rule far more often than usual.

    `before` is how many did on all past days, `chance` how likely so many are as usual.
    """

    place: Place
    source: str
    bad: pl.DataFrame
    rows: int
    before: int
    usual: Usual
    chance: float


def tell_bursts(system: System, contract: Contract, came: Came, found: Sequence[Burst]) -> list[Finding]:
    """Say what was found: rule by rule, or of the source as a whole where many rules break at once."""
    if len(found) <= _MOST_RULES:
        return [_burst(system, contract, came, one) for one in found]
    first = max(found, key=lambda one: one.bad.height)
    bad = pl.concat([one.bad for one in found]).unique("_id")
    worst = sorted(found, key=lambda one: -one.bad.height)[:_MOST_RULES]
    names = ", ".join(f"{one.place[0]} ({one.place[1]})" for one in worst)
    since = _since(bad)
    words = (
        f"{count(bad.height, 'row')} of {first.rows:,} from {first.source} break {len(found)} rules: {names} and more"
    )
    return [
        Finding(
            kind="source.burst",
            subject=first.source,
            severity=Severity.CRITICAL,
            summary=f"{words}; has the whole row changed?",
            since=since,
            evidence={"rows": first.rows, "bad": bad.height, "rules": [list(one.place) for one in found]},
            money_per_day=_money(came, bad.height) if first.source == SERVER else None,
            owner=contract.owner or system.settings.data.owner,
            next_step=f"See them: '{_command('list', since=since)}'",
        )
    ]


def _burst(system: System, contract: Contract, came: Came, one: Burst) -> Finding:
    column, rule = one.place
    promised = next((known for known in contract.columns if known.name == column), None)
    since, rows = _since(one.bad), one.bad.height
    cause = _cause(system, contract, one)
    because = f"; {cause.words}" if cause else ""
    files = sorted(one.bad.get_column("file").unique())
    where = "of the last day" if one.source == SERVER else f"of {', '.join(files[:3])}"
    mended = ""
    if cause and cause.repairs:
        options = " ".join(repair.option for repair in cause.repairs)
        mended = f"; try the repair: '{_command('repair', column, rule, since)} {options} --dry-run'"
    of = one.rows if one.source == SERVER else _rows_of(came, files)
    usually = f"usually {share(one.usual.share)}" if one.before else "hardly ever before"
    broke = f"{rows:,} of {of:,} rows {where} break the contract ({usually})"
    return Finding(
        kind=f"contract.{rule}",
        subject=column if one.source == SERVER else f"{column} in {files[-1]}",
        severity=Severity.CRITICAL if rows > _LOUD * of else Severity.WARNING,
        summary=f"{broke}: {column}: {said(_reason(one))}{because}",
        since=since,
        evidence={
            "rows": of,
            "bad": rows,
            "source": one.source,
            "files": files[:10],
            "column": column,
            "rule": rule,
            "usual_share": one.usual.share,
            "chance": one.chance,
            "cause": cause.words if cause else "",
            "repairs": [repair.text for repair in cause.repairs] if cause else [],
        },
        money_per_day=_money(came, rows) if one.source == SERVER else None,
        owner=(promised.owner if promised else "") or contract.owner or system.settings.data.owner,
        next_step=f"See them: '{_command('list', column, rule, since)}'{mended}",
    )


def _cause(system: System, contract: Contract, one: Burst) -> Cause | None:
    column = next((known for known in contract.columns if known.name == one.place[0]), None)
    if column is None:
        return None
    ids = one.bad.get_column("_id").sort().head(_SAMPLE)
    texts = system.tables.read(QUARANTINE, columns=["row"], where=pl.col("_id").is_in(ids.implode())).get_column("row")
    rows = [row for row in (read_row(text) for text in texts) if row]
    good = _good(system, column.name, one.source) if column.is_numeric else []
    return likely_cause(contract, column, one.place[1], rows, good) if rows else None


def _good(system: System, column: str, source: str) -> list[float]:
    """Return values of a column in rows that were accepted lately."""
    table = "predictions" if source == SERVER else DATASET
    if column not in system.tables.schema(table):
        return []
    where = pl.col("_arm").is_in(ANSWERED) if source == SERVER else None
    values = system.tables.read(table, columns=[column], where=where).get_column(column)
    return values.tail(_GOOD_SAMPLE).cast(pl.Float64, strict=False).drop_nulls().drop_nans().to_list()


def _reason(one: Burst) -> dict[str, object]:
    for reason in msgspec.json.decode(
        one.bad.sort("when", "_id").get_column("reasons")[0], type=list[dict[str, object]]
    ):
        if (reason["column"], reason["rule"]) == one.place:
            return reason
    raise AssertionError("a burst's rows broke its rule")


def _rows_of(came: Came, files: Sequence[str]) -> int:
    return int(came.rows.filter(pl.col("file").is_in(files)).get_column("rows").sum())


def _money(came: Came, bad: int) -> float | None:
    """Return what a day's bad rows forgo: what the model's advice was expected to bring for other rows, for each."""
    gains = came.rows.filter(pl.col("_arm").is_in(ANSWERED)).get_column("_gain").drop_nulls()
    mean = gains.clip(0.0, None).mean()
    return round(bad * mean, 2) if isinstance(mean, float) else None


def _since(bad: pl.DataFrame) -> datetime:
    since = bad.get_column("when").min()
    assert isinstance(since, datetime)
    return since


def _command(name: str, column: str = "", rule: str = "", since: datetime | None = None) -> str:
    words = ["daytwo", "quarantine", name]
    words += (["--column", column] if column else []) + (["--rule", rule] if rule else [])
    words += ["--since", f"{since:%Y-%m-%dT%H:%M}"] if since else []
    return shlex.join(words)
