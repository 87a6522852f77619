"""What would turn the decision on a recent row: searched on a thread of its own, so that no answer waits for it.

One search at a time, of some milliseconds each: whoever asks for many gets them one after the other, and the server's
other core stays for answers. `scoring/changing.py` searches; `explaining.py` tells the reasons.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from daytwo.core.settings import ReasonsSettings
from daytwo.scoring.changing import Changer, Changes
from daytwo.scoring.model import Model
from daytwo.serving.transport.messages import HttpError

# What a version needs for it is kept for so many; to make it takes a fifth of a second.
_KEPT = 4
# Searches that may wait: a quarter of a second of them.
_MOST = 16


class Suggesting:
    """Suggests changes within `limits`, for the versions of one model. To be asked in the loop's thread only."""

    def __init__(self, limits: ReasonsSettings) -> None:
        self._limits = limits
        self._changers: OrderedDict[str, Changer] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "suggesting")
        self._waiting = 0

    async def changes(self, model: Model, features: Sequence[float], row: Mapping[str, object]) -> Changes:
        """Return the smallest changes of a row that turn the decision.

        Raises
        ------
        HttpError
            503, if too many wait for theirs.
        NotFound
            If the model decides nothing, or was made before real rows were kept with it.
        SettingsError
            If the settings name a column that the contract does not have.
        """
        if self._waiting >= _MOST:
            raise HttpError(
                503, "busy", "too many suggestions are waiting", hint="Try again in a second", retry_after_s=1
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._search, model, features, row)
        finally:
            self._waiting -= 1

    def _search(self, model: Model, features: Sequence[float], row: Mapping[str, object]) -> Changes:
        changer = self._changers.get(model.digest)
        if changer is None:
            changer = self._changers[model.digest] = Changer(model, self._limits)
            if len(self._changers) > _KEPT:
                self._changers.popitem(last=False)
        return changer.changes(features, row)
