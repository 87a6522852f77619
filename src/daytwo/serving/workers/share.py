"""Which worker keeps what: each request id of a client, and each prediction, has one worker that decides about it.

Pure. A worker's ids begin with a prefix that is its own by the same rule, so whoever is started in the place of a dead
worker keeps what that one kept, and after a start with more or fewer workers everything has one keeper again.
"""

from __future__ import annotations

import secrets
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Elsewhere(Exception):
    """Another worker keeps what was asked for."""

    def __init__(self, worker: int) -> None:
        super().__init__(f"worker {worker} keeps this")
        self.worker = worker


class Keeping(Protocol):
    """What one worker keeps: by a fixed number of workers (`Share`), or as they come and go (`fellows.Holding`)."""

    def is_mine(self, text: str) -> bool:
        """Whether this worker keeps a request id of a client, or a prefix of prediction ids."""
        ...

    def must_be_mine(self, text: str) -> None:
        """Let only what this worker keeps pass; raises Elsewhere."""
        ...

    def new_prefix(self) -> str:
        """Return what all prediction ids and segments of one process begin with."""
        ...


@dataclass(frozen=True, slots=True)
class Share:
    """What the worker with this `number` keeps, `of` so many; numbers begin with 0."""

    number: int = 0
    of: int = 1

    def keeper(self, text: str) -> int:
        """Return the number of the worker that keeps a request id of a client, or a prefix of prediction ids.

        Examples
        --------
        >>> Share(0, 4).keeper("order-19"), Share(0, 1).keeper("order-19")
        (3, 0)
        """
        return zlib.crc32(text.encode(errors="surrogatepass")) % self.of if self.of > 1 else 0

    def is_mine(self, text: str) -> bool:
        """Whether this worker keeps it."""
        return self.of == 1 or self.keeper(text) == self.number

    def must_be_mine(self, text: str) -> None:
        """Let only what this worker keeps pass.

        Raises
        ------
        Elsewhere
            Naming the worker that keeps it.
        """
        if self.of > 1 and (keeper := self.keeper(text)) != self.number:
            raise Elsewhere(keeper)

    def new_prefix(self) -> str:
        """Return what all prediction ids and segments of one process begin with: sorts by time, no other has it."""
        return unique_prefix(self.is_mine)


def unique_prefix(fits: Callable[[str], bool]) -> str:
    """Return a prefix that `fits`: it sorts by time, and no other process has it."""
    moment = f"{time.time_ns() // 1_000_000:011x}"
    while not fits(prefix := f"{moment}{secrets.token_hex(4)}-"):
        continue
    return prefix
