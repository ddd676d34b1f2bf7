"""A year alone: it is asked back with two buttons, and the rest of the date completes it.

The first button is a day that can be meant by it, spelled out: the year's first, for those who
know no more. The other says that it is another day. Neither has to be pressed: a day and month
written next are read as of that year.
"""

from __future__ import annotations

from msgspec.structs import replace

from engine.asking.choices import MEANT_ALONE, OTHER_DAY, buttons_of, with_unclear
from engine.asking.question import Question
from engine.fields.calendars import month_name
from engine.fields.digits import in_digits_of
from engine.fields.faults import Fault, FaultCode
from engine.fields.moments import spell
from engine.fields.places import Locale, base_language
from engine.fields.readings import Ambiguous, Candidate, Read
from engine.fields.reply import read_reply
from engine.fields.types import FieldType, Value
from engine.fields.validate import validate
from engine.fields.years import calendar_of, first_day, with_year
from engine.passage import Passage
from engine.run import Choice, Wait
from engine.wording import wording


def ask_for_rest(at: Passage, question: Question, wait: Wait, fault: Fault) -> Wait | None:
    """Ask which day of the year, or of the month, that was all of the reply.

    None where the reply had no year, or the field's rules exclude its first day: then words do.
    """
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


def ask_in_words(at: Passage, wait: Wait) -> Wait:
    """It is another day: which one, in words."""
    year, month = wait.state["year"]
    state = {key: value for key, value in wait.state.items() if key != "unclear"}
    at.say(wording("write_day", at.language, year=_called(at, year, month)))
    return replace(wait, state=state)


def completed(at: Passage, question: Question, wait: Wait, text: str) -> Read | Ambiguous | None:
    """`text` as the rest of the date whose year was told before; None where it is none."""
    year, month = wait.state["year"]
    found: dict[Value, Candidate] = {}
    for whole in with_year(text, year, month or None):
        reading = read_reply(whole, question.field, at.locale, at.now)
        if isinstance(reading, Read):
            found.setdefault(reading.value, Candidate(reading.value))
        elif isinstance(reading, Ambiguous):
            found |= {one.value: one for one in reading.candidates}
    candidates = tuple(found.values())
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
