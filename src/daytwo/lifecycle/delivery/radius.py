"""How far a candidate reaches at each step of its rollout: said before anybody approves it.

It is worked out from the traffic of the last days and kept with the release's evidence, so what is signed says what is
at stake.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from daytwo.core.schema import Task
from daytwo.lifecycle.releases import Step, read_steps
from daytwo.lifecycle.system import System
from daytwo.predictions.record import ANSWERED

# Traffic has weekdays.
_SPAN = timedelta(days=7)
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is answered a day: predictions, and subjects, None where rows name none.

    `money` is what acting as advised was expected to bring, None where nothing is advised or no amounts are known.
    """

    predictions: float
    subjects: float | None
    money: float | None


def traffic_of(system: System, now: datetime) -> Traffic | None:
    """Return what was answered a day over the last week, or since there was traffic; None where there was none."""
    if system.tables.version("predictions") is None:
        return None
    mine = (pl.col("_time") >= now - _SPAN) & (pl.col("_time") <= now) & pl.col("_arm").is_in(ANSWERED)
    rows = system.tables.read("predictions", columns=["_time", "_subject", "_act", "_gain"], where=mine)
    if not rows.height:
        return None
    first = rows["_time"].min()
    assert isinstance(first, datetime)
    days = max((now - first).total_seconds() / _DAY_S, 1.0)
    each_day = rows.group_by(pl.col("_time").dt.date()).agg(pl.col("_subject").drop_nulls().n_unique())
    subjects = sum(each_day["_subject"].to_list())
    gains = rows.filter(pl.col("_act"))["_gain"].drop_nulls()
    decides = system.settings.model.task is Task.BINARY and bool(gains.len())
    money = float(gains.sum()) / days if decides else None
    return Traffic(rows.height / days, subjects / days if subjects else None, money)


def blast_radius(system: System, now: datetime) -> tuple[str, ...]:
    """Return in words whom each step of a rollout reaches, and what is at stake there."""
    traffic = traffic_of(system, now)
    currency = system.settings.value.currency
    return tuple(_words(step, traffic, currency) for step in read_steps(system.settings.release.steps))


def _words(step: Step, traffic: Traffic | None, currency: str) -> str:
    if not step.share:
        return f"{step.text}: it answers nobody"
    if traffic is None:
        return f"{step.text}: it answers {step.share:.0%} of subjects; last week's traffic does not say how many"
    days = step.span.total_seconds() / _DAY_S
    told = f"{step.text}: it answers some {_count(traffic.predictions * step.share)} predictions a day"
    if traffic.subjects is not None:
        told += f" about {_count(traffic.subjects * step.share)} subjects"
    told += f", {_count(traffic.predictions * step.share * days)} in all"
    if traffic.money is not None:
        told += f"; at stake is advice expected to bring {_count(traffic.money * step.share)} {currency} a day"
    return told


def _count(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1 or not number else "less than 1"
