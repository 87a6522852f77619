"""Bundles: everything that serving needs of one model version, in a folder named by the digest of its content.

Nothing measured in wall time goes in, so the same lineage gives the same digest. A bundle is written to a draft
folder and renamed when it is whole and on disk: a folder that bears a digest is complete. Which bundle is live is
told by `route.py` next door; who decided so, by the ledger.
"""

from __future__ import annotations

import fcntl
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from daytwo.core.digest import canonical_json, digest_bytes, digest_file
from daytwo.core.errors import DataError, Fault, Mistake, NotFound, Refused
from daytwo.core.files import sync_folder
from daytwo.core.schema import Task
from daytwo.registry.trust import NO_TRUST, Trust

FORMAT = 1
MANIFEST = "manifest.json"
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Six hex digits tell 16 million bundles apart; a person types no fewer.
_PREFIX = re.compile(r"[0-9a-f]{6,64}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DRAFT_ENDING = ".draft"
# The manifest's metric that answers for rows which no model can: the mean label of the rows it learned from.
BASE_RATE = "base_rate"


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the manifest."""


class DatasetVersion(_Record, frozen=True, kw_only=True):
    """Rows a model was made from. `digest` is of their content, so that a rewritten table shows."""

    table: str
    version: int
    rows: int
    digest: str = ""


class Code(_Record, frozen=True, kw_only=True):
    """The code a model was made by. `diff` is the digest of what is not committed, empty where nothing is."""

    commit: str = ""
    dirty: bool = False
    diff: str = ""


class Window(_Record, frozen=True, kw_only=True):
    """A span of event time, as ISO 8601 text, first and last moment included; empty where rows bear no time."""

    first: str = ""
    last: str = ""
    rows: int = 0


class Lineage(_Record, frozen=True, kw_only=True):
    """Where a model came from: enough to make it again. `windows` has `fit`, `tune` and `test`."""

    dataset: tuple[DatasetVersion, ...] = ()
    contract: str = ""
    code: Code = Code()
    environment: str = ""
    parameters: dict[str, object] = {}
    seeds: dict[str, int] = {}
    windows: dict[str, Window] = {}
    parent: str | None = None
    author: str = ""


class Manifest(_Record, frozen=True, kw_only=True):
    """What is in a bundle. Its canonical JSON is `manifest.json`, and the digest of that is the bundle's name.

    `files` maps each file to its SHA-256 and is filled in by `BundleStore.put`; `contract` is the contract's digest.
    """

    format: int = FORMAT
    model: str
    task: Task
    metric: str
    contract: str
    files: dict[str, str] = {}
    parent: str | None = None
    lineage: Lineage = Lineage()
    metrics: dict[str, float] = {}

    def __post_init__(self) -> None:
        for name, value in self.metrics.items():
            if not math.isfinite(value):
                raise ValueError(f"the metric {name} is {value}; leave out what could not be measured")


@dataclass(frozen=True, slots=True)
class Bundle:
    """One complete model version in `folder`; `trust` is what its project lets run."""

    digest: str
    folder: Path
    manifest: Manifest
    trust: Trust = NO_TRUST

    def read(self, name: str) -> bytes:
        """Return the content of the file `name`, checked against the manifest.

        Raises
        ------
        NotFound
            If the bundle lists no such file.
        Refused
            If the file is missing, or is not what was put in.
        """
        if name not in self.manifest.files:
            raise NotFound(
                f"bundle {self.digest[:12]} holds no {name}", hint=f"It holds {', '.join(self.manifest.files)}"
            )
        content = _content(self.folder / name, self.digest)
        if digest_bytes(content) != self.manifest.files[name]:
            raise _tampered(self.digest, self.folder / name)
        return content


@dataclass(frozen=True, slots=True)
class BundleStore:
    """Bundles in sub-folders of `folder`. Any number of processes may put and get at once."""

    folder: Path
    trust: Trust = NO_TRUST

    def put(self, files: Mapping[str, bytes], manifest: Manifest) -> Bundle:
        """Keep `files` as a bundle and return it; the same content again is the same bundle and changes nothing.

        Raises
        ------
        Refused
            If a bundle of this digest is there and damaged.
        Fault
            If the folder cannot be written or the disk is full; nothing is left that looks like a bundle.
        """
        for name in files:
            if not _FILE_NAME.fullmatch(name) or name == MANIFEST:
                raise ValueError(f"{name!r} is no name for a file in a bundle")
        sealed = msgspec.structs.replace(
            manifest, files={name: digest_bytes(content) for name, content in sorted(files.items())}
        )
        text = canonical_json(sealed)
        digest = digest_bytes(text)
        target = self.folder / digest
        if not target.is_dir():
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                with _alone(self.folder):
                    self._write({**files, MANIFEST: text}, target)
            except OSError as err:
                raise Fault(
                    f"cannot write the bundle {digest[:12]} to {self.folder}: {err.strerror or err}",
                    hint="Free some disk space or make the folder writable, then run the same command again",
                ) from err
        return self.get(digest)

    def get(self, digest: str) -> Bundle:
        """Return the bundle with this digest, or with this beginning of one (6 characters or more), verified.

        Raises
        ------
        NotFound
            If there is none.
        Mistake
            If `digest` is no digest, or several bundles begin so.
        Refused
            If a file is missing or is not what was put in; the message names it.
        """
        whole = self._resolve(digest)
        folder = self.folder / whole
        text = _content(folder / MANIFEST, whole)
        if digest_bytes(text) != whole:
            raise _tampered(whole, folder / MANIFEST)
        manifest = _read_manifest(text, folder / MANIFEST)
        for name, expected in manifest.files.items():
            try:
                actual = digest_file(folder / name)
            except OSError as err:
                raise _unreadable(whole, folder / name, err) from err
            if actual != expected:
                raise _tampered(whole, folder / name)
        return Bundle(whole, folder, manifest, self.trust)

    def list(self) -> tuple[str, ...]:
        """Return the digests of all bundles, in order."""
        if not self.folder.is_dir():
            return ()
        return tuple(sorted(entry.name for entry in self.folder.iterdir() if _DIGEST.fullmatch(entry.name)))

    def _resolve(self, digest: str) -> str:
        if not _PREFIX.fullmatch(digest):
            raise Mistake(f"{digest!r} is no bundle digest", hint="Write at least its first 6 hex characters")
        found = [one for one in self.list() if one.startswith(digest)]
        if not found:
            raise NotFound(f"no bundle {digest} in {self.folder}", hint="`daytwo status` lists the versions")
        if len(found) > 1:
            raise Mistake(
                f"{len(found)} bundles begin with {digest}: {', '.join(one[:16] for one in found[:5])}",
                hint="Write more characters of the digest",
            )
        return found[0]

    def _write(self, files: Mapping[str, bytes], target: Path) -> None:
        # Whoever holds the lock is the only writer, so every draft here was left by one that died.
        for left in self.folder.glob(f".*{_DRAFT_ENDING}"):
            shutil.rmtree(left, ignore_errors=True)
        if target.is_dir():
            return
        draft = self.folder / f".{target.name}{_DRAFT_ENDING}"
        try:
            draft.mkdir()
            for name, content in files.items():
                with (draft / name).open("xb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
            sync_folder(draft)
            draft.rename(target)
            sync_folder(self.folder)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            raise


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other writers out; the system lets go of the lock when its holder dies."""
    with (folder / ".lock").open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _read_manifest(text: bytes, path: Path) -> Manifest:
    try:
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as err:
        raise DataError(
            f"{path} is of a form this version does not read: {err}", hint="Use the daytwo version that wrote it"
        ) from err


def _content(path: Path, digest: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise _unreadable(digest, path, err) from err


def _tampered(digest: str, path: Path) -> Refused:
    return Refused(
        f"bundle {digest[:12]} is damaged: {path.name} is not the file that was put in ({path})",
        hint="Restore the folder from a backup, or remove it and make the model again",
    )


def _unreadable(digest: str, path: Path, err: OSError) -> Refused:
    return Refused(
        f"bundle {digest[:12]} is damaged: {path.name} cannot be read: {err.strerror or err} ({path})",
        hint="Restore the folder from a backup, or remove it and make the model again",
    )
