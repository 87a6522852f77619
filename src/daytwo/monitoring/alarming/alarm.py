"""The alarm with a budget: the user says how many false alarms are bearable, not which threshold is right.

Each block (a day, say) gives one number per channel. Listeners (`listeners.py`) read them: one the strongest of all,
one the strongest of each kind, and one each channel alone. A listener's number is ranked among all earlier blocks,
reference included; ranks say how unlikely it is whatever the channel's distribution, so long as nothing changed. Bets
on the ranks (`betting.py`) multiply from block to block, and the alarm speaks when the bets of all listeners, each with
its share of the budget, are worth what the budget asks for. Where blocks resemble their neighbours (weather),
separate books are kept, each betting on every second, third, ... block only, as far as neighbours resemble each other.

What is promised: with unchanged, exchangeable blocks at most one false alarm in the blocks that the budget names, on
average, whatever the data look like. What is aimed at: half of that, so that something is left for blocks that are not
quite exchangeable. Pure; the state is JSON.

Source: J. Shin, A. Ramdas & A. Rinaldo (2022), E-detectors, arXiv 2203.03532 (mixtures of e-detectors are e-detectors);
`betting.py` has the bets. The interleaved books are ours: simulated in `tests/monitoring/`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from daytwo.monitoring.alarming.betting import Book, play
from daytwo.monitoring.alarming.listeners import STRONGEST, STRONGEST_SHARE, ranks, shares, unfiltered
from daytwo.monitoring.alarming.neighbours import margin, resembling
from daytwo.monitoring.profiles.bins import Floats

# Fewer known values are no history: nothing is bet.
MIN_HISTORY = 10
# A year of days and a bit; older blocks are forgotten.
MAX_HISTORY = 400
# Channels are in noise units: a spread below that of noise is no spread.
_LEAST_SPREAD = 1.3
# Nine tenths from three quarters, as for normal noise: blocks after a change are in the quantiles too, and may be many.
_TENTHS = 1.9
# A channel counts as moved among its own worst tenth, and when clearly out of its usual spread.
_OWN_P = 0.1
_OWN_Z = 1.5
# So many ordinary blocks in a row end an episode: the channel came back, or its change became what is usual.
_CALM_BLOCKS = 7
# Starts kept open over all books, and in one book at least; labels are remembered of so many blocks.
_STARTS, _LEAST_STARTS, _LABELS = 12, 6, 60


class Moved(msgspec.Struct, frozen=True):
    """One channel of an alarm: its value, its usual value, and the distance in its own usual spreads."""

    channel: str
    value: float
    usual: float
    distance: float


class Alarm(msgspec.Struct, frozen=True):
    """Something changed: `listener` heard it, `moved` names the channels, the most moved first.

    `since` is the label of the block from which on the evidence is strongest, `at` of the one that decided.
    """

    at: str
    since: str
    listener: str
    evidence: float
    needed: float
    moved: tuple[Moved, ...]


class AlarmState(msgspec.Struct, frozen=True):
    """What the alarm remembers between blocks.

    `history` has one row per known block, oldest first, NaN (null) where a channel was unknown. `turns` holds one book
    of bets for each turn; `open` the channels of unsettled alarms with the ordinary blocks seen since they moved.
    `labels` are those of the newest blocks; `changed` counts the blocks since the change that was alarmed last began;
    `blocks` and `alarms` count since the start.
    """

    names: tuple[str, ...]
    history: tuple[tuple[float | None, ...], ...]
    lag: int = 1
    turns: tuple[Book, ...] = ()
    open: dict[str, int] = {}
    labels: tuple[str, ...] = ()
    changed: int = 0
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
    return msgspec.structs.replace(state, lag=_apart(state))


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
    labels = (*state.labels, label)[-_LABELS:]
    parts = shares(state.names, state.open)
    turns = _bet(state, z, parts)
    worth = _worth(turns, parts)
    total, needed = sum(worth.values()), _needed(state, per_block)
    alarm, changed = None, state.changed + 1 if state.changed else 0
    calm = _calm(state, z)
    if total >= needed:
        moved = _moved(state, bag, z)
        changed = _strongest_start(turns, parts) + 1
        since = labels[-min(changed, len(labels))]
        alarm = Alarm(label, since, max(worth, key=worth.__getitem__), round(total, 3), round(needed, 3), moved)
        calm |= {part.channel: 0 for part in moved}
        turns = ()
    after = AlarmState(
        names=state.names,
        history=(*state.history, current)[-MAX_HISTORY:],
        lag=state.lag,
        turns=turns,
        open=calm,
        labels=labels,
        changed=changed,
        blocks=state.blocks + 1,
        alarms=state.alarms + (alarm is not None),
    )
    return after, alarm


def acknowledge(state: AlarmState, *, blocks: int | None = None) -> AlarmState:
    """Take the last `blocks` blocks, by default those since the last alarm's change, as normal where alarms are open.

    All channels of the columns whose alarms are open, and those of many columns, stay silent until they have a
    history of ten blocks again: a change is heard in more of them than stood out at first. The others are not touched.
    """
    known = len(state.history) - (state.changed if blocks is None else blocks)
    columns = {name.partition(":")[2] for name in state.open} | ({""} if state.open else set())
    again = [name in state.open or name.partition(":")[2] in columns for name in state.names]
    rows = tuple(
        tuple(None if forget and i < known else value for forget, value in zip(again, row, strict=True))
        for i, row in enumerate(state.history)
    )
    return msgspec.structs.replace(state, history=rows, turns=(), open={}, changed=0)


def unlearnt(state: AlarmState, channels: tuple[str, ...]) -> tuple[str, ...]:
    """Return those channels of which too few blocks are known for an alarm."""
    known = {name: sum(row[i] is not None for row in state.history) for i, name in enumerate(state.names)}
    return tuple(name for name in channels if known.get(name, 0) < MIN_HISTORY)


def fastest(state: AlarmState, *, per_block: float) -> int:
    """Return how many blocks in a row, each beyond all before, are needed for an alarm by the strongest channel.

    The honest least delay with this history and budget.
    """
    known, needed = max(len(state.history), MIN_HISTORY), _needed(state, per_block)
    turns = [Book()] * state.lag
    for block in range(1, 1_000):
        turns = [book.older() for book in turns]
        i = block % state.lag
        turns[i] = play(turns[i], {STRONGEST: (1, known + block)}, {STRONGEST: 1.0})
        if STRONGEST_SHARE * sum(book.worth()[STRONGEST] for book in turns if book.ages) / state.lag >= needed:
            return block + known - len(state.history)
    return 1_000


def _needed(state: AlarmState, per_block: float) -> float:
    return margin(state.lag) / (per_block * state.lag)


def _bet(state: AlarmState, z: Floats, parts: Mapping[str, float]) -> tuple[Book, ...]:
    """Let this block settle the bets of the book whose turn it is; the other books grow older."""
    turns = [book.older() for book in state.turns] or [Book()] * state.lag
    if len(z) > MIN_HISTORY and parts:
        turn = state.blocks % state.lag
        most = max(_STARTS // state.lag, _LEAST_STARTS)
        turns[turn] = play(turns[turn], ranks(state.names, parts, z), parts, most=most)
    return tuple(turns)


def _worth(turns: tuple[Book, ...], parts: Mapping[str, float]) -> dict[str, float]:
    """Return what each listener's bets are worth, on average over the turns."""
    found = dict.fromkeys(parts, 0.0)
    for book in turns:
        for name, value in book.worth().items():
            if name in found:
                found[name] += parts[name] * value / len(turns)
    return found


def _strongest_start(turns: tuple[Book, ...], parts: Mapping[str, float]) -> int:
    """Return how many blocks ago the richest bets were opened."""
    rich: dict[int, float] = {}
    for book in turns:
        for name, rows in book.stakes.items():
            for age, row in zip(book.ages, rows, strict=True):
                rich[age] = rich.get(age, 0.0) + parts.get(name, 0.0) * sum(row)
    return max(rich, key=rich.__getitem__)


def _bag(state: AlarmState, current: tuple[float | None, ...]) -> Floats:
    return np.array([*state.history, current], dtype=np.float64).reshape(-1, len(state.names))


def _standardised(bag: Floats) -> Floats:
    """Return values in usual spreads from the usual, the block itself included so that no block is special.

    NaN where a channel is unknown, or too few of its blocks are.
    """
    known = ~np.isnan(bag)
    learnt = known.sum(axis=0) > MIN_HISTORY
    filled = np.where(known, bag, 0.0)
    if known.all():
        middle, high = np.quantile(filled, [0.5, 0.75], axis=0)
    else:
        columns = [
            np.quantile(c[k], [0.5, 0.75]) if k.any() else np.zeros(2) for c, k in zip(bag.T, known.T, strict=True)
        ]
        middle, high = np.array(columns).T
    z = (filled - middle) / np.maximum(_TENTHS * (high - middle), _LEAST_SPREAD)
    return np.where(known & learnt, z, np.nan)


def _moved(state: AlarmState, bag: Floats, z: Floats) -> tuple[Moved, ...]:
    """Return the channels heard that stand out, the most moved first; the loudest where none does."""
    heard = [i for i, name in enumerate(state.names) if name not in state.open and not np.isnan(z[-1, i])]
    own = _own(z)
    chosen = [i for i in heard if own[i] <= _OWN_P and z[-1, i] >= _OWN_Z] or [max(heard, key=lambda i: z[-1, i])]
    chosen.sort(key=lambda i: -z[-1, i])
    return tuple(
        Moved(state.names[i], float(bag[-1, i]), round(float(np.nanmedian(bag[:, i])), 6), round(float(z[-1, i]), 3))
        for i in chosen
    )


def _calm(state: AlarmState, z: Floats) -> dict[str, int]:
    """Count ordinary blocks of open channels; an episode that has been calm for a week is over."""
    own = _own(z)
    counts = {name: calm + 1 if own[state.names.index(name)] > _OWN_P else 0 for name, calm in state.open.items()}
    return {name: calm for name, calm in counts.items() if calm < _CALM_BLOCKS}


def _own(z: Floats) -> Floats:
    """Return the share of each channel's known blocks at least as loud as the last; 1 where that is unknown."""
    return np.where(np.isnan(z[-1]), 1.0, (z >= z[-1]).sum(axis=0) / np.maximum((~np.isnan(z)).sum(axis=0), 1))


def _with_names(state: AlarmState, names: tuple[str, ...]) -> AlarmState:
    new = tuple(name for name in names if name not in state.names)
    if not new:
        return state
    rows = tuple((*row, *((None,) * len(new))) for row in state.history)
    return msgspec.structs.replace(state, names=(*state.names, *new), history=rows)


def _apart(state: AlarmState) -> int:
    """Return from how many blocks apart the history's channels no longer resemble themselves; filtered ones hide it."""
    if len(state.history) <= MIN_HISTORY:
        return 1
    z = _standardised(np.array(state.history, dtype=np.float64))
    return resembling(np.nan_to_num(z[:, unfiltered(state.names)]))
