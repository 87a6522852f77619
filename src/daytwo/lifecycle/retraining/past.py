"""What the last windows of a project would have looked like, had a model been made before each (`daytwo backtest`).

Brings the project's rows, the length of its windows and the version that is live; `training/backtest.py` does the rest.
"""

from __future__ import annotations

from datetime import datetime

from daytwo.contracts.toml import read_contract
from daytwo.core.durations import duration
from daytwo.lifecycle.rows import history
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import champion
from daytwo.scoring.payoff import Payoff
from daytwo.training.backtest import Past, Rival, backtest
from daytwo.training.lineage import newest_seen


def look_back(system: System, *, windows: int, now: datetime) -> Past:
    """Train before each of the last windows of the project, and judge on it.

    The live version is compared where it has not seen the rows and reads the contract's features.

    Raises
    ------
    DataError
        If there are no labelled rows with a time, or no window has a past to learn from.
    """
    contract, settings = read_contract(system.contract_path), system.settings
    payoff = Payoff.from_settings(settings.value, settings.model.task)
    data = history(system, contract, payoff.columns, now)
    model = champion(system)
    rival = None
    if model is not None and model.contract.features == contract.features:
        rival = Rival(model.score_many, newest_seen(system.bundles.get(model.digest).manifest.lineage))
    return backtest(
        data,
        settings,
        windows=windows,
        length=duration(settings.monitor.window),
        delay=duration(settings.monitor.label_delay),
        rival=rival,
    )
