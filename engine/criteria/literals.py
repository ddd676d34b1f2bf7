"""Reading what is written beside an operator, as the type of the field it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

from engine.criteria.operands import WEEKDAYS, Day, Neighbour, Part, Relative, Single, Unit
from engine.criteria.report import did_you_mean
from engine.fields.clean import clean_text
from engine.fields.faults import Fault
from engine.fields.numbers import LARGEST, PLACES
from engine.fields.types import FieldType

LONGEST = {
    Unit.YEARS: 200,
    Unit.MONTHS: 200 * 12,
    Unit.WEEKS: 200 * 53,
    Unit.DAYS: 200 * 366,
    Unit.HOURS: 200 * 366 * 24,
    Unit.MINUTES: 200 * 366 * 24 * 60,
}
"""How far from now a relative time may lie: about 200 years, so that no sum leaves the calendar."""


class NotReadable(Exception):
    """A literal is not of the type it must be. Shown to authors, never raised out of `check`."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure


@dataclass(frozen=True, slots=True)
class Target:
    """What a literal must be: a value of `type`, of `options` if there are any, or a `part`."""

    type: FieldType
    options: tuple[str, ...] = ()
    part: Part | None = None


def read(raw: object, target: Target) -> Single:
    """Raises NotReadable. What an earlier check typed is read as itself."""
    if target.part is not None:
        return _PART_READERS[target.part](raw)
    value = _READERS[target.type](raw)
    if target.options and value not in target.options:
        kind = "option" if target.type is FieldType.SELECT else "name"
        raise NotReadable(f"there is no {kind} '{value}'", did_you_mean(str(value), target.options))
    return value


def text(raw: object) -> str:
    """A text that is not empty, cleaned as stored text is."""
    if not isinstance(raw, str):
        raise NotReadable(f"{_shown(raw)} is not a text", "Write it in quotes.")
    cleaned = clean_text(raw)
    if isinstance(cleaned, Fault):
        raise NotReadable("the text is longer than any stored, or holds control characters")
    if not cleaned:
        raise NotReadable("the text is empty", "Ask with is_empty or is_not_empty.")
    return cleaned


def whole(raw: object, lowest: int, highest: int) -> int:
    """A whole number within bounds, from JSON or as typed."""
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= 9:
        raw = int(raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and lowest <= raw <= highest:
        return raw
    raise NotReadable(f"{_shown(raw)} is not a whole number from {lowest} to {highest}")


def yes(raw: object) -> bool:
    """What stands beside an operator that needs nothing: absent or true, or false."""
    return raw is None or _boolean(raw)


def _shown(raw: object) -> str:
    if isinstance(raw, (list, tuple)):
        return "a list"
    if isinstance(raw, Mapping):
        return "a mapping"
    return repr(raw) if isinstance(raw, str) else str(raw).lower()


def _number(raw: object) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, Decimal, str)):
        raise NotReadable(f"{_shown(raw)} is not a number")
    number = _decimal(raw)
    if abs(number) > LARGEST:
        raise NotReadable(f"{raw} is beyond {LARGEST}, the largest number a field holds")
    if number != round(number, PLACES):
        raise NotReadable(f"{raw} has more than two decimal places, the most a field holds")
    return number


def _decimal(raw: float | Decimal | str) -> Decimal:
    written = str(raw)
    try:
        number = Decimal(written) if written.isascii() and "_" not in written else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise NotReadable(f"{_shown(raw)} is not a number", "Write it like 20 or 12.5.")
    return number


def _boolean(raw: object) -> bool:
    words: Mapping[object, bool] = {
        "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False
    }  # fmt: skip
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in words:
        return words[raw.lower()]
    raise NotReadable(f"{_shown(raw)} is neither true nor false")


def _date(raw: object) -> date | Day | Relative:
    relative = _relative(raw)
    if isinstance(relative, Relative) and relative.unit in (Unit.MINUTES, Unit.HOURS):
        raise NotReadable(
            f"a date has no {relative.unit}", "Count days, or write today, yesterday or tomorrow."
        )
    if relative is not None:
        return relative
    day = _iso_date(raw)
    if day is None:
        raise NotReadable(
            f"{_shown(raw)} is not a date", "Write it like 1990-05-15, 30 days ago or today."
        )
    return day


def _moment(raw: object) -> date | datetime | Day | Relative:
    operand = _relative(raw) or _iso_date(raw) or _iso_moment(raw)
    if operand is None:
        raise NotReadable(
            f"{_shown(raw)} is not a time of a day",
            "Write it like 2026-03-01, 2026-03-01T10:00, 3 hours ago or today.",
        )
    return operand


def _iso_date(raw: object) -> date | None:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    if not isinstance(raw, str) or len(raw) != len("1990-05-15"):
        return None
    try:
        day = date.fromisoformat(raw)
    except ValueError:
        return None
    # Python reads 2026-W09-7 as well.
    return day if day.isoformat() == raw and _in_calendar(day) else None


def _iso_moment(raw: object) -> datetime | None:
    if isinstance(raw, str):
        if _iso_date(raw[:10]) is None or raw[10:11] not in ("T", " ") or not raw.isascii():
            return None
        try:
            raw = datetime.fromisoformat(raw)
        except ValueError:
            return None
    if not isinstance(raw, datetime) or not _in_calendar(raw):
        return None
    return raw if raw.tzinfo is None else raw.astimezone(UTC)


def _in_calendar(day: date) -> bool:
    """Whether the days beside it exist as well, in every zone."""
    return date.min.year < day.year < date.max.year


def _relative(raw: object) -> Day | Relative | None:
    if isinstance(raw, (Day, Relative)):
        return raw
    if not isinstance(raw, str):
        return None
    words = raw.lower().split()
    match words:
        case [word] if word in _WORDS:
            return _WORDS[word]
        case [count, unit, "ago"]:
            return _counted(-1, count, unit)
        case ["in", count, unit]:
            return _counted(1, count, unit)
        case _:
            return None


_WORDS: Mapping[str, Day | Relative] = {
    "yesterday": Day(-1),
    "today": Day(0),
    "tomorrow": Day(1),
    "now": Relative(0, Unit.MINUTES),
}


def _counted(sign: int, count: str, unit: str) -> Relative:
    plural = unit if unit.endswith("s") else f"{unit}s"
    known = {unit.value: unit for unit in Unit}
    if plural not in known:
        raise NotReadable(f"'{unit}' is not a unit of time", did_you_mean(plural, known))
    return Relative(sign * whole(count, 0, LONGEST[known[plural]]), known[plural])


def _time(raw: object) -> time:
    if isinstance(raw, time):
        return raw
    if isinstance(raw, str) and len(raw) in (len("9:00"), len("09:00"), len("09:00:00")):
        try:
            return time.fromisoformat(raw.rjust(5, "0"))
        except ValueError:
            pass
    raise NotReadable(f"{_shown(raw)} is not a time of day", "Write it like 09:00.")


def _numbered(part: Part, lowest: int, highest: int) -> Callable[[object], Single]:
    words = {"last": -1, "this": 0, "next": 1}

    def read_number(raw: object) -> Single:
        if isinstance(raw, Neighbour):
            return raw
        if isinstance(raw, str) and raw.lower() in words:
            return Neighbour(words[raw.lower()], part)
        try:
            return whole(raw, lowest, highest)
        except NotReadable as problem:
            raise NotReadable(f"{problem.message}, nor this, next or last") from None

    return read_number


def _weekday(raw: object) -> str:
    if isinstance(raw, str) and raw.lower() in WEEKDAYS:
        return raw.lower()
    raise NotReadable(f"{_shown(raw)} is not a day of the week", f"One of {', '.join(WEEKDAYS)}.")


_PART_READERS: Mapping[Part, Callable[[object], Single]] = {
    Part.MONTH: _numbered(Part.MONTH, 1, 12),
    Part.DAY: _numbered(Part.DAY, 1, 31),
    Part.YEAR: _numbered(Part.YEAR, 1, 9999),
    Part.WEEKDAY: _weekday,
    Part.TIME: _time,
}

_READERS: Mapping[FieldType, Callable[[object], Single]] = {
    FieldType.TEXT: text,
    FieldType.NUMBER: _number,
    FieldType.DATE: _date,
    FieldType.BOOLEAN: _boolean,
    FieldType.EMAIL: text,
    FieldType.PHONE: text,
    FieldType.URL: text,
    FieldType.SELECT: text,
    FieldType.TIME: _time,
    FieldType.DATETIME: _moment,
    FieldType.LIST: text,
}
