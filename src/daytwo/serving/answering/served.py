"""One model that a server answers for: its versions, its journal, and everything that keeps to them."""

from __future__ import annotations

import time
from collections.abc import Mapping

from daytwo.core.pseudonyms import Pseudonyms
from daytwo.core.settings import ReasonsSettings
from daytwo.predictions.journal import Journal
from daytwo.scoring.confidence import Confidence
from daytwo.serving.answering.live import Watcher
from daytwo.serving.answering.outcomes import Outcomes
from daytwo.serving.answering.predicting import Predicting
from daytwo.serving.answering.recent import Recent
from daytwo.serving.answering.replies import NOTHING_KNOWN
from daytwo.serving.answering.router import Router
from daytwo.serving.answering.shadow import ShadowQueue
from daytwo.serving.answering.suggesting import Suggesting
from daytwo.serving.counts import Counts
from daytwo.serving.metrics import Metrics


class Served:
    """Everything that answers for the model called `name`. For the loop's thread only.

    `prefix` begins the ids of its predictions, `salt` keys the split of its subjects, `max_rows` bounds one request.
    `pseudonyms` hides what is personal, None where nothing is; `reasons` says which columns may change.
    """

    def __init__(
        self,
        name: str,
        *,
        prefix: str,
        salt: str,
        max_rows: int,
        watcher: Watcher,
        journal: Journal,
        recent: Recent,
        shadow: ShadowQueue,
        metrics: Metrics,
        pseudonyms: Pseudonyms | None = None,
        reasons: ReasonsSettings = ReasonsSettings(),  # noqa: B008 - frozen
    ) -> None:
        self.name, self.watcher, self.journal, self.recent, self.shadow = name, watcher, journal, recent, shadow
        self.suggesting = Suggesting(reasons)
        self._failing_since: float | None = None
        own = metrics.of(name)
        self.predicting = Predicting(
            name,
            prefix=prefix,
            router=Router(salt),
            watcher=watcher,
            journal=journal,
            recent=recent,
            shadow=shadow,
            metrics=own,
            counts=Counts(metrics, name),
            pseudonyms=pseudonyms,
        )
        self.outcomes = Outcomes(journal, recent, own, max_entries=max_rows, pseudonyms=pseudonyms)

    @property
    def known(self) -> Mapping[str, Confidence]:
        """How sure the scores of each loaded version are, by its digest."""
        return NOTHING_KNOWN if self.watcher.live is None else self.watcher.live.known

    def failing_since(self, now: float) -> float:
        """Return since when records cannot be written, in seconds since 1970: as far as anybody has looked, `now`."""
        if self.journal.failing is None:
            self._failing_since = None
            return now
        self._failing_since = self._failing_since or now
        return self._failing_since

    def commit(self) -> None:
        """Write the records of everything answered since the last time.

        Raises
        ------
        Fault
            If they cannot be written: then none of those answers may leave.
        """
        try:
            self.journal.commit()
        except BaseException:
            self._failing_since = self._failing_since or time.time()
            self.recent.forget_promises()
            raise
        self._failing_since = None
