"""What a decision is worth, in money: act on a row when that is expected to bring more than leaving it.

The amounts come from `[value]` in `daytwo.toml`, each a number or an expression over the row (`core/expression.py`).
Where a column that an amount reads is missing, nothing is known about the money: the advice is not to act.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from daytwo.core.errors import DataError, SettingsError
from daytwo.core.expression import Expression, parse
from daytwo.core.schema import Task
from daytwo.core.settings import ValueSettings

Lookup = Callable[[str], ArrayLike]
Number = TypeVar("Number", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one row. `gain` is the money expected over not acting; both None where there is no act.

    `act` is None for a regression, whose value is used as it is; `gain` is None where a column it reads is missing.
    """

    act: bool | None
    gain: float | None


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    task: Task
    value: ValueSettings


@dataclass(frozen=True, slots=True)
class Payoff:
    """The money of each outcome. `columns` are the row's columns it reads, in order of first use.

    Amounts that read no column are evaluated once, when the payoff is made: a server asks for them with every row.
    """

    task: Task
    settings: ValueSettings
    columns: tuple[str, ...]
    _constant: Mapping[str, float] = field(compare=False, repr=False)
    _by_row: Mapping[str, Expression] = field(compare=False, repr=False)
    # What acting brings over not acting where the row is positive, and where it is not; None where a row tells it.
    _flat: tuple[float, float] | None = field(compare=False, repr=False)

    @staticmethod
    def from_settings(value: ValueSettings, task: Task) -> Payoff:
        """Read the expressions of `value` that count for `task`.

        Raises
        ------
        SettingsError
            If one of them is no expression, or gives no number; the message names it.
        """
        names = (
            ("true_positive", "false_positive", "false_negative", "true_negative")
            if task is Task.BINARY
            else ("error_cost",)
        )
        plain = msgspec.structs.replace(value, **{name: _plain_amount(name, getattr(value, name)) for name in names})
        amounts = {name: parse(str(getattr(plain, name))) for name in names}
        columns = dict.fromkeys(column for amount in amounts.values() for column in amount.columns)
        constant = {name: _number(name, amount, {}) for name, amount in amounts.items() if not amount.columns}
        by_row = {name: amount for name, amount in amounts.items() if amount.columns}
        flat = _hit_and_miss(constant) if task is Task.BINARY and not by_row else None
        is_known = flat is not None and all(map(math.isfinite, flat))
        return Payoff(task, plain, tuple(columns), constant, by_row, flat if is_known else None)

    def advise(self, probability: float, row: Mapping[str, object]) -> Advice:
        """Say whether to act on a row that is positive with this probability.

        `row` holds the raw values of `columns`; others are not looked at, a missing one counts as null.
        """
        if self.task is not Task.BINARY:
            return Advice(act=None, gain=None)
        values: dict[str, object] = {}
        for name in self.columns:
            value = row.get(name)
            if value is None or value != value:  # noqa: PLR0124 - only NaN differs from itself
                return Advice(act=False, gain=None)
            values[name] = float(value) if isinstance(value, int) and not isinstance(value, bool) else value
        money = self._money(values)
        gain = _gain(probability, money)
        return Advice(act=gain > 0, gain=gain) if math.isfinite(gain) else Advice(act=False, gain=None)

    def constant_gains(self, probabilities: Sequence[float]) -> list[float | None]:
        """Return the money expected from acting over not acting, for a payoff that reads no column; None if unknown."""
        money = self._constant
        if self.task is not Task.BINARY:
            return [None] * len(probabilities)
        if self._flat is not None:
            hit, miss = self._flat
            return [probability * hit + (1 - probability) * miss for probability in probabilities]
        hit, miss = _hit_and_miss(money)
        gains = [probability * hit + (1 - probability) * miss for probability in probabilities]
        return [gain if math.isfinite(gain) else None for gain in gains]

    def gain_many(self, probability: ArrayLike, column: Lookup) -> NDArray[np.float64]:
        """Return the money expected from acting over not acting, shape (n,); NaN where it is not known.

        `column(name)` gives a column's values, shape (n,): numbers (NaN for null), truths, or texts (None for null).
        """
        p = np.asarray(probability, dtype=np.float64)
        money = self.amounts_many(len(p), column)
        if self.task is not Task.BINARY:
            return np.full(len(p), np.nan)
        with np.errstate(invalid="ignore", over="ignore"):
            gain = _gain(p, money)
        return np.where(np.isfinite(gain), gain, np.nan)

    def decide_many(self, probability: ArrayLike, column: Lookup) -> NDArray[np.bool_]:
        """Return for each row whether to act, shape (n,): as `advise` would. Never, for a regression."""
        return self.gain_many(probability, column) > 0

    def realised_many(self, answer: ArrayLike, label: ArrayLike, column: Lookup) -> NDArray[np.float64]:
        """Return the money that came of it, shape (n,); NaN where the label or a column that counts is missing.

        `answer` is, for two classes, whether one acted (then the label 1 is a true positive, 0 a false one); for a
        regression the predicted value, whose absolute error costs `error_cost` a unit.
        """
        y = np.asarray(label, dtype=np.float64)
        if self.task is not Task.BINARY:
            error = np.abs(np.asarray(answer, dtype=np.float64) - y)
            return -self._evaluate("error_cost", column, len(y)) * error
        act = np.asarray(answer, dtype=bool)
        outcomes = {
            "true_positive": act & (y == 1),
            "false_positive": act & (y == 0),
            "false_negative": ~act & (y == 1),
            "true_negative": ~act & (y == 0),
        }
        names = list(outcomes)
        return np.select(
            [outcomes[name] for name in names], [self._evaluate(name, column, len(y)) for name in names], np.nan
        )

    def amounts_many(self, n: int, column: Lookup) -> dict[str, NDArray[np.float64]]:
        """Return each outcome's money for `n` rows, by its name in the settings; NaN where it is not known."""
        return {name: self._evaluate(name, column, n) for name in (*self._constant, *self._by_row)}

    def threshold(self) -> float | None:
        """Return the probability above which acting pays, or None where there is no single one.

        There is none for a regression, where an amount reads a column, and where a surer row is not a better one.

        Examples
        --------
        >>> Payoff.from_settings(ValueSettings(true_positive=3, false_positive=-1), Task.BINARY).threshold()
        0.25

        Source: C. Elkan (2001), The foundations of cost-sensitive learning, IJCAI, 973-978.
        """
        if self.task is not Task.BINARY or self.columns:
            return None
        money = self._money({})
        hit = money["true_positive"] - money["false_negative"]
        miss = money["false_positive"] - money["true_negative"]
        return None if hit <= miss else min(max(-miss / (hit - miss), 0.0), 1.0)

    def to_json(self) -> bytes:
        """Return the payoff as JSON text, for a bundle."""
        return msgspec.json.encode(_Text(self.task, self.settings))

    @staticmethod
    def from_json(text: bytes) -> Payoff:
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            If the text is no payoff.
        """
        try:
            read = msgspec.json.decode(text, type=_Text)
        except msgspec.MsgspecError as err:
            raise DataError(f"this is no payoff: {err}", hint="Make the model again") from err
        return Payoff.from_settings(read.value, read.task)

    def _money(self, values: Mapping[str, object]) -> dict[str, float]:
        """Evaluate every amount for one row."""
        money = dict(self._constant)
        for name, amount in self._by_row.items():
            money[name] = _number(name, amount, values)
        return money

    def _evaluate(self, name: str, column: Lookup, n: int) -> NDArray[np.float64]:
        """Evaluate one amount where every column it reads is there: a comparison with NaN must not count as no."""
        if name in self._constant:
            return np.full(n, self._constant[name])
        amount = self._by_row[name]
        values = {each: np.asarray(column(each)) for each in amount.columns}
        known = np.ones(n, dtype=bool)
        for array in values.values():
            known &= array == array  # noqa: PLR0124 - only NaN differs from itself
            if array.dtype == object:
                known &= array != np.array(None)
        money = np.full(n, np.nan)
        if not known.any():
            return money
        try:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                known_values = {each: _plain(array[known]) for each, array in values.items()}
                money[known] = amount.evaluate(known_values.__getitem__)
        except (TypeError, ValueError, OverflowError) as err:
            raise _no_number(name, err) from err
        return money


def _plain_amount(name: str, amount: str | float) -> str | float:
    if isinstance(amount, str):
        return amount
    if not math.isfinite(amount):
        raise SettingsError(f"[value] {name} is {amount}", hint="Write an amount of money")
    return float(amount)


def _plain(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return values without nulls as truths, texts or float64."""
    if values.dtype == object and len(values):
        values = np.array(values.tolist())
    if values.dtype.kind in "mM":
        raise TypeError("it reads a time")
    return values if values.dtype.kind in "bUT" else values.astype(np.float64)


def _number(name: str, amount: Expression, values: Mapping[str, object]) -> float:
    """Evaluate one amount for one row."""
    try:
        return float(amount.evaluate(values.__getitem__))
    except (TypeError, ValueError, OverflowError) as err:
        raise _no_number(name, err) from err


def _no_number(name: str, err: Exception) -> SettingsError:
    return SettingsError(
        f"[value] {name} gives no number: {err}", hint="Read number columns only, or compare texts with texts"
    )


def _hit_and_miss(money: Mapping[str, Number]) -> tuple[Number, Number]:
    """Return what acting brings over not acting where the row is positive, and where it is not."""
    hit = money["true_positive"] - money["false_negative"]
    return hit, money["false_positive"] - money["true_negative"]


def _gain(probability: Number, money: Mapping[str, Number]) -> Number:
    hit, miss = _hit_and_miss(money)
    return probability * hit + (1 - probability) * miss
