"""The alarm with a budget: the user says how many false alarms are bearable, not which threshold is right.

Each block (a day, say) gives one number per channel. Listeners read them: one the strongest channel, one all
channels together, one the predictions, and one each channel alone. A listener's number is ranked among all earlier
blocks, reference included; that rank is a p-value whatever the channel's distribution, so long as nothing changed
(`betting.py`). The p-value is turned into a bet, bets multiply from block to block, and the alarm speaks when the
stakes of all listeners, weighted, reach what the budget asks for: then a false alarm comes at most as often as
allowed. Where blocks resemble their neighbours (weather), separate books are kept, each betting on every second,
third, ... block only, as far as neighbours resemble each other.

What is promised: with unchanged, exchangeable blocks the budget holds whatever the data look like, but for one
assumption: a block beyond everything seen so far is given the p-value of a tail of power two, where its rank can
say no more than "first of n". Pure; the state is JSON.

Sources: J. Shin, A. Ramdas & A. Rinaldo (2022), E-detectors, arXiv 2203.03532 (Shiryaev-Roberts on e-values);
V. Vovk, I. Petej & others (2021), Retrain or not retrain: conformal test martingales, PMLR 152 (bets on conformal
p-values). The weighted sum and the interleaved books are ours: simulated in `tests/monitoring/`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from daytwo.monitoring.alarming.betting import bet, p_value
from daytwo.monitoring.alarming.neighbours import resemblance
from daytwo.monitoring.profiles.bins import Floats

# Fewer known values are no history: nothing is bet.
MIN_HISTORY = 10
# A year of days and a bit; older blocks are forgotten.
MAX_HISTORY = 400
# Channels are in noise units; a spread under half a unit is no spread.
_LEAST_SPREAD = 0.5
# A channel counts as moved among its own worst tenth, and when clearly out of its usual spread.
_OWN_P = 0.1
_OWN_Z = 1.5
# So many ordinary blocks in a row end an episode: the channel came back, or its change became what is usual.
_CALM_BLOCKS = 7
# How the budget is shared out; the last part is divided among the single channels.
_SHARES: Mapping[str, float] = {"strongest": 0.4, "together": 0.2, "prediction": 0.1}
_SINGLE = 0.3


class Moved(msgspec.Struct, frozen=True):
    """One channel of an alarm: its value, its usual value, and the distance in its own usual spreads."""

    channel: str
    value: float
    usual: float
    distance: float


class Alarm(msgspec.Struct, frozen=True):
    """Something changed: `listener` heard it, `moved` names the channels, the most moved first.

    `since` is the label of the block in which the evidence began to grow, `at` of the one that decided.
    """

    at: str
    since: str
    listener: str
    evidence: float
    needed: float
    moved: tuple[Moved, ...]


class AlarmState(msgspec.Struct, frozen=True):
    """What the alarm remembers between blocks.

    `history` has one row per known block, oldest first, NaN (null) where a channel was unknown. `books` holds the
    stakes per listener; `open` the channels of unsettled alarms with the ordinary blocks seen since they moved.
    `blocks` and `alarms` count since the start.
    """

    names: tuple[str, ...]
    history: tuple[tuple[float | None, ...], ...]
    lag: int = 1
    books: dict[str, tuple[float, ...]] = {}
    open: dict[str, int] = {}
    since: str = ""
    blocks: int = 0
    alarms: int = 0

    def to_json(self) -> bytes:
        """Return the state as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> AlarmState:
        """Read what `to_json` wrote."""
        return msgspec.json.decode(text, type=cls)


def start(
    names: tuple[str, ...], history: tuple[tuple[float, ...], ...], *, constant: Mapping[str, float] | None = None
) -> AlarmState:
    """Begin with a reference's own blocks as history.

    `constant` adds channels that the reference cannot know, with the value they had throughout, such as
    `{"contract": 0.0}`.
    """
    extra = dict(constant or {})
    rows = tuple((*row, *extra.values()) for row in history)
    state = AlarmState((*names, *extra), rows[-MAX_HISTORY:])
    return msgspec.structs.replace(state, lag=_neighbours(state))


def step(
    state: AlarmState, channels: Mapping[str, float], *, per_block: float, label: str
) -> tuple[AlarmState, Alarm | None]:
    """Listen to one more block.

    Parameters
    ----------
    channels : by name
        The block's values (`channels.py`); a channel left out is unknown, one that is new is learnt.
    per_block : float in (0, 1]
        The budget: false alarms bearable per block over all channels together.
    label : str
        Names the block in the alarm, such as its day.

    Returns
    -------
    (state, alarm)
        The next state, and the alarm if this block decided one.
    """
    state = _with_names(state, tuple(channels))
    current = tuple(float(channels[name]) if name in channels else None for name in state.names)
    bag = _bag(state, current)
    z = _standardised(bag)
    grown = _grow(state, z)
    stakes = {name: _share(state, name) * float(np.mean(book)) for name, book in grown.items()}
    total = sum(stakes.values())
    needed = 1.0 / (per_block * state.lag)
    since = state.since if state.since and total >= 1.0 else label
    alarm = None
    calm = _calm(state, z)
    if total >= needed:
        moved = _moved(state, bag, z)
        listener = max(stakes, key=stakes.__getitem__)
        alarm = Alarm(label, since, listener, round(total, 3), round(needed, 3), moved)
        calm |= {part.channel: 0 for part in moved}
        grown, since = {}, ""
    after = AlarmState(
        names=state.names,
        history=(*state.history, current)[-MAX_HISTORY:],
        lag=state.lag,
        books=grown,
        open=calm,
        since=since,
        blocks=state.blocks + 1,
        alarms=state.alarms + (alarm is not None),
    )
    return after, alarm


def acknowledge(state: AlarmState, *, blocks: int) -> AlarmState:
    """Take the last `blocks` blocks as the new normal of the channels whose alarms are open.

    Those channels stay silent until they have a history of ten blocks again; the others are not touched.
    """
    known = len(state.history) - blocks
    again = [name in state.open for name in state.names]
    rows = tuple(
        tuple(None if forget and i < known else value for forget, value in zip(again, row, strict=True))
        for i, row in enumerate(state.history)
    )
    return msgspec.structs.replace(state, history=rows, books={}, open={}, since="")


def fastest(state: AlarmState, *, per_block: float) -> int:
    """Return how many blocks in a row, each beyond all before, the strongest listener needs by ranks alone.

    The honest least delay with this history and budget; a block far beyond everything seen may be faster.
    """
    n, needed = len(state.history), 1.0 / (per_block * state.lag)
    if n < MIN_HISTORY:
        return (
            MIN_HISTORY
            - n
            + fastest(msgspec.structs.replace(state, history=((0.0,),) * MIN_HISTORY), per_block=per_block)
        )
    books = [0.0] * state.lag
    for block in range(1, 1_000):
        i = block % state.lag
        books[i] = (books[i] + 1.0) * bet(1.0 / (n + block))
        if _SHARES["strongest"] * sum(books) / state.lag >= needed:
            return block
    return 1_000


def _share(state: AlarmState, listener: str) -> float:
    share = _SHARES.get(listener.removeprefix("all:"))
    return _SINGLE / len(state.names) if share is None or not listener.startswith("all:") else share


def _grow(state: AlarmState, z: Floats) -> dict[str, tuple[float, ...]]:
    """Let this block's bets multiply the stakes of the book whose turn it is."""
    turn = state.blocks % state.lag
    books = {}
    for name, values in _listen(state, z).items():
        book = list(state.books.get(name, (0.0,) * state.lag))
        if len(z) > MIN_HISTORY:
            book[turn] = min((book[turn] + 1.0) * bet(p_value(values)), 1e12)
        books[name] = tuple(book)
    return books


def _listen(state: AlarmState, z: Floats) -> dict[str, Floats]:
    """Return each listener's number for every block of the bag; channels of open alarms are not listened to.

    The three that hear more than one concern are named `all:`, the others by their channel.
    """
    heard = [i for i, name in enumerate(state.names) if name not in state.open]
    if not heard:
        return {}
    quiet = z[:, heard]
    found = {"all:strongest": quiet.max(axis=1), "all:together": np.clip(quiet, -1.0, 3.0).mean(axis=1)}
    found |= {state.names[i]: z[:, i] for i in heard}
    if "prediction" in found:
        found["all:prediction"] = found["prediction"]
    return found


def _bag(state: AlarmState, current: tuple[float | None, ...]) -> Floats:
    return np.array([*state.history, current], dtype=np.float64).reshape(-1, len(state.names))


def _standardised(bag: Floats) -> Floats:
    """Return values in usual spreads from the usual, the block itself included so that no block is special."""
    known = ~np.isnan(bag)
    learnt = known.sum(axis=0) > MIN_HISTORY
    filled = np.where(known, bag, 0.0)
    if known.all():
        middle, high = np.quantile(filled, [0.5, 0.9], axis=0)
    else:
        columns = [
            np.quantile(c[k], [0.5, 0.9]) if k.any() else np.zeros(2) for c, k in zip(bag.T, known.T, strict=True)
        ]
        middle, high = np.array(columns).T
    z = (filled - middle) / np.maximum(high - middle, _LEAST_SPREAD)
    return np.where(known & learnt, z, 0.0)


def _moved(state: AlarmState, bag: Floats, z: Floats) -> tuple[Moved, ...]:
    own = (z >= z[-1]).mean(axis=0)
    usual = np.array([np.median(c[~np.isnan(c)]) if (~np.isnan(c)).any() else np.nan for c in bag.T])
    chosen = [i for i in range(z.shape[1]) if own[i] <= _OWN_P and z[-1, i] >= _OWN_Z]
    chosen = chosen or [int(np.argmax(z[-1]))]
    chosen.sort(key=lambda i: -z[-1, i])
    return tuple(
        Moved(state.names[i], float(bag[-1, i]), round(float(usual[i]), 6), round(float(z[-1, i]), 3))
        for i in chosen
        if state.names[i] not in state.open or len(chosen) == 1
    ) or (Moved(state.names[chosen[0]], float(bag[-1, chosen[0]]), float(usual[chosen[0]]), float(z[-1, chosen[0]])),)


def _calm(state: AlarmState, z: Floats) -> dict[str, int]:
    """Count ordinary blocks of open channels; an episode that has been calm for a week is over."""
    own = (z >= z[-1]).mean(axis=0)
    counts = {name: calm + 1 if own[state.names.index(name)] > _OWN_P else 0 for name, calm in state.open.items()}
    return {name: calm for name, calm in counts.items() if calm < _CALM_BLOCKS}


def _with_names(state: AlarmState, names: tuple[str, ...]) -> AlarmState:
    new = tuple(name for name in names if name not in state.names)
    if not new:
        return state
    empty: tuple[None, ...] = (None,) * len(new)
    rows = tuple((*row, *empty) for row in state.history)
    return msgspec.structs.replace(state, names=(*state.names, *new), history=rows)


def _neighbours(state: AlarmState) -> int:
    """Return from how many blocks apart the listeners' numbers no longer resemble themselves."""
    n = len(state.history)
    if n <= MIN_HISTORY:
        return 1
    heard = _listen(state, _standardised(np.array(state.history, dtype=np.float64)))
    return max((resemblance(values) for name, values in heard.items() if name.startswith("all:")), default=1)
