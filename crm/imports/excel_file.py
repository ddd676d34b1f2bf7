"""Reading Excel, streamed. A file that would unpack to more than it may is refused before."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from crm.errors import FileRefused
from crm.imports.table import (
    MOST_COLUMNS,
    FileRow,
    header_names,
    without_blanks_at_the_end,
)
from engine.fields.cells import Formula

MOST_UNPACKED = 2 << 30
"""Bytes of all parts; a million rows of twenty columns are some 600 MB."""

MOST_STRINGS = 256 << 20
"""Bytes of the part that has to be in memory: the texts of all cells."""

MOST_RATIO = 250
"""Times a part may be larger unpacked. Sheets are some 5 to 50 times, a bomb a thousand times."""

_SMALL = 16 << 20
"""What unpacks to less harms nobody, whatever its ratio."""

_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"})


class ExcelFile:
    """See TableFile. sheet: its name; '' is the first that is shown."""

    def __init__(self, path: Path, sheet: str) -> None:
        require_harmless(path)
        self._file = path.open("rb")
        self._book: Any = None
        try:
            self._book = _opened(self._file)
            self._sheet = self._chosen(sheet)
            self.total, self.done = int(self._sheet.max_row or 0), 0
            # What a file says of its size is not believed: rows of 16,384 blanks would be made.
            self._sheet.reset_dimensions()
            self._rows = self._read()
            self.headers = self._header()
        except BaseException:
            self.close()
            raise

    def _chosen(self, name: str) -> Any:
        sheets = self._book.worksheets
        if name:
            for sheet in sheets:
                if sheet.title == name:
                    return sheet
            there = ", ".join(sheet.title for sheet in sheets)
            raise FileRefused(f"There is no sheet '{name[:60]}'; there are {there}.")
        shown = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
        if not shown:
            raise FileRefused("The file has no sheet.")
        return shown[0]

    def _header(self) -> tuple[str, ...]:
        for row in self._rows:
            if row.cells:
                return header_names(row.cells)
        raise FileRefused("The sheet is empty.")

    def rows(self) -> Iterator[FileRow]:
        """See TableFile."""
        return self._rows

    def close(self) -> None:
        if self._book is not None:
            self._book.close()
        self._file.close()

    def _read(self) -> Iterator[FileRow]:
        try:
            for number, row in enumerate(self._sheet.iter_rows(), 1):
                self.done = number
                if len(row) > MOST_COLUMNS and any(
                    cell.value is not None for cell in row[MOST_COLUMNS:]
                ):
                    raise FileRefused(f"Row {number} has more than {MOST_COLUMNS:,} columns.")
                cells = [_value(cell) for cell in row[:MOST_COLUMNS]]
                yield FileRow(number, without_blanks_at_the_end(cells))
        except _spoilt() as error:
            raise FileRefused(f"The file is damaged: {_line(error)}.") from None


def require_harmless(path: Path) -> None:
    """Raises FileRefused for what is no Excel workbook, and for one that unpacks to too much."""
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise FileRefused(_why_no_zip(path)) from None
    if sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise FileRefused(f"The file unpacks to more than {MOST_UNPACKED >> 30} GB. Split it.")
    for part in parts:
        if part.file_size > _SMALL and part.file_size > MOST_RATIO * max(part.compress_size, 1):
            raise FileRefused("The file is packed in a way that no spreadsheet does.")
        if part.filename.endswith("sharedStrings.xml") and part.file_size > MOST_STRINGS:
            raise FileRefused("The file has too many texts. Save it as CSV.")


def _why_no_zip(path: Path) -> str:
    with path.open("rb") as file:
        if file.read(8) == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
            return "The file is of an old Excel, or has a password. Save it as .xlsx without one."
    return "The file is not an Excel workbook."


def _opened(file: BinaryIO) -> Any:
    try:
        import openpyxl
    except ImportError:
        raise FileRefused("Excel needs its libraries: pip install 'rapport[excel]'") from None
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that nobody asked for
            return openpyxl.load_workbook(file, read_only=True, keep_links=False)
    except _spoilt() as error:
        raise FileRefused(f"The file is damaged: {_line(error)}.") from None


def _spoilt() -> tuple[type[Exception], ...]:
    """What the library raises for a file that breaks its own form."""
    from xml.etree.ElementTree import ParseError

    from openpyxl.utils.exceptions import InvalidFileException

    spoilt: list[type[Exception]] = [
        ParseError, InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError,
        EOFError, OverflowError, AttributeError, IndexError,
    ]  # fmt: skip
    try:
        from defusedxml.common import DefusedXmlException
    except ImportError:
        return tuple(spoilt)
    return (*spoilt, DefusedXmlException)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _value(cell: Any) -> Any:
    if cell.data_type == "f":
        return Formula(str(cell.value))
    # An error that a formula gave is no text of a person.
    if cell.data_type == "e" or cell.value in _ERRORS:
        return Formula(str(cell.value))
    return cell.value
