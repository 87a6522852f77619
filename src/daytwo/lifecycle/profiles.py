"""What each window looked like, kept in the table `profiles`: one profile per window and version, no rows.

Profiles add up (`monitoring/profiles`), so a month's is the sum of its windows'. Bins are those of the version's own
reference; profiles of different versions do not add.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from daytwo.lifecycle.system import System
from daytwo.lifecycle.windows import Span
from daytwo.monitoring.judging.judge import Window
from daytwo.monitoring.profiles.profile import Layout, Profile, merge, profile

PROFILES = "profiles"
_MOMENT = pl.Datetime("us", "UTC")
_SCHEMA = pl.Schema(
    {
        "window": pl.Int64(),
        "start": _MOMENT,
        "end": _MOMENT,
        "version": pl.String(),
        "rows": pl.Int64(),
        "contract_share": pl.Float64(),
        "profile": pl.String(),
    }
)


def keep_profile(system: System, span: Span, version: str, window: Window, layout: Layout) -> None:
    """Keep the profile of one window's rows as the version of this digest answered them; twice is once."""
    if not len(window.matrix):
        return
    part = profile(window.matrix, window.answers.scores, layout)
    line = {
        "window": span.index,
        "start": span.start,
        "end": span.end,
        "version": version,
        "rows": part.rows,
        "contract_share": window.contract_share,
        "profile": part.to_json().decode(),
    }
    system.tables.append(PROFILES, pl.DataFrame([line], schema=_SCHEMA), batch=f"{span.name} {version}")


def read_profile(system: System, version: str, layout: Layout, start: datetime, end: datetime) -> Profile:
    """Return the profile of all windows of one version that lie within [`start`, `end`]; of no rows where none does."""
    if system.tables.version(PROFILES) is None:
        return merge(layout, ())
    inside = (pl.col("version") == version) & (pl.col("start") >= start) & (pl.col("end") <= end)
    kept = system.tables.read(PROFILES, columns=["profile"], where=inside)
    return merge(layout, (Profile.from_json(one.encode()) for one in kept["profile"]))
