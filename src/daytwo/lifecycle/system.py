"""Everything the flows work with, as one value: settings, stores and books. Only `wiring.py` makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daytwo.alerts.alerts import AlertBook, Channel
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.core.settings import Settings
from daytwo.governance.approvals import Approvals
from daytwo.governance.audit import AuditLog
from daytwo.governance.tokens import Tokens
from daytwo.lifecycle.releases import ReleaseBook
from daytwo.lifecycle.windows import WindowBook
from daytwo.registry.bundle import BundleStore
from daytwo.registry.versions import Registry
from daytwo.tables.tables import Tables
from daytwo.value.costs import CostBook


@dataclass(frozen=True, slots=True)
class System:
    """One project, ready to be worked on.

    `folder` holds `daytwo.toml`, `contract.toml` and perhaps `model.py`; `state` what daytwo keeps, and all workers of
    the project share. `place` is where this one keeps what is its own, None where that is `state` too. `close` lets go
    of the ledger, for whoever opens several projects in one process. `seal_journal` asks a running server to hand over
    what it has journaled; it does nothing where none runs. `pseudonyms` hides what is personal, None where nothing is.
    `tell` hears how far a long step is, in one line each time.
    """

    folder: Path
    state: Path
    settings: Settings
    tables: Tables
    bundles: BundleStore
    registry: Registry
    audit: AuditLog
    approvals: Approvals
    alerts: AlertBook
    channel: Channel | None
    releases: ReleaseBook
    windows: WindowBook
    costs: CostBook
    tokens: Tokens
    seal_journal: Callable[[], None]
    pseudonyms: Pseudonyms | None = None
    place: Path | None = None
    tell: Callable[[str], None] = lambda _words: None
    close: Callable[[], None] = lambda: None

    @property
    def own(self) -> Path:
        """What is this worker's alone: its server's note, log and journal, the projections that its server reads."""
        return self.place or self.state

    @property
    def contract_path(self) -> Path:
        """The contract that a person owns and edits; bundles hold copies."""
        return self.folder / "contract.toml"

    @property
    def journal(self) -> Path:
        """Where server processes write what they answered."""
        return self.own / "journal"

    @property
    def tokens_path(self) -> Path:
        """The projection of the tokens that servers read."""
        return self.own / "tokens.json"

    @property
    def route_path(self) -> Path:
        """The projection of the newest route that servers read."""
        return self.own / "route.json"
