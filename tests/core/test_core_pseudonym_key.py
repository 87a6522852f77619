"""The key of pseudonyms: made once, for its owner only, or somebody else's secret."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from daytwo.core.errors import Fault, SettingsError
from daytwo.core.files import own_secret
from daytwo.core.pseudonym_key import key_reference, present_key, pseudonyms_of
from daytwo.core.settings import DataSettings


def test_without_personal_columns_there_is_neither_key_nor_pseudonym(tmp_path):
    assert pseudonyms_of(tmp_path, DataSettings()) is None
    assert key_reference(tmp_path, DataSettings()) == present_key(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_key_of_the_project_is_made_once_and_only_its_owner_reads_it(tmp_path):
    data = DataSettings(personal=("name",))
    first, again = pseudonyms_of(tmp_path, data), pseudonyms_of(tmp_path, data)
    assert first.of("Ana") == again.of("Ana")
    path = tmp_path / "pseudonym.key"
    assert key_reference(tmp_path, data) == f"file:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(present_key(tmp_path)) == 64


def test_many_at_once_make_one_key(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(lambda _: own_secret(tmp_path / "state" / "key"), range(64)))) == 1


def test_a_key_by_reference_is_used_and_none_is_made(tmp_path, monkeypatch):
    monkeypatch.setenv("PSEUDONYMS", "x" * 40)
    data = DataSettings(personal=("name",), pseudonym_key="env:PSEUDONYMS")
    assert pseudonyms_of(tmp_path, data) is not None
    assert key_reference(tmp_path, data) == "env:PSEUDONYMS"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("key", "words"), [("short", "16 characters"), (None, "is not there")])
def test_a_key_that_is_none_is_refused_and_not_repeated(tmp_path, monkeypatch, key, words):
    monkeypatch.delenv("PSEUDONYMS", raising=False)
    if key is not None:
        monkeypatch.setenv("PSEUDONYMS", key)
    with pytest.raises(SettingsError, match=words) as refused:
        pseudonyms_of(tmp_path, DataSettings(personal=("name",), pseudonym_key="env:PSEUDONYMS"))
    assert "short" not in str(refused.value)


def test_a_key_that_cannot_be_read_is_a_fault(tmp_path):
    (tmp_path / "key").write_bytes(b"\xff\xfe")
    with pytest.raises(Fault, match="cannot read"):
        own_secret(tmp_path / "key")
