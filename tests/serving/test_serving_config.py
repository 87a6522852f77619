from __future__ import annotations

import hashlib

import pytest

from daytwo.core.errors import SettingsError
from daytwo.serving.config import ServerConfig, read_config, token_digest

DIGEST = hashlib.sha256(b"open sesame").digest()


def test_a_token_is_named_in_four_ways(tmp_path, monkeypatch):
    monkeypatch.setenv("SESAME", "open sesame")
    (tmp_path / "token").write_text("open sesame\n")
    for reference in ("env:SESAME", f"file:{tmp_path / 'token'}", f"sha256:{DIGEST.hex()}", "open sesame"):
        assert token_digest(reference) == DIGEST
    assert token_digest("") is None


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("env:DAYTWO_NOT_SET", "is empty"),
        ("file:/nowhere/token", "cannot read the token"),
        ("sha256:zz", "not in hex"),
    ],
)
def test_a_token_that_leads_nowhere_is_refused(reference, words):
    with pytest.raises(SettingsError, match=words):
        token_digest(reference)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"model": "m"}', "missing required field `bundles`"),
        ("{", "truncated"),
        ('{"model": "m", "bundles": "b", "route": "r", "journal": "j", "port": 70000}', "70000 is no port"),
        ('{"model": "m", "bundles": "b", "route": "r", "journal": "j", "host": "::"}', "a token is needed"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text, words):
    (tmp_path / "server.json").write_text(text)
    with pytest.raises(SettingsError, match=words):
        read_config(tmp_path / "server.json")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot read"):
        read_config(tmp_path / "server.json")


def test_the_largest_body_is_told_in_bytes():
    config = ServerConfig(model="m", bundles="b", route="r", journal="j", max_body_mb=0.5)
    assert config.max_body_bytes == 1 << 19
    assert config.is_loopback
