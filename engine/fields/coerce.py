"""Typed values from files and programs: the same fields and rules, stricter forms."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal

from engine.fields.clean import clean_text
from engine.fields.decimals import PLACES, round_half_up, within_limits
from engine.fields.faults import Fault, FaultCode
from engine.fields.places import Locale, zone_of
from engine.fields.readings import Read, Refused, refuse
from engine.fields.types import Field, FieldType, Value
from engine.fields.validate import validate

Coerced = Read | Refused

# Not compiled here, which would take 4 ms of every start: `re` keeps what it has compiled.
_JSON_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?"
"""JSON's (RFC 8259, section 6), its exponent kept to what could still be in range."""
_ISO_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO_TIME = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?"
_ISO_MOMENT = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def coerce(raw: object, field: Field, locale: Locale, now: datetime | None = None) -> Coerced:
    """`raw`, from YAML, JSON or a program, as a value of `field` that keeps its rules.

    None and '' are None. Texts are read in their exact form: JSON numbers, ISO 8601 dates, times
    and moments (without an offset: in `locale`'s zone), true/false/yes/no/on/off, the value of an
    option. A value that already has the field's type is taken, a number only if it has at most
    two decimal places. `now` as for `validate`. Never raises.
    """
    if isinstance(raw, str):
        cleaned = clean_text(raw)
        if isinstance(cleaned, Fault):
            return Refused(cleaned)
        raw = cleaned or None
    coerced = Read(None) if raw is None else _typed(raw, field.type, locale)
    if isinstance(coerced, Refused):
        return coerced
    fault = validate(coerced.value, field, locale, now)
    return coerced if fault is None else Refused(fault)


def normalise(value: Value) -> Value:
    """A computed value as `coerce` takes it: numbers rounded half up to two places.

    A number of 10^50 or more stays as it is, for `coerce` to refuse.
    """
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 50:
        return round_half_up(value)
    return value


def _typed(raw: object, type_: FieldType, locale: Locale) -> Coerced:
    match type_:
        case FieldType.NUMBER:
            return _number(raw)
        case FieldType.BOOLEAN:
            return _boolean(raw)
        case FieldType.DATE:
            return _date(raw)
        case FieldType.TIME:
            return _time(raw)
        case FieldType.DATETIME:
            return _moment(raw, locale)
        case FieldType.LIST:
            return _list(raw)
    return _text(raw, type_, locale) if isinstance(raw, str) else refuse(_NOT_TEXT[type_])


_NOT_TEXT = {
    FieldType.TEXT: FaultCode.NOT_TEXT,
    FieldType.EMAIL: FaultCode.NOT_EMAIL,
    FieldType.PHONE: FaultCode.NOT_PHONE,
    FieldType.URL: FaultCode.NOT_URL,
    FieldType.SELECT: FaultCode.NOT_OPTION,
}


def _text(raw: str, type_: FieldType, locale: Locale) -> Coerced:
    if type_ is FieldType.TEXT or type_ is FieldType.SELECT:
        return Read(raw)
    # Where no contact is written its patterns need not be compiled.
    from engine.fields.contacts import read_email, read_phone, read_url

    if type_ is FieldType.EMAIL:
        return read_email(raw)
    return read_phone(raw, locale.country) if type_ is FieldType.PHONE else read_url(raw)


def _number(raw: object) -> Coerced:
    number = _decimal(raw)
    if number is None or not number.is_finite():
        return refuse(FaultCode.NOT_NUMBER)
    coerced = within_limits(number)
    if isinstance(coerced, Read) and coerced.value != number:
        return refuse(FaultCode.TOO_MANY_PLACES, limit=PLACES)
    return coerced


def _decimal(raw: object) -> Decimal | None:
    match raw:
        case bool():
            return None
        case Decimal():
            return raw
        case int():
            return Decimal(raw)
        case float():
            # The shortest text that gives the float back: 0.1, not 0.1000000000000000055.
            return Decimal(repr(raw))
        case str() if re.fullmatch(_JSON_NUMBER, raw):
            return Decimal(raw)
    return None


def _boolean(raw: object) -> Coerced:
    value = _WORDS.get(raw.lower()) if isinstance(raw, str) else raw
    return Read(value) if isinstance(value, bool) else refuse(FaultCode.NOT_BOOLEAN)


def _date(raw: object) -> Coerced:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return Read(raw)
    if not (isinstance(raw, str) and re.fullmatch(_ISO_DATE, raw)):
        return refuse(FaultCode.NOT_DATE)
    try:
        return Read(date.fromisoformat(raw))
    except ValueError:
        return refuse(FaultCode.NO_SUCH_DATE)


def _time(raw: object) -> Coerced:
    if isinstance(raw, time) and raw.tzinfo is None:
        return Read(raw)
    if not (isinstance(raw, str) and re.fullmatch(_ISO_TIME, raw)):
        return refuse(FaultCode.NOT_TIME)
    try:
        return Read(time.fromisoformat(raw.zfill(len(raw) + len(raw.partition(":")[0]) % 2)))
    except ValueError:
        return refuse(FaultCode.NOT_TIME)


def _moment(raw: object, locale: Locale) -> Coerced:
    try:
        if isinstance(raw, str) and re.fullmatch(_ISO_MOMENT, raw):
            raw = datetime.fromisoformat(raw.upper())
        if isinstance(raw, datetime):
            aware = raw if raw.tzinfo is not None else raw.replace(tzinfo=zone_of(locale))
            return Read(aware.astimezone(UTC))
    except (ValueError, OverflowError):
        return refuse(FaultCode.NO_SUCH_DATE)
    return refuse(FaultCode.NOT_DATETIME)


def _list(raw: object) -> Coerced:
    if not isinstance(raw, list | tuple):
        return refuse(FaultCode.NOT_LIST)
    items: dict[str, None] = {}
    for one in raw:
        item = clean_text(one) if isinstance(one, str) else None
        if not isinstance(item, str) or not item:
            return refuse(FaultCode.NOT_LIST)
        items[item] = None
    return Read(tuple(items))
