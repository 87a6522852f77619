"""A table larger than memory through its contract, batch by batch: the verdict of `columnar.py`, written as it comes.

What a row breaks by itself is known at once. Promises between rows carry on what earlier batches left: keys and
dependencies are put aside (`spill.py`) and judged at the end, so their lines come last. Counts of the whole add up
(`whole.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from daytwo.contracts.contract import Contract
from daytwo.contracts.table.across import Others, clean_keys
from daytwo.contracts.table.columnar import judge_rows, refuse_own_names
from daytwo.contracts.table.counting import Counting, Sink
from daytwo.contracts.table.lines import ROW
from daytwo.contracts.table.plan import Plan, plan
from daytwo.contracts.table.report import Report
from daytwo.contracts.table.steps import Steps, steps_of
from daytwo.contracts.table.whole import Tally, breaches

_NONE: Mapping[str, pl.DataFrame] = {}


def check_batches(
    contract: Contract,
    batches: Iterable[pl.DataFrame],
    *,
    labels: bool = True,
    parse_text: bool = False,
    others: Mapping[str, pl.DataFrame] = _NONE,
    seen: Mapping[str, pl.DataFrame] = _NONE,
    now: datetime | None = None,
    sink: Sink | None = None,
    folder: Path | None = None,
) -> Report:
    """Judge the rows of a table that comes in batches; the arguments of `columnar.check` mean the same here.

    Rows are numbered through all batches. Each broken cell is handed to `sink` as a line; those of promises between
    rows may come after all others. Keys are put aside in a temporary folder inside `folder`, if they are many.

    Raises
    ------
    DataError
        If a required column is not in a batch, or a table that a reference names is not given.
    """
    with TemporaryDirectory(prefix="daytwo-", dir=folder) as aside:
        judging = _Judging(contract, Others(others, seen), Path(aside), sink, labels=labels, parse_text=parse_text)
        for batch in batches:
            judging.take(batch)
        return judging.finished(now)


class _Judging:
    """What is known of the rows so far."""

    def __init__(
        self, contract: Contract, others: Others, folder: Path, sink: Sink | None, *, labels: bool, parse_text: bool
    ) -> None:
        self._contract, self._labels, self._parse_text = contract, labels, parse_text
        self._others, self._folder = others, folder
        self._steps: dict[str, Steps] = {}
        self._reads = frozenset(name for one in contract.relations for name in one.reads)
        self._plans: dict[tuple[tuple[str, pl.DataType], ...], Plan] = {}
        self._counting = Counting(sink)
        self._tally = Tally()
        self._unknown: dict[str, None] = {}

    def take(self, batch: pl.DataFrame) -> None:
        held = self._plan(batch)
        judged = judge_rows(held, batch, self._reads)
        offset = self._counting.rows
        self._counting.rows += batch.height
        self._counting.take(judged.lines.with_columns(pl.col("row") + offset))
        self._tally += judged.tally()
        for relation, keys in clean_keys(held.relations, judged.typed, judged.lines):
            self._counting.take(self._steps[relation.rule].take(keys.with_columns(pl.col(ROW) + offset)))

    def finished(self, now: datetime | None) -> Report:
        for steps in self._steps.values():
            for lines in steps.rest():
                self._counting.take(lines)
        return self._counting.report(breaches(self._contract, self._tally, now), tuple(self._unknown))

    def _plan(self, batch: pl.DataFrame) -> Plan:
        key = tuple(batch.schema.items())
        if key not in self._plans:
            refuse_own_names(batch.columns)
            held = plan(self._contract, batch.schema, labels=self._labels, parse_text=self._parse_text)
            self._plans[key] = held
            self._unknown |= dict.fromkeys(held.unknown)
            for one in steps_of(held, self._others, self._folder):
                self._steps.setdefault(one.relation.rule, one)
        return self._plans[key]
