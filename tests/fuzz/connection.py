"""A connection's other side in one process: a loop and a transport that keep what is written, and the answers in it.

What must hold of every answer, wherever it came from, stands here too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True)
class Answer:
    """One answer as it came over the wire."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class FakeLoop:
    """As much of an event loop as a connection asks for: a clock, and turns taken when told."""

    def __init__(self) -> None:
        self.turns: deque[Callable[[], None]] = deque()

    def time(self) -> float:
        return 0.0

    def call_soon(self, turn: Callable[[], None]) -> None:
        self.turns.append(turn)

    def call_later(self, _: float, turn: Callable[[], None]) -> None:
        self.turns.append(turn)

    def run(self) -> None:
        while self.turns:
            self.turns.popleft()()


@dataclass
class FakeTransport:
    """Keeps what is written."""

    written: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reading: bool = True

    def write(self, data: bytes) -> None:
        assert not self.ended, "an answer after the end"
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended

    def close(self) -> None:
        self.ended = True

    abort = close

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def answers_in(written: bytes, *, may_lack_bodies: bool = False) -> list[Answer]:
    """Return the answers in `written`; fails where they are not whole and well formed."""
    found, rest = [], bytes(written)
    while rest:
        head, blank, rest = rest.partition(b"\r\n\r\n")
        assert blank, f"half a head: {head[:200]!r}"
        first, *lines = head.split(b"\r\n")
        words = first.split(b" ", 2)
        assert words[0] == b"HTTP/1.1", f"no status line: {first[:200]!r}"
        status = int(words[1])
        if status == 100:
            continue
        headers = {name.lower(): text for name, _, text in (line.partition(b": ") for line in lines)}
        length = int(headers[b"content-length"])
        if may_lack_bodies and (not rest or rest.startswith(b"HTTP/1.1 ")):
            length = 0
        assert len(rest) >= length, "half a body"
        found.append(Answer(status, headers, rest[:length]))
        rest = rest[length:]
    return found


def must_be_fair(answer: Answer) -> None:
    """Assert what holds of every answer: no fault of ours, and a refusal that explains itself."""
    assert answer.status < 500 or (answer.status == 503 and b'"busy"' in answer.body), answer
    if answer.status >= 400 and answer.body:
        body = msgspec.json.decode(answer.body)
        told = body["error"]
        if isinstance(told, str):  # as the Open Inference Protocol asks
            told = {name: text for name, text in body.items() if name != "error"}
        assert set(told) == {"code", "message", "hint", "id"}, told
        assert all(isinstance(text, str) and text for text in told.values()), told
        assert b"Traceback" not in answer.body
        assert len(answer.body) < 4000, "a refusal repeats what was sent"
