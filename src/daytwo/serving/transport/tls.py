"""TLS: the certificate that clients see, read anew when its files change, and how our own clients know it again.

The private key never leaves its file but for OpenSSL. A new certificate that cannot be used changes nothing, and health
says so; the connections that are open go on with what they began with. `accepting.py` opens connections with it.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from daytwo.core.errors import SettingsError
from daytwo.serving.log import log

# A handshake takes two flights each way; more means that it does not come to an end.
_FLIGHTS = 8


class Certificate:
    """The certificate of one server: PEM files of the chain and of the key, `private_key` empty if both are in one.

    `expires` is in seconds since 1970, `fault` says why the newest files are not used, None while they are.

    Raises
    ------
    SettingsError
        If a file cannot be read, the two do not belong together, or the certificate is not valid now.
    """

    def __init__(self, certificate: str, private_key: str = "") -> None:
        self._chain, self._key = Path(certificate), Path(private_key or certificate)
        self._written = self._stamp()
        self.context, self.expires = self._read()
        self.fault: str | None = None

    def tend(self) -> None:
        """Read the files again where they have changed."""
        written = self._stamp()
        if written == self._written:
            return
        self._written = written
        try:
            _, self.expires = self._read()
            self.context.load_cert_chain(self._chain, self._key, password=_no_passphrase)
        except (SettingsError, OSError) as err:
            self.fault = str(err)
            log("certificate", reason=self.fault)
        else:
            self.fault = None
            log("certificate", expires=self.expires)

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        """Return what changes with the files; empty where one is missing, as it may be for a moment."""
        try:
            return tuple((one.st_mtime_ns, one.st_ino) for one in (self._chain.stat(), self._key.stat()))
        except OSError:
            return ()

    def _read(self) -> tuple[ssl.SSLContext, float]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._chain, self._key, password=_no_passphrase)
            return context, _expiry(context, pinned(self._chain))
        except ssl.SSLCertVerificationError as err:
            raise self._unusable(f"is not valid: {err.verify_message}", "Give one that is valid now") from err
        except _PassphraseAskedError as err:
            raise self._unusable("has a key with a passphrase", "Give the key without one, readable only here") from err
        except ssl.SSLError as err:
            words = f"and the key {self._key} do not fit or are no PEM: {err.reason or err}"
            raise self._unusable(words, "Give both in PEM, the key that belongs to the first certificate") from err
        except OSError as err:
            words = f"cannot be used with the key {self._key}: {err.strerror or err}"
            raise self._unusable(words, "Check [serve] certificate and private_key") from err

    def _unusable(self, words: str, hint: str) -> SettingsError:
        return SettingsError(f"the certificate {self._chain} {words}", hint=hint)


def pinned(certificate: Path) -> ssl.SSLContext:
    """Return how a client knows a server by its certificate itself, under whatever name it is asked.

    Raises
    ------
    OSError
        If the file cannot be read or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # this very certificate is asked for, which says more than a name
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context


class _PassphraseAskedError(Exception):
    """OpenSSL asks for a passphrase, and there is nobody to type one."""


def _no_passphrase() -> str:
    raise _PassphraseAskedError


def _expiry(context: ssl.SSLContext, client_context: ssl.SSLContext) -> float:
    """Return when the certificate ends, as a client sees it: by a handshake in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server)
    for _ in range(_FLIGHTS):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            try:
                server.do_handshake()
            except ssl.SSLWantReadError:
                continue
        else:
            break
    told = client.getpeercert()
    assert told is not None
    return ssl.cert_time_to_seconds(str(told["notAfter"]))
