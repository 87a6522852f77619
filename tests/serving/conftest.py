"""A small real model in a bundle, and a real server process on it."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import lightgbm
import msgspec
import numpy as np
import pytest

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.toml import from_toml
from daytwo.contracts.toml_text import to_toml
from daytwo.core.schema import Kind, Task
from daytwo.core.settings import ValueSettings
from daytwo.explain.references import build_explainer
from daytwo.predictions.ship import ship
from daytwo.registry.bundle import Bundle, BundleStore, Manifest
from daytwo.registry.route import Route, write_route
from daytwo.scoring.calibration import Calibration
from daytwo.scoring.cases import Cases
from daytwo.scoring.lightgbm_c import LightgbmScorer
from daytwo.scoring.payoff import Payoff
from daytwo.scoring.replay import Replay, hard_rows
from daytwo.serving.client import Client
from daytwo.tables.memory import MemoryTables
from daytwo.training.confidence_fit import fit_confidence
from daytwo.training.novelty_fit import fit_novelty

CARRIERS = ("AA", "B6", "DL", "UA")


def trips_contract(version: int = 1, **wind: object) -> Contract:
    """Return a contract with every kind of column a request may hold."""
    return Contract(
        "trips",
        version,
        "owner@example.org",
        (
            Column("key", Kind.TEXT, Role.KEY, max_length=40),
            Column("tail", Kind.TEXT, Role.SUBJECT, nullable=True),
            Column("at", Kind.TIME, Role.TIME),
            Column("wind", Kind.NUMBER, **{"minimum": 0.0, "maximum": 100.0, "nullable": True, **wind}),
            Column("seats", Kind.INTEGER, minimum=1.0, maximum=900.0),
            Column("carrier", Kind.CATEGORY, levels=CARRIERS),
            Column("night", Kind.BOOLEAN),
            Column("late", Kind.INTEGER, Role.TARGET, levels=("0", "1")),
        ),
    )


def trip(number: int, **changes: object) -> dict[str, object]:
    """Return the good row with this number."""
    row: dict[str, object] = {
        "key": f"trip-{number}",
        "tail": f"N{number % 500}",
        "at": f"2013-04-{1 + number % 28:02d}T{number % 24:02d}:30:00Z",
        "wind": float(number * 7 % 50),
        "seats": 50 + number * 13 % 300,
        "carrier": CARRIERS[number % 4],
        "night": number % 3 == 0,
    }
    return row | changes


def make_bundle(
    store: BundleStore, *, seed: int = 1, contract: Contract | None = None, trees: int = 20, aware: bool = False
) -> Bundle:
    """Train a model on made-up trips and put it in the store; an `aware` one knows how sure it is and what is usual."""
    contract = contract or trips_contract()
    encoder = Encoder(contract)
    random = np.random.default_rng(seed)
    matrix = np.array([encoder.row(trip(number)) for number in range(2000)], dtype=np.float32)
    odds = matrix[:, 0] / 15 - 2 + random.normal(0, 0.5, len(matrix))
    labels = (odds > 0).astype(float)
    data = lightgbm.Dataset(matrix, labels, categorical_feature=list(encoder.schema.categories))
    parameters = {"objective": "binary", "num_leaves": 15, "verbosity": -1, "num_threads": 1, "seed": seed}
    booster = lightgbm.train(parameters, data, num_boost_round=trees)
    text = booster.model_to_string().encode()
    scorer = LightgbmScorer(text, matrix.shape[1])
    hard = hard_rows(matrix, scorer.trees, encoder.schema)
    explainer = build_explainer(matrix, encoder.schema, task=Task.BINARY, outcome="late")
    payoff = Payoff.from_settings(ValueSettings(true_positive="2 * seats", false_positive=-100), Task.BINARY)
    files = {
        "model.txt": text,
        "contract.toml": to_toml(contract).encode(),
        "calibration.json": Calibration().to_json(),
        "payoff.json": payoff.to_json(),
        "replay.npy": Replay(hard, scorer.many(hard)).to_bytes(),
        "explainer.json": explainer.to_json(),
        "cases.npy": Cases.chosen(matrix, labels).to_bytes(),
    }
    if aware:
        files["confidence.json"] = fit_confidence(scorer.many(matrix), labels, Task.BINARY).to_json()
        files["novelty.json"] = fit_novelty(matrix, matrix, encoder.schema).to_json()
    manifest = Manifest(
        model="trips", task=Task.BINARY, metric="roc_auc", contract=contract.digest, metrics={"base_rate": 0.25}
    )
    return store.put(files, manifest)


@dataclass
class Place:
    """A folder with bundles, a route and a journal, and the servers that were started on it."""

    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    generation: int = 0

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def bundles(self) -> BundleStore:
        return BundleStore(self.folder / "bundles")

    def config(self, **changes: object) -> Path:
        settings = {
            "model": "trips",
            "bundles": str(self.folder / "bundles"),
            "route": str(self.folder / "route.json"),
            "journal": str(self.journal),
            "port": 0,
            "salt": "pinch",
            "poll_s": 0.01,
        } | changes
        path = self.folder / "server.json"
        path.write_bytes(msgspec.json.encode(settings))
        return path

    def route(self, champion: str, **more: object) -> Route:
        self.generation += 1
        return write_route(self.folder / "route.json", Route(self.generation, champion, **more))

    def start(self, prefix: tuple[str, ...] = (), **changes: object) -> tuple[subprocess.Popen[str], int]:
        with (self.folder / "server.log").open("a") as log:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "daytwo.serving", "--config", str(self.config(**changes))],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (self.folder / "server.log").read_text()
        return process, json.loads(line)["port"]

    def log(self) -> str:
        return (self.folder / "server.log").read_text()

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def contract_of(place):
    return lambda digest: from_toml(place.bundles.get(digest).read("contract.toml").decode())


def shipped(place, tables=None):
    tables = tables or MemoryTables()
    ship(place.journal, tables, contract_of(place), columns_of=lambda _: ("seats",))
    return tables


def wait_for(client, generation):
    """Return the route once the server uses this generation of it."""
    for _ in range(500):
        route = client.route()
        if route["generation"] == generation and not route["fault"]:
            return route
        threading.Event().wait(0.01)
    raise AssertionError(route)


def raw(client, method, path, body=b"", **headers):
    """Send something that no client of ours would send."""
    connection = http.client.HTTPConnection(client.host, client.port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read(), response.headers
    finally:
        connection.close()


@pytest.fixture(scope="session")
def champion_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one bundle, made once."""
    folder = tmp_path_factory.mktemp("store")
    make_bundle(BundleStore(folder))
    return folder


@contextlib.contextmanager
def settled(folder: Path, champion: str) -> Iterator[Place]:
    """A folder with the champion routed; every server started in it is ended."""
    made = Place(folder)
    made.route(champion)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def place(tmp_path: Path, champion_files: Path) -> Iterator[Place]:
    """A folder with a champion whose bundle it shares with other tests."""
    (tmp_path / "bundles").symlink_to(champion_files)
    with settled(tmp_path, BundleStore(champion_files).list()[0]) as made:
        yield made


@pytest.fixture
def own_place(place: Place, champion_files: Path) -> Place:
    """A folder with bundles of its own, to which others may be added."""
    (place.folder / "bundles").unlink()
    shutil.copytree(champion_files, place.folder / "bundles")
    return place


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, champion_files: Path) -> Iterator[Client]:
    """A client of one server for many small tests."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "bundles").symlink_to(champion_files)
    with settled(folder, BundleStore(champion_files).list()[0]) as made:
        _, port = made.start()
        client = Client("127.0.0.1", port, patience_s=0)
        yield client
        client.close()


@pytest.fixture
def serve(place: Place) -> Iterator[Callable[..., Client]]:
    """Start a server and return a client of it."""
    clients: list[Client] = []

    def start(**changes: object) -> Client:
        _, port = place.start(**changes)
        clients.append(Client("127.0.0.1", port, str(changes.get("token", "")), patience_s=5))
        return clients[-1]

    yield start
    for client in clients:
        client.close()
    for process in place.processes:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0, place.log()
