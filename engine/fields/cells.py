"""Values in the cells of files: as people write them, and as spreadsheets keep them.

What people write is read as in a reply. Spreadsheets add to that: a day is a number of days, a
phone number loses its zero or its last digits, what looks like a number becomes one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from engine.fields.clean import clean_text, plain_line
from engine.fields.coerce import coerce
from engine.fields.decimals import PLACES, within_limits
from engine.fields.faults import Fault, FaultCode
from engine.fields.fold import fold, fold_phrase
from engine.fields.places import Locale
from engine.fields.readings import Read, Reading, Refused, refuse
from engine.fields.reply import read_reply
from engine.fields.types import Field, FieldType
from engine.fields.validate import validate

FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001  # a cell has no zone
"""Day 0 of a spreadsheet whose day 61 is 1 March 1900; it counts a 29 February that never was."""

_SERIALS = range(61, 2_958_466)
"""From 1 March 1900 to the end of 9999. A text is a day only with five digits: from 1927 on."""

_SERIAL_TEXT = re.compile(r"[1-9][0-9]{4}(?:\.[0-9]+)?")
_SHORTENED = re.compile(r"\+?([0-9])(?:[.,٫]([0-9]+))?[eE]\+?([0-9]{1,2})")
_MIDNIGHT = re.compile(r"[ T]0?0:00(?::00(?:\.0+)?)?")
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")


class Formula(str):
    """A cell whose value a spreadsheet would compute; the text is the formula."""

    __slots__ = ()


Cell = str | int | float | bool | Decimal | date | time | timedelta | list[object] | None
"""What stands in one cell: of CSV a text, of Excel and JSON also a value that has a type."""


def read_cell(raw: object, field: Field, locale: Locale, now: datetime) -> Read | Refused:
    """A cell as a value of `field` that keeps its rules; None and blanks are None.

    Read like a reply, but nothing is asked back: what could be meant in two ways is refused.
    `locale.date_order` is the file's. A number with more than two places is refused, not rounded.
    Never raises.
    """
    if raw is None or raw == "":
        return Read(None)
    if isinstance(raw, Formula):
        return refuse(FaultCode.FORMULA)
    if isinstance(raw, str):
        cleaned = clean_text(raw)
        if isinstance(cleaned, Fault):
            return Refused(cleaned)
        raw = cleaned
        if not raw:
            return Read(None)
        if raw[0] == "=" and field.type is not FieldType.TEXT:
            return refuse(FaultCode.FORMULA)
    reader = _READERS.get(field.type)
    read = None if reader is None else reader(raw, field, locale, now)
    if read is None:
        read = _typed(raw, field, locale, now)
    return _validated(read, field, locale, now)


def _typed(raw: object, field: Field, locale: Locale, now: datetime) -> Read | Refused:
    if not isinstance(raw, str):
        return coerce(raw, field, locale, now)
    reading: Reading = read_reply(raw, field, locale, now)
    if isinstance(reading, Read | Refused):
        return reading
    return refuse(FaultCode.DATE_AMBIGUOUS)


def _validated(read: Read | Refused, field: Field, locale: Locale, now: datetime) -> Read | Refused:
    if isinstance(read, Refused):
        return read
    fault = validate(read.value, field, locale, now)
    return read if fault is None else Refused(fault)


_Reader = Callable[[object, Field, Locale, datetime], Read | Refused | None]
"""Reads what files add to a type; None where the cell is as in a reply."""


def _text(raw: object, _field: Field, _locale: Locale, _now: datetime) -> Read | Refused | None:
    if isinstance(raw, str):
        return Read(raw)
    written = _written(raw)
    return None if written is None else Read(written)


def _written(raw: object) -> str | None:
    """A number or day that a spreadsheet made of a text, as that text; None for anything else."""
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return str(raw)
    if isinstance(raw, float | Decimal):
        number = _exact(raw)
        return None if number is None else f"{number:f}"
    if isinstance(raw, datetime):
        return (
            raw.isoformat(sep=" ", timespec="minutes") if raw.time() != time() else f"{raw.date()}"
        )
    return raw.isoformat() if isinstance(raw, date | time) else None


def _contact(raw: object, field: Field, locale: Locale, now: datetime) -> Read | Refused | None:
    written = raw if isinstance(raw, str) else _written(raw)
    if written is None:
        return None
    if field.type is FieldType.PHONE:
        unfolded = _lengthened(plain_line(written))
        if unfolded is None:
            return refuse(FaultCode.DIGITS_LOST)
        written = unfolded
    return _typed(written, field, locale, now)


def _lengthened(text: str) -> str | None:
    """`9.123456789E+09` with all its digits; None where some are missing, as in `9.12E+09`."""
    short = _SHORTENED.fullmatch(text)
    if short is None:
        return text.removesuffix(".0")
    fraction, places = short[2] or "", int(short[3])
    if places > len(fraction):
        return None
    digits = short[1] + fraction[:places]
    return digits if not fraction[places:].strip("0") else None


def _number(raw: object, _field: Field, locale: Locale, _now: datetime) -> Read | Refused | None:
    number: Decimal | Refused | None
    if isinstance(raw, str):
        if _JSON_NUMBER.fullmatch(raw):
            number = Decimal(raw)
        else:
            from engine.fields.numbers import number_in

            number = number_in(raw, locale.language)
            if isinstance(number, Refused):
                return number
    elif isinstance(raw, int | float | Decimal) and not isinstance(raw, bool):
        number = _exact(raw)
    else:
        return refuse(FaultCode.NOT_NUMBER)
    if number is None:
        return refuse(FaultCode.NOT_NUMBER)
    read = within_limits(number)
    if isinstance(read, Read) and read.value != number:
        return refuse(FaultCode.TOO_MANY_PLACES, limit=PLACES)
    return read


def _exact(raw: float | Decimal) -> Decimal | None:
    """A number of a file; None for one that is not finite. A spreadsheet reckons with 15 digits:
    what is behind them is the error of its arithmetic (0.1 + 0.2)."""
    number = Decimal(f"{raw:.15g}") if isinstance(raw, float) else Decimal(raw)
    return number if number.is_finite() else None


def _boolean(raw: object, field: Field, locale: Locale, now: datetime) -> Read | Refused | None:
    if isinstance(raw, int | float) and raw in (0, 1):
        return Read(bool(raw))
    if isinstance(raw, str):
        return _typed(raw.removesuffix(".0"), field, locale, now)
    return None


def _day(raw: object, field: Field, locale: Locale, now: datetime) -> Read | Refused | None:
    moment = _serial(raw)
    if moment is not None:
        return Read(moment.date())
    if isinstance(raw, str) and (midnight := _MIDNIGHT.search(raw)):
        return _typed(raw[: midnight.start()], field, locale, now)
    return Read(raw.date()) if isinstance(raw, datetime) and not raw.tzinfo else None


def _moment(raw: object, field: Field, locale: Locale, now: datetime) -> Read | Refused | None:
    moment = _serial(raw)
    if moment is None and isinstance(raw, date) and not isinstance(raw, datetime):
        moment = datetime.combine(raw, time())
    if moment is not None:
        return coerce(moment, field, locale, now)
    if isinstance(raw, str):
        exact = coerce(raw, field, locale, now)
        return exact if isinstance(exact, Read) else _at_midnight(raw, field, locale, now)
    return None


def _at_midnight(raw: str, field: Field, locale: Locale, now: datetime) -> Read | Refused | None:
    """The moment at which a day begins; None for what is no day alone."""
    from engine.fields.dates import read_date

    day = read_date(raw, field, locale, now)
    if not isinstance(day, Read) or not isinstance(day.value, date):
        return None
    return coerce(datetime.combine(day.value, time()), field, locale, now)


def _clock(raw: object, _field: Field, _locale: Locale, _now: datetime) -> Read | Refused | None:
    if isinstance(raw, timedelta):
        raw = raw / timedelta(days=1)
    if isinstance(raw, datetime):
        return Read(raw.time().replace(tzinfo=None))
    if isinstance(raw, float) and 0 <= raw < 1:
        return Read((FIRST_DAY + timedelta(seconds=round(raw * 86_400))).time())
    return None


def _serial(raw: object) -> datetime | None:
    """The moment that a spreadsheet's number of days is; None for anything else."""
    if isinstance(raw, str):
        raw = float(raw) if _SERIAL_TEXT.fullmatch(raw := plain_line(raw)) else None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or int(raw) not in _SERIALS:
        return None
    return FIRST_DAY + timedelta(days=int(raw), seconds=round((raw - int(raw)) * 86_400))


def _choice(raw: object, field: Field, _locale: Locale, _now: datetime) -> Read | Refused | None:
    """By value or label; not by place, as in a reply: `2` in a file is not the second option."""
    written = raw if isinstance(raw, str) else _written(raw)
    if written is None:
        return None
    choices = field.choices
    value = choices.get(fold(written)) or choices.get(fold_phrase(written))
    return refuse(FaultCode.NOT_OPTION) if value is None else Read(value)


_READERS: dict[FieldType, _Reader] = {
    FieldType.TEXT: _text,
    FieldType.EMAIL: _contact,
    FieldType.PHONE: _contact,
    FieldType.URL: _contact,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _day,
    FieldType.DATETIME: _moment,
    FieldType.TIME: _clock,
    FieldType.SELECT: _choice,
}
