"""`daytwo predict`, `label`, `feedback`: what a client says to the running server."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
import polars as pl

from daytwo.cli.place import here, running_client
from daytwo.cli.speak import as_json, next_steps, project_option, tell_json, tell_table, whoever
from daytwo.contracts.contract import Contract
from daytwo.contracts.toml import from_toml, read_contract
from daytwo.core.errors import DataError, NotFound
from daytwo.lifecycle.sending import Row, labels_to_send, money_columns, read_json_rows, rows_to_send
from daytwo.lifecycle.system import System
from daytwo.registry.versions import current_route
from daytwo.sources.files import read_rows
from daytwo.sources.kinds import typed_rows

_JSON = {".json", ".jsonl", ".ndjson"}
# Well under what a server takes in one request by default; the number of rows with reasons is bounded more tightly.
_BATCH, _EXPLAINED_BATCH = 500, 50
_SHOWN = 20
_MOST_NOTES = 4


@click.command(epilog="Example: head -1 rows.jsonl | daytwo predict - --explain")
@click.argument("rows", metavar="FILE|-")
@click.option("--explain", is_flag=True, help="With the reasons of each prediction.")
@click.option("--first", type=click.IntRange(1), help="Only the first so many rows.")
@project_option
@as_json
def predict(*, rows: str, explain: bool, first: int | None, folder: Path | None, as_json: bool) -> None:
    """Send the rows of FILE (Parquet, CSV, JSON, JSON Lines), or of stdin as JSON, to the running server.

    Every answer is recorded. A row that breaks the contract is answered by the fallback, with its reasons.
    """
    system = here(folder)
    sent = _rows(system, rows)[:first]
    client = running_client(system)
    answers: list[dict[str, object]] = []
    size = _EXPLAINED_BATCH if explain else _BATCH
    for begin in range(0, len(sent), size):
        answers += client.predict(sent[begin : begin + size], explain=explain)["predictions"]
    client.close()
    kept_aside = sum("quarantine_id" in answer for answer in answers)
    if as_json:
        tell_json({"rows": len(answers), "quarantined": kept_aside, "predictions": answers})
        return
    tell_table(
        f"{len(answers):,} rows answered" + (f", the first {_SHOWN} shown" if len(answers) > _SHOWN else ""),
        ("prediction", "key", "score", "interval", "act", "expected gain", "by", "note"),
        [_line(answer) for answer in answers[:_SHOWN]],
    )
    if kept_aside:
        click.echo(f"{kept_aside:,} rows broke the contract and were answered by the fallback.")
        next_steps("daytwo quarantine list", folder=folder)
    if answers:
        next_steps(f"daytwo explain {answers[0]['prediction_id']}", folder=folder)


@click.command(epilog="Example: daytwo label outcomes.csv")
@click.argument("what", metavar="FILE|KEY")
@click.argument("value", required=False)
@click.option("--prediction", is_flag=True, help="KEY is a prediction's id.")
@project_option
@as_json
def label(*, what: str, value: str | None, prediction: bool, folder: Path | None, as_json: bool) -> None:
    """Tell the running server what came true: a FILE of outcomes, or one KEY and its VALUE.

    A file has prediction_id or key (or the model's key column), label (or the target's column), and may have
    observed_at.
    """
    system = here(folder)
    contract = _live_contract(system)
    if value is not None:
        labels: list[Row] = [{"prediction_id" if prediction else "key": what, "label": _number_or_text(value)}]
    else:
        path = Path(what)
        labels = _json_rows(path) if path.suffix.lower() == ".json" else labels_to_send(_table(path), contract)
    client = running_client(system)
    recorded = sum(client.labels(labels[begin : begin + _BATCH]) for begin in range(0, len(labels), _BATCH))
    client.close()
    if as_json:
        tell_json({"recorded": recorded})
    else:
        click.echo(f"{recorded:,} outcomes are recorded.")


@click.command(epilog="Example: daytwo feedback 019a8c02f1e4b1c2d3e4-000000001 overridden --reason 'knew him' --as ana")
@click.argument("identity", metavar="ID")
@click.argument("action", type=click.Choice(["accepted", "overridden", "ignored"]))
@click.option("--reason", default="", help="Why.")
@click.option("--outcome", default="", help="What was decided in place of the advice.")
@click.option("--as", "person", metavar="NAME", default="", help="Who says so; default: you.")
@project_option
@as_json
def feedback(
    *, identity: str, action: str, reason: str, outcome: str, person: str, folder: Path | None, as_json: bool
) -> None:
    """Say what a person did with the prediction ID."""
    client = running_client(here(folder))
    client.feedback(identity, action, reason=reason, by=person or whoever(), outcome=outcome or None)
    client.close()
    if as_json:
        tell_json({"recorded": 1})
    else:
        click.echo(f"Recorded: {identity} was {action}.")


def _rows(system: System, name: str) -> list[Row]:
    if name == "-":
        return read_json_rows(sys.stdin.buffer.read(), "stdin")
    path = Path(name)
    if path.suffix.lower() in _JSON:
        return _json_rows(path)
    return rows_to_send(_table(path), _live_contract(system), money_columns(system))


def _table(path: Path) -> pl.DataFrame:
    return typed_rows(read_rows(path))


def _json_rows(path: Path) -> list[Row]:
    try:
        return read_json_rows(path.read_bytes(), str(path))
    except FileNotFoundError as err:
        raise NotFound(f"there is no file {path}", hint="Check the path you gave") from err
    except OSError as err:
        raise DataError(f"{path} cannot be read: {err.strerror or err}", hint="Check the file's permissions") from err


def _live_contract(system: System) -> Contract:
    """Return the contract of the version that answers; that of the project where nothing does."""
    route = current_route(system.registry)
    if route is None:
        return read_contract(system.contract_path)
    return from_toml(system.bundles.get(route.champion).read("contract.toml").decode())


def _number_or_text(value: str) -> object:
    try:
        return msgspec.json.decode(value, type=int | float | bool)
    except msgspec.MsgspecError:
        return value


def _line(answer: dict[str, object]) -> tuple[object, ...]:
    score, gain = answer["score"], answer.get("gain")
    return (
        answer["prediction_id"],
        answer["key"],
        f"{score:.4g}" if isinstance(score, float | int) else "",
        _between(answer.get("interval")),
        {True: "yes", False: "no"}.get(answer.get("act"), ""),  # type: ignore[call-overload]
        f"{gain:,.2f}" if isinstance(gain, float | int) else "",
        f"{str(answer['version'])[:8]} {answer['arm']}",
        "; ".join(_notes(answer)),
    )


def _between(interval: object) -> str:
    """Return what the probability, or the value, lies between; empty where that is not known."""
    return f"{interval[0]:.4g} to {interval[1]:.4g}" if isinstance(interval, list | tuple) else ""


def _notes(answer: dict[str, object]) -> list[str]:
    breaches, reasons = answer.get("breaches", []), answer.get("reasons", [])
    warnings = answer.get("warnings", [])
    assert isinstance(warnings, list)
    assert isinstance(breaches, list)
    breaches = [*breaches, *warnings]
    assert isinstance(reasons, list)
    more = [f"and {len(breaches) - _MOST_NOTES} more"] if len(breaches) > _MOST_NOTES else []
    told = [str(one["message"]) for one in breaches[:_MOST_NOTES]] + more
    return told + [str(one["words"]) for one in reasons]


commands = {"predict": predict, "label": label, "feedback": feedback}
