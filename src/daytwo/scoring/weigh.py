"""How much memory a bundle's model takes once it is loaded: measured in a process that does nothing else.

`python -m daytwo.scoring.weigh` with a JSON object on stdin; `resident_bytes` below starts it.
"""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
from pathlib import Path

import msgspec

from daytwo.core.errors import Fault
from daytwo.registry.bundle import Bundle, BundleStore
from daytwo.registry.trust import Trust
from daytwo.scoring.model import Model
from daytwo.scoring.replay import Replay

_STATM = Path("/proc/self/statm")
_TIMEOUT_S = 300
_KIBI = 1024


class _Asked(msgspec.Struct, frozen=True):
    store: str
    digest: str
    trusted: list[str]
    python: str
    deadline_s: float
    engine: str


def resident_bytes(bundle: Bundle) -> int:
    """Return by how many bytes a process grows that loads the model and answers its replay set, >= 0.

    A model that is code runs in a process of its own, which is not counted. A measurement: two runs differ by a few
    hundred kilobytes.

    Raises
    ------
    Fault
        If that process does not end as it should.
    """
    trust = bundle.trust
    asked = _Asked(
        str(bundle.folder.parent), bundle.digest, sorted(trust.digests), trust.python, trust.deadline_s, trust.engine
    )
    try:
        done = subprocess.run(  # noqa: S603 (our interpreter, no shell)
            [sys.executable, "-m", __name__],
            input=msgspec.json.encode(asked),
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_S,
        )
        return max(int(done.stdout), 0)
    except (OSError, subprocess.SubprocessError, ValueError) as err:
        raise Fault(
            f"the memory of {bundle.digest[:12]} cannot be measured: {err}", hint="Run the same command again"
        ) from err


def _grown(asked: _Asked) -> int:
    trust = Trust(frozenset(asked.trusted), asked.python, asked.deadline_s, asked.engine)
    bundle = BundleStore(Path(asked.store), trust).get(asked.digest)
    gc.collect()
    before = _resident()
    model = Model.load(bundle)
    replay = Replay.from_bytes(bundle.read("replay.npy"))
    model.score_many(replay.matrix)
    gc.collect()
    return _resident() - before


def _resident() -> int:
    """Return the bytes that this process holds now; where the system does not say, the most it ever held."""
    try:
        return int(_STATM.read_text().split()[1]) * resource.getpagesize()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * _KIBI


if __name__ == "__main__":
    sys.stdout.write(str(_grown(msgspec.json.decode(sys.stdin.buffer.read(), type=_Asked))))
