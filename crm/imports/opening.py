"""Opening a file of customers by what it is, whatever it is called."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from crm.errors import FileRefused
from crm.imports.csv_file import CsvFile
from crm.imports.encodings import Look, known_encoding, look_at
from crm.imports.excel_file import ExcelFile
from crm.imports.json_file import JsonFile
from crm.imports.table import TableFile

_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_PDF = b"%PDF"


class Form(Struct, frozen=True, kw_only=True):
    """How a file is to be read; '' is found out."""

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


def open_table(path: Path, look: Look, form: Form = Form()) -> TableFile:  # noqa: B008  # frozen
    """look: of this file, by `look_at`. Raises FileRefused for what is none of the known forms,
    and OSError."""
    if look.head.startswith((_ZIP, _OLD_EXCEL)):
        return ExcelFile(path, form.sheet)
    if look.head.startswith(_PDF):
        raise FileRefused("A PDF has no columns to read. Save it as CSV, Excel or JSON.")
    encoding = known_encoding(form.encoding) if form.encoding else ""
    if len(form.delimiter) > 1 or form.delimiter in ('"', "\r", "\n"):
        raise FileRefused("A delimiter is one character, such as ;")
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return JsonFile(path, look, encoding)
    return CsvFile(path, look, encoding, form.delimiter)


__all__ = ["Form", "Look", "TableFile", "look_at", "open_table"]
