"""Where a window hurts: its rows' losses, expected when it ends and known when it is settled, held against the table.

`monitoring/judging/slices.py` searches; the table of the reference's losses is in the version's bundle.
"""

from __future__ import annotations

from daytwo.core.finding import Finding
from daytwo.lifecycle.rows import live_rows
from daytwo.lifecycle.system import System
from daytwo.lifecycle.versions import Watch, load_model, load_watch, money_answers
from daytwo.lifecycle.windows import Span
from daytwo.monitoring.judging.judge import Window
from daytwo.monitoring.judging.slice_findings import Costs, slice_findings
from daytwo.monitoring.judging.slice_losses import expected_losses, in_money, known_losses
from daytwo.scoring.model import Model
from daytwo.scoring.payoff import Lookup
from daytwo.training.regret import against_the_best

_DAY_S = 86_400


def expected_slices(
    watch: Watch, window: Window, model: Model, column: Lookup, *, chance: float, currency: str
) -> tuple[Finding, ...]:
    """Return the slices of a window that cost more than usual, as far as inputs and scores tell."""
    if watch.slices is None or not len(window.matrix):
        return ()
    answers = against_the_best(model.payoff, window.answers, column)
    losses = expected_losses(watch.estimator, window.matrix, answers, watch.raw)
    money = in_money(answers, watch.reference.task)
    costs = Costs(losses, known=False, money=money, currency=currency, days=answers.clusters)
    return slice_findings(watch.slices, window.matrix, costs, chance=chance, since=window.start, days=window.days)


def realised_slices(system: System, span: Span, version: str, *, chance: float) -> tuple[Finding, ...]:
    """Return the slices of a settled window that cost more than usual, by the labels that have come."""
    table = load_watch(system.bundles, version).slices
    model = load_model(system.bundles, version)
    rows = live_rows(system, model.contract, model.payoff.columns, span.start, span.end).labelled()
    if table is None or not rows.rows:
        return ()
    said = money_answers(model.payoff, model.score_many(rows.matrix), rows.column, rows.days)
    answers = against_the_best(model.payoff, said, rows.column)
    losses = known_losses(answers, rows.labels, model.task)
    currency = system.settings.value.currency
    costs = Costs(losses, known=True, money=in_money(answers, model.task), currency=currency, days=rows.days)
    days = (span.end - span.start).total_seconds() / _DAY_S
    return slice_findings(table, rows.matrix, costs, chance=chance, since=span.start, days=days)
