"""Making one customer of two: looked at first, done in one transaction, and undone.

Everything of the source becomes the target's, and the source is archived and leads to it. What was
moved is recorded row by row, so an undo gives back exactly that; what came after stays with the
target.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Connection, insert, select, update

from crm.errors import CannotMerge, NotFound
from crm.services.belongings import OWNED, ids_of
from crm.services.fields import stored_columns
from crm.services.following import Following
from crm.services.ledger import Cause, Ledger
from crm.services.merged_fields import Side, choose, return_fields, take_fields
from crm.services.merged_rows import (
    end_rival_runs,
    give_back,
    lead_back,
    lead_on,
    lock_all,
    reopen_runs,
    rival_runs,
    unite,
)
from crm.services.records import Record, load_record
from crm.services.totals import recount
from crm.statuses import ARCHIVED, status_columns
from crm.tables import customer, merging
from engine.business import Business
from engine.fields.plain import to_plain


class Choice(Struct, frozen=True):
    """A field in which the two differ: both plain values, and whose the customer will have."""

    field: str
    source: Any
    target: Any
    taken: Literal["source", "target"]


class Preview(Struct, frozen=True):
    """What a merge would do. moves: how many rows of each table become the target's. ends: flows
    whose runs of the source end, for the target is in them or is asked something already."""

    source_id: int
    source: str
    target_id: int
    target: str
    fields: tuple[Choice, ...]
    moves: Mapping[str, int]
    ends: tuple[str, ...]


class Merged(Struct, frozen=True):
    id: int
    source_id: int
    target_id: int
    at: datetime
    by: str
    undone_at: datetime | None
    can_be_undone: bool


def preview_merge(
    db: Connection, business_id: int, business: Business, source_id: int, target_id: int,
    choices: Mapping[str, Side] | None = None,
) -> Preview:  # fmt: skip
    """What `merge` would do. Raises what it does."""
    columns = stored_columns(db, business_id, business)
    source = load_record(db, business_id, business, columns, source_id)
    target = load_record(db, business_id, business, columns, target_id)
    _require_two(source, target)
    taken = choose(business, source, target, choices or {})
    differing = (key for key in taken if source.values[key] != target.values[key])
    moves = {table.name: len(ids_of(db, business_id, table, source_id)) for table in OWNED}
    return Preview(
        source_id, source.columns["display_name"], target_id, target.columns["display_name"],
        tuple(
            Choice(key, to_plain(source.values[key]), to_plain(target.values[key]), taken[key])
            for key in differing
        ),
        {name: count for name, count in moves.items() if count},
        tuple(row.flow for row in rival_runs(db, business_id, source_id, target_id)),
    )  # fmt: skip


def merge(
    db: Connection, business_id: int, business: Business, source_id: int, target_id: int,
    cause: Cause, now: datetime, choices: Mapping[str, Side] | None = None,
) -> int:  # fmt: skip
    """The number of the merge, by which it can be undone.

    choices: by field, whose value the customer will have; else the target's where it has one.
    Raises NotFound, InvalidValues, and CannotMerge for one customer twice and for those who are
    merged or erased already.
    """
    lock_all(db, business_id, {source_id, target_id})
    columns = stored_columns(db, business_id, business)
    source = load_record(db, business_id, business, columns, source_id, for_update=True)
    target = load_record(db, business_id, business, columns, target_id, for_update=True)
    _require_two(source, target)
    taken = choose(business, source, target, choices or {})
    following = Following(db, business_id, business)
    moved: dict[str, Any] = {"runs": end_rival_runs(db, business_id, source_id, target_id, now)}
    moved["rows"] = unite(db, business_id, source_id, target_id, now)
    moved["leads"] = lead_on(db, business_id, source_id, target_id)
    moved["was"] = _archive(db, business_id, source, target_id, cause, now)
    ledger = Ledger(business_id, business.fields, columns)
    moved["fields"] = take_fields(ledger, source, target, taken, cause, now)
    ended = [row["id"] for row in moved["runs"]]
    moved["target"] = _bookkeeping(db, business_id, source.columns, target.columns, ended, now)
    number = _keep(db, business_id, source_id, target_id, moved, cause, now)
    data = {"merge": number, "source": source_id, "target": target_id}
    told = f"{source.columns['display_name']} (id:{source_id}) was merged into this customer"
    ledger.record(target_id, "merged", told, data, cause.by, now)
    ledger.record(source_id, "merged", f"Merged into id:{target_id}", data, cause.by, now)
    ledger.emit(target_id, "merged", data, now, cause.depth)
    ledger.write(db)
    _count(db, business_id, business, (target_id,), now)
    following.settle(db, [target_id], now)
    return number


def undo_merge(
    db: Connection, business_id: int, business: Business, number: int, cause: Cause, now: datetime
) -> None:
    """Give the source back what was moved, and the target the values it had, where nobody changed
    them since. Raises NotFound, and CannotMerge where it cannot be undone any more."""
    row = _load(db, business_id, number)
    lock_all(db, business_id, {row.source_id, row.target_id})
    row = _load(db, business_id, number)
    source_id, target_id, moved = row.source_id, row.target_id, row.moved
    columns = stored_columns(db, business_id, business)
    target = load_record(db, business_id, business, columns, target_id, for_update=True)
    if row.undone_at is not None:
        raise CannotMerge(f"The merge {number} was undone already.")
    if moved is None:
        raise CannotMerge(f"The merge {number} cannot be undone: the customer was erased.")
    if target.columns["merged_into"] is not None:
        into = target.columns["merged_into"]
        raise CannotMerge(f"Customer {target_id} was merged into {into} since; undo that first.")
    ledger = Ledger(business_id, business.fields, columns)
    return_fields(ledger, business, target, moved["fields"], cause, now)
    ledger.write(db)
    give_back(db, business_id, source_id, target_id, moved["rows"])
    lead_back(db, business_id, source_id, target_id, moved["leads"])
    reopen_runs(db, business_id, moved["runs"])
    _restore(db, business_id, source_id, moved["was"])
    _put_back(db, business_id, target.columns, moved["target"], now)
    mine = (merging.c.business_id == business_id, merging.c.id == number)
    db.execute(update(merging).where(*mine).values(undone_at=now, undone_by=cause.by))
    ledger = Ledger(business_id, business.fields, columns)
    data = {"merge": number, "source": source_id, "target": target_id}
    for who in (source_id, target_id):
        ledger.record(who, "merge_undone", f"The merge {number} was undone", data, cause.by, now)
        ledger.emit(who, "merge_undone", data, now, cause.depth)
    ledger.write(db)
    _count(db, business_id, business, (source_id, target_id), now)
    Following(db, business_id, business).settle(db, [source_id, target_id], now)


def list_merges(db: Connection, business_id: int, limit: int = 100) -> list[Merged]:
    """The newest first."""
    rows = db.execute(
        select(merging)
        .where(merging.c.business_id == business_id)
        .order_by(merging.c.id.desc())
        .limit(limit)
    )
    return [
        Merged(
            row.id, row.source_id, row.target_id, row.at, row.by, row.undone_at,
            row.undone_at is None and row.moved is not None,
        )
        for row in rows
    ]  # fmt: skip


def _require_two(source: Record, target: Record) -> None:
    if source.columns["id"] == target.columns["id"]:
        raise CannotMerge("A customer cannot be merged with itself.")
    for one in (source.columns, target.columns):
        if one["merged_into"] is not None:
            raise CannotMerge(f"Customer {one['id']} was merged into {one['merged_into']} already.")
        if one["erased_at"] is not None:
            raise CannotMerge(f"Customer {one['id']} was erased; nothing is known of them.")


_WAS = ("status", "status_reason", "status_at", "status_by", "archived_at", "external_id",
        "asking_run")  # fmt: skip


def _archive(
    db: Connection, business_id: int, source: Record, target_id: int, cause: Cause, now: datetime
) -> dict[str, Any]:
    """The source out of use; what of it changed, as it was."""
    columns = status_columns(ARCHIVED, now, cause.by, f"merged into id:{target_id}") | {
        "status": ARCHIVED,
        "merged_into": target_id,
        "asking_run": None,
        # It names one record for ever, from now on the target if that has none.
        "external_id": None,
        "updated_at": now,
    }
    mine = (customer.c.business_id == business_id, customer.c.id == source.columns["id"])
    db.execute(update(customer).where(*mine).values(columns))
    return {name: to_plain(source.columns[name]) for name in _WAS}


def _restore(db: Connection, business_id: int, source_id: int, was: Mapping[str, Any]) -> None:
    values = {name: _moment(name, was[name]) for name in _WAS} | {"merged_into": None}
    mine = (customer.c.business_id == business_id, customer.c.id == source_id)
    db.execute(update(customer).where(*mine).values(values))


def _moment(name: str, stored: Any) -> Any:
    is_moment = name.endswith("_at") and stored is not None
    return datetime.fromisoformat(stored) if is_moment else stored


_LATEST = ("last_message_at", "last_contacted_at")
_EARLIEST = ("created_at", "opted_out_at", "follow_up_by_hand_at")


def _bookkeeping(
    db: Connection, business_id: int, source: Mapping[str, Any], target: Mapping[str, Any],
    ended: list[int], now: datetime,
) -> dict[str, list[Any]]:  # fmt: skip
    """What no field is: the later of the last moments, the earlier of the first, and every no to
    messages of either. Gives back [before, after] of what changed."""
    wanted: dict[str, Any] = {}
    for names, pick in ((_LATEST, max), (_EARLIEST, min)):
        for name in names:
            there = [one[name] for one in (source, target) if one[name] is not None]
            wanted[name] = pick(there, default=None)
    wanted["date_order"] = target["date_order"] or source["date_order"]
    wanted["marketing_preferences"] = _both_allow(source, target)
    asked = source["asking_run"] if source["asking_run"] not in ended else None
    wanted["asking_run"] = target["asking_run"] or asked
    if source["referred_by"] not in (None, target["id"]):
        wanted["referred_by"] = target["referred_by"] or source["referred_by"]
    if target["referred_by"] == source["id"]:
        wanted["referred_by"] = None
    changed = {name: value for name, value in wanted.items() if value != target[name]}
    mine = (customer.c.business_id == business_id, customer.c.id == target["id"])
    db.execute(update(customer).where(*mine).values(changed | {"updated_at": now}))
    were = {name: [to_plain(target[name]), to_plain(value)] for name, value in changed.items()}
    # The rules lead on from there; of themselves they never lead back.
    return were | {"journey_stage": [target["journey_stage"], None]}


def _both_allow(source: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, bool] | None:
    preferences = (target["marketing_preferences"] or {}, source["marketing_preferences"] or {})
    keys = {key for one in preferences for key in one}
    united = {key: all(one.get(key, True) for one in preferences) for key in sorted(keys)}
    return united or None


def _put_back(
    db: Connection, business_id: int, target: Mapping[str, Any], were: Mapping[str, list[Any]],
    now: datetime,
) -> None:  # fmt: skip
    """The target's columns as they were, but for those that moved on since."""
    values = {
        name: _moment(name, before)
        for name, (before, after) in were.items()
        if name == "journey_stage" or to_plain(target[name]) == after
    }
    mine = (customer.c.business_id == business_id, customer.c.id == target["id"])
    db.execute(update(customer).where(*mine).values(values | {"updated_at": now}))


def _keep(
    db: Connection, business_id: int, source_id: int, target_id: int, moved: Mapping[str, Any],
    cause: Cause, now: datetime,
) -> int:  # fmt: skip
    made: int = db.execute(
        insert(merging)
        .values(
            business_id=business_id, source_id=source_id, target_id=target_id, at=now,
            by=cause.by, moved=moved,
        )
        .returning(merging.c.id)
    ).scalar_one()  # fmt: skip
    return made


def _load(db: Connection, business_id: int, number: int) -> Any:
    row = db.execute(
        select(merging).where(merging.c.business_id == business_id, merging.c.id == number)
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no merge {number}.")
    return row


def _count(
    db: Connection, business_id: int, business: Business, customers: tuple[int, ...], now: datetime
) -> None:
    for id_, totals in recount(db, business_id, business, customers).items():
        mine = (customer.c.business_id == business_id, customer.c.id == id_)
        db.execute(update(customer).where(*mine).values(totals | {"updated_at": now}))
