"""Reading JSON, object by object: a list of them, or one after the other, one on each line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from crm.errors import FileRefused
from crm.imports.encodings import Look, encoding_of
from crm.imports.table import LONGEST_CELL, FileRow, header_names

_AT_ONCE = 256 * 1024
_BLANK = " \t\r\n,"


class JsonFile:
    """See TableFile. The columns are the keys of all objects, those of `fields` among them."""

    def __init__(self, path: Path, look: Look, encoding: str) -> None:
        self._path, self._encoding = path, encoding or encoding_of(look)
        self.total, self.done = look.size, 0
        keys: dict[str, None] = {}
        for item in self._objects():
            keys.update(dict.fromkeys(_flat(item)))
        if not keys:
            raise FileRefused("The file has no customers.")
        self._keys = tuple(keys)
        self.headers = header_names(self._keys)

    def rows(self) -> Iterator[FileRow]:
        """See TableFile."""
        for number, item in enumerate(self._objects(), 1):
            flat = _flat(item)
            yield FileRow(number, [flat.get(key) for key in self._keys] if flat else [])

    def close(self) -> None:
        """Nothing stays open."""

    def _objects(self) -> Iterator[Any]:
        with self._path.open("rb") as raw:
            text = io.TextIOWrapper(raw, encoding=self._encoding)
            try:
                for item in _items(text):
                    self.done = raw.tell()
                    yield item
            except UnicodeError:
                raise FileRefused(f"The file is not written in {self._encoding}.") from None


def _items(text: io.TextIOWrapper) -> Iterator[Any]:
    decoder = json.JSONDecoder(parse_float=Decimal)
    buffer, place, number, ended = "", 0, 0, False
    while True:
        place = _after(buffer, place, _BLANK + "[]" if not number else _BLANK + "]")
        if place < len(buffer):
            try:
                item, place = decoder.raw_decode(buffer, place)
            except (ValueError, RecursionError) as error:
                if ended or len(buffer) - place > LONGEST_CELL:
                    raise FileRefused(f"Item {number + 1} is not JSON: {_told(error)}.") from None
            else:
                number += 1
                if not isinstance(item, dict):
                    raise FileRefused(f"Item {number} is no object of a customer.")
                yield item
                continue
        elif ended:
            return
        more = text.read(_AT_ONCE)
        buffer, place, ended = buffer[place:] + more, 0, not more


def _after(text: str, place: int, marks: str) -> int:
    while place < len(text) and text[place] in marks:
        place += 1
    return place


def _flat(item: dict[str, Any]) -> dict[str, Any]:
    """An object with what lies under `fields` beside the rest, as an export has them."""
    fields = item.get("fields")
    if not isinstance(fields, dict):
        return item
    return {**{key: value for key, value in item.items() if key != "fields"}, **fields}


def _told(error: Exception) -> str:
    return error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deep"
