"""Which columns of a row may change, which way and to what: the contract, what is usual, and the project's `[reasons]`.

`changing.py` next door searches within that.
"""

from __future__ import annotations

import math

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.options import Allowed, Way
from daytwo.scoring.novelty import Usual


def feature_columns(contract: Contract, limits: ReasonsSettings) -> dict[int, Column]:
    """Return the contract's features by their place in the matrix, those that tell of defaults left out.

    Raises
    ------
    SettingsError
        If `limits` names a column that the contract does not have.
    """
    places = {name: i for i, name in enumerate(contract.features.names)}
    columns = {places[one.name]: one for one in contract.columns if one.role is Role.FEATURE}
    known = {one.name for one in contract.columns}
    for name in (*limits.fixed, *limits.only_up, *limits.only_down):
        if name not in known:
            raise SettingsError(
                f"[reasons] names the column {name!r}, which the contract does not have",
                hint=f"Name one of {', '.join(sorted(column.name for column in columns.values()))}",
            )
    return columns


def allowed(column: Column, limits: ReasonsSettings, usual: Usual | None) -> Allowed:
    """Return what a column may become: what the contract expects and what is usual, no more."""
    way = _way(column.name, limits)
    rare = usual.rare if usual else ()
    if column.kind is Kind.CATEGORY:
        return Allowed(way, codes=tuple(code for code in range(len(column.levels)) if code not in rare))
    if column.kind is Kind.BOOLEAN:
        return Allowed(way, codes=(0, 1))
    lows = [column.minimum, column.expected_minimum, usual.low if usual else None]
    highs = [column.maximum, column.expected_maximum, usual.high if usual else None]
    low = max((one for one in lows if one is not None), default=-math.inf)
    high = min((one for one in highs if one is not None), default=math.inf)
    return Allowed(way, column.kind is Kind.INTEGER, low, high)


def _way(name: str, limits: ReasonsSettings) -> Way:
    if name in limits.fixed or (name in limits.only_up and name in limits.only_down):
        return Way.FIXED
    return Way.UP if name in limits.only_up else Way.DOWN if name in limits.only_down else Way.EITHER
