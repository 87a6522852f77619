"""How numbers are written in a text: decimal comma, thousands separators; and texts that say "missing".

Decided for each column by cells that can be read in one way only ("1.234,5"); a cell such as "1,234" takes the other
columns' habit, else the separator's: where ';' parts the cells, a comma is decimal. Pure; `delimited.py` applies it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

_BLANKS = " \u00a0\u202f'"
# Texts that stand for a missing value where a number is meant; in a column of texts they are texts.
MISSING = ("NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none", "-", "?", "#N/A")
_NUMBER_LIKE = re.compile(rf"[+-]?[0-9][0-9.,{_BLANKS}]*(?:[eE][+-]?[0-9]+)?")
_AMBIGUOUS = re.compile(r"[+-]?[1-9][0-9]{0,2}([.,])[0-9]{3}")
_DECIMAL = re.compile(r"[+-]?[0-9]+([.,])[0-9]+(?:[eE][+-]?[0-9]+)?")
_GROUPED = re.compile(rf"[+-]?[1-9][0-9]{{0,2}}(?:([.,{_BLANKS}])[0-9]{{3}})(?:\1[0-9]{{3}})*(?:([.,])[0-9]+)?")
_MOSTLY = 0.9


@dataclass(frozen=True, slots=True)
class Marks:
    """How the numbers of a column are written; `thousands` is empty where digits are not grouped."""

    decimal: str = "."
    thousands: str = ""

    @property
    def words(self) -> str:
        """Show a number so written."""
        return f"1{self.thousands}234{self.decimal}5"


_PLAIN = Marks()


def guess_marks(
    columns: Mapping[str, Iterable[str]],
    separator: str,
    numbers: Iterable[str] | None = None,
    told: Marks | None = None,
) -> tuple[dict[str, Marks], list[str]]:
    """Return how the numbers of columns are written, leaving out the plain way, and notes.

    `columns` are cells of a sample without the missing ones; `numbers` names the columns that hold numbers, where
    that is known, `told` how they are written, where a person said so.

    Examples
    --------
    >>> guess_marks({"price": ["1.234,5", "2"]}, ";")[0]["price"]
    Marks(decimal=',', thousands='.')
    """
    known = None if numbers is None else set(numbers)
    votes = {
        name: _votes(cells)
        for name, cells in ((name, [c.strip() for c in some if c not in MISSING]) for name, some in columns.items())
        if (known is None or name in known) and _are_numbers(cells, known=known is not None)
    }
    everywhere = sum(votes.values(), Counter[Marks]())
    seen = _habit(everywhere)
    habit = seen if seen is not None else {";": ",", ",": "."}.get(separator, "")
    found: dict[str, Marks] = {}
    notes: list[str] = []
    for name, one in votes.items():
        sure = {marks for marks in one if marks.decimal}
        if told is not None:
            found[name] = told
            continue
        decimals = {marks.decimal for marks in sure}
        if len(decimals) > 1:
            notes.append(f"column {name!r} writes numbers in two ways; they are left as they are")
            continue
        open_mark = next((marks.thousands for marks in one if not marks.decimal), "")
        if open_mark == "." and not sure and habit == "," and seen is None:
            marks = None  # a semicolon alone does not make 1.234 a thousand
        else:
            marks = _settled(sure, open_mark, habit)
        if marks is None:
            notes.append(f"column {name!r} holds '1{open_mark}234', which may be 1.234 or 1234; it is left as it is")
        elif marks != _PLAIN:
            found[name] = marks
    # Columns of plain digits so far have the file's habit too, but there is nothing to see of it yet.
    shown = {name: marks.words for name, marks in found.items() if votes[name]}
    for words in sorted(set(shown.values())):
        listed = ", ".join(name for name, one in shown.items() if one == words)
        notes.append(f"numbers are written {words} in {listed}")
    return found, notes


def plain_numbers(frame: pl.DataFrame, marks: Mapping[str, Marks], numbers: Iterable[str] | None) -> pl.DataFrame:
    """Write numbers the plain way, and take words such as "NA" for missing in columns that are known to be numbers."""
    changed = []
    for name in frame.columns:
        column = frame.get_column(name)
        if numbers is not None and name in numbers:
            column = _without_missing(column)
        if name in marks:
            column = _plain(column, marks[name])
        if column is not frame.get_column(name):
            changed.append(column)
    return frame.with_columns(changed) if changed else frame


def _without_missing(column: pl.Series) -> pl.Series:
    said = column.is_in(MISSING)
    return column.set(said.fill_null(False), None) if said.any() else column


def _plain(column: pl.Series, marks: Marks) -> pl.Series:
    decimal, group = re.escape(marks.decimal), f"[{re.escape(marks.thousands)}]" if marks.thousands else ""
    whole = f"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+" if group else "[0-9]+"
    is_number = column.str.contains(rf"^\s*[+-]?(?:{whole})(?:{decimal}[0-9]+)?(?:[eE][+-]?[0-9]+)?\s*$")
    written = column.str.replace_all(group, "") if group else column
    if marks.decimal != ".":
        written = written.str.replace(marks.decimal, ".", literal=True)
    return column.zip_with(~is_number.fill_null(False), written)


def _are_numbers(cells: list[str], *, known: bool) -> bool:
    like = sum(_NUMBER_LIKE.fullmatch(cell) is not None for cell in cells)
    return bool(like) and (known or like >= _MOSTLY * len(cells))


def _votes(cells: Iterable[str]) -> Counter[Marks]:
    """Count what cells say; a cell that can be read in two ways votes for a mark without a decimal."""
    votes: Counter[Marks] = Counter()
    for cell in cells:
        if ambiguous := _AMBIGUOUS.fullmatch(cell):
            votes[Marks("", ambiguous[1])] += 1
        elif decimal := _DECIMAL.fullmatch(cell):
            votes[Marks(decimal[1])] += 1
        elif (grouped := _GROUPED.fullmatch(cell)) and grouped[2] != grouped[1]:
            group, mark = grouped[1], grouped[2]
            votes[Marks(mark or ("," if group == "." else "."), group)] += 1
    return votes


def _habit(everywhere: Counter[Marks]) -> str | None:
    """Return the decimal mark that the file's numbers have, "" where they have two, None where none shows one."""
    decimals = Counter[str]()
    for marks, count in everywhere.items():
        if marks.decimal:
            decimals[marks.decimal] += count
    if len(decimals) == 1:
        return next(iter(decimals))
    return "" if decimals else None


def _settled(sure: set[Marks], open_mark: str, habit: str) -> Marks | None:
    """Put a column's sure and open cells together; None where an open one stays open."""
    decimal = next(iter(sure)).decimal if sure else habit
    thousands = next((marks.thousands for marks in sure if marks.thousands), "")
    if open_mark and not sure and open_mark == "." and habit != ",":
        return _PLAIN
    if open_mark and not decimal:
        return None
    if open_mark and open_mark != decimal:
        thousands = open_mark
    return Marks(decimal or ".", thousands)
