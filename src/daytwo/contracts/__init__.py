"""What data must look like, what breaks it, and why: one contract, compiled for requests and for tables.

`from daytwo.contracts import propose, check` is the library for use without a project (`validation.py`); these names
are looked up when they are asked for, since the server imports files of this room and no frame library. `__init__.pyi`
beside this file tells type checkers the same.

contract.py    what a contract says (column.py: of one column; relations.py: between rows; batch.py: of a whole batch)
action.py      what a broken rule does, and one failure (words.py: in plain words; sorts.py, limits.py: if it is sound)
repairs.py     how a wrong value may be mended (mend.py: mended; typos.py: what a mistyped level meant)
toml.py        read from the text that its owner edits (toml_text.py: written)
decoder.py     compiled for one row (judge.py: one value; rules.py: row rules)
columnar.py    compiled for a table (plan.py, suspects.py: which rows to look at; cells.py, remade.py: every cell
               named and mended; typed.py: reading a column; across.py: promises between rows; whole.py: of the batch;
               ieee.py: numbers as floats compare; lines.py: what is written of a cell)
stream.py      a table in batches (steps.py, spill.py: promises between their rows; counting.py: its report);
               parquet.py: a file that is never held in memory
encoder.py     checked values as float32 features
labels.py      outcomes as numbers
times.py       values as moments in time (moments.py: whole columns; event_times.py: when each row happened)
propose.py     a contract from rows; its parts stand there (leaks.py: columns that look like the answer)
validation.py  a table checked, for people (report.py: counts; sheet.py, page.py: an HTML page; export_table.py: files;
               foreign.py: tables of other libraries)
diff.py        what changed between two contracts (diff_columns.py); lint.py: what a contract still lacks
adopt.py       taken over from other tools (adopt_gx.py, adopt_pandera.py; documents.py: their files)
export_*.py    given to other tools
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["Contract", "Report", "Validation", "check", "propose", "read_contract"]

_HOMES = {
    "Contract": "contract",
    "Report": "report",
    "Validation": "validation",
    "check": "validation",
    "propose": "validation",
    "read_contract": "toml",
}


class _Room(ModuleType):
    """Keeps `propose` the function: whoever imports the file of that name would else put the file in its place."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
