"""What every listing shares: rows as a table that fits the terminal, as JSON or as CSV."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from rapport.printable import escaped, printable


class Format(StrEnum):
    """How a listing is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Report(StrEnum):
    """How findings are printed: for people or for programs."""

    TEXT = "text"
    JSON = "json"


Limit = Annotated[int, typer.Option("--limit", min=1, max=2**31 - 1, help="how many at most")]
"""Bounded, for neither database counts beyond 2^63."""

FormatOption = Annotated[Format, typer.Option("--format", help="table, json or csv")]
ReportOption = Annotated[Report, typer.Option("--format", help="text or json")]


def print_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], form: Format, empty: str
) -> None:
    """Rows of plain JSON values. `empty` is said instead of a table without rows.

    JSON has everything of a row; a table and CSV have `columns`.
    """
    if form is Format.JSON:
        print_json(rows)
    elif form is Format.CSV:
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_csv_cell(row.get(name)) for name in columns] for row in rows)
    elif rows:
        _print_table(rows, columns)
    else:
        print(printable(empty))


def print_json(value: Any) -> None:
    import json

    print(escaped(json.dumps(value, ensure_ascii=False, indent=2)))


def say(text: str) -> None:
    """A word to the person, beside what the command prints for programs."""
    print(printable(text), file=sys.stderr, flush=True)


def cell(value: Any) -> str:
    """A plain value in one cell of a table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    if isinstance(value, Mapping):
        import json

        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _csv_cell(value: Any) -> str:
    """A text that a spreadsheet would run as a formula is quoted; numbers and phones are not."""
    from crm.spreadsheets import escape_text

    # Python before 3.13 leaves a cell with a carriage return alone unquoted, and it ends the row.
    text = cell(value).replace("\r\n", "\n").replace("\r", "\n")
    return text if isinstance(value, int | float) else escape_text(text)


def _print_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold", min_width=4)
    for row in rows:
        # Text: what people wrote is never markup, nor does a terminal obey it.
        cells = (printable(to_the_minute(cell(row.get(name)))) for name in columns)
        table.add_row(*map(Text, cells))
    Console().print(table)


def to_the_minute(text: str) -> str:
    """A moment of plain JSON for people, in UTC; every other text as it is."""
    return f"{text[:10]} {text[11:16]}" if _MOMENT.fullmatch(text) else text


def to_the_second(text: str) -> str:
    """As `to_the_minute`, for what happens now."""
    return f"{text[:10]} {text[11:19]}" if _MOMENT.fullmatch(text) else text


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
"""A moment as plain JSON has it; people need no millionths of seconds."""
