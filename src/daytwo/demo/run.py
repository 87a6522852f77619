"""The demo from beginning to end: a project in a folder, a server beside it, a year of days, and the account of it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from daytwo.core.digest import digest_json
from daytwo.core.errors import Refused
from daytwo.core.files import write_whole
from daytwo.core.settings_file import FILE_NAME
from daytwo.demo.flights import FIRST_DAY, LAST_DAY, SETTINGS, TARGET, Fault, by_day, history, load_year
from daytwo.demo.replay import Stage, approve_waiting, play
from daytwo.demo.story import Story, tell
from daytwo.flows import open_runner
from daytwo.lifecycle.flow import Runner
from daytwo.lifecycle.releases import OPEN
from daytwo.lifecycle.system import System
from daytwo.lifecycle.worker import Event, open_release, tick
from daytwo.project import Asked, make_project
from daytwo.registry.versions import current_route
from daytwo.server_note import ServerNote, client_of, note_server
from daytwo.serving.client import Client
from daytwo.serving.process import ServerProcess
from daytwo.value.costs import SERVING, cpu_cost
from daytwo.wiring import open_system, server_config

AUTHOR = "ana@data-science"
_HISTORY = "flights/history.parquet"
_FIRST_RELEASE = "release-first"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for. `folder` is kept where given; `until` is the last day to live through."""

    folder: Path | None = None
    seed: int = 20130401
    until: date = LAST_DAY


@dataclass(slots=True)
class Ears:
    """Where the demo says what it does: one line an event, and how far it is."""

    say: Callable[[Event], None] = lambda _: None
    progress: Callable[[int, int], None] = lambda _done, _all: None


@dataclass(frozen=True, slots=True)
class Ending:
    """The account, how long this run took, and where the project stays (None where it was thrown away)."""

    story: Story
    elapsed_s: float
    folder: Path | None
    left_out: dict[str, int] = field(default_factory=dict)


def run_demo(wish: Wish, ears: Ears) -> Ending:
    """Run the demo, or go on with one that was cut short in `wish.folder`."""
    begun = time.monotonic()
    year = load_year()
    days = by_day(year)
    fault = Fault()
    with _folder(wish) as folder:
        if not (folder / FILE_NAME).exists():
            _make(folder, wish, ears)
        system = open_system(folder)
        if system.settings.seed != wish.seed:
            raise Refused(
                f"{folder} holds a demo with seed {system.settings.seed}", hint="Give that --seed, or another folder"
            )
        with open_runner(system) as runner:
            _go_live(system, runner, ears)
            with _server(system) as client:
                stage = Stage(system, runner, client, days, wish.seed, fault)
                total = sum(FIRST_DAY <= day <= wish.until for day in days)
                for day, events in play(stage, wish.until):
                    for event in events:
                        ears.say(event)
                    ears.progress((day - FIRST_DAY).days + 1, total)
                system.seal_journal()
                _meter(system, client(), datetime.combine(wish.until, datetime.min.time(), UTC))
            story = tell(system, year.height, fault)
        outcomes = dict(year["outcome"].value_counts().iter_rows())
        left_out = {name: count for name, count in sorted(outcomes.items()) if name != "arrived"}
        return Ending(story, time.monotonic() - begun, wish.folder, left_out)


@contextmanager
def _folder(wish: Wish) -> Iterator[Path]:
    if wish.folder is not None:
        wish.folder.mkdir(parents=True, exist_ok=True)
        yield wish.folder
        return
    folder = Path(tempfile.mkdtemp(prefix="daytwo-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path, wish: Wish, ears: Ears) -> None:
    """Lay out the project as `daytwo init` would; `daytwo.toml` comes last, so half a project is made anew."""
    source = folder / _HISTORY
    source.parent.mkdir(parents=True, exist_ok=True)
    rows = history(load_year())
    draft = source.with_suffix(".draft")
    rows.write_parquet(draft, compression="zstd")
    draft.replace(source)
    # The canary's split is keyed; a key of the seed's makes two runs alike.
    write_whole(folder / ".daytwo" / "salt", digest_json(["salt", wish.seed])[:32].encode())
    settings = {**SETTINGS, "data": {**SETTINGS["data"], "source": _HISTORY}, "seed": wish.seed}
    made = make_project(
        folder,
        Asked(
            source=source,
            target=TARGET,
            time="scheduled_departure",
            subject="tail_number",
            key="flight_id",
            name="late-flights",
            owner="ops-analytics@airline.example",
            settings=settings,
        ),
    )
    at = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    features = len(made.contract.features.features)
    words = f"a contract is proposed from {rows.height:,} flights of January to March: {features} features"
    ears.say(Event(at, "contract", words, {}))


def _go_live(system: System, runner: Runner, ears: Ears) -> None:
    """Ingest the history, train and gate the first version, have it approved, and let it answer."""
    if current_route(system.registry) is not None:
        return
    now = datetime.combine(FIRST_DAY, datetime.min.time(), UTC)
    path = system.folder / _HISTORY
    counts = runner.run("ingest", "ingest-history", {"path": str(path), "now": now.isoformat()})
    assert isinstance(counts, dict)
    words = f"{counts['accepted']:,} rows in, {counts['rejected']} kept aside, {counts['unlabelled']:,} never arrived"
    ears.say(Event(now, "ingested", words, {}))
    events: list[Event] = []
    release = system.releases.get(_FIRST_RELEASE)
    if release is None or release.state in OPEN:
        open_release(system, runner, _FIRST_RELEASE, reason="the first version", now=now, events=events, author=AUTHOR)
    events += approve_waiting(system, now)
    events += tick(system, runner, now)
    for event in events:
        ears.say(event)
    if current_route(system.registry) is None:
        release = system.releases.get(_FIRST_RELEASE)
        raise Refused(f"the first version did not go live: {release.words if release else 'no release'}")


@contextmanager
def _server(system: System) -> Iterator[Callable[[], Client]]:
    """Run a server of the project, and give a client that starts it again when it died."""
    process = ServerProcess(server_config(system, port=0), system.own / "server.log")
    held: list[Client] = []

    def client() -> Client:
        if not process.is_alive():
            process.stop()
            note_server(system.own, ServerNote("127.0.0.1", process.start(), process.pid))
            for old in held:
                old.close()
            found = client_of(system.own, system.settings)
            assert found is not None
            held[:] = [found]
        return held[0]

    try:
        client()
        yield client
    finally:
        for one in held:
            one.close()
        process.stop()


def _meter(system: System, client: Client, at: datetime) -> None:
    """Charge what the server process has used."""
    for line in client.metrics().splitlines():
        if line.startswith("daytwo_cpu_seconds_total "):
            cause = f"serving:{at.isoformat()}:{os.getpid()}"
            system.costs.add(
                cpu_cost(cause, at + timedelta(days=1), SERVING, float(line.split()[1]), system.settings.cost)
            )
