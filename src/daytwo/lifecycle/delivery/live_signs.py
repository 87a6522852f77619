"""What live traffic last said of a release, kept in the window book: written on ticks, read by every screen."""

from __future__ import annotations

from daytwo.lifecycle.flow import Json
from daytwo.lifecycle.system import System

_FACT = "rollout:{}"


def keep_live(system: System, release_id: str, known: dict[str, Json]) -> None:
    """Keep what is known of a rolling release, in place of what was known before."""
    system.windows.keep_fact(_FACT.format(release_id), known)


def read_live(system: System, release_id: str) -> dict[str, Json]:
    """Return what was kept; empty before the rollout."""
    kept = system.windows.fact(_FACT.format(release_id))
    return kept if isinstance(kept, dict) else {}


def live_signs(system: System, release_id: str) -> list[Json]:
    """Return the signs as gates' results in JSON; none before the rollout."""
    signs = read_live(system, release_id).get("signs")
    return signs if isinstance(signs, list) else []
