"""Making and changing customers by hand, by a program or from a file.

A first message makes customers too; that is the runtime's, in batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from crm.names import name_columns
from crm.services.books import Books
from crm.services.fields import stored_columns
from crm.services.following import Following, store
from crm.services.ledger import Cause, Ledger
from crm.services.numbering import next_ids
from crm.services.preferences import PREFERENCES_COLUMN, set_preferences, split_preferences
from crm.services.records import load_record
from crm.services.totals import COUNTED_BY
from crm.services.validation import check_unique, check_whole, typed_values
from crm.statuses import ARCHIVED, status_columns
from crm.tables import customer
from engine.business import Business
from engine.fields.types import Value
from engine.locales import locale_of

_DOCUMENT = {PREFERENCES_COLUMN: PREFERENCES_COLUMN}


def create_customer(
    db: Connection,
    business_id: int,
    business: Business,
    given: Mapping[str, object],
    cause: Cause,
    now: datetime,
) -> int:
    """The id of a new customer, active unless `given` says otherwise.

    given: raw values by field, JSON forms or typed; `marketing_preferences` by its names
    (engine.preferences). Raises InvalidValues, EmailTaken.
    """
    given, preferences = split_preferences(given)
    typed = typed_values(given, business, locale_of({}, business), now)
    values = start_values(business) | typed
    check_whole(values, business)
    columns = stored_columns(db, business_id, business)
    check_unique(db, business_id, business.fields.values(), columns, typed, None)
    [customer_id] = next_ids(db, customer, 1)
    ledger = Ledger(business_id, business.fields, {**columns, **_DOCUMENT})
    ledger.create(customer_id, start_row(business, cause, now))
    ledger.touch(customer_id, now, name_columns(values, customer_id))
    ledger.record(customer_id, "customer_created", "Created", None, cause.by, now)
    ledger.emit(customer_id, "customer_created", {"by": cause.by}, now, cause.depth)
    _set_changed(ledger, customer_id, start_values(business), values, cause, now)
    set_preferences(ledger, customer_id, None, preferences, cause, now)
    store(db, business_id, business, ledger, now)
    return customer_id


def update_customer(
    db: Connection,
    business_id: int,
    business: Business,
    customer_id: int,
    given: Mapping[str, object],
    cause: Cause,
    now: datetime,
) -> tuple[str, ...]:
    """Edit the whole record; the keys of the fields that changed. An equal value writes nothing.

    given: raw values by field, None clears; of `marketing_preferences` those that are named change.
    What is required must be there afterwards, and a new status takes its reason from `cause`.
    Raises NotFound, InvalidValues, EmailTaken.
    """
    columns = stored_columns(db, business_id, business)
    keys = change_fields(db, business_id, business, columns, customer_id, given, cause, now)
    if keys:
        Following(db, business_id, business).settle(db, [customer_id], now)
    return keys


def change_fields(
    db: Connection, business_id: int, business: Business, columns: Mapping[str, str],
    customer_id: int, given: Mapping[str, object], cause: Cause, now: datetime, *,
    whole: bool = True,
) -> tuple[str, ...]:  # fmt: skip
    """As `update_customer`, but what follows by itself is left to the caller, who may have many.

    whole: what is required must be there afterwards; else only what is given is looked at.
    """
    given, preferences = split_preferences(given)
    record = load_record(db, business_id, business, columns, customer_id, for_update=True)
    typed = typed_values(given, business, locale_of(record.values, business), now)
    values = record.values | typed
    if whole:
        check_whole(values, business)
    changed = {key: value for key, value in typed.items() if value != record.values[key]}
    check_unique(db, business_id, business.fields.values(), columns, changed, customer_id)
    ledger = Ledger(business_id, business.fields, {**columns, **_DOCUMENT})
    keys = _set_changed(ledger, customer_id, record.values, values, cause, now)
    old = record.columns[PREFERENCES_COLUMN]
    if set_preferences(ledger, customer_id, old, preferences, cause, now):
        keys = (*keys, PREFERENCES_COLUMN)
    if COUNTED_BY & set(keys):
        books = Books(db, business_id, business, ledger)
        books.count(customer_id)
        books.write(now)
    ledger.write(db)
    return keys


def archive_customer(
    db: Connection,
    business_id: int,
    business: Business,
    customer_id: int,
    cause: Cause,
    now: datetime,
) -> None:
    """Take a customer out of use and keep the record; nothing happens where it is archived.

    Raises NotFound.
    """
    columns = stored_columns(db, business_id, business)
    record = load_record(db, business_id, business, columns, customer_id, for_update=True)
    ledger = Ledger(business_id, business.fields, columns)
    values = record.values | {"status": ARCHIVED}
    _set_changed(ledger, customer_id, record.values, values, cause, now)
    store(db, business_id, business, ledger, now)


def start_values(business: Business) -> dict[str, Value]:
    """What a new customer has before anything is given."""
    return {
        "status": "active",
        "customer_type": "individual",
        "source": "other",
        "currency": business.currency,
        "timezone": business.timezone,
    }


def start_row(business: Business, cause: Cause, now: datetime) -> dict[str, Any]:
    """The columns of a new customer before anything is given, but for the name."""
    return start_values(business) | {
        "status_at": now,
        "status_by": cause.by,
        "lifecycle_at": now,
        "journey_at": now,
        "created_at": now,
        "created_by": cause.by,
        "updated_at": now,
    }


def _set_changed(
    ledger: Ledger,
    customer_id: int,
    before: Mapping[str, Value],
    values: Mapping[str, Value],
    cause: Cause,
    now: datetime,
) -> tuple[str, ...]:
    """Put what differs from `before` into the ledger; the keys that did."""
    changed = tuple(key for key, value in values.items() if value != before.get(key))
    for key in changed:
        ledger.set_field(customer_id, key, values, before.get(key), now, cause)
    if changed:
        ledger.touch(customer_id, now, {"updated_by": cause.by})
    if "status" in changed:
        given = values["status_reason"] if "status_reason" in changed else None
        reason = cause.reason if given is None else str(given)
        status, old = str(values["status"]), before.get("status")
        ledger.touch(customer_id, now, status_columns(status, now, cause.by, reason))
        data = {"old": old, "new": status, "reason": reason}
        ledger.record(customer_id, "status_changed", status, data, cause.by, now)
    return changed
