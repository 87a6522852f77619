"""Settings written as people read them: one key a line, a comment on each. `settings_file.py` reads them back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from daytwo.core.schema import Task
from daytwo.core.settings import Settings

# What each key means, in one line; a key without a line here is a failing test.
MEANINGS: Mapping[str, str] = {
    "seed": "the same rows and seed give the same model",
    "model.name": "how the model is called",
    "model.purpose": "what it is for, in words; stands on the model card",
    "model.task": "binary or regression",
    "model.target": "the column to predict",
    "model.time": "when a row happened; empty where rows bear no time",
    "model.subject": "whom a row is about: a canary always meets the same subjects",
    "model.key": "names a row, so that its label finds it",
    "model.owner": "who answers for the model",
    "data.source": "the files to learn from, seen from this folder",
    "data.owner": "who answers for the data",
    "data.exclude": "columns that are no inputs",
    "data.personal": "columns whose values are replaced by pseudonyms before anything is written",
    "data.pseudonym_key": "a secret reference, env:NAME or file:PATH; empty has one made in .daytwo",
    "data.retention_days": "what was answered, labelled and kept aside longer ago is removed; 0 keeps it for ever",
    "value.currency": "all money here is in it",
    "value.true_positive": "what acting on a real case brings: a number, or an expression over the row",
    "value.false_positive": "what acting in vain brings",
    "value.false_negative": "what missing a case brings",
    "value.true_negative": "what rightly leaving a row alone brings",
    "value.error_cost": "what one unit of absolute error costs",
    "monitor.window": "how long a window is that is judged as one",
    "monitor.false_alarms": "how many false alarms are bearable",
    "monitor.label_delay": "how long after the event its outcome is known",
    "retrain.policy": "marginal (when it pays), every 7d, on alarm, or never",
    "retrain.owner": "who is told when the budget stands in the way of a new version; empty: the model's owner",
    "retrain.budget": "money in 30 days for training, approvals and switches; 0: no limit",
    "retrain.stale_after": "a version trained longer ago, such as 180d, is replaced in any case; empty: none is",
    "retrain.switch_cost": "what one replacement costs in people and risk, in money",
    "retrain.every": "a challenger is trained every so many windows",
    "retrain.windows": "spans of history to try: all of it, or the last days",
    "train.weight": "the column that says how much a row counts while learning; empty: all count alike",
    "train.class_weight": "how many negative rows a positive one counts for, or balanced; empty: one",
    "train.trials": "how many recipes to try before training (needs Optuna); 0: no such end, and with minutes = 0 none",
    "train.minutes": "for how long to try recipes; 0: no such end",
    "train.prefer": "which variant within the margin is taken: the cheapest, or a readable one where one is",
    "gate.metric": "the figure a candidate must hold",
    "gate.margin": "the bearable loss of that figure, in its own unit",
    "gate.max_p99_ms": "the slowest bearable answer to one row, 99th percentile",
    "gate.slices": "columns by whose values no group may lose",
    "gate.test_windows": "the newest windows that only the gates may see",
    "gate.sensitive": "columns whose groups must be treated alike, such as a sex or an age; inputs or not",
    "gate.max_gap": "how much their rates and errors may differ: shares, or spreads of a regression's labels",
    "gate.max_jump": "how far one column lost, at its limit or in another unit may move the mean answer",
    "gate.max_shift": "the share of the reasons' weight, 0 to 1, that may move to other columns than the champion's",
    "gate.max_rejected": "the share of rows, 0 to 1, that may have broken the contract",
    "gate.fewest_rows": "how many rows a version must at least have learnt from",
    "gate.max_age": "how old the newest labelled row may be, such as 30d; empty sets no limit",
    "gate.max_memory_mb": "the most memory that a loaded version may take, in MiB",
    "release.approvers": "how many people besides the author must say yes",
    "release.approval_days": "how long a request for approval stands",
    "release.steps": "how traffic moves to a new version",
    "release.holdout": "the share of subjects, 0 to 1, whom no version acts on: what acting brings is measured by them",
    "release.freeze": "when nothing new reaches more people (UTC): fri 16:00 to mon 08:00, or 2026-12-19 to 2027-01-03",
    "plan.kpi": "the figure that the model is to move, in words; nothing goes live without one",
    "plan.budget": "what the model may cost in 30 days, in money; nothing goes live without one",
    "plan.review_by": "the day, such as 2027-01-31, by which people look at it again; from then on nothing goes live",
    "serve.host": "loopback only, unless a token is set",
    "serve.port": "where predictions are served",
    "serve.workers": "server processes behind the one port",
    "serve.max_queue": "requests that may wait, in each worker",
    "serve.max_wait_ms": "how long a request may wait; more than can be answered in it is refused",
    "serve.max_body_mb": "the largest request",
    "serve.max_rows": "the most rows in one request",
    "serve.certificate": "a PEM file, seen from this folder: with it the server speaks TLS; empty speaks plainly",
    "serve.private_key": "the PEM file of its key; empty where that is in the certificate's file",
    "serve.behind_proxy": "whether a proxy in front speaks TLS",
    "serve.token": "a secret reference, env:NAME or file:PATH; empty asks for none",
    "serve.fallback": "what answers where the model cannot",
    "serve.unrecorded": "what becomes of answers that the disk cannot record: refuse them, or serve them",
    "serve.trust": "digests of Python code that may run as a model",
    "serve.python": "the interpreter that runs such models; empty for daytwo's own",
    "serve.python_deadline_s": "how long such a model may take to answer a block of rows",
    "serve.engine": "what scores LightGBM models: `auto` takes our own tree engine where it is compiled",
    "reasons.fixed": "columns that nobody can change: never part of a suggested change",
    "reasons.only_up": "columns that only rise, such as an age",
    "reasons.only_down": "columns that only fall",
    "reasons.row": "what a row is called in reasons, such as `flight`",
    "reasons.segment": "a category of which each level has its own typical row, in versions trained from now on",
    "reasons.typical_of": "whose typical row reasons compare with: `all` rows, or those where it did not come true",
    "reasons.names": "table: how a column is called",
    "reasons.phrases": "table: what is said of a column, with `{value}`, `{typical}`, `{name}`",
    "reasons.units": "table: what stands behind a column's numbers",
    "reasons.formats": "table: how a column's numbers are written: a time of day, a share in percent, whole",
    "reasons.values": "tables by column: what is said instead of a value",
    "reasons.groups": "table: columns whose parts are told as one sum, by what they are called together",
    "cost.core_hour": "the price of one processor core for an hour",
    "cost.person_hour": "the price of a person's hour",
    "cost.approval_minutes": "how long one approval takes a person",
    "alerts.default": "env:NAME or file:PATH of an Apprise URL (mail, chat, pager); empty keeps alerts here",
    "ci.rows": "the files that `daytwo ci` tries the project on, seen from this folder; empty: those of [data] source",
    "ci.sample": "how many of their newest rows it takes",
    "ci.rejected": "the share of them, 0 to 1, that the contract may reject",
    "ci.expect": "tables `[[ci.expect]]`: what a change to a column must do to the answer",
    "console.port": "where the pages are",
    "project.ledger": "where records are kept: a Postgres URL, or env:NAME or file:PATH of one; empty: in .daytwo",
    "project.state": "the folder of tables and versions that all workers of the project share; empty: .daytwo",
    "project.dead_after": "a worker that has been silent for so long is dead, and others take over its flows",
}
# Written by people, as tables of their own; an empty list would stand in their way.
_TABLES = "ci.expect"
_NOT_FOR = {Task.BINARY: ("value.error_cost",), Task.REGRESSION: ("value.true_", "value.false_")}


def render(settings: Settings) -> str:
    """Return the text of `daytwo.toml` for these settings, leaving out what means nothing for the task."""
    tree: dict[str, Any] = msgspec.to_builtins(settings)
    lines = [
        "# The settings of this project; 'daytwo config' shows each with its origin.",
        _line("seed", tree.pop("seed")),
    ]
    for section, fields in tree.items():
        lines += ["", f"[{section}]"]
        for field, value in fields.items():
            key = f"{section}.{field}"
            if not key.startswith(_NOT_FOR[settings.model.task]) and key != _TABLES and not isinstance(value, dict):
                lines.append(_line(key, value))
        for field, value in fields.items():
            lines += _table(f"{section}.{field}", value) if isinstance(value, dict) and value else []
    return "\n".join(lines) + "\n"


def _table(key: str, values: dict[str, Any]) -> Iterator[str]:
    """Yield a table of its own; one without lines would stand in the way of a person's."""
    yield ""
    yield f"[{key}]  # {MEANINGS[key]}"
    for name, value in values.items():
        if isinstance(value, dict):
            inner = ", ".join(f"{_text(one)} = {_text(words)}" for one, words in value.items())
            yield f"{_text(name)} = {{ {inner} }}"
        else:
            yield f"{_text(name)} = {_text(value)}"


def _text(value: object) -> str:
    # A JSON string, number or list of strings is a TOML value too, but for one character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _line(key: str, value: object) -> str:
    return f"{key.rsplit('.', 1)[-1]} = {_text(value)}  # {MEANINGS[key]}"
