"""What a check of a table came to, as one value for people and machines; `columnar.py` does the checking.

Written as JSON it is `{"rows","accepted","repaired","rejected","rules":[{"rule","column","action","rows","examples",
"message"}],"unknown":[...]}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.batch import BatchBreach
from daytwo.contracts.columnar import Checked
from daytwo.contracts.lines import ROW

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One rule that cells of `column` broke: in `rows` rows, the first of which are `examples` (0-based).

    A promise of the table as a whole has no rows.
    """

    rule: str
    column: str
    action: Action
    rows: int
    examples: tuple[int, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """A table's verdict in numbers. `repaired` counts accepted rows of which at least one cell was mended."""

    rows: int
    accepted: int
    repaired: int
    rejected: int
    rules: tuple[BrokenRule, ...]
    unknown: tuple[str, ...]

    @property
    def batch(self) -> tuple[BrokenRule, ...]:
        """The broken promises of the table as a whole."""
        return tuple(one for one in self.rules if not one.rows)


def report(checked: Checked) -> Report:
    """Add a checked table up: rules that reject first, then those that mend and warn, each by how many rows broke it.

    Examples
    --------
    >>> from daytwo.contracts.columnar import check
    >>> from daytwo.contracts.column import Column
    >>> from daytwo.contracts.contract import Contract
    >>> from daytwo.core.schema import Kind
    >>> contract = Contract("trips", 1, "", (Column("km", Kind.NUMBER, minimum=0.0),))
    >>> report(check(contract, pl.DataFrame({"km": [1.0, -1.0]}))).rules[0].examples
    (1,)
    """
    accepted, rejected = checked.accepted.height, checked.rejected.height
    mended = checked.repairs.get_column("row").unique()
    lost = mended.is_in(checked.rejected.get_column(ROW).implode()).sum()
    return Report(
        accepted + rejected,
        accepted,
        mended.len() - int(lost),
        rejected,
        (
            *_whole(checked.batch, Action.REJECT),
            *_rules(checked.failures, Action.REJECT),
            *_rules(checked.repairs, Action.REPAIR),
            *_whole(checked.batch, Action.WARN),
            *_rules(checked.warnings, Action.WARN),
        ),
        checked.unknown,
    )


def _whole(batch: tuple[BatchBreach, ...], action: Action) -> Iterator[BrokenRule]:
    for one in batch:
        if one.action is action:
            yield BrokenRule(one.rule, one.column, action, 0, (), one.message)


def _rules(cells: pl.DataFrame, action: Action) -> Iterator[BrokenRule]:
    if not cells.height:
        return
    counted = (
        cells.group_by("column", "rule", maintain_order=True)
        .agg(pl.col("row").n_unique().alias("rows"), pl.col("row").unique().sort().head(_EXAMPLES), pl.first("message"))
        .sort("rows", descending=True, maintain_order=True)
    )
    for one in counted.iter_rows(named=True):
        yield BrokenRule(one["rule"], one["column"], action, one["rows"], tuple(one["row"]), one["message"])
