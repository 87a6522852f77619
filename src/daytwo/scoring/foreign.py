"""`python:` models: Python code that a bundle carries, run in a process of its own once the settings trust it.

For a model that no format holds. It costs what its code costs and some 50 us a call on top, and nothing proves that it
answers tomorrow as it did today but its replay set. The process is no cage: the code may do what the server's user may
do, so it runs only where `[serve] trust` names the digest of all its files. `foreign_process.py` runs it.

A server answers on one loop, and does not wait there: a thread asks the process, and others are answered meanwhile
(`later.py`). The deadline bounds the wait: a process that is still busy then is ended, the rows get the fallback, and
until it is started again so do all others of this model, at once.
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.digest import canonical_json, digest_bytes
from daytwo.core.errors import DataError, DaytwoError, Fault, Refused
from daytwo.registry.bundle import Bundle
from daytwo.registry.trust import Trust
from daytwo.scoring.engine import feature_rows
from daytwo.scoring.foreign_process import ForeignProcess, Lost, Running
from daytwo.scoring.later import ERRAND, scores_of

PYTHON_FILE = "python.json"
# One message to the process, and one deadline: as many rows as a request may hold unless set otherwise.
_BLOCK_ROWS = 10_000
# Importing a large library on a busy machine takes its time, on another thread than the server's.
_START_S = 60.0
# A process that dies again and again is started after ever longer pauses, so that it cannot eat the machine.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _GROWTH = 0.05, 60.0, 4.0
_FORGIVEN_AFTER_S = 600.0


class ForeignCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`python.json`: `entry` is `module:function`, `files` are the bundle's files that the code needs.

    The function takes a float32 matrix, shape (n, d), and returns n scores: shape (n,), (n, 1), or (n, 2) with the
    positive class last. `digest` is that of the entry and of every file's content.
    """

    entry: str
    files: tuple[str, ...]
    digest: str


def foreign_files(entry: str, code: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files that make a bundle's model of `code`, `python.json` among them."""
    digest = code_digest(entry, code)
    return {**code, PYTHON_FILE: canonical_json(ForeignCode(entry=entry, files=tuple(sorted(code)), digest=digest))}


def code_digest(entry: str, code: Mapping[str, bytes]) -> str:
    """Return what `[serve] trust` names: `sha256:` and the digest of the entry and of every file."""
    files = {name: digest_bytes(content) for name, content in sorted(code.items())}
    return f"sha256:{digest_bytes(canonical_json({'entry': entry, 'files': files}))}"


def open_foreign(bundle: Bundle, n_features: int, trust: Trust) -> PythonScorer:
    """Return the engine of a bundle whose model is Python code.

    Raises
    ------
    Refused
        If the settings do not trust the code, or it is not the code that its digest names.
    DataError
        If `python.json` is damaged, or the code cannot be imported.
    """
    try:
        told = msgspec.json.decode(bundle.read(PYTHON_FILE), type=ForeignCode)
    except msgspec.MsgspecError as err:
        raise DataError(f"{PYTHON_FILE} is damaged: {err}", hint="Make the bundle again") from err
    module, _, function = told.entry.partition(":")
    if not module.isidentifier() or not function.isidentifier():
        raise DataError(f"{told.entry!r} is no entry", hint="Write module:function in python.json")
    code = {name: bundle.read(name) for name in told.files}
    digest = code_digest(told.entry, code)
    if digest != told.digest:
        raise Refused(f"the code of bundle {bundle.digest[:12]} has not the digest it names", hint="Make it again")
    if digest not in trust.digests:
        raise Refused(
            f"bundle {bundle.digest[:12]} runs the Python code {told.entry}, which this project does not trust",
            hint=f'Read its files in {bundle.folder}, then set [serve] trust = ["{digest}"] in daytwo.toml',
        )
    return PythonScorer(told.entry, code, n_features, trust)


class PythonScorer:
    """Scores of one model that is Python code. Any number of threads may score: one is served after the other.

    The code decides whether a row alone gets the bits it gets in a block; the replay set holds it to `tolerance`.
    """

    name = "python"
    tolerance = 1e-6
    trees = None

    def __init__(self, entry: str, code: Mapping[str, bytes], n_features: int, trust: Trust) -> None:
        self.n_features, self.entry = n_features, entry
        self._code, self._trust = dict(code), trust
        self._turn = threading.Lock()
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="daytwo-python-model-asks")
        self._closed = threading.Event()
        process = self._start()
        self._process: ForeignProcess | None = process
        weakref.finalize(self, self._closed.set)
        keeping = (weakref.ref(self), process.running, self._closed)
        threading.Thread(target=_keep, args=keeping, name="daytwo-python-model", daemon=True).start()

    def one(self, features: Sequence[float]) -> float:
        """Return the score of one row of `n_features` numbers."""
        return float(self.many([features])[0])

    def many(self, matrix: ArrayLike) -> NDArray[np.float64]:
        """Return the scores, shape (n,), of a feature matrix, shape (n, n_features)."""
        rows = feature_rows(matrix, self.n_features)
        blocks = [self._known(rows[at : at + _BLOCK_ROWS]) for at in range(0, len(rows), _BLOCK_ROWS)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def close(self) -> None:
        """End the process."""
        self._closed.set()
        self._asking.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            self._process.end()

    def revive(self) -> Running | None:
        """Start the process again and return it; None where that did not work."""
        try:
            fresh = self._start()
        except DaytwoError:  # what it said is in the log
            return None
        self._process = fresh
        if self._closed.is_set():
            fresh.end()
        return fresh.running

    def _start(self) -> ForeignProcess:
        return ForeignProcess(self._trust.python, self.entry, self._code, start_s=_START_S)

    def _known(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Ask the process and wait, or, for who must not wait, let a thread ask it."""
        deadline = time.monotonic() + self._trust.deadline_s
        errand = ERRAND.get()
        if errand is None:
            return self._ask(rows, deadline)
        return scores_of(errand, self, rows.tobytes(), lambda: self._asking.submit(self._ask, rows, deadline))

    def _ask(self, rows: NDArray[np.float32], deadline: float) -> NDArray[np.float64]:
        if not self._turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Fault(f"the model {self.entry} is busy", hint="Raise [serve] python_deadline_s, or send fewer rows")
        try:
            process = self._process
            if process is None:
                raise Fault(f"the model {self.entry} is being started again", hint="Its own words are in the log")
            return process.ask(rows, deadline)
        except Lost as err:
            self._process = None
            raise Fault(f"the model {self.entry} is lost: {err}", hint="It is being started again") from err
        finally:
            self._turn.release()


def _keep(owner: weakref.ref[PythonScorer], running: Running, closed: threading.Event) -> None:
    """Start the process anew whenever it ends, until the engine is closed or no longer used."""
    pause_s, died_at = _FIRST_PAUSE_S, -math.inf
    while True:
        running.wait()
        now = time.monotonic()
        pause_s = _FIRST_PAUSE_S if now - died_at > _FORGIVEN_AFTER_S else min(pause_s * _GROWTH, _LONGEST_PAUSE_S)
        died_at = now
        fresh: Running | None = None
        while fresh is None:
            if closed.wait(pause_s) or (engine := owner()) is None:
                return
            fresh = engine.revive()
            del engine  # or this thread would keep alive what it only serves
            if fresh is None:
                pause_s = min(pause_s * _GROWTH, _LONGEST_PAUSE_S)
        running = fresh
