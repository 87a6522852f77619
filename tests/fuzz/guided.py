"""The door under a fuzzer that follows coverage: `python -m tests.fuzz.guided predict --seconds 120`.

Needs atheris (pip install atheris; libFuzzer's engine in a wheel), which is installed for such runs and is no
dependency. The targets need nothing: bytes go in, and a broken promise is an exception. A corpus begins with what
`grammar.py` and `languages.py` make, and lives in the folder that `--corpus` names, outside of the repository.
Reruns a finding: `python -m tests.fuzz.guided predict crash-...`.
"""

# ruff: noqa: T201  it is a command: what it prints is its answer

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

_TYPES = (
    *(b"application/json", b"text/csv", b"text/csv; charset=utf-8", b"application/json; charset=utf-8", b""),
    b"application/x-www-form-urlencoded",
)
# A door is shipped and made anew after so many cases, so that neither disk nor memory grows with the time.
_CASES_A_DOOR = 20_000
_SEEDS = 300


class Targets:
    """What each target does with bytes; the first ones choose what is beside the body."""

    def __init__(self, make_door: Callable[[Path], Any], folder: Path) -> None:
        self._make_door, self._folder = make_door, folder
        self._cases = 0
        self._door = self._opened()

    def _opened(self) -> Any:
        place = self._folder / str(self._cases)
        place.mkdir()
        return self._make_door(place)

    def run(self, name: str, data: bytes) -> None:
        """Send one case."""
        self._cases += 1
        if self._cases % _CASES_A_DOOR == 0:
            self.close()
            self._door = self._opened()
        getattr(self, f"_{name}")(data)

    def close(self) -> None:
        """Ship what was recorded and take the door's folder away."""
        self._door.close()
        shutil.rmtree(self._door.folder)

    def _predict(self, data: bytes) -> None:
        self._door.predict(data)

    def _labels(self, data: bytes) -> None:
        self._door.ask("/labels", data)

    def _feedback(self, data: bytes) -> None:
        self._door.ask("/feedback", data)

    def _invocations(self, data: bytes) -> None:
        self._door.invoke(data[1:], _TYPES[data[0] % len(_TYPES)] if data else b"")

    def _infer(self, data: bytes) -> None:
        """Two bytes: the length of the JSON part, none at all for 0 and what is no length for the greatest."""
        told = int.from_bytes(data[:2], "little")
        length = None if told == 0 else data[2:10] if told == 0xFFFF else b"%d" % told
        self._door.infer(data[2:], length)

    def _wire(self, data: bytes) -> None:
        """The first byte says at how many places the stream is cut."""
        cuts = data[0] % 4 if data else 0
        stream = data[1:]
        self._door.send(stream, tuple(len(stream) * (i + 1) // (cuts + 1) for i in range(cuts)))


NAMES = ("predict", "invocations", "infer", "wire", "labels", "feedback")


def seeds(name: str, fuzz: Any, count: int) -> list[bytes]:
    """Return what a corpus begins with."""
    grammar, languages, trip = fuzz.grammar, fuzz.languages, fuzz.trip
    made = []
    for number in range(count):
        random = Random(number)
        match name:
            case "predict":
                made.append(grammar.predict_body(random, trip))
            case "labels":
                made.append(grammar.labels_body(random))
            case "feedback":
                made.append(grammar.feedback_body(random))
            case "invocations":
                body, kind = languages.invocation(random, trip)
                made.append(bytes([b"csv" in kind.lower()]) + body)
            case "infer":
                body, length = languages.inference(random, trip)
                told = int(length) if length is not None and length.isdigit() and len(length) < 5 else 0
                made.append(min(told, 0xFFFE).to_bytes(2, "little") + body)
            case _:
                made.append(bytes([number % 4]) + grammar.stream(random, lambda one: grammar.predict_body(one, trip)))
    return [one[:20_000] for one in made]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=NAMES)
    parser.add_argument("finding", nargs="?", help="run this one file instead")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--corpus", type=Path, default=Path(tempfile.gettempdir()) / "daytwo-corpus")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="daytwo-fuzz-") as folder:
        if asked.finding:
            Targets(importlib.import_module("tests.fuzz.door").FuzzedDoor, Path(folder)).run(
                asked.target, Path(asked.finding).read_bytes()
            )
            print("nothing broke")
        else:
            _follow_coverage(asked.target, asked.seconds, asked.corpus, Path(folder))


def _follow_coverage(target: str, seconds: int, corpus: Path, folder: Path) -> None:
    import atheris  # noqa: PLC0415 - a tool for long runs, no dependency

    with atheris.instrument_imports(include=["daytwo"]):
        fuzz = importlib.import_module("tests.fuzz.door")
    inputs = corpus / target
    inputs.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(seeds(target, fuzz, _SEEDS)):
        (inputs / f"seed-{number}").write_bytes(text)
    targets = Targets(fuzz.FuzzedDoor, folder)
    options = [f"-max_total_time={seconds}", "-max_len=20000", "-timeout=20", "-rss_limit_mb=4000"]
    options += [f"-artifact_prefix={corpus}/{target}-", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(inputs)], lambda data: targets.run(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
