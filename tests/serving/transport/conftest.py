"""Certificates for tests, made by OpenSSL's command."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Files:
    """The files of one certificate, and of what signed it."""

    certificate: Path
    key: Path
    authority: Path


@pytest.fixture
def certify(tmp_path: Path) -> Callable[..., Files]:
    """Make a certificate for localhost that an authority of the test's own has signed."""

    def openssl(*words: object) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=tmp_path)

    def make(name: str = "server", *, days: int = 90) -> Files:
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        files = Files(*(tmp_path / f"{name}{end}" for end in (".pem", ".key", "-ca.pem")))
        openssl("req", "-x509", *new, "-subj", f"/CN={name} authority", "-keyout", "ca.key", "-out", files.authority)
        openssl("req", *new, "-subj", "/CN=localhost", "-keyout", files.key, "-out", "asked.csr")
        (tmp_path / "names").write_text("subjectAltName=DNS:localhost\n")
        signed_by = ("-CA", files.authority, "-CAkey", "ca.key", "-set_serial", "7")
        openssl(
            "x509",
            "-req",
            "-in",
            "asked.csr",
            *signed_by,
            "-days",
            days,
            "-extfile",
            "names",
            "-out",
            files.certificate,
        )
        return files

    return make
