"""What servers journaled goes into the tables. Light: of a version it reads the contract and the payoff, no model."""

from __future__ import annotations

from functools import lru_cache

from daytwo.contracts.contract import Contract
from daytwo.contracts.toml import from_toml
from daytwo.lifecycle.system import System
from daytwo.predictions.ship import ship
from daytwo.registry.bundle import BundleStore
from daytwo.scoring.model import CONTRACT_FILE, PAYOFF_FILE
from daytwo.scoring.payoff import Payoff

_KEPT = 8


def ship_journal(system: System) -> None:
    """Carry what servers journaled into the tables, each segment exactly once, whoever calls and however often."""
    system.seal_journal()
    ship(
        system.journal,
        system.tables,
        lambda digest: contract_of(system.bundles, digest),
        columns_of=lambda digest: _money_columns(system.bundles, digest),
    )


@lru_cache(maxsize=_KEPT)
def contract_of(store: BundleStore, digest: str) -> Contract:
    """Return the contract of a version, kept for the next call."""
    return from_toml(store.get(digest).read(CONTRACT_FILE).decode())


@lru_cache(maxsize=_KEPT)
def _money_columns(store: BundleStore, digest: str) -> tuple[str, ...]:
    return tuple(Payoff.from_json(store.get(digest).read(PAYOFF_FILE)).columns)
