"""Requests whose scores are made in another process: others are answered until they are there.

Such a request is begun, left where it would wait, and begun anew once the scores are known (`scoring/later.py`). Up to
there it has done nothing that may not be done twice: it was let in once (`later.once`), and a record is made only of
all scores. Where its client has gone, its answer is cancelled (`turns.py`), and what was asked for it is taken back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

from daytwo.scoring.later import ERRAND, Errand, Later
from daytwo.serving.transport.messages import Request, Response
from daytwo.serving.transport.turns import Answer, Refusing


class Patient:
    """Handles requests by `handle`; those that would wait are answered by a future. For the loop's thread only.

    Such an answer comes after its turn, so its record is written by a `commit` of its own, as `Turns` does it.
    """

    def __init__(self, handle: Callable[[Request], Answer], commit: Callable[[], Refusing | None]) -> None:
        self._handle, self._commit = handle, commit

    def handle(self, request: Request) -> Answer:
        """Answer one request."""
        errand = Errand()
        try:
            return self._begin(request, errand)
        except Later as later:
            answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
            answer.add_done_callback(partial(_drop, errand))
            when_there(later, partial(self._again, request, errand, answer))
            return answer

    def _begin(self, request: Request, errand: Errand) -> Answer:
        before = ERRAND.set(errand)
        try:
            return self._handle(request)
        finally:
            ERRAND.reset(before)

    def _again(self, request: Request, errand: Errand, answer: asyncio.Future[Response]) -> None:
        """Answer a request some of whose scores are known now."""
        if answer.done():  # its client has gone
            return
        try:
            made = self._begin(request, errand)
        except Later as later:
            when_there(later, partial(self._again, request, errand, answer))
            return
        refusing = self._commit()
        refusal = None if refusing is None else refusing(request)
        if refusal is not None:
            answer.set_result(refusal)
        elif isinstance(made, asyncio.Future):
            made.add_done_callback(partial(_hand_on, answer))
        else:
            answer.set_result(made)


def _drop(errand: Errand, answer: asyncio.Future[Response]) -> None:
    if answer.cancelled():
        errand.drop()


def _hand_on(answer: asyncio.Future[Response], made: asyncio.Future[Response]) -> None:
    if not answer.done():
        answer.set_result(made.result())


def when_there(later: Later, go_on: Callable[[], object]) -> None:
    """Call `go_on` in the loop that runs once what was asked for is there."""
    loop = asyncio.get_running_loop()

    def tell(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
            loop.call_soon_threadsafe(go_on)

    later.coming.add_done_callback(tell)
