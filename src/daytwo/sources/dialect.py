"""How a CSV file is written, guessed from its beginning: separator, quotes, header, how numbers look.

Pure. `encoding.py` says what its bytes mean, `delimited.py` reads by it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from daytwo.core.errors import DataError
from daytwo.sources.marks import MISSING, Marks, guess_marks

SAMPLE_CHARACTERS = 256 << 10
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_KEYS = ("separator", "quote", "decimal", "thousands")
_WORDS = {"tab": "\t", "space": " "}
_ENOUGH_ROWS = 2_000
# Lines whose number of cells differs from the header's, above this share, speak against a separator.
_FITTING = 0.8
_VALUE = re.compile(r"[+-]?[0-9][0-9.,]*([eE][+-]?[0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}([ T].*)?")
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)


class Reader(Protocol):
    """Python's reader of CSV records; `line_num` counts the lines read so far."""

    @property
    def line_num(self) -> int:
        """How many lines were read."""
        ...

    def __iter__(self) -> Iterator[list[str]]:
        """Return itself."""
        ...

    def __next__(self) -> list[str]:
        """Return the next record's cells."""
        ...


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a CSV file is written. `header_lines` are the lines up to and with the header, `quote` may be empty.

    `marks` say of columns how their numbers are written, where it is not the plain way.
    """

    names: tuple[str, ...]
    separator: str = ","
    quote: str = '"'
    header_lines: int = 1
    marks: Mapping[str, Marks] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What a person said of how a CSV file is written; what is empty or None is guessed."""

    separator: str = ""
    quote: str = ""
    encoding: str = ""
    marks: Marks | None = None


def read_written(text: str) -> Written:
    """Read what was told, such as `separator=; decimal=, thousands=. encoding=cp1252`; `tab`, `space` are words.

    Raises
    ------
    DataError
        If a key is unknown, or its value is no single character or no encoding.

    Examples
    --------
    >>> read_written("separator=; decimal=,").marks
    Marks(decimal=',', thousands='')
    """
    said = dict(part.partition("=")[::2] for part in text.split())
    letters = {key: _WORDS.get(value, value) for key, value in said.items() if key != "encoding"}
    wrong = [key for key, value in letters.items() if key not in _KEYS or len(value) != 1]
    encoding = ""
    try:
        encoding = codecs.lookup(said["encoding"]).name if "encoding" in said else ""
    except LookupError:
        wrong.append("encoding")
    if wrong:
        raise DataError(
            f"{wrong[0]}={said[wrong[0]]!r} says nothing about how a CSV file is written",
            hint="Write separator=; quote=' decimal=, thousands=. (one character each, or tab, space) encoding=cp1252",
        )
    has_marks = "decimal" in letters or "thousands" in letters
    marks = Marks(letters.get("decimal", "."), letters.get("thousands", "")) if has_marks else None
    return Written(letters.get("separator", ""), letters.get("quote", ""), encoding, marks)


def sniff(
    sample: str, *, whole: bool, numbers: Collection[str] | None = None, written: Written | None = None
) -> Dialect:
    r"""Guess how the file is written that begins with `sample`; `whole` says that this is all of it.

    What was told in `written` is not guessed.

    Raises
    ------
    DataError
        If there is no header, a name stands twice in it, or there is nothing at all.

    Examples
    --------
    >>> sniff("a;b\n1,5;x\n2,5;y\n", whole=True).separator
    ';'
    """
    text = sample if whole else sample[: sample.rfind("\n") + 1] or sample
    told = _SEPARATOR_LINE.match(text)
    written = written or Written()
    quote = written.quote or _quote(text)
    separator = written.separator or (told[1] if told else _separator(text, quote))
    before = 1 if told else 0
    records = _records(text[told.end() :] if told else text, separator, quote)
    lines, header = next(records, (0, []))
    if not header:
        raise DataError("it holds nothing", hint="Give a file with a header and rows")
    body = [fields for _, fields in records if len(fields) == len(header)]
    names = _names(header, body)
    cells = {
        name: [fields[place] for fields in body if fields[place].strip()] for place, name in enumerate(names) if name
    }
    marks, notes = guess_marks(cells, separator, numbers, written.marks)
    if separator != ",":
        notes.insert(0, f"cells are parted by {_SEPARATORS.get(separator, repr(separator))}")
    if quote == "'":
        notes.insert(0, "texts stand in single quotes")
    return Dialect(names, separator, quote, before + lines, marks, tuple(notes))


def _records(text: str, separator: str, quote: str) -> Iterator[tuple[int, list[str]]]:
    """Yield records with the number of lines up to their end, leaving out empty lines and one that is cut off."""
    reader = records_of(io.StringIO(text, newline="\n"), separator, quote)
    for _ in range(_ENOUGH_ROWS):
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
        if fields:
            yield reader.line_num, fields


def records_of(lines: Iterable[str], separator: str, quote: str) -> Reader:
    """Return Python's reader of records for a dialect: quotes are doubled inside quotes, and must be closed."""
    if not quote:
        return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE, strict=True)
    return csv.reader(lines, delimiter=separator, quotechar=quote, doublequote=True, strict=True)


def _quote(text: str) -> str:
    """Return the quote: single ones where cells stand in them and there is no double one."""
    if '"' in text:
        return '"'
    opened = re.findall(r"(?:^|[,;\t|])'", text, re.MULTILINE)
    closed = re.findall(r"'(?=$|\r|[,;\t|])", text, re.MULTILINE)
    whole = re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=$|\r|[,;\t|])", text, re.MULTILINE)
    return "'" if whole and len(opened) == len(closed) else '"'


def _separator(text: str, quote: str) -> str:
    """Return the separator that gives the most lines as many cells as the first line has."""
    scores: list[tuple[bool, float, int, str]] = []
    for separator in _SEPARATORS:
        widths = [len(fields) for _, fields in _records(text, separator, quote)]
        if not widths or widths[0] < 2:
            continue
        fitting = sum(width == widths[0] for width in widths) / len(widths)
        scores.append((fitting >= _FITTING, round(fitting, 1), widths[0], separator))
    best = max(scores, default=None)
    return best[-1] if best is not None else ","


def _names(header: list[str], body: list[list[str]]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in header)
    looks_like_values = [place for place, name in enumerate(names) if _VALUE.fullmatch(name)]
    alike = [
        place
        for place in looks_like_values
        if body and all(_VALUE.fullmatch(fields[place].strip()) or _is_missing(fields[place]) for fields in body)
    ]
    if alike and len(alike) == len(looks_like_values):
        raise DataError(
            f"its first line is no header: it holds {names[alike[0]]!r}",
            hint="Write the columns' names into a first line",
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = ", ".join(str(place + 1) for place, name in enumerate(names) if name == twice[0])
        what = f"the name {twice[0]!r} twice" if twice[0] else "columns without a name"
        raise DataError(f"its header has {what}: columns {places}", hint="Give each column a name of its own")
    return names


def _is_missing(cell: str) -> bool:
    return not cell.strip() or cell in MISSING
