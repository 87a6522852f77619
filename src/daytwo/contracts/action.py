"""What a broken rule does to its row, and one named failure of one row: words that all parts of a contract share."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Action(StrEnum):
    """What a broken rule does to its row.

    `reject` keeps the row aside with its reasons, `repair` mends the value by a named repair and lets the row pass,
    `warn` lets it pass as it is.
    """

    REJECT = "reject"
    REPAIR = "repair"
    WARN = "warn"


class Breach(msgspec.Struct, frozen=True, gc=False):
    """One named failure of one row.

    `value` is a JSON value, shortened; `action` says what became of it. Of a repaired value `repaired` is what stands
    in its place from here on, and `message` names the repair.
    """

    column: str
    rule: str
    value: str | int | float | bool | None
    message: str
    action: Action = Action.REJECT
    repaired: str | int | float | bool | None = None
