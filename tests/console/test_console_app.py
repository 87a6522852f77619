"""Every route of the console, over a real socket: what it shows, what it refuses, and what it never lets through."""

import http.client
import re
import socket
import sqlite3
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from daytwo.console.app import CONTENT_POLICY, is_loopback
from daytwo.console.serve import listen, serve_console
from daytwo.core.clock import ManualClock
from daytwo.core.errors import Fault
from daytwo.lifecycle.releases import State

PAGES = ["/", "/releases/release-w0019", "/releases/release-w0001", "/alerts/dear", "/alerts/old"]


def ask(listening, path="/", *, method="GET", host=None, body=None):
    """Return status, headers and text of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", listening.port, timeout=20)
    try:
        headers = {} if host is None else {"Host": host}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


class Elements(HTMLParser):
    """Every element with its attributes, and whether each was closed."""

    VOID = frozenset({"meta", "link", "br", "circle", "rect", "path"})

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.wrong = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_sound_html_without_script_style_form_or_foreign_address(project, serving, path):
    status, headers, text = ask(serving(project), path)
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    page = Elements(text)
    assert (page.open, page.wrong) == ([], [])
    assert {tag for tag, _ in page.found} & {"script", "style", "form", "iframe", "object", "base"} == set()
    for _, attributes in page.found:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src"):
            assert attributes.get(name, "/").startswith(("/", "#"))
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [a["aria-labelledby"] for _, a in page.found if "aria-labelledby" in a]
    assert {target for one in targets for target in one.split()} <= set(ids)


def test_the_first_page_says_what_is_live_how_it_does_and_what_waits(project, serving):
    text = ask(serving(project))[2]
    for said in (
        "late-flights v2 has given 2 answers since 20 May (94 days).",
        "It is doing as expected",
        "1 release waits for an approval.",
        "2 alerts are open, about wind_speed; the dearest costs about 1,250 USD a day.",
        "daytwo approve release-w0019 --as NAME",
        "1 row open, 1 repaired and replayed, 1 dropped",
        "Doing nothing, because after 18 windows it would do no better.",
        "the answers brought",
    ):
        assert said in text
    assert text.index('href="/alerts/dear"') < text.index('href="/alerts/cheap"')


def test_the_release_page_holds_what_an_approver_signs(project, serving):
    text = ask(serving(project), "/releases/release-w0019")[2]
    digest = project.releases.get("release-w0019").digest
    for said in (
        "Put v3 in place of v2, because wind_speed costs money.",
        "It learnt from 64,973 rows (the last 90 days) and was gated on 12,836 rows it had not seen.",
        "Variant 25x31 does 10.0 times less work a row than the reference model.",
        "Gates: 2 of 2 passed",
        "would have failed",
        "wind_speed alone is nearly the answer",
        digest,
        "0 of 1, until 2013-09-04 09:30 UTC; daytwo may not approve it",
    ):
        assert said in text


def test_a_release_whose_bundle_is_damaged_says_so_on_its_page(project, serving):
    digest = project.releases.get("release-w0019").digest
    (project.bundles.folder / digest / "model.txt").write_text("another model")
    status, _, text = ask(serving(project), "/releases/release-w0019")
    assert status == 200
    assert "The bundle cannot be read" in text


def test_releases_in_every_state_have_a_page(project, serving):
    listening = serving(project)
    known = project.releases.get("release-w0019")
    for state in State:
        digest = "" if state is State.TRAINING else known.digest
        evidence = "" if state is State.TRAINING else known.evidence
        identity, begun = f"r-{state}", known.opened_at
        project.releases.put(
            replace(known, id=identity, state=state, digest=digest, evidence=evidence, step_since=begun)
        )
        status, _, text = ask(listening, f"/releases/r-{state}")
        assert (status, state.value.replace("_", " ") in text or "waits for approval" in text) == (200, True)
    assert ask(listening)[0] == 200


def test_the_alert_page_says_what_to_do_next_and_shows_the_evidence(project, serving):
    listening = serving(project)
    text = ask(listening, "/alerts/dear")[2]
    for said in ("about 1,250 USD a day", "owner of wind_speed", "must lie between 0 and 61.2", "1,003", "(48 hours)"):
        assert said in text
    assert "See them: <code>daytwo quarantine list --column wind_speed</code>" in text
    assert "Closed on 2013-08-22 09:30 UTC by ana: false." in ask(listening, "/alerts/old")[2]


@pytest.mark.parametrize("path", PAGES)
def test_names_that_are_markup_stay_text(hostile, serving, path):
    status, _, text = ask(serving(hostile), path)
    assert status == 200
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    page = Elements(text)
    assert (page.open, page.wrong) == ([], [])


def test_a_fresh_project_shows_what_is_unknown_and_the_first_step(empty, serving):
    status, _, text = ask(serving(empty))
    assert status == 200
    for said in (
        "nothing is live yet",
        "Unknown until the first window",
        "daytwo release",
        "No release waits for an approval.",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("path", "kind"), [("/static/style.css", "text/css; charset=utf-8"), ("/static/icon.svg", "image/svg+xml")]
)
def test_what_the_pages_look_like_is_served_from_the_package(project, serving, path, kind):
    status, headers, text = ask(serving(project), path)
    assert (status, headers["content-type"]) == (200, kind)
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", text)


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere", "/releases/nothing", "/releases/", "/alerts/nothing", "/static/../app.py", "/static/%2e%2e/app.py",
        "/releases/%3Cscript%3E", "/static/", "/alerts/dear/", "/docs", "/openapi.json",
    ],
)  # fmt: skip
def test_unknown_paths_are_a_page_that_leads_back(project, serving, path):
    status, headers, text = ask(serving(project), path)
    assert status == 404
    assert headers["content-security-policy"] == CONTENT_POLICY
    assert "There is no such page" in text
    assert 'href="/"' in text
    assert "script" not in text


@pytest.mark.parametrize("path", ["/", "/static/style.css", "/nowhere", "/alerts/dear"])
def test_every_answer_carries_the_security_headers(project, serving, path):
    headers = ask(serving(project), path)[1]
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_head_answers_without_a_body_and_everything_that_would_change_something_is_refused(project, serving):
    listening = serving(project)
    status, headers, text = ask(listening, method="HEAD")
    assert (status, text) == (200, "")
    assert int(headers["content-length"]) > 1_000
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        status, headers, _ = ask(listening, method=method, body=b"" if method != "TRACE" else None)
        assert status == 405
        assert "GET" in headers["allow"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil", "0.0.0.0"]
)
def test_a_page_of_another_name_cannot_read_the_console(project, serving, host):
    status, headers, text = ask(serving(project), host=host)
    assert status == 421
    assert "late-flights" not in text
    assert headers["content-security-policy"] == CONTENT_POLICY


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", True), ("LOCALHOST:8081", True), ("[::1]", True), ("[::1]:8081", True), ("", False),
        ("localhost:", True), ("localhost:x", False), ("::1", False), ("localhost:80:80", False),
        ("a@localhost", False), ("0.0.0.0", False), ("localhost:\u0663", False), ("localhost\n", False),
    ],
)  # fmt: skip
def test_only_names_of_this_machine_count(host, known):
    assert is_loopback(host) is known


def test_a_ledger_that_broke_is_a_page_without_a_stack(project, serving, caplog):
    listening = serving(project)
    with sqlite3.connect(project.state / "ledger.db") as ledger:
        ledger.execute("drop table alerts")
    ledger.close()
    status, headers, text = ask(listening)
    assert status == 503
    assert headers["content-security-policy"] == CONTENT_POLICY
    assert "daytwo doctor" in text
    assert "Traceback" not in text
    assert "sqlite" not in text.lower()
    assert "the page could not be made" in caplog.text
    assert ask(listening, "/releases/release-w0019")[0] == 200


def test_an_alert_is_shown_though_the_audit_record_is_damaged(project, serving):
    with sqlite3.connect(project.state / "ledger.db") as ledger:
        ledger.execute("update audit set detail = '{'")
    ledger.close()
    listening = serving(project)
    status, _, text = ask(listening, "/alerts/dear")
    assert (status, "the audit record cannot be read" in text) == (200, True)
    assert "cannot be read" in ask(listening)[2]


def test_a_port_in_use_is_a_fault_with_a_way_out(project):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Fault, match=r"cannot listen on 127\.0\.0\.1.*choose another port"):
            listen(project, ManualClock(project.releases.releases()[0].opened_at), taken.getsockname()[1])


def test_serving_ends_when_whoever_was_told_of_it_stops_it(project):
    told = []

    def ready(listening):
        told.append(listening.url)
        listening.stop()

    serve_console(project, ManualClock(project.releases.releases()[0].opened_at), 0, ready=ready)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", told[0])
