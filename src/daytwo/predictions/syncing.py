"""The thread that makes the disk catch up with the journal, which bounds what a power cut can take (`journal.py`)."""

from __future__ import annotations

import os
import threading
import time


class Syncer:
    """A thread that makes written records durable, many at a time, every `every_s` seconds at most.

    `fault` says why the disk does not take them, None while it does; `is_gone` that their file has no name any more.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._handle = -1
        self._stopped = False
        self.fault: str | None = None
        self.is_gone = False
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    def dirty(self, handle: int) -> None:
        """Say that `handle` was written to."""
        self._handle = handle
        if not self._wake.is_set():
            self._wake.set()

    def forget(self, handle: int) -> None:
        """Wait until nothing is done with `handle` any more, so that it may be closed."""
        with self._lock:
            if self._handle == handle:
                self._handle = -1
                self.is_gone = False

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.wait()
            self._wake.clear()
            with self._lock:
                self._sync(self._handle)
            time.sleep(self._every_s)

    def _sync(self, handle: int) -> None:
        if handle < 0:
            return
        try:
            os.fdatasync(handle)
            self.is_gone = not os.fstat(handle).st_nlink
            self.fault = None
        except OSError as err:
            self.fault = f"the disk does not take the journal: {err.strerror or err}"
