"""Regret of retraining policies against a hindsight oracle, challengers charged.

    .venv/bin/python bench/retrain.py --data FOLDER [--part held-out] [--json] [--quick]

FOLDER holds the public streams as Parquet (docs/benchmarks.md names them); without it only drawn worlds are measured.
Each stream is replayed at four prices of a switch, in mean losses of a fresh model on one window. The rule's numbers
were chosen on `design` and drawn worlds of seeds 0 to 5, the hard ones above all; seeds 100 to 105 are reported.
`--quick` takes linear models only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from retrain_losses import REAL, Stream, drawn, hard, real

from daytwo.lifecycle.retraining.replay import oracle, simulate

PRICES = (0.02, 0.1, 0.5, 2.0)
SHARES = (0.0, 0.02, 0.1)
PERIODS = (1, 2, 4, 8, 16)
# PSI that counts as moved, ADWIN's confidence, a rise of the expected loss that counts as a drop of quality.
MOST_PSI, DELTA, RISE = 0.2, 0.002, 1.1
Wants = Callable[[Stream, int, int], bool]


def psi(stream: Stream, own: int, t: int) -> bool:
    """Inputs are known without labels: the last whole window counts."""
    return t - 1 >= own and bool(stream.psi[own, t - 1] > MOST_PSI)


def cbpe(stream: Stream, own: int, t: int) -> bool:
    """Return whether the model's own probabilities let expect 10 % more loss than in its first window."""
    return t - 1 > own and bool(stream.expected[own, t - 1] > RISE * stream.expected[own, own])


def adwin(stream: Stream, own: int, t: int) -> bool:
    """Cut the known windows of this version anywhere: do both sides differ (Bifet & Gavalda 2007, 500 rows each)?"""
    wrong = stream.errors[own, own : t - 1]
    n = len(wrong)
    spread = float(np.mean(wrong)) * (1 - float(np.mean(wrong))) if n else 0.0
    for cut in range(1, n):
        m = 1 / (1 / (500 * cut) + 1 / (500 * (n - cut)))
        log = np.log(2 * np.log(500 * n) / DELTA)
        if abs(wrong[:cut].mean() - wrong[cut:].mean()) > np.sqrt(2 / m * spread * log) + 2 / (3 * m) * log:
            return True
    return False


def triggered(stream: Stream, wants: Wants, switch_cost: float, challenger_cost: float) -> float:
    """Return what a trigger pays together; it trains a model only to switch to it."""
    own, total = 0, 0.0
    for t in range(len(stream.losses)):
        if t and wants(stream, own, t):
            own, total = t, total + switch_cost + challenger_cost
        total += float(stream.losses[own, t])
    return total


def regrets(stream: Stream, share: float) -> Iterator[dict[str, float]]:
    """Yield one row of regrets in per cent for each price; triggers whose input a stream lacks are left out."""
    fresh = float(np.mean(np.diag(stream.losses)))
    for price in PRICES:
        costs = {"switch_cost": price * fresh, "challenger_cost": share * price * fresh}
        best = oracle(stream.losses, **costs).total
        told = {
            name: simulate(stream.losses, policy=name, **costs).total
            for name in ("marginal", "marginal every 1", "never")
        }
        told |= {f"every {k}": simulate(stream.losses, policy=f"every {k}", **costs).total for k in PERIODS}
        triggers = {
            "PSI > 0.2": (psi, stream.psi),
            "ADWIN": (adwin, stream.errors),
            "CBPE drop": (cbpe, stream.expected),
        }
        for name, (wants, read) in triggers.items():
            if np.isfinite(read[0, 0]):
                told[name] = triggered(stream, wants, **costs)
        told["best period in hindsight"] = min(told[f"every {k}"] for k in PERIODS)
        yield {name: 100 * (total / best - 1) for name, total in told.items()}


def summary(streams: list[Stream]) -> dict[str, dict[str, dict[str, float]]]:
    """Return mean, p90 and worst regret by the challenger's share of a switch, and by policy."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for share in SHARES:
        rows = [row for stream in streams for row in regrets(stream, share)]
        found[str(share)] = {
            name: {
                "mean": float(np.mean(values)),
                "p90": float(np.quantile(values, 0.9)),
                "worst": float(np.max(values)),
                "runs": len(values),
            }
            for name in dict.fromkeys(name for row in rows for name in row)
            if (values := [row[name] for row in rows if name in row])
        }
    return found


def still(streams: list[Stream], share: float) -> list[float]:
    """Return by how much, in per cent, the rule costs more than never to retrain where nothing decays, by price."""
    found = []
    for price in PRICES:
        costs = {"switch_cost": price * 0.5, "challenger_cost": share * price * 0.5}
        pairs = [
            (simulate(one.losses, **costs).total, simulate(one.losses, policy="never", **costs).total)
            for one in streams
        ]
        found.append(100 * (float(np.mean([a / b for a, b in pairs])) - 1))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--part", choices=tuple(REAL), default="held-out")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    models = ("linear",) if asked.quick else ("linear", "boosted")
    seeds = range(6) if asked.part == "design" else range(100, 106)
    worlds = [one for seed in seeds for one in drawn(seed)]
    quiet = [one for one in worlds if "still" in one.name]
    told: dict[str, object] = {
        "drawn": summary(worlds),
        "hard": summary([one for seed in seeds for one in hard(seed)]),
        **{f"still, a challenger at {share:.0%}": still(quiet, share) for share in SHARES},
    }
    if asked.data:
        told[asked.part] = summary([real(asked.data, name, model) for name in REAL[asked.part] for model in models])
    if asked.json:
        print(json.dumps(told))
        return
    for part, found in told.items():
        if not isinstance(found, dict):
            print(f"{part}: {', '.join(f'{one:.2f} %' for one in found)} more than never, by price")
            continue
        for share, policies in found.items():
            print(f"{part}, a challenger costs {float(share):.0%} of a switch: mean, p90, worst regret in %")
            for name, one in policies.items():
                print(f"  {name:26} {one['mean']:7.2f} {one['p90']:7.2f} {one['worst']:7.2f}  ({one['runs']} runs)")


if __name__ == "__main__":
    main()
