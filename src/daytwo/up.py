"""Everything of a project in one process tree: the server, the lifecycle by the machine's clock, and the console.

The main thread keeps the server running (`keeper.py`), or watches one that another command runs (`beside.py`), and
hears signals; one thread lives the lifecycle, so that a training never keeps the server from being started again; one
serves the console. Whatever is killed, the next `daytwo up` goes on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType

from daytwo.beside import Keeper, keeper_for
from daytwo.console.serve import Listening, listen
from daytwo.core.clock import Clock, SystemClock
from daytwo.core.errors import DaytwoError, Refused
from daytwo.life import Life
from daytwo.lifecycle.heart import Heart
from daytwo.lifecycle.rollout import ACTOR
from daytwo.lifecycle.sending import example_row
from daytwo.lifecycle.shipping import ship_journal
from daytwo.lifecycle.standstill import Standstill
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import load_model
from daytwo.lifecycle.windows import STANDS_AT
from daytwo.lifecycle.worker import Event
from daytwo.registry.route import Route
from daytwo.registry.versions import current_route

# How often the server is looked after.
_KEEP_S = 0.2
# A training that is under way when everything stops is left to the next start after this long.
_LAST_WAIT_S = 3.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for. Ports that are None come from the settings; `approve_as` is for the first version."""

    port: int | None = None
    console_port: int | None = None
    approve_as: str = ""
    once: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """What answers, and where: `example` is a real row for a first request, None where there is none."""

    server: str
    console: str
    version: str
    digest: str
    example: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Ears:
    """Where `up` says what happens: an event a line, the addresses once, and what is live once it answers."""

    say: Callable[[Event], None] = lambda _: None
    addresses: Callable[[str, str], None] = lambda _server, _console: None
    live: Callable[[Live], None] = lambda _: None


def run_up(system: System, wish: Wish, ears: Ears, *, clock: Clock | None = None) -> None:
    """Run everything until SIGINT or SIGTERM, or with `once` until the first version answers.

    Raises
    ------
    Refused
        If the project is run already; with `once` also if the first version does not pass its gates.
    Fault
        If a port is taken or the disk cannot be written.
    """
    clock = clock or SystemClock()
    if wish.approve_as == ACTOR:
        raise Refused(f"{ACTOR} makes the versions and cannot approve them", hint="Approve as a person")
    if system.windows.fact(STANDS_AT) is not None:
        raise Refused(
            "this project replays the past, and 'up' lives by the clock on the wall",
            hint="'daytwo serve' answers from it, 'daytwo demo --keep' with this folder goes on with it",
        )
    heart = Heart(system, say=ears.say, approve_as=wish.approve_as)
    life = Life(system, heart, Standstill(system, say=ears.say), clock, once=wish.once)
    keeper = keeper_for(system, wish.port)
    with _signals(life.stop), _console(system, clock, wish.console_port) as console:
        try:
            keeper.start()
            ears.addresses(keeper.url, console.url)
            life.start()
            _keep(system, keeper, console, life, wish, ears, clock)
        finally:
            life.stop.set()
            with contextlib.suppress(DaytwoError):  # what ended us may be that nothing can be written
                keeper.charge(clock.now(), at_once=True)
            keeper.stop()
            _end(system, life)
    if life.refused is not None:
        raise life.refused


def _keep(system: System, keeper: Keeper, console: Listening, life: Life, wish: Wish, ears: Ears, clock: Clock) -> None:
    """Keep the server running, and say once when a version answers."""
    last, told = "", False
    while not life.stop.wait(_KEEP_S):
        try:
            for event in keeper.keep(clock.now()):
                ears.say(event)
            keeper.charge(clock.now())
            if not told:
                route = current_route(system.registry)
                if route is not None and _answers(keeper, route):
                    ears.live(_described(system, route, keeper.url, console.url))
                    told = True
            last = ""
        except DaytwoError as err:
            if wish.once:
                raise
            if str(err) != last:
                ears.say(Event(clock.now(), "trouble", str(err), {}))
            last = str(err)
        if wish.once and told:
            return
        if wish.once and life.stuck:
            raise Refused(f"nothing went live: {life.stuck}", hint="'daytwo status' tells more; mend it and run again")


def _answers(keeper: Keeper, route: Route) -> bool:
    """Ask the server whether it is ready, and by which version."""
    client = keeper.client()
    if client is None:
        return False
    try:
        return client.ready() and client.route()["champion"] == route.champion
    except DaytwoError:
        return False
    finally:
        client.close()


def _described(system: System, route: Route, server: str, console: str) -> Live:
    version = system.registry.find(route.champion)
    contract = load_model(system.bundles, route.champion).contract
    return Live(server, console, f"v{version.number}", route.champion, example_row(system, contract))


@contextlib.contextmanager
def _console(system: System, clock: Clock, port: int | None) -> Iterator[Listening]:
    listening = listen(system, clock, system.settings.console.port if port is None else port)
    thread = threading.Thread(target=listening.run, name="console", daemon=True)
    thread.start()
    try:
        yield listening
    finally:
        listening.stop()
        thread.join()


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGINT and SIGTERM end everything in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(system: System, life: Life) -> None:
    """Wait for the lifecycle, hand over what the server journaled; a training that goes on and on is left behind."""
    if life.join(_LAST_WAIT_S):
        with contextlib.suppress(DaytwoError):  # it stays in the journal, for the next start
            ship_journal(system)
        return
    # The flow's steps are kept, so nothing is lost; but its threads would hold the process until they are done.
    sys.stderr.write("daytwo: a flow was under way and is left; the next 'daytwo up' goes on with it\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
