"""Write the tables of `docs/settings.md` from the settings themselves, so that the document cannot drift.

What a key means is in `core/settings_text.py`, its default and limits in `core/settings.py`; here is only what a value
may look like where its type does not say. `tests/docs/test_docs_reference.py` fails while the document lags behind.

Run: `.venv/bin/python scripts/build_reference.py`
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from daytwo.core.settings import Settings
from daytwo.core.settings_file import every_key
from daytwo.core.settings_text import MEANINGS

DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
HEAD = ("| key | meaning | default | values | in the environment |", "|" + " --- |" * 5)
# What stands in a value, where its type alone does not say so.
FORMS: Mapping[str, str] = {
    "model.task": "`binary`, `regression`",
    "model.target": "a column",
    "model.time": "a column, or empty",
    "model.subject": "a column, or empty",
    "model.key": "a column, or empty",
    "data.source": "a path, may have `*`",
    "data.exclude": "list of columns",
    "data.personal": "list of columns, neither target nor time",
    "data.pseudonym_key": "`env:NAME`, `file:PATH` or empty",
    "value.currency": "a code such as `EUR`",
    "value.true_positive": "money a row: number or expression",
    "value.false_positive": "money a row: number or expression",
    "value.false_negative": "money a row: number or expression",
    "value.true_negative": "money a row: number or expression",
    "value.error_cost": "money a unit of error: number or expression",
    "monitor.window": "time, over 0",
    "monitor.false_alarms": "rate",
    "monitor.label_delay": "time",
    "retrain.policy": "`marginal`, `every 7d`, `on alarm`, `never`",
    "retrain.stale_after": "time, or empty",
    "retrain.switch_cost": "money",
    "retrain.every": "windows",
    "retrain.windows": "list of `all` and times",
    "gate.metric": (
        "binary: `roc_auc`, `average_precision`, `log_loss`, `brier`, `accuracy`, `f1`; regression: `mae`, `rmse`"
    ),
    "gate.margin": "unit of the metric",
    "gate.max_p99_ms": "ms",
    "gate.slices": "list of category columns",
    "gate.test_windows": "windows",
    "gate.sensitive": "list of columns",
    "gate.max_gap": "share, or spreads",
    "gate.max_jump": "in probability, or widths of a regression's range",
    "gate.max_shift": "share in [0, 1]",
    "gate.max_rejected": "share in [0, 1]",
    "gate.fewest_rows": "rows",
    "gate.max_age": "time, or empty",
    "gate.max_memory_mb": "MiB",
    "release.approvers": "people",
    "release.approval_days": "days",
    "release.steps": "list of `shadow TIME`, `canary N% TIME`",
    "release.holdout": "share in [0, 1]",
    "serve.host": "address",
    "serve.workers": "processes; 0 is one per core",
    "serve.max_queue": "requests",
    "serve.max_wait_ms": "milliseconds",
    "serve.max_body_mb": "MB",
    "serve.max_rows": "rows",
    "serve.certificate": "path, or empty",
    "serve.private_key": "path, or empty",
    "serve.behind_proxy": "true or false",
    "serve.token": "secret reference, or empty",
    "serve.fallback": "`base_rate`, `previous`, `refuse`, a number, or an expression over the row",
    "serve.unrecorded": "`refuse`, `serve`",
    "serve.trust": "list of `sha256:` and 64 hex digits",
    "serve.python": "a path, or empty",
    "serve.python_deadline_s": "seconds",
    "serve.engine": "`auto`, `lightgbm`",
    "reasons.fixed": "list of columns",
    "reasons.only_up": "list of columns",
    "reasons.only_down": "list of columns",
    "reasons.row": "a word",
    "reasons.segment": "a category, or empty",
    "reasons.typical_of": "`all`, `negatives`",
    "reasons.names": '`column = "words"`',
    "reasons.phrases": '`column = "words with {value}"`',
    "reasons.units": '`column = "unit"`',
    "reasons.formats": "`column =` one of `whole`, `percent`, `hours`, `minutes`, `hhmm`",
    "reasons.values": '`column = { value = "words" }`',
    "reasons.groups": '`"words" = [columns]`',
    "plan.kpi": "words",
    "plan.budget": "money in 30 days",
    "plan.review_by": "a day",
    "cost.core_hour": "money an hour",
    "cost.person_hour": "money an hour",
    "cost.approval_minutes": "minutes",
    "alerts.default": "secret reference, or empty",
    "ci.rows": "a path, may have `*`",
    "train.weight": "a column, or empty",
    "train.class_weight": "`balanced`, a number over 0, or empty",
    "ci.sample": "rows",
    "ci.rejected": "share in [0, 1]",
    "ci.expect": "tables with `column`, `change`, `expect`; may have `name`, `tolerance`, `holds`, `at_least`",
}


def tables() -> str:
    """Return one table for each section, with every key there is."""
    needed = {"name": "", "target": ""}
    tree = msgspec.to_builtins(msgspec.convert({"model": needed}, Settings))
    schema = msgspec.json.schema(Settings)["$defs"]
    lines: list[str] = []
    above = None
    for key in every_key():
        section, _, field = key.rpartition(".")
        if section != above:
            title = f"[{section}]" if section else "Above all sections"
            lines += [
                "",
                f"### {title}",
                "",
                "| key | meaning | default | values | in the environment |",
                "|" + " --- |" * 5,
            ]
            above = section
        limits = _properties(schema, section)[field]
        default = tree[section][field] if section else tree[field]
        said = "none: must be given" if key in {"model.name", "model.target"} else f"`{json.dumps(default)}`"
        variable = f"`DAYTWO_{section}__{field}`".upper() if section else "no"
        values = ", ".join(part for part in (FORMS.get(key) or _type(limits), _limits(limits)) if part)
        lines.append(f"| `{field}` | {MEANINGS[key]} | {said} | {values} | {variable} |")
    return "\n".join(lines).strip() + "\n"


def _properties(schema: Mapping[str, Any], section: str) -> Mapping[str, Mapping[str, object]]:
    """Return the JSON schema of every field of a section; those of the top for an empty one."""
    top: Mapping[str, Mapping[str, Any]] = schema["Settings"]["properties"]
    if not section:
        return top
    place = top[section].get("$ref") or top[section]["anyOf"][0]["$ref"]
    found: Mapping[str, Mapping[str, object]] = schema[place.rsplit("/", 1)[-1]]["properties"]
    return found


def _type(limits: Mapping[str, object]) -> str:
    return {"string": "text", "integer": "whole number", "number": "number"}.get(str(limits.get("type")), "")


def _limits(limits: Mapping[str, object]) -> str:
    words = {"minimum": "at least", "exclusiveMinimum": "over", "maximum": "at most"}
    return ", ".join(f"{said} {limits[name]:,}" for name, said in words.items() if name in limits)


def main() -> None:
    """Put the tables between the two marks of the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{tables()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
