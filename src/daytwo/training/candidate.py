"""Make a candidate: a reference model, its students, the one to take, and the bundle's files around it.

The same rows, settings, code and seed give the same bytes in every file. What is measured in time stands beside, in
`Candidate.variants` and `Candidate.seconds`. The test part never comes here: the gates judge on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from daytwo.capacity.latency import mean_cpu_us, measure_latency
from daytwo.contracts.contract import Contract
from daytwo.core.digest import canonical_json, digest_file
from daytwo.core.finding import Finding
from daytwo.core.settings import Settings
from daytwo.explain.importance import Leaning
from daytwo.monitoring.estimating.metrics import HIGHER_IS_BETTER
from daytwo.registry.bundle import BASE_RATE, Code, DatasetVersion, Lineage, Manifest
from daytwo.scoring.engines import quickest_lightgbm
from daytwo.scoring.payoff import Payoff
from daytwo.training.adopt import Adopted, as_fitted
from daytwo.training.bundle_files import explainer_of, leaning_of, model_files, monitoring_files
from daytwo.training.card import card
from daytwo.training.dataset import Parts, TrainingData, divide
from daytwo.training.evaluate import Evaluation, check_metric, evaluate
from daytwo.training.fit import bin_rows, fit_reference
from daytwo.training.front import REFERENCE, Times, Variant, mark_front, recommend, with_times
from daytwo.training.lineage import environment_digest, makers, window_of
from daytwo.training.origin import Origin, origin_of
from daytwo.training.progress import Tell, silent
from daytwo.training.recipe import Binning, student_shapes
from daytwo.training.suspicion import suspicions
from daytwo.training.trained import Trained, calibrated, describe, grown, work_of
from daytwo.training.user_model import FILE as USER_FILE
from daytwo.training.user_model import fit_user, user_fit
from daytwo.training.variants import grow_students

EVALUATION_FILE, CARD_FILE = "evaluation.json", "card.md"
# Rows that single-row times are measured over, in turn.
_TIMED_ROWS = 1_000
# How often they are scored as one block.
_TIMED_BLOCKS = 5


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to train and where it comes from.

    `window` is the span of the fit part (`all`, `90d`); `parent` the digest of the version to be replaced. `folder`
    is the project's, whose `model.py` is used if there is one. `dataset` and `code` go into the lineage. The number
    of `threads` changes no byte: two save time on an idle machine, and cost three to five times as much on a busy
    one, because LightGBM's threads wait for each other at every leaf. `adopted` is a model from elsewhere that takes
    the place of everything grown here: it becomes the candidate as it is, calibrated where that helps. `tell` hears how
    far it is; it changes no byte.
    """

    contract: Contract
    settings: Settings
    seed: int
    window: str = "all"
    parent: str | None = None
    author: str = ""
    folder: Path | None = None
    dataset: tuple[DatasetVersion, ...] = ()
    code: Code = field(default_factory=Code)
    threads: int = 1
    adopted: Adopted | None = None
    tell: Tell = silent


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model ready for the bundle store. `files` and `manifest` go there; the rest is for gates and people.

    `variants` are all that were tried, the cheapest first, with measured times; `recommended` names the one in the
    bundle. `seconds` is how long each step took.
    """

    files: dict[str, bytes]
    manifest: Manifest
    evaluation: Evaluation
    variants: tuple[Variant, ...]
    recommended: str
    findings: tuple[Finding, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


class Report(msgspec.Struct, frozen=True):
    """`evaluation.json`: the model's evaluation, and the front it was chosen from, without anything timed."""

    recommended: str
    margin: float
    evaluation: Evaluation
    variants: tuple[Variant, ...]
    leaning: Leaning | None = None


def train_candidate(request: TrainingRequest, data: TrainingData) -> Candidate:
    """Train on labelled rows, oldest first, from which the test part has been taken away.

    Raises
    ------
    DataError
        If there are too few rows, a class is missing, or a column of the payoff.
    SettingsError
        If the metric does not fit the task, or a payoff is no expression.
    Refused
        If the project's `model.py` returns what cannot be kept.
    """
    settings, gate = request.settings, request.settings.gate
    check_metric(gate.metric, settings.model.task)
    payoff = Payoff.from_settings(settings.value, settings.model.task)
    watch = _Watch()
    parts = divide(data, task=settings.model.task, window=request.window)
    explainer = explainer_of(request.contract, parts.fit, payoff, settings.reasons)
    with watch.step("search"):
        origin = _origin(request, parts)
    trained = _grow(request, parts, origin, watch)
    request.tell("comparing variants")
    with watch.step("front"):
        described = describe(trained, parts, payoff, metric=gate.metric)
        variants = mark_front(described, higher_is_better=gate.metric in HIGHER_IS_BETTER)
        readable = settings.train.prefer == "readable"
        chosen = trained[recommend(variants, margin=gate.margin, readable=readable).name]
        evaluation = evaluate(
            chosen.select_scores,
            parts.select,
            payoff,
            metric=gate.metric,
            fit_labels=parts.fit.labels,
            calibration=chosen.calibration.method,
        )
    leans = leaning_of(chosen, parts, explainer, settings.reasons)
    report = Report(chosen.name, gate.margin, evaluation, variants, leans)
    manifest = _manifest(request, parts, trained, chosen, origin, evaluation)
    gains = trained[REFERENCE].fitted.gains
    findings = suspicions(parts, evaluation, gains, chosen.scorer.many, owner=settings.data.owner)
    with watch.step("files"):
        files = {
            **model_files(request.contract, chosen, parts, payoff, explainer),
            **monitoring_files(chosen, parts, payoff, explainer, settings.monitor.window, request.seed),
            EVALUATION_FILE: canonical_json(report),
            CARD_FILE: card(settings, manifest, evaluation, variants, chosen.name, findings, leans).encode(),
        }
    with watch.step("times"):
        timed = tuple(_timed(one, trained[one.name], parts.select, settings.cost.core_hour) for one in variants)
    return Candidate(files, manifest, evaluation, timed, chosen.name, findings, watch.seconds)


def _origin(request: TrainingRequest, parts: Parts) -> Origin:
    if request.adopted is not None:
        return Origin()
    settings = request.settings
    own = None if request.folder is None else user_fit(request.folder)
    return origin_of(
        parts,
        settings.model.task,
        settings.train,
        own,
        seed=request.seed,
        threads=request.threads,
        tell=request.tell,
    )


def _grow(request: TrainingRequest, parts: Parts, origin: Origin, watch: _Watch) -> dict[str, Trained]:
    task, rows, weighting = request.settings.model.task, parts.fit.rows, origin.weighting
    if request.adopted is not None:
        with watch.step("reference"):
            engine = request.adopted.engine(threads=request.threads)
            fitted = as_fitted(request.adopted, engine, parts.fit, task)
        with watch.step("calibration"):
            files = request.adopted.files
            return {REFERENCE: calibrated(REFERENCE, fitted, engine, parts, task, files=files)}
    with watch.step("binning"):
        weights = weighting.of(parts.fit)
        binned = bin_rows(parts.fit, task, Binning(), seed=request.seed, threads=request.threads, weights=weights)
    with watch.step("reference"):
        if origin.own is not None and request.folder is not None:
            fitted = fit_user(origin.own, parts.fit, task, request.folder / USER_FILE)
        else:
            tune_weights = weighting.of(parts.tune)
            assert origin.recipe is not None
            fitted = fit_reference(
                binned, parts.fit, parts.tune, origin.recipe, tune_weights=tune_weights, tell=request.tell
            )
    with watch.step("students"):
        shapes = student_shapes(rows, work_of(fitted, parts.fit.matrix))
        teacher = quickest_lightgbm(fitted.text, parts.fit.matrix.shape[1], threads=request.threads).many
        matrices = parts.fit.matrix, parts.tune.matrix
        schema = parts.fit.schema
        students = grow_students(
            binned, *matrices, teacher, shapes, schema=schema, seed=request.seed, tell=request.tell
        )
    with watch.step("calibration"):
        reference = grown(REFERENCE, fitted, parts, task, threads=request.threads, shift=weighting.shift)
        return {REFERENCE: reference} | {
            name: grown(name, one, parts, task, threads=request.threads, calibration=reference.calibration)
            for name, one in students.items()
        }


def _manifest(
    request: TrainingRequest,
    parts: Parts,
    trained: dict[str, Trained],
    chosen: Trained,
    origin: Origin,
    evaluation: Evaluation,
) -> Manifest:
    settings = request.settings
    parameters: dict[str, object] = {
        **makers(),
        "variant": chosen.name,
        "window": request.window,
        **origin.told,
        "students": sorted(one.name for one in trained.values() if one.name != REFERENCE),
        "settings": msgspec.to_builtins(
            {"value": settings.value, "gate": settings.gate, "monitor": settings.monitor, "train": settings.train}
        ),
    }
    if request.adopted is not None:
        parameters["reference"] = {"adopted": request.adopted.told}
    elif request.folder is not None and (request.folder / USER_FILE).is_file():
        parameters["model.py"] = digest_file(request.folder / USER_FILE)
    lineage = Lineage(
        dataset=request.dataset,
        contract=request.contract.digest,
        code=request.code,
        environment=environment_digest(),
        parameters=parameters,
        seeds={"training": request.seed},
        windows={name: window_of(getattr(parts, name)) for name in ("fit", "tune", "select")},
        parent=request.parent,
        author=request.author,
    )
    metrics = {name: figure.value for name, figure in evaluation.figures.items()}
    metrics[BASE_RATE] = float(np.mean(parts.fit.labels, dtype=np.float64))
    if evaluation.money is not None:
        metrics["money_per_row"] = evaluation.money.value
    return Manifest(
        model=settings.model.name,
        task=settings.model.task,
        metric=settings.gate.metric,
        contract=request.contract.digest,
        parent=request.parent,
        lineage=lineage,
        metrics=metrics,
    )


def _timed(variant: Variant, trained: Trained, rows: TrainingData, core_hour: float) -> Variant:
    """Measure one variant over many different rows, one at a time and in blocks, as a server would ask."""
    block = rows.matrix[:_TIMED_ROWS]
    sample = block.tolist()
    scorer, calibration = trained.scorer, trained.calibration
    found = measure_latency(lambda i: calibration.one(scorer.one(sample[i % len(sample)])), _TIMED_ROWS)
    per_block = mean_cpu_us(lambda: calibration.many(scorer.many(block)), _TIMED_BLOCKS)
    times = Times(found.p50_us, found.p99_us, found.cpu_us, per_block / len(block))
    return with_times(variant, times, core_hour=core_hour)


class _Watch:
    """How long each step took, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
