"""The model card, in Markdown: what a model is for, what it was made from, how good it is, and where it must not go.

Pure: the same model gives the same card, so it holds nothing timed; the console shows measured times beside it.

Source: M. Mitchell et al. (2019), Model cards for model reporting, FAT*, 220-229.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from daytwo.core.finding import Finding
from daytwo.core.schema import Task
from daytwo.core.settings import Settings
from daytwo.explain.importance import Leaning, steadiness
from daytwo.registry.bundle import Manifest
from daytwo.training.evaluate import Evaluation, Figure
from daytwo.training.front import Variant

# So many columns stand on the card; the others together.
_TOLD = 12


def card(
    settings: Settings,
    manifest: Manifest,
    evaluation: Evaluation,
    variants: Iterable[Variant],
    recommended: str,
    findings: Iterable[Finding],
    leaning: Leaning | None = None,
) -> str:
    """Return the card of one bundle; `leaning` is what the model leans on, None where it gives no reasons."""
    blocks = [
        _head(settings),
        _data(settings, manifest),
        _quality(evaluation),
        _money(evaluation),
        _variants(tuple(variants), recommended, settings),
        _leaning(leaning),
        _limits(settings, evaluation, tuple(findings)),
        _origin(manifest),
    ]
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def _head(settings: Settings) -> Iterator[str]:
    model = settings.model
    yield f"# {model.name}"
    yield ""
    yield f"- Purpose: {model.purpose or 'not stated; write [model] purpose in daytwo.toml'}"
    yield f"- Predicts: `{model.target}` ({model.task.value})"
    yield f"- Owner: {model.owner or 'nobody named; write [model] owner in daytwo.toml'}"


def _data(settings: Settings, manifest: Manifest) -> Iterator[str]:
    lineage = manifest.lineage
    yield "## Data"
    yield ""
    yield f"- Source: {settings.data.source or 'not stated'}, owner: {settings.data.owner or 'not stated'}"
    for one in lineage.dataset:
        yield f"- Table `{one.table}`, version {one.version}, {one.rows:,} rows"
    for name, window in lineage.windows.items():
        span = f", {window.first} to {window.last}" if window.first else ""
        yield f"- {name}: {window.rows:,} rows{span}"
    if settings.train.weight:
        yield f"- While learning, a row counts by its `{settings.train.weight}`; all figures here count every row alike"
    if settings.train.class_weight:
        yield f"- While learning, classes are weighted ({settings.train.class_weight}); calibration takes that back"
    yield f"- Contract: `{manifest.contract[:12]}`"


def _quality(evaluation: Evaluation) -> Iterator[str]:
    yield "## Quality"
    yield ""
    yield (
        f"On {evaluation.rows:,} rows that no tree has seen, beside the answer {evaluation.trivial_answer:.4g} "
        "to every row:"
    )
    yield ""
    yield "| metric | value | 95 % interval | same answer for all |"
    yield "| --- | ---: | ---: | ---: |"
    for name, figure in evaluation.figures.items():
        trivial = evaluation.trivial.get(name)
        beside = "" if trivial is None else f"{trivial:.4g}"
        yield f"| {name}{' (the gate)' if name == evaluation.metric else ''} | {_figure(figure)} | {beside} |"
    if evaluation.calibration_error is not None:
        yield ""
        yield (
            f"Calibration: {evaluation.calibration}; probabilities are off by {evaluation.calibration_error:.4f} on "
            "average over ten bins."
        )


def _money(evaluation: Evaluation) -> Iterator[str]:
    yield "## Money"
    yield ""
    if evaluation.money is None:
        yield "Not known: a column that the payoff reads is missing in these rows."
        return
    money, currency = evaluation.money, evaluation.currency
    yield f"- With the model: {money.value:.4g} {currency} a row, 95 % interval {money.low:.4g} to {money.high:.4g}"
    if evaluation.never_act is not None and evaluation.always_act is not None:
        yield f"- Never acting: {evaluation.never_act:.4g}; always acting: {evaluation.always_act:.4g}"
    elif "money" in evaluation.trivial:
        yield f"- With the same answer for all: {evaluation.trivial['money']:.4g}"
    if evaluation.act_share is not None:
        rule = "from row to row" if evaluation.threshold is None else f"above {evaluation.threshold:.4g}"
        yield f"- Acts on {evaluation.act_share:.1%} of rows; the probability to act at is {rule}"


def _variants(variants: tuple[Variant, ...], recommended: str, settings: Settings) -> Iterator[str]:
    yield "## Variants"
    yield ""
    yield (
        f"The cheapest one whose loss of {settings.gate.metric} is within {settings.gate.margin:g}, sure to 95 %, "
        "is taken. Work is the mean number of decisions for a row."
    )
    yield ""
    yield "| variant | work | size, MB | metric | loss, 95 % interval | |"
    yield "| --- | ---: | ---: | ---: | ---: | --- |"
    for one in variants:
        notes = ["taken"] if one.name == recommended else []
        notes += ["on the front"] if one.on_front else []
        notes += [one.failed] if one.failed else []
        yield (
            f"| {one.name} | {one.nodes_per_row:.0f} | {one.mb:.2f} | {one.metric:.4f} | "
            f"{one.loss:+.4f} [{one.loss_low:+.4f}, {one.loss_high:+.4f}] | {', '.join(notes)} |"
        )


def _leaning(found: Leaning | None) -> Iterator[str]:
    yield "## What it leans on"
    yield ""
    if found is None:
        yield "Not known: reasons cannot be worked out from this engine."
        return
    yield (
        f"Mean size of a column's contributions to the raw score, against the typical row, over {found.rows:,} rows "
        f"that no tree has seen. It says what the model uses, not what causes the outcome. {steadiness(found)}"
    )
    yield ""
    yield f"| column | mean size | 95 % interval | share | among the first {found.top} |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for one in found.weights[:_TOLD]:
        span = "" if one.low is None or one.high is None else f"{one.low:.3g} to {one.high:.3g}"
        steady = "" if one.in_top is None else f"{one.in_top:.0%} of stretches"
        yield f"| {one.name} | {one.mean:.3g} | {span} | {one.share:.1%} | {steady} |"
    if rest := found.weights[_TOLD:]:
        yield f"| {len(rest)} others | | | {sum(one.share for one in rest):.1%} | |"


def _limits(settings: Settings, evaluation: Evaluation, findings: tuple[Finding, ...]) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield "- Rows that break the contract are not answered by the model; unknown levels of a category are."
    yield "- The variant was chosen on rows that the figures above include; the release gates judge on later rows."
    yield "- It learns what went together, not what causes what: an effect of acting needs a holdout group."
    if settings.model.task is Task.BINARY and evaluation.calibration == "identity":
        yield "- Probabilities are the model's own: the rows did not call for a correction, or were too few for one."
    for finding in findings:
        yield f"- {finding.severity.value}: {finding.summary}. {finding.next_step}."


def _origin(manifest: Manifest) -> Iterator[str]:
    lineage = manifest.lineage
    yield "## Origin"
    yield ""
    searched: Any = lineage.parameters.get("search")
    if searched:
        trials = searched["trials"]
        given_up = sum(len(one["losses"]) < len(trials[0]["losses"]) for one in trials)
        end = "It did so on newer rows too, and was taken" if searched["chosen"] else "The usual one was kept"
        yield f"- Recipes: {len(trials)} were tried on later rows of the fit part, {given_up} of them given up early"
        yield (
            f"- The best recipe, number {searched['best']}, lost {searched['loss']:.5g} there, the usual one "
            f"{searched['usual_loss']:.5g}. {end}"
        )
    dirty = " with uncommitted changes" if lineage.code.dirty else ""
    yield f"- Code: {lineage.code.commit[:12] + dirty if lineage.code.commit else 'not in git'}"
    yield f"- Environment: `{lineage.environment[:12]}`, seeds: {lineage.seeds}"
    yield f"- Parent: {f'`{manifest.parent[:12]}`' if manifest.parent else 'none, the first version'}"
    yield f"- Author: {lineage.author or 'not named'}"


def _figure(figure: Figure) -> str:
    return f"{figure.value:.4g} | {figure.low:.4g} to {figure.high:.4g}"
