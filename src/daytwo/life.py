"""The lifecycle of a running project, in a thread of its own: it beats, stands still where it must, and goes on."""

from __future__ import annotations

import contextlib
import threading
import traceback

from daytwo.core.clock import Clock
from daytwo.core.errors import DaytwoError, Fault
from daytwo.flows import open_runner
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.heart import Heart
from daytwo.lifecycle.standstill import Standstill
from daytwo.lifecycle.system import System

# How often the heart beats.
_LOOK_S = 2.0
# After trouble with disk or ledger the lifecycle pauses for so long.
_PAUSE_S = 5.0
# Who tells of a standstill: the lifecycle itself, and its presence among the workers, which goes on beating while a
# step is at work or waits for a database.
_LIFE, _PRESENCE = "lifecycle", "presence"


class Life:
    """Lives until `stop` is set. With `once` any trouble ends it, and stands in `refused`; otherwise it tries again."""

    def __init__(self, system: System, heart: Heart, standstill: Standstill, clock: Clock, *, once: bool) -> None:
        self._system, self._heart, self._standstill, self._clock, self._once = system, heart, standstill, clock, once
        self.stop = threading.Event()
        # Why nothing can go live by itself, empty while something still may.
        self.stuck = ""
        self.refused: DaytwoError | None = None
        self._thread = threading.Thread(target=self._live, name="lifecycle", daemon=True)

    def start(self) -> None:
        """Begin to live."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; return whether it came, or the life never began."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _live(self) -> None:
        while not self.stop.is_set():
            try:
                with open_runner(self._system, heard=self._hear) as runner:
                    try:
                        self._beat_on(runner)
                    except Exception as err:  # told before the runner is left, which may have to wait for a database
                        self._end_or_tell(err)
            except Exception as err:  # a bug of ours must not take the server down with it
                self._end_or_tell(err)
            # Flows that were cut short by the trouble are taken up when the runner is opened again.
            self.stop.wait(_PAUSE_S)

    def _beat_on(self, runner: Runner) -> None:
        while not self.stop.is_set():
            try:
                if runner.leads():
                    self._heart.beat(runner, self._clock.now())
                else:
                    self._heart.follow(self._clock.now())
                self._standstill.goes_on(_LIFE, self._clock.now())
            except DaytwoError as err:
                # What a person must mend first needs no runner opened anew: it is tried again at the next beat.
                if self._once or isinstance(err, Fault):
                    raise
                self._standstill.stands(_LIFE, str(err), self._clock.now())
            self.stuck = self._heart.stuck
            self.stop.wait(_LOOK_S)

    def _hear(self, err: Exception | None) -> None:
        """Hear of this worker's presence at each of its beats, from a thread of its own."""
        if err is None:
            with contextlib.suppress(DaytwoError):  # the ledger is away again: the next beat tells
                self._standstill.goes_on(_PRESENCE, self._clock.now())
        else:
            self._standstill.stands(_PRESENCE, self._told(err), self._clock.now())

    def _end_or_tell(self, err: Exception) -> None:
        words = self._told(err)
        if self._once or (isinstance(err, DaytwoError) and not isinstance(err, Fault)):
            hint = "Check disk and folder, then run the same command again"
            self.refused = err if isinstance(err, DaytwoError) else Fault(words, hint=hint)
            self.stop.set()
        else:
            self._standstill.stands(_LIFE, words, self._clock.now())

    def _told(self, err: Exception) -> str:
        """Return what went wrong, in words; the trace of a bug of ours is kept."""
        if isinstance(err, DaytwoError):
            return str(err)
        log = self._system.own / "up.log"
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as stream:
            stream.write("".join(traceback.format_exception(err)))
        return f"{type(err).__name__}: {str(err).partition(chr(10))[0]} (see {log})"
