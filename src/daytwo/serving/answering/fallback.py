"""What answers a row that the model cannot, as `[serve] fallback` declares it once for a model.

Pure. `live.py` makes one of these for each version it loads, `predict.py` asks it. A fallback that cannot answer a row
itself (a rule whose column is missing, a previous champion whose contract the row breaks too) leaves it to the
constant: the base rate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daytwo.contracts.action import Action, Breach
from daytwo.contracts.contract import Contract
from daytwo.contracts.rules import rule_name
from daytwo.contracts.sorts import expression_problem
from daytwo.core.errors import SettingsError
from daytwo.core.expression import Expression, parse
from daytwo.core.schema import Kind
from daytwo.core.settings import FALLBACKS
from daytwo.predictions.record import BASE_RATE, CONSTANT, REFUSED, RULE

# A moment has no place in a score.
_USABLE = (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORY, Kind.TEXT)


@dataclass(frozen=True, slots=True)
class Rule:
    """An expression over the row. `together` tells which columns each row rule of the contract reads."""

    expression: Expression
    numeric: frozenset[str]
    together: Mapping[str, tuple[str, ...]]
    probability: bool

    def score(self, row: Mapping[str, object], breaches: Sequence[Breach]) -> float | None:
        """Return what the rule gives for `row`, mended; None where a column it reads is missing or broke its promise.

        A truth counts as 1 or 0. What is no number, or no probability where one is asked for, is no score.
        """
        broken: set[str] = set()
        for one in breaches:
            if one.action is Action.REJECT:
                broken.update(self.together.get(one.rule, (one.column,)))
        values: dict[str, Any] = {}
        for name in self.expression.columns:
            value = None if name in broken else row.get(name)
            if value is None:
                return None
            values[name] = float(value) if name in self.numeric else value  # type: ignore[arg-type]  # it kept its kind
        score = float(self.expression.evaluate(values.__getitem__))
        wanted = 0.0 <= score <= 1.0 if self.probability else math.isfinite(score)
        return score if wanted else None


@dataclass(frozen=True, slots=True)
class Fallback:
    """What answers for one version: `name` is what is declared, `constant` what stands where that cannot answer.

    `constant` is a score called `constant_name`, None where not even that is known.
    """

    name: str
    constant: float | None
    constant_name: str
    rule: Rule | None = None


def is_rule(declared: str | float) -> bool:
    """Whether `declared` is an expression over the row."""
    return isinstance(declared, str) and declared not in FALLBACKS


def check_fallback(declared: str | float, contract: Contract) -> None:
    """Raise SettingsError where `declared` is an expression that rows of `contract` cannot give a number for."""
    fallback_of(declared, contract, 0.0, probability=False)


def fallback_of(declared: str | float, contract: Contract, base_rate: float, *, probability: bool) -> Fallback:
    """Return what `declared` means for rows of `contract`; `probability` tells that a score lies in [0, 1].

    Raises
    ------
    SettingsError
        If it is an expression that these rows cannot give a number for.
    """
    if not isinstance(declared, str):
        return Fallback(CONSTANT, declared, CONSTANT)
    known = base_rate if math.isfinite(base_rate) else None
    name = BASE_RATE if known is not None else REFUSED
    if declared == "refuse":
        return Fallback(REFUSED, None, REFUSED)
    if not is_rule(declared):
        return Fallback(declared, known, name)
    return Fallback(RULE, known, name, _rule(declared, contract, probability=probability))


def _rule(text: str, contract: Contract, *, probability: bool) -> Rule:
    target = contract.target
    checked = [column for column in contract.columns if column.is_checked and column is not target]
    kinds = {column.name: column.kind for column in checked if column.kind in _USABLE}
    problem = expression_problem(text, kinds)
    # A truth is what the contract's own rules give; a number is what can be compared with one.
    if problem and expression_problem(f"({text}) == 0", kinds):
        raise SettingsError(
            f"serve.fallback = {text!r}: {problem}",
            hint=f"Write one of {', '.join(FALLBACKS)}, a number, or an expression over columns of the contract",
        )
    return Rule(
        parse(text),
        frozenset(name for name, kind in kinds.items() if kind in {Kind.NUMBER, Kind.INTEGER}),
        {rule_name(rule): parse(rule.expression).columns for rule in contract.rules},
        probability,
    )
