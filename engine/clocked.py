"""Triggers that a clock brings: what their options mean, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from engine.durations import Duration
from engine.fields.types import FieldType
from engine.flow import Flow, Trigger
from engine.local_time import Daily, Rule, Single
from engine.occasions import LeapDay
from engine.problems import Problems
from engine.shapes import Reader

AT = time(10)
"""The time of day where a trigger names none."""

BIRTH_DATE = "birth_date"
"""The field of a birthday, where the trigger names none."""

MOST_DAYS = 366
"""So far from its day an occasion may be looked for: beyond, a yearly one would be another's."""

_ON_THE_DAY = (Duration(),)


def field_of(trigger: Trigger) -> str:
    """The field whose date or datetime it waits for."""
    field: str = trigger.options.get("field", BIRTH_DATE)
    return field


def offsets_of(trigger: Trigger) -> tuple[Duration, ...]:
    """How long after its day (before it: negative) it fires, each once."""
    offsets: tuple[Duration, ...] = trigger.options.get("offset", _ON_THE_DAY)
    return offsets


def is_yearly(trigger: Trigger) -> bool:
    return trigger.on != "date" or bool(trigger.options.get("yearly"))


def leap_day_of(trigger: Trigger) -> LeapDay:
    leap_day: LeapDay = trigger.options.get("leap_day", "feb_28")
    return leap_day


def rule_of(trigger: Trigger) -> Rule:
    """The local times at which it is looked who it is for."""
    options = trigger.options
    if "cron" in options:
        rule: Rule = options["cron"]
        return rule
    if trigger.on == "at":
        moment = options["time"]
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, AT)
        return Single(moment if moment.tzinfo is None else _wall(moment))
    days = frozenset(options.get("weekday", range(7)))
    return Daily(options.get("at", AT), days)


def is_absolute(trigger: Trigger) -> bool:
    """Whether its moment is one instant for everybody; its rule is then in UTC."""
    moment = trigger.options.get("time")
    return isinstance(moment, datetime) and moment.tzinfo is not None


def _wall(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


# -- while files are read


def check_clocked(on: str, options: Mapping[str, Any], reader: Reader) -> dict[str, Any]:
    """The options with offsets in one form; what contradicts or cannot be is told."""
    known = dict(options)
    if on in ("date", "birthday"):
        _read_offsets(known, reader)
        _check_field(on, known, reader)
    if on == "schedule":
        _check_schedule(known, reader)
    return known


def _read_offsets(options: dict[str, Any], reader: Reader) -> None:
    days = options.pop("days_before", None)
    if days is not None:
        if "offset" in options:
            _contradict("offset", "`offset` and `days_before` say the same", reader)
        options["offset"] = tuple(Duration(-one) for one in days)
    if "offset" not in options:
        return
    options["offset"] = tuple(sorted(set(options["offset"])))
    written = "offset" if days is None else "days_before"
    for offset in options["offset"]:
        if abs(offset.days) + abs(offset.seconds) / 86_400 > MOST_DAYS:
            message = f"'{offset}' is too far from the day: {MOST_DAYS} days at most"
            cure = "For what comes after years take `date` of a field that holds the later day."
            reader.error(reader.at(written), "E614", message, cure)


def _check_field(on: str, options: Mapping[str, Any], reader: Reader) -> None:
    key = options.get("field", BIRTH_DATE)
    field = reader.business.fields.get(key)
    if field is None:
        if "field" not in options:
            message = f"there is no field '{key}' that birthdays could be read from"
            reader.error(reader.at(), "E611", message, "Declare it, or name another by `field`.")
        return
    if field.type is FieldType.DATETIME and on == "date":
        for name in ("at", "yearly"):
            if name in options:
                message = f"'{key}' has a time of its own, so `{name}` has no meaning"
                reader.error(reader.at(name), "E613", message, f"Leave `{name}` out.")
    elif field.type is not FieldType.DATE:
        message = f"'{key}' holds no date: it is of type {field.type.value}"
        reader.error(reader.at("field"), "E611", message, "Name a field of type date.")
        return
    elif any(one.seconds for one in options.get("offset", ())):
        message = f"'{key}' is a day without a time: an offset from it is of whole days"
        reader.error(reader.at("offset"), "E613", message, "Write days, and the time as `at`.")
    if on == "date" and not options.get("yearly"):
        for name in ("calendar", "leap_day"):
            if name in options:
                message = f"`{name}` says when a date comes again, which this one does not"
                reader.error(reader.at(name), "E613", message, "Add `yearly: true`.")


def _check_schedule(options: Mapping[str, Any], reader: Reader) -> None:
    if "cron" not in options:
        return
    for name in ("at", "weekday"):
        if name in options:
            _contradict(name, f"`cron` says it all: `{name}` beside it contradicts", reader)


def _contradict(option: str, message: str, reader: Reader) -> None:
    reader.error(reader.at(option), "E613", message, "Take one of them away.")


def check_moments(flows: Mapping[str, Flow], now: datetime, problems: Problems) -> None:
    """Warn of triggers whose one moment is over: they start nothing."""
    for trigger in clocked(flows.values()):
        if trigger.on == "at" and not trigger.options.get("backfill") and _is_over(trigger, now):
            message = "this moment is over: the trigger starts nothing any more"
            problems.warning(trigger.position, "W610", message, "Take another, or delete it.")


def _is_over(trigger: Trigger, now: datetime) -> bool:
    """Everywhere on earth: the last clocks are twelve hours behind."""
    behind = timedelta() if is_absolute(trigger) else timedelta(hours=12)
    return next(rule_of(trigger).later_than(_wall(now - behind)), None) is None


def clocked(flows: Iterable[Flow]) -> Iterator[Trigger]:
    """The triggers of these flows that a clock brings."""
    from engine.events import EVENTS  # which asks here what their options mean

    for flow in flows:
        yield from (one for one in flow.triggers if EVENTS[one.on].scheduled)
