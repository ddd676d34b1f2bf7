"""When a wait ends and when it is reminded of."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from engine.durations import Duration
from engine.passage import Passage
from engine.run import Alarm
from engine.templates.template import Template
from engine.texts import Text

DEFAULT_TIMEOUT = Duration(days=7)
"""How long a question without a `timeout:` stays open."""

NO_TIME = Duration()


class Reminder(Struct, frozen=True):
    after: Duration
    text: Text[Template]


class Timeout(Struct, frozen=True):
    """When a question closes by itself: `after` it was asked, or `until` a moment plus `offset`.

    until: a date, a moment (naive: in the customer's zone) or a template that gives one; None
    where `after` counts. goto: the node it then leads to, '' to end the run with `no_reply`.
    """

    after: Duration = DEFAULT_TIMEOUT
    until: date | Template | None = None
    offset: Duration = NO_TIME
    remind: tuple[Reminder, ...] = ()
    goto: str = ""


STANDARD_TIMEOUT = Timeout()


def alarms_of(at: Passage, timeout: Timeout) -> tuple[Alarm, ...]:
    """The moments of a question that is asked now; reminders after its end are left out."""
    end = until(at, timeout.until, timeout.offset) if timeout.until is not None else None
    if end is None:
        end = timeout.after.after(at.now, at.zone)
    if not timeout.remind:
        return (Alarm(end, "timeout"),)
    reminders = (
        Alarm(reminder.after.after(at.now, at.zone), "remind", number)
        for number, reminder in enumerate(timeout.remind)
    )
    return (*(alarm for alarm in reminders if alarm.at < end), Alarm(end, "timeout"))


def until(at: Passage, written: Any, offset: Duration) -> datetime | None:
    """The UTC moment that `until:` and `offset:` mean for this customer.

    None, with a row on the timeline, where a template gives no moment.
    """
    value = at.evaluate(written)
    moment = moment_of(value, at.zone)
    if moment is None:
        at.problem("`until` gives no date or moment")
        return None
    return offset.after(moment, at.zone)


def moment_of(value: object, zone: ZoneInfo) -> datetime | None:
    """A date (its first instant in `zone`), a moment, or either in ISO form, as a UTC moment.

    A moment without an offset is one of `zone`. None for anything else.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, date):
        return None
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    try:
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None
