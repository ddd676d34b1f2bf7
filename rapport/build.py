"""The composition root: puts database, project and channels together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, select, update

from bots.channel import Outgoing
from crm.services.fields import stored_columns
from crm.services.projects import (
    Applied,
    apply_project,
    business_id_of,
    current_versions,
    flow_source,
    last_applied_at,
    project_source,
)
from crm.services.segments import segment_ids, with_stored_segments
from crm.services.slot_indexes import build_wanted_indexes
from crm.services.tags import tag_ids
from crm.sql import insert_for
from crm.tables import account
from engine.business import Business
from engine.fields.slots import SLOTS
from engine.flow import Flow
from engine.loader import Loaded, load_flow
from engine.own_data import correcting_flow
from nodes import KINDS
from rapport.project import Kinds, read_applied
from rapport.runtime.cursors import TASKS, begin_scans
from rapport.runtime.intake import Origin
from rapport.runtime.library import Library, shelf


@dataclass(frozen=True, slots=True)
class Ready:
    """A project that is applied: what a process of its business works with."""

    library: Library
    applied: Applied


class Opening(NamedTuple):
    """How a process finds its business, by its key, in the database when it starts. kinds: the node
    kinds that it knows."""

    key: str
    find: Callable[[Connection, datetime], Ready]
    kinds: Kinds = KINDS


def applying(loaded: Loaded, kinds: Kinds = KINDS) -> Opening:
    """The business of a project that loaded without errors, which is applied first."""
    find = partial(apply_loaded, loaded=loaded, kinds=kinds)
    return Opening(loaded.business.key, lambda db, now: find(db, now=now), kinds)


def applied(key: str) -> Opening:
    """The business as it was applied last, whatever its files say now: of many processes each
    works with the same. Raises NotFound for one that was never applied."""

    def found(db: Connection, _now: datetime) -> Ready:
        business_id = business_id_of(db, key)
        return Ready(stored_library(db, business_id), Applied(business_id, ()))

    return Opening(key, found)


def apply_loaded(db: Connection, loaded: Loaded, now: datetime, kinds: Kinds = KINDS) -> Ready:
    """Make the database agree with a project that loaded without errors."""
    ready = as_applied(db, loaded, now, kinds)
    if db.dialect.name == "sqlite":
        # Elsewhere an index on a big table is built by itself, outside of any transaction.
        build_wanted_indexes(db, now)
    return ready


def as_applied(db: Connection, loaded: Loaded, now: datetime, kinds: Kinds = KINDS) -> Ready:
    """What applying a project makes, but for indexes: for who only looks, and rolls it back."""
    flows = {key: (loaded.files[key], flow.source) for key, flow in loaded.flows.items()}
    applied = apply_project(db, loaded.business, loaded.crm_source, flows, now)
    library = library_of(db, loaded, applied.business_id, kinds)
    tasks = TASKS in library.heard
    begin_scans(db, applied.business_id, library.clocked, now, tasks=tasks)
    return Ready(library, applied)


def library_of(db: Connection, loaded: Loaded, business_id: int, kinds: Kinds = KINDS) -> Library:
    """A project that was just applied, as it is in this database."""
    versions = current_versions(db, business_id)
    numbered = [replace(flow, version=versions[key]) for key, flow in loaded.flows.items()]
    return _library(db, business_id, loaded.business, numbered, kinds)


def stored_library(db: Connection, business_id: int, kinds: Kinds = KINDS) -> Library:
    """The business as it is applied in this database, read from there alone."""
    business = read_applied(project_source(db, business_id), kinds)
    flows = (
        load_flow(flow_source(db, business_id, key, number).source, business, kinds, key, number)
        for key, number in current_versions(db, business_id).items()
    )
    found = [flow for flow in flows if flow is not None]
    return _library(db, business_id, business, found, kinds)


def _library(
    db: Connection, business_id: int, business: Business, flows: Sequence[Flow], kinds: Kinds
) -> Library:
    business = with_stored_segments(db, business_id, business)

    def load_version(at: Connection, key: str, number: int) -> Flow | None:
        source = correcting_flow(business, key)
        if source is None:
            source = flow_source(at, business_id, key, number).source
        return load_flow(source, business, kinds, key, number)

    columns = stored_columns(db, business_id, business)
    slots = {column: key for key, column in columns.items() if column in SLOTS}
    return Library(
        business=replace(business, slots=slots),
        business_id=business_id,
        flows=shelf(flows),
        columns=columns,
        tags=tag_ids(db, business_id),
        segments=segment_ids(db, business_id),
        load_version=load_version,
        applied_at=last_applied_at(db, business_id),
    )


def open_account(
    db: Connection, business_id: int, channel: str, external_id: str, username: str, now: datetime
) -> Origin:
    """The account row of a bot, page or terminal; made when it is first seen, by whichever of the
    processes that start comes first.

    username: '' where it is not known now.
    """
    insert = insert_for(db.dialect.name)
    db.execute(
        insert(account)
        .values(
            business_id=business_id,
            channel=channel,
            external_id=external_id,
            username=username or None,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )
    found = db.execute(
        select(account.c.id, account.c.username).where(
            account.c.business_id == business_id,
            account.c.channel == channel,
            account.c.external_id == external_id,
        )
    ).one()
    if username not in ("", found.username):
        db.execute(update(account).where(account.c.id == found.id).values(username=username))
    return Origin(business_id, found.id, channel)


def channels_of(db: Connection, business_id: int) -> dict[int, str]:
    """The channel of every account of a business, by id. A run may live on one that is not served
    now (a bot that was replaced, a terminal), and its turns are taken all the same."""
    rows = db.execute(
        select(account.c.id, account.c.channel).where(account.c.business_id == business_id)
    )
    return {row.id: row.channel for row in rows}


def load_applied(
    db: Connection, business_id: int, kinds: Kinds = KINDS
) -> tuple[Library, dict[int, str]]:
    """The business as it is applied now, and the channels of its accounts."""
    return stored_library(db, business_id, kinds), channels_of(db, business_id)


def whole(_channel: str, message: Outgoing) -> Sequence[Outgoing]:
    """Messages are not cut: for channels without limits of their own."""
    return (message,)
