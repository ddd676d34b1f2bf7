"""The one write path of customer data: store, history, timeline and event, together.

Whoever changes a customer (a flow, the API, the console, an import, a rule, a merge) puts valid
changes into a Ledger and writes it in the transaction at hand. It is set-wise: one statement per
table for a whole batch of customers, so a turn of 64 conversations and a single edit take the
same road.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    update,
)

from crm.names import NAME_COLUMNS, name_columns
from crm.sql import Statement
from crm.statuses import status_columns
from crm.tables import activity, customer, customer_tag, event, field_history, segment_member
from engine.fields.plain import to_plain
from engine.fields.types import Field, Value
from engine.happenings import Happened

HIDDEN = "•••"
"""What stands on a timeline for the value of a sensitive field."""


class Cause(Struct, frozen=True):
    """Who or what changed a value: `by` is flow:KEY, console:NAME, api:NAME, import:FILE ..."""

    by: str
    reason: str | None = None
    flow: str | None = None
    flow_version: int | None = None
    node: str | None = None
    mail_id: int | None = None
    depth: int = 0


class Ledger:
    """Changes to customers of one business, gathered, then written at once.

    `columns` gives the stored column of each field: its slot, or its own name for a base column.
    A field that is not in it lives in `custom_fields_extra`.

    listens: the types of events that the caller asks about, by `heard`; None where turns are to
    hear of all of them later. depth: how many rules led to what is changed now.
    """

    def __init__(
        self,
        business_id: int,
        fields: Mapping[str, Field],
        columns: Mapping[str, str],
        listens: frozenset[str] | None = None,
    ) -> None:
        self.happened: list[tuple[int, int, Happened]] = []
        self.depth = 0
        self._listens = listens
        self._business_id = business_id
        self._fields = fields
        self._columns = columns
        self._changes: defaultdict[int, dict[str, Any]] = defaultdict(dict)
        self._created: dict[int, Mapping[str, Any]] = {}
        self._extras: defaultdict[int, dict[str, Any]] = defaultdict(dict)
        self._history: list[tuple[Any, ...]] = []
        self._activities: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._tagged: dict[tuple[int, int], tuple[str, datetime] | None] = {}
        self._members: dict[tuple[int, int], datetime | None] = {}

    def set_field(
        self,
        customer_id: int,
        key: str,
        values: Mapping[str, Value],
        old: Value,
        at: datetime,
        cause: Cause,
    ) -> None:
        """A field has a new, valid value. `values` are the customer's values after the change."""
        old_json, new_json = self.keep_field(customer_id, key, values, old, at, cause)
        field = self._fields.get(key)
        if field is not None and field.sensitive:
            old_json, new_json = hidden(old_json), hidden(new_json)
        data = {"field": key, "old": old_json, "new": new_json}
        told = f"{key}: {_shown(new_json)}"
        if field is None and key not in self._columns:
            told += " (an extra: no field is called so)"
        self.record(
            customer_id,
            "field_updated",
            told,
            data,
            cause.by,
            at,
        )
        self.emit(customer_id, "field_updated", data, at, cause.depth)

    def keep_field(
        self,
        customer_id: int,
        key: str,
        values: Mapping[str, Value],
        old: Value,
        at: datetime,
        cause: Cause,
    ) -> tuple[Any, Any]:
        """As `set_field`, without a row on the timeline and an event of its own: for who tells of
        many fields at once. The plain old and new value."""
        new = values.get(key)
        self.touch(customer_id, at, self._stored(customer_id, key, new))
        if key in NAME_COLUMNS:
            self._changes[customer_id].update(name_columns(values, customer_id))
        if key == "status":
            self._changes[customer_id].update(status_columns(str(new), at, cause.by, cause.reason))
        if key == "next_follow_up_at":
            # What a person set goes before what interactions ask for.
            self._changes[customer_id]["follow_up_by_hand_at"] = new
        old_json, new_json = to_plain(old), to_plain(new)
        self._history.append(
            (
                self._business_id,
                customer_id,
                key,
                old_json,
                new_json,
                at,
                cause.by,
                cause.reason,
                cause.flow,
                cause.flow_version,
                cause.node,
                cause.mail_id,
            )
        )
        return old_json, new_json

    def create(self, customer_id: int, columns: Mapping[str, Any]) -> None:
        """A customer who is not stored yet; `customer_id` is nobody's. What is set of them besides
        is written with these columns, and what neither names has its default."""
        self._created[customer_id] = columns

    def touch(self, customer_id: int, at: datetime, columns: Mapping[str, Any]) -> None:
        """Set bookkeeping columns, which keep no history (last_message_at and the like)."""
        change = self._changes[customer_id]
        change.update(columns)
        change["updated_at"] = at

    def add_tag(self, customer_id: int, tag_id: int, name: str, at: datetime, cause: Cause) -> None:
        self._tagged[customer_id, tag_id] = (cause.by, at)
        self._tag_change(customer_id, "tag_added", name, at, cause)

    def remove_tag(
        self, customer_id: int, tag_id: int, name: str, at: datetime, cause: Cause
    ) -> None:
        self._tagged[customer_id, tag_id] = None
        self._tag_change(customer_id, "tag_removed", name, at, cause)

    def set_member(
        self, customer_id: int, segment_id: int, key: str, at: datetime, cause: Cause, *,
        is_in: bool,
    ) -> None:  # fmt: skip
        """A customer has entered a segment, or left it."""
        self._members[segment_id, customer_id] = at if is_in else None
        data = {"segment": key, "direction": "entered" if is_in else "left"}
        told = f"{data['direction']} {key}"
        self.record(customer_id, "segment_changed", told, data, cause.by, at)
        self.emit(customer_id, f"segment_{data['direction']}", data, at, cause.depth)

    def record(
        self,
        customer_id: int,
        type: str,
        description: str,
        data: Mapping[str, Any] | None,
        by: str,
        at: datetime,
    ) -> None:
        """Put a row on the timeline."""
        self._activities.append(
            (self._business_id, customer_id, at, type, description, data or None, by)
        )

    def emit(
        self,
        customer_id: int,
        type: str,
        data: Mapping[str, Any],
        at: datetime,
        depth: int = 0,
    ) -> None:
        """Say that something happened: what triggers listen to."""
        depth = depth or self.depth
        unheard = True if self._listens is None else None
        self._events.append((self._business_id, customer_id, type, data, depth, at, unheard))
        if self._listens is not None and type in self._listens:
            place = len(self._events) - 1
            self.happened.append((customer_id, place, Happened(type, data, depth)))

    def heard(self, customer_id: int) -> list[Happened]:
        """What has happened with a customer, of what the caller listens for. It is told once."""
        found = [event for of, _, event in self.happened if of == customer_id]
        self.happened = [one for one in self.happened if one[0] != customer_id]
        return found

    @property
    def customers(self) -> set[int]:
        """Those of whom anything is changed that something may follow from; a row on a timeline
        alone is none."""
        by_key = {id_ for id_, _ in self._tagged} | {id_ for _, id_ in self._members}
        return self._changes.keys() | self._extras.keys() | by_key

    def columns_of(self, customer_id: int) -> Mapping[str, Any]:
        """The columns of a customer that are set, with their new values."""
        return self._changes.get(customer_id, {})

    def extras_of(self, customer_id: int) -> Mapping[str, Any]:
        """The extras of a customer that are set, as plain values; None removes one."""
        return self._extras.get(customer_id, {})

    def history(self) -> Iterator[tuple[int, str, Any]]:
        """(customer, field, the new plain value) of every change of a field, in order."""
        return ((row[1], row[2], row[4]) for row in self._history)

    def write(self, db: Connection) -> None:
        """Write everything gathered; the caller's transaction commits it."""
        self._write_created(db)
        self._write_customers(db)
        self._write_tags(db)
        self._write_members(db)
        _HISTORY.many(db, self._history)
        _ACTIVITY.many(db, self._activities)
        for _, place, _ in self.happened:  # what nobody asked about is heard later
            self._events[place] = (*self._events[place][:-1], True)
        _EVENT.many(db, self._events)

    def _stored(self, customer_id: int, key: str, new: Value) -> dict[str, Any]:
        column = self._columns.get(key, _DOCUMENTS.get(key))
        if column is not None:
            return {column: new}
        self._extras[customer_id][key] = to_plain(new)
        return {}

    def _tag_change(
        self, customer_id: int, type: str, name: str, at: datetime, cause: Cause
    ) -> None:
        data = {"tag": name}
        self.record(customer_id, type, name, data, cause.by, at)
        self.emit(customer_id, type, data, at, cause.depth)

    def _write_created(self, db: Connection) -> None:
        """New customers, whole; a statement for each set of columns."""
        groups: defaultdict[tuple[str, ...], list[list[Any]]] = defaultdict(list)
        for customer_id, columns in self._created.items():
            row = {**columns, **self._changes.pop(customer_id, {})}
            row |= {"id": customer_id, "business_id": self._business_id}
            extras = self._extras.pop(customer_id, {})
            if kept := {key: value for key, value in extras.items() if value is not None}:
                row["custom_fields_extra"] = kept
            names = tuple(sorted(row))
            groups[names].append(list(map(row.__getitem__, names)))
        for names, rows in groups.items():
            _insert_of(names).many(db, rows)

    def _write_customers(self, db: Connection) -> None:
        """Customers grouped by which columns change: one statement for each such set."""
        groups: defaultdict[tuple[str, ...], list[list[Any]]] = defaultdict(list)
        for customer_id, change in self._changes.items():
            columns = tuple(sorted(change))
            groups[columns].append(
                [*map(change.__getitem__, columns), customer_id, self._business_id]
            )
        for columns, rows in groups.items():
            _update_of(columns).many(db, rows)
        business = self._business_id
        _EXTRAS.many(db, [(extras, id_, business) for id_, extras in self._extras.items()])

    def _write_tags(self, db: Connection) -> None:
        _UNTAG.many(db, [(*key, self._business_id) for key in self._tagged])
        _TAG.many(
            db,
            [
                (customer_id, tag_id, self._business_id, *put)
                for (customer_id, tag_id), put in self._tagged.items()
                if put is not None
            ],
        )

    def _write_members(self, db: Connection) -> None:
        _QUIT.many(db, [(*key, self._business_id) for key in self._members])
        _JOIN.many(db, [(*key, self._business_id, at) for key, at in self._members.items() if at])


_DOCUMENTS = {"marketing_preferences": "marketing_preferences"}
"""Columns that are no field of a type, and keep their history all the same."""


def hidden(value: Any) -> str | None:
    """What a timeline or a file shows of the value of a sensitive field."""
    return None if value is None else HIDDEN


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)


_HISTORY_COLUMNS = (
    "business_id", "customer_id", "field", "old", "new", "at", "by",
    "reason", "flow", "flow_version", "node", "mail_id",
)  # fmt: skip
_ACTIVITY_COLUMNS = (
    "business_id",
    "customer_id",
    "at",
    "type",
    "description",
    "data",
    "by",
)
_EVENT_COLUMNS = ("business_id", "customer_id", "type", "data", "depth", "at", "unheard")
_TAG_COLUMNS = ("customer_id", "tag_id", "business_id", "by", "at")

_HISTORY = Statement(lambda _: insert(field_history), _HISTORY_COLUMNS)
_ACTIVITY = Statement(lambda _: insert(activity), _ACTIVITY_COLUMNS)
_EVENT = Statement(lambda _: insert(event), _EVENT_COLUMNS)
_TAG = Statement(lambda _: insert(customer_tag), _TAG_COLUMNS)
_UNTAG = Statement(
    lambda _: delete(customer_tag).where(
        customer_tag.c.customer_id == bindparam("c"),
        customer_tag.c.tag_id == bindparam("t"),
        customer_tag.c.business_id == bindparam("b"),
    ),
    ("c", "t", "b"),
)


_JOIN = Statement(
    lambda _: insert(segment_member), ("segment_id", "customer_id", "business_id", "entered_at")
)
_QUIT = Statement(
    lambda _: delete(segment_member).where(
        segment_member.c.segment_id == bindparam("s"),
        segment_member.c.customer_id == bindparam("c"),
        segment_member.c.business_id == bindparam("b"),
    ),
    ("s", "c", "b"),
)

_THIS_CUSTOMER = (
    customer.c.id == bindparam("of_customer"),
    customer.c.business_id == bindparam("of_business"),
)


@cache
def _update_of(columns: tuple[str, ...]) -> Statement:
    """UPDATE of just these columns; a process sees few different sets."""
    statement = update(customer).where(*_THIS_CUSTOMER)
    values = {name: bindparam(name, type_=customer.c[name].type) for name in columns}
    return Statement(lambda _: statement.values(values), (*columns, "of_customer", "of_business"))


@cache
def _insert_of(columns: tuple[str, ...]) -> Statement:
    """INSERT of just these columns; a process sees few different sets."""
    return Statement(lambda _: insert(customer), columns)


def _merge_extras(dialect: str) -> Any:
    """Merge a JSON patch into the extras; a null in it removes the key (RFC 7396)."""
    column = customer.c.custom_fields_extra
    patch = bindparam("patch", type_=column.type)
    if dialect == "sqlite":
        merged = func.json_patch(func.coalesce(column, literal_column("'{}'")), patch)
    else:
        empty = func.jsonb_build_object()
        merged = func.jsonb_strip_nulls(func.coalesce(column, empty).op("||")(patch))
    return update(customer).where(*_THIS_CUSTOMER).values(custom_fields_extra=merged)


_EXTRAS = Statement(_merge_extras, ("patch", "of_customer", "of_business"))
