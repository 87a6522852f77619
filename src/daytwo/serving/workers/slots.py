"""The places of processes that nobody supervises: each claims one by a lock that dies with it.

Where an ASGI server runs the app in several processes, nobody tells one which of them it is, or how many there are. So
they meet in a folder of their journal. Whoever starts claims the lowest free place, from which its number comes. Beside
the places stand the shares: what is to be kept by one process alone is divided into as many (`share.py`), and whoever
holds the lock of a share keeps it. Which process should hold which follows from who lives; the locks decide, so that
never two do, whatever each takes the others for. `serving/fellows.py` moves the shares.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from daytwo.core.errors import Fault

# At most so many processes; enough shares for a few of them to get as much each.
PLACES = 64
# Processes of one user alone may ask each other.
_FOLDER = ".asgi"
_DOOR, _ALIVE, _SHARE = "door.lock", "alive", "share"
# A socket's path holds 107 bytes; its name and the folder's need some of them.
_LONGEST_PARENT = 85
_NOBODY = b"--"


def owner(share: int, living: Sequence[int]) -> int:
    """Return the number of the process that should hold a share, of those that live.

    Everybody's own share has its number. Another goes to whoever draws the highest lot for it, so that a death moves
    nothing but what the dead one held.

    Source: D. G. Thaler and C. V. Ravishankar (1998), Using name-based mappings to increase hit rates, IEEE/ACM Trans.
    Netw. 6(1), 1-14 (rendezvous hashing).

    Examples
    --------
    >>> owner(1, [0, 1, 2]), owner(40, [3]), owner(9, [0, 2]) in {0, 2}
    (1, 3, True)
    """
    return share if share in living else max(living, key=lambda number: _lot(share, number))


def _lot(share: int, number: int) -> bytes:
    return hashlib.blake2b(f"{share} {number}".encode(), digest_size=8).digest()


class Place:
    """The place that this process has claimed, by its `number`, in `folder`."""

    def __init__(self, folder: Path, number: int, lock: int) -> None:
        self.folder, self.number, self._lock = folder, number, lock
        self._shares = self._open_shares()

    def is_taken_away(self) -> bool:
        """Whether the folder is no longer where others look for it."""
        return not os.fstat(self._lock).st_nlink

    def claim_again(self) -> None:
        """Claim the same place in a folder made anew; no share is held.

        Raises
        ------
        Fault
            If another process has claimed it meanwhile.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _opened(self.folder / f"{self.number}.{_ALIVE}")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            os.close(lock)
            raise Fault(
                f"{self.folder} was taken away, and another process has claimed this one's place in it",
                hint="Start all processes of the app again",
            ) from err
        self.close()
        self._lock, self._shares = lock, self._open_shares()

    def _open_shares(self) -> list[int]:
        return [_opened(self.folder / f"{_SHARE}-{share}") for share in range(PLACES)]

    def living(self) -> list[int]:
        """Return the numbers of all that live, this one's too, in order."""
        numbers = {int(path.stem) for path in self.folder.glob(f"*.{_ALIVE}")} - {self.number}
        return sorted({self.number, *filter(self._lives, numbers)})

    def take(self, share: int) -> bool:
        """Take a share, unless somebody holds it; others are not told before `tell`."""
        try:
            fcntl.flock(self._shares[share], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        os.pwrite(self._shares[share], _NOBODY, 0)
        return True

    def tell(self, share: int) -> None:
        """Tell the others that this process answers for a share, which it holds."""
        os.pwrite(self._shares[share], b"%02d" % self.number, 0)

    def let_go(self, share: int) -> None:
        """Let others take a share."""
        os.pwrite(self._shares[share], _NOBODY, 0)
        fcntl.flock(self._shares[share], fcntl.LOCK_UN)

    def holder(self, share: int) -> int | None:
        """Return who said last that it answers for a share; it may have died since. None where nobody does."""
        told = os.pread(self._shares[share], 2, 0)
        return int(told) if told.isdigit() else None

    def close(self) -> None:
        """Let go of all shares and of the place."""
        for handle in (*self._shares, self._lock):
            os.close(handle)

    def _lives(self, number: int) -> bool:
        try:
            with (self.folder / f"{number}.{_ALIVE}").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


@contextmanager
def claimed(journal: Path) -> Iterator[Place]:
    """Claim a place among the processes of the journal in this folder, and give it back at the end.

    Raises
    ------
    Fault
        If the folder cannot be written, or all places are taken.
    """
    try:
        folder = _meeting(journal)
        lock, number = _claim(folder)
        place = Place(folder, number, lock)
    except OSError as err:
        raise Fault(
            f"cannot write to the journal in {journal}: {err.strerror or err}",
            hint="Make the folder writable and free some disk space, then try again",
        ) from err
    try:
        yield place
    finally:
        place.close()


def _meeting(journal: Path) -> Path:
    """Return the folder where the processes meet: in the journal, or with temporary files where that path is long."""
    absolute = journal.absolute()
    journal.mkdir(parents=True, exist_ok=True)
    if len(bytes(absolute)) <= _LONGEST_PARENT:
        folder = absolute / _FOLDER
    else:
        name = hashlib.blake2b(bytes(absolute.resolve()), digest_size=8).hexdigest()
        folder = Path(tempfile.gettempdir()) / f"daytwo-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(13, f"{folder} belongs to somebody else")
    return folder


def _claim(folder: Path) -> tuple[int, int]:
    """Return the lock of the lowest free place, and its number; one after the other, so that they are taken in turn."""
    with (folder / _DOOR).open("ab") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        free: list[tuple[int, int]] = []
        for number in range(PLACES):
            lock = _opened(folder / f"{number}.{_ALIVE}")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                free.append((lock, number))
        if not free:
            raise Fault(
                f"{PLACES} processes run this app with the journal in {folder.parent}, which is as many as can",
                hint="Run fewer",
            )
        for lock, number in free[1:]:
            (folder / f"{number}.{_ALIVE}").unlink()
            os.close(lock)
        if len(free) == PLACES:  # the others have all ended: what they counted ends with them
            for path in (*folder.glob("*.counts"), folder / "rates"):
                with suppress(FileNotFoundError):
                    path.unlink()
        return free[0]


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
