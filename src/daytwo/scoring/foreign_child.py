"""The other end of `foreign.py`: runs a model that is Python code, in a process of its own.

It runs as a file, by an interpreter in which daytwo need not be installed, so nothing but numpy and what comes with
Python is used here. Arguments: the folder with the code, `module:function`, and the number of the socket to answer on.

A request is two unsigned 32-bit numbers, rows and columns, and the rows as float32. A reply is a byte, 0 for scores or
1 for words, an unsigned 64-bit length, and that many bytes: float64 scores, or UTF-8 words. All little-endian. The
first reply comes unasked, once the code is imported.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeAlias

REQUEST, REPLY = struct.Struct("<II"), struct.Struct("<BQ")
SCORES, WORDS = 0, 1

_Model: TypeAlias = Callable[[Any], Any]


def main() -> int:
    """Import the code, then answer until the other end closes."""
    folder, entry, number = sys.argv[1:]
    die_with_parent()
    os.dup2(2, 1)  # what a model prints belongs in the log
    with socket.socket(fileno=int(number)) as connection:
        try:
            numpy = importlib.import_module("numpy")  # here, so that a missing one is told as the code's failures are
            score = _import(folder, entry)
        except Exception as err:
            traceback.print_exc()
            _reply(connection, WORDS, _words(err))
            return 1
        _reply(connection, SCORES, b"")
        failed = False
        while (request := _take(connection, REQUEST.size)) is not None:
            rows, columns = REQUEST.unpack(request)
            content = _take(connection, 4 * rows * columns)
            if content is None:
                return 0
            failed = not _answer(connection, numpy, score, content, (rows, columns), quiet=failed) or failed
    return 0


def die_with_parent() -> None:
    """End this process when its stdin closes, as it does when its parent ends, whatever runs here then.

    The system sends a signal that ends a process in the middle of C code too; where its default is to be ignored
    (macOS), the interpreter ends it at its next step.
    """
    if sys.platform != "linux":
        signal.signal(signal.SIGIO, lambda *_: os._exit(1))
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    gone = select.poll()
    gone.register(0, 0)
    if gone.poll(0):  # it ended before we listened
        os._exit(1)


def _import(folder: str, entry: str) -> _Model:
    sys.path.insert(0, folder)
    module, _, name = entry.partition(":")
    found: _Model = getattr(importlib.import_module(module), name)
    return found


def _answer(
    connection: socket.socket, numpy: Any, score: _Model, content: bytes, shape: tuple[int, int], *, quiet: bool
) -> bool:
    """Score the rows, reply, and return whether there were scores; unless `quiet`, the log gets what went wrong."""
    try:
        scores = numpy.asarray(score(numpy.frombuffer(content, "<f4").reshape(shape).copy()), dtype="<f8")
        if scores.ndim == 2 and scores.shape[1] in {1, 2}:
            scores = scores[:, -1]
        if scores.shape != shape[:1]:
            raise ValueError(f"it gave scores of shape {scores.shape} for {shape[0]} rows")  # noqa: TRY301  told like others
    except Exception as err:
        if not quiet:
            traceback.print_exc()
        _reply(connection, WORDS, _words(err))
        return False
    _reply(connection, SCORES, scores.tobytes())
    return True


def _words(err: Exception) -> bytes:
    return f"{type(err).__name__}: {err}"[:500].encode()


def _reply(connection: socket.socket, kind: int, content: bytes) -> None:
    connection.sendall(REPLY.pack(kind, len(content)) + content)


def _take(connection: socket.socket, size: int) -> bytes | None:
    content = bytearray()
    while len(content) < size:
        piece = connection.recv(size - len(content))
        if not piece:
            return None
        content += piece
    return bytes(content)


if __name__ == "__main__":
    sys.exit(main())
