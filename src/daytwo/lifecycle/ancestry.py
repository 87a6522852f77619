"""Where a version came from, and which versions a dataset version or a person's rows went into.

Everything is read from the bundles, which cannot change, and from the tables; nothing is kept for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from daytwo import __version__
from daytwo.contracts.contract import Contract
from daytwo.contracts.event_times import times_of
from daytwo.contracts.toml import read_contract
from daytwo.core.errors import DaytwoError, NotFound
from daytwo.lifecycle.rows import DATASET
from daytwo.lifecycle.system import System
from daytwo.registry.bundle import Lineage, Manifest
from daytwo.registry.versions import Version

_PRODUCER = f"https://pypi.org/project/daytwo/{__version__}"
_SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_PREDICTIONS = "predictions"


@dataclass(frozen=True, slots=True)
class Ancestry:
    """One version and what it came from.

    `parents` are the versions before it, the nearest first; `children` those made to replace it. `trouble` says why its
    bundle cannot be read, if so.
    """

    version: Version
    manifest: Manifest | None
    parents: tuple[str, ...]
    children: tuple[str, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A version that learned from rows asked after: how many of them lie within the spans that it learned from.

    `rows` of a dataset version are those of the whole version.
    """

    version: Version
    rows: int


def ancestry(system: System, name: str = "") -> Ancestry:
    """Return the ancestry of the version called `name`, or of the newest.

    Raises
    ------
    NotFound
        If there is no such version.
    """
    versions = system.registry.versions()
    if not versions:
        raise NotFound("there is no version yet", hint="'daytwo up' or 'daytwo train' makes one")
    version = system.registry.find(name) if name else versions[-1]
    try:
        manifest, trouble = system.bundles.get(version.digest).manifest, ""
    except DaytwoError as err:
        manifest, trouble = None, str(err)
    parents = {one.digest: found.parent for one, found in _readable(system) if found.parent}
    names = {one.digest: f"v{one.number}" for one in versions}
    chain: list[str] = []
    digest = parents.get(version.digest)
    while digest is not None and digest not in chain:
        chain.append(digest)
        digest = parents.get(digest)
    children = [names[one] for one, parent in parents.items() if parent == version.digest]
    return Ancestry(version, manifest, tuple(names.get(one, one[:12]) for one in chain), tuple(children), trouble)


def learned_from_dataset(system: System, number: int) -> tuple[Sighting, ...]:
    """Return every version that learned from rows of the dataset's version `number`.

    Tables only grow: a model made from a later version has seen the rows of this one too.

    Raises
    ------
    NotFound
        If the dataset has no such version.
    """
    newest = system.tables.version(DATASET)
    if newest is None or not 0 <= number <= newest:
        last = "none yet" if newest is None else f"0 to {newest}"
        raise NotFound(f"there is no dataset version {number}", hint=f"Its versions: {last}")
    return tuple(
        Sighting(version, sum(one.rows for one in found.lineage.dataset))
        for version, found in _readable(system)
        if any(one.table == DATASET and one.version >= number for one in found.lineage.dataset)
    )


def learned_from_subject(system: System, subject: str) -> tuple[Sighting, ...]:
    """Return every version in whose spans lie rows of a subject, written as the rows had it before pseudonyms.

    Rows without a time count wherever the version's dataset holds them, even those of its test part.

    Raises
    ------
    NotFound
        If the contract has no subject column.
    """
    contract = read_contract(system.contract_path)
    column = contract.subject
    if column is None:
        raise NotFound(
            "the contract has no subject column, so that no row is anybody's",
            hint="Name one as [model] subject in daytwo.toml, and give it the role 'subject' in contract.toml",
        )
    hidden = system.pseudonyms
    wanted = hidden.of(subject) if hidden is not None and hidden.hides(column.name) else subject
    return tuple(
        Sighting(version, rows)
        for version, found in _readable(system)
        if (rows := _rows_seen(system, contract, column.name, wanted, found.lineage))
    )


def open_lineage(found: Ancestry, *, namespace: str) -> dict[str, object]:
    """Return the training run as an OpenLineage event (specification 2.0.2), `COMPLETE`.

    Raises
    ------
    NotFound
        If the bundle cannot be read.
    """
    if found.manifest is None:
        raise NotFound(f"v{found.version.number} cannot be told: {found.trouble}", hint="Restore its bundle")
    digest, lineage = found.version.digest, found.manifest.lineage
    # A run's id must be a UUID; the first 128 bits of the digest name it, the same each time.
    run = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
    return {
        "eventType": "COMPLETE",
        "eventTime": found.version.created_at.isoformat(),
        "producer": _PRODUCER,
        "schemaURL": _SCHEMA,
        "run": {"runId": run},
        "job": {"namespace": namespace, "name": f"{found.manifest.model}.train"},
        "inputs": [
            {
                "namespace": namespace,
                "name": one.table,
                "facets": {
                    "version": _facet("DatasetVersionDatasetFacet", datasetVersion=str(one.version)),
                    "dataQualityMetrics": _facet(
                        "DataQualityMetricsInputDatasetFacet", rowCount=one.rows, columnMetrics={}
                    ),
                },
            }
            for one in lineage.dataset
        ],
        "outputs": [
            {
                "namespace": namespace,
                "name": found.manifest.model,
                "facets": {"version": _facet("DatasetVersionDatasetFacet", datasetVersion=digest)},
            }
        ],
    }


def _facet(name: str, **fields: object) -> dict[str, object]:
    schema = f"https://openlineage.io/spec/facets/1-0-1/{name}.json#/$defs/{name}"
    return {"_producer": _PRODUCER, "_schemaURL": schema, **fields}


def _readable(system: System) -> Iterator[tuple[Version, Manifest]]:
    for version in system.registry.versions():
        try:
            yield version, system.bundles.get(version.digest).manifest
        except DaytwoError:
            continue  # its own ancestry tells what is wrong with it


def _rows_seen(system: System, contract: Contract, column: str, wanted: str, lineage: Lineage) -> int:
    """Count the subject's rows, of the dataset as it was and of answered rows, within the spans of a lineage."""
    seen = 0
    for one in lineage.dataset:
        rows = system.tables.read(one.table, where=pl.col(column).cast(pl.String) == wanted, version=one.version)
        times = times_of(contract, rows) if contract.time is not None and rows.height else None
        seen += rows.height if times is None else _within(times, lineage)
    if lineage.dataset and contract.time is not None and column in system.tables.schema(_PREDICTIONS):
        where = (pl.col(column).cast(pl.String) == wanted) & pl.col("_time").is_not_null()
        rows = system.tables.read(_PREDICTIONS, columns=["_time"], where=where)
        seen += _within(rows["_time"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]"), lineage)
    return seen


def _within(times: np.ndarray[tuple[int], np.dtype[np.datetime64]], lineage: Lineage) -> int:
    inside = np.zeros(len(times), dtype=bool)
    for window in lineage.windows.values():
        if window.first:
            first, last = (np.datetime64(end.removesuffix("Z"), "s") for end in (window.first, window.last))
            inside |= (times >= first) & (times < last + np.timedelta64(1, "s"))
    return int(inside.sum())
