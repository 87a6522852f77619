"""Tensors of the Open Inference Protocol v2 as rows, and answers as tensors: JSON and the binary extension, both ways.

Pure. One tensor a column, of shape [n] or [n, 1]; or one tensor of shape [n, d] for a model of d numbers. What the
protocol cannot say is agreed so: NaN is a missing number (bare `NaN` in JSON too, as Triton's client sends it), and
`null` in a JSON list is a missing value of any kind. Two parameters of a request are daytwo's own: `request_id`, under
which nothing is recorded twice, and `explain`. Other parameters are the business of other servers and change nothing.
`datatypes.py` next door reads values, `open_inference.py` holds the addresses.

Source: Open Inference Protocol 2 (KServe), and Triton's binary tensor data extension.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from daytwo.serving.answering.repeated_keys import plain_keys, repeated_key
from daytwo.serving.answering.requests import too_deep
from daytwo.serving.dialects.datatypes import DATATYPES, Output, from_binary, sayable, to_binary
from daytwo.serving.dialects.python_json import read_python_json
from daytwo.serving.transport.messages import HttpError

# What a parameter of a tensor may ask for that is not offered here.
_NOT_OFFERED = {
    "shared_memory_region": ("shared memory is not offered", "Send the tensor in the request"),
    "classification": ("classification is not offered: score is a probability or an amount", "Read the output score"),
}


_Value = TypeVar("_Value")


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
    """Rows to answer, and how: `outputs` maps each wanted output (None: all) to whether it is sent in binary.

    `identity` is given back as it came and means nothing here: clients number their requests, and may use one number
    for all of them.
    """

    identity: str | None
    rows: list[dict[str, object]]
    outputs: dict[str, bool] | None
    binary: bool
    request_id: str | None = None
    explain: bool = False


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
    return Inference(
        asked.id,
        rows,
        _wanted(asked.outputs, binary=binary),
        binary,
        request_id=_parameter(asked, "request_id", str),
        explain=bool(_parameter(asked, "explain", bool)),
    )


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


def _wanted(outputs: list[_Output] | None, *, binary: bool) -> dict[str, bool] | None:
    if outputs is None:
        return None
    for one in outputs:
        _must_be_offered(one.parameters)
    return {one.name: bool(one.parameters.get("binary_data", binary)) for one in outputs}


def _parameter(asked: _Asked, name: str, kind: type[_Value]) -> _Value | None:
    if asked.parameters.get("sequence_id"):
        raise _refused("sequences are not kept here", "Send each row as it stands")
    value = asked.parameters.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise _refused(f"the parameter {name!r} is no {kind.__name__}", "Correct it, or leave it out")


def _must_be_offered(parameters: dict[str, Any]) -> None:
    for name, (message, hint) in _NOT_OFFERED.items():
        if name in parameters:
            raise _refused(message, hint)


def _head(body: bytes, head_bytes: int | None) -> tuple[_Asked, memoryview]:
    if head_bytes is not None and not 0 < head_bytes <= len(body):
        raise _refused(
            f"the header says {head_bytes} bytes of JSON, the body has {len(body)}",
            "Correct Inference-Header-Content-Length",
        )
    cut = len(body) if head_bytes is None else head_bytes
    text = body[:cut]
    try:
        text.decode()  # what stands in keys and values that are skipped is not looked at by the JSON reader
        told = read_python_json(text)
        asked = msgspec.convert(told, type=_Asked)
        twice = repeated_key(text) if plain_keys(text) != _keys(told) else None
    except UnicodeDecodeError as err:
        raise HttpError(400, "encoding", f"the body is not UTF-8: {err.reason}", hint="Send UTF-8") from err
    except RecursionError as err:
        raise too_deep() from err
    except (msgspec.MsgspecError, ValueError) as err:
        raise _refused(f"this is no inference request: {err}", "The documentation shows its form") from err
    if twice is not None:
        raise HttpError(400, "duplicate_key", f"the key {twice!r} stands twice", hint="Send it once")
    return asked, memoryview(body)[cut:]


def _keys(value: object) -> int:
    """Return how many keys stand in a request, the tensors' data left out."""
    if isinstance(value, dict):
        return len(value) + sum(_keys(held) for name, held in value.items() if name != "data")
    return sum(map(_keys, value)) if isinstance(value, list) else 0


def _values(tensor: _Tensor, rest: memoryview) -> tuple[list[object], memoryview]:
    """Return a tensor's values in order, and what follows them."""
    if tensor.datatype not in DATATYPES:
        raise _refused(f"{tensor.datatype!r:.40} is no datatype", f"There are {', '.join(DATATYPES)}")
    _must_be_offered(tensor.parameters)
    if not 1 <= len(tensor.shape) <= 2 or any(size < 0 for size in tensor.shape):
        raise _refused(f"the input {tensor.name!r:.80} has shape {tensor.shape!r:.40}", "Send [n], [n, 1] or [n, d]")
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        values = _flat(tensor.data if tensor.data is not None else [])
    elif not isinstance(size, int) or not 0 <= size <= len(rest):
        raise _refused(f"the input {tensor.name!r:.80} ends beyond the body", "Correct binary_data_size")
    else:
        values, rest = from_binary(tensor.name, tensor.datatype, rest[:size]), rest[size:]
    if len(values) != math.prod(tensor.shape):
        raise _refused(
            f"the input {tensor.name!r:.80} of shape {tensor.shape} holds {len(values)} values",
            "Send as many values as its shape says",
        )
    return sayable(values), rest


def _flat(data: list[Any]) -> list[object]:
    """Return JSON data, which may be nested by rows, as one list."""
    return [part for one in data for part in (one if isinstance(one, list) else [one])]


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
