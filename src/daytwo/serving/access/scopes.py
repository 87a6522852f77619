"""Which address needs which scope: one table. What is not in it needs `admin`.

Addresses stand here as `handlers.py` counts them: `/v2` is everything about a model, `/v2/infer` every way to infer,
`other` what is nowhere. docs/http.md tells users the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from daytwo.governance.tokens import Scope

ANY = tuple(Scope)
# Whoever looks after a server, a supervisor or a load balancer, has no token: these tell nothing but that it is well.
OPEN: tuple[Scope, ...] = ()

NEEDED: Mapping[str, tuple[Scope, ...]] = {
    "/predict": (Scope.PREDICT,),
    "/invocations": (Scope.PREDICT,),
    "/v2/infer": (Scope.PREDICT,),
    # A client of the protocol reads what a model takes before it asks it.
    "/v2": (Scope.PREDICT, Scope.READ),
    "/labels": (Scope.LABEL,),
    "/feedback": (Scope.LABEL,),
    "/predictions": (Scope.READ,),
    "/route": (Scope.READ,),
    "/metrics": (Scope.READ,),
    "/admin/rotate": (Scope.ADMIN,),
    "/version": ANY,
    "/openapi.json": ANY,
    "other": ANY,
    "/v2/health/live": OPEN,
    "/v2/health/ready": OPEN,
    "/ping": OPEN,
    "/health": OPEN,
}


def needed(path: str) -> tuple[Scope, ...]:
    """Return the scopes of which one opens `path`; none of them where it is open to all."""
    return NEEDED.get(path, (Scope.ADMIN,))
