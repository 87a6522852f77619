"""What changed between two contracts, in words: whether fewer or more rows pass, and whom it concerns.

Pure. A change is "narrower" where some row that passed does not pass any more, "wider" where some row passes that did
not, "different" where both may happen or nobody can tell (two patterns), "none" where the same rows pass. It breaks
the model where its inputs or its target become others: what was learned from the old ones cannot answer the new.
`diff_columns.py` next door compares one column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from daytwo.contracts.action import Action
from daytwo.contracts.batch import Batch
from daytwo.contracts.column import Column
from daytwo.contracts.contract import Contract, Rule
from daytwo.contracts.diff_columns import Change, Effect, added_column, changed_column, removed_column
from daytwo.core.schema import Schema

_DOCUMENTATION = frozenset({"evidence", "false_alarm_rate"})


class Verdict(StrEnum):
    """What a change comes to, as a whole."""

    SAME = "same"
    WIDER = "wider"
    NARROWER = "narrower"
    DIFFERENT = "different"
    BREAKING = "breaking"


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from `old` to `new`.

    `breaks` says why the model must be trained anew, "" where it need not be. `concerns` are sentences on whom the
    change concerns. `version` says what is wrong with the new version number, "" where nothing is.
    """

    old: Contract
    new: Contract
    changes: tuple[Change, ...]
    breaks: str
    concerns: tuple[str, ...]
    version: str

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        effects = {change.effect for change in self.changes}
        if self.breaks:
            return Verdict.BREAKING
        if Effect.DIFFERENT in effects or {Effect.NARROWER, Effect.WIDER} <= effects:
            return Verdict.DIFFERENT
        if Effect.NARROWER in effects:
            return Verdict.NARROWER
        return Verdict.WIDER if Effect.WIDER in effects else Verdict.SAME

    @property
    def may_refuse(self) -> bool:
        """Whether a row that passed, or the model in use, may be refused now."""
        return self.verdict in {Verdict.NARROWER, Verdict.DIFFERENT, Verdict.BREAKING}

    @property
    def words(self) -> str:
        """The headline."""
        said = {
            Verdict.SAME: "the same rows pass",
            Verdict.WIDER: "wider: every row that passed still passes, and more do",
            Verdict.NARROWER: "narrower: some rows that passed are rejected now",
            Verdict.DIFFERENT: "different: some rows may be rejected that passed, and others pass that did not",
            Verdict.BREAKING: f"breaking: {self.breaks}",
        }
        return said[self.verdict]


def diff(old: Contract, new: Contract, *, payoff: Collection[str] = ()) -> Difference:
    """Compare two contracts; `payoff` names columns from which money is worked out.

    Examples
    --------
    >>> from daytwo.core.schema import Kind
    >>> old = Contract("trips", 1, "ana", (Column("km", Kind.NUMBER, minimum=0.0, maximum=40.0),))
    >>> new = Contract("trips", 2, "ana", (Column("km", Kind.NUMBER, minimum=0.0, maximum=50.0),))
    >>> difference = diff(old, new)
    >>> difference.words
    'wider: every row that passed still passes, and more do'
    >>> difference.changes[0].words
    'maximum of km: 40 -> 50'
    """
    changes = (*_columns(old, new), *_promises(old, new), *_batch(old.batch, new.batch), *_names(old, new))
    return Difference(
        old=old,
        new=new,
        changes=changes,
        breaks=_breaks(old, new),
        concerns=tuple(_concerns(old, new, changes, payoff)),
        version=_version_problem(old, new, changes),
    )


def _columns(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = ({column.name: column for column in one.columns} for one in (old, new))
    refuses = _rejects(old.batch) or _rejects(new.batch)
    for name, column in before.items():
        if name in after:
            yield from changed_column(column, after[name], batch_refuses=refuses)
        else:
            yield removed_column(column)
    for name, column in after.items():
        if name not in before:
            yield added_column(column)


def _promises(old: Contract, new: Contract) -> Iterator[Change]:
    for title, before, after in (
        ("rule", {one.name: one for one in old.rules}, {one.name: one for one in new.rules}),
        ("", {one.rule: one for one in old.relations}, {one.rule: one for one in new.relations}),
        (
            "the distribution of",
            {one.column: one for one in old.distributions},
            {one.column: one for one in new.distributions},
        ),
    ):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _promise(f"{title} {name}".strip(), before.get(name), after.get(name))


def _promise(name: str, old: Any, new: Any) -> Iterator[Change]:
    if old is None or new is None:
        held = new if old is None else old
        effect = Effect.NARROWER if old is None else Effect.WIDER
        words = held.expression if isinstance(held, Rule) else getattr(held, "words", "")
        does = "added" if old is None else "removed"
        where = ", ".join(getattr(held, "reads", ()))
        yield Change(where, f"{name} {does}{f': {words}' if words else ''}", effect if _rejects(held) else Effect.NONE)
        return
    changed = [one.name for one in fields(old) if getattr(old, one.name) != getattr(new, one.name)]
    told = [field for field in changed if field not in _DOCUMENTATION]
    if told == ["action"]:
        effect = Effect.NARROWER if _rejects(new) else Effect.WIDER
        yield Change("", f"{name}: {old.action} -> {new.action}", effect)
    elif told:
        effect = Effect.DIFFERENT if _rejects(old) or _rejects(new) else Effect.NONE
        said = "; ".join(f"{field} {_text(getattr(old, field))} -> {_text(getattr(new, field))}" for field in told)
        yield Change("", f"{name}: {said}", effect)
    elif changed:
        yield Change("", f"{name}: another evidence", Effect.NONE)


def _rejects(promise: Any) -> bool:
    return bool(promise.action is Action.REJECT)


def _batch(old: Batch, new: Batch) -> Iterator[Change]:
    for field in ("max_age", "window", "minimum_rows", "maximum_rows", "max_repeat_share", "action"):
        before, after = getattr(old, field), getattr(new, field)
        if before == after:
            continue
        hard = _rejects(old) or _rejects(new)
        effect = Effect.NONE if not hard else _batch_effect(field, before, after)
        yield Change("", f"{field} of a batch: {_text(before)} -> {_text(after)}", effect)


def _batch_effect(field: str, before: Any, after: Any) -> Effect:
    if field == "action":
        return Effect.NARROWER if after is Action.REJECT else Effect.WIDER
    if before in {None, ""} or after in {None, ""}:
        return Effect.NARROWER if before in {None, ""} else Effect.WIDER
    if field in {"minimum_rows", "maximum_rows", "max_repeat_share"}:
        return Effect.NARROWER if (after > before) == (field == "minimum_rows") else Effect.WIDER
    return Effect.DIFFERENT


def _names(old: Contract, new: Contract) -> Iterator[Change]:
    for field in ("name", "owner"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            yield Change("", f"{field}: {before or 'nobody'} -> {after or 'nobody'}", Effect.NONE)


def _breaks(old: Contract, new: Contract) -> str:
    if _schema_told(old.features) != _schema_told(new.features):
        lost = [name for name in old.features.names if name not in new.features.names]
        gained = [name for name in new.features.names if name not in old.features.names]
        said = [f"loses {', '.join(lost)}"] if lost else []
        said += [f"gains {', '.join(gained)}"] if gained else []
        return f"the model must be trained anew: it {' and '.join(said) or 'reads other levels, or another order'}"
    if _target_told(old.target) != _target_told(new.target):
        return "the model must be trained anew: its target is another one"
    return ""


def _schema_told(schema: Schema) -> Sequence[object]:
    return [(feature.name, feature.levels) for feature in schema.features]


def _target_told(target: Column | None) -> object:
    return None if target is None else (target.name, target.kind, target.levels)


def _concerns(old: Contract, new: Contract, changes: Sequence[Change], payoff: Collection[str]) -> Iterator[str]:
    touched = list(dict.fromkeys(change.column for change in changes if change.column))
    owners: dict[str, list[str]] = {}
    for name in touched:
        for contract in (new, old):
            held = next((column for column in contract.columns if column.name == name), None)
            owner = held.owner if held is not None else ""
            if owner and name not in owners.get(owner, []):
                owners.setdefault(owner, []).append(name)
    for owner, names in owners.items():
        yield f"{owner} owns {', '.join(names)}"
    if new.owner and changes:
        yield f"{new.owner} owns the contract"
    elif changes:
        yield "nobody owns the contract: without an owner it should not go live"
    for role, words in _ROLE_WORDS.items():
        before, after = getattr(old, role), getattr(new, role)
        if (before and before.name) != (after and after.name):
            yield f"{words}: {before.name if before else 'none'} -> {after.name if after else 'none'}"
    paid = [name for name in touched if name in payoff]
    if paid:
        yield f"the value in money is worked out from {', '.join(paid)}"


_ROLE_WORDS: Mapping[str, str] = {
    "target": "what is predicted becomes another column",
    "time": "when a row happened is told by another column: windows and drift change",
    "subject": "whom a row is about is told by another column: erasure and canary change",
    "key": "what names a row becomes another column: labels find predictions by it",
}


def _version_problem(old: Contract, new: Contract, changes: Sequence[Change]) -> str:
    if replace(new, version=old.version).digest == old.digest:
        return ""
    if new.version < old.version:
        return f"the version went back from {old.version} to {new.version}; make it {old.version + 1}"
    if new.version == old.version and changes:
        return f"the content changed and the version did not; raise it to {old.version + 1}"
    return ""


def _text(value: object) -> str:
    if value in {None, ""} if not isinstance(value, tuple) else not value:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
