"""Releases under a storm of SIGKILLs, and the count of everything they left: half of `lifecycle.py`.

Each worker is a process in a folder of its own. The one that leads writes the next release's own file of rows, takes
it in, makes the release, says yes as a person, and ticks until it is live (there is no traffic, so there are no steps);
the others wait. Who is killed is begun again at once, so on Postgres its flows are taken up by itself or by the other
one, whoever is first.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import shutil
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from daytwo.core.errors import Conflict, Fault, Refused
from daytwo.core.settings_file import load_settings
from daytwo.flows import open_kept, open_runner
from daytwo.governance.audit import first_break
from daytwo.lifecycle.decisions import decide
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.intake.pickup import take_in
from daytwo.lifecycle.releases import OPEN, State
from daytwo.lifecycle.system import System
from daytwo.lifecycle.worker import open_release, tick
from daytwo.project import Asked, make_project
from daytwo.wiring import open_system

ROWS, MORE = 2_000, 20
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["daytwo.flows", "daytwo.training.candidate", "daytwo.project", "lightgbm"])
# A process is killed within so many seconds of the kill before; sooner where the releases are ahead of the kills.
_LONGEST_S, _SOONER_S = 2.5, 0.6


def _trips(rows: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    wind = rng.gamma(4, 3, rows)
    late = rng.random(rows) < 1 / (1 + np.exp(-(wind - 12) / 3))
    names = [f"t{seed}-{i}" for i in range(rows)]
    return pl.DataFrame({"trip": names, "wind": wind, "seats": rng.integers(50, 300, rows), "late": late})


def make_project_in(place: Path, url: str, workers: int) -> list[Path]:
    """Make a project, and a folder for each worker; all see the same rows."""
    rows = place / "1" / "rows"
    rows.mkdir(parents=True)
    _trips(ROWS, 1).write_parquet(rows / "first.parquet")
    settings = {"data": {"source": "rows/*.parquet"}}
    asked = Asked(rows / "first.parquet", "late", key="trip", owner="ana", settings=settings)
    make_project(place / "1" / "project", asked)
    rows.rename(place / "1" / "project" / "rows")
    first = place / "1" / "project"
    (place / "url").write_text(url)
    text = (first / "daytwo.toml").read_text()
    ours = {"margin": "0.2", "steps": "[]"}
    kept = text[: text.index("[project]")].splitlines()
    kept = [f"{key} = {ours[key]}" if (key := line.partition(" ")[0]) in ours else line for line in kept]
    if url:
        wanted = {"ledger": f"file:{place}/url", "state": f"{place}/shared", "dead_after": "3s"}
        kept += ["[project]", *(f"{key} = {json.dumps(value)}" for key, value in wanted.items())]
    (first / "daytwo.toml").write_text("\n".join(kept) + "\n")
    folders = [first]
    for number in range(2, workers + 1):
        folder = place / str(number) / "project"
        folder.mkdir(parents=True)
        for name in ("daytwo.toml", "contract.toml"):
            shutil.copy(first / name, folder / name)
        folders.append(folder)
    return folders


def take_further(system: System, runner: Runner, number: int, *, folder: Path) -> None:
    """Bring release `number` to its end, from wherever it stands; `folder` holds the rows."""
    name = f"release-{number}"
    path = folder / "rows" / ("first.parquet" if number == 1 else f"more-{number}.parquet")
    if not path.exists():
        draft = path.with_suffix(".draft")
        _trips(MORE, number).write_parquet(draft)
        draft.rename(path)
    while True:
        now, release = datetime.now(UTC), system.releases.get(name)
        if release is not None and release.state not in OPEN:
            return
        if not runner.leads():
            raise Refused("another one leads now")
        if release is None or release.state is State.TRAINING:
            take_in(system, path, now)
            open_release(system, runner, name, reason="bench", now=now, events=[], author="ana")
        elif release.state is State.WAITING:
            decide(system, release, person="ben", approved=True, reason="bench", now=now)
        time.sleep(1.001 - now.microsecond / 1e6 if release is not None else 0)  # a tick's runs bear its second
        tick(system, runner, datetime.now(UTC))


def work(folder: Path, rows: Path, releases: int) -> None:
    """Live as one worker until all releases have ended."""
    system = open_system(folder)
    while True:
        try:
            with open_runner(system) as runner:
                _work_with(system, runner, rows, releases)
                return
        except (Refused, Conflict, Fault):
            time.sleep(0.05)


def _work_with(system: System, runner: Runner, rows: Path, releases: int) -> None:
    while not _are_over(system, releases):
        if runner.leads():
            ended = sum(one.state not in OPEN for one in system.releases.releases())
            take_further(system, runner, ended + 1, folder=rows)
        else:
            time.sleep(0.05)


def _are_over(system: System, releases: int) -> bool:
    made = system.releases.releases()
    return len(made) >= releases and all(one.state not in OPEN for one in made)


def storm(place: Path, url: str, workers: int, *, releases: int, deaths: int, seed: int) -> dict[str, object]:
    """Kill random workers at random moments until they have died so often, let the rest end, and count."""
    folders = make_project_in(place, url, workers)
    chance, begun, died = random.Random(seed), time.monotonic(), 0
    moments: Counter[str] = Counter()

    def start(folder: Path) -> Any:
        process = _PROCESSES.Process(target=work, args=(folder, folders[0], releases))
        process.start()
        return process

    watcher = open_system(folders[0])
    processes = {folder: start(folder) for folder in folders}
    while died < deaths:
        ended = sum(one.state not in OPEN for one in watcher.releases.releases())
        time.sleep(chance.uniform(0.02, _SOONER_S if ended / releases > died / deaths else _LONGEST_S))
        folder = chance.choice(folders)
        open_ones = [str(one.state) for one in watcher.releases.releases() if one.state in OPEN]
        if not processes[folder].is_alive() and _are_over(watcher, releases):
            break
        processes[folder].kill()
        processes[folder].join()
        died += 1
        moments[open_ones[0] if open_ones else "between"] += 1
        processes[folder] = start(folder)
    under_fire = sum(one.state not in OPEN for one in watcher.releases.releases())
    for process in processes.values():
        process.join()
    told = _count(watcher, releases)
    watcher.close()
    return {
        "workers": workers,
        "kills": died,
        "killed_while": dict(moments),
        "ended_under_fire": under_fire,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        **told,
    }


def _count(system: System, releases: int) -> dict[str, object]:
    """Count what there is of everything, and say what is doubled or lost."""
    made, history, sealed = system.releases.releases(), system.registry.history(), system.audit.read()
    wrong: list[str] = []

    def expect(what: str, found: object, wanted: object) -> None:
        if found != wanted:
            wrong.append(f"{what}: {found!r} instead of {wanted!r}")

    expect("releases", [one.id for one in made], [f"release-{n}" for n in range(1, releases + 1)])
    expect("states", {str(one.state) for one in made}, {"live"})
    expect("versions", [one.number for one in system.registry.versions()], list(range(1, releases + 1)))
    digests = [one.digest for one in made]
    expect("generations", [one.route.generation for one in history], list(range(1, releases + 1)))
    expect("routes", [one.route.champion for one in history], digests)
    expect("chain", first_break(sealed), None)
    actions = Counter((one.entry.action, one.entry.subject) for one in sealed)
    for one in made:
        expect(f"waiting of {one.id}", actions["release waiting", one.id], 1)
        expect(f"live of {one.id}", actions["release live", one.id], 1)
    costs = Counter(cost.kind for cost in system.costs.costs())
    expect("costs", dict(costs), {"training": releases, "approval": releases, "switch": releases - 1})
    expect("requests", len(system.approvals.requests()), releases)
    expect("rows", system.tables.read("dataset").height, ROWS + MORE * (releases - 1))
    with open_kept(system) as kept:
        expect("unfinished flows", [one.id for one in kept.unsettled()] if kept else [], [])
    for digest in digests:
        system.bundles.get(digest)
    expect("settings", load_settings(system.folder, {}).settings, system.settings)
    return {"releases": len(made), "ended": sum(one.state not in OPEN for one in made), "wrong": wrong}
