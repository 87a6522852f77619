"""What one worker answers for all: requests that another one keeps, sealed segments, and what was counted.

`handlers.py` asks it; a server that is one process has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from daytwo.serving.metrics import Metrics, Snapshot
from daytwo.serving.transport.messages import HttpError, Request, Response, ok
from daytwo.serving.workers.neighbours import FORWARDED, Neighbours
from daytwo.serving.workers.order import Order
from daytwo.serving.workers.totals import Account, total

# After this long a client may as well ask again.
_ANSWER_S = 10.0
# All shadow scores are finished first.
_SEAL_S = 60.0
# What a worker has kept of its counts is no older than a tick.
_COUNTS_S = 2.0
_SNAPSHOT = msgspec.json.Decoder(Snapshot)
# Of a worker that was asked for what another keeps by now.
MISDIRECTED = 421

Ask: TypeAlias = Callable[[int, Request, float, Callable[[Response | None], Response]], asyncio.Future[Response]]


class _Sealed(msgspec.Struct):
    segments: list[str]


_SEALED = msgspec.json.Decoder(_Sealed)


class Together:
    """One worker, by its `number`, among `others`. For the loop's thread only.

    `ask` reaches whoever keeps something, by what `Elsewhere` has named; what they share on disk lies in `folder`.
    """

    def __init__(
        self,
        number: int,
        neighbours: Neighbours,
        account: Account,
        *,
        others: Callable[[], Iterable[int]],
        ask: Ask,
        folder: Path,
    ) -> None:
        self._number, self._neighbours, self._others, self._ask = number, neighbours, others, ask
        self.account, self.folder = account, folder

    def pass_on(
        self, worker: int, request: Request, finish: Callable[[Response | None], Response]
    ) -> asyncio.Future[Response]:
        """Return what becomes `finish` of the answer of the worker that keeps what is asked for."""
        return self._ask(worker, request, _ANSWER_S, finish)

    async def sealed(self, own: Sequence[str]) -> Response:
        """Have the others seal their segments too, and tell all names, this worker's `own` first.

        One that cannot be reached is dead: what it wrote is sealed by whoever ships it.

        Raises
        ------
        HttpError
            503, if one lives and does not answer.
        """
        names = list(own)
        for worker, response in (await self._ask_all("POST", "/admin/rotate", _SEAL_S)).items():
            if response is None:
                if self._neighbours.reaches(worker):
                    raise no_answer()
            elif response.status != 200:
                return response
            else:
                names += _SEALED.decode(response.body).segments
        return ok(sealed_reply(names))

    async def counted(self) -> Metrics:
        """Return what all workers have counted; one that does not answer stands with what it has kept."""
        told = {self._number: self.account.now()}
        for worker, response in (await self._ask_all("GET", "/metrics", _COUNTS_S)).items():
            kept = (
                self.account.of(worker)
                if response is None or response.status != 200
                else _SNAPSHOT.decode(response.body)
            )
            if kept is not None:
                told[worker] = kept
        return total(told)

    def close(self) -> None:
        """End the connections to the others, and keep the counts."""
        self._neighbours.close()
        self.account.now()

    async def _ask_all(self, method: str, path: str, within_s: float) -> dict[int, Response | None]:
        request = Request(method, path, {}, b"", True)
        others = list(self._others())
        asked = [self._neighbours.ask(worker, request, within_s, _as_it_is) for worker in others]
        return dict(zip(others, await asyncio.gather(*asked), strict=True))


def together_by(loop: asyncio.AbstractEventLoop, order: Order, metrics: Metrics) -> Together:
    """Return the worker that its supervisor has ordered, among as many as it was told of."""
    folder = Path(order.folder)
    neighbours = Neighbours(loop, folder)
    others = [number for number in range(order.of) if number != order.number]
    account = Account(folder, order.number, metrics)
    return Together(order.number, neighbours, account, others=lambda: others, ask=neighbours.ask, folder=folder)


def _as_it_is(response: Response | None) -> Response | None:
    return response


def is_passed_on(request: Request) -> bool:
    """Whether another worker has admitted the request, and counts it."""
    return FORWARDED in request.headers


def sealed_reply(names: Sequence[str]) -> dict[str, object]:
    """Return what is told of sealed segments: the first, as a server of one process has but one, and all."""
    return {"segment": names[0] if names else None, "segments": names}


def misdirected() -> HttpError:
    """Return the refusal of a request that another worker keeps by now."""
    return HttpError(MISDIRECTED, "misdirected", "another worker keeps this by now", hint="Ask that one")


def no_answer() -> HttpError:
    """Return the refusal of a request whose keeper does not answer."""
    return HttpError(
        503,
        "restarting",
        "the worker that keeps this is being started again or has too much to do",
        hint="Send it again with the same request_id",
        retry_after_s=1,
    )
