"""Records become table rows: JSON texts turn into typed columns by the contract of the version that answered.

Pure: records in, frames out. The tables are `predictions`, `shadow`, `quarantine`, `labels` and `feedback`; columns
of ours begin with `_` and the user's keep their names. A prediction's columns hold what the model saw, mended values
included; the journal and the quarantine hold what was sent. `_act` is what was told, `_advised` what was found: they
differ where a subject is `_held` in the holdout group. `ship.py` next door reads the records and appends the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
import polars as pl

from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract
from daytwo.contracts.decoder import Decoder, compile_decoder
from daytwo.contracts.times import parse_time
from daytwo.core.schema import Kind
from daytwo.predictions.record import (
    ASKED,
    FeedbackRecord,
    LabelsRecord,
    PredictionRecord,
    Record,
    Row,
    ShadowRecord,
    good_row,
    quarantine_id,
    read_rows,
    row_texts,
    spread,
    text_of,
)
from daytwo.predictions.table_columns import FEEDBACK, LABELS, MOMENT, PREDICTION, QUARANTINE, SHADOW

_KINDS: dict[Kind, pl.DataType] = {
    Kind.NUMBER: pl.Float64(),
    Kind.INTEGER: pl.Int64(),
    Kind.BOOLEAN: pl.Boolean(),
    Kind.CATEGORY: pl.String(),
    Kind.TEXT: pl.String(),
    Kind.TIME: pl.String(),
}

ContractOf = Callable[[str], Contract]
ColumnsOf = Callable[[str], Sequence[str]]


def frames(records: Iterable[Record], contract_of: ContractOf, columns_of: ColumnsOf) -> dict[str, pl.DataFrame]:
    """Return the rows that `records` add to each table, by table name; tables without new rows are left out.

    `contract_of` gives the contract of a version, `columns_of` the columns it logs besides its features.
    """
    blocks: dict[str, _Block] = {}
    shadow, quarantine, labels, feedback = (_Rows(columns) for columns in (SHADOW, QUARANTINE, LABELS, FEEDBACK))
    for record in records:
        match record:
            case PredictionRecord():
                for version in record.versions:
                    if version not in blocks:
                        blocks[version] = _Block.of(contract_of(version), columns_of(version))
                _add_predictions(record, blocks, quarantine)
            case ShadowRecord():
                _add_shadow(record, shadow)
            case LabelsRecord():
                at, token = record.received_at_us, record.token
                for one in record.labels:
                    labels.add(one.prediction_id, one.key, one.label, one.observed_at_us, at, token)
            case FeedbackRecord():
                at, token = record.received_at_us, record.token
                for said in record.feedback:
                    feedback.add(said.prediction_id, said.action, said.reason, said.by, said.outcome, token, at)
    predictions = [block.frame() for block in blocks.values()]
    made = {
        "predictions": pl.concat(predictions, how="diagonal") if predictions else pl.DataFrame(),
        "shadow": shadow.frame(),
        "quarantine": quarantine.frame(),
        "labels": labels.frame(),
        "feedback": feedback.frame(),
    }
    return {table: frame for table, frame in made.items() if frame.height}


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=8192)  # rows of one day share most of their times
def read_time(text: str | None) -> int | None:
    """Return a time in a row as microseconds since 1970; None where it is no time.

    Examples
    --------
    >>> read_time("1970-01-01T00:00:01")
    1000000
    """
    read = parse_time(text)
    return None if read is None else (read - _EPOCH) // datetime.resolution


class _Rows:
    """Rows of one table on their way to becoming a frame."""

    def __init__(self, columns: dict[str, pl.DataType]) -> None:
        self._columns = columns
        self._rows: list[tuple[object, ...]] = []

    def add(self, *values: object) -> None:
        self._rows.append(values)

    def frame(self) -> pl.DataFrame:
        lists = list(zip(*self._rows, strict=True)) or [()] * len(self._columns)
        return pl.DataFrame(
            [_series(name, values, kind) for (name, kind), values in zip(self._columns.items(), lists, strict=True)]
        )


def _series(name: str, values: Sequence[object], kind: pl.DataType) -> pl.Series:
    if kind == MOMENT:  # moments travel as microseconds: building a million datetimes is what would take long
        return pl.Series(name, values, dtype=pl.Int64()).cast(MOMENT)
    return pl.Series(name, values, dtype=kind, strict=False)


@dataclass(slots=True)
class _Block:
    """Predictions of one version: our columns as rows, the user's as lists.

    `flags` are the features that say where a default stands in another column, with their place among the features.
    """

    contract: Contract
    time: str
    key: str
    subject: str
    columns: dict[str, pl.DataType]
    rows: _Rows = field(default_factory=lambda: _Rows(PREDICTION))
    values: dict[str, list[object]] = field(default_factory=dict)
    flags: dict[str, int] = field(default_factory=dict)
    decoder: Decoder | None = None

    @classmethod
    def of(cls, contract: Contract, more: Sequence[str]) -> _Block:
        kinds = {column.name: _KINDS[column.kind] for column in contract.columns}
        features = contract.features.names
        flags = {column.imputed_name for column in contract.columns if column.imputed_name}
        kinds |= dict.fromkeys(flags, pl.Boolean())
        named = {name: kinds[name] for name in (*features, *more) if name in kinds}
        block = cls(contract, _name(contract.time), _name(contract.key), _name(contract.subject), named)
        block.values = {name: [] for name in named}
        block.flags = {name: features.index(name) for name in flags}
        block.decoder = compile_decoder(contract) if flags else None
        return block

    def add(self, sent: Row, seen: Row) -> None:
        """Add the user's columns of a row that the model answered: as it was `sent`, and as the model saw it."""
        told: Row = dict.fromkeys(self.flags, False)
        if self.decoder is not None and seen is not sent and (features := self.decoder.check(sent)[0]) is not None:
            told = {name: bool(features[place]) for name, place in self.flags.items()}
        for name, values in self.values.items():
            values.append(told[name] if name in told else seen.get(name))

    def add_unseen(self) -> None:
        """Add a row that no model saw."""
        for values in self.values.values():
            values.append(None)

    def frame(self) -> pl.DataFrame:
        return self.rows.frame().with_columns(
            _series(name, self.values[name], kind) for name, kind in self.columns.items()
        )


def _name(column: Column | None) -> str:
    return "" if column is None else column.name


def _add_predictions(record: PredictionRecord, blocks: dict[str, _Block], quarantine: _Rows) -> None:
    rows = [good_row(row) for row in read_rows(record.rows)]
    count, ids, received = len(rows), record.ids, record.received_at_us
    bad = {one.row: one for one in record.bad}
    failed = set(record.failed)
    acts, gains = spread(record.acts, count), spread(record.gains, count)
    replay_of, took = spread(record.replay_of, count), spread(record.model_us, len(record.versions))
    answered_by = record.version_of or [0] * count
    for i, sent in enumerate(rows):
        row = record.mended(i, sent)
        block = blocks[record.versions[answered_by[i]]]
        block.rows.add(
            ids[i],
            record.request_id,
            received,
            read_time(text_of(row, block.time)) or received,
            text_of(row, block.key),
            text_of(row, block.subject),
            record.versions[answered_by[i]],
            record.arm(i, given_up=i in bad or i in failed),
            record.scores[i],
            acts[i],
            gains[i],
            quarantine_id(ids[i]) if i in bad and record.arms[answered_by[i]] != ASKED else None,
            replay_of[i],
            record.fallbacks.get(i),
            record.stand_in(i) or None,
            record.is_held(i),
            record.advised.get(i, acts[i]),
            record.token or None,
            took[answered_by[i]],
        )
        if i in bad:
            block.add_unseen()
        else:
            block.add(sent, row)
    if bad and record.arms != (ASKED,):  # whoever asks a version by name tries it out
        _add_quarantine(record, rows, blocks, quarantine)


def _add_quarantine(record: PredictionRecord, rows: list[Row], blocks: dict[str, _Block], quarantine: _Rows) -> None:
    texts, ids, received = row_texts(record.rows), record.ids, record.received_at_us
    for one in record.bad:
        row = record.mended(one.row, rows[one.row])
        block = blocks[record.versions[record.version_of[one.row] if record.version_of else 0]]
        quarantine.add(
            quarantine_id(ids[one.row]),
            record.request_id,
            received,
            text_of(row, block.key),
            text_of(row, block.subject),
            read_time(text_of(row, block.time)),
            texts[one.row].decode(errors="replace"),
            msgspec.json.encode(one.breaches).decode(),
            "server",
            block.contract.digest,
        )


def _add_shadow(record: ShadowRecord, shadow: _Rows) -> None:
    received = record.received_at_us
    times, failed = record.times or [None] * len(record.scores), frozenset(record.failed)
    for i, score in enumerate(record.scores):
        if score is not None or i in failed:
            identity = f"{record.prefix}{record.start + i:09x}"
            shadow.add(identity, record.version, score, read_time(times[i]) or received, record.model_us)
