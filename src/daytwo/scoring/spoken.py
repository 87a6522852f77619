"""What `[reasons]` names, held against a contract: columns, levels, the segment. Asked before anything speaks.

`explain/wording.py` speaks; `changeable.py` heeds what may change.
"""

from __future__ import annotations

from daytwo.contracts.contract import Contract
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.wording import check_wording
from daytwo.scoring.changeable import feature_columns


def check_reasons(settings: ReasonsSettings, contract: Contract) -> None:
    """Raise where `[reasons]` names what the contract does not have.

    Raises
    ------
    SettingsError
        Naming the table, the name and the nearest that there is.
    """
    target = contract.target
    levels = {feature.name: feature.levels for feature in contract.features.features}
    check_wording(settings, levels, "" if target is None else target.name)
    feature_columns(contract, settings)
