"""The rows that only gates may see: the newest windows, set aside before training, as each version reads them.

`prepare.py` trains on the others, `evidence.py` next door judges on these.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from daytwo.contracts.toml import read_contract
from daytwo.core.durations import duration
from daytwo.core.errors import DataError
from daytwo.lifecycle.rows import history
from daytwo.lifecycle.system import System
from daytwo.scoring.model import Model
from daytwo.scoring.payoff import Payoff
from daytwo.training.dataset import Split, TrainingData, split

# The test part is the newest windows, but never more than this share of all labelled rows.
_TEST_SHARE = 0.25
# Fewer rows than these judge nobody; then so many, or this share of all, are set aside.
_FEWEST_TEST_ROWS = 500
_LEAST_TEST_SHARE = 0.1


def set_aside(data: TrainingData, system: System) -> Split:
    """Part the newest windows from the rows to learn from; more than those where they hold only a few rows."""
    if data.times is None:
        return split(data, seed=system.settings.seed)
    length = duration(system.settings.monitor.window) * system.settings.gate.test_windows
    newest = data.times[-1].astype("datetime64[us]").item()
    start = np.datetime64(newest - length + timedelta(microseconds=1), "us")
    rows = int((data.times >= start).sum())
    if rows > _TEST_SHARE * data.rows:
        return split(data, test_share=_TEST_SHARE)
    if rows < _FEWEST_TEST_ROWS:
        return split(data, test_share=min(max(_FEWEST_TEST_ROWS / data.rows, _LEAST_TEST_SHARE), _TEST_SHARE))
    return split(data, test_from=start)


def read_beside(system: System, payoff: Payoff) -> tuple[str, ...]:
    """Return the columns that are read beside the features: those of the payoff, and those whose groups are judged."""
    return tuple(dict.fromkeys([*payoff.columns, *system.settings.gate.sensitive]))


def as_read_by(system: System, present: Model, parts: Split, now: datetime) -> NDArray[np.float32] | None:
    """Return the rows set aside as the champion's own contract encodes them; None where the contract has not changed.

    Raises
    ------
    DataError
        If the two contracts do not agree on which rows are labelled, or the dataset lacks a column that it reads.
    """
    contract = read_contract(system.contract_path)
    if contract.features == present.contract.features:
        return None
    payoff = Payoff.from_settings(system.settings.value, system.settings.model.task)
    theirs = set_aside(history(system, present.contract, payoff.columns, now), system)
    if not np.array_equal(theirs.test.labels, parts.test.labels) or theirs.train.rows != parts.train.rows:
        raise DataError(
            f"the champion {present.digest[:12]} has another contract, by which other rows are labelled",
            hint="Keep target and time as they are, or begin a new project for a new target",
        )
    return theirs.test.matrix
