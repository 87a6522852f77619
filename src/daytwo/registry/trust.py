"""Which code of models a project lets run, and how: models that are Python code, and our own engine for trees.

Pure. A bundle may carry code, but never says that it may run: the project's settings do, by the code's digest.
`bundle.py` next door hands this on with every bundle; `scoring/foreign.py` asks it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trust:
    """`digests` are those of the code that may run, each `sha256:` and 64 hex digits.

    `python` is the interpreter that runs it, empty for our own; `deadline_s` is how long it may take to answer a block
    of rows, in seconds. `engine` is `auto`, or `lightgbm` where only that library may score its models.
    """

    digests: frozenset[str] = frozenset()
    python: str = ""
    deadline_s: float = 5.0
    engine: str = "auto"


NO_TRUST = Trust()
