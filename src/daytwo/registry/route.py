"""Where traffic goes: the small file by which the control plane tells every server process what to run.

The ledger is the truth and this is its projection. A server polls it, so it is written whole; generations only
grow, so that of two projections written at once the newer one stays.
"""

from __future__ import annotations

import fcntl
from pathlib import Path

import msgspec

from daytwo.core.errors import DataError, Fault
from daytwo.core.files import read_if_there, write_whole


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which bundles answer. `generation` counts the changes; `canary_share` is a share of subjects in [0, 1].

    The champion answers everybody but the canary's share; the shadow scores too and nobody sees its answer. `previous`
    answered before the champion ever did, and stands in for it where the settings say so. `holdout` is the share of
    subjects in [0, 1] that are not acted on, whoever the champion is. The registry fills in these two.
    """

    generation: int
    champion: str
    canary: str | None = None
    canary_share: float = 0.0
    shadow: str | None = None
    previous: str | None = None
    holdout: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.canary_share <= 1.0:
            raise ValueError(f"a canary share lies in [0, 1], not {self.canary_share}")
        if not 0.0 <= self.holdout <= 1.0:
            raise ValueError(f"the share of a holdout group lies in [0, 1], not {self.holdout}")
        if not self.champion:
            raise ValueError("a route needs a champion")

    @property
    def digests(self) -> tuple[str, ...]:
        """Every bundle that a server must have loaded, the champion first; the previous one is no must."""
        return tuple(dict.fromkeys(one for one in (self.champion, self.canary, self.shadow) if one))


def read_route(path: Path) -> Route | None:
    """Return the route in the file at `path`, or None where nothing was ever routed.

    Raises
    ------
    DataError
        If the file is no route.
    Fault
        If it cannot be read.
    """
    text = read_if_there(path)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Route)
    except msgspec.MsgspecError as err:
        raise DataError(f"{path} is no route: {err}", hint="Remove the file; `daytwo up` writes it anew") from err


def write_route(path: Path, route: Route) -> Route:
    """Write `route` to `path`, unless a newer generation is there already; return the one that is there now.

    A damaged file is written over.

    Raises
    ------
    Fault
        If the file cannot be written; the old one stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f".{path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            present = _readable_route(path)
            if present is not None and present.generation > route.generation:
                return present
            write_whole(path, msgspec.json.format(msgspec.json.encode(route)))
            return route
    except OSError as err:
        raise Fault(
            f"cannot write {path}: {err.strerror or err}",
            hint="Free some disk space or make the folder writable, then run the same command again",
        ) from err


def _readable_route(path: Path) -> Route | None:
    try:
        return read_route(path)
    except DataError:
        return None
