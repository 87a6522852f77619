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
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from daytwo.beside import Keeper, keeper_for
from daytwo.console.serve import Listening, listen
from daytwo.core.clock import Clock, SystemClock
from daytwo.core.errors import DaytwoError, Fault, Refused
from daytwo.flows import open_runner
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.heart import Heart
from daytwo.lifecycle.rollout import ACTOR
from daytwo.lifecycle.sending import example_row
from daytwo.lifecycle.shipping import ship_journal
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import load_model
from daytwo.lifecycle.windows import STANDS_AT
from daytwo.lifecycle.worker import Event
from daytwo.registry.route import Route
from daytwo.registry.versions import current_route

# How often the lifecycle's heart beats, and how often the server is looked after.
_LOOK_S = 2.0
_KEEP_S = 0.2
# After trouble with disk or ledger the lifecycle pauses for so long.
_PAUSE_S = 5.0
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


@dataclass(slots=True)
class _State:
    """What the threads tell one another."""

    stop: threading.Event = field(default_factory=threading.Event)
    # Why nothing can go live by itself, empty while something still may.
    stuck: str = ""
    refused: DaytwoError | None = None

    def end(self, err: DaytwoError) -> None:
        """Stop everything for this reason."""
        self.refused = err
        self.stop.set()


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
    state = _State()
    keeper = keeper_for(system, wish.port)
    with _signals(state.stop), _console(system, clock, wish.console_port) as console:
        life = threading.Thread(target=_live, args=(system, wish, ears, clock, state), name="lifecycle", daemon=True)
        try:
            keeper.start()
            ears.addresses(keeper.url, console.url)
            life.start()
            _keep(system, keeper, console, state, wish, ears, clock)
        finally:
            state.stop.set()
            with contextlib.suppress(DaytwoError):  # what ended us may be that nothing can be written
                keeper.charge(clock.now(), at_once=True)
            keeper.stop()
            _end(system, life)
    if state.refused is not None:
        raise state.refused


def _keep(
    system: System, keeper: Keeper, console: Listening, state: _State, wish: Wish, ears: Ears, clock: Clock
) -> None:
    """Keep the server running, and say once when a version answers."""
    last, told = "", False
    while not state.stop.wait(_KEEP_S):
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
            last = _tell_trouble(str(err), last, ears, clock)
        if wish.once and told:
            return
        if wish.once and state.stuck:
            raise Refused(f"nothing went live: {state.stuck}", hint="'daytwo status' tells more; mend it and run again")


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


def _live(system: System, wish: Wish, ears: Ears, clock: Clock, state: _State) -> None:
    """Live the lifecycle until told to stop. Trouble is told and tried again; the server answers meanwhile."""
    heart = Heart(system, say=ears.say, approve_as=wish.approve_as)
    last = ""
    while not state.stop.is_set():
        try:
            with open_runner(system) as runner:
                while not state.stop.is_set():
                    last = _beat(heart, runner, wish, ears, clock, last)
                    state.stuck = heart.stuck
                    state.stop.wait(_LOOK_S)
        except DaytwoError as err:
            if wish.once or not isinstance(err, Fault):
                state.end(err)
                return
            last = _tell_trouble(str(err), last, ears, clock)
        except Exception as err:  # a bug of ours must not take the server down with it
            _keep_trace(system.own / "up.log")
            words = f"{type(err).__name__}: {str(err).partition(chr(10))[0]} (see {system.own / 'up.log'})"
            if wish.once:
                state.end(Fault(words, hint="Check disk and folder, then run the same command again"))
                return
            last = _tell_trouble(words, last, ears, clock)
        # Flows that were cut short by the trouble are taken up when the runner is opened again.
        state.stop.wait(_PAUSE_S)


def _beat(heart: Heart, runner: Runner, wish: Wish, ears: Ears, clock: Clock, last: str) -> str:
    """Beat once; what a person must mend first is told, and tried again at the next beat."""
    try:
        if runner.leads():
            heart.beat(runner, clock.now())
        else:
            heart.follow(clock.now())
    except Fault:
        raise
    except DaytwoError as err:
        if wish.once:
            raise
        return _tell_trouble(str(err), last, ears, clock)
    return ""


def _keep_trace(log: Path) -> None:
    with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as stream:
        stream.write(traceback.format_exc())


def _tell_trouble(words: str, last: str, ears: Ears, clock: Clock) -> str:
    if words != last:
        ears.say(Event(clock.now(), "trouble", words, {}))
    return words


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


def _end(system: System, life: threading.Thread) -> None:
    """Wait for the lifecycle, hand over what the server journaled; a training that goes on and on is left behind."""
    if life.ident is None:
        return
    life.join(_LAST_WAIT_S)
    if not life.is_alive():
        with contextlib.suppress(DaytwoError):  # it stays in the journal, for the next start
            ship_journal(system)
        return
    # The flow's steps are kept, so nothing is lost; but its threads would hold the process until they are done.
    sys.stderr.write("daytwo: a flow was under way and is left; the next 'daytwo up' goes on with it\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
