"""What a source is called, read: a file by its suffix, a Delta table, or a query on a database. Pure of reading.

    rows/2013-05.csv.gz                    a file, by its suffix; .gz and .zst are unpacked
    csv:rows/may.csv#decimal=, separator=; a CSV file that is written in a way that is told rather than guessed
    rows/flights                           a folder with a _delta_log is a Delta table
    delta:rows/flights@12                  ... as of its version 12; delta:s3://bucket/flights works too
    sqlite:///air.db#flights               a table of a database, by SQLAlchemy's URL
    postgresql://ro:env:PASSWORD@db/air#select * from flights where day > :since

A password is never written down: it is a reference, `env:NAME` or `file:PATH`. `env:NAME#flights` takes the whole
URL from there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from daytwo.core.errors import DataError, NotFound


class Form(StrEnum):
    """How rows are kept."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"
    ARROW = "arrow"
    DELTA = "delta"
    SQL = "sql"


_SUFFIXES = {
    ".parquet": Form.PARQUET,
    ".csv": Form.CSV,
    ".tsv": Form.CSV,
    ".jsonl": Form.JSONL,
    ".ndjson": Form.JSONL,
    ".arrow": Form.ARROW,
    ".feather": Form.ARROW,
}
# Begins a CSV file whose way of writing is told behind a '#'.
CSV = "csv:"
_PACKED = (".gz", ".zst")
_TEXT_FORMS = (Form.CSV, Form.JSONL)
_URL = re.compile(r"[a-z][a-z0-9+_]*://.*|(env|file):[^#]*#.*", re.DOTALL | re.IGNORECASE)
_QUERY = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
_SECRET = re.compile(r"(://[^:/@]*:)(?!(?:env|file):).*@", re.DOTALL)
_SECRET_OPTION = re.compile(r"([?&][^=&]*pass[^=&]*=)[^&]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """One source. `name` is what people read, without secrets; `path` is set for files and for tables in folders.

    `written` is what was told of how a CSV file is written (`dialect.py` reads it).
    """

    form: Form
    name: str
    place: str
    path: Path | None = None
    packed: str = ""
    version: int | None = None
    query: str = ""
    written: str = ""

    @property
    def is_file(self) -> bool:
        """Whether the content stands in one file, whose bytes name it."""
        return self.form not in {Form.DELTA, Form.SQL}

    @property
    def has_only_texts(self) -> bool:
        """Whether the form knows nothing but texts."""
        return self.form is Form.CSV


def is_address(text: str) -> bool:
    """Whether `text` names a source in words rather than a path or a pattern of paths.

    Examples
    --------
    >>> is_address("sqlite:///air.db#flights"), is_address("rows/*.csv")
    (True, False)
    """
    return text.startswith((CSV, "delta:")) or _URL.fullmatch(text) is not None


def parse_source(source: str | Path) -> Source:
    """Return what `source` names; a path is taken as it is called, brackets in it are no pattern.

    Raises
    ------
    NotFound
        If there is no such file.
    DataError
        If its form is unknown, or the address lacks a part.

    Examples
    --------
    >>> parse_source("sqlite:///air.db#flights").query
    'flights'
    """
    if isinstance(source, str) and source.startswith("delta:"):
        return _delta(source)
    if isinstance(source, str) and source.startswith(CSV):
        place, _, written = source.removeprefix(CSV).partition("#")
        return replace(_file(Path(place)), form=Form.CSV, written=written)
    if isinstance(source, str) and is_address(source):
        return _sql(source)
    return _file(Path(source))


def _file(path: Path) -> Source:
    if (path / "_delta_log").is_dir():
        return Source(Form.DELTA, path.name, str(path), path)
    if path.is_dir():
        raise NotFound(
            f"{path} is a folder, and no Delta table", hint="Name a file in it, or a folder that holds _delta_log"
        )
    if not path.is_file():
        raise NotFound(f"there is no file {path}", hint="Check [data] source in daytwo.toml, or the path you gave")
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = suffixes.pop() if suffixes and suffixes[-1] in _PACKED else ""
    form = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if form is None or (packed and form not in _TEXT_FORMS):
        known = ", ".join(_SUFFIXES)
        raise DataError(
            f"{path} is of no kind that is read",
            hint=f"Give one of {known}, a text file of these packed as .gz or .zst, a Delta table or a database's URL",
        )
    return Source(form, path.name, str(path), path, packed)


def _delta(text: str) -> Source:
    rest = text.removeprefix("delta:")
    rest = rest.removeprefix("//")
    place, at, version = rest.rpartition("@")
    if not at or not version.isdigit():
        place, version = rest, ""
    path = None if "://" in place else Path(place)
    if path is not None and not (path / "_delta_log").is_dir():
        raise NotFound(f"there is no Delta table {path}", hint="Give the folder that holds _delta_log")
    return Source(Form.DELTA, text, place, path, version=int(version) if version else None)


def _sql(text: str) -> Source:
    place, sign, query = text.partition("#")
    name = _SECRET_OPTION.sub(r"\1***", _SECRET.sub(r"\1***@", place)) + sign + query
    if not query.strip():
        raise DataError(
            f"{name} names no table and no query",
            hint="Write it behind a '#': sqlite:///air.db#flights, or ...#select * from flights where day > :since",
        )
    return Source(Form.SQL, name, place, query=query.strip())


def is_query(text: str) -> bool:
    """Whether what stands behind the '#' is a query rather than a table's name."""
    return _QUERY.match(text) is not None
