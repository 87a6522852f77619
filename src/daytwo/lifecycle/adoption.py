"""A model from elsewhere becomes a candidate: kept, held against the contract, proved on rows, then released as usual.

`training/adopt.py` holds it against the contract; the release flow in `prepare.py` takes it from here by its digest, so
that a release cut short goes on although the file it came from is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl

from daytwo.contracts.contract import Contract
from daytwo.contracts.encoder import Encoder
from daytwo.contracts.table.columnar import ROW, check
from daytwo.contracts.toml import read_contract
from daytwo.core.digest import digest_bytes
from daytwo.core.errors import DataError, Refused
from daytwo.core.files import write_whole
from daytwo.lifecycle.system import System
from daytwo.sources.files import read_rows
from daytwo.sources.personal import hidden_rows
from daytwo.training.adopt import Adopted, hold_against
from daytwo.training.foreign_model import ForeignModel, read_foreign
from daytwo.training.pickled import read_trusted
from daytwo.training.same_scores import prove_scores

_FOLDER = "adopted"


@dataclass(frozen=True, slots=True)
class Kept:
    """A model that was taken in: its `digest` names it, `proved` rows got the score that they had before."""

    digest: str
    adopted: Adopted
    proved: int


def keep_model(
    system: System, path: Path, *, columns: Sequence[str] = (), rows: Path | None, score: str, trust: str = ""
) -> Kept:
    """Read a model, hold it against the project's contract, prove it on `rows`, and keep it.

    `score` names the column of `rows` that holds what the model answered at home, uncalibrated; empty: nothing to
    hold it against. `trust` is the digest of a pickle that may be opened, once (`training/pickled.py`).

    Raises
    ------
    NotFound, DataError, Refused, Mistake
        As `read_foreign`, `read_trusted`, `hold_against` and `prove_scores`.
    Refused
        If the codes of a category had to be guessed and there are no scores to prove the guess.
    """
    model = read_trusted(path, trust) if trust else read_foreign(path)
    if columns:
        model = replace(model, columns=tuple(columns))
    contract = read_contract(system.contract_path)
    adopted = hold_against(model, contract.features)
    if adopted.assumed and not score:
        raise Refused(
            f"{path} does not tell the codes of {', '.join(adopted.assumed)}, and nothing proves that they are the "
            "contract's",
            hint="Give the rows with the model's own scores: --reference rows.parquet --score COLUMN",
        )
    proved = 0
    if score and rows is not None:
        proved = _prove(adopted, contract, system, rows, score)
    kept = msgspec.json.encode(model)
    digest = digest_bytes(kept)
    write_whole(_place(system, digest), kept)
    return Kept(digest, adopted, proved)


def adopted_model(system: System, digest: str, contract: Contract) -> Adopted:
    """Return a model that was kept, held against `contract`.

    Raises
    ------
    DataError
        If the file is damaged, or the contract has changed so that the model cannot read it.
    """
    path = _place(system, digest)
    try:
        content = path.read_bytes()
        if digest_bytes(content) != digest:
            raise DataError(f"the adopted model {path} is damaged", hint="Adopt it again")
        model = msgspec.json.decode(content, type=ForeignModel)
    except (OSError, msgspec.MsgspecError) as err:
        raise DataError(f"the adopted model {path} cannot be read: {err}", hint="Adopt it again") from err
    return hold_against(model, contract.features)


def _place(system: System, digest: str) -> Path:
    return system.state / _FOLDER / f"{digest}.json"


def _prove(adopted: Adopted, contract: Contract, system: System, path: Path, score: str) -> int:
    rows = hidden_rows(read_rows(path), system.pseudonyms)
    if score not in rows.frame.columns:
        raise DataError(f"{path} has no column {score!r}", hint=f"Its columns are {', '.join(rows.frame.columns[:30])}")
    checked = check(contract, rows.frame, labels=False, parse_text=rows.texts)
    bad = set(checked.rejected[ROW].to_list())
    good = np.array([row not in bad for row in range(rows.frame.height)], dtype=bool)
    before = rows.frame[score].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()[good]
    return prove_scores(adopted.engine(), Encoder(contract).matrix(checked.accepted), before)
