"""Whether a row rule makes sense before any row is seen: no text compared with a number, and a truth as its result.

The rule is evaluated once over stand-ins that know only what sort of value a column holds.
"""

from __future__ import annotations

from collections.abc import Mapping

from daytwo.core.expression import parse
from daytwo.core.schema import Kind


class _Sort:
    """Stands for a column while a rule is tried out: knows only what sort of value it is."""

    __hash__ = None  # type: ignore[assignment]  # it is compared, never kept

    def __init__(self, name: str) -> None:
        self.name = name

    def _arithmetic(self, other: object) -> _Sort:
        return _expect("number", "number", self, other)

    def _ordering(self, other: object) -> _Sort:
        if self.name == "boolean":
            raise TypeError("true and false have no order")
        return _expect(self.name, "boolean", self, other)

    def _equality(self, other: object) -> _Sort:
        return _expect(self.name, "boolean", self, other)

    def _logic(self, other: object) -> _Sort:
        return _expect("boolean", "boolean", self, other)

    def __neg__(self) -> _Sort:
        return self._arithmetic(self)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _arithmetic
    __lt__ = __le__ = __gt__ = __ge__ = _ordering
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _logic
    __eq__ = __ne__ = _equality  # type: ignore[assignment]  # a frame's columns answer with columns, too


def _expect(wanted: str, result: str, *values: object) -> _Sort:
    for value in values:
        if _sort_of(value) != wanted:
            raise TypeError(f"a {_sort_of(value)} stands where a {wanted} must")
    return _Sort(result)


def _sort_of(value: object) -> str:
    if isinstance(value, _Sort):
        return value.name
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def expression_problem(text: str, kinds: Mapping[str, Kind]) -> str:
    """Return why `text` is no condition over columns of these kinds, or nothing.

    Examples
    --------
    >>> expression_problem("km > 'far'", {"km": Kind.NUMBER})
    'a text stands where a number must'
    """
    expression = parse(text)
    unknown = [name for name in expression.columns if name not in kinds]
    if unknown:
        return f"it reads {unknown[0]!r}, which the contract does not check"
    if not expression.columns:
        return "it reads no column"
    sorts = {name: _Sort(_SORTS[kinds[name]]) for name in expression.columns}
    try:
        result = _sort_of(expression.evaluate(sorts.__getitem__))
    except TypeError as err:
        return str(err)
    return "" if result == "boolean" else f"it gives a {result}, not true or false"


_SORTS = {
    Kind.NUMBER: "number",
    Kind.INTEGER: "number",
    Kind.BOOLEAN: "boolean",
    Kind.CATEGORY: "text",
    Kind.TEXT: "text",
    Kind.TIME: "time",
}
