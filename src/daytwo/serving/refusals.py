"""How the server tells what went wrong: to the client with an id, to the operator in the log under the same id.

`transport/messages.py` says which status an error has; a bug of ours is told by its id alone.
"""

from __future__ import annotations

import time

from daytwo.core.errors import DaytwoError
from daytwo.serving.log import log
from daytwo.serving.transport.messages import Response, broken, error_id, refusal

# In a storm of refusals only one a second is logged, or the log would fill the disk.
_LOG_EVERY_S = 1.0


class Refusals:
    """The refusals of one server. For the loop's thread only."""

    def __init__(self) -> None:
        self._logged_at = 0.0

    def of(self, err: Exception, path: str, *, flat: bool = False) -> Response:
        """Return how `err` is told to the client, and log it where it is our fault.

        `path` is the address as it is counted; `flat` is as the Open Inference Protocol asks.
        """
        identity = error_id()
        if not isinstance(err, DaytwoError):
            log("broken", id=identity, path=path, error=err)
            return broken(identity, flat=flat)
        response = refusal(err, identity, flat=flat)
        if response.status >= 500:
            self.note(identity, path, str(err))
        return response

    def note(self, identity: str, path: str, reason: str) -> None:
        """Log what is our fault."""
        now = time.monotonic()
        if now - self._logged_at > _LOG_EVERY_S:
            self._logged_at = now
            log("refused", id=identity, path=path, reason=reason)
