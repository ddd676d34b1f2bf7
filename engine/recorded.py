"""How nodes write down what they record: the shapes of columns, and their values for a customer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from engine.asking.timing import moment_of
from engine.durations import Duration
from engine.fields.coerce import coerce, normalise
from engine.fields.faults import fault_text
from engine.fields.readings import Refused
from engine.fields.types import Field, Value
from engine.passage import Passage
from engine.shapes import LITERAL, MOMENT, Option, Reader, ScalarShape, Shape, typed
from engine.source import Source
from engine.staff import ASSIGNED, known_who
from engine.templates import Template

_END_OF_DAY = time(23, 59, 59)
_SPAN = re.compile(r"\+?(\d+[wdhms])+", re.ASCII)

Due = Duration | date | Template
"""When: so long from now, on a day, at a moment, or a template that gives one of these."""


class Column(Shape[Any], Struct, frozen=True):
    """A value of a record's column, checked as that of a field is, or a template."""

    field: Field

    @property
    def wanted(self) -> str:  # type: ignore[override]  # made from the field
        return f"a {self.field.type}"

    def read(self, source: Source, reader: Reader) -> Value | Template:
        literal = LITERAL.read(source, reader)
        return None if literal is None else typed(literal, self.field, reader)

    def schema(self) -> dict[str, Any]:
        values = [option.value for option in self.field.options]
        if not values:
            return LITERAL.schema()
        return {"anyOf": [{"enum": values}, {"type": "string", "pattern": r"\{\{"}]}


class DueShape(Shape[Due]):
    wanted = "a duration such as 1d, a date or moment such as 2026-03-21, or a template"

    def read(self, source: Source, reader: Reader) -> Due | None:
        literal = LITERAL.read(source, reader)
        if literal is None:
            return None
        return literal.template or _WRITTEN_DUE.read(source, reader)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class _WrittenDue(ScalarShape[Any]):
    wanted = DueShape.wanted

    def parse(self, text: str) -> Duration | date:
        if re.match(r"[-+]?\d+([wdhms]|$)", text, re.ASCII):
            span = Duration.parse(text)
            if span < Duration():
                raise ValueError("what is to be done lies ahead: write it without a minus sign")
            return span
        try:
            return MOMENT.parse(text)
        except ValueError:
            raise ValueError(f"{self.wanted} belongs here, not '{text}'") from None


class RepeatShape(ScalarShape[str]):
    wanted = "a repetition such as weekly, or FREQ=WEEKLY;BYDAY=MO"

    def read(self, source: Source, reader: Reader) -> str | None:
        word = super().read(source, reader)
        if word is None:
            return None
        from engine.recurrence import read_rule  # dateutil is for those who write one

        try:
            return read_rule(word)
        except ValueError as error:
            cure = (
                "Write daily, weekly, monthly or yearly, or an RRULE such as FREQ=WEEKLY;BYDAY=MO."
            )
            reader.error(source.position, "E321", str(error), cure)
            return None

    def parse(self, text: str) -> str:
        return text


_WRITTEN_DUE = _WrittenDue()
DUE = DueShape()
REPEAT = RepeatShape()


def columns(fields: Mapping[str, Field], *names: str) -> dict[str, Option]:
    """The options of a record that are columns of it, by their names."""
    return {
        name: Option(Column(fields[name]), _help(fields[name]), required=fields[name].required)
        for name in names
    }


def _help(field: Field) -> str:
    label: str = field.label.pick("en")
    values = ", ".join(option.value for option in field.options)
    return f"{label}: {values}" if values else label


class Refusal(Exception):
    """A column has no value that it takes; the timeline says which and why."""


def value_of(at: Passage, written: Any, field: Field) -> Value:
    """What a column is for this customer. Raises Refusal, with a row on the timeline."""
    value = at.evaluate(written)
    kept = coerce(normalise(value), field, at.locale, at.now)
    if isinstance(kept, Refused):
        at.problem(f"`{field.key}` was not recorded: {fault_text(kept.fault, 'en')}")
        raise Refusal
    return kept.value


def values_of(
    at: Passage, written: Mapping[str, Any], fields: Mapping[str, Field]
) -> dict[str, Any]:
    """The columns written that have a value, typed. Raises Refusal."""
    values = {key: value_of(at, one, fields[key]) for key, one in written.items() if key in fields}
    return {key: value for key, value in values.items() if value is not None}


def due_at(at: Passage, written: Due | None) -> datetime | None:
    """The UTC moment: a span is counted by the customer's clock, a day is the business's and
    meant whole, to its last second. None, with a row on the timeline, for what is none of them.
    """
    value = at.evaluate(written)
    if value is None:
        return None
    if isinstance(value, str) and _SPAN.fullmatch(value.strip()):
        value = _span(value)
    if isinstance(value, Duration):
        return value.after(at.now, at.zone)
    zone = ZoneInfo(at.facts.business.timezone)
    day = _day(value)
    if day is not None:
        return datetime.combine(day, _END_OF_DAY, zone).astimezone(UTC)
    moment = moment_of(value, zone)
    if moment is None:
        at.problem(f"no duration, date or moment: {value}")
    return moment


def due_day(at: Passage, written: Due | None) -> date | None:
    """As `due_at`: the day of it, in the business's zone."""
    moment = due_at(at, written)
    return (
        None if moment is None else moment.astimezone(ZoneInfo(at.facts.business.timezone)).date()
    )


def who(at: Passage, written: str | None) -> str | None:
    """A WHO as crm.yaml writes it; whoever the customer is assigned to for `assigned`, or None."""
    if written is None:
        return None
    known = known_who(at.facts.business, written)
    if known != ASSIGNED:
        return known
    assignee = at.values.get("assigned_to")
    return None if assignee is None else str(assignee)


def _span(text: str) -> Duration | str:
    try:
        return Duration.parse(text)
    except ValueError:
        return text


def _day(value: object) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value.strip(), re.ASCII):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            return None
    return None
