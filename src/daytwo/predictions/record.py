"""What the journal remembers: one record for a request, with everything needed to tell later what was answered.

Rows stand in a record as the client sent them, byte for byte; the answers stand beside them as lists in the same
order. `journal.py` writes records, `segments.py` reads them back, `columns.py` makes typed table rows of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias, TypeVar

import msgspec

Row: TypeAlias = dict[str, object]
Value = TypeVar("Value")

CHAMPION, CANARY, FALLBACK = "champion", "canary", "fallback"
# Answered by the champion and not acted on; asked for a version by name, which is no traffic of the model's.
HOLDOUT, ASKED = "holdout", "asked"
# The arms of live traffic that a model answered: by these it is judged.
ANSWERED = (CHAMPION, CANARY, HOLDOUT)
# What answered in the fallback's arm.
BASE_RATE, CONSTANT, PREVIOUS, RULE, REFUSED = "base_rate", "constant", "previous", "rule", "refused"
# The rule of a warning that is not the contract's: the model learned from hardly any row with such a value.
UNUSUAL = "unusual"


class BreachRecord(msgspec.Struct, frozen=True):
    """One named failure of one row; `value` is shortened and JSON, `repaired` what stands in its place if mended."""

    column: str
    rule: str
    value: object
    message: str
    repaired: object = msgspec.UNSET


class BadRow(msgspec.Struct, frozen=True):
    """A row that broke its contract and was answered by the fallback; `row` counts from 0 within the request."""

    row: int
    breaches: tuple[BreachRecord, ...]


class PredictionRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="prediction"):
    """One request of one or more rows and how each was answered.

    `given` tells that the client chose the `request_id`, `fingerprint` is then the CRC-32 of its rows. Row i has the
    prediction id `prediction_id(prefix, start + i)` and was answered by `versions[version_of[i]]` in the role
    `arms[version_of[i]]` (all by the first where `version_of` is empty); `keys` names each version's key column,
    empty where it has none. `acts` and `gains` (money) are empty where
    the task has no decision. `failed` names good rows whose model broke; like the bad ones they got the fallback:
    `fallbacks` says which (nothing in older records), and where it says "previous", `previous[version_of[i]]` answered.
    `advised` is what was found for each row of the holdout group, whom `acts` tells nothing: it is not acted on.
    `unasked` names those of `failed` whose model was not even asked, because it had failed again and again before.
    `shadow` is the version that is to score these rows as well, empty where there is none. `token` is the name of the
    token that the request came with, empty where none was asked for. `model_us` is how long each version's model took
    for a row, in microseconds, None where it answered none: noted only while two versions are compared.
    """

    request_id: str
    given: bool = False
    fingerprint: int = 0
    received_at_us: int
    prefix: str
    start: int
    versions: tuple[str, ...]
    arms: tuple[str, ...]
    keys: tuple[str, ...]
    version_of: list[int] = []
    scores: list[float | None]
    acts: list[bool | None] = []
    gains: list[float | None] = []
    bad: tuple[BadRow, ...] = ()
    failed: tuple[int, ...] = ()
    unasked: tuple[int, ...] = ()
    advised: dict[int, bool] = {}
    fallbacks: dict[int, str] = {}
    previous: tuple[str, ...] = ()
    warnings: dict[int, tuple[BreachRecord, ...]] = {}
    replay_of: list[str | None] = []
    shadow: str = ""
    token: str = ""
    model_us: list[float | None] = []
    rows: msgspec.Raw

    @property
    def ids(self) -> list[str]:
        """The prediction ids in the order of the rows."""
        return prediction_ids(self.prefix, self.start, len(self.scores))

    def arm(self, i: int, *, given_up: bool) -> str:
        """Return the role in which row i was answered: its version's, or the fallback's where that was `given_up`.

        A row that was asked of a version by name stays one, whatever answered.
        """
        arm = self.arms[self.version_of[i] if self.version_of else 0]
        return FALLBACK if given_up and arm != ASKED else arm

    def is_held(self, i: int) -> bool:
        """Whether row i is of a subject of the holdout group."""
        return self.arms[self.version_of[i] if self.version_of else 0] == HOLDOUT

    def mended(self, i: int, row: Row) -> Row:
        """Return row i as the model saw it: with the mended values in place of those that were sent."""
        return mended(row, self.warnings.get(i, ()))

    def stand_in(self, i: int) -> str:
        """Return the previous champion that answered row i in place of its version; empty where none did."""
        if self.fallbacks.get(i) != PREVIOUS:
            return ""
        return self.previous[self.version_of[i] if self.version_of else 0]


class ShadowRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="shadow"):
    """What the shadow `version` would have answered to the predictions from `start` on; None where it could not.

    `failed` names the rows that kept its contract and on which its model failed. `times` are the rows' own event times
    as texts, None where a row has none. `model_us` is how long its model took for a row, in microseconds.
    """

    prefix: str
    start: int
    version: str
    received_at_us: int
    scores: list[float | None]
    failed: tuple[int, ...] = ()
    times: list[str | None] = []
    model_us: float | None = None


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One observed outcome, for a prediction by its id or for every prediction with this key."""

    prediction_id: str | None = None
    key: str | None = None
    label: float
    observed_at_us: int


class LabelsRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="labels"):
    """The labels of one request; `fingerprint` as for predictions. `token` is the name of the one it came with."""

    request_id: str = ""
    fingerprint: int = 0
    received_at_us: int
    token: str = ""
    labels: list[Label]


class Feedback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person did with a prediction: accepted, overridden or ignored it.

    `by` is who, as the client said it, `outcome` what was decided in place of the advice, both empty where not told.
    """

    prediction_id: str
    action: str
    reason: str = ""
    by: str = ""
    outcome: str = ""


class FeedbackRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="feedback"):
    """The feedback of one request; `fingerprint` and `token` as for labels."""

    request_id: str = ""
    fingerprint: int = 0
    received_at_us: int
    token: str = ""
    feedback: list[Feedback]


Record: TypeAlias = PredictionRecord | ShadowRecord | LabelsRecord | FeedbackRecord

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Record)
_ROWS = msgspec.json.Decoder(list[Row])
_RAW_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_ROW = msgspec.json.Decoder(Row)


def encode(record: Record) -> bytes:
    """Return the record as JSON."""
    return _ENCODER.encode(record)


def decode(payload: bytes | memoryview) -> Record:
    """Return the record in the JSON text `payload`."""
    record: Record = _DECODER.decode(payload)
    return record


def prediction_id(prefix: str, number: int) -> str:
    """Return the id of a prediction: sorts by process start, then by order.

    Examples
    --------
    >>> prediction_id("0199f3a1b2c7d41e07a-", 26)
    '0199f3a1b2c7d41e07a-00000001a'
    """
    return f"{prefix}{number:09x}"


def prediction_ids(prefix: str, start: int, count: int) -> list[str]:
    """Return `count` prediction ids in a row, the first with number `start`."""
    return [f"{prefix}{number:09x}" for number in range(start, start + count)]


def split_id(identity: str) -> tuple[str, int] | None:
    """Return the prefix and number of a prediction id, or None where the text is none."""
    prefix, dash, number = identity.rpartition("-")
    if not dash or len(number) < 9 or not set(number) <= set("0123456789abcdef"):
        return None
    return prefix + dash, int(number, 16)


def quarantine_id(prediction: str) -> str:
    """Return the id under which the row of a prediction lies in quarantine."""
    return f"q-{prediction}"


def row_texts(rows: msgspec.Raw | bytes) -> list[bytes]:
    """Return the JSON text of each row of a list of rows, as it was sent."""
    return [bytes(text) for text in _RAW_ROWS.decode(rows)]


def read_rows(rows: msgspec.Raw | bytes) -> list[Row | msgspec.ValidationError]:
    """Return each row of a list of rows as a dict, or why it is none: no object, or a number beyond all bounds.

    Raises
    ------
    msgspec.DecodeError, UnicodeDecodeError, RecursionError
        If the text is no JSON list at all.
    """
    try:
        return list(_ROWS.decode(rows))
    except msgspec.ValidationError:
        return [read_row(text) for text in _RAW_ROWS.decode(rows)]


def read_row(text: bytes | msgspec.Raw) -> Row | msgspec.ValidationError:
    """Return one row as a dict, or why it is none.

    Raises
    ------
    msgspec.DecodeError, UnicodeDecodeError, RecursionError
        If the text is no JSON at all.
    """
    try:
        return _ROW.decode(text)
    except msgspec.ValidationError as err:
        return err


def good_row(row: Row | msgspec.ValidationError) -> Row:
    """Return the row, or an empty one where it could not be read."""
    return {} if isinstance(row, msgspec.ValidationError) else row


def mended(row: Row, breaches: Iterable[BreachRecord]) -> Row:
    """Return the row with the repaired values in place of those that were sent; a field that was not there appears.

    Examples
    --------
    >>> mended({"km": "12"}, [BreachRecord("km", "type", "12", "km must be a number; parse", 12.0)])
    {'km': 12.0}
    """
    found = {one.column: one.repaired for one in breaches if one.repaired is not msgspec.UNSET}
    return row | found if found else row


def text_of(row: Row, column: str) -> str | None:
    """Return the row's text in `column`, a whole number as its digits; None where it holds neither.

    Examples
    --------
    >>> text_of({"trip": "t-1"}, "trip"), text_of({"trip": 17}, "trip"), text_of({"trip": None}, "trip")
    ('t-1', '17', None)
    """
    return text_in(row.get(column))


def text_in(value: object) -> str | None:
    """Return a text as it is, a whole number as its digits, None of anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(value) if isinstance(value, int) else str(int(value)) if value.is_integer() else None


def spread(values: Sequence[Value], count: int) -> Sequence[Value | None]:
    """Return `values`, or `count` times None where a record left them out."""
    return values or [None] * count
