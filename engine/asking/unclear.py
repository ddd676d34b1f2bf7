"""A reply that can be meant in several ways is asked back with a button for each."""

from __future__ import annotations

from datetime import date, datetime, time

from engine.asking.choices import MEANT_ALONE, buttons_of, with_unclear
from engine.fields.moments import spell
from engine.fields.readings import Candidate
from engine.passage import Passage
from engine.run import Choice, Wait
from engine.wording import wording


def ask_back(at: Passage, wait: Wait, candidates: tuple[Candidate, ...]) -> Wait:
    """Ask which of several dates was meant, by buttons that spell them out."""
    meant = tuple(
        Choice(_spelled(at, one), one.value, act=one.order or MEANT_ALONE, row=row)
        for row, one in enumerate(candidates)
    )
    wait = with_unclear(wait, meant)
    days = {_day_of(at, one) for one in candidates}
    asked = "which_time" if len(days) == 1 else "which_date"
    at.say(wording(asked, at.language), buttons_of(wait))
    return wait


def _day_of(at: Passage, candidate: Candidate) -> object:
    """The day of a date or moment; None for a time."""
    value = candidate.value
    if isinstance(value, datetime):
        return value.astimezone(at.zone).date()
    return value if isinstance(value, date) else None


def _spelled(at: Passage, candidate: Candidate) -> str:
    value = candidate.value
    return spell(value, at.locale) if isinstance(value, date | time) else str(value)
