"""Guessing how a text file is written: its letters, and what stands between its cells."""

from __future__ import annotations

import codecs
import csv
import hashlib
from pathlib import Path

from msgspec import Struct

from crm.errors import FileRefused

CHUNK = 1 << 20
_LOOKED_AT = 64 * 1024
"""Bytes of the beginning by which a file is judged."""

DELIMITERS = (",", ";", "\t", "|")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like that of UTF-16
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Look(Struct, frozen=True):
    """A whole file, looked through once. is_utf8: whether all of it can be read so. size: bytes."""

    digest: str
    size: int
    head: bytes
    is_utf8: bool


def look_at(path: Path) -> Look:
    """Read a file once. Raises OSError."""
    digest, decoder, is_utf8, head, size = hashlib.sha256(), _utf8(), True, b"", 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            head = head or chunk[:_LOOKED_AT]
            size += len(chunk)
            is_utf8 = is_utf8 and _goes_on(decoder, chunk)
    return Look(digest.hexdigest(), size, head, is_utf8 and _goes_on(decoder, b"", final=True))


def encoding_of(look: Look) -> str:
    """UTF-8 where all of the file is; by its mark; UTF-16 by its zeros; else Windows, Arabic and
    Persian (1256) where most of what is not ASCII is a letter of theirs, or western (1252)."""
    for mark, name in _BOMS:
        if look.head.startswith(mark):
            return name
    zeros = look.head.count(0)
    if zeros * 5 > len(look.head):
        return "utf-16-le" if look.head[1::2].count(0) * 2 > zeros else "utf-16-be"
    if look.is_utf8:
        return "utf-8"
    foreign = [letter for letter in look.head.decode("cp1256") if not letter.isascii()]
    arabic = sum("\u0600" <= letter <= "\u06ff" or letter == "\u200c" for letter in foreign)
    return "cp1256" if arabic * 2 > len(foreign) else "cp1252"


def known_encoding(name: str) -> str:
    """Raises FileRefused for an encoding that Python does not know."""
    try:
        found = codecs.lookup(name)
    except LookupError:
        raise FileRefused(f"There is no encoding '{name[:40]}'; utf-8 and cp1256 are.") from None
    # Those like `rot13` and `zip` turn no bytes into text.
    if not getattr(found, "_is_text_encoding", True):
        raise FileRefused(f"'{name[:40]}' is no encoding of texts.")
    return found.name


def delimiter_of(head: str) -> str:
    """What parts the cells: what gives the first lines the most cells, and each as many."""
    lines = head.splitlines()[:50]
    return max(DELIMITERS, key=lambda mark: _fitness(lines, mark))


def _fitness(lines: list[str], mark: str) -> tuple[int, int]:
    """Lines with as many cells as the first one that has more than one, then how many cells."""
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        return (0, 0)
    wide = [width for width in widths if width > 1]
    return (sum(width == wide[0] for width in wide), wide[0]) if wide else (0, 0)


def _utf8() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")()


def _goes_on(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True
