"""What a contract still lacks, though it can be read: an owner, a raised version, evidence, a key, safe patterns.

Pure; `toml.py` refuses what contradicts itself. A problem should stop a commit, a remark should be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from daytwo.contracts.column import Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.diff import diff
from daytwo.contracts.relations import Unique


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that a contract lacks; `problem` says whether it should stop a commit."""

    problem: bool
    where: str
    words: str
    hint: str


def lint(contract: Contract, *, before: Contract | None = None) -> tuple[Remark, ...]:
    """Return what `contract` lacks, problems first; `before` is the version that it replaces.

    Examples
    --------
    >>> from daytwo.contracts.column import Column
    >>> from daytwo.core.schema import Kind
    >>> lint(Contract("trips", 1, "", (Column("km", Kind.NUMBER, evidence="seen"),)))[0].words
    'nobody owns it'
    """
    found = [*_ownership(contract), *_version(contract, before), *_patterns(contract)]
    found += [*_keys(contract), *_evidence(contract)]
    return tuple(sorted(found, key=lambda one: not one.problem))


def _ownership(contract: Contract) -> Iterator[Remark]:
    if not contract.owner:
        yield Remark(True, "owner", "nobody owns it", 'Write owner = "name@example.org": who answers when rows fail')


def _version(contract: Contract, before: Contract | None) -> Iterator[Remark]:
    problem = "" if before is None else diff(before, contract).version
    if problem:
        yield Remark(True, "version", problem, "Raise version: what was checked by the old one stays known by its own")


def _patterns(contract: Contract) -> Iterator[Remark]:
    for column in contract.columns:
        if column.pattern is not None and (part := slow_part(column.pattern)):
            yield Remark(
                True,
                column.name,
                f"its pattern may take very long on a hostile text: {part} repeats what itself repeats",
                "Write the repetition once, such as [a-z]+ for ([a-z]+)*",
            )


def _keys(contract: Contract) -> Iterator[Remark]:
    unique = any(isinstance(one, Unique) for one in contract.relations)
    if contract.key is None and not unique:
        hint = 'Give the column that names a row the role "key", or add [unique.NAME] with its columns'
        yield Remark(False, "key", "no column names a row: duplicates pass, and labels find no prediction", hint)


def _evidence(contract: Contract) -> Iterator[Remark]:
    bare = [column.name for column in contract.columns if column.is_checked and not column.evidence]
    bare = [name for name in bare if contract.column(name).role is not Role.TARGET]
    if bare:
        named = ", ".join(bare[:5]) + (f" and {len(bare) - 5} more" if len(bare) > 5 else "")
        yield Remark(False, "evidence", f"no evidence for {named}", 'Say in evidence = "..." where the rule comes from')


_ENDLESS = re.compile(r"[*+]|\{[0-9]*,\}")


def slow_part(pattern: str) -> str:
    """Return the first group of a pattern that repeats without end what repeats without end itself, else "".

    Such a pattern may take time that doubles with every letter of a text that nearly matches. Groups whose
    alternatives begin alike are found, too, where the group repeats. The opposite is not proved: a pattern may be slow
    in other ways.

    Examples
    --------
    >>> slow_part("([a-z]+)*x"), slow_part("(a|ab)*x"), slow_part("([a-z]+-)?[0-9]{2,}")
    ('([a-z]+)*', '(a|ab)*', '')
    """
    opened: list[tuple[int, bool]] = []  # where each open group begins, and whether something endless is in it
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        if letter == "\\":
            at += 2
            continue
        if letter == "[":
            at = _after_class(pattern, at)
            continue
        if letter == "(":
            opened.append((at, False))
        elif letter == ")" and opened:
            begin, endless = opened.pop()
            follows = _ENDLESS.match(pattern, at + 1)
            if follows and (endless or _begin_alike(pattern[begin + 1 : at])):
                return pattern[begin : follows.end()]
            if (endless or follows) and opened:
                opened[-1] = (opened[-1][0], True)
        elif _ENDLESS.match(pattern, at) and opened:
            opened[-1] = (opened[-1][0], True)
        at += 1
    return ""


def _after_class(pattern: str, at: int) -> int:
    """Return the place behind a class of letters that begins at `at`."""
    end = at + 2 if pattern[at + 1 : at + 2] == "^" else at + 1
    end += pattern[end : end + 1] == "]"
    while end < len(pattern) and pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    return end + 1


def _begin_alike(group: str) -> bool:
    if "(" in group or "|" not in group:
        return False
    begins = [part.removeprefix("?:")[:1] for part in group.split("|")]
    return len(set(begins)) < len(begins)
