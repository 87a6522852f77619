"""`daytwo.toml` and the environment, read once at the door into one `Settings`, each value with its origin."""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from daytwo.core.changes import read_change
from daytwo.core.durations import duration, rate_per_day
from daytwo.core.errors import Fault, NotFound, SettingsError
from daytwo.core.expression import parse
from daytwo.core.freezes import read_freeze
from daytwo.core.phrases import check_groups, read_phrase
from daytwo.core.retraining import retrain_policy
from daytwo.core.schema import Task
from daytwo.core.settings import FALLBACKS, RetrainSettings, Settings

FILE_NAME = "daytwo.toml"
_PREFIX = "DAYTWO_"
_UNKNOWN = re.compile(r"unknown field `([^`]+)`(?: - at `\$\.?([^`]*)`)?")
_STEP = re.compile(r"(?:shadow|canary (\d+(?:\.\d+)?)%) \d+(?:\.\d+)?[smhdw]")


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings with where each value came from: `default`, `daytwo.toml` or the variable's name, by dotted key."""

    settings: Settings
    origins: Mapping[str, str]
    folder: Path


def find_project(start: Path) -> Path:
    """Return the nearest folder at or above `start` that holds a `daytwo.toml`.

    Raises
    ------
    NotFound
        If there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise NotFound(
        f"no {FILE_NAME} in {start} or above it",
        hint="Run 'daytwo init ROWS.parquet --target COLUMN' here, or go into a project folder",
    )


def load_settings(folder: Path, environment: Mapping[str, str]) -> LoadedSettings:
    """Read `folder/daytwo.toml` and the overrides `DAYTWO_SECTION__FIELD`, and check every value.

    Raises
    ------
    SettingsError
        If the file is broken, a key is unknown, or a value means nothing; names the key and the next step.
    NotFound
        If there is no such file.
    Fault
        If it cannot be read.
    """
    path = folder / FILE_NAME
    try:
        tree: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise NotFound(f"no {FILE_NAME} in {folder}", hint="Run 'daytwo init ROWS.parquet --target COLUMN'") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise SettingsError(f"{path} is not valid TOML: {err}", hint="Mend the line named, then try again") from err
    except OSError as err:
        raise Fault(f"{path} cannot be read: {err.strerror or err}", hint="Make it a file that you may read") from err
    origins = dict.fromkeys(_flatten(tree), FILE_NAME)
    for name, text in sorted(environment.items()):
        if name.startswith(_PREFIX) and "__" in name:
            section, field = name.removeprefix(_PREFIX).lower().split("__", 1)
            fields = tree.setdefault(section, {})
            if isinstance(fields, dict):  # else the conversion says what stands there instead of a section
                fields[field] = _value(text)
                origins[f"{section}.{field}"] = name
    settings = _convert(tree, path, [origin for origin in origins.values() if origin != FILE_NAME])
    check(settings)
    every = _flatten(msgspec.to_builtins(settings))
    return LoadedSettings(settings, {key: origins.get(key, "default") for key in every}, folder)


def check(settings: Settings) -> None:
    """Raise SettingsError at the first value whose text means nothing."""
    for key, text in (
        ("monitor.window", settings.monitor.window),
        ("monitor.label_delay", settings.monitor.label_delay),
    ):
        _meaning(key, duration, text)
    if not duration(settings.monitor.window):
        raise SettingsError("monitor.window is no time at all", hint="Write how long a window is, such as '7d'")
    _meaning("monitor.false_alarms", rate_per_day, settings.monitor.false_alarms)
    for key, value in msgspec.to_builtins(settings.value).items():
        if key != "currency":
            _meaning(f"value.{key}", parse, str(value))
    _check_retraining(settings.retrain)
    _check_training(settings)
    for step in settings.release.steps:
        match = _STEP.fullmatch(step)
        if not match or (match[1] and not 0 < float(match[1]) < 100):
            raise SettingsError(f"release.steps has {step!r}", hint="Write steps such as 'shadow 2d' or 'canary 5% 1d'")
    for text in settings.release.freeze:
        _meaning("release.freeze", read_freeze, text)
    if settings.gate.max_age:
        _meaning("gate.max_age", duration, settings.gate.max_age)
    for one in settings.ci.expect:
        _meaning("ci.expect.change", read_change, one.change)
    _check_reasons(settings)
    _check_project(settings)
    _check_fallback(settings.serve.fallback, settings.model.task)
    _check_personal(settings)


def _check_reasons(settings: Settings) -> None:
    for column, text in settings.reasons.phrases.items():
        _meaning(f"reasons.phrases.{column}", read_phrase, text)
    _meaning("reasons.groups", check_groups, settings.reasons.groups)
    if settings.reasons.typical_of != "all" and settings.model.task is Task.REGRESSION:
        raise SettingsError(
            "reasons.typical_of names rows where the outcome did not come true, and the model predicts a value",
            hint="Write 'all', or leave it out",
        )


def _check_project(settings: Settings) -> None:
    _meaning("project.dead_after", duration, settings.project.dead_after)
    if not duration(settings.project.dead_after):
        raise SettingsError("project.dead_after is no time at all", hint="Write how long, such as '30s'")
    if settings.project.state and not settings.project.ledger:
        raise SettingsError(
            "project.state says what workers share, and project.ledger not where they meet",
            hint="Write the URL of a Postgres database as [project] ledger, or leave state empty",
        )
    if settings.project.state and settings.data.personal and not settings.data.pseudonym_key:
        raise SettingsError(
            "workers that share project.state need one key of the pseudonyms, and data.pseudonym_key is empty",
            hint="Give each worker the same key: [data] pseudonym_key = 'env:NAME'",
        )


def _check_retraining(retrain: RetrainSettings) -> None:
    for span in retrain.windows:
        if span != "all":
            _meaning("retrain.windows", duration, span)
    _meaning("retrain.policy", retrain_policy, retrain.policy)
    if retrain.stale_after:
        _meaning("retrain.stale_after", duration, retrain.stale_after)
        if retrain.policy == "never":
            raise SettingsError(
                "retrain.stale_after says how old a version may get, and retrain.policy never to make another",
                hint="Leave stale_after empty, or choose another policy, such as 'marginal'",
            )


def _check_training(settings: Settings) -> None:
    if settings.train.class_weight and settings.model.task is Task.REGRESSION:
        raise SettingsError(
            f"train.class_weight = {settings.train.class_weight!r} is for two classes, and the task is regression",
            hint="Leave it empty; [train] weight names a column that says how much each row counts",
        )
    if settings.train.weight and settings.train.weight == settings.model.target:
        raise SettingsError(
            f"train.weight names {settings.train.weight!r}, which is the target",
            hint="Name a column that says how much a row counts, or leave it empty",
        )


def _check_personal(settings: Settings) -> None:
    for role, name in (("target", settings.model.target), ("time", settings.model.time)):
        if name and name in settings.data.personal:
            raise SettingsError(
                f"data.personal names {name!r}, which is the {role}",
                hint=f"A model cannot learn from a pseudonym of its {role}: take it out of [data] personal",
            )


def _check_fallback(fallback: str | float, task: Task) -> None:
    if isinstance(fallback, str):
        if fallback in FALLBACKS:
            return
        _meaning("serve.fallback", parse, fallback)
        if not parse(fallback).columns:
            raise SettingsError(
                f"serve.fallback = {fallback!r} reads no column",
                hint=f"Write one of {', '.join(FALLBACKS)}, a number without quotes, or an expression over the row",
            )
    elif not math.isfinite(fallback) or (task is Task.BINARY and not 0 <= fallback <= 1):
        wanted = "a probability, from 0 to 1" if task is Task.BINARY else "a finite number"
        raise SettingsError(f"serve.fallback = {fallback} is not {wanted}", hint="Correct it, or write 'base_rate'")


def secret(reference: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the secret behind `env:NAME` or `file:PATH`; an empty reference is an empty secret.

    Raises
    ------
    SettingsError
        If the reference has another form or points at nothing.
    """
    if not reference:
        return ""
    scheme, _, name = reference.partition(":")
    if scheme not in {"env", "file"}:  # perhaps the secret itself, so it is not repeated
        raise SettingsError(
            "a secret is not a reference", hint="Write env:NAME or file:PATH, and keep the secret itself there"
        )
    try:
        if scheme == "env":
            return (os.environ if environment is None else environment)[name]
        return Path(name).read_text(encoding="utf-8").strip()
    except (KeyError, OSError, UnicodeDecodeError) as err:
        raise SettingsError(
            f"the secret {scheme}:{name} is not there",
            hint="Set that variable, or write that file so that you may read it",
        ) from err


def _convert(tree: Mapping[str, Any], path: Path, overrides: Sequence[str]) -> Settings:
    try:
        return msgspec.convert(tree, Settings)
    except msgspec.ValidationError as err:
        where = ", with ".join((str(path), *([", ".join(overrides)] if overrides else [])))
        raise SettingsError(f"{where}: {_in_words(str(err))}", hint=_nearest(str(err))) from err


def _in_words(message: str) -> str:
    unknown = _UNKNOWN.search(message)
    if unknown:
        return f"unknown key {_dotted(unknown[2], unknown[1])!r}"
    missing = re.search(r"missing required field `([^`]+)`(?: - at `\$\.?([^`]*)`)?", message)
    if missing:
        return f"the key {_dotted(missing[2], missing[1])!r} is missing"
    return re.sub(r" - at `\$\.?([^`]*)`", r" at '\1'", message)


def _nearest(message: str) -> str:
    unknown = _UNKNOWN.search(message)
    if not unknown:
        return "Mend the value; 'daytwo config' shows every key with its default once the file is valid"
    sections = {key.split(".")[0]: key.split(".")[0] for key in every_key()}
    beside = {key.rsplit(".", 1)[-1]: key for key in every_key() if key.startswith(f"{unknown[2]}.")}
    elsewhere = {key.rsplit(".", 1)[-1]: key for key in every_key()} | sections
    for keys in (beside, elsewhere):
        close = difflib.get_close_matches(unknown[1], keys, n=1, cutoff=0.5)
        if close:
            return f"Did you mean {keys[close[0]]!r}?"
    return "Remove it; 'daytwo config' lists the keys there are"


def every_key() -> tuple[str, ...]:
    """Every setting there is, dotted."""
    model = {"name": "", "target": ""}
    return tuple(_flatten(msgspec.to_builtins(msgspec.convert({"model": model}, Settings))))


def _dotted(section: str | None, key: str) -> str:
    return f"{section}.{key}" if section else key


def _flatten(tree: Mapping[str, Any]) -> list[str]:
    return [
        f"{section}.{field}" if isinstance(fields, dict) else section
        for section, fields in tree.items()
        for field in (fields if isinstance(fields, dict) else [""])
    ]


def _meaning(key: str, read: Any, text: object) -> None:
    try:
        read(text)
    except SettingsError as err:
        raise SettingsError(f"{key}: {err.message}", hint=err.hint) from err


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
