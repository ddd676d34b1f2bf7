"""The hand-written bots' tables: a small CRM with a conversation state, as ORM classes.

They keep only the columns these bots use, which costs less than the full customer would.
"""

from datetime import date, datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Its `metadata` makes the tables."""


class Customer(Base):
    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    username: Mapped[str | None] = mapped_column(String(100))
    language: Mapped[str | None] = mapped_column(String(10))
    first_name: Mapped[str | None] = mapped_column(String(100))
    birth_date: Mapped[date | None]
    favorite_category: Mapped[str | None] = mapped_column(String(200))
    shoe_size: Mapped[float | None]
    email: Mapped[str | None] = mapped_column(String(255), index=True)
    source: Mapped[str] = mapped_column(String(50))
    status: Mapped[str] = mapped_column(String(20))
    total_interactions: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_message_at: Mapped[datetime | None] = mapped_column(index=True)


class Conversation(Base):
    __tablename__ = "conversation"

    bot_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    chat_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey(Customer.id), index=True)
    state: Mapped[str | None] = mapped_column(String(100))
    data: Mapped[dict[str, object]] = mapped_column(JSON, default=dict)
    updated_at: Mapped[datetime]

    customer: Mapped[Customer] = relationship(lazy="joined", innerjoin=True)


class FieldChange(Base):
    __tablename__ = "field_history"
    __table_args__ = (Index("field_history_of_customer", "customer_id", "field", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey(Customer.id))
    field: Mapped[str] = mapped_column(String(100))
    old_value: Mapped[str | None]
    new_value: Mapped[str | None]
    changed_by: Mapped[str] = mapped_column(String(50))
    changed_at: Mapped[datetime]


class Activity(Base):
    __tablename__ = "timeline"
    __table_args__ = (Index("timeline_of_customer", "customer_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey(Customer.id))
    at: Mapped[datetime]
    type: Mapped[str] = mapped_column(String(30))
    description: Mapped[str]
    data: Mapped[dict[str, object] | None] = mapped_column(JSON(none_as_null=True))
    by: Mapped[str] = mapped_column(String(50))


class Tag(Base):
    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)


class CustomerTag(Base):
    __tablename__ = "customer_tag"

    customer_id: Mapped[int] = mapped_column(ForeignKey(Customer.id), primary_key=True)
    tag_id: Mapped[int] = mapped_column(ForeignKey(Tag.id), primary_key=True)
    added_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(String(50))
