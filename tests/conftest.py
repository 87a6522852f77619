"""What tests of several rooms need: a real ledger, closed again when the test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from daytwo.core.ledger import create_tables, open_sqlite


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Engine]:
    """The ledger's database at `tmp_path / "ledger.db"`, with every table of the rooms imported so far."""
    engine = open_sqlite(tmp_path / "ledger.db")
    create_tables(engine)
    yield engine
    engine.dispose()
