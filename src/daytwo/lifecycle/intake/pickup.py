"""New files of `[data] source` are picked up as they appear, each content once; one that cannot be read is told, once.

Ingesting is idempotent by content, so it needs no durable run: whoever is killed takes the same file in again. What
one file goes through stands in `ingest.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daytwo.contracts.toml import read_contract
from daytwo.core.errors import Conflict, DataError, DaytwoError, Fault, NotFound
from daytwo.core.finding import Finding, Severity
from daytwo.lifecycle.flow import InlineRun, Json
from daytwo.lifecycle.intake.ingest import ingest, look, sources
from daytwo.lifecycle.system import System
from daytwo.lifecycle.telling import tell_people
from daytwo.sources.source import CSV, is_address, parse_source

# A file that changed so lately may not be whole yet.
_STILL_WRITTEN_S = 2.0
# A database is asked so often whether it has anything new.
_ASK_EVERY_S = 600.0
_MOST_REASONS = 3
_Mark = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of one source. `again` says that its content was in already; `trouble` why it is not in, if so.

    `reasons` are why rows were kept aside, the most frequent first; `notes` what was assumed and what is odd. `late`
    rows are older than what was in before, `late_settled` of them belong to windows that are settled already.
    """

    file: str
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    repaired: int = 0
    unlabelled: int = 0
    known: int = 0
    late: int = 0
    late_settled: int = 0
    again: bool = False
    version: int | None = None
    digest: str = ""
    contract: str = ""
    contract_version: int = 0
    new_columns: tuple[str, ...] = ()
    reasons: tuple[Mapping[str, object], ...] = ()
    notes: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def words(self) -> str:
        """Say it in a line."""
        if self.trouble:
            return f"not taken in: {self.trouble}"
        if self.again:
            return f"{self.file} was taken in before"
        told = f"{self.file}: {self.accepted:,} rows in, {self.rejected:,} kept aside"
        told += f", {self.unlabelled:,} without an outcome left out" if self.unlabelled else ""
        told += f", {self.known:,} known by their key left out" if self.known else ""
        told += f", {self.late:,} late" if self.late else ""
        return told

    @property
    def lines(self) -> tuple[str, ...]:
        """Say the rest: why rows were kept aside, and what is worth knowing."""
        told = [f"{reason['rows']:,} rows: {reason['message']}" for reason in self.reasons[:_MOST_REASONS]]
        if len(self.reasons) > _MOST_REASONS:
            told.append(f"and {len(self.reasons) - _MOST_REASONS} more reasons")
        if self.late:
            told.append(f"{self.late:,} rows are older than what was in before")
        if self.late_settled:
            told.append(f"{self.late_settled:,} rows belong to windows that are settled: what was said of them stays")
        return (*told, *self.notes)


def take_in(system: System, source: Path | str, now: datetime) -> Intake:
    """Take one source in, unless its content is in already.

    Raises
    ------
    DataError, NotFound, SettingsError
        If it cannot be read or does not have what the contract requires; nothing of it is in then.
    Conflict
        If the file changed while it was read.
    """
    with _named(source):
        told = ingest(InlineRun(f"ingest-{now.isoformat()}"), system, {"path": str(source), "now": now.isoformat()})
    assert isinstance(told, dict)
    return _intake(told)


def preview(system: System, source: Path | str, now: datetime) -> Intake:
    """Return what taking a source in would come to; nothing is written.

    Raises
    ------
    DataError, NotFound, SettingsError, Conflict
        As `take_in`.
    """
    with _named(source):
        judged = look(system, str(source), now)
    if isinstance(judged, str):
        return Intake(_called(source), again=True, digest=judged.partition(":")[2])
    return _intake({**judged.record, "again": False})


class SourceWatch:
    """Looks at the files of `[data] source` again and again, and takes in what is new.

    A file whose size and time have not moved is not read again; neither is one that could not be taken in, until it
    or the contract changes. After a look `pending` says that a file may still be written, `trouble` is what stood
    against the newest file that could not be taken in.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._seen: dict[Path | str, _Mark] = {}
        self.pending = False
        self.trouble = ""

    def look(self, now: datetime) -> list[Intake]:
        """Take in every new file; return what became of each, leaving out those that were in already."""
        contract = read_contract(self._system.contract_path).digest
        found = []
        self.pending = False
        for source in self._sources():
            mark = _mark(source, contract, now)
            self.pending |= mark is None
            if mark is None or self._seen.get(source) == mark:
                continue
            try:
                intake = take_in(self._system, source, now)
            except Conflict:  # it is being written after all
                self.pending = True
                continue
            except DaytwoError as err:
                if isinstance(err, Fault) and not is_address(str(source)):
                    raise  # the disk or the ledger: not the file's fault, so it is tried again
                intake = Intake(_called(source), trouble=str(err))
                self.trouble = intake.words
                _tell(self._system, [_refused(self._system, source, str(err), now)], now)
            self._seen[source] = mark
            if not intake.again:
                _tell(self._system, _grown(self._system, intake, now), now)
                found.append(intake)
        return found

    def _sources(self) -> Iterable[Path | str]:
        try:
            return sources(self._system.folder, self._system.settings.data.source)
        except NotFound:
            return ()


class _named:  # noqa: N801 (reads as a function)
    """Lets an error of the data name the source it is about."""

    def __init__(self, source: Path | str) -> None:
        self._name = _called(source)

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, err: BaseException | None, _trace: object) -> None:
        if isinstance(err, DataError) and self._name not in err.message:
            raise DataError(f"{self._name}: {err.message}", hint=err.hint) from err


def _intake(told: Mapping[str, Json]) -> Intake:
    names = Intake.__dataclass_fields__.keys() - {"trouble", "digest", "reasons", "notes", "new_columns"}
    lists = {key: _list(told.get(key)) for key in ("reasons", "notes", "new_columns")}
    digest = str(told.get("batch", "")).partition(":")[2]
    return Intake(**{key: told[key] for key in names if key in told}, **lists, digest=digest)  # type: ignore[arg-type]


def _list(value: Json) -> tuple[Json, ...]:
    return tuple(value) if isinstance(value, list) else ()


def _refused(system: System, source: Path | str, trouble: str, now: datetime) -> Finding:
    name = _called(source)
    return Finding(
        "source.refused",
        name,
        Severity.WARNING,
        f"{name} is not taken in: {trouble}",
        since=now,
        owner=system.settings.data.owner,
        next_step=f"Mend the file or the contract; 'daytwo ingest --dry-run {source}' tells more",
    )


def _grown(system: System, intake: Intake, now: datetime) -> list[Finding]:
    """Return findings about columns that are new, and rows that came after their window was settled."""
    owner, found = system.settings.data.owner, []
    if intake.new_columns:
        names = ", ".join(intake.new_columns)
        words = f"{intake.file} brings columns that the contract does not know: {names}; they are kept as texts"
        step = "Renew the contract with 'daytwo contract propose' if a model should read them"
        found.append(
            Finding("source.new_column", names, Severity.WARNING, words, since=now, owner=owner, next_step=step)
        )
    if intake.late_settled:
        words = f"{intake.late_settled:,} rows of {intake.file} belong to windows that are settled already"
        step = "What was said of those windows stays; ask why the rows come so late"
        found.append(
            Finding("source.late", intake.file, Severity.WARNING, words, since=now, owner=owner, next_step=step)
        )
    return found


def _tell(system: System, findings: Sequence[Finding], now: datetime) -> None:
    if findings:
        tell_people(system, list(findings), at=now, opened_by=f"sources {now:%Y-%m-%d}")


def _called(source: Path | str) -> str:
    """Return what people read of a source; an address may hold a secret."""
    if isinstance(source, Path) or not is_address(source):
        return Path(source).name
    try:
        return parse_source(source).name
    except DaytwoError:
        return source.partition(":")[0]


def _mark(source: Path | str, contract: str, now: datetime) -> _Mark | None:
    """Return what tells a source that was looked at from one that changed; None while it may still be written."""
    if isinstance(source, str) and source.startswith(CSV):
        source = Path(source.removeprefix(CSV).partition("#")[0])
    if isinstance(source, str) and is_address(source):
        return 0, int(now.timestamp() // _ASK_EVERY_S), contract
    path = Path(source)
    if path.is_dir():
        return len(list((path / "_delta_log").glob("*.json"))), 0, contract
    try:
        found = path.stat()
    except OSError:
        return None
    if 0 <= now.timestamp() - found.st_mtime < _STILL_WRITTEN_S:
        return None
    return found.st_size, found.st_mtime_ns, contract
