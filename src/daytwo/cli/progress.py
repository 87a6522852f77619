"""How far a command is: one line on a person's terminal, written over and over, and gone when the command answers.

Where stderr is no terminal nothing is written, so that logs and pipes hold answers only.
"""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_CLEAR = "\r\x1b[K"


@contextmanager
def progress_line(*, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Give what shows a line of words in place of the last one, from any thread; it leaves no trace."""
    stream = sys.stderr
    if quiet or not stream.isatty():
        yield lambda _words: None
        return
    width = shutil.get_terminal_size().columns
    alone = threading.Lock()

    def show(words: str) -> None:
        with alone:
            stream.write(_CLEAR + words[: width - 1])
            stream.flush()

    try:
        yield show
    finally:
        show("")
