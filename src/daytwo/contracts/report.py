"""What a check of a table came to, as one value for people and machines; `columnar.py` does the checking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.columnar import Checked

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One rule that cells of `column` broke: in `rows` rows, the first of which are `examples` (0-based)."""

    rule: str
    column: str
    action: str
    rows: int
    examples: tuple[int, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """A table's verdict in numbers. `repaired` counts rows that a rule mended; no rule does so yet."""

    rows: int
    accepted: int
    repaired: int
    rejected: int
    rules: tuple[BrokenRule, ...]
    unknown: tuple[str, ...]


def report(checked: Checked) -> Report:
    """Add a checked table up: rules that reject first, then those that warn, each by how many rows broke it.

    Examples
    --------
    >>> from daytwo.contracts.columnar import check
    >>> from daytwo.contracts.contract import Column, Contract
    >>> from daytwo.core.schema import Kind
    >>> contract = Contract("trips", 1, "", (Column("km", Kind.NUMBER, minimum=0.0),))
    >>> report(check(contract, pl.DataFrame({"km": [1.0, -1.0]}))).rules[0].examples
    (1,)
    """
    accepted, rejected = checked.accepted.height, checked.rejected.height
    rules = (*_rules(checked.failures, Action.REJECT), *_rules(checked.warnings, Action.WARN))
    return Report(accepted + rejected, accepted, 0, rejected, rules, checked.unknown)


def _rules(cells: pl.DataFrame, action: Action) -> Iterator[BrokenRule]:
    if not cells.height:
        return
    counted = (
        cells.group_by("column", "rule", maintain_order=True)
        .agg(pl.col("row").n_unique().alias("rows"), pl.col("row").unique().sort().head(_EXAMPLES), pl.first("message"))
        .sort("rows", descending=True, maintain_order=True)
    )
    for one in counted.iter_rows(named=True):
        yield BrokenRule(one["rule"], one["column"], str(action), one["rows"], tuple(one["row"]), one["message"])
