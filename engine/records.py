"""What people record of a customer: notes, tasks, purchases and interactions.

The columns are declared as fields, so a flow's YAML, a template's value, an API body and a cell of
an import are read by one code and refused with the same words. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from engine.business import Business
from engine.fields.types import NO_RULES, Field, FieldType, Option, Rules
from engine.staff import person_called
from engine.texts import Text

LONGEST_TEXT = 5_000
"""Characters of a note, a description, the notes of an interaction."""

MOST_ITEMS = 100
"""Items of one purchase."""

LARGEST = Decimal("9999999999999.99")
"""Of one purchase: the sum of thousands still fits the column of a total, a whole number of
hundredths in 64 bits on SQLite."""

STATUS_CHANGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"draft": ("paid", "void"), "paid": ("refunded", "void"), "refunded": (), "void": ()}
)
"""What the status of a purchase may become."""

HAPPENED = ("paid", "refunded")
"""The status of a purchase for which the customer was there and paid."""

CHANNEL_OF: Mapping[str, str] = MappingProxyType(
    {"call": "phone", "email": "email", "chat": "chat", "visit": "in_person", "sms": "sms",
     "whatsapp": "whatsapp"}
)  # fmt: skip
"""The channel of an interaction that names none, by its kind."""


class NewNote(Struct, frozen=True):
    text: str
    pinned: bool = False
    private: bool = False


class NewTask(Struct, frozen=True):
    """assigned_to: a name, role or team as crm.yaml writes it. recurrence: of `read_rule`."""

    title: str
    description: str | None = None
    due_at: datetime | None = None
    priority: str = "normal"
    assigned_to: str | None = None
    recurrence: str | None = None


class NewPurchase(Struct, frozen=True):
    """currency, date: None for the business's and today. items: plain JSON. revenue: what the
    amount is in the business's currency, None where it is in that or nobody knows."""

    amount: Decimal
    number: str | None = None
    currency: str | None = None
    status: str = "paid"
    date: date | None = None
    items: Any = None
    revenue: Decimal | None = None


class NewInteraction(Struct, frozen=True):
    """channel: None for the usual one of the kind. at: None for now."""

    kind: str
    channel: str | None = None
    direction: str = "inbound"
    subject: str | None = None
    notes: str | None = None
    handled_by: str | None = None
    duration_minutes: int | None = None
    outcome: str | None = None
    follow_up_required: bool = False
    follow_up_date: date | None = None
    at: datetime | None = None


NewRecord = NewNote | NewTask | NewPurchase | NewInteraction


def _labelled(english: str, persian: str) -> Text[str]:
    return Text.by_language({"en": english, "fa": persian})


def _field(
    key: str, type_: FieldType, english: str, persian: str, *, size: int | None = None,
    rules: Rules = NO_RULES, required: bool = False,
) -> Field:  # fmt: skip
    return Field(
        key=key, type=type_, label=_labelled(english, persian), size=size, rules=rules,
        required=required,
    )  # fmt: skip


def _chosen(
    key: str, english: str, persian: str, options: Iterable[tuple[str, str, str]], *,
    required: bool = False,
) -> Field:  # fmt: skip
    return Field(
        key=key, type=FieldType.SELECT, label=_labelled(english, persian), required=required,
        options=tuple(Option(value, _labelled(en, fa)) for value, en, fa in options),
    )  # fmt: skip


_T = FieldType
_MONEY = Rules(min=Decimal(0), max=LARGEST)

_PRIORITIES = (
    ("low", "Low", "کم"),
    ("normal", "Normal", "عادی"),
    ("high", "High", "زیاد"),
    ("urgent", "Urgent", "فوری"),
)
PRIORITIES = tuple(value for value, _, _ in _PRIORITIES)
_STATUSES = (
    ("draft", "Draft", "پیش‌نویس"),
    ("paid", "Paid", "پرداخت‌شده"),
    ("refunded", "Refunded", "بازپرداخت‌شده"),
    ("void", "Void", "باطل"),
)
_KINDS = (
    ("call", "Call", "تماس تلفنی"),
    ("email", "Email", "ایمیل"),
    ("chat", "Chat", "گفت‌وگو"),
    ("visit", "Visit", "مراجعه"),
    ("sms", "SMS", "پیامک"),
    ("whatsapp", "WhatsApp", "واتساپ"),
)
_CHANNELS = (
    ("phone", "Phone", "تلفن"),
    ("email", "Email", "ایمیل"),
    ("chat", "Chat", "گفت‌وگو"),
    ("in_person", "In person", "حضوری"),
    ("sms", "SMS", "پیامک"),
    ("whatsapp", "WhatsApp", "واتساپ"),
    ("social", "Social media", "شبکه‌های اجتماعی"),
    ("telegram", "Telegram", "تلگرام"),
    ("instagram", "Instagram", "اینستاگرام"),
)
_DIRECTIONS = (("inbound", "Inbound", "ورودی"), ("outbound", "Outbound", "خروجی"))


def _by_key(*fields: Field) -> Mapping[str, Field]:
    return MappingProxyType({field.key: field for field in fields})


NOTE = _by_key(
    _field("text", _T.TEXT, "Text", "متن", size=LONGEST_TEXT, required=True),
    _field("pinned", _T.BOOLEAN, "Pinned", "سنجاق‌شده"),
    _field("private", _T.BOOLEAN, "Private", "خصوصی"),
)
TASK = _by_key(
    _field("title", _T.TEXT, "Title", "عنوان", size=200, required=True),
    _field("description", _T.TEXT, "Description", "توضیحات", size=LONGEST_TEXT),
    _field("due_at", _T.DATETIME, "Due", "موعد"),
    _chosen("priority", "Priority", "اولویت", _PRIORITIES),
    _field("assigned_to", _T.TEXT, "Assigned to", "مسئول", size=100),
    _field("recurrence", _T.TEXT, "Repeats", "تکرار", size=200),
)
PURCHASE = _by_key(
    _field("number", _T.TEXT, "Number", "شماره", size=100),
    _field("amount", _T.NUMBER, "Amount", "مبلغ", rules=_MONEY, required=True),
    _field("currency", _T.TEXT, "Currency", "واحد پول", rules=Rules(pattern="[A-Z]{3}")),
    _chosen("status", "Status", "وضعیت", _STATUSES),
    _field("date", _T.DATE, "Date", "تاریخ"),
    _field("revenue", _T.NUMBER, "In our currency", "به واحد پول ما", rules=_MONEY),
)
"""Beside these a purchase has `items`, any JSON."""
INTERACTION = _by_key(
    _chosen("kind", "Kind", "نوع", _KINDS, required=True),
    _chosen("channel", "Channel", "کانال", _CHANNELS),
    _chosen("direction", "Direction", "جهت", _DIRECTIONS),
    _field("subject", _T.TEXT, "Subject", "موضوع", size=200),
    _field("notes", _T.TEXT, "Notes", "یادداشت", size=LONGEST_TEXT),
    _field("handled_by", _T.TEXT, "Handled by", "انجام‌دهنده", size=100),
    _field(
        "duration_minutes", _T.NUMBER, "Minutes", "دقیقه",
        rules=Rules(min=Decimal(0), max=Decimal(100_000)),
    ),
    _field("outcome", _T.TEXT, "Outcome", "نتیجه", size=100),
    _field("follow_up_required", _T.BOOLEAN, "Follow up", "نیاز به پیگیری"),
    _field("follow_up_date", _T.DATE, "Follow up on", "تاریخ پیگیری"),
    _field("at", _T.DATETIME, "When", "زمان"),
)  # fmt: skip


def mentions(text: str, business: Business) -> tuple[str, ...]:
    """The names of the staff after an @, each once: `@Ali`, `@sara_n`; a blank may be a `_`.

    The longest name wins, and a name ends where its word does.
    """
    if "@" not in text:
        return ()
    names = {one.name.casefold().replace(" ", "_"): one.name for one in business.staff}
    if not names:
        return ()
    longest = sorted(names, key=len, reverse=True)
    any_name = "|".join(re.escape(name).replace("_", "[ _]") for name in longest)
    found = re.findall(rf"(?<!\w)@({any_name})(?!\w)", text.casefold())
    return tuple(dict.fromkeys(names[name.replace(" ", "_")] for name in found))


def may_see_note(private: bool, author: str, reader: str | None, business: Business) -> bool:
    """Whether somebody may read a note: a private one is its author's and the admins'.

    reader: a name of the staff; None for a program that sees everything.
    """
    if not private or reader is None or reader == author:
        return True
    person = person_called(business, reader)
    return person is not None and (person.name == author or person.role in ("owner", "admin"))
