"""Heads under which rows were let in without a token: what comes under one again needs no second look at the door.

`transport/heads.py` gives equal heads as one object, so a head is known by what it is, not by what stands in it.
"""

from __future__ import annotations

from collections.abc import Sequence

from daytwo.serving.transport.messages import Request

ROWS_PATH = "/predict"
_ASKED = "POST", ROWS_PATH
# As many as `transport/heads.py` keeps.
_MAX_HEADS = 512


class OpenHeads:
    """The heads of one server that let plain bodies of `POST /predict` in. For the loop's thread only."""

    def __init__(self) -> None:
        # Kept by their identity: while they are here, no other can have it.
        self._known: dict[int, dict[bytes, bytes]] = {}

    def __contains__(self, request: Request) -> bool:
        """Whether the request asks for rows under a known head."""
        return self._known.get(id(request.headers)) is request.headers and request[:2] == _ASKED

    def places(self, requests: Sequence[Request]) -> list[int]:
        """Return which of the requests ask for rows under a known head."""
        known = self._known
        return [i for i, one in enumerate(requests) if known.get(id(one.headers)) is one.headers and one[:2] == _ASKED]

    def remember(self, request: Request) -> None:
        """Keep the head of a request that was let in without a token, if it asks for rows and its body is plain."""
        if request[:2] == _ASKED and b"content-encoding" not in request.headers:
            if len(self._known) >= _MAX_HEADS:
                self._known.clear()
            self._known[id(request.headers)] = request.headers

    def clear(self) -> None:
        """Forget all: from now on tokens are asked for."""
        self._known.clear()
