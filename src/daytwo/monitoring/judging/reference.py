"""The reference: what normal looks like for one model, kept in its bundle as `reference.json`.

`reference_fit.py` makes it once at training time; it holds the bins, the counts, how much each channel moved between
the reference's own blocks (so that an alarm knows normal from the start), and the performance that later windows are
held against.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from daytwo.core.schema import Task
from daytwo.monitoring.alarming.attribution import Attribution, Reasons
from daytwo.monitoring.alarming.blocks import Block
from daytwo.monitoring.alarming.calendar import phase_of
from daytwo.monitoring.alarming.channels import Moments, channels
from daytwo.monitoring.alarming.filtering import Filter
from daytwo.monitoring.alarming.strangers import Known
from daytwo.monitoring.alarming.volumes import Volumes
from daytwo.monitoring.judging.side import Side
from daytwo.monitoring.profiles.arrays import read_array, write_array
from daytwo.monitoring.profiles.profile import Layout, Profile


class Reference(msgspec.Struct, frozen=True):
    """What normal looks like.

    `history` holds one row of channel values per reference block, oldest first, in the order of `channel_names`; each
    block was compared with all the others, never with itself. `performance` is (value, standard error) of each
    metric on the labelled held-out rows; money is per row. Where blocks differ by `calendar` (`alarming/calendar.py`),
    `phases` holds those of each phase; `filter` listens for known faults, `attribution` knows
    the model's usual reasons, `volumes` how many rows blocks have. References made before `code_sums`, `products`,
    `known`, `phases`, `filter` and `attribution` were kept have none, and hear nothing of what those tell; without
    `volumes` all blocks are held against the usual one.
    """

    task: Task
    layout: Layout
    block: Block
    rows: int
    counts: tuple[tuple[float, ...], ...]
    correlation_sum: tuple[tuple[float, ...], ...]
    correlation_squares: tuple[tuple[float, ...], ...]
    blocks: int
    channel_names: tuple[str, ...]
    history: tuple[tuple[float, ...], ...]
    performance: dict[str, tuple[float, float]]
    code_sums: tuple[float, ...] = ()
    products: tuple[tuple[float, ...], ...] = ()
    known: Known = Known()
    calendar: str = ""
    phases: dict[str, Side] = {}
    filter: Filter | None = None
    attribution: Attribution | None = None
    volumes: Volumes = Volumes()

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names in order."""
        return tuple(bins.name for bins in self.layout.columns)

    @property
    def whole(self) -> Profile:
        """The profile of all reference rows; sums and squares of raw values are not kept."""
        d = len(self.layout.columns)
        counts = np.asarray(self.counts, dtype=np.float64)
        sums = np.asarray(self.code_sums) if self.code_sums else np.zeros(d)
        products = np.asarray(self.products) if self.products else np.zeros((d, d))
        return Profile(self.rows, counts, np.zeros(d), np.zeros(d), sums, products)

    @property
    def moments(self) -> Moments:
        """How columns moved together, block by block."""
        return Moments(self.blocks, np.asarray(self.correlation_sum), np.asarray(self.correlation_squares))

    def phase(self, begin: np.datetime64[Any] | None) -> str:
        """Return the phase, by this reference's calendar, of a block that begins then; "" where there is none."""
        return "" if begin is None else phase_of(self.calendar, begin)

    def side(self, phase: str) -> Side:
        """Return what blocks of a phase are compared with: those of the phase, or all."""
        return self.phases.get(phase) or Side(self.whole, self.moments)

    def compare(
        self,
        part: Profile,
        matrix: NDArray[np.floating],
        begin: np.datetime64[Any] | None = None,
        reasons: Reasons | None = None,
    ) -> dict[str, float]:
        """Return the channels of a new block, its profile and its rows, against this reference.

        `begin` is the block's first moment, None where rows have no time; `reasons` asks the model.
        """
        phase = self.phase(begin)
        side = self.side(phase)
        found = channels(part, side.whole, side.moments, self.layout) | self.known.strangers(matrix)
        if "volume" in self.channel_names:
            volumes = self.volumes if self.volumes.sizes else Volumes((self.block.typical_rows,))
            found["volume"] = volumes.channel(part.rows, volumes.at(begin))
        if self.attribution is not None and reasons is not None:
            found |= self.attribution.asked(matrix, reasons)
        return found if self.filter is None else found | self.filter.listen(matrix, phase)

    def to_json(self) -> bytes:
        """Return the reference as JSON; equal references give equal bytes."""
        return msgspec.json.encode(self, enc_hook=write_array, order="deterministic")

    @classmethod
    def from_json(cls, text: bytes) -> Reference:
        """Read what `to_json` wrote."""
        return msgspec.json.decode(text, type=cls, dec_hook=read_array)
