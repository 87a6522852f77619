"""Pseudonyms: what stands in place of a personal value before anything is written. Pure; the key is handed in.

The same value has the same pseudonym in every column, table and process that has the key, so keys, labels and subjects
still join. Without the key nobody can tell which value it was, nor try whether it was a given one. A pseudonym names
its key, so that one can see which of them made it; what is a pseudonym already stays as it is, so that rows may come
through the door again. `serving/answering/personal.py` hides requests, `sources/personal.py` the rows of a source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from hashlib import blake2b

# 120 bits: two of a billion values share one with a chance of 1 in 10**18.
_DIGEST_BYTES = 15
_KEY_ID_BYTES = 3
# A key that a person wrote is bounded below by this many characters.
MIN_KEY_CHARACTERS = 16
_FORM = re.compile(r"p-[0-9a-f]{6}-[0-9a-f]{30}")
# What the text of a row within a row begins with; an empty text is none.
_JSON = frozenset("{[")
_PLAIN = re.compile(r"[\W_]+")
# Names of a client's fields are looked up, not worked out anew; whoever makes up names must not cost memory.
_MAX_NAMES = 4096


class Pseudonyms:
    """Hides the values of the columns named `personal`, by a secret `key`.

    A field counts as one of them however its name is cased or spaced: "Customer Name" is `customer_name` too.

    Examples
    --------
    >>> hidden = Pseudonyms(["name"], "a key of many characters")
    >>> hidden.row({"name": "Ana", "seats": 150})
    {'name': 'p-6cf469-9d98f3a985f31fd046e611bba512cb', 'seats': 150}
    >>> hidden.of(hidden.of("Ana")) == hidden.of("Ana"), hidden.of(17) == hidden.of("17")
    (True, True)
    """

    def __init__(self, personal: Collection[str], key: str) -> None:
        if len(key) < MIN_KEY_CHARACTERS:
            raise ValueError(f"a key of pseudonyms has at least {MIN_KEY_CHARACTERS} characters")
        self.columns = tuple(personal)
        self._key = blake2b(key.encode(), digest_size=32, person=b"daytwo key").digest()
        self.key_id = blake2b(b"", key=self._key, digest_size=_KEY_ID_BYTES, person=b"daytwo id").hexdigest()
        self._prefix = f"p-{self.key_id}-"
        self._names = dict.fromkeys(personal, True)
        self._plain_names = {_plain(name) for name in personal}

    def hides(self, name: str) -> bool:
        """Whether the values of a field called `name` are hidden."""
        found = self._names.get(name)
        if found is None:
            found = _plain(name) in self._plain_names
            if len(self._names) < _MAX_NAMES:
                self._names[name] = found
        return found

    def of(self, value: object) -> str:
        """Return what stands in place of `value`; a whole number and its digits have the same pseudonym."""
        text = value if isinstance(value, str) else _text(value)
        if is_pseudonym(text):
            return text
        content = text.encode(errors="surrogatepass")
        return self._prefix + blake2b(content, key=self._key, digest_size=_DIGEST_BYTES).hexdigest()

    def row(self, value: object) -> object:
        """Return `value`, a row or a part of one, with pseudonyms for what is personal in it; missing stays missing.

        A text that is JSON is looked into as well.
        """
        if isinstance(value, dict):
            return {
                name: self.of(held) if held is not None and self.hides(name) else self.row(held)
                for name, held in value.items()
            }
        if isinstance(value, list):
            return [self.row(one) for one in value]
        return self._within(value) if isinstance(value, str) and value[:1] in _JSON else value

    def _within(self, text: str) -> str:
        """Return a text that may be a row written as JSON, with what is personal in it hidden."""
        try:
            read = json.loads(text)
            hidden = self.row(read)
        except (ValueError, RecursionError):
            return text
        return text if hidden == read else json.dumps(hidden, ensure_ascii=False)


def is_pseudonym(text: str) -> bool:
    """Whether `text` has the form of a pseudonym, by whatever key.

    Examples
    --------
    >>> is_pseudonym("p-6cf469-9d98f3a985f31fd046e611bba512cb"), is_pseudonym("p-ana")
    (True, False)
    """
    return text.startswith("p-") and _FORM.fullmatch(text) is not None


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return str(value)


def _plain(name: str) -> str:
    return _PLAIN.sub("", name.casefold())
