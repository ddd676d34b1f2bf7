"""A year alone, or a day where its time is wanted: the rest is asked for and completes it.

A year alone is asked back with two buttons.

The first button is a day that can be meant by it, spelled out: the year's first, for those who
know no more. The other says that it is another day. Neither has to be pressed: a day and month
written next are read as of that year.
"""

from __future__ import annotations

from datetime import date, time

from msgspec.structs import replace

from engine.asking.choices import MEANT_ALONE, OTHER_DAY, buttons_of, with_unclear
from engine.asking.question import Question
from engine.fields.calendars import month_name
from engine.fields.digits import in_digits_of
from engine.fields.faults import Fault, FaultCode
from engine.fields.moments import spell
from engine.fields.places import Locale, base_language
from engine.fields.readings import Ambiguous, Candidate, Read, Reading, Refused
from engine.fields.reply import read_reply
from engine.fields.types import PLAIN, FieldType, Value
from engine.fields.validate import validate
from engine.fields.years import calendar_of, first_day, with_year
from engine.passage import Passage
from engine.run import Choice, Wait
from engine.wording import wording


def ask_for_rest(at: Passage, question: Question, wait: Wait, fault: Fault) -> Wait | None:
    """Ask which day of the year, or of the month, that was all of the reply, or the time of a day.

    None where the reply was neither, or the field's rules exclude what it says: then words do.
    """
    if fault.code is FaultCode.TIME_MISSING:
        return _ask_for_time(at, wait, fault)
    year, month = fault.params.get("year"), fault.params.get("month", 0)
    if fault.code is not FaultCode.DATE_INCOMPLETE or question.field.type is not FieldType.DATE:
        return None
    if not isinstance(year, int) or not isinstance(month, int):
        return None
    first = first_day(year, month or 1)
    if first is None or validate(first, question.field, at.locale, at.now) is not None:
        return None
    spelled = spell(first, _locale_of(year, at.locale))
    choices = (
        Choice(spelled, first, act=MEANT_ALONE),
        Choice(wording("other_day", at.language), act=OTHER_DAY, row=1),
    )
    wait = with_unclear(wait, choices, year=[year, month])
    at.say(wording("which_day", at.language, year=_called(at, year, month)), buttons_of(wait))
    return wait


def _ask_for_time(at: Passage, wait: Wait, fault: Fault) -> Wait | None:
    day = fault.params["day"]
    if not isinstance(day, date):
        return None
    state = {key: value for key, value in wait.state.items() if key != "unclear"}
    wait = replace(wait, state={**state, "day": day.isoformat()})
    at.say(wording("what_time", at.language, day=spell(day, at.locale)), buttons_of(wait))
    return wait


def is_incomplete(wait: Wait) -> bool:
    """Whether a part of a date was told, and the rest asked for."""
    return "year" in wait.state or "day" in wait.state


def ask_in_words(at: Passage, wait: Wait) -> Wait:
    """It is another day: which one, in words."""
    year, month = wait.state["year"]
    state = {key: value for key, value in wait.state.items() if key != "unclear"}
    at.say(wording("write_day", at.language, year=_called(at, year, month)))
    return replace(wait, state=state)


def completed(at: Passage, question: Question, wait: Wait, text: str) -> Reading | None:
    """`text` as the rest of the date whose year was told before, or as the time of the day that
    was; None where it is none."""
    if "day" in wait.state:
        return _at_a_time(at, question, date.fromisoformat(wait.state["day"]), text)
    year, month = wait.state["year"]
    found: dict[Value, Candidate] = {}
    for whole in with_year(text, year, month or None):
        reading = read_reply(whole, question.field, at.locale, at.now)
        if isinstance(reading, Read):
            found.setdefault(reading.value, Candidate(reading.value))
        elif isinstance(reading, Ambiguous):
            found |= {one.value: one for one in reading.candidates}
    return _one_of(tuple(found.values()))


def _at_a_time(at: Passage, question: Question, day: date, text: str) -> Reading | None:
    clock = read_reply(text, PLAIN[FieldType.TIME], at.locale, at.now)
    if isinstance(clock, Refused):
        return None
    clocks = [clock.value] if isinstance(clock, Read) else [one.value for one in clock.candidates]
    readings = [_moment(at, question, day, one) for one in clocks if isinstance(one, time)]
    found = tuple(Candidate(one.value) for one in readings if isinstance(one, Read))
    return _one_of(found) or next(iter(readings), None)


def _moment(at: Passage, question: Question, day: date, clock: time) -> Reading:
    whole = f"{day.isoformat()} {clock.isoformat('minutes')}"
    return read_reply(whole, question.field, at.locale, at.now)


def _one_of(candidates: tuple[Candidate, ...]) -> Read | Ambiguous | None:
    if len(candidates) > 1:
        return Ambiguous(candidates)
    return Read(candidates[0].value) if candidates else None


def _locale_of(year: int, locale: Locale) -> Locale:
    """The customer's, in the calendar of the year that they wrote."""
    return replace(locale, calendar=calendar_of(year) or locale.calendar)


def _called(at: Passage, year: int, month: int) -> str:
    base, calendar = base_language(at.language), calendar_of(year)
    name = f"{month_name(month, base, calendar)} {year}" if month and calendar else str(year)
    return in_digits_of(base, name)
