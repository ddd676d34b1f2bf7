"""Reading what a person writes to name one customer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.fields.contacts import read_email, read_phone
from engine.fields.fold import latin_digits
from engine.fields.readings import Read

CHANNELS = ("telegram", "instagram", "web", "chat")

_PHONE_MARKS = re.compile(r"[\s\-./()]+")
_PHONE = re.compile(r"\+[0-9]{5,15}|0[0-9]{4,15}|[0-9]{10,15}")
_ID = re.compile(r"(?:id:)?([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class ById:
    customer_id: int


@dataclass(frozen=True, slots=True)
class ByPhone:
    """Any of these, as stored: what was written may be read with or without a country code."""

    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ByEmail:
    address: str


@dataclass(frozen=True, slots=True)
class ByAccount:
    channel: str
    external_id: str


Reference = ById | ByPhone | ByEmail | ByAccount


def read_reference(text: str, country: str) -> Reference | None:
    """What `text` names a customer by; None where it is of no known form.

    An id (`7`, `id:7`), a phone number (with + or a leading 0, or of at least 10 digits, in any
    writing; local ones are of `country`, ISO 3166), an email, or `telegram:ID`, `instagram:ID`,
    `chat:NAME`.
    """
    written = text.strip()
    channel, colon, external_id = written.partition(":")
    if colon and channel.lower() in CHANNELS and external_id:
        return ByAccount(channel.lower(), external_id)
    numbers = phone_numbers(written, country)
    if numbers:
        return ByPhone(numbers)
    if by_id := _ID.fullmatch(latin_digits(written)):
        return ById(int(by_id[1]))
    if "@" in written:
        address = read_email(written)
        return ByEmail(str(address.value) if isinstance(address, Read) else written.lower())
    return None


def phone_numbers(text: str, country: str) -> tuple[str, ...]:
    """The numbers that `text` may mean, as they may be stored; () where it is not like one."""
    digits = _PHONE_MARKS.sub("", latin_digits(text))
    if not _PHONE.fullmatch(digits):
        return ()
    forms = (digits, f"+{digits}") if digits[0] not in "+0" else (digits,)
    readings = (read_phone(form, country or None) for form in forms)
    stored = [str(reading.value) for reading in readings if isinstance(reading, Read)]
    return tuple(dict.fromkeys((*stored, digits)))
