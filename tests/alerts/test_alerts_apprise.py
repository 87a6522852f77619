"""The Apprise channel: a bad URL is refused at once, a real one receives the alert."""

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import msgspec
import pytest

from daytwo.alerts.alerts import take_in
from daytwo.alerts.apprise import AppriseChannel
from daytwo.core.errors import SettingsError
from daytwo.core.finding import Finding, Severity

FINDING = Finding("drift.column", "wind_speed", Severity.CRITICAL, "wind speed moved", money_per_day=1200.0)
ALERT = take_in([FINDING], [], at=datetime(2013, 4, 8, tzinfo=UTC), opened_by="w").opened[0]


@pytest.mark.parametrize("url", ["nonsense", "nosuchservice://x", ""])
def test_a_url_that_nobody_understands_is_refused(url):
    with pytest.raises(SettingsError, match=r"alerts\.default"):
        AppriseChannel(url)


def test_the_alert_arrives_at_a_real_webhook():
    got = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.handle_request, daemon=True)
        thread.start()
        assert AppriseChannel(f"json://127.0.0.1:{server.server_port}/alert").send(ALERT)
        thread.join()
    assert got[0]["title"] == "[daytwo] drift.column: wind_speed"
    assert "1,200 a day" in got[0]["message"]
