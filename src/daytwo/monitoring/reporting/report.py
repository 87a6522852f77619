"""A report in the forms people and machines take: HTML, JSON, and Polars frames. `content.py` is what it is made of."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from daytwo.core.files import write_whole
from daytwo.monitoring.reporting import sentences
from daytwo.monitoring.reporting.content import Content, Figure, Seen
from daytwo.monitoring.reporting.page import page
from daytwo.monitoring.reporting.ranking import columns, harms

_FIGURES = {"window": pl.String, "metric": pl.String, "kind": pl.String} | dict.fromkeys(
    ("value", "low", "high", "maturity"), pl.Float64
)
_DISTANCES = {"window": pl.String, "column": pl.String, "distance": pl.String, "value": pl.Float64}
_FINDINGS = {
    "window": pl.String,
    "kind": pl.String,
    "subject": pl.String,
    "severity": pl.String,
    "summary": pl.String,
    "money_per_day": pl.Float64,
    "next_step": pl.String,
}
_WINDOWS = {
    "window": pl.String,
    "rows": pl.Int64,
    "verdict": pl.String,
    "alarm": pl.Boolean,
    "maturity": pl.Float64,
    "allowed": pl.Float64,
}


@dataclass(frozen=True)
class Report:
    """A report of windows; shows itself in a notebook."""

    content: Content

    @cached_property
    def html(self) -> str:
        """The report as one self-contained HTML file."""
        return page(self.content)

    @cached_property
    def frames(self) -> Mapping[str, pl.DataFrame]:
        """Long frames by name.

        `windows`: one row a window; `figures`: estimated, realised and usual, with intervals; `distances`: one row for
        every window, column and distance, `reach` among them; `findings`.
        """
        windows = self.content.windows
        return {
            "windows": _frame([_window(seen) for seen in windows], _WINDOWS),
            "figures": _frame([*_usual(self.content), *(row for seen in windows for row in _figures(seen))], _FIGURES),
            "distances": _frame([row for seen in windows for row in _distances(seen)], _DISTANCES),
            "findings": _frame([row for seen in windows for row in _findings(seen)], _FINDINGS),
        }

    def save(self, path: str | Path) -> None:
        """Write the HTML file, whole or not at all."""
        write_whole(Path(path), self.html.encode())

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        content = self.content
        courses, ranked = columns(content), harms(content)
        return {
            "title": content.title,
            "headline": sentences.headline(content),
            "budget": sentences.budget(content),
            "usual": {name: _figure(one) for name, one in content.usual.items()},
            "harms": [asdict(one) | {"severity": str(one.severity)} for one in ranked],
            "columns": [
                {"column": one.name, "beyond": one.beyond, "first": one.first, "worst": one.worst} for one in courses
            ],
            "calibration": None if content.calibration is None else [asdict(one) for one in content.calibration.groups],
            "windows": [_plain(seen) for seen in content.windows],
            "notes": list(content.notes),
        }

    def to_json(self) -> str:
        """Return everything as JSON text."""
        return msgspec.json.encode(self.to_dict(), enc_hook=str).decode()

    def _repr_html_(self) -> str:
        """Show the page in a frame of its own, so that its style leaves the notebook's alone."""
        return (
            f'<iframe title="daytwo report" sandbox="" style="width:100%;height:48rem;border:0"'
            f' srcdoc="{html.escape(self.html)}"></iframe>'
        )


def _frame(rows: list[dict[str, Any]], schema: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema)


def _window(seen: Seen) -> dict[str, Any]:
    return {
        "window": seen.name,
        "rows": seen.rows,
        "verdict": seen.verdict,
        "alarm": seen.alarm,
        "maturity": seen.maturity,
        "allowed": seen.allowed,
    }


def _usual(content: Content) -> list[dict[str, Any]]:
    return [
        {"window": None, "metric": name, "kind": "usual"} | _figure(one) | {"maturity": None}
        for name, one in content.usual.items()
    ]


def _figures(seen: Seen) -> list[dict[str, Any]]:
    return [
        {"window": seen.name, "metric": name, "kind": kind} | _figure(one) | {"maturity": seen.maturity}
        for kind, figures in (("estimated", seen.estimated), ("realised", seen.realised))
        for name, one in figures.items()
    ]


def _distances(seen: Seen) -> list[dict[str, Any]]:
    found = [(column, name, value) for column, those in seen.distances.items() for name, value in those.items()]
    found += [(column, "reach", value) for column, value in seen.reach.items()]
    return [{"window": seen.name, "column": a, "distance": b, "value": value} for a, b, value in found]


def _findings(seen: Seen) -> list[dict[str, Any]]:
    return [
        {"window": seen.name} | {name: _plain_finding(one)[name] for name in [*_FINDINGS][1:]} for one in seen.findings
    ]


def _plain_finding(finding: Any) -> dict[str, Any]:
    kept = asdict(finding)
    since = finding.since.isoformat() if finding.since else None
    return kept | {"severity": str(finding.severity), "since": since}


def _plain(seen: Seen) -> dict[str, Any]:
    return _window(seen) | {
        "estimated": {name: _figure(one) for name, one in seen.estimated.items()},
        "realised": {name: _figure(one) for name, one in seen.realised.items()},
        "distances": {name: dict(one) for name, one in seen.distances.items()},
        "reach": dict(seen.reach),
        "findings": [_plain_finding(one) for one in seen.findings],
    }


def _figure(one: Figure) -> dict[str, float | None]:
    return {"value": one.value, "low": one.low, "high": one.high}
