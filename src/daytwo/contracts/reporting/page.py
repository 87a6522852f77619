"""A validation as one HTML file: self-contained, offline, printable. `sheet.py` says what stands on it.

Every text goes through the template's escaping; the page asks nothing of any other place, and says so to the browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from daytwo import __version__
from daytwo.contracts.contract import Contract
from daytwo.contracts.reporting.sheet import Sheet, Where, percent
from daytwo.contracts.table.report import Report
from daytwo.core.pages import page_template

_WIDTH: Final = 720
_HEIGHT: Final = 64


@dataclass(frozen=True, slots=True)
class About:
    """What was checked, and when: `name` and `digest` (hex, 64 characters, or "") of the rows, the moment."""

    name: str
    digest: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the picture of where rows fail, in its box."""

    x: float
    y: float
    width: float
    height: float


def page(contract: Contract, found: Report, told: Sheet, about: About) -> str:
    """Return the page as the text of one HTML file."""
    return page_template("daytwo.contracts.reporting", "page.html").render(
        contract=contract,
        found=found,
        told=told,
        about=about,
        version=__version__,
        percent=percent,
        box=(_WIDTH, _HEIGHT),
        bars=[] if told.where is None else bars(told.where),
    )


def bars(where: Where) -> Sequence[Bar]:
    """Lay out where rows fail: one bar for each stretch of rows, as high as its share of the fullest one.

    Examples
    --------
    >>> bars(Where((0, 2), 5.0, ""))
    [Bar(x=360.0, y=0.0, width=359.0, height=64.0)]
    """
    width = _WIDTH / len(where.counts)
    return [
        Bar(round(i * width, 2), round(_HEIGHT - height, 2), round(max(width - 1, 1.0), 2), round(height, 2))
        for i, count in enumerate(where.counts)
        if (height := _HEIGHT * count / where.top)
    ]
