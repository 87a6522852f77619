"""When a new version is made, as people write it in `[retrain] policy`. The rules themselves are in the lifecycle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from daytwo.core.durations import duration
from daytwo.core.errors import SettingsError

_EVERY = "every "
_HINT = "Write 'marginal' (when it pays), 'every 7d', 'on alarm' or 'never'"


@dataclass(frozen=True, slots=True)
class RetrainPolicy:
    """`marginal`: when it pays; `every`: after so long; `alarm`: when a window is found worse or moved; `never`."""

    kind: Literal["marginal", "every", "alarm", "never"]
    every: timedelta = timedelta(0)


def retrain_policy(text: str) -> RetrainPolicy:
    """Read a policy.

    Raises
    ------
    SettingsError
        If there is no such policy, or its time is none.

    Examples
    --------
    >>> retrain_policy("every 2w").every.days, retrain_policy("on alarm").kind
    (14, 'alarm')
    """
    match text.strip():
        case "marginal" | "never" as kind:
            return RetrainPolicy(kind)
        case "on alarm":
            return RetrainPolicy("alarm")
        case told if told.startswith(_EVERY):
            try:
                every = duration(told.removeprefix(_EVERY))
            except SettingsError as err:
                raise SettingsError(f"{text!r} is no retraining policy: {err.message}", hint=_HINT) from err
            if every:
                return RetrainPolicy("every", every)
    raise SettingsError(f"{text!r} is no retraining policy", hint=_HINT)
