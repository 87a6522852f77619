"""Tokens: what is kept of one, when it holds, and how it reaches the servers."""

import multiprocessing
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.core.errors import Conflict, DataError, Mistake, NotFound
from daytwo.core.ledger import open_ledger
from daytwo.governance.memory import MemoryTokens
from daytwo.governance.sql import SqlTokens
from daytwo.governance.token_file import read_tokens, write_tokens
from daytwo.governance.tokens import Scope, Token, digest_of, new_secret, read_rate

ON_BOTH = True
NOW = datetime(2013, 4, 1, 12, tzinfo=UTC)


def _token(name: str = "desk", **changes: object) -> Token:
    made = Token(name, digest_of(name), (Scope.PREDICT, Scope.LABEL), NOW, "ana")
    return replace(made, **changes)


@pytest.fixture(params=["memory", "sql"])
def tokens(request, ledger):
    return MemoryTokens() if request.param == "memory" else SqlTokens(ledger)


def test_a_token_comes_back_as_it_was_kept(tokens):
    kept = [_token("a"), _token("b", rate_per_s=0.5, expires_at=NOW + timedelta(days=1), made_at=NOW + timedelta(1))]
    for one in reversed(kept):
        tokens.add(one)
    assert list(tokens.all()) == kept


def test_a_name_is_used_once_also_after_its_end(tokens):
    tokens.add(_token())
    tokens.revoke("desk", NOW)
    with pytest.raises(Conflict, match="'desk' already"):
        tokens.add(_token(digest=digest_of("other")))


def test_revoking_again_keeps_the_first_moment(tokens):
    tokens.add(_token())
    tokens.add(_token("other", digest=digest_of("other")))
    first = tokens.revoke("desk", NOW)
    assert first.revoked_at == NOW
    assert tokens.revoke("desk", NOW + timedelta(hours=1)) == first
    assert [token.revoked_at for token in tokens.all()] == [NOW, None]


def test_a_token_that_is_not_there_cannot_be_revoked(tokens):
    with pytest.raises(NotFound, match="no token 'desk'"):
        tokens.revoke("desk", NOW)


def test_a_token_holds_until_it_is_revoked_or_expires():
    until = _token(expires_at=NOW + timedelta(days=1))
    assert until.holds(NOW)
    assert not until.holds(NOW + timedelta(days=1))
    assert not _token(revoked_at=NOW).holds(NOW)


@pytest.mark.parametrize("name", ["", "Ana", "a b", "-a", "a" * 64, "a\n", "serve", "daytwo", "ü"])
def test_a_name_that_would_not_be_clear_in_a_log_is_refused(name):
    with pytest.raises(Mistake, match="cannot be a token's name"):
        _token(name)


def test_a_token_without_a_scope_is_refused():
    with pytest.raises(Mistake, match="may do nothing"):
        _token(scopes=())


def test_secrets_are_long_and_none_comes_twice():
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert {len(secret) for secret in made} == {3 + 43}  # 256 bits in base 64


@pytest.mark.parametrize(("text", "rate"), [("200/s", 200.0), ("30/min", 0.5), ("1.5/s", 1.5), ("3600/h", 1.0)])
def test_rates_are_read(text, rate):
    assert read_rate(text) == rate


@pytest.mark.parametrize("text", ["", "200", "0/s", "-1/s", "1/week", "1e3/s", "nan/s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(Mistake, match="no rate"):
        read_rate(text)


def test_the_file_holds_the_tokens_that_hold_and_no_secret(tmp_path):
    path, secret = tmp_path / "tokens.json", new_secret()
    every = [
        _token("a", digest=digest_of(secret)),
        _token("b", revoked_at=NOW),
        _token("c", expires_at=NOW - timedelta(seconds=1)),
    ]
    write_tokens(path, lambda: every, NOW)
    assert read_tokens(path) == (every[0],)
    assert secret.encode() not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_any_token_there_is_no_file_and_with_the_last_one_revoked_an_empty_list(tmp_path):
    path = tmp_path / "tokens.json"
    write_tokens(path, tuple, NOW)
    assert read_tokens(path) is None
    write_tokens(path, lambda: [_token(revoked_at=NOW)], NOW)
    assert read_tokens(path) == ()


@given(st.binary(max_size=200).filter(lambda content: content.strip() != b"[]"))
def test_a_damaged_file_is_told_and_never_taken_for_tokens(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("tokens") / "tokens.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="holds no tokens"):
        read_tokens(path)


def _make_and_write(place: tuple[str, Path, str], folder: Path, who: str) -> None:
    engine = open_ledger(*place)
    tokens = SqlTokens(engine)
    for i in range(10):
        tokens.add(_token(f"{who}{i}"))
        write_tokens(folder / "tokens.json", tokens.all, NOW)
    engine.dispose()


def test_of_changes_at_once_none_is_lost_to_the_servers(ledger, ledger_place, tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_make_and_write, args=(ledger_place, tmp_path, who)) for who in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert read_tokens(tmp_path / "tokens.json") == SqlTokens(ledger).all()
