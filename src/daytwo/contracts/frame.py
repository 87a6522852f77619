"""The little that light code needs of a table, so that the server never pays for a frame library."""

from __future__ import annotations

from typing import Any, Protocol


class Frame(Protocol):
    """The little that light code needs of a table; a Polars frame is one."""

    @property
    def columns(self) -> list[str]:
        """The columns' names."""
        ...

    @property
    def height(self) -> int:
        """How many rows there are."""
        ...

    def get_column(self, name: str) -> Any:
        """Return one column as a series."""
        ...
