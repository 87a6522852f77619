"""Other tools' files, JSON or YAML, read as plain values and written as texts. Decides nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from daytwo.core.errors import DataError, NotFound

_YAML = (".yaml", ".yml")


def read_document(path: Path) -> Any:
    """Return what a JSON or YAML file says; YAML's own objects are never built.

    Raises
    ------
    NotFound
        If it cannot be read.
    DataError
        If it is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise NotFound(f"cannot read {path}: {err.strerror or err}", hint="Check the path you gave") from err
    except UnicodeDecodeError as err:
        raise DataError(f"{path} is no text in UTF-8: {err.reason}", hint="Save the file as UTF-8") from err
    try:
        return yaml.safe_load(text) if path.suffix.lower() in _YAML else json.loads(text)
    except (json.JSONDecodeError, yaml.YAMLError, RecursionError) as err:
        said = " ".join(str(err).split()) or "it is nested too deep"
        raise DataError(
            f"{path} cannot be read: {said}", hint="Give a .json or .yaml file that its tool wrote"
        ) from err


def written(document: Any, *, path: Path) -> str:
    """Return the text of a document: YAML where the file is called so, else JSON."""
    if path.suffix.lower() in _YAML:
        text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
        return text
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
