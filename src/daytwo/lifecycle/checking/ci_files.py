"""`daytwo init --ci`: what makes a CI service try every change, and the rows that it tries changes on.

The service's file goes where the service looks for it, at the root of the repository; rows go into the project, since
a fresh checkout has no others. What is there already is never written over.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

from daytwo import __version__
from daytwo.contracts.toml import read_contract
from daytwo.core.errors import Refused
from daytwo.core.files import write_whole
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.core.settings import Settings
from daytwo.core.settings_file import FILE_NAME
from daytwo.lifecycle.checking.lines import line_of
from daytwo.lifecycle.checking.sample import write_newest
from daytwo.lifecycle.intake.ingest import sources

Service = Literal["github", "gitlab"]
SERVICES: tuple[Service, ...] = ("github", "gitlab")
ROWS = "ci/rows"
# Enough for a training and gates that can say no, and small enough for a repository.
_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class CiFiles:
    """What was written: the service's file, the sample (None where `[ci] rows` names one already), and its rows.

    `include` is what a person must add to the service's own file, where that was there before.
    """

    pipeline: Path
    rows_file: Path | None
    rows: int
    include: str = ""


def write_ci(folder: Path, settings: Settings, service: Service, pseudonyms: Pseudonyms | None) -> CiFiles:
    """Write a service's file for the project in `folder`, and a sample of its rows if `[ci] rows` names none.

    Raises
    ------
    Refused
        If the service's file is there already.
    NotFound, DataError
        If the project's rows cannot be read.
    """
    root = repository_of(folder)
    pipeline, include = _place(root, folder, settings.model.name, service)
    if pipeline.exists():
        raise Refused(f"{pipeline} is there already", hint="Edit it, or remove it and try again")
    rows_file: Path | None = None
    rows = 0
    if not settings.ci.rows:
        rows_file, rows = _write_rows(folder, settings, pseudonyms)
    project = folder.resolve().relative_to(root).as_posix()
    write_whole(pipeline, pipeline_text(service, settings.model.name, project).encode())
    return CiFiles(pipeline, rows_file, rows, include)


def pipeline_text(service: Service, name: str, project: str) -> str:
    """Return a service's file for the project in the folder `project`, as seen from the repository's root."""
    text = files("daytwo.lifecycle.checking").joinpath("templates", f"{service}.yml").read_text(encoding="utf-8")
    said = {"NAME": slug(name), "VERSION": __version__, "PROJECT": json.dumps(project)}
    return re.sub(r"@([A-Z]+)@", lambda match: said[match[1]], text)


def repository_of(folder: Path) -> Path:
    """Return the root of the git repository that holds `folder`; the folder itself where none does."""
    place = folder.resolve()
    return next((one for one in (place, *place.parents) if (one / ".git").exists()), place)


def slug(name: str) -> str:
    """Return a name that may stand in a job's name.

    Examples
    --------
    >>> slug("Late flights: New York")
    'late-flights-new-york'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "model"


def _place(root: Path, folder: Path, name: str, service: Service) -> tuple[Path, str]:
    if service == "github":
        return root / ".github" / "workflows" / f"daytwo-{slug(name)}.yml", ""
    whole = root / ".gitlab-ci.yml"
    if not whole.exists():
        return whole, ""
    own = folder.resolve() / "daytwo.gitlab-ci.yml"
    return own, f"include: {{local: /{own.relative_to(root).as_posix()}}}"


def _write_rows(folder: Path, settings: Settings, pseudonyms: Pseudonyms | None) -> tuple[Path, int]:
    contract = read_contract(folder / "contract.toml")
    most = min(_ROWS, settings.ci.sample)
    found = sources(folder, settings.data.source)
    path, rows = write_newest(found, contract, most=most, path=folder / ROWS, pseudonyms=pseudonyms)
    _set_rows(folder / FILE_NAME, path.relative_to(folder).as_posix())
    return path, rows


def _set_rows(path: Path, rows: str) -> None:
    """Write `[ci] rows` into the settings; a person's own words around it stay as they are."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    header, key = line_of(text, ["ci"]), line_of(text, ["ci"], "rows")
    said = f"rows = {json.dumps(rows)}"
    if not lines[header - 1].lstrip().startswith("[ci]"):
        lines += ["", "[ci]", said]
    elif key == header:
        lines.insert(header, said)
    else:
        lines[key - 1] = re.sub(r"rows\s*=\s*(\"[^\"]*\"|'[^']*')", lambda _: said, lines[key - 1], count=1)
    write_whole(path, ("\n".join(lines) + "\n").encode())
