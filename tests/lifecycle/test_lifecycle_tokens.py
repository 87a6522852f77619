"""Tokens made and revoked: in the ledger, in the audit log and before the servers, whoever is killed in between."""

from datetime import UTC, datetime, timedelta

import pytest

from daytwo.core.errors import Conflict, Fault
from daytwo.governance.audit import first_break
from daytwo.governance.token_file import read_tokens
from daytwo.governance.tokens import Scope, digest_of
from daytwo.lifecycle import tokens
from daytwo.lifecycle.tokens import create_token, project_tokens, revoke_token

NOW = datetime(2013, 4, 1, tzinfo=UTC)
WHO = {"by": "ana", "now": NOW}


def test_a_token_is_in_ledger_audit_log_and_file_and_its_secret_in_none_of_them(system):
    made, secret = create_token(system, "desk", (Scope.PREDICT,), rate_per_s=2.0, **WHO)
    assert made.digest == digest_of(secret)
    assert system.tokens.all() == read_tokens(system.tokens_path) == (made,)
    (sealed,) = system.audit.read()
    assert (sealed.entry.action, sealed.entry.actor, sealed.entry.subject) == ("token created", "ana", "desk")
    kept = b"".join(path.read_bytes() for path in system.folder.rglob("*") if path.is_file())
    assert secret.encode() not in kept
    assert made.digest.encode() in kept


def test_revoking_is_sealed_once_and_takes_the_token_from_the_servers(system):
    create_token(system, "desk", (Scope.READ,), **WHO)
    for later in range(2):
        revoke_token(system, "desk", by="ben", now=NOW + timedelta(hours=later))
    assert read_tokens(system.tokens_path) == ()
    log = system.audit.read()
    assert [one.entry.action for one in log] == ["token created", "token revoked"]
    assert first_break(log) is None


def test_a_name_cannot_be_taken_over(system):
    create_token(system, "desk", (Scope.READ,), **WHO)
    with pytest.raises(Conflict):
        create_token(system, "desk", (Scope.ADMIN,), by="eve", now=NOW)
    assert read_tokens(system.tokens_path)[0].scopes == (Scope.READ,)


def test_who_is_killed_before_the_servers_hear_of_it_says_it_again(system, monkeypatch):
    create_token(system, "desk", (Scope.READ,), **WHO)

    def die(*_):
        raise Fault("killed")

    with monkeypatch.context() as dying:
        dying.setattr(tokens, "write_tokens", die)
        with pytest.raises(Fault):
            revoke_token(system, "desk", **WHO)
    assert len(read_tokens(system.tokens_path)) == 1
    project_tokens(system, NOW)  # as every start of a server does, and `token list`
    assert read_tokens(system.tokens_path) == ()
