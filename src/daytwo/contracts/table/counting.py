"""The report of a table that comes in batches: lines are added up as they are found, rows are one bit each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.batch import BatchBreach
from daytwo.contracts.table.report import EXAMPLES, BrokenRule, Report, in_order, whole_rules

# Takes lines as they are found: `row`, `column`, `rule`, `value`, `message`, `action` ("reject", "repair" or "warn"),
# `repaired`.
Sink = Callable[[pl.DataFrame], None]


class Counting:
    """Counts rows and lines; `rows` is how many rows there are."""

    def __init__(self, sink: Sink | None = None) -> None:
        self.rows = 0
        self._sink = sink
        self._rules: dict[tuple[str, str, str], _Count] = {}
        self._rejected, self._mended = Marks(), Marks()

    def take(self, lines: pl.DataFrame) -> None:
        """Count lines and hand them on."""
        if not lines.height:
            return
        if self._sink is not None:
            self._sink(lines)
        of_rule = lines.group_by("action", "column", "rule", maintain_order=True).agg(
            pl.len().alias("rows"), pl.col("row").bottom_k(EXAMPLES).sort(), pl.first("message")
        )
        for one in of_rule.iter_rows(named=True):
            count = self._rules.setdefault((one["action"], one["column"], one["rule"]), _Count(one["message"]))
            count.rows += one["rows"]
            count.examples = sorted([*count.examples, *one["row"]])[:EXAMPLES]
        self._rejected.mark(lines.filter(pl.col("action") == "reject").get_column("row"))
        self._mended.mark(lines.filter(pl.col("action") == "repair").get_column("row"))

    def rejected_so_far(self) -> Marks:
        """Return the rows that are rejected by now."""
        return self._rejected.copy()

    def report(self, batch: tuple[BatchBreach, ...], unknown: tuple[str, ...]) -> Report:
        """Return what all the lines come to."""
        rejected = self._rejected.count()
        rules: list[BrokenRule] = []
        for action in (Action.REJECT, Action.REPAIR, Action.WARN):
            rules += whole_rules(batch, action)
            rules += self._of(action)
        repaired = self._mended.count(without=self._rejected)
        return Report(self.rows, self.rows - rejected, repaired, rejected, tuple(rules), unknown)

    def _of(self, action: Action) -> list[BrokenRule]:
        return in_order(
            BrokenRule(rule, column, action, count.rows, tuple(count.examples), count.message)
            for (kind, column, rule), count in self._rules.items()
            if kind == action
        )


@dataclass(slots=True)
class _Count:
    message: str
    rows: int = 0
    examples: list[int] = field(default_factory=list)


class Marks:
    """A set of row numbers, one bit for each row."""

    def __init__(self) -> None:
        self._bits: npt.NDArray[np.uint8] = np.zeros(1 << 10, dtype=np.uint8)

    def mark(self, rows: pl.Series) -> None:
        """Put rows into the set."""
        if not rows.len():
            return
        numbers = rows.to_numpy()
        needed = int(numbers.max()) // 8 + 1
        if needed > self._bits.size:
            grown = np.zeros(max(needed, 2 * self._bits.size), dtype=np.uint8)
            grown[: self._bits.size] = self._bits
            self._bits = grown
        np.bitwise_or.at(self._bits, numbers >> 3, (1 << (numbers & 7)).astype(np.uint8))

    def copy(self) -> Marks:
        """Return a set of the same rows."""
        made = Marks()
        made._bits = self._bits.copy()
        return made

    def within(self, start: int, end: int) -> pl.Series | None:
        """Return which of the rows `start` .. `end` - 1 are in the set; None where none is."""
        held = self._bits[start // 8 : (end + 7) // 8]
        if not held.any():
            return None
        found = np.zeros(end - start, dtype=np.bool_)
        marked = np.unpackbits(held, bitorder="little")[start % 8 :][: end - start]
        found[: marked.size] = marked
        return pl.Series(found)

    def count(self, *, without: Marks | None = None) -> int:
        """Return how many rows are in the set, but not in another."""
        bits = self._bits
        if without is not None:
            shared = min(bits.size, without._bits.size)  # noqa: SLF001  its own class
            bits = bits.copy()
            bits[:shared] &= ~without._bits[:shared]  # noqa: SLF001
        return int(np.bitwise_count(bits).sum())
