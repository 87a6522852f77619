"""Names by content: SHA-256 in hex, 64 characters, of bytes, files and JSON values."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

_CHUNK_BYTES = 1 << 20


def digest_bytes(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """Return the SHA-256 of the file at `path` in hex, read in pieces."""
    seal = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK_BYTES):
            seal.update(piece)
    return seal.hexdigest()


def canonical_json(value: object) -> bytes:
    """Return the one JSON text of `value`: keys sorted, no spaces, so that equal values give equal bytes."""
    return msgspec.json.encode(value, order="deterministic")


def digest_json(value: object) -> str:
    """Return the digest of the canonical JSON text of `value`."""
    return digest_bytes(canonical_json(value))
