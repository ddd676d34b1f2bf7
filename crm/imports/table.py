"""What every form of file is read as: a header and numbered rows of cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from crm.errors import FileRefused

MOST_COLUMNS = 1_000

LONGEST_CELL = 16 * 1024 * 1024
"""Characters. A longer one is mostly a quote that is never closed."""


class FileRow(NamedTuple):
    """number: as a spreadsheet counts, the header's being 1; of JSON, the item's, from 1."""

    number: int
    cells: Sequence[Any]


class TableFile(Protocol):
    """A file of customers that was opened. done, total: how far `rows` has come, in one unit."""

    @property
    def headers(self) -> tuple[str, ...]: ...

    done: int
    total: int

    def rows(self) -> Iterator[FileRow]:
        """Every row, from the first; an empty one has no cells. Raises FileRefused in between
        where the file breaks off or is spoilt."""

    def close(self) -> None: ...


def header_names(cells: Sequence[Any]) -> tuple[str, ...]:
    """A name for each column, no two alike; one without a header is called by its letters.

    Raises FileRefused where there are too many.
    """
    if len(cells) > MOST_COLUMNS:
        raise FileRefused(f"The file has more than {MOST_COLUMNS:,} columns. Take some out.")
    names: dict[str, None] = {}
    for place, cell in enumerate(cells):
        written = " ".join(str(cell).split())[:200] if cell is not None else ""
        name = written or f"column {letters_of(place)}"
        number = 2
        while name in names:
            name, number = f"{written or name} ({number})", number + 1
        names[name] = None
    return tuple(names)


def letters_of(place: int) -> str:
    """0 is A, 26 is AA."""
    letters = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        letters = chr(65 + letter) + letters
    return letters


def without_blanks_at_the_end(cells: list[Any]) -> list[Any]:
    while cells and cells[-1] in (None, ""):
        cells.pop()
    return cells
