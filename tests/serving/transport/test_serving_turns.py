from __future__ import annotations

from collections import deque

import pytest

from daytwo.serving.transport.messages import Request, Response
from daytwo.serving.transport.turns import Turns


class Loop:
    """Calls back in order, an iteration at a time, as an event loop does."""

    def __init__(self):
        self.ready = deque()

    def call_soon(self, call, *args):
        self.ready.append((call, args))

    def run(self):
        while self.ready:
            for _ in range(len(self.ready)):
                call, args = self.ready.popleft()
                call(*args)


class Client:
    has_gone = False

    def __init__(self, told, name):
        self.told, self.name = told, name

    def answer(self, response):
        self.told.append(("answered", self.name, response.status))


@pytest.fixture
def told():
    return []


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def turns(told, loop):
    def together(requests):
        told.append(("turn", len(requests)))
        return [Response(200, b"")] * len(requests)

    return Turns(
        loop,
        lambda _: Response(200, b""),
        lambda: told.append(("commit",)),
        max_queue=100,
        max_wait_s=1.0,
        together=together,
        settle=lambda: told.append(("settle",)),
    )


def _ask(turns, told, *names):
    for name in names:
        turns.put(Client(told, name), Request("POST", "/predict", {}, b"[]", True))


def test_answers_leave_once_they_are_written_and_before_anything_else_is_done(turns, told, loop):
    _ask(turns, told, "a", "b")
    loop.run()
    assert told == [("turn", 2), ("commit",), ("answered", "a", 200), ("answered", "b", 200), ("settle",)]


def test_what_can_wait_is_done_before_the_next_turn(turns, told, loop):
    _ask(turns, told, "a", "b")
    call, args = loop.ready.popleft()
    call(*args)
    _ask(turns, told, "c")
    loop.run()
    assert [one[0] for one in told] == [
        "turn", "commit", "answered", "answered", "settle", "turn", "commit", "answered", "settle"
    ]  # fmt: skip


def test_where_nobody_else_asked_lately_a_request_is_answered_as_it_comes(turns, told, loop):
    _ask(turns, told, "a")
    assert told == []  # nobody could know yet
    loop.run()
    told.clear()
    _ask(turns, told, "b")
    assert told == [("turn", 1), ("commit",), ("answered", "b", 200)]
    loop.run()
    assert told[-1] == ("settle",)


def test_those_who_ask_at_the_same_time_are_answered_together_again(turns, told, loop):
    _ask(turns, told, "a")
    loop.run()
    told.clear()
    _ask(turns, told, "b", "c", "d")
    loop.run()
    assert [one for one in told if one[0] == "turn"] == [("turn", 1), ("turn", 2)]
    told.clear()
    _ask(turns, told, "e", "f", "g")
    loop.run()
    assert [one for one in told if one[0] == "turn"] == [("turn", 3)]


def test_two_who_keep_asking_at_the_same_time_do_not_count_as_alone(turns, told, loop):
    _ask(turns, told, "a")
    for _ in range(3):
        loop.run()
        told.clear()
        _ask(turns, told, "b", "c")
    loop.run()
    assert [one for one in told if one[0] == "turn"] == [("turn", 2)]


def test_what_a_client_asks_next_as_it_is_answered_waits_for_its_turn(turns, told, loop):
    class Pipelining(Client):
        left = 3

        def answer(self, response):
            super().answer(response)
            if self.left:
                self.left -= 1
                turns.put(self, Request("POST", "/predict", {}, b"[]", True))
                told.append(("asked",))

    _ask(turns, told, "a")
    loop.run()
    told.clear()
    turns.put(Pipelining(told, "p"), Request("POST", "/predict", {}, b"[]", True))
    loop.run()
    assert sum(one == ("answered", "p", 200) for one in told) == 4
    for at, one in enumerate(told):
        if one == ("asked",):
            assert told[at + 1] in {("settle",), ("turn", 1)}
