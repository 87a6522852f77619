"""Rows for reports: two numbers of which one moves, a category, a column and a level of any name, scores and labels."""

import numpy as np
import polars as pl


def drawn(draw: np.random.Generator, windows: list[str], evil: str, *, size: int, shift: float = 0.0) -> pl.DataFrame:
    """Draw `size` rows a window; `evil` names the second number and one level of the category."""
    count = size * len(windows)
    km, rain = draw.normal(shift, 1, count), draw.normal(0, 1, count)
    score = 1 / (1 + np.exp(-km - rain / 2))
    return pl.DataFrame(
        {
            "window": np.repeat(windows, size),
            "km": km,
            evil: rain,
            "feed": draw.choice(["a", "b", evil], count),
            "score": score,
            "label": (draw.random(count) < score).astype(float),
        }
    )
