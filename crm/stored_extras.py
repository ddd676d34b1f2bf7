"""What a value among the extras is, read by its type: the inverse of `engine.fields.plain`.

Only the forms that `to_plain` writes are read, so that both databases can tell them apart by
themselves (crm.criteria_stores) and nobody has to validate a stored value again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from engine.fields.types import FieldType, Value

NUMBER = r"-?[0-9]{1,16}(\.[0-9]{1,2})?"
DAY = r"(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
MOMENT = rf"{DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{6}})?Z"
"""Regular expressions that Python and PostgreSQL read alike. Years begin with 1."""

_NUMBER = re.compile(NUMBER)
_DAY = re.compile(DAY)
_CLOCK = re.compile(CLOCK)
_MOMENT = re.compile(MOMENT)


def typed_extra(stored: Any, type_: FieldType) -> Value:
    """The value of a JSON value of `custom_fields_extra`; None where it is not of `type_`.

    A list keeps those of its items that are texts.
    """
    return _READERS.get(type_, _text)(stored)


def _text(stored: Any) -> str | None:
    return stored or None if isinstance(stored, str) else None


def _number(stored: Any) -> Decimal | None:
    # Of a float str() is the shortest form, which is what was meant; of anything else, no number.
    written = str(stored)
    return Decimal(written) if _NUMBER.fullmatch(written) else None


def _boolean(stored: Any) -> bool | None:
    return stored if isinstance(stored, bool) else None


def _date(stored: Any) -> date | None:
    if not isinstance(stored, str) or not _DAY.fullmatch(stored):
        return None
    try:
        return date.fromisoformat(stored)
    except ValueError:
        return None


def _time(stored: Any) -> time | None:
    if isinstance(stored, str) and _CLOCK.fullmatch(stored):
        return time.fromisoformat(stored)
    return None


def _moment(stored: Any) -> datetime | None:
    if not isinstance(stored, str) or not _MOMENT.fullmatch(stored):
        return None
    try:
        return datetime.fromisoformat(stored).astimezone(UTC)
    except ValueError:
        return None


def _list(stored: Any) -> tuple[str, ...] | None:
    if not isinstance(stored, list):
        return None
    return tuple(item for item in stored if isinstance(item, str)) or None


_READERS: Mapping[FieldType, Callable[[Any], Value]] = {
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.TIME: _time,
    FieldType.DATETIME: _moment,
    FieldType.LIST: _list,
}
