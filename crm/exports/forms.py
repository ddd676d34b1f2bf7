"""Writing customers as CSV, Excel or JSON, row by row: what is written is not kept in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from crm.errors import FileRefused
from crm.exports.rows import TAGS, Export, Person
from crm.spreadsheets import escape_text
from engine.fields.plain import to_plain
from engine.fields.show import show_number
from engine.fields.types import Field, FieldType

EXCEL_ROWS = 1_048_576
"""Of a sheet, the header among them: https://support.microsoft.com/office/1672b34d (2026-11-20)"""

_EXCEL_DIGITS = 15
"""Significant digits of a number in a sheet; of one with more the last would be lost."""


class Writer(Protocol):
    """Takes customers, and is closed at the end."""

    def write(self, people: Sequence[Person], besides: Mapping[int, Mapping[str, Any]]) -> None:
        """besides: what only the complete form has, by customer."""

    def close(self) -> None: ...


def writer_for(suffix: str, path: Path, export: Export, headers: Sequence[str]) -> Writer:
    """suffix: .csv, .xlsx or .json, of the file that `path` will become. Raises FileRefused."""
    match suffix.lower():
        case ".csv":
            return CsvWriter(path, export.fields, headers)
        case ".xlsx":
            return ExcelWriter(path, export, headers)
        case ".json":
            return JsonWriter(path, export.fields)
    raise FileRefused(f"'{suffix}' is not known: name a file that ends in .csv, .xlsx or .json.")


class CsvWriter:
    """UTF-8 with its mark, for Excel; what a spreadsheet would run is escaped."""

    def __init__(self, path: Path, fields: Sequence[Field], headers: Sequence[str]) -> None:
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._write = csv.writer(self._file, lineterminator="\r\n")
        self._write.writerow(list(map(_text, headers)))
        self._cells = [_CSV.get(item.type, _text) for item in fields]

    def write(self, people: Sequence[Person], besides: Mapping[int, Mapping[str, Any]]) -> None:  # noqa: ARG002  # of JSON
        """See Writer."""
        cells = self._cells
        self._write.writerows(
            [
                "" if value is None else cell(value)
                for cell, value in zip(cells, person.values, strict=True)
            ]
            for person in people
        )

    def close(self) -> None:
        self._file.close()


def _text(value: Any) -> str:
    # Before Python 3.13 a carriage return alone is left unquoted, and ends the row.
    text = str(value)
    return escape_text(text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text)


def _number(value: Any) -> str:
    return show_number(value) if isinstance(value, Decimal) else str(value)


def _plain(value: Any) -> str:
    return str(to_plain(value))


def _truth(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)


def _items(value: Any) -> str:
    return _text(", ".join(value) if isinstance(value, tuple) else value)


_CSV: Mapping[FieldType, Callable[[Any], str]] = {
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _truth,
    FieldType.DATE: _plain,
    FieldType.DATETIME: _plain,
    FieldType.TIME: _plain,
    FieldType.LIST: _items,
}
"""How values are written that are no texts; a hidden one is a text in any of them."""


class ExcelWriter:
    """Typed cells, a header that stays in sight and a filter. Moments are in the business's zone,
    for a cell has none."""

    def __init__(self, path: Path, export: Export, headers: Sequence[str]) -> None:
        try:
            import xlsxwriter
        except ImportError:
            raise FileRefused("Excel needs its libraries: pip install 'rapport[excel]'") from None
        options = {
            "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "strings_to_numbers": False, "tmpdir": str(path.parent),
        }  # fmt: skip
        self._book = xlsxwriter.Workbook(str(path), options)
        self._sheet = self._book.add_worksheet("Customers")
        self._zone = ZoneInfo(export.view.business.timezone)
        bold = self._book.add_format({"bold": True})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._clock = self._book.add_format({"num_format": "hh:mm:ss"})
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(headers) - 1, 16)
        for place, header in enumerate(headers):
            self._sheet.write_string(0, place, header, bold)
        self._row, self._width = 0, len(headers)

    def write(self, people: Sequence[Person], besides: Mapping[int, Mapping[str, Any]]) -> None:  # noqa: ARG002  # of JSON
        """See Writer. Raises FileRefused where a sheet is full."""
        for person in people:
            self._row += 1
            if self._row >= EXCEL_ROWS:
                raise FileRefused("A sheet holds 1,048,575 customers. Export to .csv.")
            for place, value in enumerate(person.values):
                if value is not None:
                    self._cell(place, value)

    def _cell(self, place: int, value: Any) -> None:
        sheet, row = self._sheet, self._row
        match value:
            case str():
                sheet.write_string(row, place, value)
            case bool():
                sheet.write_boolean(row, place, value)
            case Decimal():
                if len(value.normalize().as_tuple().digits) > _EXCEL_DIGITS:
                    sheet.write_string(row, place, show_number(value))
                else:
                    sheet.write_number(row, place, float(value))
            case datetime():
                local = value.astimezone(self._zone).replace(tzinfo=None)
                self._date(place, local, self._moment)
            case date():
                self._date(place, value, self._day)
            case time():
                sheet.write_datetime(row, place, value, self._clock)
            case _:
                sheet.write_string(row, place, _items(value))

    def _date(self, place: int, value: date, form: Any) -> None:
        """A sheet has no day before 1900: such a one is a text, as it is read back too."""
        if value.year < 1901:
            self._sheet.write_string(self._row, place, value.isoformat())
        else:
            self._sheet.write_datetime(self._row, place, value, form)

    def close(self) -> None:
        self._sheet.autofilter(0, 0, max(self._row, 1), self._width - 1)
        self._book.close()


class JsonWriter:
    """A list of objects: base fields by name, the business's under `fields`."""

    def __init__(self, path: Path, fields: Sequence[Field]) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._fields = fields
        self._between = "[\n"

    def write(self, people: Sequence[Person], besides: Mapping[int, Mapping[str, Any]]) -> None:
        """See Writer."""
        for person in people:
            item = self._object(person) | dict(besides.get(person.customer_id, {}))
            self._file.write(self._between + json.dumps(item, ensure_ascii=False))
            self._between = ",\n"

    def _object(self, person: Person) -> dict[str, Any]:
        base: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for item, value in zip(self._fields, person.values, strict=True):
            place = base if item.base or item is TAGS else own
            place[item.key] = to_plain(value)
        return {**base, "fields": own}

    def close(self) -> None:
        self._file.write("[]\n" if self._between == "[\n" else "\n]\n")
        self._file.close()
