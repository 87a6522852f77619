"""How often gates are wrong, and how many rows they need, on made-up days whose truth is known.

`.venv/bin/python bench/gates.py [--json] [--worlds 400]`. Nothing is timed, so the machine's load does not matter.

Each world has days of about `ROWS` rows; the candidate has good and bad days (`SPREAD`), so rows of one day belong
together. People look after every day, up to `DAYS`, and act on the first yes.

- promotions: a candidate that is worse by exactly the bearable margin; the quality gate says yes in how many worlds?
  Beside it a test that takes rows for independent and is looked at as often, and the same on days.
- stops: a candidate just as good as the champion; the gates on live traffic (labels and money, in shadow and as a
  canary) stop it in how many worlds?
- rows: a candidate that is better than the margin asks; days until the gate says yes, beside a plan of five looks
  (O'Brien & Fleming) made for 90 % power. The plan needs to know beforehand how much better it is; it may be wrong.
"""

from __future__ import annotations

import argparse
import json
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.lifecycle.gating.gates import Paired, quality_gate
from daytwo.lifecycle.gating.live_gates import Arm, canary_money, canary_quality, shadow_money, shadow_quality
from daytwo.lifecycle.gating.sequential import cluster_means, confidence_sequence
from daytwo.monitoring.estimating.performance import Answers

Floats = NDArray[np.float64]
DAYS, ROWS, SHARE = 60, 120, 0.25
# How far days move a candidate's skill, in standard deviations of a score.
SPREAD = 0.25
LIMIT = NormalDist().inv_cdf(0.95)
# O'Brien & Fleming's bounds for five looks at one-sided 5 % (C. Jennison & B. Turnbull (2000), Group sequential
# methods, table 2.3, K = 5, alpha 0.1 two-sided: 1.763): reject at look k where z > 1.763 sqrt(5 / k).
LOOKS, BOUND = 5, 1.763


class World:
    """Days of labelled rows with both versions' scores; `skill` is the candidate's mean, the champion's is 1."""

    def __init__(self, rng: np.random.Generator, skill: float, days: int = DAYS) -> None:
        counts = rng.poisson(ROWS, days) + 1
        self.days = np.repeat(np.arange(days), counts)
        n = self.days.size
        self.labels = (rng.random(n) < 0.35).astype(float)
        side = self.labels - 0.35
        moved = rng.normal(0.0, SPREAD, days)[self.days]
        common = rng.normal(size=n)
        self.champion = _chance(side + 0.8 * common + 0.6 * rng.normal(size=n))
        self.candidate = _chance((skill + moved) * side + 0.8 * common + 0.6 * rng.normal(size=n))

    def until(self, day: int) -> slice:
        return slice(0, int(np.searchsorted(self.days, day)))


def _chance(z: Floats) -> Floats:
    return 1 / (1 + np.exp(-(z - 0.6)))


def _paired(world: World, rows: slice) -> Paired:
    return Paired(world.labels[rows], world.candidate[rows], world.champion[rows], world.days[rows])


def _brier_gain(world: World) -> Floats:
    return (world.labels - world.champion) ** 2 - (world.labels - world.candidate) ** 2


def truth(skill: float) -> dict[str, float]:
    """Return by how much a candidate of this skill is better, in each metric, over days without end."""
    world = World(np.random.default_rng(99), skill, 20_000)
    everything = quality_gate(_paired(world, slice(None)), task=Task.BINARY, metric="roc_auc", margin=1.0)
    return {"roc_auc": float(str(everything.evidence["difference"])), "brier": float(_brier_gain(world).mean())}


def promotions(worlds: int, skill: float) -> dict[str, dict[str, float]]:
    """Return the share of worlds in which a candidate worse by exactly the margin is promoted, by metric and test."""
    true = truth(skill)
    found = {}
    for metric, margin in ((name, -value) for name, value in true.items()):
        said = dict.fromkeys(("daytwo", "days", "rows"), 0)
        for number in range(worlds):
            world = World(np.random.default_rng(number), skill)
            yes = dict.fromkeys(said, False)
            gain = _brier_gain(world)
            for day in range(5, DAYS + 1):
                rows = world.until(day)
                if not yes["daytwo"]:
                    gate = quality_gate(_paired(world, rows), task=Task.BINARY, metric=metric, margin=margin)
                    yes["daytwo"] = gate.passed
                if metric == "brier":
                    means = cluster_means(gain[rows], world.days[rows]) + margin
                    yes["days"] |= bool(means.mean() > LIMIT * means.std(ddof=1) / np.sqrt(day))
                    single = gain[rows] + margin
                    yes["rows"] |= bool(single.mean() > LIMIT * single.std(ddof=1) / np.sqrt(single.size))
            for name, one in yes.items():
                said[name] += one
        kept = said if metric == "brier" else {"daytwo": said["daytwo"]}
        found[metric] = {name: count / worlds for name, count in kept.items()}
    return found


def stops(worlds: int) -> dict[str, float]:
    """Return the share of worlds in which live traffic stops a candidate that is as good, by gate and by any."""
    names = ("labels in shadow", "money in shadow", "labels", "money")
    said = dict.fromkeys((*names, "any"), 0)
    for number in range(worlds):
        rng = np.random.default_rng(10_000 + number)
        world = World(rng, 1.0)
        canary = rng.random(world.labels.size) < SHARE
        stopped = set()
        for day in range(5, DAYS + 1):
            if len(stopped) == len(names):
                break
            for name, passed in _live(world, world.until(day), canary):
                if not passed:
                    stopped.add(name)
        for name in stopped:
            said[name] += 1
        said["any"] += bool(stopped)
    return {name: count / worlds for name, count in said.items()}


def _live(world: World, rows: slice, canary: NDArray[np.bool_]) -> list[tuple[str, bool]]:
    paired, mine = _paired(world, rows), canary[rows]
    labels, days = world.labels[rows], world.days[rows]
    money = [np.where(labels == 1, 2.0, -1.0) * (scores[rows] > 0.5) for scores in (world.candidate, world.champion)]
    arms = [
        Arm(Answers(scores[rows][which]), labels[which], days[which], brought[which])
        for scores, which, brought in zip((world.candidate, world.champion), (mine, ~mine), money, strict=True)
    ]
    results = (
        shadow_quality(paired, task=Task.BINARY, metric="roc_auc", margin=0.0),
        shadow_money(money[0], money[1], days, margin=0.0, currency="EUR"),
        canary_quality(*arms, task=Task.BINARY, metric="roc_auc", margin=0.0),
        canary_money(*arms, margin=0.0, currency="EUR"),
    )
    return [(one.name, one.passed) for one in results if one is not None]


def rows_needed(worlds: int, factors: tuple[float, ...]) -> dict[str, dict[str, float]]:
    """Return the mean days until a yes, ours and the plan's, by how many times as good as planned the candidate is.

    The plan's days are fixed beforehand, for 90 % power where the truth is the planned distance from the margin.
    """
    spread = float(np.std(_days_of(0, 2_000)))
    distance = 0.5 * spread  # planned: about 34 days for a test that looks once
    fixed = ((LIMIT + NormalDist().inv_cdf(0.9)) * spread / distance) ** 2
    most = LOOKS * int(np.ceil(1.04 * fixed / LOOKS))
    looks = [k * most // LOOKS for k in range(1, LOOKS + 1)]
    found = {}
    for factor in factors:
        ours, planned, missed = [], [], 0
        for number in range(worlds):
            days = _days_of(50_000 + number, 8 * most) + factor * distance
            bounds = [BOUND * np.sqrt(LOOKS / (k + 1)) for k in range(LOOKS)]
            early = [day for day, bound in zip(looks, bounds, strict=True) if _z(days[:day]) > bound]
            planned.append(early[0] if early else most)
            missed += not early
            ours.append(next((t for t in range(5, days.size) if confidence_sequence(days[:t]).low > 0), days.size))
        found[f"{factor:g}"] = {
            "days": float(np.mean(ours)),
            "planned_days": float(np.mean(planned)),
            "share": float(np.mean(ours) / np.mean(planned)),
            "planned_most": float(most),
            "planned_misses": missed / worlds,
        }
    return found


def _days_of(seed: int, days: int) -> Floats:
    """Return what each day says of a candidate that is as good as the champion: means of squared errors saved."""
    world = World(np.random.default_rng(seed), 1.0, days)
    return cluster_means(_brier_gain(world), world.days)


def _z(days: Floats) -> float:
    return float(days.mean() / (days.std(ddof=1) / np.sqrt(days.size)))


def main() -> None:
    """Run all three and print them, as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    told = {
        "worlds": asked.worlds,
        "false_promotions": promotions(asked.worlds, 0.93),
        "false_stops": stops(asked.worlds),
        "rows": rows_needed(asked.worlds, (1.0, 1.5, 2.0, 3.0)),
    }
    print(json.dumps(told, indent=None if asked.json else 2))


if __name__ == "__main__":
    main()
