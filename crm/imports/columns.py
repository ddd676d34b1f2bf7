"""Which column of a file is which field: by hand, as it was last time, or by a guess. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from crm.errors import FileRefused
from engine.business import Business
from engine.fields.clean import plain_line
from engine.fields.fold import fold_phrase
from engine.fields.places import DateOrder
from engine.fields.types import FieldType
from engine.suggest import did_you_mean

TAGS = "tags"
FULL_NAME = "full_name"
ID = "id"
PROBLEM = "problem"
"""The column that a report of rejected rows begins with; nothing is read from it."""

IGNORED = "-"
"""What stands for a column that is not to be read."""

MATCHED_BY = ("external_id", "phone_number", "email", ID)
"""What customers may be matched by, in the order in which it is tried unless told otherwise."""

_SHORT = {"phone": "phone_number"}

_OTHER_NAMES: Mapping[str, str] = {
    "first_name": "given name|forename|vorname|نام کوچک|اسم",
    "last_name": "surname|family name|family|nachname|فامیل|فامیلی|نام فامیل",
    FULL_NAME: "full name|name|contact name|customer name|نام و نام خانوادگی|نام کامل|نام مشتری",
    "phone_number": (
        "phone|mobile|cell|cell phone|mobile number|mobile phone|telephone|tel|whatsapp"
        "|موبایل|شماره موبایل|تلفن|تلفن همراه|شماره همراه|همراه|شماره تماس|شماره|الهاتف|جوال"
    ),
    "email": "e mail|mail|email address|e mail address|پست الکترونیک|پست الکترونیکی|رایانامه",
    "company": "company name|organisation|organization|نام شرکت|سازمان",
    "job_title": "title|position|role|شغل|عنوان شغلی",
    "website": "site|url|web|سایت|وبسایت",
    "address": "street|street address|آدرس",
    "city": "town|شهرستان",
    "state": "province|region",
    "zip_code": "zip|postcode|post code|postal|کدپستی",
    "description": "notes|note|comment|comments|توضیح|یادداشت",
    "external_id": "customer id|customer number|code|id number|کد مشتری|شناسه مشتری|شناسه",
    "customer_type": "type|kind",
    "username": "user|telegram username|آیدی",
    TAGS: "tag|labels|برچسب|برچسب ها|تگ",
    PROBLEM: "problem",
}

_SEPARATED = re.compile(r"\s*([0-9]{1,2})[/.-]([0-9]{1,2})[/.-][0-9]{2,4}\b")


class Columns(Struct, frozen=True):
    """fields: for each column of the file the field that it is read into; '' for none.

    by_hand: the columns that a person has named, to be kept for the next file.
    """

    headers: tuple[str, ...]
    fields: tuple[str, ...]
    by_hand: Mapping[str, str]

    def pairs(self) -> Iterator[tuple[int, str, str]]:
        """(place, header, field) of every column that is read."""
        for place, (header, key) in enumerate(zip(self.headers, self.fields, strict=True)):
            if key:
                yield place, header, key

    @property
    def ignored(self) -> tuple[str, ...]:
        return tuple(
            header for header, key in zip(self.headers, self.fields, strict=True) if not key
        )


def map_columns(
    headers: Sequence[str],
    business: Business,
    by_hand: Mapping[str, str],
    last_time: Mapping[str, str],
) -> Columns:
    """by_hand: field by header, as written; last_time: field by `header_key`. `-` is no field.

    By hand goes first, then what was chosen by hand for an earlier file, then a guess; no two
    columns are one field by a guess. Raises FileRefused for a column or field there is not, for
    one that is computed, and where nothing of the file would be read.
    """
    chosen = _chosen(headers, business, by_hand)
    taken = {key for key in chosen.values() if key != IGNORED}
    guesses = guessed_names(business)
    for guess in (last_time, guesses):
        for header in headers:
            key = guess.get(header_key(header), "")
            if header not in chosen and key and key not in taken and _is_read(key, business):
                chosen[header] = key
                taken.add(key)
    fields = tuple(_field_or_nothing(chosen.get(header, "")) for header in headers)
    if not any(fields):
        shown = ", ".join(headers[:8])
        raise FileRefused(f"No column is known among {shown}. Name them: --map 'Column=field'.")
    return Columns(
        tuple(headers),
        fields,
        {name: chosen[name] for name in chosen if name in _named(headers, by_hand)},
    )


def read_match(written: str, columns: Columns) -> tuple[str, ...]:
    """`phone,email` as fields; '' is all of MATCHED_BY but the id that the file has. Raises
    FileRefused for another field, and one that no column is read into."""
    there = set(columns.fields)
    if not written.strip():
        return tuple(key for key in MATCHED_BY if key in there and key != ID)
    keys = tuple(
        dict.fromkeys(_SHORT.get(part.strip(), part.strip()) for part in written.split(","))
    )
    for key in keys:
        if key not in MATCHED_BY:
            raise FileRefused(f"Customers are matched by {', '.join(MATCHED_BY)}, not by '{key}'.")
        if key not in there:
            raise FileRefused(f"No column of the file is read into '{key}' to match by.")
    return keys


def read_mapping(written: str) -> dict[str, str]:
    """`Column=field,Other=-` as a mapping; the last = parts the two, and a field has no comma.

    Raises FileRefused.
    """
    mapping: dict[str, str] = {}
    rest = written.strip()
    while rest:
        found = re.match(r"\s*(.+?)\s*=\s*(-|[A-Za-z_][A-Za-z0-9_]*)\s*(?:,|$)", rest, re.DOTALL)
        if found is None:
            raise FileRefused(f"'{rest[:60]}' is not of the form Column=field.")
        mapping[found[1]] = found[2]
        rest = rest[found.end() :]
    return mapping


def header_key(header: str) -> str:
    """What is compared of a header: its letters, folded, without blanks and marks."""
    return re.sub(r"[\W_]+", "", fold_phrase(plain_line(header.replace("_", " "))))[:200]


def guessed_names(business: Business) -> dict[str, str]:
    """Field by every `header_key` it is known by; the business's own fields go first."""
    names: dict[str, str] = {}
    fields = sorted(business.fields.values(), key=lambda item: (item.base, item.read_only))
    for item in fields:
        names.setdefault(header_key(item.key), item.key)
    for item in fields:
        for _, _, label in item.label.variants:
            names.setdefault(header_key(str(label)), item.key)
    for key in (TAGS, FULL_NAME, PROBLEM):
        names.setdefault(header_key(key), key)
    for key, others in _OTHER_NAMES.items():
        for name in others.split("|"):
            names.setdefault(header_key(name), key)
    return names


def date_order_of(
    columns: Columns, business: Business, rows: Iterable[Sequence[Any]]
) -> DateOrder | None:
    """What comes first in `03/04/1990` here: day or month, by dates that leave no doubt; None
    where none does, or they contradict one another."""
    places = [
        place
        for place, _, key in columns.pairs()
        if key in business.fields
        and business.fields[key].type in (FieldType.DATE, FieldType.DATETIME)
    ]
    orders: set[DateOrder] = set()
    for cells in rows:
        for place in places:
            cell = cells[place] if place < len(cells) else None
            found = _SEPARATED.match(plain_line(cell)) if isinstance(cell, str) else None
            if found is not None:
                orders |= _order(int(found[1]), int(found[2]))
    return orders.pop() if len(orders) == 1 else None


def _order(first: int, second: int) -> set[DateOrder]:
    if first > 12 >= second:
        return {"dmy"}
    return {"mdy"} if second > 12 >= first else set()


def _chosen(
    headers: Sequence[str], business: Business, by_hand: Mapping[str, str]
) -> dict[str, str]:
    named = _named(headers, by_hand)
    for key in named.values():
        _require_field(key, business)
    fields = [key for key in named.values() if key != IGNORED]
    for key in fields:
        if fields.count(key) > 1:
            raise FileRefused(f"Two columns are mapped to '{key}'.")
    return named


def _named(headers: Sequence[str], by_hand: Mapping[str, str]) -> dict[str, str]:
    """By header as the file has it. Raises FileRefused for one it has not: a name of a column is
    compared, and never a pattern."""
    by_key = {header_key(header): header for header in reversed(headers)}
    named = {}
    for written, key in by_hand.items():
        header = written if written in headers else by_key.get(header_key(written))
        if header is None or not (written in headers or header_key(written)):
            hint = did_you_mean(written, headers)
            raise FileRefused(f"The file has no column '{written[:60]}'. {hint}".rstrip())
        named[header] = key
    return named


def _require_field(key: str, business: Business) -> None:
    if key in (IGNORED, TAGS, FULL_NAME, ID):
        return
    item = business.fields.get(key)
    if item is None:
        hint = did_you_mean(key, business.fields)
        raise FileRefused(f"There is no field '{key[:60]}'. {hint}".rstrip())
    if item.read_only:
        raise FileRefused(f"'{key}' is computed and cannot be imported.")


def _is_read(key: str, business: Business) -> bool:
    """Whether a guess may be taken: what is computed is left alone without a word."""
    if key in (TAGS, FULL_NAME, ID, IGNORED):
        return True
    item = business.fields.get(key)
    return item is not None and not item.read_only


def _field_or_nothing(key: str) -> str:
    return "" if key == IGNORED else key
