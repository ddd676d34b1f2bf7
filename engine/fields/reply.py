"""Reading what a customer typed, for a field of any type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache

from engine.fields.clean import clean_text
from engine.fields.faults import Fault, FaultCode
from engine.fields.fold import latin_digits
from engine.fields.patterns import compile_pattern
from engine.fields.places import Locale
from engine.fields.readings import Ambiguous, Read, Reading, Refused, refuse
from engine.fields.types import Field, FieldType
from engine.fields.validate import validate

_Reader = Callable[[str, Field, Locale, datetime], Reading]


def read_reply(text: str, field: Field, locale: Locale, now: datetime) -> Reading:
    """`text` as a value of `field` that keeps its rules; `now` is aware.

    Never raises, whatever the text. For a reply that no field takes, `types.PLAIN` has a field
    of each type. A meaning of an ambiguous date that the rules exclude is no candidate; where
    one candidate is left it is the value.
    """
    cleaned = clean_text(text)
    if isinstance(cleaned, Fault):
        return Refused(cleaned)
    if not cleaned:
        return refuse(FaultCode.EMPTY)
    reading = _reader(field.type)(cleaned, field, locale, now)
    if isinstance(reading, Refused):
        return reading
    if isinstance(reading, Ambiguous):
        return _fitting(reading, field, locale, now)
    fault = validate(reading.value, field, locale, now)
    return reading if fault is None else Refused(fault)


@cache
def _reader(type_: FieldType) -> _Reader:
    """What reads a cleaned, non-empty text; the field's rules come afterwards."""
    # Imported by the first reply of a type: the words and patterns of all of them would take
    # 20 ms of every start.
    match type_:
        case FieldType.TEXT:
            return lambda text, field, _locale, _now: Read(_in_pattern_s_digits(text, field))
        case FieldType.NUMBER:
            from engine.fields.numbers import read_number

            return lambda text, _field, locale, _now: read_number(text, locale.language)
        case FieldType.BOOLEAN:
            from engine.fields.booleans import read_boolean

            return lambda text, _field, _locale, _now: read_boolean(text)
        case FieldType.DATE | FieldType.TIME | FieldType.DATETIME:
            return _reader_of_times(type_)
        case FieldType.SELECT | FieldType.LIST:
            return _reader_of_choices(type_)
        case FieldType.EMAIL | FieldType.PHONE | FieldType.URL:
            return _reader_of_contacts(type_)


def _in_pattern_s_digits(text: str, field: Field) -> str:
    """A code such as a national number with 0-9, where its pattern asks for those."""
    pattern = field.rules.pattern
    if pattern is None or text.isascii() or compile_pattern(pattern).fullmatch(text):
        return text
    latin = latin_digits(text)
    return latin if compile_pattern(pattern).fullmatch(latin) else text


def _reader_of_times(type_: FieldType) -> _Reader:
    from engine.fields.dates import read_date
    from engine.fields.times import read_datetime, read_time

    if type_ is FieldType.DATE:
        return read_date
    if type_ is FieldType.DATETIME:
        return read_datetime
    return lambda text, _field, _locale, _now: read_time(text)


def _reader_of_choices(type_: FieldType) -> _Reader:
    from engine.fields.choices import read_list, read_select

    read = read_select if type_ is FieldType.SELECT else read_list
    return lambda text, field, _locale, _now: read(text, field)


def _reader_of_contacts(type_: FieldType) -> _Reader:
    from engine.fields.contacts import read_email, read_phone, read_url

    if type_ is FieldType.PHONE:
        return lambda text, _field, locale, _now: read_phone(text, locale.country)
    read = read_email if type_ is FieldType.EMAIL else read_url
    return lambda text, _field, _locale, _now: read(text)


def _fitting(ambiguous: Ambiguous, field: Field, locale: Locale, now: datetime) -> Reading:
    faults = [validate(one.value, field, locale, now) for one in ambiguous.candidates]
    kept = [one for one, fault in zip(ambiguous.candidates, faults, strict=True) if fault is None]
    if len(kept) > 1:
        return Ambiguous(tuple(kept))
    if kept:
        return Read(kept[0].value)
    return Refused(next(fault for fault in faults if fault is not None))
