"""`daytwo token`: who may ask the server, what for, for how long, and how fast."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from daytwo.cli.place import here
from daytwo.cli.speak import as_json, next_steps, now, project_option, tell_json, tell_table, whoever
from daytwo.core.durations import duration
from daytwo.governance.tokens import Scope, Token, read_rate
from daytwo.lifecycle.tokens import create_token, project_tokens, revoke_token


@click.group()
def token() -> None:
    """Make, list and revoke the tokens that clients of the server need."""


@token.command("create", epilog="Example: daytwo token create --name desk --scope predict --scope label --rate 200/s")
@click.option("--name", required=True, help="Who uses it; stands in logs, metrics and feedback.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([str(scope) for scope in Scope]),
    help="What it is for; may be given again. admin means everything.",
)
@click.option("--expires", metavar="TIME", default="", help="How long it holds, such as 90d; default: until revoked.")
@click.option("--rate", metavar="RATE", default="", help="The most rows, such as 200/s or 1000/h; default: no limit.")
@click.option("--as", "person", metavar="NAME", default="", help="Who makes it; default: you.")
@project_option
@as_json
def create(
    *, name: str, scopes: tuple[str, ...], expires: str, rate: str, person: str, folder: Path | None, as_json: bool
) -> None:
    """Make a token and show it, once: only its digest is kept. Running servers take it within a moment."""
    system = here(folder)
    made_at = now()
    made, secret = create_token(
        system,
        name,
        tuple(dict.fromkeys(map(Scope, scopes))),
        by=person or whoever(),
        now=made_at,
        rate_per_s=read_rate(rate) if rate else None,
        expires_at=made_at + duration(expires) if expires else None,
    )
    if as_json:
        tell_json(_told(made, made_at) | {"token": secret})
        return
    click.echo(secret)
    click.echo(f"This is the token {name!r}, and nobody can show it again. Send it as: Authorization: Bearer TOKEN")
    next_steps("daytwo token list", f"daytwo token revoke {name}", folder=folder)


@token.command("list", epilog="Example: daytwo token list --json")
@project_option
@as_json
def list_(*, folder: Path | None, as_json: bool) -> None:
    """List every token there ever was, and write anew what the servers read."""
    system, at = here(folder), now()
    project_tokens(system, at)
    every = system.tokens.all()
    if as_json:
        tell_json({"tokens": [_told(one, at) for one in every]})
        return
    tell_table(
        f"{len(every)} tokens",
        ("name", "scopes", "rows a second", "made", "by", "expires", "state"),
        [
            (
                one.name,
                ", ".join(one.scopes),
                "" if one.rate_per_s is None else f"{one.rate_per_s:g}",
                _day(one.made_at),
                one.made_by,
                _day(one.expires_at),
                _state(one, at),
            )
            for one in every
        ],
    )
    if not every:
        click.echo("There are no tokens: whoever is on this machine may ask the server.")
        next_steps("daytwo token create --name NAME --scope predict", folder=folder)


@token.command("revoke", epilog="Example: daytwo token revoke desk")
@click.argument("name")
@click.option("--as", "person", metavar="NAME", default="", help="Who revokes it; default: you.")
@project_option
@as_json
def revoke(*, name: str, person: str, folder: Path | None, as_json: bool) -> None:
    """End the token NAME. Running servers refuse it within a moment."""
    at = now()
    ended = revoke_token(here(folder), name, by=person or whoever(), now=at)
    if as_json:
        tell_json(_told(ended, at))
    else:
        click.echo(f"The token {name!r} is revoked.")


def _told(one: Token, at: datetime) -> dict[str, object]:
    return {
        "name": one.name,
        "scopes": one.scopes,
        "rate_per_s": one.rate_per_s,
        "made_at": one.made_at,
        "made_by": one.made_by,
        "expires_at": one.expires_at,
        "revoked_at": one.revoked_at,
        "state": _state(one, at),
    }


def _state(one: Token, at: datetime) -> str:
    if one.revoked_at is not None:
        return "revoked"
    return "holds" if one.holds(at) else "expired"


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


commands = {"token": token}
