"""What a profile costs: 1,000,000 rows x 20 columns in memory against a stored reference, in CPU seconds.

OMP_NUM_THREADS=1 .venv/bin/python bench/monitoring_profile.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from daytwo.core.schema import Feature, Schema
from daytwo.monitoring.alarming.channels import Moments, channels, correlations
from daytwo.monitoring.judging.reference import build_layout
from daytwo.monitoring.profiles.profile import profile

ROWS, REFERENCE, RUNS = 1_000_000, 100_000, 5
LEVELS = (2, 4, 8, 16, 30, 100, 300, 1000)


def cpu(work: Callable[[], object]) -> float:
    found = []
    for _ in range(RUNS):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return float(np.median(found))


def main() -> None:
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(ROWS, 12)).astype(np.float32)
    numbers[draw.random(ROWS) < 0.2, 0] = np.nan
    matrix = np.column_stack([numbers, *(draw.integers(0, k, ROWS) for k in LEVELS)]).astype(np.float32)
    scores = draw.random(ROWS)
    features = [Feature(f"n{i}") for i in range(12)]
    features += [Feature(f"c{k}", tuple(str(level) for level in range(k))) for k in LEVELS]
    layout = build_layout(matrix[:REFERENCE], scores[:REFERENCE], Schema(tuple(features)))
    reference = profile(matrix[:REFERENCE], scores[:REFERENCE], layout)
    current = profile(matrix, scores, layout)
    together = correlations(reference)
    moments = Moments(1, together, together**2)
    print(f"sum of every column in memory {cpu(lambda: np.nansum(matrix, axis=0)):.3f} CPU s")
    print(f"profile                       {cpu(lambda: profile(matrix, scores, layout)):.3f} CPU s")
    print(f"compare two profiles          {1000 * cpu(lambda: channels(current, reference, moments, layout)):.2f} ms")


if __name__ == "__main__":
    main()
