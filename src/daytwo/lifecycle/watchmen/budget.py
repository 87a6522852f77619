"""The budget of false alarms as a report: what is allowed, what is spent, and how long an alarm takes for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from daytwo.core.durations import duration, rate_per_day
from daytwo.core.errors import Refused
from daytwo.lifecycle.rows import history
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion, load_watch
from daytwo.monitoring.alarming.alarm import MIN_HISTORY, AlarmState, fastest, start
from daytwo.monitoring.alarming.blocks import split
from daytwo.monitoring.judging.delay import Delay, try_shift
from daytwo.monitoring.judging.judge import ALARM_SHARE
from daytwo.monitoring.judging.normal import Rows

# Trying out costs time that grows with columns, blocks and rows: so many are enough for a figure.
_MOST_COLUMNS, _MOST_BLOCKS, _MOST_ROWS, _TRIES = 8, 120, 200_000, 3


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """What the alarm may spend, in false alarms, and what it takes for it.

    `allowed` is for the windows judged so far, of which there are `windows`; `spent` are the alarms that this version
    has raised, true or false, and `judged_false` the alerts that people closed as false. `block_hours` is how long a
    block is, None where blocks go by rows: alarms are judged block by block. `fastest` is the least number of
    blocks an alarm needs; `delays` say by column how many it takes for a shift of `shift` standard deviations. They
    are empty where the reference has too few blocks to try.
    """

    budget: str
    windows: int
    allowed: float
    allowed_per_window: float
    spent: int
    judged_false: int
    warming: bool
    block_hours: float | None
    block_rows: int
    fastest: int
    shift: float
    delays: tuple[Delay, ...]


def budget_report(system: System, *, shift: float, now: datetime) -> BudgetReport:
    """Say what the champion's alarm may spend, has spent, and how long it takes to hear a shift.

    Raises
    ------
    Refused
        If nothing is live.
    """
    model = champion(system)
    if model is None:
        raise Refused("nothing is live to be watched", hint="'daytwo status' says what waits")
    reference = load_watch(system.bundles, model.digest).reference
    kept = system.windows.fact(f"alarm:{model.digest}")
    state = (
        start(reference.channel_names, reference.history) if kept is None else AlarmState.from_json(str(kept).encode())
    )
    monitor = system.settings.monitor
    per_window = rate_per_day(monitor.false_alarms) * duration(monitor.window).total_seconds() / 86_400
    per_block = _per_block(per_window, reference.block.seconds, duration(monitor.window).total_seconds())
    watched = [one for one in system.windows.windows() if (one.watched or {}).get("version") == model.digest]
    data = history(system, model.contract, model.payoff.columns, now)
    matrix, times = data.matrix[-_MOST_ROWS:], None if data.times is None else data.times[-_MOST_ROWS:]
    blocks = split(len(matrix), times, reference.block)[-_MOST_BLOCKS:]
    numbers = [one.name for one in model.contract.features.features if not one.is_category][:_MOST_COLUMNS]
    delays: dict[str, Delay] = {}
    if numbers and len(blocks) >= 2 * MIN_HISTORY:
        said: list[Rows] = [
            (
                matrix[rows],
                np.asarray(model.score_many(matrix[rows]), dtype=np.float64),
                reference.phase(None if times is None else times[rows].min()),
            )
            for rows in blocks
        ]
        features = model.contract.features
        delays = try_shift(said, features, allowed=per_block, shift=shift, columns=numbers, tries=_TRIES)
    return BudgetReport(
        budget=monitor.false_alarms,
        windows=len(watched),
        allowed=per_window * len(watched),
        allowed_per_window=per_window,
        spent=state.alarms,
        judged_false=sum(one.verdict == "false" for one in system.alerts.alerts()),
        warming=len(state.history) < MIN_HISTORY,
        block_hours=reference.block.seconds / 3_600 if reference.block.is_time else None,
        block_rows=reference.block.typical_rows,
        fastest=fastest(state, per_block=per_block),
        shift=shift,
        delays=tuple(delays.values()),
    )


def _per_block(per_window: float, block_s: float, window_s: float) -> float:
    """Return the alarm's share of the budget for one block; a window of rows is taken as one block."""
    blocks = max(round(window_s / block_s), 1) if block_s else 1
    return min(ALARM_SHARE * per_window / blocks, 1.0)
