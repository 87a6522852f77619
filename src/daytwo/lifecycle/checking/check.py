"""What a trial of a project comes to: checks with their words, and the place in a file that each is about.

Pure. `trial.py` runs them; `markdown.py`, `junit.py` and `sarif.py` tell them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Standing(StrEnum):
    """How a check came out; what is only `noted` stops nothing."""

    PASSED = "passed"
    NOTED = "noted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Place:
    """A line, from 1, of a file as seen from the project's folder, with `/` between its parts."""

    file: str
    line: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `group` is `data`, `train`, `gate`, `expect` or `test`; `name` is unique within it."""

    group: str
    name: str
    standing: Standing
    words: str
    place: Place | None = None

    @property
    def failed(self) -> bool:
        """Whether it stops the change."""
        return self.standing is Standing.FAILED


@dataclass(frozen=True, slots=True)
class Trial:
    """A project, tried. `against` says what the candidate was held against; `figures` are the candidate's own.

    `rows` counts what was taken as a sample, `digest` names the candidate, empty where none could be made.
    """

    model: str
    rows: int
    against: str
    checks: tuple[Check, ...]
    digest: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether no check failed, and there were any."""
        return bool(self.checks) and not any(check.failed for check in self.checks)

    def count(self, standing: Standing) -> int:
        """Return how many checks came out so."""
        return sum(check.standing is standing for check in self.checks)

    @property
    def headline(self) -> str:
        """Say in one line what the trial came to."""
        said = f"{self.count(Standing.PASSED)} passed, {self.count(Standing.FAILED)} failed"
        noted = self.count(Standing.NOTED)
        return f"{self.model}: {said}{f', {noted} noted' if noted else ''}"
