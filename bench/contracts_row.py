"""One row of 22 fields through its contract, from JSON bytes, beside what a user would pick instead.

    make bench-peers
    PYTHONPATH=src .venv/peers/contracts_row/bin/python bench/contracts_row.py    # --runs 5 --rows 3200 is quick

The tools stand in `contracts_row_tools.py`.
Every tool gets the same bytes: 64 rows that differ, in turn. CPU time of this process, runs of all tools alternating,
median over the runs. daytwo also names unknown fields and returns the features; the others do neither. Who stops at
the first wrong field is marked, and its time on bad rows is that of one field. With row rules, each tool that can
have them judges three: of the numbers, of the whole numbers, and of a category.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import msgspec
from contracts_row_tools import KINDS, TOOLS, Check, contract, daytwo, daytwo_decoder, rows

from daytwo.contracts.action import Action
from daytwo.contracts.decoder import compile_decoder
from daytwo.contracts.typed import compile_typed


def microseconds(check: Check, texts: list[bytes], count: int) -> float:
    rounds = max(1, count // len(texts))
    started = time.process_time()
    for _ in range(rounds):
        for text in texts:
            check(text)
    return (time.process_time() - started) / (rounds * len(texts)) * 1e6


def agree(*, ruled: bool) -> None:
    """Every tool must pass every good row and refuse every other, else its time means nothing."""
    wanted = dict(zip(KINDS, (0, 1, 22, 22), strict=True))
    for make in (daytwo, daytwo_decoder):
        check: Callable[[bytes], Any] = make(ruled=ruled)
        for kind, count in wanted.items():
            counted = {sum(b.action is Action.REJECT for b in check(text)[1]) for text in rows(kind)}
            assert counted == {count}, (make, kind, counted)
    for name, tool in TOOLS.items():
        if name.startswith("daytwo") or name == "plain decode" or (ruled and not tool.has_rules):
            continue
        peer = tool.make(ruled=ruled)
        assert not any(isinstance(peer(text), list | str) for text in rows("good")), name
        for kind in KINDS[1:]:
            assert all(isinstance(peer(text), list | str) for text in rows(kind)), (name, kind)


def measure(kind: str, *, ruled: bool, runs: int, count: int) -> None:
    """Measure all tools on rows of one kind, their runs alternating, and print what came out."""
    texts = rows(kind)
    tools = {name: tool for name, tool in TOOLS.items() if tool.has_rules or not ruled}
    checks = {name: tool.make(ruled=ruled) for name, tool in tools.items()}
    taken: dict[str, list[float]] = {name: [] for name in tools}
    for check in checks.values():
        microseconds(check, texts, count // 4)
    for _ in range(runs):
        for name, check in checks.items():
            taken[name].append(microseconds(check, texts, count))
    ours = statistics.median(taken["daytwo"])
    print(f"\n{kind}, {len(texts[0])} bytes{', 3 row rules' if ruled else ''}")
    for name, tool in tools.items():
        label = f"{name} {version(tool.package)}" if tool.package else name
        note = "" if tool.names_all or kind == "good" else "   names one wrong field only"
        median, best, worst = statistics.median(taken[name]), min(taken[name]), max(taken[name])
        print(f"  {label:28}{median:8.2f} ({best:.2f} to {worst:.2f}){median / ours:8.2f} x{note}")


def measure_block(runs: int) -> None:
    """Measure a list of 1024 good rows, as the server reads it and by dicts, and print microseconds a row."""
    texts = rows("good") * 16
    block = [b"[" + b",".join(texts) + b"]"]
    typed, check, decode = compile_typed(contract()), compile_decoder(contract()).check, msgspec.json.decode
    assert typed is not None
    packed, read = typed.packed, msgspec.json.Decoder(list[typed.row_type]).decode  # type: ignore[name-defined]
    ways: dict[str, Check] = {
        "daytwo": lambda text: [packed(row) for row in read(text)],
        "daytwo, by dict alone": lambda text: [check(row) for row in decode(text)],
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs + 1):
        for name, way in ways.items():
            taken[name].append(microseconds(way, block, 10) / len(texts))
    print(f"\na list of {len(texts)} good rows, a row")
    for name, (_, *found) in taken.items():
        print(f"  {name:28}{statistics.median(found):8.2f} ({min(found):.2f} to {max(found):.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9, help="alternating runs")
    parser.add_argument("--rows", type=int, default=12_800, help="rows a run")
    asked = parser.parse_args()
    machine, load = platform.processor() or platform.machine(), os.getloadavg()[0]
    print(f"{machine}, Python {platform.python_version()}, load {load:.1f}")
    print("CPU us a row: median (best to worst)")
    for ruled in (False, True):
        agree(ruled=ruled)
        for kind in KINDS[:2] if ruled else KINDS:
            measure(kind, ruled=ruled, runs=asked.runs, count=asked.rows)
    measure_block(asked.runs)


if __name__ == "__main__":
    main()
