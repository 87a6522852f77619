"""What MLflow's clients send to `/invocations`, as rows: four JSON forms and CSV. Pure.

`dataframe_split` {"columns", "data"}, `dataframe_records` [{...}], `instances` (rows, or lists in the columns' order)
and `inputs` (columns of values, or rows). NaN is a missing value, as its clients write one. Of `params`, which MLflow
hands to the model, two mean something here: `explain` and `request_id`. Source: MLflow's scoring protocol, version 2
and later.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from daytwo.contracts.column import Column, Role
from daytwo.contracts.contract import Contract
from daytwo.contracts.repairs import parsed
from daytwo.core.schema import Kind
from daytwo.serving.answering.repeated_keys import repeated_key
from daytwo.serving.answering.replies import Reply
from daytwo.serving.answering.requests import too_deep
from daytwo.serving.dialects.python_json import read_python_json
from daytwo.serving.transport.messages import HttpError

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_LEFT_OUT = (Role.TARGET, Role.IGNORED)
_READ_AS = (Kind.NUMBER, Kind.INTEGER, Kind.BOOLEAN)


@dataclass(frozen=True, slots=True)
class Invocation:
    """Rows as a JSON list in `text`, and what is asked besides."""

    text: bytes
    request_id: str | None = None
    explain: bool = False


class _Params(msgspec.Struct, forbid_unknown_fields=True):
    request_id: str | None = None
    explain: bool | None = None


class _Split(msgspec.Struct):
    data: list[list[Any]]
    columns: list[str] | None = None
    index: list[Any] | None = None


def read_invocation(body: bytes, content_type: bytes, contract: Contract) -> Invocation:
    """Return what a body of this type asks, its values as the contract's columns read them.

    Raises
    ------
    HttpError
        400 where it is none of the forms, 422 for none.
    """
    columns = {column.name: column for column in contract.columns if column.role not in _LEFT_OUT}
    if content_type.partition(b";")[0].strip().lower() == b"text/csv":
        return Invocation(msgspec.json.encode(read_csv_rows(body, columns)))
    try:
        asked = _object(body)
        rows = read_rows_of_form(asked, list(columns))
        twice = repeated_key(body)
        text = msgspec.json.encode(rows)
    except RecursionError as err:
        raise too_deep() from err
    if twice is not None:
        raise HttpError(400, "duplicate_key", f"the key {twice!r} stands twice", hint="Send it once")
    params = _params(asked.get("params"))
    return Invocation(text, params.request_id, bool(params.explain))


def invocation_reply(reply: Reply) -> dict[str, object]:
    """Return a reply in the form that MLflow's clients read, and what daytwo says besides."""
    return {
        "predictions": [answer.score for answer in reply.predictions],
        "request_id": reply.request_id,
        "details": reply.predictions,
    }


def read_rows_of_form(asked: Mapping[str, object], columns: Sequence[str]) -> list[object]:
    """Return the rows of a body in one of the four forms; `columns` names the values of rows that are lists.

    Raises
    ------
    HttpError
        400 where it is none of the four forms.

    Examples
    --------
    >>> read_rows_of_form({"inputs": {"km": [1.5, 2.0]}}, ["km"])
    [{'km': 1.5}, {'km': 2.0}]
    """
    found = [form for form in _FORMS if form in asked]
    if len(found) != 1:
        raise HttpError(400, "request", "this is no invocation", hint=f"Send one of {', '.join(_FORMS)}")
    held = asked[found[0]]
    if found[0] == "dataframe_split":
        return _split(held, columns)
    if isinstance(held, dict):
        return _transposed(held)
    if not isinstance(held, list):
        raise HttpError(400, "request", f"{found[0]} is neither a list nor columns", hint="Send rows")
    return [_named(row, columns) if isinstance(row, list) else row for row in held]


def _object(body: bytes) -> dict[str, object]:
    try:
        if not body.isascii():
            body.decode()  # what is dropped is not looked at by the JSON reader
        return msgspec.convert(read_python_json(body), type=dict[str, object])
    except UnicodeDecodeError as err:
        raise HttpError(400, "encoding", f"the body is not UTF-8: {err.reason}", hint="Send UTF-8") from err
    except msgspec.ValidationError as err:
        raise HttpError(
            400, "request", f"this is no invocation: {err}", hint=f"Send one of {', '.join(_FORMS)}"
        ) from err
    except (msgspec.DecodeError, ValueError) as err:
        raise HttpError(400, "json", f"this is no invocation: {err}", hint="The documentation shows its forms") from err


def _params(told: object) -> _Params:
    try:
        return _Params() if told is None else msgspec.convert(told, type=_Params)
    except msgspec.ValidationError as err:
        raise HttpError(
            400, "request", f"these params mean nothing here: {err}", hint="There are explain and request_id"
        ) from err


def _split(held: object, columns: Sequence[str]) -> list[object]:
    try:
        split = msgspec.convert(held, type=_Split)
    except msgspec.ValidationError as err:
        raise HttpError(
            400, "request", f"this is no dataframe_split: {err}", hint="Send columns, and data as lists"
        ) from err
    names = columns if split.columns is None else split.columns
    if len(set(names)) != len(names):
        raise HttpError(400, "request", "a column stands twice in columns", hint="Name each column once")
    return [_named(row, names) for row in split.data]


def read_csv_rows(body: bytes, columns: Mapping[str, Column]) -> list[object]:
    r"""Return the rows of a CSV body with a header; texts of number and truth columns are read as such.

    Raises
    ------
    HttpError
        400 where it is no CSV in UTF-8.

    Examples
    --------
    >>> read_csv_rows(b"km,city\n1.5,oslo\n", {"km": Column("km", Kind.NUMBER)})
    [{'km': 1.5, 'city': 'oslo'}]
    """
    try:
        read = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        lines = [line for line in read if line]  # an empty line is no row, as MLflow's own server reads it
    except (UnicodeDecodeError, csv.Error) as err:
        raise HttpError(400, "csv", f"this is no CSV in UTF-8: {err}", hint="Send a header and rows") from err
    if not lines:
        raise HttpError(422, "empty", "there are no rows in the request", hint="Send a header and rows")
    head, *rows = lines
    if len(set(head)) != len(head):
        raise HttpError(400, "csv", "a column stands twice in the header", hint="Name each column once")
    for number, row in enumerate(rows):
        if len(row) != len(head):
            raise HttpError(
                400, "csv", f"row {number} has {len(row)} values for {len(head)} columns", hint="Mend the row"
            )
    return [{name: _cell(text, columns.get(name)) for name, text in zip(head, row, strict=True)} for row in rows]


def _cell(text: str, column: Column | None) -> object:
    if text == "":
        return None
    if column is None or column.kind not in _READ_AS:
        return text
    read = parsed(text, column.kind)
    return text if read is None else read


def _named(row: list[Any], columns: Sequence[str]) -> dict[str, object]:
    if len(row) != len(columns):
        raise HttpError(
            400, "request", f"a row has {len(row)} values for {len(columns)} columns", hint="Send rows as objects"
        )
    return dict(zip(columns, row, strict=True))


def _transposed(columns: dict[str, Any]) -> list[object]:
    lists = {name: held if isinstance(held, list) else [held] for name, held in columns.items()}
    if len({len(held) for held in lists.values()}) != 1:
        raise HttpError(400, "request", "the columns of inputs are not equally long", hint="Send as many of each")
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
