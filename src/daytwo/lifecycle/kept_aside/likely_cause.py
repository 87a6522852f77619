"""Why does a column break its rule all at once? Looks at the values that came, and proposes how they may be mended.

Pure. It looks for what feeds do: another unit, two columns swapped, a column renamed, numbers written as texts, texts
written otherwise, one value in place of all, a new level. What fits only some of the rows is no cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.judge import MISSING, judge_of
from daytwo.core.schema import Kind
from daytwo.lifecycle.kept_aside.mending import Repair, mend
from daytwo.monitoring.judging.units import AS_WELL, unit_fits, unit_in

Row = Mapping[str, object]
# A cause explains at least this share of the bad rows.
MOST = 0.9
_NUMERIC = (Kind.NUMBER, Kind.INTEGER)
_ALIKE_LETTERS = 0.5
# Nearer to the range than this share of its width, values hardly miss it.
_JUST = 0.1


@dataclass(frozen=True, slots=True)
class Cause:
    """What seems to have happened, in words, and the repairs that would undo it (none where nothing is known)."""

    words: str
    repairs: tuple[Repair, ...] = ()


def likely_cause(
    contract: Contract, column: Column, rule: str, bad: Sequence[Row], good: Sequence[float]
) -> Cause | None:
    """Say why `bad` rows break `rule` in `column`; None where nothing fits most of them.

    `good` are values of the column in rows that were accepted lately; where there are none, a unit is told by the
    range that the contract expects.
    """
    looks: tuple[Callable[[], Cause | None], ...] = (
        lambda: _renamed(contract, column, bad) if rule in {"missing_field", "not_null"} else None,
        lambda: _just_beyond(column, bad) if rule == "between" else None,
        lambda: _one_value(column, bad) if rule not in {"missing_field", "not_null"} else None,
        lambda: _swapped(contract, column, bad),
        lambda: _unit(column, bad, good) if column.is_numeric else None,
        lambda: _written_otherwise(column, bad),
        lambda: _new_level(column, bad) if rule == "in_set" else None,
        lambda: Cause(f"{column.name} does not come any more") if rule in {"missing_field", "not_null"} else None,
    )
    return next((cause for cause in (look() for look in looks) if cause is not None), None)


def _keeps(column: Column) -> Callable[[object], bool]:
    """Return whether a value keeps the column's promises."""
    judge = judge_of(column)

    def keeps(value: object) -> bool:
        breaches: list[Breach] = []
        judge(value, breaches)
        return not any(breach.action is Action.REJECT for breach in breaches)

    return keeps


def _mended_by(column: Column, bad: Sequence[Row], repairs: Sequence[Repair]) -> bool:
    keeps = _keeps(column)
    passing = sum(keeps(mend(row, repairs).get(column.name, MISSING)) for row in bad)
    return passing >= MOST * len(bad)


def _renamed(contract: Contract, column: Column, bad: Sequence[Row]) -> Cause | None:
    known = {one.name for one in contract.columns}
    came: Counter[str] = Counter(name for row in bad for name in row if name not in known)
    keeps = _keeps(column)
    fits = [
        name
        for name, rows in came.items()
        if rows >= MOST * len(bad) and sum(keeps(row.get(name)) for row in bad if name in row) >= MOST * rows
    ]
    alike = [(_likeness(name, column.name), name) for name in fits]
    best = max(alike, default=(0.0, ""))
    if not fits or (len(fits) > 1 and best[0] < _ALIKE_LETTERS):
        return None
    words = f"{column.name} seems to come as {best[1]} now"
    return Cause(words, (Repair(best[1], "rename", column.name),))


def _just_beyond(column: Column, bad: Sequence[Row]) -> Cause | None:
    """Values that hardly miss the range are no fault of the feed."""
    low, high = column.minimum, column.maximum
    if low is None or high is None:
        return None
    read = [mend(row, [Repair(column.name, "parse")]).get(column.name) for row in bad]
    values = [value for value in read if isinstance(value, int | float)]
    beyond = [max(low - value, value - high) for value in values]
    if len(values) < MOST * len(bad) or min(beyond) <= 0 or max(beyond) > _JUST * (high - low):
        return None
    words = f"they lie just beyond the limits {low:g} to {high:g}: the range in contract.toml may be too narrow"
    return Cause(words)


def _one_value(column: Column, bad: Sequence[Row]) -> Cause | None:
    values = Counter(repr(row.get(column.name)) for row in bad)
    value, rows = values.most_common(1)[0]
    if len(bad) < 10 or rows < MOST * len(bad):
        return None
    return Cause(f"nearly all hold {value}: it may stand for 'not known'")


def _swapped(contract: Contract, column: Column, bad: Sequence[Row]) -> Cause | None:
    mine = _keeps(column)
    for other in contract.columns:
        promised = other.levels or other.minimum is not None or other.maximum is not None or other.pattern is not None
        if other.name == column.name or not other.is_checked or other.role is Role.TARGET or not promised:
            continue
        if column.is_numeric is not other.is_numeric:
            continue
        theirs = _keeps(other)
        pairs = [(row[column.name], row[other.name]) for row in bad if column.name in row and other.name in row]
        crossed = [a is not None and b is not None and mine(b) and theirs(a) for a, b in pairs]
        # Their own values must not fit where they stand, or anything would be a swap.
        at_home = sum(theirs(b) and _expected(other, b) for _, b in pairs)
        if pairs and sum(crossed) >= MOST * len(bad) and at_home <= (1 - MOST) * len(pairs):
            words = f"{column.name} and {other.name} seem to be swapped"
            return Cause(words, (Repair(column.name, "swap", other.name),))
    return None


def _expected(column: Column, value: object) -> bool:
    low, high = column.expected_minimum, column.expected_maximum
    if column.levels:
        return value in column.levels
    if not isinstance(value, int | float) or isinstance(value, bool):
        return True
    return (low is None or value >= low) and (high is None or value <= high)


def _unit(column: Column, bad: Sequence[Row], good: Sequence[float]) -> Cause | None:
    read = [mend(row, [Repair(column.name, "parse")]).get(column.name) for row in bad]
    values = [float(value) for value in read if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(values) < MOST * len(bad):
        return None
    texts = [str(row[column.name]) for row in bad if isinstance(row.get(column.name), str)]
    written = unit_in(texts)
    expected = None
    if column.expected_minimum is not None and column.expected_maximum is not None:
        expected = (column.expected_minimum, column.expected_maximum)
    fits = [
        (fit, repair)
        for fit in unit_fits(values, good, expected, written=written)
        if fit.argument or texts
        for repair in [Repair(column.name, "scale", fit.argument) if fit.argument else Repair(column.name, "parse")]
        if _mended_by(column, bad, [repair])
    ]
    if not fits:
        return None
    best, repair = fits[0]
    said = f" ({written!r} stands in the texts)" if written else ""
    told = f"{column.name} seems to come in another unit" if best.argument else f"{column.name} comes as a text"
    others = [fit.words for fit, _ in fits[1:3] if fit.distance - best.distance < AS_WELL]
    also = f"; nearly as well {' and '.join(others)}" if others else ""
    return Cause(f"{told}{said}: {best.words}{also}", (repair,))


def _written_otherwise(column: Column, bad: Sequence[Row]) -> Cause | None:
    if column.is_numeric and _mended_by(column, bad, [Repair(column.name, "parse")]):
        return Cause(f"{column.name} comes as a text: the number in it fits", (Repair(column.name, "parse"),))
    if _mended_by(column, bad, [Repair(column.name, "strip")]):
        return Cause(f"{column.name} comes with white space at its ends", (Repair(column.name, "strip"),))
    return None


def _new_level(column: Column, bad: Sequence[Row]) -> Cause | None:
    new = Counter(str(row.get(column.name)) for row in bad).most_common(3)
    told = ", ".join(f"{level!r} ({rows:,})" for level, rows in new)
    return Cause(f"levels that the contract does not know: {told}; if they are right, add them to contract.toml")


def _likeness(a: str, b: str) -> float:
    """Return how alike two names are: the share of pairs of letters that both have (Dice), in [0, 1]."""
    one, two = ({text.lower()[i : i + 2] for i in range(len(text) - 1)} for text in (a, b))
    return 2 * len(one & two) / (len(one) + len(two)) if one or two else float(a.lower() == b.lower())
