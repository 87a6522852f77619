"""token: made, shown once, taken by a running server and refused by it once it is revoked."""

from __future__ import annotations

import json
import stat
import time
import urllib.error
import urllib.request

from daytwo.server_note import running_server


def _status(project, token, path="/route"):
    note = running_server(project / ".daytwo")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{note.port}{path}", headers=headers), timeout=10
        ) as answer:
            return answer.status
    except urllib.error.HTTPError as err:
        err.close()
        return err.code


def _until(project, token, status, path="/route"):
    end = time.monotonic() + 10
    while (found := _status(project, token, path)) != status and time.monotonic() < end:
        time.sleep(0.01)
    assert found == status


def test_a_running_server_takes_a_new_token_and_refuses_a_revoked_one_and_daytwo_itself_goes_on(served_project, daytwo):
    in_project = {"cwd": served_project}
    assert _status(served_project, "") == 200
    made = daytwo("token", "create", "--name", "eye", "--scope", "read", "--as", "ana", "--json", **in_project).json
    assert made["state"] == "holds"
    _until(served_project, "", 401)
    assert _status(served_project, made["token"]) == 200
    assert daytwo("predict", "-", stdin="{}", **in_project).code == 0  # by its own token
    assert daytwo("token", "revoke", "eye", "--as", "ana", **in_project).code == 0
    _until(served_project, made["token"], 401)
    assert daytwo("predict", "-", stdin="{}", **in_project).code == 0
    (listed,) = daytwo("token", "list", "--json", **in_project).json["tokens"]
    assert (listed["name"], listed["scopes"], listed["made_by"], listed["state"]) == ("eye", ["read"], "ana", "revoked")
    log = daytwo("audit", "--json", **in_project).json["log"]
    assert [(one["entry"]["action"], one["entry"]["actor"]) for one in log][-2:] == [
        ("token created", "ana"),
        ("token revoked", "ana"),
    ]
    secret = made["token"].encode()
    kept = [path for path in (served_project / ".daytwo").rglob("*") if path.is_file() and secret in path.read_bytes()]
    assert kept == []
    for name in ("tokens.json", "own-token"):
        assert stat.S_IMODE((served_project / ".daytwo" / name).stat().st_mode) == 0o600


def test_a_token_is_shown_on_a_line_of_its_own(project, daytwo):
    said = daytwo("token", "create", "--name", "desk", "--scope", "predict", "--rate", "30/min", "-C", project)
    first, second = said.out.splitlines()[:2]
    assert first.startswith("dt_")
    assert len(first) == 46
    assert "nobody can show it again" in second
    listed = daytwo("token", "list", "-C", project).out
    assert "desk" in listed
    assert "0.5" in listed
    assert first not in listed


def test_what_cannot_be_a_token_is_refused_with_a_way_out(project, daytwo):
    def said(*args):
        return daytwo("token", *args, "-C", project)

    assert said("create", "--name", "a", "--scope", "predict").code == 0
    for code, words, args in (
        (1, "there was a token 'a' already", ("create", "--name", "a", "--scope", "read")),
        (2, "cannot be a token's name", ("create", "--name", "A B", "--scope", "read")),
        (2, "is no rate", ("create", "--name", "b", "--scope", "read", "--rate", "fast")),
        (2, "'soon'", ("create", "--name", "b", "--scope", "read", "--expires", "soon")),
        (2, "scope", ("create", "--name", "b")),
        (2, "there is no token 'c'", ("revoke", "c")),
    ):
        answer = said(*args)
        assert (answer.code, words in answer.err) == (code, True), answer


def test_a_server_that_others_reach_needs_a_token(project, daytwo):
    outside = {"DAYTWO_SERVE__HOST": "0.0.0.0", "DAYTWO_SERVE__BEHIND_PROXY": "true"}
    said = daytwo("serve", "-C", project, "--port", "0", **outside)
    assert said.code == 2
    assert "can be reached from outside, and there is no token" in said.err
    assert "daytwo token create" in said.err


def test_a_server_that_others_reach_needs_encryption(project, daytwo):
    said = daytwo("serve", "-C", project, "--port", "0", DAYTWO_SERVE__HOST="0.0.0.0")
    assert said.code == 2
    assert "must be encrypted: set [serve] certificate and private_key, or behind_proxy" in said.err


def test_the_list_of_a_project_without_tokens_says_who_may_ask(project, daytwo):
    assert "whoever is on this machine may ask" in daytwo("token", "list", "-C", project).out
    assert json.loads(daytwo("token", "list", "--json", "-C", project).out) == {"tokens": []}
