"""What a profile costs: 1,000,000 rows x 20 columns from Parquet against a stored reference, in CPU seconds.

OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 .venv/bin/python bench/monitoring_profile.py

Reading, encoding and counting are all in the figure; the floor is the sum of every column (texts: their bytes). With
an argument, so many million rows.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from daytwo.monitoring.alarming.channels import Moments, channels, correlations
from daytwo.monitoring.frames import encode, schema_of, scores_of
from daytwo.monitoring.judging.layout import build_layout
from daytwo.monitoring.profiles.profile import Profile, profile
from daytwo.monitoring.streaming import profile_parquet

MILLION, REFERENCE, RUNS = 1_000_000, 100_000, 5
LEVELS = (2, 4, 8, 16, 30, 100, 300, 1000)


def cpu(work: Callable[[], object]) -> float:
    found = []
    for _ in range(RUNS):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return float(np.median(found))


class Memory:
    """The most memory of its own (no pages of mapped files) that the process takes meanwhile, in MB."""

    def __enter__(self) -> Memory:
        self._done, self.most = threading.Event(), 0.0
        self._before = self._anonymous()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.005):
            self.most = max(self.most, self._anonymous() - self._before)

    @staticmethod
    def _anonymous() -> float:
        status = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssAnon"))


def made(rows: int) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    columns: dict[str, object] = {f"n{i}": draw.normal(size=rows) for i in range(12)}
    texts = {f"c{k}": pl.Series(draw.integers(0, k, rows)).cast(pl.String) for k in LEVELS}
    frame = pl.DataFrame(
        columns | {name: "level " + text for name, text in texts.items()} | {"score": draw.random(rows)}
    )
    return frame.with_columns(n0=pl.when(pl.Series(draw.random(rows) > 0.2)).then("n0"))


def write(path: Path, millions: int) -> None:
    """Write the file in a process of its own, so that the memory it takes is not in the figure."""
    if os.fork() == 0:
        pl.concat([made(MILLION)] * millions).write_parquet(path, row_group_size=131_072)
        os._exit(0)
    os.wait()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        write(path, int(sys.argv[1]) if len(sys.argv) > 1 else 1)
        rows = pl.scan_parquet(path)
        first = rows.head(REFERENCE).collect()
        names = [name for name in first.columns if name != "score"]
        schema = schema_of(first, names)
        layout = build_layout(encode(first, schema), scores_of(first, "score"), schema)
        reference = profile(encode(first, schema), scores_of(first, "score"), layout)
        del first
        every = [pl.col(name).str.len_bytes() if name[0] == "c" else pl.col(name) for name in [*names, "score"]]
        found: list[Profile] = []
        with Memory() as memory:
            found.append(profile_parquet(path, schema, layout))
        whole = cpu(lambda: found.append(profile_parquet(path, schema, layout)))
        floor = cpu(lambda: rows.select(one.sum() for one in every).collect(engine="streaming"))
        together = correlations(reference)
        moments = Moments(1, together, together**2)
        compared = cpu(lambda: channels(found[0], reference, moments, layout))
        print(f"{found[0].rows:,} rows, load {os.getloadavg()[0]:.1f}")
        print(f"sum of every column   {floor:.3f} CPU s")
        print(f"profile from Parquet  {whole:.3f} CPU s, {whole / floor:.1f} x; {memory.most:.0f} MB more memory")
        print(f"compare two profiles  {1000 * compared:.2f} ms")


if __name__ == "__main__":
    main()
