"""Reading CSV, whatever its letters and delimiters."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from crm.errors import FileRefused
from crm.imports.encodings import Look, delimiter_of, encoding_of
from crm.imports.table import LONGEST_CELL, FileRow, header_names, without_blanks_at_the_end
from crm.spreadsheets import unescape_text


class CsvFile:
    """See TableFile. encoding, delimiter: '' is guessed."""

    def __init__(self, path: Path, look: Look, encoding: str, delimiter: str) -> None:
        self.encoding = encoding or encoding_of(look)
        self._raw = path.open("rb")
        self._text = io.TextIOWrapper(self._raw, encoding=self.encoding, newline="")
        self.total, self.done = look.size, 0
        try:
            self.delimiter = delimiter or delimiter_of(self._start())
            self._rows = self._read()
            self.headers = self._header()
        except BaseException:
            self.close()
            raise

    def _start(self) -> str:
        try:
            start = self._text.read(32 * 1024)
        except UnicodeError:
            raise self._unreadable() from None
        # The last line may be cut off.
        return start.rpartition("\n")[0] or start

    def _header(self) -> tuple[str, ...]:
        for row in self._rows:
            self._first = row.number
            if row.cells:
                return header_names(row.cells)
        raise FileRefused("The file is empty.")

    def rows(self) -> Iterator[FileRow]:
        """See TableFile."""
        return self._rows

    def close(self) -> None:
        self._text.close()

    def _read(self) -> Iterator[FileRow]:
        self._text.seek(0)
        csv.field_size_limit(LONGEST_CELL)
        reader = csv.reader(_without_nulls(self._text), delimiter=self.delimiter)
        number = 0
        try:
            for number, cells in enumerate(reader, 1):
                self.done = self._raw.tell()
                yield FileRow(number, _unescaped(cells))
        except UnicodeError:
            raise self._unreadable() from None
        except csv.Error as error:
            told = "a quote is opened and never closed" if "limit" in str(error) else str(error)
            raise FileRefused(f"Row {number + 1} cannot be read: {told}.") from None

    def _unreadable(self) -> FileRefused:
        return FileRefused(
            f"The file is not written in {self.encoding}. Name its encoding, such as cp1256."
        )


def _without_nulls(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line.replace("\0", "\ufffd") if "\0" in line else line


def _unescaped(cells: list[str]) -> list[str]:
    if not any(cells):
        return []
    return without_blanks_at_the_end(
        [unescape_text(cell) if cell[:1] == "'" else cell for cell in cells]
    )
