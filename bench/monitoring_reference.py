"""How long a plain change takes, by how many windows of reference there are.

    .venv/bin/python bench/monitoring_reference.py

Eight numbers, 300 rows a window; four of them have a mean of the window that wanders by .3 of their spread, and one of
these is shifted by one spread from the first window on. Twenty draws each; 21 stands for never within 20 windows.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from daytwo.monitoring import watch

NAMES = [f"x{i}" for i in range(8)]


def window(draw: np.random.Generator, shift: float = 0.0) -> pl.DataFrame:
    z = draw.normal(size=(300, 8))
    z[:, 1] = 0.7 * z[:, 0] + 0.7 * z[:, 1]
    z[:, :4] += 0.3 * draw.normal(size=4)
    z[:, 2] += shift
    return pl.DataFrame(z, schema=NAMES).with_columns(pl.Series("score", z[:, 0]))


def delay(known: int, seed: int) -> int:
    draw = np.random.default_rng(seed)
    usual = [window(draw) for _ in range(known)]
    found = watch(usual, (window(draw, 1.0) for _ in range(20)), features=NAMES)
    return next((one.window + 1 for one in found if one.alarm), 21)


def main() -> None:
    for known in (60, 30, 15):
        delays = [delay(known, seed) for seed in range(20)]
        middle = np.quantile(delays, [0.1, 0.5, 0.9])
        print(f"{known} windows: mean {np.mean(delays):.1f}, median {middle[1]:g}, {middle[0]:g} to {middle[2]:g}")


if __name__ == "__main__":
    main()
