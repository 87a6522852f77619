from __future__ import annotations

import selectors
import socket

import pytest

from daytwo.core.errors import Fault
from daytwo.serving.workers.listeners import listen, listen_beside, listen_together


def close(*sockets):
    for one in sockets:
        one.close()


@pytest.mark.parametrize("count", [1, 3])
def test_a_port_that_another_server_shares_among_its_workers_is_taken(count):
    workers = listen_together("127.0.0.1", 0, count)
    port = workers[0].getsockname()[1]
    assert {one.getsockname()[1] for one in workers} == {port}
    with pytest.raises(Fault, match=f"cannot listen on 127.0.0.1 port {port}"):
        listen_together("127.0.0.1", port, 2)
    with pytest.raises(Fault, match="set another one"):
        listen("127.0.0.1", port)
    close(*workers)
    close(*listen_together("127.0.0.1", port, 2))


def test_a_port_held_alone_is_taken():
    with listen("127.0.0.1", 0) as alone, pytest.raises(Fault, match="cannot listen"):
        listen_together("127.0.0.1", alone.getsockname()[1], 2)


def test_connections_go_to_the_workers_that_are_left_and_to_one_that_comes_back():
    workers = listen_together("127.0.0.1", 0, 3)
    address = workers[0].getsockname()
    workers.pop(0).close()
    workers.append(listen_beside(*address))
    clients = [socket.create_connection(address) for _ in range(200)]
    accepted = [accept_all(one) for one in workers]
    assert sum(map(len, accepted)) == 200
    assert min(map(len, accepted)) > 20
    close(*clients, *workers, *(one for some in accepted for one in some))


def accept_all(listener):
    found = []
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        while selector.select(timeout=0):
            found.append(listener.accept()[0])
    return found
