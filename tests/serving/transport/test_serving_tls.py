"""TLS: a real server with a certificate, who may speak to it, and what becomes of certificates that cannot be used."""

import asyncio
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest
from tests.serving.conftest import trip

from daytwo.core.errors import SettingsError
from daytwo.serving.client import AsyncClient, Client
from daytwo.serving.transport.tls import Certificate, pinned


@pytest.fixture
def secure(place, certify):
    """Start a server that shows a certificate; returns its port and the files."""

    def start(**more):
        files = certify()
        _, port = place.start(certificate=str(files.certificate), private_key=str(files.key), **more)
        return port, files

    return start


def trusting(authority):
    return ssl.create_default_context(cafile=authority)


def until(holds):
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came to hold")


@pytest.mark.parametrize("workers", [1, 2])
def test_clients_that_trust_the_authority_are_answered_with_keep_alive_and_large_bodies(secure, workers):
    port, files = secure(workers=workers)
    with Client("localhost", port, tls=trusting(files.authority)) as client:
        for count in (1, 2_000, 3):
            rows = [trip(number) for number in range(count)]
            assert len(client.predict(rows)["predictions"]) == count

    async def ask():
        async with AsyncClient("localhost", port, tls=trusting(files.authority)) as client:
            told = await asyncio.gather(*(client.predict([trip(number)]) for number in range(20)))
            return {one["predictions"][0]["arm"] for one in told}

    assert asyncio.run(ask()) == {"champion"}


def test_a_client_that_knows_the_certificate_itself_needs_no_name_and_no_authority(secure):
    port, files = secure()
    with Client("127.0.0.1", port, tls=pinned(files.certificate)) as client:
        assert client.ready()


def test_whoever_does_not_trust_it_or_speaks_plainly_gets_nothing_and_others_go_on(secure, certify):
    port, files = secure()
    other = certify("other")
    for context in (trusting(other.authority), pinned(other.certificate)):
        with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection(("localhost", port)) as plain:
            context.wrap_socket(plain, server_hostname="localhost")
    with socket.create_connection(("localhost", port), timeout=30) as plain:
        plain.sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert not plain.recv(4096).startswith(b"HTTP")
    with Client("localhost", port, tls=trusting(files.authority)) as client:
        assert client.predict([trip(1)])["predictions"][0]["arm"] == "champion"


def test_old_versions_of_tls_are_refused(secure):
    port, files = secure()
    context = trusting(files.authority)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)), socket.create_connection(("localhost", port)) as plain:
        context.wrap_socket(plain, server_hostname="localhost")


def test_a_handshake_that_does_not_end_is_cut_off_and_holds_up_nobody(secure):
    port, files = secure(head_timeout_s=0.2, max_connections=3)
    silent = [socket.create_connection(("localhost", port), timeout=30) for _ in range(6)]
    assert [one.recv(1) for one in silent] == [b""] * 6
    with Client("localhost", port, tls=trusting(files.authority)) as client:
        assert client.route()["champion"]
    for one in silent:
        one.close()


def test_curl_speaks_to_it(secure):
    port, files = secure()
    words = ["curl", "-sS", "--cacert", str(files.authority), f"https://localhost:{port}/predict"]
    told = subprocess.run(
        [*words, "-H", "Content-Type: application/json", "-d", json.dumps([trip(1)])], capture_output=True, check=True
    )
    assert json.loads(told.stdout)["predictions"][0]["arm"] == "champion"


def test_a_new_certificate_is_shown_without_a_restart_and_a_broken_one_is_told(secure, certify):
    port, files = secure()
    with Client("localhost", port, tls=trusting(files.authority)) as stays:
        assert stays.ready()
        newer = certify("newer")
        newer.key.replace(files.key)
        newer.certificate.replace(files.certificate)

        until(lambda: ssl.get_server_certificate(("localhost", port)).strip() == files.certificate.read_text().strip())
        assert stays.ready()  # over its old connection
        files.certificate.write_text("no certificate")
        until(lambda: problems(port, newer.authority))
        (problem,) = problems(port, newer.authority)
        assert problem["code"] == "certificate"
        assert "the one before goes on" in problem["reason"]
        with Client("localhost", port, tls=trusting(newer.authority)) as client:
            assert client.ready()


def problems(port, authority):
    with urllib.request.urlopen(f"https://localhost:{port}/v2/health/ready", context=trusting(authority)) as answer:
        return json.load(answer)["problems"]


def test_a_certificate_that_ends_soon_is_told(place, certify):
    files = certify(days=3)
    _, port = place.start(certificate=str(files.certificate), private_key=str(files.key))
    (problem,) = problems(port, files.authority)
    with Client("localhost", port, tls=trusting(files.authority)) as client:
        assert problem["reason"].startswith("the certificate ends at ")
        until(lambda: "daytwo_certificate_expires_time_seconds" in client.metrics())


def test_certificates_that_cannot_be_used_are_named(certify, tmp_path):
    files, other = certify(), certify("other")
    assert Certificate(str(files.certificate), str(files.key)).expires > time.time() + 80 * 86_400
    both = tmp_path / "both.pem"
    both.write_text(files.certificate.read_text() + files.key.read_text())
    assert Certificate(str(both)).fault is None
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "ec", "-in", files.key, "-aes256", "-passout", "pass:x", "-out", locked],
        check=True,
        capture_output=True,
    )
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    for chain, key, words in (
        (files.certificate, other.key, "do not fit"),
        (broken, files.key, "no PEM"),
        (files.certificate, locked, "passphrase"),
        (tmp_path / "absent.pem", files.key, "No such file"),
        (files.certificate, "", "do not fit or are no PEM"),
    ):
        with pytest.raises(SettingsError, match=words) as told:
            Certificate(str(chain), str(key))
        assert told.value.hint


def test_an_expired_certificate_is_refused(certify):
    files = certify(days=0)
    until(lambda: expired(files))


def expired(files):
    try:
        Certificate(str(files.certificate), str(files.key))
    except SettingsError as err:
        return "not valid" in str(err)
    return False


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_with_a_wrong_certificate_does_not_start_and_says_why(place, certify, workers):
    files, other = certify(), certify("other")
    with pytest.raises(AssertionError, match="do not fit"):
        place.start(certificate=str(files.certificate), private_key=str(other.key), workers=workers)
    assert place.processes[-1].wait(30) == 2
