"""Two workers behind one port, and clients of them."""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path

import pytest

from daytwo.serving.client import Client


@pytest.fixture
def workers(place):
    """Start a server of two workers; return its process and the function that makes a client of it."""
    clients = []

    def start(**changes):
        process, port = place.start(workers=2, **changes)

        def client(patience_s=20):
            clients.append(Client("127.0.0.1", port, patience_s=patience_s))
            return clients[-1]

        return process, client

    yield start
    for one in clients:
        one.close()


def pids_of(parent):
    """Return the workers of a supervisor by their number."""
    found = {}
    for children in Path(f"/proc/{parent}/task").glob("*/children"):
        for pid in map(int, children.read_text().split()):
            order = re.search(r'"number":(\d+)', Path(f"/proc/{pid}/cmdline").read_text())
            if order is not None:
                found[int(order[1])] = pid
    return found


def kill_and_wait(supervisor, number):
    """Kill one worker, and return once another is in its place."""
    dead = pids_of(supervisor)[number]
    os.kill(dead, signal.SIGKILL)
    while pids_of(supervisor).get(number, dead) == dead:
        threading.Event().wait(0.01)
