"""What a check of a table came to, as one value for people and machines; `columnar.py` does the checking.

Written as JSON it is `{"rows","accepted","repaired","rejected","rules":[{"rule","column","action","rows","examples",
"message"}],"unknown":[...]}`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.batch import BatchBreach
from daytwo.contracts.table.columnar import Checked
from daytwo.contracts.table.lines import ROW

# So many of a rule's first rows are named.
EXAMPLES = 5


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


def report(checked: Checked) -> Report:
    """Add a checked table up: rules that reject first, then those that mend and warn, each by how many rows broke it.

    Examples
    --------
    >>> from daytwo.contracts.table.columnar import check
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
            *whole_rules(checked.batch, Action.REJECT),
            *in_order(_rules(checked.failures, Action.REJECT)),
            *in_order(_rules(checked.repairs, Action.REPAIR)),
            *whole_rules(checked.batch, Action.WARN),
            *in_order(_rules(checked.warnings, Action.WARN)),
        ),
        checked.unknown,
    )


def whole_rules(batch: tuple[BatchBreach, ...], action: Action) -> Iterator[BrokenRule]:
    """Yield the broken promises of the table as a whole that have this action."""
    for one in batch:
        if one.action is action:
            yield BrokenRule(one.rule, one.column, action, 0, (), one.message)


def in_order(rules: Iterable[BrokenRule]) -> list[BrokenRule]:
    """Return rules by how many rows broke them, the most first, then by the first rows."""
    return sorted(rules, key=lambda one: (-one.rows, one.examples, one.column, one.rule))


def _rules(cells: pl.DataFrame, action: Action) -> Iterator[BrokenRule]:
    if not cells.height:
        return
    counted = cells.group_by("column", "rule", maintain_order=True).agg(
        pl.len().alias("rows"), pl.col("row").bottom_k(EXAMPLES).sort(), pl.first("message")
    )
    for one in counted.iter_rows(named=True):
        yield BrokenRule(one["rule"], one["column"], action, one["rows"], tuple(one["row"]), one["message"])
