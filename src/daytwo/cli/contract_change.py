"""`daytwo contract diff` and `lint`: what changed between two contracts and whom it concerns; what one still lacks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from daytwo.cli.speak import as_json, next_steps, tell_json, tell_table
from daytwo.contracts.contract import Contract
from daytwo.contracts.diff import Difference, diff
from daytwo.contracts.lint import Remark, lint
from daytwo.contracts.table.lines import ROW
from daytwo.contracts.toml import from_toml, read_contract
from daytwo.contracts.validation import check
from daytwo.core.errors import DaytwoError
from daytwo.core.expression import parse
from daytwo.core.settings import Settings
from daytwo.core.settings_file import find_project, load_settings
from daytwo.sources.files import read_rows

_FILE = click.Path(path_type=Path)
_EXAMPLES = 5
_PATIENCE_S = 10
# What explains a promise and promises nothing itself: told in one line.
_NOTES = ("evidence of ", "false alarm rate of ")
_PAYOFFS = ("true_positive", "false_positive", "false_negative", "true_negative", "error_cost")


@click.command("diff", epilog="Example: daytwo contract diff old.toml new.toml --rows may.parquet")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option("--rows", default="", metavar="FILE", help="Say how many of these rows get another verdict.")
@click.option("--exit-code", is_flag=True, help="Leave with 1 where rows or the model may be refused that were not.")
@as_json
def diff_contracts(*, old: Path, new: Path, rows: str, exit_code: bool, as_json: bool) -> None:
    """Say what changed between two contracts, whether fewer or more rows pass, and whom it concerns."""
    found = diff(read_contract(old), read_contract(new), payoff=_paid_by(Path.cwd()))
    verdicts = _verdicts(found, rows) if rows else None
    if as_json:
        tell_json(_json(found, verdicts))
    else:
        _tell(found, verdicts)
    sys.exit(1 if exit_code and found.may_refuse else 0)


def _paid_by(folder: Path) -> set[str]:
    """Return the columns from which the project here works money out; none where there is no project."""
    try:
        settings: Settings = load_settings(find_project(folder), {}).settings
    except DaytwoError:
        return set()
    texts = [getattr(settings.value, name, None) for name in _PAYOFFS]
    return {column for text in texts if isinstance(text, str) and text for column in parse(text).columns}


def _verdicts(found: Difference, source: str) -> dict[str, Any]:
    columns = (*found.old.columns, *found.new.columns)
    read = read_rows(source, numbers={column.name for column in columns if column.is_numeric})
    before, after = (_rejected(contract, read.frame, texts=read.texts) for contract in (found.old, found.new))
    return {
        "rows": read.frame.height,
        "newly_rejected": len(after - before),
        "newly_accepted": len(before - after),
        "rejected_examples": sorted(after - before)[:_EXAMPLES],
        "accepted_examples": sorted(before - after)[:_EXAMPLES],
    }


def _rejected(contract: Contract, frame: Any, *, texts: bool) -> set[int]:
    """Return the numbers of the rejected rows; all of them where the table lacks a required column."""
    missing = [one.name for one in contract.columns if one.is_checked and one.required and one is not contract.target]
    if any(name not in frame.columns for name in missing):
        return set(range(frame.height))
    relations = tuple(one for one in contract.relations if not one.rule.startswith("reference:"))
    alone = Contract(contract.name, contract.version, contract.owner, contract.columns, contract.rules, relations)
    return set(check(frame, alone, parse_text=texts).checked.rejected[ROW].to_list())


def _json(found: Difference, verdicts: dict[str, Any] | None) -> dict[str, Any]:
    sides = {
        side: {"name": one.name, "version": one.version, "digest": one.digest}
        for side, one in (("old", found.old), ("new", found.new))
    }
    told = {
        "verdict": found.verdict,
        "words": found.words,
        "breaks": found.breaks,
        "changes": found.changes,
        "concerns": found.concerns,
        "version": found.version,
    }
    return sides | told | ({"rows": verdicts} if verdicts is not None else {})


def _tell(found: Difference, verdicts: dict[str, Any] | None) -> None:
    click.echo(f"{found.old.name} {found.old.version} -> {found.new.name} {found.new.version}: {found.words}.")
    noted = [one for one in found.changes if one.words.startswith(_NOTES)]
    table = [(one.effect, one.words) for one in found.changes if one not in noted]
    tell_table("What changed", ("effect", "change"), table)
    if noted:
        columns = len({one.column for one in noted})
        click.echo(f"Evidence or false-alarm rate changed for {columns} column{'s' if columns > 1 else ''}.")
    for concern in found.concerns:
        click.echo(f"Concerns: {concern}.")
    if verdicts is not None:
        for what in ("rejected", "accepted"):
            count, examples = verdicts[f"newly_{what}"], verdicts[f"{what}_examples"]
            such = f", such as {', '.join(map(str, examples))}" if examples else ""
            click.echo(f"Of {verdicts['rows']:,} rows {count:,} are newly {what}{such}.")
    if found.version:
        click.echo(f"Version: {found.version}.")


@click.command("lint", epilog="Example: daytwo contract lint contract.toml")
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@as_json
def lint_contracts(*, files: tuple[Path, ...], as_json: bool) -> None:
    """Read contracts strictly and say what they lack; leave with 1 where that should stop a commit.

    In a git repository the version must be raised where the content differs from the last commit's.
    """
    remarks: list[tuple[Path, Remark]] = []
    for path in files:
        try:
            held = read_contract(path)
        except DaytwoError as err:
            remarks.append((path, Remark(problem=True, where="", words=err.message, hint=err.hint)))
            continue
        remarks += [(path, remark) for remark in lint(held, before=committed(path))]
    problems = sum(remark.problem for _, remark in remarks)
    if as_json:
        tell_json({"files": len(files), "problems": problems, "remarks": _told(remarks)})
    else:
        for path, remark in remarks:
            where = f": {remark.where}" if remark.where else ""
            click.echo(f"{path}{where}: {'problem' if remark.problem else 'remark'}: {remark.words}")
            next_steps(remark.hint)
        counts = ((len(files), "contract"), (problems, "problem"), (len(remarks) - problems, "remark"))
        told = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts]
        click.echo(f"{told[0]} read, {told[1]}, {told[2]}.")
    sys.exit(1 if problems else 0)


def _told(remarks: Sequence[tuple[Path, Remark]]) -> list[dict[str, Any]]:
    return [
        {"file": path, "problem": one.problem, "where": one.where, "words": one.words, "hint": one.hint}
        for path, one in remarks
    ]


def committed(path: Path) -> Contract | None:
    """Return the contract as the last git commit has it, None where there is no git, no commit, or no such contract."""
    git = shutil.which("git")
    if git is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - a fixed list of words, no shell
            [git, "show", f"HEAD:./{path.name}"],
            cwd=path.resolve().parent,
            capture_output=True,
            check=False,
            timeout=_PATIENCE_S,
        )
        return from_toml(done.stdout.decode()) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError, DaytwoError):
        return None
