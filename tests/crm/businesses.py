"""Businesses and rows that the services' tests share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, insert

from crm.services.ledger import Cause
from crm.services.projects import apply_project
from crm.tables import account, conversation
from engine.business import Business, Segment, Tag
from engine.fields.base import BASE_FIELDS
from engine.fields.types import Field, FieldType, Option, Rules
from engine.texts import Text

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
CAUSE = Cause("api:tests")


def mapped(key: str, type_: FieldType = FieldType.TEXT, **options: Any) -> Field:
    """A field of crm.yaml with a plain label."""
    return Field(key=key, type=type_, label=Text.plain(key), **options)


FIELDS = (
    mapped("birth_date", FieldType.DATE, filterable=True, rules=Rules(past=True)),
    mapped("points", FieldType.NUMBER, filterable=True, rules=Rules(max=None)),
    mapped(
        "category",
        FieldType.SELECT,
        filterable=True,
        options=(Option("clothes", Text.by_language({"en": "Clothes", "fa": "لباس"})),),
    ),
    mapped("is_vip", FieldType.BOOLEAN),
    mapped("nickname", extra=True),
    mapped("wakes_at", FieldType.TIME),
)


def business(key: str = "lotus", *fields: Field, **options: Any) -> Business:
    """An Iranian shop with the base fields and `FIELDS`, or with those given."""
    declared = {item.key: item for item in (fields or FIELDS)}
    return Business(
        key=key,
        name=key.title(),
        language="fa",
        languages=("fa", "en"),
        timezone="Asia/Tehran",
        country="IR",
        currency="IRT",
        fields={**BASE_FIELDS, **declared},
        **options,
    )


def without(project: Business, *keys: str) -> Business:
    """The business with some of its fields taken out of crm.yaml."""
    kept = {key: item for key, item in project.fields.items() if key not in keys}
    return replace(project, fields=kept)


def with_fields(project: Business, *fields: Field) -> Business:
    """The business with fields added or declared anew."""
    return replace(project, fields={**project.fields, **{item.key: item for item in fields}})


TAGS = {"VIP": Tag("VIP", "#FFD700", "Best customers")}
SEGMENTS = {"ambassadors": Segment("ambassadors", "Ambassadors", static=True)}


def applied(db: Connection, project: Business) -> int:
    """The id of the business once its project is applied, without flows."""
    return apply_project(db, project, "crm.yaml", {}, NOW).business_id


def conversation_of(db: Connection, business_id: int, customer_id: int, peer: str = "7") -> int:
    """The id of a conversation with a customer on the business's bot."""
    bot = db.execute(
        insert(account)
        .values(business_id=business_id, channel="telegram", external_id=peer, created_at=NOW)
        .returning(account.c.id)
    ).scalar_one()
    talk = insert(conversation).values(
        business_id=business_id,
        account_id=bot,
        customer_id=customer_id,
        peer=peer,
        status="idle",
        revision=0,
    )
    return int(db.execute(talk.returning(conversation.c.id)).scalar_one())
