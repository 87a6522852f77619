"""How the texts of a column are written, as a regular expression that a person can read, such as `N[0-9]{3,4}[A-Z]{2}`.

Texts are cut into runs of digits, small letters, capital letters and single other characters. Texts with the same
kinds of runs make one form; the pattern is the few forms that nearly all texts have. What is left over is dirt only
if each of it is one of the forms with a few wrong characters; otherwise there is no pattern. Runs have bounds and
nothing nests, so that no text takes long to match. Half of `propose.py`; pure.

Source: after J. Song, Y. He (2021), Auto-Validate: unsupervised data validation using data-domain patterns, SIGMOD
1678-1691; here the forms of one column alone, and a test of what the pattern leaves over.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

_RUN = re.compile(r"[0-9]+|[a-z]+|[A-Z]+|.", re.DOTALL)
_CLASSES = {"9": "[0-9]", "a": "[a-z]", "A": "[A-Z]"}
_SPECIAL = re.compile(r"[\\.^$*+?{}\[\]|()]")
# A form of at least this share of the rows is no accident; dirt comes in many forms, each rarer.
_LEAST_FORM = 0.01
_LEAST_ROWS = 5
_MOST_FORMS = 6
_MOST_RUNS = 12
_LONGEST = 256
# A length of a run, or a run's text, that so small a share of its form has may be dirt.
_RARE = 0.01
# A run is written out where nearly all texts of its form have it so, and no other way of writing it is frequent.
_SAME = 0.95
_MOST_DIRT = 0.05
# Fewer misfits than this are bearable whatever they look like; of more, most must look like damaged texts.
BEARABLE = 1e-3
_MOST_DAMAGED = 0.8
# A text with wrong characters keeps at least this share of them.
_KEPT = 0.5

_Form = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A proposed pattern, and the share of rows, in [0, 1], that do not match it."""

    text: str
    misfits: float


def propose_pattern(texts: Sequence[str], counts: Sequence[int]) -> Pattern | None:
    """Return how these distinct texts, each seen `counts` times, are written; None where no pattern says much.

    Examples
    --------
    >>> propose_pattern([f"N{n}AA" for n in range(100, 200)], [5] * 100).text
    'N[0-9]{3}AA'
    """
    total = sum(counts)
    if total == 0 or max(map(len, texts)) > _LONGEST:
        return None
    kept = _kept(_forms(texts, counts), total)
    if not kept or len(kept) > _MOST_FORMS or any(len(form.runs) > _MOST_RUNS for form in kept):
        return None
    if not _says_much(kept, total):
        return None
    text = "|".join(dict.fromkeys(form.pattern() for form in kept))
    matches = re.compile(text).fullmatch
    odd = [(one, count) for one, count in zip(texts, counts, strict=True) if matches(one) is None]
    misfits = sum(count for _, count in odd) / total
    damaged = sum(count for one, count in odd if _is_damaged(one, kept)) / total
    if misfits > BEARABLE and (misfits > _MOST_DIRT or damaged < _MOST_DAMAGED * misfits):
        return None
    return Pattern(text, misfits)


@dataclass(slots=True)
class _Texts:
    """The texts of one form: `runs` says which kind of character each run has; an item of `cut` is one text's runs."""

    runs: _Form
    cut: list[list[str]]
    counts: list[int]
    rows: int = 0

    def pattern(self) -> str:
        return "".join(self._piece(position) for position in range(len(self.runs)))

    def lengths(self, position: int) -> tuple[int, int]:
        """Return the shortest and longest run here, leaving out lengths that hardly any text has."""
        rows: dict[int, int] = defaultdict(int)
        for cut, count in zip(self.cut, self.counts, strict=True):
            rows[len(cut[position])] += count
        usual = [length for length, held in rows.items() if held >= _RARE * self.rows]
        return min(usual), max(usual)

    def _piece(self, position: int) -> str:
        kind = self.runs[position]
        if kind not in _CLASSES:
            return _escaped(kind)
        same: dict[str, int] = defaultdict(int)
        for cut, count in zip(self.cut, self.counts, strict=True):
            same[cut[position]] += count
        usual, *others = sorted(same, key=lambda run: -same[run])
        # Digits count: the year, the month or the batch that all have now will be another one.
        constant = kind != "9" and same[usual] >= _SAME * self.rows
        if constant and all(same[run] < max(2, _RARE * self.rows) for run in others):
            return _escaped(usual)
        low, high = self.lengths(position)
        # The largest number comes near the next power of ten, or each came once, as ids that are counted up: numbers
        # grow, the next has one digit more.
        top = max(run for run in same if len(run) == high)
        if kind == "9" and low < high and (top >= "5" or max(self.counts) == 1):
            high += 1
        least = 1 if kind == "9" and low == 2 < high else low
        if least == high:
            return _CLASSES[kind] + (f"{{{high}}}" if high > 1 else "")
        return f"{_CLASSES[kind]}{{{least},{high}}}"


def _forms(texts: Sequence[str], counts: Sequence[int]) -> list[_Texts]:
    found: dict[_Form, _Texts] = {}
    for text, count in zip(texts, counts, strict=True):
        cut = _RUN.findall(text)
        kinds = tuple(map(_kind, cut))
        form = found.setdefault(kinds, _Texts(kinds, [], []))
        form.cut.append(cut)
        form.counts.append(count)
        form.rows += count
    return sorted(found.values(), key=lambda form: -form.rows)


def _kept(forms: list[_Texts], total: int) -> list[_Texts]:
    """Return the forms that are no accident, the most frequent first."""
    frequent = [form for form in forms if form.rows >= max(_LEAST_ROWS, _LEAST_FORM * total)]
    return [form for i, form in enumerate(frequent) if not any(_is_dirt(form, usual) for usual in frequent[:i])]


def _is_dirt(form: _Texts, usual: _Texts) -> bool:
    """Whether a rare form is a frequent one damaged: hardly a text of it comes twice, and those of the other do."""
    if form.rows > _MOST_DIRT * usual.rows or form.rows > 2 * len(form.cut) or usual.rows < 4 * len(usual.cut):
        return False
    return sum(_is_damaged("".join(cut), [usual]) for cut in form.cut) >= _MOST_DAMAGED * len(form.cut)


def _kind(run: str) -> str:
    first = run[0]
    if "0" <= first <= "9":
        return "9"
    if "a" <= first <= "z":
        return "a"
    return "A" if "A" <= first <= "Z" else run


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: "\\" + found.group(), text)


def _says_much(forms: Sequence[_Texts], total: int) -> bool:
    """Whether most rows have digits, or one fixed length of capital letters: a code, not words."""
    coded = 0
    for form in forms:
        fixed = form.runs == ("A",) and form.lengths(0)[0] == form.lengths(0)[1]
        coded += form.rows if "9" in form.runs or fixed else 0
    return coded >= total / 2


def _is_damaged(text: str, forms: Sequence[_Texts]) -> bool:
    """Whether a text is one of the forms with a few characters wrong, too many or too few."""
    marked = "".join(_kind(character) for character in text)
    for form in forms:
        for end in (0, 1):
            usual = "".join(
                kind * form.lengths(position)[end] if kind in _CLASSES else kind
                for position, kind in enumerate(form.runs)
            )
            if _alike(marked, usual):
                return True
    return False


def _alike(one: str, other: str) -> bool:
    longer = max(len(one), len(other))
    if abs(len(one) - len(other)) > max(1, longer // 5):
        return False
    head = sum(a == b for a, b in zip(one, other, strict=False))
    tail = sum(a == b for a, b in zip(reversed(one), reversed(other), strict=False))
    return max(head, tail) >= _KEPT * longer
