"""New files of `[data] source` are taken in as they appear, each content once; one that cannot be read is told, once.

Ingesting is idempotent by content, so it needs no durable run: whoever is killed takes the same file in again. What
one file goes through stands in `ingest.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daytwo.contracts.toml import read_contract
from daytwo.core.digest import digest_file
from daytwo.core.errors import DataError, DaytwoError, Fault, NotFound
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.flow import InlineRun
from daytwo.lifecycle.ingest import ingest, sources
from daytwo.lifecycle.system import System
from daytwo.lifecycle.watch import tell_people

# A file that changed so lately may not be whole yet.
_STILL_WRITTEN_S = 2.0
_Mark = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of one file. `again` says that its content was in already; `trouble` why it is not in, if so."""

    file: str
    accepted: int = 0
    rejected: int = 0
    unlabelled: int = 0
    again: bool = False
    trouble: str = ""

    @property
    def words(self) -> str:
        """Say it in a line."""
        if self.trouble:
            return f"not taken in: {self.trouble}"
        if self.again:
            return f"{self.file} was taken in before"
        told = f"{self.file}: {self.accepted:,} rows in, {self.rejected:,} kept aside"
        return told + (f", {self.unlabelled:,} without an outcome left out" if self.unlabelled else "")


def take_in(system: System, path: Path, now: datetime) -> Intake:
    """Take one file in, unless its content is in already.

    Raises
    ------
    DataError, NotFound, SettingsError
        If the file cannot be read or does not have what the contract requires; nothing of it is in then.
    """
    contract = read_contract(system.contract_path)
    name = f"ingest-{_digest(path)[:16]}-{contract.digest[:8]}"
    try:
        told = ingest(InlineRun(name), system, {"path": str(path), "now": now.isoformat()})
    except DataError as err:
        named = err.message if path.name in err.message else f"{path.name}: {err.message}"
        raise DataError(named, hint=err.hint) from err
    assert isinstance(told, dict)
    return Intake(
        file=path.name,
        accepted=int(str(told["accepted"])),
        rejected=int(str(told["rejected"])),
        unlabelled=int(str(told["unlabelled"])),
        again=told["again"] is True,
    )


class SourceWatch:
    """Looks at the files of `[data] source` again and again, and takes in what is new.

    A file whose size and time have not moved is not read again; neither is one that could not be taken in, until it
    or the contract changes. After a look `pending` says that a file may still be written, `trouble` is what stood
    against the newest file that could not be taken in.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._seen: dict[Path, _Mark] = {}
        self.pending = False
        self.trouble = ""

    def look(self, now: datetime) -> list[Intake]:
        """Take in every new file; return what became of each, leaving out those that were in already."""
        contract = read_contract(self._system.contract_path).digest
        found = []
        self.pending = False
        for path in self._files():
            mark = _mark(path, contract, now)
            self.pending |= mark is None
            if mark is None or self._seen.get(path) == mark:
                continue
            try:
                intake = take_in(self._system, path, now)
            except Fault:
                raise  # the disk or the ledger: not the file's fault, so it is tried again
            except DaytwoError as err:
                intake = Intake(path.name, trouble=str(err))
                self.trouble = intake.words
                _tell(self._system, path, str(err), now)
            self._seen[path] = mark
            if not intake.again:
                found.append(intake)
        return found

    def _files(self) -> Iterable[Path]:
        try:
            return sources(self._system.folder, self._system.settings.data.source)
        except NotFound:
            return ()


def _tell(system: System, path: Path, trouble: str, now: datetime) -> None:
    finding = Finding(
        "source.refused",
        path.name,
        Severity.WARNING,
        f"{path.name} is not taken in: {trouble}",
        since=now,
        owner=system.settings.data.owner,
        next_step=f"Mend the file or the contract; 'daytwo contract check {path} --contract contract.toml' tells more",
    )
    tell_people(system, [finding], at=now, opened_by=f"sources {now:%Y-%m-%d}")


def _digest(path: Path) -> str:
    try:
        return digest_file(path)
    except FileNotFoundError as err:
        raise NotFound(f"there is no file {path}", hint="Check the path you gave") from err
    except OSError as err:
        raise Fault(f"cannot read {path}: {err.strerror or err}", hint="Check the file's permissions") from err


def _mark(path: Path, contract: str, now: datetime) -> _Mark | None:
    """Return what tells a file that was looked at from one that changed; None while it may still be written."""
    try:
        found = path.stat()
    except OSError:
        return None
    if 0 <= now.timestamp() - found.st_mtime < _STILL_WRITTEN_S:
        return None
    return found.st_size, found.st_mtime_ns, contract
