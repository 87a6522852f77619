"""What is wrong with a model that is served, in words, with since when and what helps.

Pure: `handlers.py` tells it under the addresses of health. A server that cannot answer is not ready; one that answers,
but not as it should, is degraded; one that is dead says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from daytwo.predictions.record import PREVIOUS
from daytwo.serving.answering.breaker import State
from daytwo.serving.answering.live import Live, Version
from daytwo.serving.answering.served import Served
from daytwo.serving.metrics import OfModel
from daytwo.serving.transport.tls import Certificate

# So long after rows were dropped it is told.
_LATELY_S = 60.0
# So long before a certificate ends it is told.
_SOON_S = 14 * 86_400.0
_ROLES = ("champion", "canary", "shadow")


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong: `since` is a moment in ISO 8601, empty where it is not known; `hint` is what helps."""

    code: str
    model: str
    reason: str
    hint: str
    since: str = ""


def can_answer(served: Served, *, unrecorded: bool) -> bool:
    """Whether rows of this model get answers; `unrecorded` says that they may leave without a record."""
    return served.watcher.live is not None and (served.journal.failing is None or unrecorded)


def problems(served: Served, *, now: float, unrecorded: bool) -> Iterator[Problem]:
    """Yield what is wrong now; `now` is in seconds since 1970."""
    name, live = served.name, served.watcher.live
    failing = served.journal.failing
    if failing is not None:
        words = "answers leave without a record" if unrecorded else "nothing is answered that cannot be recorded"
        hint = "Free some disk space, or make the folder writable: it goes on by itself"
        yield Problem("journal", name, f"{failing}; {words}", hint, _moment(served.failing_since(now)))
    fault = served.watcher.fault
    if fault is not None:
        goes_on = "" if live is None else "; the route before goes on"
        yield Problem(
            "route", name, f"{fault}{goes_on}", "'daytwo doctor' looks further", _moment(served.watcher.since)
        )
    if served.watcher.degraded:
        yield Problem(
            "condition", name, served.watcher.degraded, "'daytwo monitor' shows the window, 'daytwo alerts' whose it is"
        )
    if live is not None:
        yield from _of_versions(name, live)
    dropped = served.shadow.dropped_since(now - _LATELY_S)
    if dropped:
        reason = f"{dropped:,} rows were not scored in shadow within the last minute"
        yield Problem("shadow", name, reason, "Give the server more cores, or end the shadow: 'daytwo status'")


def server_problems(tokens: str | None, certificate: Certificate | None, *, now: float) -> Iterator[Problem]:
    """Yield what is wrong with the server itself now; `tokens` says why the newest are not known, if they are not."""
    if tokens:
        yield Problem("tokens", "", tokens, "'daytwo token list' writes the file anew")
    if certificate is not None and certificate.fault:
        words = f"{certificate.fault}; the one before goes on"
        yield Problem("certificate", "", words, "Put the right files in its place: they are read again by themselves")
    if certificate is not None and certificate.expires - now < _SOON_S:
        words = f"the certificate ends at {_moment(certificate.expires)}"
        yield Problem("certificate", "", words, "Put a new one in its place: it is read by itself")


def measure(served: Served, metrics: OfModel) -> None:
    """Set what can be measured of a model now."""
    metrics.set("daytwo_journal_failing", float(served.journal.failing is not None))
    metrics.set("daytwo_route_failing", float(served.watcher.fault is not None))
    live = served.watcher.live
    if live is None:
        return
    metrics.set("daytwo_route_generation", live.route.generation)
    for role in _ROLES:
        version: Version | None = getattr(live, role)
        if version is not None:
            label = ("version", version.digest[:12])
            metrics.set("daytwo_version_info", 1, (("role", role), label))
            metrics.set("daytwo_breaker_open", float(version.breaker.state is not State.CLOSED), (label,))
            metrics.set("daytwo_breaker_opened_total", version.breaker.opened, (label,))


def _of_versions(name: str, live: Live) -> Iterator[Problem]:
    if live.previous_fault is not None and live.champion.fallback.name == PREVIOUS:
        reason = f"{live.previous_fault}; it cannot stand in"
        yield Problem("previous", name, reason, "'daytwo doctor' looks further; it is tried again by itself")
    for role in _ROLES:
        version: Version | None = getattr(live, role)
        if version is not None and version.breaker.state is not State.CLOSED:
            breaker = version.breaker
            reason = f"the {role} {version.digest[:12]} rests, its rows get the fallback: {breaker.reason}"
            hint = "'daytwo rollback' goes back" if role == "champion" else "It is stopped by the lifecycle"
            yield Problem("breaker", name, reason, f"{hint}; the server's log says more", _moment(breaker.since))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
