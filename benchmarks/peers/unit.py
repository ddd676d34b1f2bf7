"""What the hand-written bots share: the rows of one update, and how replies are read.

One session, one SELECT, one flush and one commit an update; the state of the conversation is a
row of the same transaction.

Measured with aiogram on SQLite while it was written, as turns per second relative to the same
program without the change: history and timeline through the ORM too 0.8; eight pooled
connections, with a write lock or with SQLite's busy time-out, 0.95; a connection for each update
0.63 to 0.77; the pool's own rollback left on 0.97. Without the ORM, by Core statements alone, it
does 1.3: a way to write a bot, but not how bots are written.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, NamedTuple

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Insert, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from benchmarks.peers.tables import (
    Activity,
    Base,
    Conversation,
    Customer,
    CustomerTag,
    FieldChange,
)

BY = "bot:lead_capture"
CATEGORIES = {"clothes": "Clothes", "shoes": "Shoes", "accessories": "Accessories"}
DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%B %d, %Y")
TO_LATIN_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")

# What is only ever appended needs no identity map: plain inserts, of the tables, not the classes.
_TABLES = Base.metadata.tables
ADD_CHANGES = insert(_TABLES[FieldChange.__tablename__])
ADD_ACTIVITIES = insert(_TABLES[Activity.__tablename__])


class Key(NamedTuple):
    """Which conversation an update belongs to: the primary key of its row."""

    bot_id: int
    chat_id: int
    user_id: int


class Unit:
    """The work of one update: the rows it reads once and the rows it will write at its commit."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.now = datetime.now(UTC).replace(tzinfo=None)
        self.conversation: Conversation | None = None
        self._activities: list[dict[str, Any]] = []
        self._changes: list[dict[str, Any]] = []
        self._tags: list[int] = []

    async def conversation_of(self, key: Key) -> Conversation | None:
        if self.conversation is None:
            self.conversation = await self.session.get(Conversation, key)
        return self.conversation

    @property
    def customer(self) -> Customer:
        if self.conversation is None:
            raise LookupError("nobody has said /start in this conversation")
        return self.conversation.customer

    async def open(self, key: Key, username: str | None, language: str | None) -> None:
        """Make the customer and the conversation, unless they are there."""
        if await self.conversation_of(key) is not None:
            return
        customer = Customer(
            telegram_id=key.user_id,
            username=username,
            language=language,
            source="telegram",
            status="lead",
            total_interactions=1,
            created_at=self.now,
            updated_at=self.now,
        )
        self.conversation = Conversation(
            bot_id=key.bot_id,
            chat_id=key.chat_id,
            user_id=key.user_id,
            data={},
            customer=customer,
            updated_at=self.now,
        )
        self.session.add(self.conversation)

    def received(self, text: str) -> None:
        self.customer.last_message_at = self.now
        self._happened("message_received", text, by="customer")

    def said(self, text: str) -> None:
        self._happened("message_sent", text)

    def store(self, field: str, value: Any) -> None:
        old = getattr(self.customer, field)
        if old == value:
            return
        setattr(self.customer, field, value)
        self.customer.updated_at = self.now
        change = {"old_value": None if old is None else str(old), "new_value": str(value)}
        self._changes.append({"field": field, "changed_by": BY, "changed_at": self.now, **change})
        self._happened("field_updated", field, data=change)

    def tag(self, tag_id: int, name: str) -> None:
        self._tags.append(tag_id)
        self._happened("tag_added", name)

    async def commit(self) -> None:
        """Write everything in one transaction."""
        if self.conversation is not None:
            await self.session.run_sync(self._write, self.conversation)

    def _write(self, session: Session, conversation: Conversation) -> None:
        session.flush()  # a new customer has its id from here on
        customer_id = conversation.customer_id
        connection = session.connection()
        if self._changes:
            connection.execute(ADD_CHANGES, _owned(self._changes, customer_id))
        connection.execute(ADD_ACTIVITIES, _owned(self._activities, customer_id))
        for tag_id in self._tags:
            connection.execute(
                _add_tag(connection.dialect.name), self._tag_row(customer_id, tag_id)
            )
        session.commit()

    def _tag_row(self, customer_id: int, tag_id: int) -> dict[str, Any]:
        ids = {"customer_id": customer_id, "tag_id": tag_id}
        return {**ids, "added_at": self.now, "added_by": BY}

    def _happened(
        self, kind: str, description: str, data: Mapping[str, Any] | None = None, by: str = BY
    ) -> None:
        self._activities.append(
            {"at": self.now, "type": kind, "description": description, "data": data, "by": by}
        )


@cache
def _add_tag(dialect: str) -> Insert:
    table = _TABLES[CustomerTag.__tablename__]
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def _owned(rows: list[dict[str, Any]], customer_id: int) -> list[dict[str, Any]]:
    return [{**row, "customer_id": customer_id} for row in rows]


def read_date(text: str) -> date | None:
    plain = text.strip().translate(TO_LATIN_DIGITS)
    for form in DATE_FORMATS:
        try:
            return datetime.strptime(plain, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def read_number(text: str) -> float | None:
    try:
        return float(text.strip().translate(TO_LATIN_DIGITS))
    except ValueError:
        return None


def read_email(text: str) -> str | None:
    try:
        return validate_email(text.strip(), check_deliverability=False).normalized
    except EmailNotValidError:
        return None
