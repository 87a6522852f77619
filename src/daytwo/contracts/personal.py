"""Whether a contract can hold pseudonyms in the columns that settings call personal. Pure and light."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.core.errors import SettingsError
from daytwo.core.schema import Kind

# What every pseudonym looks like.
_EXAMPLE = "p-012abc-0123456789abcdef0123456789abcd"
_PROPOSE = "'daytwo contract propose' makes it anew from hidden rows"


def check_personal(contract: Contract, personal: Collection[str]) -> None:
    """Refuse a contract that no pseudonym could keep.

    Raises
    ------
    SettingsError
        If a personal column is no text, or its promises fit its values and not their pseudonyms; says which.
    """
    for column in contract.columns:
        problem = next(_problems(column), "") if column.name in personal else ""
        if problem:
            raise SettingsError(f"[data] personal names {column.name!r}, {problem}", hint=_hint(column))


def _problems(column: Column) -> Iterator[str]:
    if column.role is Role.IGNORED:
        return
    if column.role in {Role.TARGET, Role.TIME}:
        yield f"which is the {column.role}"
    elif column.kind not in {Kind.TEXT, Kind.CATEGORY}:
        yield f"which the contract says is of kind '{column.kind}'; a pseudonym is a text"
    elif column.pattern is not None and not re.fullmatch(column.pattern, _EXAMPLE):
        yield f"whose pattern {column.pattern!r} no pseudonym matches"
    elif not (column.min_length or 0) <= len(_EXAMPLE) <= (column.max_length or len(_EXAMPLE)):
        yield f"whose length no pseudonym has: that is {len(_EXAMPLE)} characters"
    elif column.repair:
        yield f"whose values are mended by {column.repair[0]!r}, and a pseudonym cannot be"


def _hint(column: Column) -> str:
    if column.role in {Role.TARGET, Role.TIME}:
        return "Take it out of [data] personal"
    if column.role is Role.FEATURE and column.kind not in {Kind.TEXT, Kind.CATEGORY}:
        return "Leave it out of the inputs with role = 'ignored', or take it out of [data] personal"
    return f"Change the contract: {_PROPOSE}"
