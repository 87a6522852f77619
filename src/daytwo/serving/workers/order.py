"""What a worker is told by its supervisor: one argument on its command line, as JSON."""

from __future__ import annotations

import msgspec

from daytwo.serving.workers.share import Share


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One worker's place.

    `prefixes` begin its prediction ids, one for each model. `folder` is where the workers meet, `listener` the number
    of the open file on which it accepts connections. `others` are the prefixes of what ran or runs in the places of
    other workers since the supervisor began: nothing under them is this worker's to keep.
    """

    number: int
    of: int
    prefixes: tuple[str, ...]
    folder: str
    listener: int
    others: tuple[str, ...] = ()

    @property
    def share(self) -> Share:
        """What this worker keeps."""
        return Share(self.number, self.of)


def read_order(text: str) -> Order:
    """Return the order in `text`; a text that is none is a bug of ours."""
    return msgspec.json.decode(text, type=Order)


def order_text(order: Order) -> str:
    """Return the order as `read_order` reads it."""
    return msgspec.json.encode(order).decode()
