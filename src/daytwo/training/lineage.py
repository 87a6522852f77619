"""Where a model comes from: the code in git, the installed packages, Python and daytwo itself.

Reads the world and decides nothing; the answer is a part of `registry.bundle.Lineage`, so a changed package or an
uncommitted line gives another bundle. What git does not follow in `.daytwo` is not code and is left out.
"""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np

import daytwo
from daytwo.core.digest import digest_bytes, digest_file, digest_json
from daytwo.registry.bundle import Code, Lineage, Window
from daytwo.training.dataset import TrainingData

_TIMEOUT_S = 20.0
# Bigger files that git does not follow are data, and data has a version of its own.
_MOST_BYTES = 1_000_000
_WITHIN = ("--", ".", ":(exclude).daytwo")


def code_of(folder: Path) -> Code:
    """Return the git commit that `folder` stands at, and the digest of what in it is not committed.

    Empty where git is not installed, or the folder holds no file that git follows.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None or not _git(folder, "ls-files", "-z", *_WITHIN):
        return Code()
    diff = _git(folder, "diff", "--no-ext-diff", "--no-textconv", "--binary", "HEAD", *_WITHIN) or b""
    names = (_git(folder, "ls-files", "--others", "--exclude-standard", "-z", *_WITHIN) or b"").split(b"\0")
    new = {name.decode(errors="replace"): _content(folder / name.decode(errors="replace")) for name in names if name}
    dirty = bool(diff or new)
    return Code(
        commit=commit.decode().strip(),
        dirty=dirty,
        diff=digest_json({"diff": digest_bytes(diff), "new": new}) if dirty else "",
    )


@cache
def environment_digest() -> str:
    """Return the digest of every installed distribution as `name==version`, sorted, and of Python's version."""
    return digest_json([f"python=={platform.python_version()}", *installed()])


def installed() -> tuple[str, ...]:
    """Return every installed distribution as `name==version`, sorted."""
    found = {(one.name or "").lower().replace("_", "-"): one.version for one in metadata.distributions()}
    return tuple(sorted(f"{name}=={version}" for name, version in found.items() if name))


def makers() -> dict[str, object]:
    """Return the versions of what makes models, for a person to read."""
    return {
        "daytwo": daytwo.__version__,
        "python": platform.python_version(),
        "lightgbm": metadata.version("lightgbm"),
    }


def window_of(data: TrainingData) -> Window:
    """Return the span of event time of some rows."""
    if data.times is None or not data.rows:
        return Window(rows=data.rows)
    first, last = (str(moment.astype("datetime64[s]")) + "Z" for moment in (data.times[0], data.times[-1]))
    return Window(first=first, last=last, rows=data.rows)


def newest_seen(lineage: Lineage) -> np.datetime64 | None:
    """Return the newest event time of the rows that a version was made from; None where its lineage does not tell."""
    lasts = [window.last for window in lineage.windows.values() if window.rows]
    told = [np.datetime64(last[:26].removesuffix("Z"), "us") for last in lasts if last]
    return max(told) if told and len(told) == len(lasts) else None


def _content(path: Path) -> str:
    try:
        size = path.stat().st_size
        return digest_file(path) if size <= _MOST_BYTES else f"{size} bytes"
    except OSError:
        return "unreadable"


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Return what git prints, or None where it cannot answer. No hook, monitor or pager of the folder runs."""
    quiet = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager", "--no-optional-locks")
    try:
        done = subprocess.run(  # noqa: S603 - a fixed list of words, no shell
            ["git", "-C", str(folder), *quiet, *arguments],  # noqa: S607 - the git that the user has
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
