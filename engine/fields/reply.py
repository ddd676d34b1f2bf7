"""Reading what a customer typed, for a field of any type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.fields.booleans import read_boolean
from engine.fields.choices import read_list, read_select
from engine.fields.clean import clean_text
from engine.fields.contacts import read_email, read_phone, read_url
from engine.fields.dates import read_date
from engine.fields.faults import Fault, FaultCode
from engine.fields.numbers import read_number
from engine.fields.places import Locale
from engine.fields.readings import Ambiguous, Read, Reading, Refused, refuse
from engine.fields.times import read_datetime, read_time
from engine.fields.types import Field, FieldType
from engine.fields.validate import validate

_Reader = Callable[[str, Field, Locale, datetime], Reading]

# From a cleaned, non-empty text; the field's rules come afterwards. A table and not a `match`:
# looking a member of an Enum up by name costs half a microsecond in Python 3.11.
_READERS: dict[FieldType, _Reader] = {
    FieldType.TEXT: lambda text, _field, _locale, _now: Read(text),
    FieldType.NUMBER: lambda text, _field, locale, _now: read_number(text, locale.language),
    FieldType.DATE: read_date,
    FieldType.BOOLEAN: lambda text, _field, _locale, _now: read_boolean(text),
    FieldType.EMAIL: lambda text, _field, _locale, _now: read_email(text),
    FieldType.PHONE: lambda text, _field, locale, _now: read_phone(text, locale.country),
    FieldType.URL: lambda text, _field, _locale, _now: read_url(text),
    FieldType.SELECT: lambda text, field, _locale, _now: read_select(text, field),
    FieldType.TIME: lambda text, _field, _locale, _now: read_time(text),
    FieldType.DATETIME: read_datetime,
    FieldType.LIST: lambda text, field, _locale, _now: read_list(text, field),
}


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
    reading = _READERS[field.type](cleaned, field, locale, now)
    if isinstance(reading, Refused):
        return reading
    if isinstance(reading, Ambiguous):
        return _fitting(reading, field, locale, now)
    fault = validate(reading.value, field, locale, now)
    return reading if fault is None else Refused(fault)


def _fitting(ambiguous: Ambiguous, field: Field, locale: Locale, now: datetime) -> Reading:
    faults = [validate(one.value, field, locale, now) for one in ambiguous.candidates]
    kept = [one for one, fault in zip(ambiguous.candidates, faults, strict=True) if fault is None]
    if len(kept) > 1:
        return Ambiguous(tuple(kept))
    if kept:
        return Read(kept[0].value)
    return Refused(next(fault for fault in faults if fault is not None))
