"""How long one call takes and what it costs: percentiles of wall time, and CPU time, over many different rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Enough for caches, lazily built tables and the processor's clock to settle.
_WARM_UP_SHARE = 0.1
_NS_PER_US = 1000.0


@dataclass(frozen=True, slots=True)
class Latency:
    """One call: median and 99th percentile of wall time, and mean CPU time of this thread, in microseconds."""

    p50_us: float
    p99_us: float
    cpu_us: float
    calls: int


def measure_latency(call: Callable[[int], object], n: int = 2000) -> Latency:
    """Time `call(i)` for i in 0 .. n - 1, after a tenth of them as a warm-up.

    Let `call` take another row for each `i`: one row again and again stays in the processor's cache and looks up to
    twice as fast. Wall time moves with what else the machine does; CPU time hardly. Both are measurements: no
    decision that two runs must agree on may rest on them.

    Parameters
    ----------
    call : callable
        Runs in this thread.
    n : int
        Calls, >= 100 for the 99th percentile to mean anything.

    Returns
    -------
    Latency
        `p99_us` is the upper empirical quantile: a time that did occur.

    Examples
    --------
    >>> measure_latency(lambda i: i + 1, 100).calls
    100
    """
    if n < 100:
        raise ValueError(f"{n} calls say nothing about a 99th percentile; make it 100 or more")
    for i in range(int(n * _WARM_UP_SHARE)):
        call(i)
    wall_ns = np.empty(n, dtype=np.int64)
    cpu_start = time.thread_time_ns()
    for i in range(n):
        start = time.perf_counter_ns()
        call(i)
        wall_ns[i] = time.perf_counter_ns() - start
    cpu_ns = time.thread_time_ns() - cpu_start
    p50, p99 = np.quantile(wall_ns, [0.5, 0.99], method="higher")
    return Latency(float(p50) / _NS_PER_US, float(p99) / _NS_PER_US, cpu_ns / n / _NS_PER_US, n)


def mean_cpu_us(call: Callable[[], object], n: int) -> float:
    """Return the mean CPU time of this thread for one of `n` >= 1 calls, in microseconds, after one to warm up."""
    call()
    start = time.thread_time_ns()
    for _ in range(n):
        call()
    return (time.thread_time_ns() - start) / n / _NS_PER_US
