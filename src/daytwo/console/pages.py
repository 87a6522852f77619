"""What stands on each page: the overview, one release, one alert, as values that the templates lay out.

Nothing is worked out here that `lifecycle/overview.py` knows; a page picks, orders and puts into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from daytwo.alerts.alerts import Alert
from daytwo.console.charts import MOST_POINTS, Chart, Line
from daytwo.core.durations import duration
from daytwo.governance.audit import Entry
from daytwo.lifecycle import words
from daytwo.lifecycle.course import Point
from daytwo.lifecycle.dossier import Dossier, Origin, dossier, origin
from daytwo.lifecycle.headline import Sentence, Tone, headline, metric_sentence, money_sentence
from daytwo.lifecycle.lineup import RouteLine, called, names_of
from daytwo.lifecycle.overview import Overview, overview
from daytwo.lifecycle.releases import State
from daytwo.lifecycle.system import System

# What was done so long before an alert may have to do with it.
_BEFORE = timedelta(days=14)
_MOST_ENTRIES = 8


@dataclass(frozen=True, slots=True)
class Home:
    """The first page. `charts` are those with something to draw; `points` the drawn windows, the newest first."""

    view: Overview
    sentences: tuple[Sentence, ...]
    charts: tuple[Chart, ...]
    points: tuple[Point, ...]

    @property
    def tone(self) -> Tone:
        """The worst tone of any sentence: what the page's title says first."""
        tones = {sentence.tone for sentence in self.sentences}
        return next(tone for tone in (Tone.BAD, Tone.ACT, Tone.PLAIN) if tone in tones)


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """One release. `name` is the candidate's, `champion` that of the version it was compared with."""

    model: str
    currency: str
    metric: str
    now: datetime
    folder: str
    dossier: Dossier
    name: str
    champion: str
    change: str
    origin: Origin | None


@dataclass(frozen=True, slots=True)
class AlertPage:
    """One alert, what a person can do about it, and what was done in the two weeks before it opened.

    `before` has the newest first; it is None where the audit record cannot be read.
    """

    model: str
    currency: str
    now: datetime
    folder: str
    alert: Alert
    commands: tuple[str, ...]
    before: tuple[Entry, ...] | None


def home(system: System, now: datetime) -> Home:
    """Look at the whole project."""
    view = overview(system, now)
    drawn = view.points[-MOST_POINTS:]
    charts = tuple(chart for chart in (_metric_chart(view, drawn), _money_chart(view, drawn)) if not chart.is_empty)
    return Home(view, headline(view), charts, tuple(reversed(drawn)))


def release_page(system: System, release_id: str, now: datetime) -> ReleasePage | None:
    """Return what the approver of one release must see, or None where there is no such release."""
    release = system.releases.get(release_id)
    if release is None:
        return None
    found = dossier(system, release, now)
    names = names_of(system.registry.versions())
    name = called(names, release.digest) or "a candidate"
    champion = called(names, found.evidence.champion)
    return ReleasePage(
        model=system.settings.model.name,
        currency=system.settings.value.currency,
        metric=system.settings.gate.metric,
        now=now,
        folder=str(system.folder),
        dossier=found,
        name=name,
        champion=champion,
        change=_change(found, name, champion),
        origin=origin(system, release.digest) if release.digest else None,
    )


def alert_page(system: System, alert_id: str, now: datetime) -> AlertPage | None:
    """Return one alert with what may have caused it, or None where there is no such alert."""
    alert = next((one for one in system.alerts.alerts() if one.id == alert_id), None)
    if alert is None:
        return None
    return AlertPage(
        model=system.settings.model.name,
        currency=system.settings.value.currency,
        now=now,
        folder=str(system.folder),
        alert=alert,
        commands=_alert_commands(alert),
        before=_before(system, alert),
    )


def _before(system: System, alert: Alert) -> tuple[Entry, ...] | None:
    try:
        log = system.audit.read()
    except (ValueError, msgspec.DecodeError):
        return None
    near = [one.entry for one in reversed(log) if alert.opened_at - _BEFORE <= one.entry.at <= alert.opened_at]
    return tuple(near[:_MOST_ENTRIES])


def _metric_chart(view: Overview, drawn: Sequence[Point]) -> Chart:
    name = words.metric(view.project.metric)
    return Chart(
        id="metric",
        title=f"{name} per window",
        sentence=metric_sentence(view),
        starts=tuple(point.start for point in drawn),
        ends=tuple(point.end for point in drawn),
        lines=(
            Line("estimated, before labels", "estimated", tuple(one.estimated for one in drawn), "band"),
            Line("the first version", "static", tuple(one.static for one in drawn)),
            Line("as answered, by labels", "live", tuple(one.live for one in drawn), "whiskers"),
        ),
        marks=promotions(view.routes),
    )


def _money_chart(view: Overview, drawn: Sequence[Point]) -> Chart:
    return Chart(
        id="money",
        title=f"{view.project.currency} per window",
        sentence=money_sentence(view),
        starts=tuple(point.start for point in drawn),
        ends=tuple(point.end for point in drawn),
        lines=(
            Line("estimated, before labels", "estimated", tuple(one.money_estimated for one in drawn), "band"),
            Line("the first version", "static", tuple(one.money_static for one in drawn)),
            Line("as answered, by labels", "live", tuple(one.money_live for one in drawn), "whiskers"),
        ),
        marks=promotions(view.routes),
    )


def promotions(routes: Sequence[RouteLine]) -> tuple[tuple[datetime, str], ...]:
    """Return when the champion changed, and to which, from the routes with the newest first."""
    found: list[tuple[datetime, str]] = []
    for change in reversed(routes):
        if not found or found[-1][1] != change.champion:
            found.append((change.at, change.champion))
    return tuple(found)


def _change(found: Dossier, name: str, champion: str) -> str:
    release, evidence = found.release, found.evidence
    if release.state is State.TRAINING:
        return f"A candidate is being trained, because {release.reason}."
    ended_badly = release.state in {State.REFUSED, State.DECLINED, State.STOPPED}
    told = f"Put {name} in place of {champion}" if champion else f"Let {name} be the first to answer"
    told = f"Was to {told[0].lower()}{told[1:]}" if ended_badly else told
    told += f", because {release.reason.removeprefix('retrain: ')}."
    if evidence.train_rows is not None:
        span = "everything labelled" if evidence.window == "all" else f"the last {_span_words(evidence.window)}"
        told += f" It learnt from {words.count(evidence.train_rows, 'row')} ({span})"
        unseen = evidence.test_rows
        told += f" and was gated on {words.count(unseen, 'row')} it had not seen." if unseen else "."
    by_name = {one.name: one for one in evidence.variants}
    reference, chosen = by_name.get("reference"), by_name.get(evidence.recommended)
    if reference and chosen and chosen is not reference and chosen.nodes_per_row:
        less = reference.nodes_per_row / chosen.nodes_per_row
        told += f" Variant {chosen.name} does {less:.1f} times less work a row than the reference model."
    return told


def _span_words(window: str) -> str:
    return words.span(duration(window).total_seconds())


def _alert_commands(alert: Alert) -> tuple[str, ...]:
    if alert.closed_at is not None:
        return ()
    taken = () if alert.acknowledged_by else (f"daytwo alerts ack {alert.id} --as NAME",)
    return (*taken, f"daytwo alerts close {alert.id} --as NAME --verdict true|false|repaired")
