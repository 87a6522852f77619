from __future__ import annotations

import asyncio
import errno
import socket

import uvloop

from daytwo.serving.transport.accepting import Acceptor


class Counted(asyncio.Protocol):
    """A protocol that answers what it hears."""

    made = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Counted.made += 1
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)  # type: ignore[attr-defined]


def listening() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.setblocking(False)
    return listener


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello")
    answer = await reader.readexactly(5)
    writer.close()
    return answer


def test_a_crowd_is_accepted_and_answered():
    async def main() -> None:
        Counted.made, listener = 0, listening()
        acceptor = Acceptor(asyncio.get_running_loop(), listener, Counted)
        acceptor.begin()
        port = listener.getsockname()[1]
        assert set(await asyncio.gather(*(ask(port) for _ in range(300)))) == {b"hello"}
        assert Counted.made == 300
        await acceptor.end()

    uvloop.run(main())


def test_whoever_was_connected_before_the_end_is_accepted_and_nobody_after():
    async def main() -> None:
        Counted.made, listener = 0, listening()
        acceptor = Acceptor(asyncio.get_running_loop(), listener, Counted)
        port = listener.getsockname()[1]
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(150)]
        await acceptor.end()
        assert Counted.made == 150
        with socket.socket() as late:
            assert late.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
        for client in clients:
            client.close()

    uvloop.run(main())


class Exhausted:
    """A listening socket of a process that has no more files, for a while."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener, self.failures = listener, 3

    def fileno(self) -> int:
        return self._listener.fileno()

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self._listener.accept()

    def setblocking(self, flag: bool) -> None:
        self._listener.setblocking(flag)

    def close(self) -> None:
        self._listener.close()


def test_a_process_without_files_goes_on_accepting_once_it_has_some(capfd):
    async def main() -> None:
        listener = listening()
        exhausted = Exhausted(listener)
        acceptor = Acceptor(asyncio.get_running_loop(), exhausted, Counted)  # type: ignore[arg-type]
        acceptor.begin()
        assert await asyncio.wait_for(ask(listener.getsockname()[1]), 10) == b"hello"
        assert exhausted.failures == 0
        await acceptor.end()

    uvloop.run(main())
    assert capfd.readouterr().err.count("Too many open files") == 3
