"""A report of anybody's rows, without a project: a reference and windows in, a `Report` out.

`from daytwo.monitoring import report` is the public door; `watching.py` judges, `report.py` is what comes out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from daytwo.core.errors import DataError
from daytwo.monitoring.frames import as_polars, scores_of
from daytwo.monitoring.judging.normal import Normal
from daytwo.monitoring.profiles.bins import Floats
from daytwo.monitoring.profiles.profile import profile
from daytwo.monitoring.reporting.calibration import calibration
from daytwo.monitoring.reporting.content import Content, Seen
from daytwo.monitoring.reporting.learnt import Figures
from daytwo.monitoring.reporting.moving import distances, reaches
from daytwo.monitoring.reporting.report import Report
from daytwo.monitoring.watching import Judgement, Reader, watch

# A reference that says nothing of windows is cut into so many; rows to judge into at most so many.
_CUTS, _MOST = 40, 100


def report(
    reference: Any,
    windows: Any,
    *,
    features: Sequence[str] = (),
    score: str = "score",
    label: str | None = None,
    budget: str = "1 per 90 windows",
    phase: str | None = None,
    metrics: Sequence[str] | None = None,
    title: str = "report of windows",
) -> Report:
    """Report what changed from a reference to windows, and how good the model is in them.

    Parameters
    ----------
    reference : a frame, or a sequence of frames
        Rows in which all was well, oldest first. A column `window` says which window each row belongs to; without it
        the rows are cut into 40 windows in their order.
    windows : a frame, or frames one after another
        What to report on. One frame without a column `window` is cut into windows as long as the reference's.
    features : names of columns
        Numbers, truths or texts; none where only scores are given.
    score : name of the column with the model's answers: calibrated probabilities of label 1, or values
    label : name of the column with outcomes, optional
        Numbers; 0 and 1 for a probability. The reference's teach what to expect of windows without labels; a window's
        give what came true. Missing where unknown.
    budget, phase : as of `watch`
    metrics : names of figures to show
        Such as `roc_auc`, `accuracy`, `f1`, `log_loss`, `brier`, `mae`, `rmse`; default: ROC AUC, or the mean absolute
        error.
    title : what stands above the report

    Returns
    -------
    Report
        `.save("report.html")`, `.html`, `.to_dict()`, `.to_json()`, `.frames`; a notebook shows it.

    Raises
    ------
    DataError
        If there are no rows, or a column is not there.
    SettingsError
        If the budget is no rate per windows.

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> usual = pl.DataFrame({"km": draw.normal(0, 1, 4000), "score": draw.random(4000)})
    >>> later = pl.DataFrame({"km": draw.normal(1, 1, 500), "score": draw.random(500)})
    >>> found = report(usual, later, features=["km"])
    >>> found.to_dict()["columns"][0]["column"], found.frames["windows"].height
    ('km', 5)
    """
    usual, size = _reference(reference)
    passed: list[tuple[str, pl.DataFrame]] = []
    coming = _passing(_windows(windows, size), passed)
    watcher = watch(usual, coming, features=features, score=score, budget=budget, phase=phase)
    watcher.name_of = lambda _: passed[-1][0]
    figures, heard = _learn(usual, watcher.reader, label), watcher.heard
    seen, spoken = [], []
    for judged in watcher:
        name, frame = passed.pop()
        matrix, scores, _ = watcher.reader.read(frame)
        labels = _labels(frame, label)
        seen.append(_seen(name, judged, watcher.normal, heard, figures, (matrix, scores, labels)))
        if labels is not None:
            spoken.append((scores, labels))
    if not seen:
        raise DataError("there are no windows to report on", hint="Give a frame, or frames")
    first = () if figures is None else (("roc_auc",) if "roc_auc" in figures.usual else ("mae",))
    content = Content(
        title=title,
        windows=tuple(seen),
        usual={} if figures is None else figures.usual,
        metrics=tuple(first if metrics is None else metrics),
        calibration=calibration(*(np.concatenate(part) for part in zip(*spoken, strict=True))) if spoken else None,
        notes=tuple(_notes(size, figures, budget, len(usual))),
    )
    return Report(content)


def _reference(reference: Any) -> tuple[list[pl.DataFrame] | Any, int]:
    """Return the reference's windows, and how many rows each has where they were cut here (0: they came in windows)."""
    if isinstance(reference, Sequence):
        return [as_polars(frame) for frame in reference], 0
    whole = as_polars(reference)
    if not whole.height:
        raise DataError("a reference needs rows", hint="Give rows in which all was well")
    if "window" in whole.columns:
        return [frame for _, frame in _partition(whole)], 0
    size = max(whole.height // _CUTS, 1)
    return list(whole.iter_slices(size))[:_CUTS], size


def _windows(windows: Any, size: int) -> Iterator[tuple[str, pl.DataFrame]]:
    if isinstance(windows, Iterable) and not _is_frame(windows):
        yield from ((f"window {number}", as_polars(one)) for number, one in enumerate(windows))
        return
    whole = as_polars(windows)
    if "window" in whole.columns:
        yield from _partition(whole)
    elif size and whole.height > size:
        length = max(size, -(-whole.height // _MOST))
        for start, part in zip(itertools.count(0, length), whole.iter_slices(length), strict=False):
            yield f"row {start:,}", part
    else:
        yield "window 0", whole


def _is_frame(given: Any) -> bool:
    return (
        isinstance(given, pl.DataFrame | pl.LazyFrame)
        or hasattr(given, "columns")
        or hasattr(given, "__arrow_c_stream__")
    )


def _partition(whole: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    parts = whole.sort("window", maintain_order=True).partition_by("window", maintain_order=True)
    return ((str(part["window"][0]), part) for part in parts)


def _passing(
    windows: Iterable[tuple[str, pl.DataFrame]], passed: list[tuple[str, pl.DataFrame]]
) -> Iterator[pl.DataFrame]:
    """Hand frames on, and keep the last one with its name."""
    for name, frame in windows:
        passed[:] = [(name, frame)]
        yield frame


def _learn(usual: Sequence[pl.DataFrame], reader: Reader, label: str | None) -> Figures | None:
    """Return what the reference's labels teach, None where it has none."""
    known = [(*reader.read(frame)[:2], labels) for frame in usual if (labels := _labels(frame, label)) is not None]
    if not known:
        return None
    matrix, scores, labels = (np.concatenate(part) for part in zip(*known, strict=True))
    if np.isnan(labels).all():
        return None
    # LightGBM's package takes seconds to import: only who has labels waits for it.
    learn = import_module("daytwo.monitoring.reporting.figures").learn_figures
    figures: Figures = learn(matrix, scores, labels, reader.schema)
    return figures


def _labels(frame: pl.DataFrame, label: str | None) -> Floats | None:
    return scores_of(frame, label) if label is not None and label in frame.columns else None


def _seen(
    name: str,
    judged: Judgement,
    normal: Normal,
    heard: Mapping[str, tuple[float, ...]],
    figures: Figures | None,
    rows: tuple[NDArray[np.float32], Floats, Floats | None],
) -> Seen:
    if not judged.rows:
        return Seen(name, 0, "empty", alarm=False, findings=judged.findings, allowed=judged.allowed)
    matrix, scores, labels = rows
    part = profile(matrix, scores, normal.layout)
    return Seen(
        name,
        judged.rows,
        "drift" if judged.alarm else "warming" if judged.warming else "ok",
        judged.alarm,
        estimated={} if figures is None else figures.estimated(matrix, scores),
        realised={} if figures is None or labels is None else figures.realised(scores, labels),
        maturity=None if labels is None else float(np.mean(~np.isnan(labels))),
        distances=distances((*normal.layout.columns, normal.layout.score), normal.always.whole, part),
        reach=reaches(judged.channels, heard),
        findings=judged.findings,
        allowed=judged.allowed,
    )


def _notes(size: int, figures: Figures | None, budget: str, count: int) -> Iterator[str]:
    if size:
        yield f"No column says windows, so rows were cut into windows of {size:,} rows in their order."
    yield f"The reference has {count:,} windows; the alarm's budget is {budget}, over all columns together."
    if figures is None:
        yield "The reference has no labels, so nothing is said of how good the model is."
    else:
        yield f"What to expect without labels was learned from the reference's labels ({figures.estimator.kind})."
    yield "How far a column moved is told by its distance to the reference in noise units, sized for rows and levels."
