"""The door under fire, in one process: bytes into a connection, and what must hold of every answer.

Every whole request gets an answer below 500, a refusal has a code, a message, a hint and an id, a good request is
answered right after, what was recorded can be read again and shipped, and of every row that was read the columnar check
says what the door said. What other servers' clients send is recorded as rows that mean the same at `/predict`.
`grammar.py` and `languages.py` make the bytes, `wire.py` sends them to a real server, `guided.py` lets coverage find
more.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import polars as pl
from tests.fuzz import grammar, languages
from tests.fuzz.connection import Answer, FakeLoop, FakeTransport, answers_in, must_be_fair
from tests.serving.conftest import make_bundle, trip, trips_contract

from daytwo.contracts.action import Action
from daytwo.contracts.column import FLOAT32_MAX
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.table.columnar import check
from daytwo.core.schema import Kind
from daytwo.predictions.journal import Journal
from daytwo.predictions.ship import ship
from daytwo.registry.bundle import BundleStore
from daytwo.registry.route import Route, write_route
from daytwo.serving.answering.live import Versions, Watcher
from daytwo.serving.answering.recent import Recent
from daytwo.serving.answering.requests import PredictRequest, read_predict
from daytwo.serving.answering.served import Served
from daytwo.serving.answering.shadow import ShadowQueue
from daytwo.serving.answering.waiting import Patient
from daytwo.serving.config import ServerConfig
from daytwo.serving.handlers import Handlers
from daytwo.serving.metrics import Metrics
from daytwo.serving.transport.door import Door
from daytwo.serving.transport.messages import HttpError, Request
from daytwo.serving.transport.protocol import Connection
from daytwo.serving.transport.turns import Turns
from daytwo.tables.memory import MemoryTables

GOOD = msgspec.json.encode(trip(1))
# What a field that is not there breaks at the one door, and at the other where it is null.
_LACKING = ("missing_field", "not_null")
JSON_HEADERS = {b"host": b"127.0.0.1", b"content-type": b"application/json"}
LENGTH = b"inference-header-content-length"
# So many rows of a request are asked for a second time.
_MOST_AGAIN = 2
# A record of megabytes each would only fill the disk; size has cases of its own in wire.py.
MAX_BODY_MB = 1.0


def mending_contract() -> Contract:
    """Return the trips' contract with repairs of every kind, a softer rule, and a rule between columns."""
    changes: dict[str, dict[str, object]] = {
        "key": {"repair": ("parse", "trim"), "min_length": 1},
        "tail": {"repair": ("trim", "upper"), "pattern": "N[0-9]+", "warn": ("match_regex",)},
        "at": {"repair": ("trim",)},
        "wind": {"repair": ("parse", "unit 0.1", "clip")},
        "seats": {"repair": ("parse", "default 100")},
        "carrier": {"repair": ("trim", "upper", "nearest"), "other": "reject"},
        "night": {"repair": ("parse",)},
    }
    plain = trips_contract()
    columns = tuple(replace(column, **changes.get(column.name, {})) for column in plain.columns)
    return replace(plain, columns=columns, rules=(Rule("crowded", "wind <= seats + 50"),))


class FuzzedDoor:
    """A server's inside on a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.contract = folder, mending_contract()
        store = BundleStore(folder / "bundles")
        bundle = make_bundle(store, contract=self.contract, trees=5)
        write_route(folder / "route.json", Route(1, bundle.digest))
        config = ServerConfig(
            model="trips",
            bundles=str(folder / "bundles"),
            route=str(folder / "route.json"),
            journal=str(folder / "journal"),
            max_body_mb=MAX_BODY_MB,
            fallback="seats / 1000",
        )
        self._loop, watcher = FakeLoop(), Watcher(folder / "route.json", Versions(store, config.fallback))
        asyncio.run(watcher.look())
        assert watcher.live is not None, watcher.fault
        self.model = watcher.live.champion.model
        self._encoder = Encoder(self.contract)
        self._journal, metrics = Journal(folder / "journal", "p-", sync_every_s=1.0), Metrics()
        self.handlers = Handlers(
            config,
            served={
                config.model: Served(
                    config.model,
                    prefix="p-",
                    salt="",
                    max_rows=config.max_rows,
                    watcher=watcher,
                    journal=self._journal,
                    recent=Recent(folder / "journal"),
                    shadow=ShadowQueue(self._loop, self._journal, metrics.of("trips"), 1 << 20),  # type: ignore[arg-type]
                    metrics=metrics,
                )
            },
            metrics=metrics,
        )
        turns = Turns(
            self._loop,  # type: ignore[arg-type]
            Patient(self.handlers.handle, self.handlers.commit).handle,
            self.handlers.commit,
            max_queue=512,
            max_wait_s=1.0,
            together=self.handlers.handle_together,
        )
        self._door = Door(turns, int(MAX_BODY_MB * (1 << 20)), 1024, 10.0, 30.0, 75.0)
        self.statuses: Counter[str] = Counter()
        self.rows = 0

    def close(self) -> MemoryTables:
        """Ship everything that was recorded and return the tables; what cannot be shipped would hold all behind it."""
        self._journal.close()
        tables = MemoryTables()
        shipped = ship(self.folder / "journal", tables, lambda _: self.contract, columns_of=lambda _: ("seats",))
        assert not shipped.held, shipped.held
        assert not shipped.damaged
        return tables

    def send(self, data: bytes, cuts: tuple[int, ...] = ()) -> list[Answer]:
        """Send bytes over a connection of their own, cut at `cuts`, and end it; return the answers."""
        connection, transport = Connection(self._door, self._loop), FakeTransport()  # type: ignore[arg-type]
        connection.connection_made(transport)  # type: ignore[arg-type]
        for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
            if not transport.ended:
                connection.data_received(data[begin:end])
                self._loop.run()
        if not transport.ended:
            connection.eof_received()
            self._loop.run()
        connection.connection_lost(None)
        assert not self._door.turns
        assert not self._door.connections
        answers = answers_in(transport.written, may_lack_bodies=b"HEAD" in data)
        for answer in answers:
            must_be_fair(answer)
            self.statuses[str(answer.status)] += 1
        return answers

    def ask(self, path: str, body: bytes, headers: dict[bytes, bytes] = JSON_HEADERS) -> Answer:
        """Send one well framed request."""
        request = Request("POST", path, headers, body, keep_alive=True)
        (together,) = self.handlers.handle_together([request])
        response = together or self.handlers.handle(request)
        assert self.handlers.commit() is None
        self.handlers.settle()
        answer = Answer(response.status, dict(response.headers), response.body)
        must_be_fair(answer)
        self.statuses[f"{path} {response.status}"] += 1
        return answer

    def predict(self, body: bytes) -> None:
        """Ask for a prediction, and hold the answer against the bytes and the columnar check."""
        answer = self.ask("/predict", body)
        asked = _read(body)
        if isinstance(asked, HttpError):
            assert answer.status == asked.status
            return
        assert answer.status in {200, 409}, answer
        if answer.status == 409:
            return
        told = msgspec.json.decode(answer.body)["predictions"]
        if asked.request_id is None:
            assert len(told) == len(asked.rows)
        self.recorded(told[0]["prediction_id"])
        for row, one in zip(asked.rows, told, strict=False):
            assert (one["arm"] == "fallback") == bool(one.get("breaches")), one
            assert one["score"] is not None
            if isinstance(row, dict):
                self.rows += 1
                self.must_agree(row)

    def recorded(self, prediction_id: str) -> bytes:
        """Return the row that was recorded for a prediction just made."""
        again = self.handlers.handle(
            Request("GET", f"/predictions/{prediction_id}", JSON_HEADERS, b"", keep_alive=True)
        )
        assert again.status == 200, again
        return bytes(msgspec.json.decode(again.body, type=_Recorded).row)

    def invoke(self, body: bytes, content_type: bytes) -> None:
        """Ask for a prediction as MLflow's clients do."""
        answer = self.ask("/invocations", body, JSON_HEADERS | {b"content-type": content_type})
        if answer.status != 200:
            return
        told = msgspec.json.decode(answer.body)
        details = told["details"]
        assert told["predictions"] == [one["score"] for one in details]
        self.rows += len(details)
        for one in details[:_MOST_AGAIN]:
            self.must_mean_the_same(one["prediction_id"], one["score"], one["arm"])

    def infer(self, body: bytes, length: bytes | None) -> None:
        """Ask for a prediction in tensors; `length` is the header that tells where the binary part begins."""
        headers = JSON_HEADERS if length is None else JSON_HEADERS | {LENGTH: length}
        answer = self.ask("/v2/models/trips/infer", body, headers)
        if answer.status != 200:
            return
        outputs = languages.read_outputs(answer.body, answer.headers.get(LENGTH))
        assert len({len(values) for values in outputs.values()}) <= 1, outputs
        if {"prediction_id", "score", "arm"} <= outputs.keys():
            asked = zip(outputs["prediction_id"], outputs["score"], outputs["arm"], strict=True)
            self.rows += len(outputs["score"])
            for identity, score, arm in list(asked)[:_MOST_AGAIN]:
                self.must_mean_the_same(str(identity), score, str(arm))

    def must_mean_the_same(self, prediction_id: str, score: object, arm: str) -> None:
        """Assert that the row as it was recorded gets the same answer at `/predict`."""
        row = self.recorded(prediction_id)
        again = self.ask("/predict", b"[" + row + b"]")
        assert again.status == 200, (row, again)
        told = msgspec.json.decode(again.body)["predictions"][0]
        assert (told["score"], told["arm"]) == (score, arm), (row, told, score, arm)

    def must_agree(self, row: dict[str, object]) -> None:
        """Assert that the columnar check says of `row` what the door says, to the last bit of its features."""
        features, breaches = self.model.decoder.check(row)
        asked = [column.name for column in self.contract.columns if column.name != "late"]
        absent = {name for name in asked if row.get(name) is None}
        mine = {
            (one.column, one.rule, one.action, str(one.repaired).lower() if one.action is Action.REPAIR else "")
            for one in breaches
            if one.rule != "unknown_field"
        }
        whole = {column.name for column in self.contract.columns if column.kind is Kind.INTEGER}
        frame = pl.DataFrame([_cell(name, row.get(name), is_whole=name in whole) for name in asked])
        checked = check(self.contract, frame, labels=False)
        columns = ("column", "rule")
        other = {(*cell, Action.REJECT, "") for cell in checked.failures.select(columns).iter_rows()}
        other |= {(*cell, Action.WARN, "") for cell in checked.warnings.select(columns).iter_rows()}
        mended = checked.repairs.select(*columns, "repaired").iter_rows()
        other |= {(column, rule, Action.REPAIR, str(value).lower()) for column, rule, value in mended}
        # A table has all its columns: what a row lacks is null there.
        differing = {cell for cell in mine ^ other if not (cell[0] in absent and cell[1] in _LACKING)}
        assert not differing, (row, differing)
        assert (features is None) == (checked.accepted.height == 0) or absent, row
        if features is not None:
            seen = self._encoder.matrix(checked.accepted)[0]
            assert np.array_equal(seen, np.array(features, dtype=np.float32), equal_nan=True), (row, seen, features)
            assert not any(math.isinf(one) for one in features)


class _Recorded(msgspec.Struct):
    row: msgspec.Raw


def _read(body: bytes) -> PredictRequest | HttpError:
    try:
        return read_predict(body, 10_000)
    except HttpError as err:
        return err


def _cell(name: str, value: object, *, is_whole: bool) -> pl.Series:
    """One JSON value as the column a file would hold it in."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        # The widest column of whole numbers is as much too wide for a promise of 64 bits.
        if not is_whole and abs(value) > FLOAT32_MAX:
            return pl.Series(name, [math.inf if value > 0 else -math.inf])
        return pl.Series(name, [min(max(value, -(2**100)), 2**100)], dtype=pl.Int128)
    if isinstance(value, dict):
        return pl.Series(name, [["an object"]])
    if isinstance(value, list):
        return pl.Series(name, [["a list"]])
    return pl.Series(name, [value], strict=False)


def run(door: FuzzedDoor, random: Random) -> None:
    """Send one case, drawn from `random`, to a part of the door."""
    pick = random.random()
    if pick < 0.4:
        door.predict(grammar.predict_body(random, trip))
    elif pick < 0.5:
        door.invoke(*languages.invocation(random, trip))
    elif pick < 0.6:
        door.infer(*languages.inference(random, trip))
    elif pick < 0.66:
        door.ask("/labels", grammar.labels_body(random))
    elif pick < 0.7:
        door.ask("/feedback", grammar.feedback_body(random))
    else:
        data = grammar.stream(random, lambda one: grammar.predict_body(one, trip))
        cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.choice([0, 0, 1, 3, 20])))
        door.send(data, tuple(cuts))
    if random.random() < 0.02:
        assert door.ask("/predict", GOOD).status == 200
