"""Columns that look like the answer: known only after the outcome, so useless when a prediction is wanted.

Found from data alone, so a finding is a suspicion that a person confirms; `propose` excludes nothing by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from daytwo.contracts.labels import level_text, positive_level
from daytwo.core.errors import DataError
from daytwo.core.finding import Finding, Severity

# Hardly any single honest column ranks outcomes this well.
_PERFECT_AUC = 0.98
_PERFECT_R2 = 0.9
_BINS = 256
# A group is suspicious when this share of all rows has one outcome without exception ...
_PURE_SHARE = 0.005
# ... and chance would do that less often than exp(-this).
_PURE_SURPRISE = 60.0
_FEW_ROWS = 100


def suspected_leaks(
    frame: pl.DataFrame, target: str, *, time: str = "", exclude: Collection[str] = ()
) -> tuple[Finding, ...]:
    """Return a finding for each column that alone predicts `target` too well, the surest first.

    Critical: the column nearly is the answer (ROC AUC >= 0.98, R2 >= 0.9, or two columns sum to it). Warning: a
    sizeable group of rows has one outcome without a single exception, and the rows beside it do not. Info: the same
    where the outcome fades out towards that group, as it does along a strong honest column, too.

    Raises
    ------
    DataError
        If the target is not in the frame.
    """
    if target not in frame.columns:
        raise DataError(f"the data has no target column {target!r}", hint=f"Its columns are {frame.columns[:20]}")
    frame = frame.filter(frame.get_column(target).is_not_null())
    labels, binary = _labels(frame.get_column(target))
    if labels.size < _FEW_ROWS or labels.min() == labels.max():
        return ()
    candidates = [c for c in frame.columns if c not in {target, time, *exclude} and not frame[c].dtype.is_nested()]
    found: list[tuple[float, Finding]] = []
    for name in candidates:
        series = frame.get_column(name).alias("value")  # some names read as patterns where a frame looks for columns
        codes = _codes(series)
        if codes is not None:
            found += _judged(name, codes, labels, binary=binary)
            if binary:
                found += _pure(name, codes, labels, numeric=series.dtype.is_numeric())
    if not binary:
        found += _sums(frame, labels, candidates)
    named: dict[str, Finding] = {}
    for _, finding in sorted(found, key=lambda pair: -pair[0]):
        named.setdefault(finding.subject, finding)
    return tuple(named.values())


def _labels(series: pl.Series) -> tuple[npt.NDArray[np.float64], bool]:
    counts = {level_text(value): int(count) for value, count in series.alias("value").value_counts().iter_rows()}
    if len(counts) == 2:
        positive = positive_level(counts)
        return np.array([level_text(value) == positive for value in series.to_list()], dtype=np.float64), True
    if not series.dtype.is_numeric():
        return np.empty(0), True
    return series.cast(pl.Float64).to_numpy(), False


def _codes(series: pl.Series) -> npt.NDArray[np.int64] | None:
    """Return groups of like values, 0 for missing: levels as they are, numbers in bins of equal count."""
    if series.dtype.is_numeric() and series.n_unique() > _BINS:
        numbers = series.cast(pl.Float64).fill_nan(None)
        edges = np.unique(np.quantile(numbers.drop_nulls().to_numpy(), np.linspace(0, 1, _BINS + 1)[1:-1]))
        codes = np.searchsorted(edges, numbers.fill_null(0.0).to_numpy(), side="right") + 1
        codes[numbers.is_null().to_numpy()] = 0
        return codes.astype(np.int64)
    if series.dtype in {pl.Object, pl.Binary}:
        return None
    ranks = series.rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    # More groups than this cannot be told apart from chance.
    return ranks if ranks.max() <= ranks.size / 20 else None


def _judged(
    name: str, codes: npt.NDArray[np.int64], labels: npt.NDArray[np.float64], *, binary: bool
) -> Iterator[tuple[float, Finding]]:
    half = np.arange(labels.size) % 2 == 0
    groups = int(codes.max()) + 1
    prior = float(labels[half].mean())
    sums = np.bincount(codes[half], labels[half], groups)
    counts = np.bincount(codes[half], minlength=groups)
    # Ten rows of the overall mean keep small groups from looking sure.
    guess = ((sums + 10 * prior) / (counts + 10))[codes[~half]]
    truth = labels[~half]
    if binary:
        auc = _auc(guess, truth)
        if auc >= _PERFECT_AUC:
            yield auc, _finding(name, Severity.CRITICAL, f"{name} alone predicts the target: ROC AUC {auc:.3f}", auc)
        return
    r2 = 1 - float(np.mean((truth - guess) ** 2)) / float(truth.var())
    if r2 >= _PERFECT_R2:
        yield r2, _finding(name, Severity.CRITICAL, f"{name} alone predicts the target: R2 {r2:.3f}", r2)


def _pure(
    name: str, codes: npt.NDArray[np.int64], labels: npt.NDArray[np.float64], *, numeric: bool
) -> Iterator[tuple[float, Finding]]:
    rate = float(labels.mean())
    counts = np.bincount(codes)
    present = counts > 0
    counts, sums = counts[present], np.bincount(codes, labels)[present]
    rates = sums / counts
    for outcome, chance, word in ((0.0, 1 - rate, "negative"), (1.0, rate, "positive")):
        pure = rates == outcome
        # Neighbouring numbers make one group ("more than 0"); texts have no neighbours.
        groups = np.cumsum(~pure) if numeric else np.arange(pure.size)
        sizes = np.bincount(groups[pure], counts[pure]) if pure.any() else np.zeros(1)
        rows = int(sizes.max())
        if rows < _PURE_SHARE * labels.size or -rows * np.log(chance) < _PURE_SURPRISE:
            continue
        members = np.flatnonzero(pure & (groups == sizes.argmax()))
        beside = [i for i in (members[0] - 1, members[-1] + 1) if numeric and 0 <= i < rates.size]
        abrupt = all(abs(rates[i] - outcome) >= abs(rate - outcome) / 2 for i in beside)
        share = rows / labels.size
        words = f"{name}: {rows} rows ({share:.1%}) in one group are {word} without a single exception"
        yield share, _finding(name, Severity.WARNING if abrupt else Severity.INFO, words, share)


def _sums(
    frame: pl.DataFrame, labels: npt.NDArray[np.float64], candidates: list[str]
) -> Iterator[tuple[float, Finding]]:
    numeric = [name for name in candidates if frame[name].dtype.is_numeric() and not frame[name].null_count()]
    held = {name: frame[name].cast(pl.Float64).to_numpy() for name in numeric}
    for i, left in enumerate(numeric):
        for right in numeric[i + 1 :]:
            if np.allclose(held[left][:_FEW_ROWS] + held[right][:_FEW_ROWS], labels[:_FEW_ROWS]) and np.allclose(
                held[left] + held[right], labels
            ):
                for name in (left, right):
                    yield 2.0, _finding(name, Severity.CRITICAL, f"{left} + {right} is the target in every row", 1.0)


def _auc(scores: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]) -> float:
    positives = int(truth.sum())
    negatives = truth.size - positives
    if not positives or not negatives:
        return 0.5
    ranks = pl.Series(scores).rank("average").to_numpy()
    return float((ranks[truth == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _finding(name: str, severity: Severity, summary: str, strength: float) -> Finding:
    return Finding(
        kind="contract.leak",
        subject=name,
        severity=severity,
        summary=summary,
        evidence={"strength": round(strength, 6)},
        next_step=f"If {name} is known only after the outcome, add it to [data] exclude in daytwo.toml",
    )
