"""What a path asks for: which address of ours, of which model, by which version.

Pure. The plain addresses stand for the first model, or the only one; `/models/NAME` and `/models/NAME/versions/V` name
another, and a version that is asked by name. Addresses are counted, and tokens let in, by `path` alone: never by what
a client wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

# How requests of the Open Inference Protocol are counted: those to infer, and those about models.
INFER, ABOUT = "/v2/infer", "/v2"
PREDICTIONS, OTHER = "/predictions", "other"
# What can be asked below a model's name, and below a version's.
OF_MODEL = frozenset(("predict", "labels", "feedback", "invocations", "openapi.json", "route"))
OF_VERSION = frozenset(("predict", "invocations"))


@dataclass(frozen=True, slots=True)
class Address:
    """One address; `model` and `version` are empty where the path names none."""

    path: str
    model: str = ""
    version: str = ""


def address(path: str) -> Address:
    """Return what `path` asks for, where that is none of the plain addresses.

    Examples
    --------
    >>> address("/models/late-flights/versions/de5337cf/predict")
    Address(path='/predict', model='late-flights', version='de5337cf')
    >>> address("/v2/models/late-flights/infer").path, address("/nothing").path
    ('/v2/infer', 'other')
    """
    if path.startswith("/predictions/") and path.removesuffix("/explanation").removesuffix("/change").count("/") == 2:
        return Address(PREDICTIONS)
    match path.split("/")[1:]:
        case ["v2", *rest]:
            model = unquote(rest[1]) if len(rest) > 1 and rest[0] == "models" else ""
            return Address(INFER if rest[-1:] == ["infer"] else ABOUT, model)
        case ["models", model, part] if part in OF_MODEL:
            return Address(f"/{part}", unquote(model))
        case ["models", model, "versions", version, part] if part in OF_VERSION:
            return Address(f"/{part}", unquote(model), unquote(version))
    return Address(OTHER)
