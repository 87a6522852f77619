"""What `daytwo ci` needs before it begins: the project in a throw-away place, and whom its candidate is held against.

The project's own state is only read, and only where it is there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from daytwo.core.errors import DaytwoError, NotFound
from daytwo.core.files import write_whole
from daytwo.core.pseudonym_key import FILE as KEY_FILE
from daytwo.core.pseudonym_key import present_key
from daytwo.core.settings import Settings
from daytwo.core.settings_file import FILE_NAME, LoadedSettings, load_settings
from daytwo.lifecycle.checking.trial import NOBODY, Rival, train_rival
from daytwo.lifecycle.intake.ingest import sources
from daytwo.lifecycle.system import System
from daytwo.registry.bundle import MANIFEST, BundleStore
from daytwo.registry.route import read_route
from daytwo.wiring import STATE, build_system, trust_of


@dataclass(frozen=True, slots=True)
class Project:
    """A project ready to be tried: its system in a place of its own, its sources, and its candidate's rival."""

    system: System
    sources: tuple[Path | str, ...]
    rival: Rival


def rival_of(folder: Path, place: Path, *, rows: str, sample: int | None, against: str, now: datetime) -> Project:
    """Open the project in `folder` with its state in `place`, and find or make what it is compared with.

    Raises
    ------
    Mistake
        If settings, contract or files are wrong, or `against` names nothing.
    """
    loaded = load_settings(folder, os.environ)
    if sample is not None:
        loaded = _with(loaded, ci=msgspec.structs.replace(loaded.settings.ci, sample=sample))
    settings = loaded.settings
    found = sources(Path.cwd(), rows) if rows else sources(folder, settings.ci.rows or settings.data.source)
    system = _elsewhere(loaded, place / "candidate")
    return Project(system, found, _rival(folder, settings, place, found, against, now))


def _rival(
    folder: Path, settings: Settings, place: Path, found: tuple[Path | str, ...], against: str, now: datetime
) -> Rival:
    if against == "nobody":
        return NOBODY
    if against == "live":
        route = read_route(folder / STATE / "route.json")
        if route is None:
            return NOBODY
        bundle = BundleStore(folder / STATE / "bundles", trust_of(settings.serve)).get(route.champion)
        return Rival(f"the live version {route.champion[:12]}", bundle)
    other = Path(against)
    if (other / MANIFEST).is_file():
        bundle = BundleStore(other.resolve().parent, trust_of(settings.serve)).get(other.resolve().name)
        return Rival(f"the bundle {bundle.digest[:12]}", bundle)
    if (other / FILE_NAME).is_file():
        return _trained(other, settings, place, found, now)
    raise NotFound(
        f"--against {against!r} is no checkout of the project and no bundle",
        hint="Name a folder with a daytwo.toml or a manifest.json, or write 'live' or 'nobody'",
    )


def _trained(other: Path, settings: Settings, place: Path, found: tuple[Path | str, ...], now: datetime) -> Rival:
    """Train what the other checkout makes of the same rows, with the same rows set aside, which it must not see."""
    loaded = load_settings(other, os.environ)
    mine, its = settings, loaded.settings
    loaded = _with(
        loaded,
        seed=mine.seed,
        ci=msgspec.structs.replace(its.ci, sample=mine.ci.sample),
        monitor=msgspec.structs.replace(its.monitor, window=mine.monitor.window),
        gate=msgspec.structs.replace(its.gate, test_windows=mine.gate.test_windows),
    )
    return train_rival(_elsewhere(loaded, place / "rival"), found, now, words=f"what {other} makes of the same rows")


def _with(loaded: LoadedSettings, **changes: object) -> LoadedSettings:
    return replace(loaded, settings=msgspec.structs.replace(loaded.settings, **changes))


def _elsewhere(loaded: LoadedSettings, state: Path) -> System:
    """Open a project with its state in another place, hiding what is personal by the key it has, if it has one."""
    try:
        key = present_key(loaded.folder / STATE)
    except DaytwoError:
        key = ""
    state.mkdir(parents=True)
    if key and not loaded.settings.data.pseudonym_key:
        write_whole(state / KEY_FILE, key.encode(), private=True)
    system = build_system(loaded, state)
    return replace(system, channel=None)
