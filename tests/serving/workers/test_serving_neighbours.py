from __future__ import annotations

import asyncio
import random
import shutil

import pytest

from daytwo.serving.transport.messages import HttpError, Request, Response
from daytwo.serving.workers.callers import Callers
from daytwo.serving.workers.neighbours import FORWARDED, Neighbours, socket_path
from daytwo.serving.workers.wire import Frames, request_of, to_wire


class FakeTurns:
    """Answers what is put here when it is told to."""

    def __init__(self):
        self.put_here, self._arrived = [], asyncio.Queue()
        self.echoing = True

    def put(self, who, request):
        self.put_here.append((who, request))
        self._arrived.put_nowait(request)
        if request.path == "/busy":
            raise HttpError(503, "busy", "too many requests are waiting", hint="Try again", retry_after_s=1)
        if self.echoing:
            who.answer(Response(200, request.body))

    async def arrived(self, count):
        for _ in range(count):
            await self._arrived.get()


def asked(body=b"", path="/predict"):
    return Request("POST", path, {b"host": b"here"}, body, True)


def as_it_is(response):
    return response


@pytest.fixture
def run(tmp_path):
    """Run a coroutine function with the turns of worker 1 and its neighbours as worker 0 sees them."""

    def run_(scenario):
        async def main():
            loop, turns = asyncio.get_running_loop(), FakeTurns()
            listening = Callers(loop, tmp_path, 1, turns)
            await listening.listen()
            neighbours = Neighbours(loop, tmp_path)
            try:
                await scenario(turns, neighbours, listening)
            finally:
                neighbours.close()
                listening.close()

        asyncio.run(main())

    return run_


def test_many_requests_share_one_connection_and_each_gets_its_own_answer(run):
    async def scenario(turns, neighbours, listening):
        turns.echoing = False
        bodies = [str(number).encode() * (number % 50) for number in range(300)]
        told = [neighbours.ask(1, asked(body), 20, as_it_is) for body in bodies]
        await turns.arrived(300)
        random.Random(1).shuffle(turns.put_here)
        for who, request in turns.put_here:
            who.answer(Response(200, request.body))
        assert [answer.body for answer in await asyncio.gather(*told)] == bodies
        assert all(FORWARDED in request.headers for _, request in turns.put_here)
        assert len({who.caller for who, _ in turns.put_here}) == 1

    run(scenario)


def test_a_body_of_megabytes_arrives_whole(run):
    async def scenario(turns, neighbours, listening):
        body = random.Random(2).randbytes(5_000_000)
        assert (await neighbours.ask(1, asked(body), 20, as_it_is)).body == body

    run(scenario)


def test_a_refusal_of_the_neighbour_is_its_answer(run):
    async def scenario(turns, neighbours, listening):
        response = await neighbours.ask(1, asked(path="/busy"), 20, as_it_is)
        assert (response.status, response.retry_after_s) == (503, 1)

    run(scenario)


def test_a_neighbour_that_is_not_there_gives_no_answer_and_is_found_once_it_is(run, tmp_path):
    async def scenario(turns, neighbours, listening):
        assert await neighbours.ask(2, asked(), 20, as_it_is) is None
        assert not neighbours.reaches(2)
        other = Callers(asyncio.get_running_loop(), tmp_path, 2, turns)
        await other.listen()
        assert (await neighbours.ask(2, asked(b"x"), 20, as_it_is)).body == b"x"
        assert neighbours.reaches(2)
        other.close()

    run(scenario)


def test_whoever_waits_for_a_neighbour_that_dies_is_told_at_once_and_its_successor_answers(run, tmp_path):
    async def scenario(turns, neighbours, listening):
        turns.echoing = False
        told = [neighbours.ask(1, asked(), 3600, as_it_is) for _ in range(3)]
        await turns.arrived(3)
        listening.close()
        turns.put_here[0][0].caller.transport.abort()
        assert await asyncio.gather(*told) == [None] * 3
        assert not neighbours.reaches(1)
        turns.put_here[0][0].answer(Response(200, b"too late"))
        assert turns.put_here[0][0].has_gone
        successor = FakeTurns()
        again = Callers(asyncio.get_running_loop(), tmp_path, 1, successor)
        await again.listen()
        assert (await neighbours.ask(1, asked(b"y"), 20, as_it_is)).body == b"y"
        again.close()

    run(scenario)


def test_an_answer_that_takes_too_long_is_no_answer_and_changes_nothing_later(run):
    async def scenario(turns, neighbours, listening):
        turns.echoing = False
        told = neighbours.ask(1, asked(), 0.01, as_it_is)
        await turns.arrived(1)
        assert await told is None
        assert neighbours.reaches(1)
        turns.put_here[0][0].answer(Response(200, b"late"))
        turns.echoing = True
        assert (await neighbours.ask(1, asked(b"z"), 20, as_it_is)).body == b"z"

    run(scenario)


def test_the_end_leaves_nobody_waiting(run):
    async def scenario(turns, neighbours, listening):
        turns.echoing = False
        told = neighbours.ask(1, asked(), 3600, as_it_is)
        neighbours.close()
        assert await told is None

    run(scenario)


def test_a_dead_predecessors_socket_is_replaced(tmp_path):
    async def main():
        socket_path(tmp_path, 1).write_bytes(b"")
        other = Callers(asyncio.get_running_loop(), tmp_path, 1, FakeTurns())
        await other.listen()
        other.close()

    asyncio.run(main())


def test_messages_are_put_together_from_any_pieces():
    content = b"".join(to_wire(number, asked(b"b" * number)) for number in range(20))
    for size in (1, 3, 7, 100, len(content)):
        frames, found = Frames(), []
        for begin in range(0, len(content), size):
            found += [request_of(payload) for payload in frames.feed(content[begin : begin + size])]
        assert found == [(number, asked(b"b" * number)) for number in range(20)]


def test_a_socket_that_is_taken_away_with_its_folder_is_made_anew(tmp_path, capfd):
    async def main():
        loop, folder = asyncio.get_running_loop(), tmp_path / "journal" / ".workers"
        callers, neighbours = Callers(loop, folder, 1, FakeTurns()), Neighbours(loop, folder)
        await callers.listen()
        await callers.tend()
        assert capfd.readouterr().err == ""
        shutil.rmtree(tmp_path / "journal")
        assert await neighbours.ask(1, asked(b"1"), 5, as_it_is) is None
        await callers.tend()
        assert (await neighbours.ask(1, asked(b"2"), 5, as_it_is)).body == b"2"
        assert "has been made anew" in capfd.readouterr().err
        callers.close()
        neighbours.close()

    asyncio.run(main())
