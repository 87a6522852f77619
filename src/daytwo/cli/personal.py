"""What commands that read files hide of them: the personal columns of the project that they are called in."""

from __future__ import annotations

import os
from pathlib import Path

from daytwo.core.errors import NotFound
from daytwo.core.pseudonym_key import pseudonyms_of
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.core.settings_file import find_project, load_settings
from daytwo.project import STATE


def hiding() -> Pseudonyms | None:
    """Return what hides the personal columns of the project here, None where there is none or nothing is personal."""
    try:
        folder = find_project(Path.cwd())
    except NotFound:
        return None
    return pseudonyms_of(folder / STATE, load_settings(folder, os.environ).settings.data)
