"""The names that `expect` may use, read from the database of a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from crm.services.records import load_record
from crm.services.tasks import IS_OPEN
from crm.tables import customer, customer_tag, run, segment, segment_member, tag, task
from engine.criteria.moment import part_of
from engine.criteria.operands import PARTS
from engine.fields.coerce import coerce
from engine.fields.plain import to_plain
from engine.fields.readings import Read
from engine.fields.types import Value
from engine.jsonable import run_from_json
from engine.locales import locale_of
from engine.run import Frame, Run
from engine.scope import BUSINESS_NAMES, known_zone
from rapport.runtime.library import Library

ENDED = "ended"
"""The `node` of a run that is over."""


class Names:
    """Names of the one customer there is, and of their run.

    That is the newest run of `flow`, the flow a test is about; where it has none, the one whose
    question is open, else the newest.
    """

    def __init__(
        self, db: Connection, library: Library, channel: str, flow: str, now: datetime
    ) -> None:
        self._db = db
        self._now = now
        self._library = library
        self._channel = channel
        self._flow = flow

    def value(self, name: str) -> Any:
        """Raises LookupError, with a sentence, for a name there is not."""
        root, _, rest = name.partition(".")
        if not rest and root in _ALONE:
            return _ALONE[root](self)
        if rest in PARTS and root == "now":
            return part_of(self._now, PARTS[rest], self.zone())
        if rest and root in _OF_RUN:
            last = self._run()
            return None if last is None else self._walked(_OF_RUN[root](last), rest)
        if rest and root == "customer":
            return self._of_customer(rest)
        if rest in BUSINESS_NAMES and root == "business":
            return getattr(self._library.business, rest)
        raise LookupError(f"there is no name '{name}' to expect anything of")

    def is_equal(self, name: str, expected: Any) -> bool:
        """`expected` as a file writes it: letters, a list of them, or None."""
        actual = self.value(name)
        if isinstance(actual, frozenset):
            return actual == frozenset(_listed(expected))
        field = self._library.business.fields.get(name.removeprefix("customer."))
        if name.startswith("customer.") and field is not None:
            read = coerce(expected, field, locale_of({}, self._library.business))
            return isinstance(read, Read) and read.value == actual
        return _is_written(actual, expected)

    def now(self) -> datetime:
        return self._now

    def zone(self) -> ZoneInfo:
        """The customer's, in which days begin."""
        return known_zone(locale_of(self.customer_values(), self._library.business).timezone)

    def _walked(self, value: Any, path: str) -> Any:
        """What stands at a path of names; the part of a date at its end."""
        for name in path.split("."):
            if isinstance(value, date) and name in PARTS:
                value = part_of(value, PARTS[name], self.zone())
            elif isinstance(value, Mapping):
                value = value.get(name)
            else:
                return None
        return value

    def customer_values(self) -> Mapping[str, Value]:
        """The customer's fields, typed; empty for a stranger."""
        found = self.customer_id()
        library = self._library
        if found is None:
            return {}
        return load_record(
            self._db, library.business_id, library.business, library.columns, found
        ).values

    def customer_id(self) -> int | None:
        """None for a stranger."""
        return self._db.execute(select(func.min(customer.c.id))).scalar_one_or_none()

    def _of_customer(self, key: str) -> Any:
        own: dict[str, Callable[[], Any]] = {
            "id": self.customer_id,
            "tags": self.tags,
            "segments": self.segments,
        }
        if key in own:
            return own[key]()
        if key in self._library.business.fields:
            return self.customer_values().get(key)
        key, _, part = key.partition(".")
        if part in PARTS and key in self._library.business.fields:
            value = self.customer_values().get(key)
            return part_of(value, PARTS[part], self.zone()) if isinstance(value, date) else None
        # What was saved without being declared is text among the extras.
        extras = self._db.execute(select(customer.c.custom_fields_extra)).scalar() or {}
        if key not in extras:
            raise LookupError(f"there is no field '{key}' and nothing stored under it")
        return extras[key]

    def tags(self) -> frozenset[str]:
        joined = select(tag.c.name).join(customer_tag, customer_tag.c.tag_id == tag.c.id)
        return frozenset(self._db.execute(joined).scalars())

    def segments(self) -> frozenset[str]:
        joined = select(segment.c.key).join(
            segment_member, segment_member.c.segment_id == segment.c.id
        )
        return frozenset(self._db.execute(joined).scalars())

    def open_tasks(self) -> int:
        """How many tasks wait to be done."""
        waiting = select(func.count()).select_from(task).where(*IS_OPEN)
        return int(self._db.execute(waiting).scalar_one())

    def node(self) -> str | None:
        """Where the run is; None where nothing ever ran."""
        last = self._run()
        if last is None:
            return None
        return ENDED if last.wait is None else last.frames[-1].node

    def outcome(self) -> str | None:
        last = self._run()
        return None if last is None else last.outcome

    def channel(self) -> str:
        return self._channel

    def _run(self) -> Run | None:
        about, asking = run.c.flow == self._flow, run.c.status == "asking"
        newest = select(run).order_by(about.desc(), asking.desc(), run.c.id.desc()).limit(1)
        row = self._db.execute(newest).one_or_none()
        if row is None:
            return None
        return run_from_json(row.id, row.frames, row.wait, row.event, row.outcome)


def _frame(last: Run) -> Frame:
    return last.frames[-1]


_OF_RUN: Mapping[str, Callable[[Run], Mapping[str, Any]]] = {
    "var": lambda last: _frame(last).vars,
    "answer": lambda last: _frame(last).answer,
    "event": lambda last: last.event,
}

_ALONE: Mapping[str, Callable[[Names], Any]] = {
    "tags": Names.tags,
    "segments": Names.segments,
    "tasks": Names.open_tasks,
    "node": Names.node,
    "outcome": Names.outcome,
    "channel": Names.channel,
    "now": Names.now,
}


def _listed(expected: Any) -> tuple[str, ...]:
    """One item may stand for a list of one."""
    if expected is None:
        return ()
    return tuple(expected) if isinstance(expected, tuple | list) else (str(expected),)


def _is_written(actual: Any, expected: Any) -> bool:
    """Whether a value of no declared type is what a file wrote."""
    if isinstance(actual, list | tuple):
        wanted = _listed(expected)
        return len(actual) == len(wanted) and all(map(_is_written, actual, wanted))
    if actual is None or expected is None:
        return actual is expected
    if isinstance(actual, datetime):
        return _moment(expected) == actual
    if isinstance(actual, time):
        return str(expected) in (actual.isoformat(), actual.isoformat("minutes"))
    if isinstance(actual, bool):
        return str(expected).lower() == ("true" if actual else "false")
    if isinstance(actual, Decimal | int):
        return _number(expected) == actual
    return str(to_plain(actual)) == str(expected)


def _moment(written: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _number(written: Any) -> Decimal | None:
    try:
        return Decimal(str(written))
    except InvalidOperation:
        return None
