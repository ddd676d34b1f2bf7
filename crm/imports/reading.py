"""Cells of a row as values of fields, or every reason why not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from crm.imports.columns import FULL_NAME, ID, TAGS, Columns
from crm.imports.table import FileRow
from crm.services.ledger import HIDDEN
from engine.business import Business
from engine.fields.cells import read_cell
from engine.fields.choices import read_list
from engine.fields.faults import fault_text
from engine.fields.fold import fold
from engine.fields.places import DateOrder
from engine.fields.plain import to_plain
from engine.fields.readings import Read, Refused
from engine.fields.types import Field, FieldType, Value
from engine.locales import locale_of
from engine.suggest import did_you_mean
from engine.texts import Text

SHOWN = 200
"""Characters of a rejected cell that are kept."""

_REMEMBERED = 4_096
"""Cells of a column whose values are remembered: most columns say the same few things."""

_ID = Field(key=ID, type=FieldType.NUMBER, label=Text.plain(ID))


class Rejected(Struct, frozen=True):
    """A cell that keeps its row from being stored. column: its header; '' for the whole row."""

    row: int
    column: str
    value: str
    reason: str


class ReadRow(Struct, frozen=True):
    """values: what the row says by field; None clears. tags: to put on, by name as declared."""

    number: int
    values: dict[str, Value]
    tags: tuple[str, ...]
    faults: tuple[Rejected, ...]


class RowReader:
    """Reads the rows of one file for one business.

    clears: whether an empty cell clears the field; else it says nothing of it. date_order: of
    dates like 03/04/1990; None: they are refused.
    """

    def __init__(
        self, columns: Columns, business: Business, now: datetime, *, clears: bool,
        date_order: DateOrder | None,
    ) -> None:  # fmt: skip
        self._business = business
        self._locale = replace(locale_of({}, business), date_order=date_order)
        self._now = now
        self._clears = clears
        self._width = len(columns.headers)
        self._columns = [
            (place, header, key, business.fields.get(key, _ID), _Memory())
            for place, header, key in columns.pairs()
        ]
        self._tags = {fold(name): name for name in business.tags}

    def read(self, row: FileRow) -> ReadRow:
        """Never raises."""
        values: dict[str, Value] = {}
        tags: tuple[str, ...] = ()
        faults: list[Rejected] = []
        for place, header, key, field, memory in self._columns:
            cell = row.cells[place] if place < len(row.cells) else None
            if cell is None or cell == "":
                if self._clears and key not in (TAGS, FULL_NAME, ID):
                    values[key] = None
                continue
            if key == TAGS:
                read: Any = self._tags_of(cell)
            elif cell == HIDDEN:
                continue  # an export has hidden it: nothing is said
            elif key == FULL_NAME:
                read = self._full_name(cell, values)
            else:
                read = memory.get(cell) or memory.keep(cell, self._read(cell, field))
            if isinstance(read, str):
                faults.append(Rejected(row.number, header, shown_cell(cell), read))
            elif key == TAGS:
                tags = read
            elif key != FULL_NAME and (self._clears or read.value is not None):
                values[key] = read.value
        if len(row.cells) > self._width:
            extra = shown_cell(row.cells[self._width])
            told = f"The row has {len(row.cells)} cells and the header {self._width}."
            faults.append(Rejected(row.number, "", extra, told))
        return ReadRow(row.number, values, tags, tuple(faults))

    def _read(self, cell: Any, field: Field) -> Read | str:
        read = read_cell(cell, field, self._locale, self._now)
        return fault_text(read.fault, "en") if isinstance(read, Refused) else read

    def _full_name(self, cell: Any, values: dict[str, Value]) -> str | None:
        """The first word, and the rest; what is a column of its own goes before."""
        read = self._read(cell, self._business.fields["description"])
        if isinstance(read, str):
            return read
        first, _, last = str(read.value or "").partition(" ")
        for key, part in (("first_name", first), ("last_name", last.strip())):
            checked = self._read(part, self._business.fields[key])
            if isinstance(checked, str):
                return checked
            if checked.value is not None:
                values.setdefault(key, checked.value)
        return None

    def _tags_of(self, cell: Any) -> tuple[str, ...] | str:
        names = cell if isinstance(cell, list) else _items(cell)
        found: dict[str, None] = {}
        for name in names:
            known = self._tags.get(fold(str(name).strip()))
            if known is None:
                hint = did_you_mean(str(name), self._business.tags)
                return f"There is no tag '{str(name)[:50]}'. {hint}".rstrip()
            found[known] = None
        return tuple(found)


_LIST = Field(key=TAGS, type=FieldType.LIST, label=Text.plain(TAGS))


def _items(cell: Any) -> tuple[str, ...]:
    read = read_list(str(cell), _LIST)
    return read.value if isinstance(read, Read) and isinstance(read.value, tuple) else ()


class _Memory:
    """What cells of a column were read as; of a type with its type, for 1 and true are equal."""

    def __init__(self) -> None:
        self._known: dict[tuple[type, Any], Read | str] = {}

    def get(self, cell: Any) -> Read | str | None:
        try:
            return self._known.get((type(cell), cell))
        except TypeError:  # a list of JSON
            return None

    def keep(self, cell: Any, read: Read | str) -> Read | str:
        if isinstance(cell, str | int | float | date) and len(str(cell)) <= SHOWN:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[type(cell), cell] = read
        return read


def shown_cell(cell: Any) -> str:
    """A cell as text, at most SHOWN characters of it."""
    text = cell_text(cell)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def cell_text(cell: Any) -> str:
    """A cell as a file of texts has it."""
    if isinstance(cell, datetime) and cell.tzinfo is None:
        return cell.isoformat(sep=" ")
    if isinstance(cell, Decimal | date | time | list | dict):
        plain = to_plain(cell)
        return ", ".join(map(str, plain)) if isinstance(plain, list) else str(plain)
    return "" if cell is None else str(cell)


def row_texts(cells: Sequence[Any], width: int) -> list[str]:
    """A row of `width` texts."""
    return [cell_text(cell) for cell in cells] + [""] * (width - len(cells))


def headers_of(columns: Columns) -> Mapping[str, str]:
    """The header by field, for what is told of a field."""
    return {key: header for _, header, key in columns.pairs()}
