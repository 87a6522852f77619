"""Several processes of one app that nobody supervises, as one of them sees the others.

What one alone must decide (a client's request id, where a prediction lies) is divided among those who live. When one
comes or goes, the shares move: whoever holds one that is another's by now lets it go, between two turns and so with
everything written; the other takes it, reads from the journal what was kept there, and only then answers for it. Who
asks meanwhile waits for that moment. `workers/slots.py` has the locks, `workers/together.py`
what is asked.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from daytwo.core.errors import Fault
from daytwo.serving.log import log
from daytwo.serving.metrics import Metrics
from daytwo.serving.models import Models, take_up_shadows
from daytwo.serving.transport.messages import Request, Response
from daytwo.serving.transport.turns import Turns
from daytwo.serving.workers.callers import Callers
from daytwo.serving.workers.neighbours import Neighbours
from daytwo.serving.workers.share import Elsewhere, unique_prefix
from daytwo.serving.workers.slots import PLACES, Place, owner
from daytwo.serving.workers.together import MISDIRECTED, Together
from daytwo.serving.workers.totals import Account

# How often it is looked who lives.
_LOOK_S = 0.25
# One that died may be started again at once; only then are its shares another's.
_GRACE_S = 2.0
# How often somebody is looked for who answers for a share.
_SEEK_S = 0.02
# Reading the largest journal that a server keeps takes less.
_LONGEST_START_S = 120.0


@dataclass(slots=True, eq=False)
class Holding:
    """What one process keeps right now; `home` is its own share."""

    home: int
    shares: set[int] = field(default_factory=set)

    def is_mine(self, text: str) -> bool:
        """Whether this process keeps a request id of a client, or a prefix of prediction ids."""
        return _share(text) in self.shares

    def must_be_mine(self, text: str) -> None:
        """Let only what this process keeps pass; raises Elsewhere with the share, whoever holds it."""
        if (share := _share(text)) not in self.shares:
            raise Elsewhere(share)

    def new_prefix(self) -> str:
        """Return what the prediction ids of this process begin with: its own share, as long as it lives."""
        return unique_prefix(lambda prefix: _share(prefix) == self.home)


class Fellows:
    """One process among the others, in the place that it has claimed. For the loop's thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, place: Place, metrics: Metrics) -> None:
        self._loop, self._place = loop, place
        self.holding = Holding(place.number)
        self._neighbours = Neighbours(loop, place.folder)
        self._seen = {place.number: loop.time()}
        self.together = Together(
            place.number,
            self._neighbours,
            Account(place.folder, place.number, metrics),
            others=self._others,
            ask=self._ask,
            folder=place.folder,
        )

    async def begin(self) -> None:
        """Take what is this process's to keep: its own share, for which it waits, and what else is free.

        Raises
        ------
        Fault
            If another keeps its own share on and on.
        """
        deadline = self._loop.time() + _LONGEST_START_S
        while not self._place.take(self._place.number):
            if self._loop.time() > deadline:
                words = "another process of this app does not hand over what is this one's to keep"
                raise Fault(words, hint="Start them all again")
            await asyncio.sleep(_SEEK_S)
        self.holding.shares.add(self._place.number)
        self.holding.shares |= set(filter(self._place.take, self._lacking()))

    @asynccontextmanager
    async def among(self, turns: Turns, models: Models) -> AsyncIterator[None]:
        """Answer the others, and keep what is this process's; `models` remember what was taken at first."""
        callers = Callers(self._loop, self._place.folder, self._place.number, turns)
        await callers.listen()
        for share in self.holding.shares:
            self._place.tell(share)
        looking = asyncio.create_task(self._look(models, callers))
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            callers.close()
            for share in self.holding.shares:
                self._place.let_go(share)
            self.holding.shares.clear()
            self.together.close()

    async def _look(self, models: Models, callers: Callers) -> None:
        fault = ""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                if self._place.is_taken_away():
                    self._claim_again()
                await callers.tend()
                await self._move(models)
                fault = ""
            except (Fault, OSError) as err:
                if str(err) != fault:
                    log("fellows", fault=str(err))
                fault = str(err)

    def _claim_again(self) -> None:
        """Claim the same place where its folder was taken away, and what is still to be had of what it held.

        Raises
        ------
        Fault
            If a process that came after that has claimed it: this one keeps nothing any more, and asks that one.
        """
        held = set(self.holding.shares)
        self.holding.shares.clear()
        self._place.claim_again()
        self.holding.shares |= set(filter(self._place.take, held))
        for share in self.holding.shares:
            self._place.tell(share)
        log("fellows", number=self._place.number, reason="their folder was taken away, and has been made anew")

    async def _move(self, models: Models) -> None:
        """Let go of what is another's by now, and take what is this process's."""
        living = self._living()
        gone = {share for share in self.holding.shares if owner(share, living) != self._place.number}
        self.holding.shares -= gone
        for share in gone:
            self._place.let_go(share)
        taken = set(filter(self._place.take, self._lacking()))
        if gone or taken:
            log("fellows", number=self._place.number, living=living, let_go=len(gone), taken=len(taken))
        if not taken:
            return
        try:
            only = Holding(self._place.number, taken)
            found = [await asyncio.to_thread(one.recent.found_for, only) for one in models.served.values()]
        except BaseException:
            for share in taken:
                self._place.let_go(share)
            raise
        for one, more in zip(models.served.values(), found, strict=True):
            one.recent.take_in(more)
            take_up_shadows(one)
        self.holding.shares |= taken
        for share in taken:
            self._place.tell(share)

    def _lacking(self) -> Iterable[int]:
        living, held = self._living(), self.holding.shares
        return [share for share in range(PLACES) if share not in held and owner(share, living) == self._place.number]

    def _living(self) -> list[int]:
        """Return who lives, or did a moment ago."""
        now = self._loop.time()
        self._seen |= dict.fromkeys(self._place.living(), now)
        self._seen = {number: at for number, at in self._seen.items() if now - at < _GRACE_S}
        return sorted(self._seen)

    def _others(self) -> list[int]:
        """Return all who may answer, or have left what they counted."""
        left = {int(path.stem) for path in self._place.folder.glob("*.counts")}
        return sorted({*left, *self._place.living()} - {self._place.number})

    def _ask(
        self, share: int, request: Request, within_s: float, finish: Callable[[Response | None], Response]
    ) -> asyncio.Future[Response]:
        return asyncio.ensure_future(self._seek(share, request, self._loop.time() + within_s, finish))

    async def _seek(
        self, share: int, request: Request, deadline: float, finish: Callable[[Response | None], Response]
    ) -> Response:
        """Ask whoever answers for the share, and whoever does so next where that one has died or let it go.

        What is asked so may be asked twice: it has a request id, or changes nothing.
        """
        while (left_s := deadline - self._loop.time()) > 0.0:
            holder = self._place.holder(share)
            if holder is not None:
                response = await self._neighbours.ask(holder, request, left_s, lambda response: response)
                if response is not None and response.status != MISDIRECTED:
                    return finish(response)
            await asyncio.sleep(_SEEK_S)
        return finish(None)


def _share(text: str) -> int:
    return zlib.crc32(text.encode(errors="surrogatepass")) % PLACES
