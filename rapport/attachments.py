"""Files kept beside the database: attachments of notes.

A file lies under the SHA-256 of its bytes in the folder of its business, so the same file twice is
kept once, and nothing that somebody named is ever a path.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, BinaryIO

from crm.errors import NotFound
from rapport.settings import read_settings

_PIECE = 1 << 20
_KEY = re.compile("[0-9a-f]{64}")


class TooLarge(Exception):
    """A file has more bytes than are taken; nothing of it is kept."""


class Files:
    """The files of one business. `root` is RAPPORT_FILES; folders are made as they are needed."""

    def __init__(self, root: Path, business_id: int) -> None:
        self._folder = root / str(business_id)

    def keep(self, source: BinaryIO, most: int) -> tuple[str, int]:
        """Keep what `source` holds, read in pieces; its key and its size in bytes.

        most: bytes that are taken. Raises TooLarge, and OSError where the disk refuses.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".new-", delete=False) as new:
            try:
                key, size = _copy(source, new, most)
                new.flush()
                os.fsync(new.fileno())
                place = self._place(key)
                place.parent.mkdir(exist_ok=True)
                # At once or not at all: who reads meanwhile finds a whole file.
                Path(new.name).replace(place)
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise
        return key, size

    def open(self, key: str) -> BinaryIO:
        """The file of a key, to be read and closed. Raises NotFound."""
        try:
            return self._place(key).open("rb")
        except FileNotFoundError:
            raise NotFound(f"There is no file {key[:12]}.") from None

    def remove(self, key: str) -> None:
        """After the commit that took the last row of it away; nothing happens where it is gone."""
        self._place(key).unlink(missing_ok=True)

    def _place(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise NotFound(f"There is no file {key[:12]!r}.")
        return self._folder / key[:2] / key


def _copy(source: BinaryIO, target: IO[bytes], most: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while piece := source.read(_PIECE):
        size += len(piece)
        if size > most:
            raise TooLarge(f"more than {most} bytes")
        digest.update(piece)
        target.write(piece)
    return digest.hexdigest(), size


def remove_files(business_id: int, keys: Iterable[str]) -> None:
    """Remove files of a business from where the settings say they are kept."""
    files = Files(read_settings().files, business_id)
    for key in keys:
        files.remove(key)
