"""Which version a question is about where it may stay unsaid: the one that answers."""

from __future__ import annotations

from daytwo.core.errors import NotFound
from daytwo.lifecycle.system import System
from daytwo.registry.versions import current_route


def asked_version(system: System, version: str, option: str) -> str:
    """Return the digest of a named version, or of the one that answers; `option` is what asked, for the hint.

    Raises
    ------
    NotFound
        If there is no such version, or none is named and nothing is live.
    """
    route = current_route(system.registry)
    if not version and route is None:
        raise NotFound("nothing is live yet", hint=f"Name a version, such as v1: 'daytwo explain {option} v1'")
    return system.registry.find(version).digest if version or route is None else route.champion
