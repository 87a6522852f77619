"""Who is answered by which version, and who is left alone: keyed hashes of the subject, so that it never changes.

Pure. A subject's place in [0, 1) never changes, and the canary answers the places below its share: when the share
grows, those who met the canary keep meeting it. The holdout group is drawn by a second hash that is independent of
the first: whatever becomes of the canary, nobody moves into the group or out of it, and it holds as many of those who
would meet the canary as of the others.
"""

from __future__ import annotations

from hashlib import blake2b

from daytwo.predictions.record import CANARY, CHAMPION, HOLDOUT

# As many bits as a float holds exactly: more would round up to 1.
_BITS = 53


class Router:
    """Places subjects in [0, 1), keyed by `salt`: another salt gives an independent split."""

    def __init__(self, salt: str) -> None:
        key = blake2b(salt.encode()).digest()
        self._keyed = blake2b(key=key, digest_size=8)
        self._apart = blake2b(key=key, digest_size=8, person=b"holdout")

    def place(self, subject: str) -> float:
        """Return the place of `subject`, evenly spread over [0, 1).

        Examples
        --------
        >>> Router("salt").place("N14228") == Router("salt").place("N14228")
        True
        """
        return _place(self._keyed.copy(), subject)

    def is_held(self, subject: str, holdout: float) -> bool:
        """Whether `subject` is of the holdout group, which is the share `holdout` of all.

        Examples
        --------
        >>> Router("salt").is_held("N14228", 0.0), Router("salt").is_held("N14228", 1.0)
        (False, True)
        """
        return holdout > 0 and _place(self._apart.copy(), subject) < holdout

    def arm(self, subject: str, canary_share: float, holdout: float) -> str:
        """Return in which role `subject` is answered.

        Examples
        --------
        >>> Router("salt").arm("N14228", 0.0, 0.0), Router("salt").arm("N14228", 1.0, 0.0)
        ('champion', 'canary')
        """
        if holdout and self.is_held(subject, holdout):
            return HOLDOUT
        return CANARY if canary_share and self.place(subject) < canary_share else CHAMPION


def _place(hasher: blake2b, subject: str) -> float:
    # Lone surrogates cannot come from JSON, but a place must not fail on any text.
    hasher.update(subject.encode(errors="surrogatepass"))
    return (int.from_bytes(hasher.digest()) >> (64 - _BITS)) / (1 << _BITS)
