"""How fast the live version decays: its windows' figures as points of a line (`monitoring/judging/decay.py`).

Labels decide where enough windows have theirs; before, estimates of all windows do. The two are never mixed, since
a step between them would look like decay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from daytwo.core.finding import Finding
from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.late import figures_of, per_row
from daytwo.lifecycle.windows import Span, WindowRecord
from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.monitoring.estimating.performance import Estimate
from daytwo.monitoring.judging.decay import MIN_WINDOWS, Decay, Level, decay, decay_finding
from daytwo.monitoring.judging.harm import CHECKS

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Ageing:
    """How a version's figures change with its age. `source` is `realised` or `estimated`; money is per row."""

    source: str
    found: tuple[Decay, ...]

    def as_json(self) -> dict[str, Json]:
        """Return what is kept of it."""
        return {one.metric: {"source": self.source, **asdict(one)} for one in self.found}

    def findings(self, *, chance: float, since: datetime, rows_per_day: float, currency: str) -> tuple[Finding, ...]:
        """Return what decays beyond chance; `chance` is the share of windows in which all checks may cry wolf."""
        told = [
            decay_finding(
                one,
                chance=chance / CHECKS,
                since=since,
                source=self.source,
                rows_per_day=rows_per_day,
                currency=currency,
            )
            for one in self.found
        ]
        return tuple(one for one in told if one is not None)


def ageing(
    records: Iterable[WindowRecord],
    span: Span,
    estimates: Mapping[str, Estimate],
    *,
    rows: int,
    version: str,
    trained_at: datetime,
    metric: str,
    usual: Mapping[str, tuple[float, float]],
    margin: float,
) -> Ageing:
    """Fit how the live version's `metric` and money change per day of its age.

    Parameters
    ----------
    records : the windows known so far
        Those of other versions are left out.
    span, estimates, rows : the window just judged
        Its estimates are not in the records yet.
    usual : by metric, (value, standard error)
        The reference's performance.
    margin : float, in the metric's unit
        The bearable loss; where it is used up stands the limit. That of money is 0: it brings nothing any more.
    """
    mine = [one for one in records if one.span.index < span.index and (one.watched or {}).get("version") == version]
    names = (metric, "money")
    labelled = [
        (one.span, figures_of((one.settled or {}).get("champion")), (one.settled or {}).get("labelled"))
        for one in mine
        if one.settled and one.settled.get("champion_digest") == version
    ]
    guessed = [
        (one.span, figures_of((one.watched or {}).get("estimated")), (one.watched or {}).get("rows")) for one in mine
    ]
    chosen = labelled if len(labelled) >= MIN_WINDOWS else [*guessed, (span, dict(estimates), rows)]
    found = []
    for name in names:
        limit = 0.0 if name == "money" else _limit(usual.get(name), name, margin)
        line = decay(_levels(chosen, name, trained_at), metric=name, limit=limit)
        found += [] if line is None else [line]
    return Ageing("realised" if chosen is labelled else "estimated", tuple(found))


def _limit(usual: tuple[float, float] | None, metric: str, margin: float) -> float | None:
    if usual is None:
        return None
    return usual[0] - margin if metric in HIGHER_IS_BETTER else usual[0] + margin


def _levels(
    windows: Sequence[tuple[Span, Mapping[str, Estimate], Json]], metric: str, trained_at: datetime
) -> list[Level]:
    found = []
    for span, figures, rows in windows:
        if metric in figures:
            middle = span.start + (span.end - span.start) / 2
            one = per_row(figures[metric], metric, rows)
            found.append(Level((middle - trained_at).total_seconds() / _DAY_S, one.value, one.standard_error))
    return found
