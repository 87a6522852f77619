"""The health of each source: whether it sends more bad rows than it ever did, fell silent, or sends old rows.

One look judges the last day of every source against that source's own past. Findings name the likely cause and the
command that shows, or mends, the rows. `source_tallies.py` counts, `patrol.py` looks at every tick; `source_gaps.py`
looks at values that are missing and were mended.

False alarms: a rule is told where its share of the last day's rows would come by chance less than once in 1000 days,
shared out over all rules of the contract and the hundred looks of a day (Bonferroni). Chance knows how much this
source's days differ (`monitoring/alarming/bursts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from daytwo.contracts.contract import Contract
from daytwo.contracts.toml import read_contract
from daytwo.core.durations import duration
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.kept_aside.verdicts import SERVER, live_contract
from daytwo.lifecycle.sources.source_findings import Burst, tell_bursts
from daytwo.lifecycle.sources.source_gaps import gaps
from daytwo.lifecycle.sources.source_tallies import (
    Came,
    Place,
    Tallies,
    begin_of,
    came_since,
    count_days,
    keep_tallies,
    read_tallies,
)
from daytwo.lifecycle.system import System
from daytwo.lifecycle.words import moment, span
from daytwo.monitoring.alarming.bursts import chance, usual
from daytwo.monitoring.alarming.silence import longest_usual
from daytwo.registry.versions import current_route

# How far back a look sees, and how many looks there are in that time.
SIGHT, LOOKS = timedelta(days=1), 100
# The share of rows that may break a rule by chance where the contract does not say, or has seen none yet.
_USUAL_SHARE = 1e-3
# One burst in so many days is told of a source that is as it was.
_FALSE_DAYS = 1000.0
_FEWEST = 3


def look(system: System, now: datetime) -> list[Finding]:
    """Judge every source at `now`; a day that is over is counted on the way."""
    tallies = read_tallies(system)
    came = came_since(system, min(now - SIGHT, begin_of(tallies, now)), now)
    new = count_days(tallies, came, now)
    findings: list[Finding] = []
    lately = came.since(now - SIGHT)
    for source in sorted(lately.rows.get_column("source").unique()):
        contract = live_contract(system) if source == SERVER else read_contract(system.contract_path)
        if source == SERVER and current_route(system.registry) is None:
            continue
        found = bursts(contract, lately.of(source), source, tallies, now, usual_by_then=_said_to_be_usual(system))
        for told_of, _, day in new:
            if told_of == source:
                day.odd = sorted({one.place for one in found} & {(column, rule) for column, rule, _ in day.rules})
        findings += tell_bursts(system, contract, lately.of(source), found)
        if source == SERVER:
            findings += _stale(system, contract, lately.of(source), source, now)
            findings += gaps(system, contract, source, now - SIGHT, now)
    findings += _silent(system, tallies, lately, now)
    if new or tallies.until is None:
        keep_tallies(system, tallies)
    return findings


def bursts(
    contract: Contract,
    came: Came,
    source: str,
    tallies: Tallies,
    now: datetime,
    *,
    usual_by_then: Mapping[Place, date] | None = None,
) -> list[Burst]:
    """Return the rules that rows of one source broke far more often than they ever did.

    Days of a burst are no history, or it would become usual by lasting; those up to which a person said that it is no
    fault (`usual_by_then`) are.
    """
    rows = int(came.rows.get_column("rows").sum())
    rates = {column.name: column.false_alarm_rate for column in contract.columns}
    limit = 1.0 / (_FALSE_DAYS * LOOKS * max(20, 3 * len(contract.columns)))
    found = []
    for place, bad in came.places.items():
        expected = min(max(rates.get(place[0]) or _USUAL_SHARE, 1e-5), 0.5)
        usual_until = (usual_by_then or {}).get(place, date.min)
        if usual_until >= (now - SIGHT).date():
            continue  # said so within what the look sees: told no more
        past = [one for day, one in tallies.past(source) if day < (now - SIGHT).date()]
        past = [one for one in past if place not in one.odd or one.last.date() <= usual_until]
        broke = [day.count(place) for day in past]
        known = usual(broke, [day.rows for day in past], expected=expected)
        by_chance = chance(min(bad.height, rows), rows, known)
        if bad.height >= _FEWEST and by_chance < limit:
            found.append(Burst(place, source, bad, rows, sum(broke), known, by_chance))
    return found


def _said_to_be_usual(system: System) -> dict[Place, date]:
    """Return until when a burst was no fault, for each place of which a person closed the alert so."""
    said: dict[Place, date] = {}
    for alert in system.alerts.alerts():
        if alert.closed_at is None or alert.verdict != "false" or not alert.kind.startswith("contract."):
            continue
        place = (str(alert.evidence.get("column", alert.subject)), alert.kind.removeprefix("contract."))
        said[place] = max(alert.closed_at.date(), said.get(place, date.min))
    return said


def _silent(system: System, tallies: Tallies, lately: Came, now: datetime) -> list[Finding]:
    """Return a finding for each source from which nothing has come for longer than it ever takes at that time."""
    found = []
    for source in sorted(tallies.sources):
        last = max((day.last for _, day in tallies.past(source)), default=None)
        newest = lately.of(source).rows.get_column("came").max()
        last = newest if isinstance(newest, datetime) else last
        if last is None:
            continue
        limit = longest_usual(tallies.waits(source), last.toordinal() - 1, last.hour)
        quiet = (now - last).total_seconds()
        if limit is None or quiet <= limit:
            continue
        steps = {
            SERVER: "Ask who sends the rows; 'daytwo status' and .daytwo/server.log tell whether the server answers"
        }
        found.append(
            Finding(
                kind="source.silent",
                subject=source,
                severity=Severity.CRITICAL if quiet > 3 * limit else Severity.WARNING,
                summary=f"nothing has come from {source} for {span(quiet)}, since {moment(last)}; "
                f"going by its past, something comes within {span(limit)} at that time",
                since=last,
                evidence={"quiet_s": round(quiet), "limit_s": round(limit)},
                owner=system.settings.data.owner,
                next_step=steps.get(source, f"Ask who delivers {source}; 'daytwo doctor' tells what is found there"),
            )
        )
    return found


def _stale(system: System, contract: Contract, came: Came, source: str, now: datetime) -> list[Finding]:
    """Return a finding where rows come, but the newest is older than the contract promises."""
    newest = came.rows.get_column("_time").max()
    if not contract.batch.max_age or not isinstance(newest, datetime):
        return []
    if now - newest <= duration(contract.batch.max_age):
        return []
    age = span((now - newest).total_seconds())
    words = f"the newest row from {source} is {age} old; the contract promises {contract.batch.max_age}"
    return [
        Finding(
            kind="source.stale",
            subject=source,
            severity=Severity.WARNING,
            summary=words,
            since=newest,
            evidence={"newest": newest.isoformat(), "max_age": contract.batch.max_age},
            owner=contract.owner or system.settings.data.owner,
            next_step="Ask who sends the rows whether their source stands still",
        )
    ]
