"""CSV files of every kind read as Python's csv module wrote them; what is no row, or cut off, is told by its line."""

from __future__ import annotations

import csv
import gzip
import io
import string
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytwo.core.errors import DataError, NotFound
from daytwo.sources import delimited, packed
from daytwo.sources.delimited import DelimitedReader
from daytwo.sources.dialect import Dialect
from daytwo.sources.files import batches, read_rows
from daytwo.sources.marks import Marks

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = st.text(st.sampled_from(string.ascii_letters + string.digits + " ,;|\t\"'\n\r.-äß€日"), max_size=8)
WORDS = st.text(st.sampled_from(string.ascii_lowercase + " äé"), min_size=1, max_size=9).map(lambda t: f"w{t}")
NUMBERS = st.integers(-(10**6), 10**6).map(str) | st.floats(-1e3, 1e3).map(lambda x: f"{x:.2f}")


def put(folder: Path, content: bytes | str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def written(rows: list[list[str]], encoding: str = "utf-8", **dialect: object) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(rows)
    return text.getvalue().encode(encoding)


def told(path: Path, **options: object) -> list[tuple[str | None, ...]]:
    return read_rows(path, **options).frame.rows()


def as_read(rows: list[list[str]]) -> list[tuple[str | None, ...]]:
    return [tuple(cell or None for cell in row) for row in rows]


@QUICK
@given(
    rows=st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(CELLS, min_size=n, max_size=n), min_size=1, max_size=8)),
    separator=st.sampled_from(",;|\t"),
    quote=st.sampled_from("\"'"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
    piece=st.sampled_from([7, 64, 1 << 20]),
)
def test_any_cells_in_a_known_dialect_come_back(tmp_path, monkeypatch, rows, separator, quote, quoting, end, piece):
    if end == "\n":  # the writer leaves a carriage return bare then, which no reader can tell from a line end
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    names = [f"c{i}" for i in range(len(rows[0]))]
    content = written([names, *rows], delimiter=separator, quotechar=quote, quoting=quoting, lineterminator=end)
    path = put(tmp_path, content)
    monkeypatch.setattr(packed.pieces, "__kwdefaults__", {"size": piece})
    monkeypatch.setattr(delimited, "_FIRST_BYTES", 40)
    reader = DelimitedReader(path, dialect=Dialect(tuple(names), separator, quote))
    frames = list(reader.blocks())
    read = [row for frame in frames for row in frame.rows()]
    expected = as_read(rows)
    if len(names) == 1:  # an empty cell that stands alone is an empty line where nothing quotes it
        expected = [row for row in expected if row != (None,)]
        read = [row for row in read if row != (None,)]
    assert read == expected
    assert reader.broken == []


@QUICK
@given(
    rows=st.lists(st.tuples(WORDS, NUMBERS, WORDS, NUMBERS), min_size=4, max_size=20),
    separator=st.sampled_from(",;|\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]),
)
def test_the_dialect_of_plain_tables_is_found(tmp_path, rows, separator, quoting, end, encoding):
    names = ["name", "seats", "carrier", "wind"]
    table = [names, *map(list, rows)]
    content = written(table, encoding, delimiter=separator, quoting=quoting, lineterminator=end)
    assert told(put(tmp_path, content)) == as_read([list(row) for row in rows])


@QUICK
@given(
    numbers=st.lists(st.integers(0, 10**9), min_size=3, max_size=30),
    style=st.sampled_from([(".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u00a0"), (".", "")]),
    separator=st.sampled_from(";\t"),
)
def test_numbers_written_anyhow_are_the_same_numbers(tmp_path, numbers, style, separator):
    decimal, thousands = style
    # The first row can be read in one way only, as nearly every real column has one that can.
    values = [1_234_567.25, *[number / 4 for number in numbers]]
    cells = [f"{value:,.2f}".replace(",", "T").replace(".", decimal).replace("T", thousands) for value in values]
    content = written([["price", "carrier"], *[[cell, "AA"] for cell in cells]], delimiter=separator)
    read = [float(price) for price, _ in told(put(tmp_path, content))]
    assert read == [round(value, 2) for value in values]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a;b\n1,234;x\n1,5;y\n", [("1.234", "x"), ("1.5", "y")]),
        ("a;b\n1,234;x\n2,345;y\n", [("1.234", "x"), ("2.345", "y")]),
        ("a;b\n1.234;x\n2.345;y\n", [("1.234", "x"), ("2.345", "y")]),
        ("a;b\n1.234;1,5\n2.345;2\n", [("1234", "1.5"), ("2345", "2")]),
        ('a,b\n"1,234",x\n"2,345",y\n', [("1234", "x"), ("2345", "y")]),
        ("a\tb\n1.234\tx\n2.345\ty\n", [("1.234", "x"), ("2.345", "y")]),
        ("a\tb\n1,234\tx\n2,345\ty\n", [("1,234", "x"), ("2,345", "y")]),
        ("a\tb\n1,5\tx\n1.5\ty\n", [("1,5", "x"), ("1.5", "y")]),
        ("a;when\n1,5;01.02.2013\n2,5;02.02.2013\n", [("1.5", "01.02.2013"), ("2.5", "02.02.2013")]),
    ],
)
def test_what_may_be_read_in_two_ways_takes_the_files_habit_or_stays(tmp_path, text, rows):
    assert told(put(tmp_path, text)) == rows


def test_only_columns_of_numbers_are_touched(tmp_path):
    path = put(tmp_path, "a;b\n1,5;1,5\nNA;NA\n")
    assert told(path, numbers=["a"]) == [("1.5", "1,5"), (None, "NA")]
    assert told(path) == [("1.5", "1.5"), ("NA", "NA")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds nothing"),
        (b"a,b\n", "has no rows"),
        (b"1,2\n3,4\n", "first line is no header: it holds '1'"),
        (b"2013-01-01,2\n2013-01-02,4\n", "no header"),
        (b"a,b,a\n1,2,3\n", "the name 'a' twice: columns 1, 3"),
        (b"a,,b,\n1,2,3,4\n", "columns without a name: columns 2, 4"),
        (b"a,b\n1,2\n3\n4,5\n", r"line 3 has 1 cells, the header 2: '3'"),
        (b"a,b\n1,2\n3,4,5\n", "line 3 has 3 cells, the header 2"),
        (b"a,b\n1,2\n3,4\n5", "cut off: line 4, its last, has 1 cells"),
        (b'a,b\n1,"2\n3,4\n', "a quote that is opened in line 2 is never closed"),
        (b'a,b\n1,"x"y\n3,4\n', "line 2 cannot be read"),
        (b"a,b\n\0\1\2\3,4\n", "is no text"),
        ("a,b\nä,ü\nö,é\nß,".encode() + b"\xff\n", "UTF-8 but for 1 damaged"),
        (b"\xff\xfea\0,\0b\0\n\0001\0,\0002\0\n", "damaged near byte|has no rows|cut off"),
    ],
)
def test_what_is_no_table_is_told_with_its_place(tmp_path, content, words):
    with pytest.raises(DataError, match=words) as caught:
        read_rows(put(tmp_path, content))
    assert "rows.csv" in caught.value.message
    assert caught.value.hint


def test_lines_that_are_no_rows_are_kept_where_they_are_asked_for(tmp_path):
    lines = [f"{i},x" for i in range(40)]
    lines[7], lines[20] = "7", "20,x,y"
    path = put(tmp_path, "a,b\n" + "\n".join(lines) + "\n")
    rows = read_rows(path, keep_broken=True)
    assert rows.frame.height == 38
    assert [(line.number, line.text) for line in rows.broken] == [(9, "7"), (22, "20,x,y")]
    with pytest.raises(DataError, match="line 9 has 1 cells, the header 2, and 1 more lines"):
        list(batches(path))
    path.write_text("a,b\n" + "1\n" * 10 + "1,2\n")
    with pytest.raises(DataError, match="and 9 more lines"):
        read_rows(path, keep_broken=True)


def test_empty_lines_and_a_last_line_without_end_are_no_trouble(tmp_path):
    assert told(put(tmp_path, "\na,b\n\n1,2\n\n\n3,\n , \n4,5")) == [
        ("1", "2"),
        ("3", None),
        (" ", " "),
        ("4", "5"),
    ]


def test_a_stray_quote_is_a_letter(tmp_path):
    path = put(tmp_path, 'a,b\n5" pipe,1\n6" pipe,2\n7 pipe,3\n')
    assert told(path) == [('5" pipe', "1"), ('6" pipe', "2"), ("7 pipe", "3")]


def test_excels_line_about_the_separator_and_old_line_ends_are_understood(tmp_path):
    assert told(put(tmp_path, "sep=;\r\na;b\r\n1;2\r\n")) == [("1", "2")]
    assert told(put(tmp_path, "a,b\r1,2\r3,4\r")) == [("1", "2"), ("3", "4")]
    assert told(put(tmp_path, "a,b\r\n'x,y',2\r\n'z',3\r\n")) == [("x,y", "2"), ("z", "3")]


def test_a_letter_beyond_ascii_late_in_the_file_decides_its_encoding(tmp_path):
    begin = "name,n\n" + "Ana,1\n" * 3_000_000
    rows = read_rows(put(tmp_path, begin.encode() + "Jürgen,2\n".encode("cp1252")))
    assert rows.frame.row(-1) == ("Jürgen", "2")
    assert rows.notes == ("it is not UTF-8: read as Windows-1252 (Latin-1)",)
    assert told(put(tmp_path, begin + "Jürgen,2\n"))[-1] == ("Jürgen", "2")


def test_packed_files_are_unpacked_and_a_cut_one_is_told(tmp_path):
    plain = pl.DataFrame({"a": ["x", "y\nz", 'q"'], "b": ["1", "2", "3"]})
    put(tmp_path, gzip.compress(plain.write_csv().encode()), "rows.csv.gz")
    plain.write_csv(tmp_path / "rows.csv.zst", compression="zstd")
    for name in ("rows.csv.gz", "rows.csv.zst"):
        assert read_rows(tmp_path / name).frame.equals(plain)
    whole = (tmp_path / "rows.csv.gz").read_bytes()
    with pytest.raises(DataError, match=r"rows\.csv\.gz.*cannot be unpacked"):
        read_rows(put(tmp_path, whole[:-12], "rows.csv.gz"))


def test_a_file_is_read_as_it_is_called(tmp_path):
    assert told(put(tmp_path, "a,b\n1,2\n", "rows[1].csv")) == [("1", "2")]
    with pytest.raises(NotFound, match="there is no file"):
        read_rows(tmp_path / "rows*.csv")
    with pytest.raises(DataError, match="of no kind that is read"):
        read_rows(put(tmp_path, "a,b\n1,2\n", "rows.xls"))


def test_what_is_told_is_not_guessed(tmp_path):
    path = put(tmp_path, "a\tb\n1,234\tä\n2,345\tx;y\n".encode("cp1250"))
    assert told(path) == [("1,234", "ä"), ("2,345", "x;y")]
    assert told(f"csv:{path}#decimal=, encoding=cp1250 separator=tab") == [("1.234", "ä"), ("2.345", "x;y")]
    assert told(f"csv:{path}#thousands=,")[0] == ("1234", "ä")
    with pytest.raises(DataError, match=r"comma=',' says nothing.*separator=;"):
        read_rows(f"csv:{path}#comma=,")
    with pytest.raises(DataError, match="encoding='klingon' says nothing"):
        read_rows(f"csv:{path}#encoding=klingon")


def test_a_mark_says_how_it_writes():
    assert [Marks().words, Marks(",", ".").words] == ["1234.5", "1.234,5"]
