"""A new project from a file of rows: a readable `daytwo.toml`, a proposed `contract.toml`, and nothing else."""

from __future__ import annotations

import difflib
import glob
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from daytwo.contracts.contract import Contract
from daytwo.contracts.proposing.leaks import suspected_leaks
from daytwo.contracts.proposing.propose import propose
from daytwo.contracts.toml_text import to_toml
from daytwo.core.errors import DataError, Fault, Mistake, Refused
from daytwo.core.files import write_whole
from daytwo.core.finding import Finding, Severity
from daytwo.core.pseudonym_key import FILE, present_key
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.core.settings import Settings
from daytwo.core.settings_file import FILE_NAME, check
from daytwo.core.settings_text import render
from daytwo.sources.files import read_rows
from daytwo.sources.kinds import Kinds, typed
from daytwo.sources.personal import hidden_rows
from daytwo.sources.rows import Rows

CONTRACT_NAME = "contract.toml"
STATE = ".daytwo"
KEY_FILE = f"{STATE}/{FILE}"
# A number with more distinct values than this is predicted as a number, not as a class.
_FEW_VALUES = 2
# A regression may lose this share of the target's standard deviation and count as no worse.
_BEARABLE = 0.01
# What a plan proposes until somebody says otherwise: money in 30 days, and the time until people look again.
_BUDGET = 1_000.0
_REVIEWED_IN = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person said about the new project. `settings` goes on top of what is proposed, by section and key."""

    source: Path
    target: str
    time: str = ""
    subject: str = ""
    key: str = ""
    name: str = ""
    owner: str = ""
    exclude: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: the project's folder, its contract, its task, what looked too good to be known beforehand.

    `notes` are what was assumed to read the rows.
    """

    folder: Path
    contract: Contract
    task: str
    leaks: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


def make_project(folder: Path, asked: Asked) -> Made:
    """Write `daytwo.toml` and `contract.toml` for the rows in `asked.source`.

    Columns that alone are nearly the answer are left out of the features, and the settings say so.

    Raises
    ------
    Refused
        If the folder holds a project already.
    DataError
        If the file or one of the named columns cannot serve; the message says which.
    """
    if (folder / FILE_NAME).exists():
        raise Refused(f"{folder} holds a project already", hint=f"Edit its {FILE_NAME}, or choose another folder")
    key = present_key(folder / STATE) or secrets.token_hex(32)
    rows = _read(asked, key)
    kinds = typed(rows.frame) if rows.texts else Kinds(rows.frame, ())
    frame = kinds.frame
    task = guess_task(frame, asked.target)
    leaks = suspected_leaks(frame, asked.target, time=asked.time, exclude=asked.exclude)
    left_out = [finding.subject for finding in leaks if finding.severity is Severity.CRITICAL]
    exclude = tuple(dict.fromkeys([*asked.exclude, *left_out]))
    name = asked.name or re.sub(r"[^a-z0-9]+", "-", asked.source.stem.lower()).strip("-") or "model"
    contract = propose(
        frame,
        name=name,
        owner=asked.owner,
        target=asked.target,
        time=asked.time,
        subject=asked.subject,
        key=asked.key,
        exclude=exclude,
    )
    settings = _settings(asked, frame, name=name, task=task, exclude=exclude)
    check(settings)
    secret = {KEY_FILE: key} if asked.personal else {}
    _write(folder, {**secret, CONTRACT_NAME: to_toml(contract), FILE_NAME: render(settings)})
    return Made(folder, contract, task, leaks, (*rows.notes, *kinds.notes))


def _read(asked: Asked, key: str) -> Rows:
    """Return the rows, hidden by `key` where columns of them are personal."""
    rows = read_rows(asked.source)
    for name in asked.personal:
        if name not in rows.frame.columns:
            raise DataError(
                f"the file has no personal column {name!r}",
                hint=f"Its columns are {', '.join(rows.frame.columns[:30])}",
            )
        if name in {asked.target, asked.time}:
            raise Mistake(f"{name!r} cannot be personal: the model needs its values", hint="Name another column")
    return hidden_rows(rows, Pseudonyms(asked.personal, key) if asked.personal else None)


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write all files or none, and leave no folder behind that was not there before."""
    is_new = not folder.exists()
    done: list[Path] = []
    try:
        for name, text in texts.items():
            write_whole(folder / name, text.encode(), private=name == KEY_FILE)
            done.append(folder / name)
    except Fault:
        for path in done:
            path.unlink()
        if is_new and folder.is_dir():
            shutil.rmtree(folder)
        raise


def guess_task(frame: pl.DataFrame, target: str) -> str:
    """Return `binary` for a target with two values, `regression` for a number with more.

    Raises
    ------
    DataError
        If the target is not there, has one value only, or is a text with more than two.
    """
    if target not in frame.columns:
        near = difflib.get_close_matches(target, frame.columns, n=1)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        raise DataError(
            f"the file has no target column {target!r}", hint=f"{meant}Its columns are {', '.join(frame.columns[:30])}"
        )
    values = frame.get_column(target).alias("target").drop_nulls().unique()
    if values.len() < _FEW_VALUES:
        raise DataError(
            f"the target {target!r} has {'one value only' if values.len() else 'no values'}: there is nothing to learn",
            hint="Name another column with --target, or add rows with the other outcome",
        )
    if values.len() == _FEW_VALUES:
        return "binary"
    if frame[target].dtype.is_numeric():
        return "regression"
    raise DataError(
        f"the target {target!r} has {values.len()} classes; two classes, or a number, can be predicted",
        hint="Make one of the classes the question (yes or no) in a column of its own",
    )


def _settings(asked: Asked, frame: pl.DataFrame, *, name: str, task: str, exclude: tuple[str, ...]) -> Settings:
    """Return the settings of the new project, with what the person said on top."""
    gate: dict[str, Any] = {"metric": "roc_auc" if task == "binary" else "mae"}
    if task == "regression":
        spread = frame[asked.target].cast(pl.Float64).std()
        gate["margin"] = float(f"{_BEARABLE * float(str(spread or 1.0)):.2g}")
    tree: dict[str, Any] = {
        "model": {
            "name": name,
            "purpose": f"Predict {asked.target}",
            "task": task,
            "target": asked.target,
            "time": asked.time,
            "subject": asked.subject,
            "key": asked.key,
            "owner": asked.owner,
        },
        "data": {
            "source": glob.escape(str(asked.source.resolve())),
            "owner": asked.owner,
            "exclude": exclude,
            "personal": asked.personal,
        },
        "gate": gate,
        "plan": {
            "kpi": "the money that its decisions bring, as [value] counts it",
            "budget": _BUDGET,
            "review_by": (datetime.now(UTC).date() + _REVIEWED_IN).isoformat(),
        },
    }
    for key, said in asked.settings.items():
        tree[key] = tree.get(key, {}) | said if isinstance(said, Mapping) else said
    try:
        return msgspec.convert(tree, Settings)
    except msgspec.ValidationError as err:
        raise Mistake(f"these settings cannot be: {err}", hint="'daytwo config' lists the keys there are") from err
