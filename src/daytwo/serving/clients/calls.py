"""What can be asked of a server, as values: both clients send the same calls and read the same answers. Pure.

Whatever records something bears a request id, so that a call whose answer was lost can be sent again and is answered
from the record.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from daytwo.core.errors import Conflict, DaytwoError, Fault, Mistake, NotFound, Refused

_ENCODER = msgspec.json.Encoder()
_KINDS: Mapping[int, type[DaytwoError]] = {404: NotFound, 409: Conflict, 401: Refused, 403: Refused}
# Refusals that pass: the server is busy or starts anew, or this client has asked too often.
PASSING = frozenset((429, 503))
_OF_MODEL = frozenset(("/predict", "/labels", "/feedback", "/route"))


@dataclass(frozen=True, slots=True)
class Call:
    """One request; nothing more happens where it reaches the server twice."""

    method: str
    path: str
    body: bytes | None = None

    def path_for(self, model: str) -> str:
        """Return the path where a server of several models is asked for the one called `model`; empty is the first.

        Examples
        --------
        >>> Call("POST", "/predict").path_for("late-flights"), Call("GET", "/metrics").path_for("late-flights")
        ('/models/late-flights/predict', '/metrics')
        """
        return f"/models/{quote(model, safe='')}{self.path}" if model and self.path in _OF_MODEL else self.path


READY = Call("GET", "/v2/health/ready")
ROUTE = Call("GET", "/route")
ROTATE = Call("POST", "/admin/rotate")
METRICS = Call("GET", "/metrics")


def predict(
    rows: Sequence[Mapping[str, object]],
    request_id: str | None,
    *,
    explain: bool,
    replay_of: Sequence[str | None] | None,
) -> Call:
    """Ask for answers to rows."""
    body: dict[str, object] = {"rows": rows, "request_id": request_id or uuid.uuid4().hex}
    if explain:
        body["explain"] = True
    if replay_of is not None:
        body["replay_of"] = replay_of
    return Call("POST", "/predict", _ENCODER.encode(body))


def labels(told: Sequence[Mapping[str, object]], request_id: str | None) -> Call:
    """Tell what came true."""
    return Call("POST", "/labels", _ENCODER.encode({"labels": told, "request_id": request_id or uuid.uuid4().hex}))


def feedback(
    prediction_id: str, action: str, reason: str, by: str, outcome: str | float | None, request_id: str | None
) -> Call:
    """Tell what a person did, and what was decided in place of the advice."""
    told: dict[str, object] = {"prediction_id": prediction_id, "action": action, "reason": reason, "by": by}
    if outcome is not None:
        told["outcome"] = outcome
    return Call("POST", "/feedback", _ENCODER.encode({**told, "request_id": request_id or uuid.uuid4().hex}))


def prediction(identity: str, part: str = "") -> Call:
    """Ask for a recent prediction, or a part of what is known of it."""
    return Call("GET", f"/predictions/{quote(identity, safe='')}{part}")


def read_object(answer: bytes) -> dict[str, Any]:
    """Return the JSON object in an answer.

    Raises
    ------
    Fault
        If there is none: something else answered.
    """
    try:
        return msgspec.json.decode(answer, type=dict[str, Any])
    except msgspec.MsgspecError as err:
        raise Fault(f"the answer is none of daytwo's: {err}", hint="Check the host and the port") from err


def refusal(status: int, answer: bytes) -> DaytwoError:
    """Return the server's refusal as the error it was; of its own faults the id under which its log tells more."""
    try:
        told = msgspec.json.decode(answer)
        error = told["error"] if isinstance(told["error"], dict) else told
        message, hint, identity = str(error["message"]), str(error["hint"]), str(error.get("id", ""))
    except (msgspec.MsgspecError, KeyError, TypeError):
        message, hint, identity = f"the server answered {status}", "", ""
    if status >= 500 or status in PASSING:
        return Fault(message, hint=f"{hint} (error {identity} in the server's log)" if status == 500 else hint)
    return _KINDS.get(status, Mistake)(message, hint=hint)


def no_answer(where: str, err: BaseException) -> Fault:
    """Return the error of a connection that could not be made or broke."""
    return Fault(
        f"no answer from {where}: {err or type(err).__name__}", hint="Is the server running? `daytwo status` tells"
    )
