"""Approvals: a named person says yes or no to one bundle, by its digest, for a limited time.

Four eyes: who made a version cannot approve it, and one person counts once. An approval is bound to the bundle's
digest and to the digest of the evidence shown, so that any change of either voids it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from daytwo.core.errors import Refused


@dataclass(frozen=True, slots=True)
class Request:
    """What waits for a yes: one candidate with the digest of the evidence it was gated on."""

    flow: str
    digest: str
    evidence: str
    author: str
    needed: int
    asked_at: datetime
    expires_at: datetime
    summary: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One person's yes or no to a request."""

    flow: str
    digest: str
    evidence: str
    person: str
    approved: bool
    reason: str
    at: datetime


class Approvals(Protocol):
    """Where requests and decisions are kept."""

    def ask(self, request: Request) -> None:
        """Keep the request; the same flow asks once."""
        ...

    def request(self, flow: str) -> Request | None:
        """Return what the flow asked, if it did."""
        ...

    def requests(self) -> tuple[Request, ...]:
        """Every request there was, the oldest first."""
        ...

    def decide(self, decision: Decision) -> None:
        """Keep one decision; a person's later word on the same request replaces the earlier one."""
        ...

    def decisions(self, flow: str) -> tuple[Decision, ...]:
        """Every decision on this flow's request, the oldest first."""
        ...

    def standings(self, at: datetime) -> Mapping[str, bool | None]:
        """Where every request stands at a moment, by flow, as `standing` says; one look, however many there are."""
        ...


def must_be_allowed(request: Request, person: str, at: datetime) -> None:
    """Raise Refused where `person` may not decide on this request now."""
    if not person.strip():
        raise Refused("a decision needs a name", hint="Say who decides with --as NAME")
    if person == request.author:
        raise Refused(
            f"{person} made {request.digest[:12]} and cannot approve it",
            hint="Four eyes: ask a colleague to decide with --as THEIR-NAME",
        )
    if at >= request.expires_at:
        raise Refused(
            f"the request for {request.digest[:12]} expired at {request.expires_at:%Y-%m-%d %H:%M} UTC",
            hint="Start a new release; its evidence will be fresh",
        )


def standing(request: Request, decisions: Iterable[Decision], at: datetime) -> bool | None:
    """Return True when enough people said yes in time, False when one said no or time ran out, None while it waits.

    Only decisions bound to the request's own digests count.
    """
    bound = [
        decision
        for decision in decisions
        if (decision.digest, decision.evidence) == (request.digest, request.evidence)
        and decision.person != request.author
        and decision.at < request.expires_at
    ]
    if any(not decision.approved for decision in bound):
        return False
    if len({decision.person for decision in bound}) >= request.needed:
        return True
    return False if at >= request.expires_at else None
