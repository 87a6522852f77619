"""Which encoding a text file has, and its content as UTF-8.

A byte order mark says it; without one, bytes that are valid UTF-8 are UTF-8, and others Windows-1252, the superset
of Latin-1 that most old files mean. As long as only ASCII was seen nothing is decided. `packed.py` gives the bytes.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from daytwo.core.errors import DataError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
UNDECIDED = "ascii"
# Of UTF-16 without a mark, in Latin letters, every second byte is nil; of 100 pairs this many must be.
_NIL_SHARE = 0.7
_LEGACY = "cp1252"
_LEGACY_NOTE = "it is not UTF-8: read as Windows-1252 (Latin-1)"


def guess_encoding(sample: bytes, *, whole: bool) -> tuple[str, int, str]:
    """Return the codec's name, how many bytes of mark to skip, and a note (empty where nothing is assumed).

    `whole` says that nothing comes after the sample; else its end may be in the middle of a letter.

    Raises
    ------
    DataError
        If these are no texts, or UTF-8 with damage.

    Examples
    --------
    >>> guess_encoding("ß".encode("cp1252"), whole=True)[0]
    'cp1252'
    """
    for mark, codec, words in _MARKS:
        if sample.startswith(mark):
            note = "" if codec == "utf-8" else f"read as {words}, as its byte order mark says"
            return codec, len(mark), note
    if b"\0" in sample:
        return _without_mark(sample), 0, "read as UTF-16: every second byte is nil"
    if sample.isascii():
        return UNDECIDED, 0, ""
    codec = _utf8_or_legacy(sample, whole=whole)
    return codec, 0, _LEGACY_NOTE if codec == _LEGACY else ""


def as_utf8(pieces: Iterable[bytes], codec: str, skip: int, notes: list[str]) -> Iterator[bytes]:
    """Yield the content as UTF-8; what has to be assumed on the way is added to `notes`.

    Raises
    ------
    DataError
        If a byte does not belong to the encoding; says how far into the file.
    """
    decoder = None if codec == UNDECIDED else _decoder(codec)
    place = 0
    for piece, is_last in _told_the_last(pieces):
        rest = piece[skip:]
        skip = max(0, skip - len(piece))
        place += len(piece)
        if decoder is None:
            if rest.isascii():
                yield rest
                continue
            found = _utf8_or_legacy(rest, whole=is_last)
            if found == _LEGACY:
                notes.append(_LEGACY_NOTE)
            decoder = _decoder(found)
        yield _decoded(decoder, rest, place, final=False)
    if decoder is not None:
        yield _decoded(decoder, b"", place, final=True)


def _told_the_last(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each piece, and whether it is the last."""
    stream = iter(pieces)
    piece = next(stream, None)
    while piece is not None:
        after = next(stream, None)
        yield piece, after is None
        piece = after


def _decoded(decoder: codecs.IncrementalDecoder, piece: bytes, place: int, *, final: bool) -> bytes:
    try:
        return decoder.decode(piece, final).encode()
    except UnicodeError as err:
        raise DataError(
            f"the text is damaged near byte {place:,}: {err}",
            hint="Save the file as UTF-8 once more; if it ends in the middle of a letter, it is cut off",
        ) from err


def _decoder(codec: str) -> codecs.IncrementalDecoder:
    errors = "daytwo.latin1" if codec == _LEGACY else "strict"
    return codecs.getincrementaldecoder(codec)(errors)


def _utf8_or_legacy(sample: bytes, *, whole: bool) -> str:
    """Tell UTF-8 from Windows-1252."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, whole)
    except UnicodeDecodeError:
        text = sample.decode("utf-8", errors="replace")
        wrong = text.count("�")
        right = sum(letter > "\x7f" for letter in text) - wrong
        if right > wrong:
            raise DataError(
                f"the text is UTF-8 but for {wrong} damaged letters", hint="Save the file as UTF-8 once more"
            ) from None
        return _LEGACY
    return "utf-8"


def _without_mark(sample: bytes) -> str:
    even, odd = sample[::2], sample[1::2]
    if odd and odd.count(0) >= _NIL_SHARE * len(odd) and even.count(0) < 0.1 * len(even):
        return "utf-16-le"
    if even and even.count(0) >= _NIL_SHARE * len(even) and odd.count(0) < 0.1 * len(odd):
        return "utf-16-be"
    raise DataError("this is no text: it holds nil bytes", hint="Is the file of the kind that its name says?")


def _as_latin1(err: UnicodeError) -> tuple[str, int]:
    """Read the five bytes that Windows-1252 leaves undefined as Latin-1 does, as browsers do."""
    assert isinstance(err, UnicodeDecodeError)
    return err.object[err.start : err.end].decode("latin-1"), err.end


codecs.register_error("daytwo.latin1", _as_latin1)
