"""Who is answered by which version: a keyed hash of the subject, so that one person always meets one version.

Pure. A subject's place in [0, 1) never changes, and the canary answers the places below its share: when the share
grows, those who met the canary keep meeting it.
"""

from __future__ import annotations

from hashlib import blake2b

# As many bits as a float holds exactly: more would round up to 1.
_BITS = 53


class Router:
    """Places subjects in [0, 1), keyed by `salt`: another salt gives an independent split."""

    def __init__(self, salt: str) -> None:
        self._keyed = blake2b(key=blake2b(salt.encode()).digest(), digest_size=8)

    def place(self, subject: str) -> float:
        """Return the place of `subject`, evenly spread over [0, 1).

        Examples
        --------
        >>> Router("salt").place("N14228") == Router("salt").place("N14228")
        True
        """
        hasher = self._keyed.copy()
        # Lone surrogates cannot come from JSON, but a place must not fail on any text.
        hasher.update(subject.encode(errors="surrogatepass"))
        return (int.from_bytes(hasher.digest()) >> (64 - _BITS)) / (1 << _BITS)
