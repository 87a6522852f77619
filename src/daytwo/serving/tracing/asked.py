"""Whether traces are asked for, in OpenTelemetry's own words, read from the environment once, at the start.

OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME,
OTEL_TRACES_SAMPLER with its _ARG, OTEL_TRACES_EXPORTER=none, OTEL_SDK_DISABLED. Without an endpoint there are none.

Source: OpenTelemetry specification, environment variables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from daytwo.core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class TracingConfig:
    """Where spans go, and which share of the traces that begin here is recorded."""

    endpoint: str
    headers: Mapping[str, str]
    service: str
    share: float = 1.0


def tracing_config(environment: Mapping[str, str]) -> TracingConfig | None:
    """Return what the environment asks for, None where it asks for no traces.

    Raises
    ------
    SettingsError
        If a variable means nothing.
    """
    endpoint = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
    if not endpoint and (base := environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")):
        endpoint = f"{base.rstrip('/')}/v1/traces"
    off = (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none"
    )
    if not endpoint or off:
        return None
    if urlsplit(endpoint).scheme not in {"http", "https"}:
        raise SettingsError(f"{endpoint!r} is no address of a collector", hint="Write http://HOST:4318")
    pairs = (pair.partition("=") for pair in environment.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(",") if pair)
    return TracingConfig(
        endpoint,
        {name.strip(): unquote(value.strip()) for name, _, value in pairs},
        environment.get("OTEL_SERVICE_NAME", "") or "daytwo",
        _share(environment.get("OTEL_TRACES_SAMPLER", ""), environment.get("OTEL_TRACES_SAMPLER_ARG", "")),
    )


def _share(sampler: str, argument: str) -> float:
    match sampler.removeprefix("parentbased_"):
        case "" | "always_on":
            return 1.0
        case "always_off":
            return 0.0
        case "traceidratio":
            try:
                share = float(argument or "1")
            except ValueError:
                share = -1.0
            if 0 <= share <= 1:
                return share
            raise SettingsError(f"OTEL_TRACES_SAMPLER_ARG={argument!r} is no share", hint="Write a number from 0 to 1")
    raise SettingsError(f"OTEL_TRACES_SAMPLER={sampler!r} is not known", hint="Use parentbased_traceidratio")
