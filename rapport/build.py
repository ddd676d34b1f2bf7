"""The composition root: puts database, project and channels together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import Connection, insert, select

from bots.channel import Outgoing
from crm.services.fields import stored_columns
from crm.services.projects import Applied, apply_project, current_versions, flow_source
from crm.services.slot_indexes import build_wanted_indexes
from crm.services.tags import tag_ids
from crm.tables import account
from engine.flow import Flow
from engine.loader import Loaded, load_flow
from nodes import KINDS
from rapport.runtime.intake import Origin
from rapport.runtime.library import Library, shelf


@dataclass(frozen=True, slots=True)
class Ready:
    """A project that is applied: what a process of its business works with."""

    library: Library
    applied: Applied


def apply_loaded(db: Connection, loaded: Loaded, now: datetime) -> Ready:
    """Make the database agree with a project that loaded without errors."""
    flows = {key: (loaded.files[key], flow.source) for key, flow in loaded.flows.items()}
    applied = apply_project(db, loaded.business, loaded.crm_source, flows, now)
    if db.dialect.name == "sqlite":
        # Elsewhere an index on a big table is built by itself, outside of any transaction.
        build_wanted_indexes(db, now)
    return Ready(library_of(db, loaded, applied.business_id), applied)


def library_of(db: Connection, loaded: Loaded, business_id: int) -> Library:
    """The business as it is applied in this database."""
    business = loaded.business
    versions = current_versions(db, business_id)

    def load_version(at: Connection, key: str, number: int) -> Flow | None:
        source = flow_source(at, business_id, key, number).source
        return load_flow(source, business, KINDS, key, number)

    numbered = [replace(flow, version=versions[key]) for key, flow in loaded.flows.items()]
    return Library(
        business=business,
        business_id=business_id,
        flows=shelf(numbered),
        columns=stored_columns(db, business_id, business),
        tags=tag_ids(db, business_id),
        load_version=load_version,
    )


def open_account(
    db: Connection, business_id: int, channel: str, external_id: str, username: str, now: datetime
) -> Origin:
    """The account row of a bot, page or terminal; made when it is first seen."""
    found = db.execute(
        select(account.c.id).where(
            account.c.business_id == business_id,
            account.c.channel == channel,
            account.c.external_id == external_id,
        )
    ).scalar_one_or_none()
    if found is None:
        found = db.execute(
            insert(account)
            .values(
                business_id=business_id,
                channel=channel,
                external_id=external_id,
                username=username or None,
                created_at=now,
            )
            .returning(account.c.id)
        ).scalar_one()
    return Origin(business_id, found, channel)


def channels_of(db: Connection, business_id: int) -> dict[int, str]:
    """The channel of every account of a business, by id. A run may live on one that is not served
    now (a bot that was replaced, a terminal), and its turns are taken all the same."""
    rows = db.execute(
        select(account.c.id, account.c.channel).where(account.c.business_id == business_id)
    )
    return {row.id: row.channel for row in rows}


def whole(_channel: str, message: Outgoing) -> Sequence[Outgoing]:
    """Messages are not cut: for channels without limits of their own."""
    return (message,)
