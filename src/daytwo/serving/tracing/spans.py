"""Spans as OpenTelemetry's collectors read them (OTLP in JSON), and the header by which a trace goes on. Pure.

Source: W3C Trace Context, level 1; OpenTelemetry protocol 1.x, OTLP/HTTP in JSON; semantic conventions for HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_SERVER, _ERROR = 2, 2
_NONE = re.compile(rb"0+")


class Parent(NamedTuple):
    """Where a trace comes from: the ids of it and of the span that asked, and whether it is recorded there."""

    trace_id: str
    span_id: str
    sampled: bool


class Span(NamedTuple):
    """One request. Times are nanoseconds since 1970; `parent_id` is empty where the trace begins here."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, str | int]
    failed: bool


def parent_of(header: bytes | None) -> Parent | None:
    """Return what a `traceparent` header says, None where there is none that is valid.

    Examples
    --------
    >>> parent_of(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    Parent(trace_id='4bf92f3577b34da6a3ce929d0e0e4736', span_id='00f067aa0ba902b7', sampled=True)
    >>> parent_of(b"00-00000000000000000000000000000000-00f067aa0ba902b7-01") is None
    True
    """
    found = None if header is None else _TRACEPARENT.fullmatch(header.strip())
    if found is None or _NONE.fullmatch(found[1]) or _NONE.fullmatch(found[2]):
        return None
    return Parent(found[1].decode(), found[2].decode(), bool(int(found[3], 16) & 1))


def otlp(spans: Sequence[Span], resource: Mapping[str, str | int], version: str) -> dict[str, object]:
    """Return the body of a request to a collector; `resource` says who sends it, `version` is daytwo's."""
    scope = {"name": "daytwo", "version": version}
    told = {"scope": scope, "spans": [_span(span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [told]}]}


def _span(span: Span) -> dict[str, object]:
    told: dict[str, object] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": _SERVER,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
        "status": {"code": _ERROR} if span.failed else {},
    }
    return told | {"parentSpanId": span.parent_id} if span.parent_id else told


def _attributes(held: Mapping[str, str | int]) -> list[dict[str, object]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in held.items()
    ]
