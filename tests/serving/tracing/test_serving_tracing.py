"""Traces of a running server, received by a collector of ours and read by OpenTelemetry's own types."""

from __future__ import annotations

import http.server
import json
import queue
import subprocess
import threading
from pathlib import Path

import pytest
from tests.serving.conftest import raw, trip

from daytwo.core.errors import SettingsError
from daytwo.serving.tracing.asked import TracingConfig, tracing_config
from daytwo.serving.tracing.exporter import Exporter
from daytwo.serving.tracing.spans import Span, otlp, parent_of

PYTHON = Path(__file__).parents[3] / ".venv/peers/clients/bin/python"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def collector():
    got: queue.Queue = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.put((self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_): ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", got
    server.shutdown()
    thread.join()
    server.server_close()


def attributes(span):
    return {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}


def test_each_request_of_a_server_is_a_span_and_its_trace_goes_on(serve, collector, monkeypatch):
    url, got = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "late-flights-server")
    client = serve()
    body = json.dumps([trip(1), trip(2)]).encode()
    raw(client, "POST", "/predict", body, traceparent=f"00-{TRACE}-{PARENT}-01")
    raw(client, "POST", "/predict", body, traceparent=f"00-{TRACE}-{PARENT}-00")
    raw(client, "GET", "/nowhere/4711")
    spans = []
    while len(spans) < 2:
        path, headers, told = got.get(timeout=10)
        (resource,) = told["resourceSpans"]
        spans += resource["scopeSpans"][0]["spans"]
    assert path == "/v1/traces"
    assert headers["x-key"] == "a b"
    assert attributes(resource["resource"])["service.name"] == "late-flights-server"
    first, second = spans
    assert (first["traceId"], first["parentSpanId"], first["name"]) == (TRACE, PARENT, "POST /predict")
    assert int(first["endTimeUnixNano"]) >= int(first["startTimeUnixNano"])
    said = attributes(first)
    assert (said["daytwo.rows"], said["daytwo.model"], said["http.response.status_code"]) == ("2", "trips", "200")
    assert client.route()["champion"].startswith(said["daytwo.version"])
    assert (second["name"], "parentSpanId" in second) == ("GET other", False)
    assert len(second["traceId"]) == 32


@pytest.mark.skipif(not PYTHON.exists(), reason="make setup-clients installs OpenTelemetry's types")
def test_opentelemetrys_own_types_read_what_is_sent():
    span = Span(TRACE, PARENT, "b" * 16, "POST /predict", 1, 2, {"http.route": "/predict", "daytwo.rows": 3}, True)
    body = json.dumps(otlp([span], {"service.name": "s"}, "1.0"))
    # In OTLP's JSON ids are in hex, where protobuf's own mapping would have base64.
    code = (
        "import sys\n"
        "from google.protobuf.json_format import Parse\n"
        "from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest\n"
        "read = Parse(sys.stdin.read(), ExportTraceServiceRequest())\n"
        "span = read.resource_spans[0].scope_spans[0].spans[0]\n"
        "assert (span.name, span.kind, span.status.code, span.end_time_unix_nano) == ('POST /predict', 2, 2, 2)\n"
        "assert {a.key: a.value.int_value for a in span.attributes}['daytwo.rows'] == 3\n"
    )
    run = subprocess.run([PYTHON, "-c", code], input=body, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
        b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        b"00-short-00f067aa0ba902b7-01",
    ],
)
def test_what_is_no_traceparent_begins_a_trace(header):
    assert parent_of(header) is None


def test_the_environment_is_read_as_opentelemetry_has_it():
    assert tracing_config({}) is None
    url = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}
    assert tracing_config(url) == TracingConfig("http://collector:4318/v1/traces", {}, "daytwo")
    assert tracing_config(url | {"OTEL_SDK_DISABLED": "true"}) is None
    assert tracing_config(url | {"OTEL_TRACES_EXPORTER": "none"}) is None
    some = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}
    assert tracing_config(url | some).share == 0.25
    assert tracing_config(url | {"OTEL_TRACES_SAMPLER": "always_off"}).share == 0.0
    own = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c/x"}
    assert tracing_config(url | own).endpoint == "https://c/x"


@pytest.mark.parametrize(
    "wrong",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "file:///etc/passwd"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_SAMPLER": "jaeger_remote"},
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c",
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "2",
        },
    ],
)
def test_what_means_nothing_is_refused(wrong):
    with pytest.raises(SettingsError):
        tracing_config(wrong)


def test_a_collector_that_is_not_there_costs_spans_and_nothing_else(capsys):
    exporter = Exporter(TracingConfig("http://127.0.0.1:1/v1/traces", {}, "s"))
    for _ in range(5000):
        exporter.put(Span(TRACE, PARENT, "", "x", 1, 2, {}, False))
    exporter.close()
    assert '"event":"traces"' in capsys.readouterr().err
    assert len(exporter._waiting) <= 4096
