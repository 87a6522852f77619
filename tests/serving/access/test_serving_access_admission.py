"""The door with tokens: who gets in, what for, until when, how fast, and what a revoked one hears."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from daytwo.core.errors import SettingsError
from daytwo.governance.token_file import write_tokens
from daytwo.governance.tokens import Scope, Token, digest_of
from daytwo.serving.access.admission import Admission
from daytwo.serving.access.keyring import Keyring, keyring_of
from daytwo.serving.access.scopes import NEEDED, needed
from daytwo.serving.access.shared_rates import SharedRates
from daytwo.serving.config import ServerConfig
from daytwo.serving.handlers import HANDLERS
from daytwo.serving.metrics import Metrics
from daytwo.serving.transport.messages import HttpError, Request

NOW = datetime.now(UTC)
PATHS = {"/predict": "predict", "/labels": "label", "/metrics": "read", "/admin/rotate": "admin"}


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def _token(name="desk", scopes=(Scope.PREDICT,), **changes):
    return Token(name, digest_of(f"secret of {name}"), scopes, NOW, **changes)


def _request(name=None, *, path="/predict", body=b"{}", **headers):
    told = {b"host": b"127.0.0.1:8080", b"content-type": b"application/json"}
    if name is not None:
        told[b"authorization"] = f"Bearer secret of {name}".encode()
    return Request("POST", path, told | headers, body, True)


class Door:
    """An admission with a token file and a clock that a test moves."""

    def __init__(self, folder):
        self.path, self.clock, self.metrics = folder / "tokens.json", Clock(), Metrics()
        self.held = []

    def open(self, **options):
        own = {bytes.fromhex(digest_of("secret of serve")): "serve"}
        self.keyring = Keyring(own, self.path, **{"required": False, "now": self.clock} | options)
        self.admission = Admission(self.keyring, self.metrics, now=self.clock)
        return self

    def keep(self, *tokens):
        """Change the tokens; the door looks a moment later."""
        write_tokens(self.path, lambda: tokens, NOW)
        self.clock.now += 0.05
        return self

    def code(self, name=None, *, path="/predict"):
        """Return the status with which a request is turned away, 200 where it is let in."""
        try:
            self.admission.admit(_request(name, path=path), path)
        except HttpError as err:
            return err.status
        return 200


@pytest.fixture
def door(tmp_path):
    return Door(tmp_path)


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("path", PATHS)
def test_a_scope_opens_its_addresses_and_no_other_and_admin_opens_all(door, scope, path):
    door.keep(_token(scopes=(scope,))).open()
    opens = scope is Scope.ADMIN or PATHS[path] == scope
    assert door.code("desk", path=path) == (200 if opens else 403)


def test_the_missing_scope_is_named(door):
    door.keep(_token(scopes=(Scope.READ,))).open()
    with pytest.raises(HttpError, match=r"'desk' lacks the scope 'predict'.*--scope predict"):
        door.admission.admit(_request("desk"), "/predict")


def test_every_address_stands_in_the_table_and_what_does_not_is_for_admins():
    assert set(HANDLERS) <= set(NEEDED)
    assert needed("/admin/whatever") == (Scope.ADMIN,)


@pytest.mark.parametrize("path", [path for path, scopes in NEEDED.items() if scopes])
def test_without_a_token_nothing_is_told_anywhere(door, path):
    door.keep(_token()).open()
    assert door.code(path=path) == 401


def test_health_is_told_to_all(door):
    door.keep(_token()).open()
    assert [path for path, scopes in NEEDED.items() if not scopes and door.code(path=path) != 200] == []


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic secret of desk",
        b"Bearer secret of des",
        b"Bearer secret of desk2",
        b"\xff\xfe",
    ],
)
def test_what_is_no_token_of_ours_is_turned_away(door, header):
    door.keep(_token()).open()
    with pytest.raises(HttpError, match="missing, wrong or revoked") as refused:
        door.admission.admit(_request(authorization=header)._replace(headers={b"authorization": header}), "/predict")
    assert refused.value.status == 401


def test_a_revoked_token_stops_working_without_a_restart_and_the_other_goes_on(door):
    door.keep(_token(), _token("other")).open()
    assert (door.code("desk"), door.code("other")) == (200, 200)
    door.keep(_token(revoked_at=NOW), _token("other"))
    assert (door.code("desk"), door.code("other")) == (401, 200)


def test_a_new_token_works_without_a_restart(door):
    door.keep(_token()).open()
    assert door.code("new") == 401
    door.keep(_token(), _token("new"))
    assert door.code("new") == 200


def test_an_expired_token_hears_that_it_is(door):
    door.keep(_token(expires_at=NOW + timedelta(days=1))).open()
    assert door.code("desk") == 200
    door.keep(_token(expires_at=NOW + timedelta(seconds=0.001)))
    while time.time() <= (NOW + timedelta(seconds=0.001)).timestamp():
        continue
    with pytest.raises(HttpError, match="'desk' has expired"):
        door.admission.admit(_request("desk"), "/predict")


def test_on_this_machine_without_any_token_all_may_ask(door):
    door.open()
    assert door.code() == 200
    assert door.admission.admit(_request("whoever"), "/predict") is None


def test_the_first_token_closes_the_door_and_nothing_opens_it_again(door):
    door.open()
    door.keep(_token())
    assert door.code() == 401
    door.keep(_token(revoked_at=NOW))
    assert (door.code(), door.code("desk")) == (401, 401)
    door.path.unlink()
    door.clock.now += 0.05
    assert (door.code(), door.code("serve", path="/admin/rotate")) == (401, 200)


def test_a_damaged_file_changes_nothing_and_is_told(door):
    door.keep(_token()).open()
    door.path.write_bytes(b"{")
    door.clock.now += 0.05
    assert (door.code("desk"), door.code()) == (200, 401)
    assert "holds no tokens" in door.keyring.fault
    door.keep(_token())
    assert door.code("desk") == 200
    assert door.keyring.fault is None


def test_a_server_that_finds_a_damaged_file_lets_in_nobody_but_its_own(door):
    door.path.write_bytes(b"{")
    door.open()
    assert (door.code(), door.code("desk"), door.code("serve")) == (401, 401, 200)


def test_too_fast_is_told_when_to_come_again(door):
    door.keep(_token(rate_per_s=2.0)).open()
    assert [door.code("desk") for _ in range(3)] == [200, 200, 429]
    with pytest.raises(HttpError, match="more than 2 rows a second") as refused:
        door.admission.admit(_request("desk"), "/predict")
    assert refused.value.retry_after_s == 1
    door.clock.now += 1.0
    assert door.code("desk") == 200


def test_rows_count_and_are_paid_for_by_the_next_request(door):
    door.keep(_token(rate_per_s=10.0)).open()
    asker = door.admission.admit(_request("desk"), "/predict")
    door.admission.charge(asker, 100)
    with pytest.raises(HttpError) as refused:
        door.admission.admit(_request("desk"), "/predict")
    assert refused.value.retry_after_s == 10
    door.clock.now += 9.2
    assert door.code("desk") == 200


def test_a_change_of_another_token_does_not_fill_the_bucket_again(door):
    door.keep(_token(rate_per_s=0.01)).open()
    assert door.code("desk") == 200
    door.keep(_token(rate_per_s=0.01), _token("other"))
    assert door.code("desk") == 429


def test_several_processes_give_one_rate_together_and_a_new_one_gives_no_more(door, tmp_path):
    first = door.keep(_token(rate_per_s=4.0)).open(rates=SharedRates(tmp_path / "rates")).admission
    second = door.open(rates=SharedRates(tmp_path / "rates")).admission
    codes = []
    for admission in (first, first, second, second, first, second):
        door.admission = admission
        codes.append(door.code("desk"))
    assert codes == [200, 200, 200, 200, 429, 429]
    third = door.open(rates=SharedRates(tmp_path / "rates")).admission
    assert door.code("desk") == 429
    door.clock.now += 0.25
    assert door.code("desk") == 200
    first.charge(first.asker(_request("desk")), 4)
    door.clock.now += 0.75
    assert door.code("desk") == 429
    assert third is door.admission


def test_a_rate_that_is_raised_holds_at_once_in_all_processes(door, tmp_path):
    first = door.keep(_token(rate_per_s=1.0)).open(rates=SharedRates(tmp_path / "rates")).admission
    second = door.open(rates=SharedRates(tmp_path / "rates")).admission
    assert [door.code("desk"), door.code("desk")] == [200, 429]
    door.keep(_token(rate_per_s=3.0))
    codes = []
    for admission in (first, second, first, second):
        door.admission = admission
        codes.append(door.code("desk"))
    assert codes == [200, 200, 200, 429]


def test_who_asked_and_who_was_turned_away_is_counted_by_name(door):
    door.keep(_token()).open()
    for name, path in (("desk", "/predict"), ("desk", "/labels"), (None, "/predict")):
        door.code(name, path=path)
    assert door.metrics.total("daytwo_token_requests_total", ("token", "desk")) == 1
    assert door.metrics.total("daytwo_token_refusals_total", ("token", "desk"), ("reason", "scope")) == 1
    assert door.metrics.total("daytwo_token_refusals_total", ("token", ""), ("reason", "token")) == 1


def test_no_secret_is_logged(door, capsys):
    door.keep(_token()).open()
    for name in ("desk", "stranger"):
        door.code(name, path="/labels")
        door.clock.now += 2
    told = capsys.readouterr().err
    assert '"token":"desk"' in told
    assert "secret" not in told


def test_a_server_that_others_reach_does_not_start_without_a_token(tmp_path):
    config = ServerConfig(
        model="m",
        bundles="b",
        route="r",
        journal="j",
        host="0.0.0.0",
        behind_proxy=True,
        tokens=str(tmp_path / "tokens.json"),
    )
    with pytest.raises(SettingsError, match=r"no token.*daytwo token create"):
        keyring_of(config)
    write_tokens(tmp_path / "tokens.json", lambda: [_token()], NOW)
    assert keyring_of(config).is_required()
