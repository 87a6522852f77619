"""What a validation comes to for a reader: the headline in words, rules with their shares, where rows fail.

Works values out and puts them into words; `page.py` lays them out. Shares are of all rows checked, in [0, 1].
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from daytwo.contracts.action import Action
from daytwo.contracts.batch import BatchBreach
from daytwo.contracts.contract import Contract
from daytwo.contracts.table.columnar import Checked
from daytwo.contracts.table.lines import ROW
from daytwo.contracts.table.report import Report

_MOST_SAMPLES = 5
_MOST_RULES_SAMPLED = 20
# The rows of a table fall into so many stretches of equal length for the picture of where they fail.
_STRETCHES = 60
# A burst: this share of at least so many rejected rows lies within a tenth of the table (evenly spread: 0.1).
_BURST, _FEWEST, _SHORT = 0.4, 5, 0.1


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One broken rule: `share` of all rows broke it; `owner` answers for its columns."""

    rule: str
    column: str
    action: str
    rows: int
    share: float
    examples: tuple[int, ...]
    meaning: str
    owner: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One failing or mended cell, as it was and, where mended, as it is now."""

    row: int
    value: str
    repaired: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Some cells that broke one rule, out of `rows`."""

    rule: str
    column: str
    rows: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Where:
    """Where rejected rows lie: counts of them in stretches of `length` rows; `sentence` says so what."""

    counts: tuple[int, ...]
    length: float
    sentence: str

    @property
    def top(self) -> int:
        """The most rejected rows in any stretch."""
        return max(self.counts)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything a page says. `passed` says that no row was rejected, nor the batch as a whole (`refused`)."""

    passed: bool
    refused: bool
    headline: str
    sentences: tuple[str, ...]
    rules: tuple[RuleLine, ...]
    batch: tuple[BatchBreach, ...]
    bars: str
    where: Where | None
    samples: tuple[Sample, ...]
    repairs: tuple[Sample, ...]
    commands: tuple[str, ...]


def sheet(contract: Contract, checked: Checked, found: Report, *, source: str, contract_file: str) -> Sheet:
    """Put a validation into words; the files' names stand in the commands, without `source` there are none."""
    rules = tuple(_lines(contract, found))
    refused = len(checked.refusals)
    rejected = checked.rejected.get_column(ROW)
    return Sheet(
        passed=not found.rejected and not refused,
        refused=refused > 0,
        headline=_headline(found, refused),
        sentences=tuple(_sentences(contract, found, rules, checked.batch)),
        rules=rules,
        batch=checked.batch,
        bars=_bars_sentence(found, rules),
        where=_where(rejected, found.rows),
        samples=(*_samples(checked.failures, checked.rejected), *_samples(checked.warnings, checked.rejected)),
        repairs=tuple(_samples(checked.repairs, checked.rejected)),
        commands=tuple(_commands(found, rules, source, contract_file)),
    )


def _lines(contract: Contract, found: Report) -> Iterator[RuleLine]:
    owners: Mapping[str, str] = {column.name: column.owner for column in contract.columns}
    for one in found.rules:
        if not one.rows:  # a promise of the batch
            continue
        named = [owners.get(name, "") for name in (one.column, *one.column.split(", "))]
        owner = next((name for name in named if name), contract.owner)
        share = one.rows / found.rows if found.rows else 0.0
        yield RuleLine(one.rule, one.column, one.action, one.rows, share, one.examples, one.message, owner or "nobody")


def _headline(found: Report, refused: int) -> str:
    if refused:
        return f"The batch is refused as a whole: it breaks {_listed(refused, 'promise').lower()}"
    if not found.rejected:
        return f"All {found.rows:,} rows pass" if found.rows != 1 else "The one row passes"
    if not found.accepted:
        return f"None of {found.rows:,} rows passes"
    return f"{found.accepted:,} of {found.rows:,} rows pass"


def _sentences(
    contract: Contract, found: Report, rules: Sequence[RuleLine], batch: Sequence[BatchBreach]
) -> Iterator[str]:
    yield from (f"{one.message}." for one in batch if one.action is Action.REJECT)
    top = next((one for one in rules if one.action == str(Action.REJECT)), None)
    if top is not None:
        more = sum(one.action == str(Action.REJECT) for one in rules) - 1
        yield (
            f"The top reason: {top.meaning}; {_rows(top.rows)} ({percent(top.share)}) broke that, "
            f"since row {top.examples[0]:,}."
        )
        if more:
            yield f"{_listed(more, 'other rule')} rejected rows, too."
    if found.repaired:
        yield f"{_rows(found.repaired)} {'was' if found.repaired == 1 else 'were'} mended and passed."
    warned = sum(one.action == str(Action.WARN) for one in rules)
    if warned:
        yield f"{_listed(warned, 'rule')} only warned."
    if found.unknown:
        yield f"Columns that the contract does not know: {', '.join(found.unknown)}."
    if not contract.owner:
        yield "Nobody owns this contract."


def _bars_sentence(found: Report, rules: Sequence[RuleLine]) -> str:
    rejecting = [one for one in rules if one.action == str(Action.REJECT)]
    if not rejecting:
        return "No rule rejected a row." if rules else "No rule was broken."
    top = rejecting[0]
    if len(rejecting) == 1:
        return f"One rule rejects all {_rows(found.rejected)}: mend {top.column} and every row passes."
    share = top.rows / found.rejected if found.rejected else 0.0
    return f"{top.rule} on {top.column} alone is in {percent(share)} of the rejected rows: begin there."


def _where(rejected: pl.Series, rows: int) -> Where | None:
    if not len(rejected) or rows < 2:
        return None
    stretches = min(_STRETCHES, rows)
    length = rows / stretches
    places = (rejected.cast(pl.Float64) / length).floor().clip(0, stretches - 1).cast(pl.Int64).to_list()
    counts = [0] * stretches
    for place in places:
        counts[place] += 1
    return Where(tuple(counts), length, _where_sentence(rejected, rows))


def _where_sentence(rejected: pl.Series, rows: int) -> str:
    first, last, count = int(rejected[0]), int(rejected[-1]), len(rejected)
    if count == 1:
        return f"Only row {first:,} is rejected."
    if count == last - first + 1 == rows:
        return "Every row is rejected: the table is not what the contract is about, or the contract is not what it was."
    window = max(int(rows * _SHORT), 1)
    numbers = rejected.to_list()
    begin, most, right = 0, 0, 0
    for left, number in enumerate(numbers):
        while right < count and numbers[right] < number + window:
            right += 1
        if right - left > most:
            begin, most = left, right - left
    if most >= _BURST * count and count >= _FEWEST:
        since, until = numbers[begin], numbers[begin + most - 1]
        return f"{percent(most / count)} of them lie between rows {since:,} and {until:,}: look at what happened there."
    return f"They are spread from row {first:,} to row {last:,}: nothing points to one moment."


def _samples(cells: pl.DataFrame, rejected: pl.DataFrame) -> Iterator[Sample]:
    if not cells.height:
        return
    if "repaired" not in cells.columns:
        cells = cells.with_columns(repaired=pl.lit(None, pl.String))
    groups = cells.group_by("rule", "column", maintain_order=True).agg(
        pl.len().alias("rows"), *(pl.col(name).head(_MOST_SAMPLES) for name in ("row", "value", "repaired"))
    )
    for one in (
        groups.sort("rows", descending=True, maintain_order=True).head(_MOST_RULES_SAMPLED).iter_rows(named=True)
    ):
        held = zip(one["row"], one["value"], one["repaired"], strict=True)
        yield Sample(
            one["rule"],
            one["column"],
            one["rows"],
            tuple(
                Cell(row, _value(one["rule"], one["column"], row, value, rejected), repaired or "")
                for row, value, repaired in held
            ),
        )


def _value(rule: str, column: str, row: int, value: str | None, rejected: pl.DataFrame) -> str:
    """Return a cell's value; of a row rule, which has none of its own, the values that it reads, where known."""
    if value is not None:
        return value
    if not rule.startswith("expression:"):
        return "missing"
    names = [name for name in column.split(", ") if name in rejected.columns]
    kept = rejected.filter(pl.col(ROW) == row).select(names).rows(named=True)
    return ", ".join(f"{name} = {held}" for name, held in kept[0].items()) if kept else ""


def _commands(found: Report, rules: Sequence[RuleLine], source: str, contract_file: str) -> Iterator[str]:
    if not source:
        return
    rows, held = shlex.quote(source), shlex.quote(contract_file)
    if found.rejected:
        yield f"daytwo contract check {rows} --contract {held} --failures failing-cells.csv"
        yield f"daytwo contract check {rows} --contract {held} --accepted good.parquet --rejected bad.parquet"
    if rules:
        yield f"daytwo contract diff {held} renewed.toml --rows {rows}"


def percent(share: float) -> str:
    """Return a share in words: never 0 % of something, nor 100 % of less than all.

    Examples
    --------
    >>> [percent(share) for share in (0.0, 0.00001, 0.1234, 0.99999, 1.0)]
    ['0 %', 'under 0.1 %', '12.3 %', 'over 99.9 %', '100 %']
    """
    if share in {0.0, 1.0}:
        return f"{share:.0%}".replace("%", " %")
    if share < 0.001:
        return "under 0.1 %"
    return "over 99.9 %" if share > 0.999 else f"{100 * share:.1f} %"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _listed(count: int, what: str) -> str:
    return f"One {what}" if count == 1 else f"{count} {what}s"
