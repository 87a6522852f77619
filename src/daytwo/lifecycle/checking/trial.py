"""`daytwo ci`: a project tried on a sample of its rows, in a place that is thrown away afterwards.

The sample goes the way of all rows: through the contract into a dataset, through training and gates, here with a
journal in memory only. Then the candidate is asked what `[[ci.expect]]` and the project's tests expect of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from daytwo.contracts.lint import lint
from daytwo.contracts.toml import read_contract
from daytwo.core.errors import DataError, Fault, NotFound, Refused
from daytwo.core.settings_file import FILE_NAME
from daytwo.lifecycle.checking.behaviour import behave
from daytwo.lifecycle.checking.check import Check, Place, Standing, Trial
from daytwo.lifecycle.checking.comparable import not_comparable
from daytwo.lifecycle.checking.expectations import expectation_name
from daytwo.lifecycle.checking.lines import line_of
from daytwo.lifecycle.checking.project_tests import run_tests
from daytwo.lifecycle.checking.sample import Sample, take_sample
from daytwo.lifecycle.checking.whereabouts import place_of_gate, place_of_rule
from daytwo.lifecycle.dossier import read_evidence
from daytwo.lifecycle.flow import InlineRun, Json
from daytwo.lifecycle.gating.unseen import set_aside
from daytwo.lifecycle.intake.ingest import ingest
from daytwo.lifecycle.prepare import prepare_release
from daytwo.lifecycle.releases import Release
from daytwo.lifecycle.rows import history
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import load_model
from daytwo.registry.bundle import Bundle
from daytwo.registry.route import Route
from daytwo.scoring.payoff import Payoff
from daytwo.training.dataset import Split

_RELEASE = "ci"


@dataclass(frozen=True, slots=True)
class Rival:
    """What the candidate is held against: a bundle, and how it is called; no bundle is a first version."""

    words: str
    bundle: Bundle | None = None


NOBODY = Rival("the trivial model: there is no champion")


@dataclass(frozen=True, slots=True)
class Asked:
    """What to try a project on: sources as `[ci] rows` or `[data] source` names them, and the moment."""

    sources: tuple[Path | str, ...]
    rival: Rival
    now: datetime


def try_project(system: System, asked: Asked) -> Trial:
    """Try the project of `system`, whose state is empty and its own.

    Raises
    ------
    Mistake, Fault
        If the sources cannot be found, or the settings mean nothing.
    """
    settings = system.settings
    contract = read_contract(system.contract_path)
    sample = take_sample(asked.sources, contract, most=settings.ci.sample, into=system.state / "ci")
    checks = [*_linted(system), *_judged(system, sample, asked.now)]
    name, against = settings.model.name, asked.rival.words
    if any(check.failed for check in checks):
        return Trial(name, sample.rows, against, tuple(checks))
    system, rival = _held_against(system, asked)
    against = rival.words
    if rival is not asked.rival:
        checks.append(Check("train", "champion", Standing.NOTED, f"{asked.rival.words} is not compared: {rival.words}"))
        against = NOBODY.words
    made = _train(system, asked.now)
    evidence = read_evidence(made.evidence)
    if not made.digest:
        failed = Check("train", "smoke", Standing.FAILED, made.words, Place("contract.toml"))
        return Trial(name, sample.rows, against, (*checks, failed))
    words = f"{evidence.recommended}, learnt from {evidence.train_rows:,} rows, judged on {evidence.test_rows:,}"
    checks.append(Check("train", "smoke", Standing.PASSED, words))
    checks += [Check("train", f"remark {n}", Standing.NOTED, one) for n, one in enumerate(evidence.warnings, start=1)]
    for gate in evidence.gates:
        standing = Standing.PASSED if gate.passed else Standing.FAILED
        checks.append(Check("gate", gate.name, standing, gate.words, place_of_gate(system.folder, gate.name)))
    checks += _expected(system, made.digest, asked.now)
    checks += run_tests(system, made.digest)
    figures = system.bundles.get(made.digest).manifest.metrics
    return Trial(name, sample.rows, against, tuple(checks), made.digest, figures)


def train_rival(system: System, sources: Sequence[Path | str], now: datetime, *, words: str) -> Rival:
    """Return the candidate that another checkout of the project makes of the same sources.

    Raises
    ------
    Refused
        If it makes none.
    """
    contract = read_contract(system.contract_path)
    sample = take_sample(sources, contract, most=system.settings.ci.sample, into=system.state / "ci")
    for source in sample.sources:
        _take_in(system, source, sample.newest or now)
    made = _train(system, now)
    if not made.digest:
        raise Refused(f"{words} makes no version to compare with: {made.words}", hint="Leave out --against")
    return Rival(words, system.bundles.get(made.digest))


def _linted(system: System) -> Iterator[Check]:
    for remark in lint(read_contract(system.contract_path)):
        standing = Standing.FAILED if remark.problem else Standing.NOTED
        place = place_of_rule(system.contract_path, remark.where, "")
        yield Check("data", f"contract {remark.where}", standing, f"{remark.words}. {remark.hint}", place)


def _judged(system: System, sample: Sample, now: datetime) -> list[Check]:
    """Take the sample in, and say which rules of the contract its rows broke."""
    broken: dict[tuple[str, str], tuple[int, str]] = {}
    rejected = 0
    try:
        for source in sample.sources:
            record = _take_in(system, source, sample.newest or now)
            rejected += _count(record["rejected"])
            for reason in _tables(record.get("reasons")):
                key = str(reason["rule"]), str(reason["column"])
                rows, _ = broken.get(key, (0, ""))
                broken[key] = rows + _count(reason["rows"]), str(reason["message"])
    except (Refused, DataError) as err:
        return [Check("data", "rows", Standing.FAILED, str(err), Place("contract.toml"))]
    share, most = rejected / max(sample.rows, 1), system.settings.ci.rejected
    standing = Standing.FAILED if share > most or not sample.rows else Standing.PASSED
    words = f"{rejected:,} of {sample.rows:,} rows are rejected, {share:.2%}; {most:.2%} is bearable"
    limit = Place(FILE_NAME, line_of(_text(system.folder / FILE_NAME), ["ci"], "rejected"))
    checks = [Check("data", "rows", standing, words, limit)]
    softer = Standing.FAILED if standing is Standing.FAILED else Standing.NOTED
    for (rule, column), (rows, message) in broken.items():
        place = place_of_rule(system.contract_path, column, rule)
        checks.append(Check("data", f"{column} {rule}", softer, f"{rows:,} rows: {message}", place))
    return checks


def _take_in(system: System, source: Path | str, now: datetime) -> dict[str, Json]:
    """Ingest one source; freshness is judged when its newest row happened, since a sample does not age in a branch."""
    record = ingest(InlineRun("ingest"), system, {"path": str(source), "now": now.isoformat()})
    assert isinstance(record, dict)
    return record


def _held_against(system: System, asked: Asked) -> tuple[System, Rival]:
    """Make the rival champion; where it cannot be compared, there is none, and the words say why."""
    bundle = asked.rival.bundle
    why = "" if bundle is None else not_comparable(bundle.manifest.lineage, _parts(system, asked.now))
    if bundle is not None and not why:
        _set_champion(system, bundle, asked)
        return system, asked.rival
    if system.settings.serve.fallback == "previous":  # there will be one where this goes live
        serve = msgspec.structs.replace(system.settings.serve, fallback="base_rate")
        system = replace(system, settings=msgspec.structs.replace(system.settings, serve=serve))
    return system, Rival(why) if why else asked.rival


def _set_champion(system: System, bundle: Bundle, asked: Asked) -> None:
    files = {name: bundle.read(name) for name in bundle.manifest.files}
    kept = system.bundles.put(files, bundle.manifest)
    system.registry.add(kept.digest, author="ci", reason=asked.rival.words, at=asked.now)
    system.registry.change_route(Route(1, kept.digest), cause="ci", at=asked.now, by="ci", reason=asked.rival.words)


def _train(system: System, now: datetime) -> Release:
    arguments: dict[str, Json] = {"release": _RELEASE, "reason": "ci", "author": "ci", "now": now.isoformat()}
    prepare_release(InlineRun("ci"), system, arguments)
    made = system.releases.get(_RELEASE)
    assert made is not None
    return made


def _expected(system: System, digest: str, now: datetime) -> Iterator[Check]:
    """Hold the candidate to `[[ci.expect]]` on the rows that it has not learnt from."""
    if not system.settings.ci.expect:
        return
    model = load_model(system.bundles, digest)
    rows = _parts(system, now).test.matrix
    text = _text(system.folder / FILE_NAME)
    for nth, expected in enumerate(system.settings.ci.expect):
        found = behave(model, rows, expected)
        standing = Standing.PASSED if found.passed else Standing.FAILED
        place = Place(FILE_NAME, line_of(text, ["ci", "expect"], nth=nth))
        yield Check("expect", expectation_name(expected), standing, found.words, place)


def _parts(system: System, now: datetime) -> Split:
    payoff = Payoff.from_settings(system.settings.value, system.settings.model.task)
    return set_aside(history(system, read_contract(system.contract_path), payoff.columns, now), system)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as err:
        raise NotFound(f"{path} is not there", hint="Run it in a project folder") from err
    except OSError as err:
        raise Fault(f"{path} cannot be read: {err.strerror or err}", hint="Make it a file that you may read") from err


def _count(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _tables(value: Json) -> list[dict[str, Json]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
