"""How a project speaks of its columns: the names, phrases, units, formats, values and groups of `[reasons]`.

What it does not say is worked out from the column's name (`words.py`). `reasons.py` makes sentences of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from daytwo.core.errors import SettingsError
from daytwo.core.phrases import read_phrase
from daytwo.core.settings import ReasonsSettings
from daytwo.explain.words import said, spoken

_PLAIN = "{name} {value} (typical {typical})"


class Wording:
    """Speaks of columns as `[reasons]` says. Made once; any number of threads may ask."""

    def __init__(self, settings: ReasonsSettings) -> None:
        self._settings = settings
        self._phrases = {name: read_phrase(text) for name, text in settings.phrases.items()}
        self._plain = read_phrase(_PLAIN)
        self._values = {
            name: {_key(key): words for key, words in values.items()} for name, values in settings.values.items()
        }
        self.groups = frozenset(settings.groups)
        self.group_of = {column: group for group, columns in settings.groups.items() for column in columns}

    def name(self, column: str) -> str:
        """Return how a column is called."""
        return self._settings.names.get(column) or spoken(column)[0]

    def unit(self, column: str) -> str:
        """Return what stands behind the column's numbers; "" for nothing."""
        found = self._settings.units.get(column)
        return spoken(column)[1] if found is None else found

    def value(self, column: str, value: object, *, bare: bool = False) -> str:
        """Return a value of a column in words; `bare` leaves the unit out."""
        own = self._values.get(column)
        if own is not None and value is not None:
            found = own.get(_key(value))
            if found is not None:
                return found
        return said(value, "" if bare else self.unit(column), self._settings.formats.get(column, ""))

    def phrase(self, column: str, value: object, typical: object) -> str:
        """Return what is to be said of a column's value, beside that of the reference row.

        A value that is missing is said to be missing: no phrase is about that.
        """
        phrase = self._phrases.get(column, self._plain) if value is not None else self._plain
        plain = phrase is self._plain
        filled = {
            "": "",
            "name": self.name(column),
            "value": self.value(column, value),
            "typical": self.value(column, typical, bare=plain and value is not None),
        }
        return "".join(before + filled[place] for before, place in phrase).strip()

    def step(self, column: str, before: object, after: object) -> str:
        """Return one column's change in words: "wind speed 18 mph instead of 25"."""
        return f"{self.name(column)} {self.value(column, after)} instead of {self.value(column, before, bare=True)}"


def check_wording(settings: ReasonsSettings, features: Mapping[str, Sequence[str]], target: str) -> None:
    """Hold `[reasons]` against the contract's `features`, each with its levels (none for a number), and its target.

    Raises
    ------
    SettingsError
        If it names a column that is no input of the model, a level that the column does not have, or a segment that
        is no category; with the nearest name there is.
    """
    spoken_of = {*features, target}
    named: list[tuple[str, Collection[str], Collection[str]]] = [
        ("[reasons.phrases]", settings.phrases, features),
        ("[reasons.names]", settings.names, spoken_of),
        ("[reasons.units]", settings.units, spoken_of),
        ("[reasons.formats]", settings.formats, spoken_of),
        ("[reasons.values]", settings.values, features),
        *((f"[reasons.groups] {group!r}", columns, features) for group, columns in settings.groups.items()),
    ]
    for place, columns, known in named:
        for name in columns:
            if name not in known:
                raise SettingsError(f"{place} names {name!r}, which is no input of the model", hint=_near(name, known))
    for group, members in settings.groups.items():
        if group in features and group not in members:
            raise SettingsError(
                f"[reasons.groups] {group!r} is called as a column that is not in it", hint="Call the group otherwise"
            )
    for column, values in settings.values.items():
        levels = features[column]
        for value in values if levels else ():
            if value not in levels:
                raise SettingsError(
                    f"[reasons.values.{column}] names {value!r}, which is no level of the column",
                    hint=_near(value, levels),
                )
    if settings.segment and not features.get(settings.segment):
        categories = [name for name, levels in features.items() if levels]
        raise SettingsError(
            f"reasons.segment is {settings.segment!r}, which is no category among the inputs of the model",
            hint=_near(settings.segment, categories) if categories else "Leave it empty: the model reads no category",
        )


def _near(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"Name one of {', '.join(sorted(known))}"


def _key(value: object) -> object:
    """Return what a value is looked up by, as a row holds it or as the settings write it: 18 is "18", true is "yes"."""
    if isinstance(value, bool):
        return said(value)
    try:
        return float(value)  # type: ignore[arg-type]
    except ValueError:
        return value
