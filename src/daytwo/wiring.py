"""Settings in, system out: where ports meet their adapters.

`flows.py` next door opens the durable flows, which cost more to load than everything here.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from daytwo.alerts.alerts import Channel
from daytwo.alerts.apprise import AppriseChannel
from daytwo.alerts.sql import SqlAlertBook
from daytwo.contracts.personal import check_personal
from daytwo.contracts.toml import from_toml, read_contract
from daytwo.core.clock import Clock, ManualClock, SystemClock
from daytwo.core.errors import SettingsError
from daytwo.core.files import own_secret, write_whole
from daytwo.core.ledger import create_tables, open_ledger, open_sqlite
from daytwo.core.ledger_postgres import read_url
from daytwo.core.pseudonym_key import key_reference, pseudonyms_of
from daytwo.core.settings import ProjectSettings, ReasonsSettings, ServeSettings, Settings
from daytwo.core.settings_file import LoadedSettings, load_settings, secret
from daytwo.governance.sql import SqlApprovals, SqlAuditLog, SqlTokens
from daytwo.governance.tokens import holding
from daytwo.lifecycle.records_sql import SqlReleaseBook, SqlWindowBook
from daytwo.lifecycle.system import System
from daytwo.lifecycle.tokens import project_tokens
from daytwo.lifecycle.windows import STANDS_AT
from daytwo.registry.bundle import BundleStore
from daytwo.registry.sql import SqlRegistry
from daytwo.registry.trust import Trust
from daytwo.registry.versions import current_route
from daytwo.scoring.model import CONTRACT_FILE
from daytwo.scoring.spoken import check_reasons
from daytwo.server_note import OWN_TOKEN, client_of
from daytwo.serving.answering.fallback import check_fallback, is_rule
from daytwo.serving.config import ModelConfig, ServerConfig
from daytwo.tables.delta import DeltaTables
from daytwo.value.sql import SqlCostBook

STATE = ".daytwo"
LEDGER_FILE = "ledger.db"


def open_system(folder: Path, environment: Mapping[str, str] | None = None) -> System:
    """Read the project in `folder` and open everything it keeps.

    Raises
    ------
    SettingsError
        If `daytwo.toml` is broken.
    Fault
        If the state folder cannot be written.
    """
    loaded = load_settings(folder, os.environ if environment is None else environment)
    return build_system(loaded)


def build_system(loaded: LoadedSettings, state: Path | None = None) -> System:
    """Open what a project with these settings keeps; all of it in another place than its own, where one is named."""
    settings, folder = loaded.settings, loaded.folder
    place, url = (folder / STATE, ledger_url(settings.project)) if state is None else (state, "")
    state = folder / settings.project.state if state is None and settings.project.state else place
    engine = open_ledger(url, state / LEDGER_FILE, settings.model.name)
    create_tables(engine)
    alert_url = secret(settings.alerts.default)
    return System(
        folder=folder,
        state=state,
        settings=settings,
        tables=DeltaTables(state / "tables"),
        bundles=BundleStore(state / "bundles", trust_of(settings.serve)),
        registry=SqlRegistry(engine, settings.model.name),
        audit=SqlAuditLog(engine),
        approvals=SqlApprovals(engine),
        alerts=SqlAlertBook(engine),
        channel=AppriseChannel(alert_url) if alert_url else None,
        releases=SqlReleaseBook(engine),
        windows=SqlWindowBook(engine),
        costs=SqlCostBook(engine),
        tokens=SqlTokens(engine),
        seal_journal=_sealer(place, settings),
        pseudonyms=pseudonyms_of(place, settings.data),
        place=place,
        close=engine.dispose,
    )


def ledger_url(project: ProjectSettings) -> str:
    """Return the URL of the Postgres database that records are kept in; empty where they are in a file.

    Raises
    ------
    SettingsError
        If the settings hold a password, or name a secret that is not there.
    """
    if project.ledger.startswith(("env:", "file:")):
        return secret(project.ledger)
    if project.ledger and read_url(project.ledger).password is not None:
        raise SettingsError(
            "project.ledger holds a password", hint="Write env:NAME, and keep the whole URL in that variable"
        )
    return project.ledger


def copy_of(system: System, place: Path, channel: Channel) -> System:
    """Return a copy of the project whose tables, windows and alerts are empty and its own, in the folder `place`.

    Versions and bundles stay the project's and are to be read only; alerts go to `channel`.
    """
    engine = open_sqlite(place / LEDGER_FILE)
    create_tables(engine)
    return replace(
        system,
        state=place,
        place=None,
        tables=DeltaTables(place / "tables"),
        audit=SqlAuditLog(engine),
        alerts=SqlAlertBook(engine),
        channel=channel,
        windows=SqlWindowBook(engine),
        seal_journal=lambda: None,
    )


def clock_of(system: System) -> Clock:
    """Return the project's clock: the machine's, but a replay of the past stands still where it ended."""
    stands_at = system.windows.fact(STANDS_AT)
    return SystemClock() if stands_at is None else ManualClock(datetime.fromisoformat(str(stands_at)))


def server_config(
    system: System, *, port: int | None = None, workers: int | None = None, others: Sequence[System] = ()
) -> Path:
    """Write what a server process of this project must know, and return the file; raises as `served_by` does."""
    path = system.own / "serve.json"
    config = served_by(system, port=port, workers=workers, others=others)
    write_whole(path, msgspec.json.format(msgspec.json.encode(config)))
    return path


def served_by(
    system: System, *, port: int | None = None, workers: int | None = None, others: Sequence[System] = ()
) -> ServerConfig:
    """Return what a server process of this project must know.

    It serves the models of the `others` beside its own; how it serves is said by this project's settings.

    Raises
    ------
    SettingsError
        If what [serve] says cannot be, or its fallback means nothing for the rows of the live version.
    """
    serve = system.settings.serve
    project_tokens(system, SystemClock().now())
    try:
        config = ServerConfig(
            **_model_config(system),
            others=tuple(ModelConfig(**_model_config(one)) for one in others),
            host=serve.host,
            port=serve.port if port is None else port,
            workers=serve.workers if workers is None else workers,
            max_queue=serve.max_queue,
            max_wait_ms=serve.max_wait_ms,
            max_body_mb=serve.max_body_mb,
            max_rows=serve.max_rows,
            token=serve.token,
            tokens=str(system.tokens_path),
            **_tls(system),
            unrecorded=serve.unrecorded,
        )
    except ValueError as err:
        raise SettingsError(f"daytwo.toml, [serve]: {err}", hint="Mend [serve] and start again") from err
    if not config.is_loopback and not serve.token and not holding(system.tokens.all(), SystemClock().now()):
        raise SettingsError(
            f"[serve] host = {serve.host!r} can be reached from outside, and there is no token",
            hint="Make one: 'daytwo token create --name NAME --scope predict'",
        )
    return config


def _tls(system: System) -> dict[str, Any]:
    """Return the keys that say how connections are encrypted; files are seen from the project's folder."""
    serve, folder = system.settings.serve, system.folder.resolve()
    return {
        "certificate": certificate_of(system),
        "private_key": str(folder / serve.private_key) if serve.private_key else "",
        "behind_proxy": serve.behind_proxy,
    }


def certificate_of(system: System) -> str:
    """Return the file of the certificate that the project's server shows; empty where it speaks no TLS."""
    named = system.settings.serve.certificate
    return str(system.folder.resolve() / named) if named else ""


def _model_config(system: System) -> dict[str, Any]:
    """Return the keys of a `ModelConfig`: what a server must know of this project's model."""
    serve, data, route = system.settings.serve, system.settings.data, current_route(system.registry)
    if route is not None and (is_rule(serve.fallback) or data.personal):
        contract = from_toml(system.bundles.get(route.champion).read(CONTRACT_FILE).decode())
        check_personal(contract, data.personal)
        if is_rule(serve.fallback):
            check_fallback(serve.fallback, contract)
    if system.settings.reasons != ReasonsSettings():
        check_reasons(system.settings.reasons, read_contract(system.contract_path))
    return {
        "model": system.settings.model.name,
        "bundles": str(system.bundles.folder),
        "route": str(system.route_path),
        "journal": str(system.journal),
        "own_token": _own_token(system.own),
        "personal": data.personal,
        "pseudonym_key": key_reference(system.own, data),
        "fallback": serve.fallback,
        "salt": _salt(system.state),
        "trust": serve.trust,
        "python": serve.python,
        "python_deadline_s": serve.python_deadline_s,
        "engine": serve.engine,
        "reasons": system.settings.reasons,
    }


def trust_of(serve: ServeSettings) -> Trust:
    """Return which code of models may run, and how."""
    return Trust(frozenset(serve.trust), serve.python, serve.python_deadline_s, serve.engine)


def _sealer(state: Path, settings: Settings) -> Callable[[], None]:
    def seal() -> None:
        client = client_of(state, settings, patience_s=1.0)
        if client is None or not client.ready():
            return
        try:
            client.rotate()
        finally:
            client.close()

    return seal


def _own_token(state: Path) -> str:
    own_secret(state / OWN_TOKEN)
    return f"file:{state / OWN_TOKEN}"


def _salt(state: Path) -> str:
    """Return the key by which subjects are split; made once, so that a person keeps meeting one version."""
    path = state / "salt"
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        salt = secrets.token_hex(16)
        write_whole(path, salt.encode())
        return salt
