"""Tensors of the Open Inference Protocol v2 as rows, and answers as tensors: JSON and the binary extension, both ways.

Pure. One tensor a column, of shape [n] or [n, 1]; or one tensor of shape [n, d] for a model of d numbers. What the
protocol cannot say is agreed so: NaN is a missing number (bare `NaN` in JSON too, as Triton's client sends it), and
`null` in a JSON list is a missing value of any kind. `open_inference.py` next door holds the addresses.

Source: Open Inference Protocol 2 (KServe), and Triton's binary tensor data extension.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from daytwo.serving.transport.messages import HttpError

_FORMS: Mapping[str, str] = {
    "BOOL": "?",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_FLOATS = ("FP16", "FP32", "FP64")
_BYTES = "BYTES"
_LENGTH_BYTES = 4


class _Tensor(msgspec.Struct):
    """An input as sent; `data` is there unless the values follow the JSON in binary."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Any] = {}


class _Output(msgspec.Struct):
    name: str
    parameters: dict[str, Any] = {}


class _Asked(msgspec.Struct):
    inputs: list[_Tensor]
    id: str | None = None
    outputs: list[_Output] | None = None
    parameters: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Inference:
    """Rows to answer, and how: `outputs` maps each wanted output (None: all) to whether it is sent in binary."""

    identity: str | None
    rows: list[dict[str, object]]
    outputs: dict[str, bool] | None
    binary: bool


@dataclass(frozen=True, slots=True)
class Output:
    """One output tensor of shape [n]: `values` are numbers, truths or texts, None where missing."""

    name: str
    datatype: str
    values: Sequence[object]


def read_inference(body: bytes, head_bytes: int | None, matrix_columns: Sequence[str], max_rows: int) -> Inference:
    """Return the rows in a request's body.

    `head_bytes` is the length of its JSON part where tensors follow in binary; `matrix_columns` names the columns of
    a single [n, d] tensor, empty where the model reads more than numbers.

    Raises
    ------
    HttpError
        400 where the body is no inference request, 413 for too many rows, 422 for none.
    """
    asked, rest = _head(body, head_bytes)
    if not asked.inputs:
        raise _refused("there are no inputs", "Send one tensor a column")
    columns: dict[str, list[object]] = {}
    for tensor in asked.inputs:
        values, rest = _values(tensor, rest)
        for name, column in _columns(tensor, values, matrix_columns, alone=len(asked.inputs) == 1).items():
            if name in columns:
                raise _refused(f"the input {name!r:.80} stands twice", "Send each column once")
            columns[name] = column
    if len(rest):
        raise _refused(f"{len(rest)} bytes follow the last tensor", "Correct binary_data_size")
    counts = {len(column) for column in columns.values()}
    if len(counts) != 1:
        raise _refused(f"the inputs have {sorted(counts)} rows", "Send as many values for each column")
    (count,) = counts
    if not count:
        raise HttpError(422, "empty", "the tensors hold no rows", hint="Send at least one")
    if count > max_rows:
        raise HttpError(413, "too_many_rows", f"{count} rows are more than {max_rows}", hint="Send fewer at once")
    names = tuple(columns)
    rows: list[dict[str, object]] = [
        dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    binary = bool(asked.parameters.get("binary_data_output", False))
    wanted = None
    if asked.outputs is not None:
        wanted = {one.name: bool(one.parameters.get("binary_data", binary)) for one in asked.outputs}
    return Inference(asked.id, rows, wanted, binary)


def write_inference(
    asked: Inference, outputs: Sequence[Output], *, model: str, version: str, identity: str
) -> tuple[bytes, int | None]:
    """Return the reply's body, and the length of its JSON part where tensors follow in binary.

    Raises
    ------
    HttpError
        400 where an output is wanted that there is not.
    """
    known = {output.name: output for output in outputs}
    wanted = dict.fromkeys(known, asked.binary) if asked.outputs is None else asked.outputs
    told: list[dict[str, object]] = []
    blobs: list[bytes] = []
    for name, binary in wanted.items():
        output = known.get(name)
        if output is None:
            raise _refused(f"there is no output {name!r:.80}", f"There are {', '.join(known)}")
        one: dict[str, object] = {"name": name, "shape": [len(output.values)], "datatype": output.datatype}
        if binary:
            blobs.append(to_binary(output))
            one["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            one["data"] = output.values
        told.append(one)
    head = msgspec.json.encode({"model_name": model, "model_version": version, "id": identity, "outputs": told})
    return b"".join((head, *blobs)), len(head) if blobs else None


def to_binary(output: Output) -> bytes:
    """Return a tensor's values as bytes: little-endian numbers; a text as its length in 4 bytes and its UTF-8."""
    if output.datatype == _BYTES:
        texts = ["" if value is None else str(value) for value in output.values]
        encoded = [text.encode() for text in texts]
        return b"".join(len(text).to_bytes(_LENGTH_BYTES, "little") + text for text in encoded)
    missing = math.nan if output.datatype in _FLOATS else 0
    values = [missing if value is None else value for value in output.values]
    return np.array(values, dtype=_FORMS[output.datatype]).tobytes()


def _head(body: bytes, head_bytes: int | None) -> tuple[_Asked, memoryview]:
    if head_bytes is not None and not 0 < head_bytes <= len(body):
        raise _refused(
            f"the header says {head_bytes} bytes of JSON, the body has {len(body)}",
            "Correct Inference-Header-Content-Length",
        )
    cut = len(body) if head_bytes is None else head_bytes
    text = body[:cut]
    try:
        try:
            asked = msgspec.json.decode(text, type=_Asked)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            if b"NaN" not in text:
                raise
            asked = msgspec.convert(json.loads(text), type=_Asked)
    except (msgspec.MsgspecError, ValueError, RecursionError) as err:
        raise _refused(f"this is no inference request: {err}", "The documentation shows its form") from err
    return asked, memoryview(body)[cut:]


def _values(tensor: _Tensor, rest: memoryview) -> tuple[list[object], memoryview]:
    """Return a tensor's values in order, and what follows them."""
    if tensor.datatype not in _FORMS and tensor.datatype != _BYTES:
        raise _refused(f"{tensor.datatype!r:.40} is no datatype", f"There are {', '.join([*_FORMS, _BYTES])}")
    if not 1 <= len(tensor.shape) <= 2 or any(size < 0 for size in tensor.shape):
        raise _refused(f"the input {tensor.name!r:.80} has shape {tensor.shape!r:.40}", "Send [n], [n, 1] or [n, d]")
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        values = _flat(tensor.data if tensor.data is not None else [])
    elif not isinstance(size, int) or not 0 <= size <= len(rest):
        raise _refused(f"the input {tensor.name!r:.80} ends beyond the body", "Correct binary_data_size")
    else:
        values, rest = _from_binary(tensor, rest[:size]), rest[size:]
    if len(values) != math.prod(tensor.shape):
        raise _refused(
            f"the input {tensor.name!r:.80} of shape {tensor.shape} holds {len(values)} values",
            "Send as many values as its shape says",
        )
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values], rest


def _flat(data: list[Any]) -> list[object]:
    """Return JSON data, which may be nested by rows, as one list."""
    return [part for one in data for part in (one if isinstance(one, list) else [one])]


def _from_binary(tensor: _Tensor, content: memoryview) -> list[object]:
    if tensor.datatype == _BYTES:
        return _texts(tensor.name, content)
    form = np.dtype(_FORMS[tensor.datatype])
    if len(content) % form.itemsize:
        raise _refused(
            f"the input {tensor.name!r:.80} is no whole number of {tensor.datatype}", "Correct binary_data_size"
        )
    values: list[object] = np.frombuffer(content, dtype=form).tolist()
    return values


def _texts(name: str, content: memoryview) -> list[object]:
    texts: list[object] = []
    at = 0
    while at < len(content):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(content[at:begin], "little")
        if at > len(content):
            raise _refused(f"a text of the input {name!r:.80} ends beyond it", "Correct its length")
        try:
            texts.append(str(content[begin:at], "utf-8"))
        except UnicodeDecodeError as err:
            raise _refused(f"a text of the input {name!r:.80} is not UTF-8", "Send UTF-8") from err
    return texts


def _columns(
    tensor: _Tensor, values: list[object], matrix_columns: Sequence[str], *, alone: bool
) -> dict[str, list[object]]:
    width = tensor.shape[1] if len(tensor.shape) > 1 else 1
    if width == 1 and not (alone and matrix_columns == (tensor.name,)):
        return {tensor.name: values}
    if not alone or width != len(matrix_columns):
        hint = f"Send [n, {len(matrix_columns)}]" if matrix_columns else "Send one tensor [n, 1] a column"
        raise _refused(f"the input {tensor.name!r:.80} of shape {tensor.shape} names no columns", hint)
    return {name: values[position::width] for position, name in enumerate(matrix_columns)}


def _refused(message: str, hint: str) -> HttpError:
    return HttpError(400, "inference", message, hint=hint)
