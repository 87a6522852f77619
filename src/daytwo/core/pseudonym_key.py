"""Where the key of a project's pseudonyms lies: a secret that somebody else keeps, or one made in the project's state.

Whoever loses it can join nothing any more to what was hidden by it, so it belongs into the backup, and into another
one than the tables.
"""

from __future__ import annotations

from pathlib import Path

from daytwo.core.errors import SettingsError
from daytwo.core.files import own_secret
from daytwo.core.pseudonyms import Pseudonyms
from daytwo.core.settings import DataSettings
from daytwo.core.settings_file import secret

FILE = "pseudonym.key"


def pseudonyms_of(state: Path, data: DataSettings) -> Pseudonyms | None:
    """Return what hides the personal columns of the project that keeps its `state` there, None where it names none.

    Raises
    ------
    SettingsError
        If the key is not there, or is too short to be a secret.
    """
    if not data.personal:
        return None
    if not data.pseudonym_key:
        own_secret(state / FILE)
    return pseudonyms_by(data.personal, key_reference(state, data))


def pseudonyms_by(personal: tuple[str, ...], reference: str) -> Pseudonyms:
    """Return what hides the columns `personal` by the key that `reference` names; raises as `pseudonyms_of`."""
    try:
        return Pseudonyms(personal, secret(reference))
    except ValueError as err:
        raise SettingsError(f"data.pseudonym_key: {err}", hint="Make one with 'openssl rand -hex 32'") from err


def key_reference(state: Path, data: DataSettings) -> str:
    """Return the secret reference of the project's key; empty where nothing is personal."""
    if not data.personal:
        return ""
    return data.pseudonym_key or f"file:{state / FILE}"


def present_key(state: Path) -> str:
    """Return the key that lies in `state`, empty where none does."""
    path = state / FILE
    return own_secret(path) if path.exists() else ""
