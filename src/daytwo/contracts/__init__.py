"""What data must look like, what breaks it, and why: one contract, compiled for requests and for tables.

`from daytwo.contracts import propose, check` is the library for use without a project (`validation.py`); these names
are looked up when they are asked for, since the server imports files of this room and no frame library. `__init__.pyi`
beside this file tells type checkers the same.

contract.py    what a contract says (column.py: of one column; relations.py: between rows; batch.py: of a whole batch)
action.py      what a broken rule does, and one failure (words.py: in plain words; sorts.py, limits.py: if it is sound)
repairs.py     how a wrong value may be mended (mend.py: mended; typos.py: what a mistyped level meant)
toml.py        read from the text that its owner edits (toml_text.py: written)
typed.py       compiled for one plainly good row, read and checked in one go
decoder.py     compiled for any one row (judge.py: one value; rules.py: row rules)
table/         compiled for tables
encoder.py     checked values as float32 features (frame.py: what it needs of a table)
labels.py      outcomes as numbers
times.py       values as moments in time (event_times.py: when each row happened)
proposing/     a contract from rows
validation.py  a table checked, for people (foreign.py: tables of other libraries)
reporting/     what that came to: a page, files, CI
diff.py        what changed between two contracts (diff_columns.py); lint.py: what a contract still lacks
exchange/      contracts from and for other tools
"""

from importlib import import_module
from typing import Any

__all__ = ["Contract", "Report", "Validation", "check", "propose", "read_contract"]

_HOMES = {
    "Contract": "contract",
    "Report": "table.report",
    "Validation": "validation",
    "check": "validation",
    "propose": "validation",
    "read_contract": "toml",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
