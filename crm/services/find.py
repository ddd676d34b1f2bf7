"""Finding customers: the one a reference names, or those a text is like."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, false, literal, or_, select

from crm.criteria_stores import STORES, Store
from crm.errors import Ambiguous, Match, NotFound
from crm.services.references import (
    ByAccount,
    ByEmail,
    ById,
    ByPhone,
    Reference,
    phone_numbers,
    read_reference,
)
from crm.tables import customer, customer_account
from engine.fields.fold import fold, latin_digits

_FORMS = "an id, a phone number, an email, telegram:ID, instagram:ID or chat:NAME"
_MOST_DIGITS = 18
"""Every number of so many digits is in the range of an id, 2^63."""


def resolve(db: Connection, business_id: int, reference: str, country: str = "") -> int:
    """The id of the customer that `reference` names, in the forms of `read_reference`.

    Archived customers are looked at only where no other one answers. Raises NotFound, and
    Ambiguous where a phone number or an address belongs to several.
    """
    read = read_reference(reference, country)
    if read is None:
        raise NotFound(f"'{reference}' is not {_FORMS}.")
    rows = db.execute(
        select(customer.c.id, customer.c.display_name, customer.c.archived_at)
        .where(customer.c.business_id == business_id, _named_by(read, business_id))
        .order_by(customer.c.id)
    ).all()
    found = [row for row in rows if row.archived_at is None] or rows
    if not found:
        raise NotFound(f"There is no customer {reference}.")
    if len(found) > 1:
        raise Ambiguous(reference, tuple(Match(row.id, row.display_name) for row in found))
    return int(found[0].id)


def find(
    db: Connection, business_id: int, text: str, country: str = "", limit: int = 25
) -> list[Match]:
    """Customers that are like `text`, best first, at most `limit`; archived ones last.

    Looks in the name shown, user name, email, phone number in any writing, company, external id
    and id. Letters are compared folded; '' finds nobody.
    """
    needle = fold(text.strip())
    if not needle:
        return []
    rank = _rank(needle, phone_numbers(text.strip(), country), STORES[db.dialect.name])
    found = (
        select(customer.c.id, customer.c.display_name, customer.c.archived_at, rank.label("rank"))
        .where(customer.c.business_id == business_id, customer.c.merged_into.is_(None))
        .subquery()
    )
    rows = db.execute(
        select(found.c.id, found.c.display_name)
        .where(found.c.rank.is_not(None))
        .order_by(found.c.archived_at.is_not(None), found.c.rank, found.c.id)
        .limit(limit)
    )
    return [Match(row.id, row.display_name) for row in rows]


def _named_by(read: Reference, business_id: int) -> ColumnElement[bool]:
    match read:
        case ById(customer_id):
            return customer.c.id == customer_id
        case ByPhone(numbers):
            return customer.c.phone_number.in_(numbers)
        case ByEmail(address):
            return customer.c.email == address
        case ByAccount(channel, external_id):
            return customer.c.id.in_(
                select(customer_account.c.customer_id).where(
                    customer_account.c.business_id == business_id,
                    customer_account.c.channel == channel,
                    customer_account.c.external_id == external_id,
                )
            )


def _rank(needle: str, numbers: tuple[str, ...], store: Store) -> ColumnElement[Any]:
    """How like the needle a customer is: 0 is best, NULL not at all."""
    name = customer.c.name_folded
    others = [
        store.folded(customer.c[column])
        for column in ("username", "email", "company", "external_id")
    ]
    exactly = [text == needle for text in (name, *others)]
    return case(
        (or_(*exactly, _is_id(needle), customer.c.phone_number.in_(numbers)), 0),
        (store.place(name, needle) == 1, 1),
        (store.place(name, needle) > 0, 2),
        (or_(*(store.place(text, needle) == 1 for text in others)), 3),
        (or_(*(store.place(text, needle) > 0 for text in others)), 4),
        (_phone_has(needle, store), 5),
    )


def _is_id(needle: str) -> ColumnElement[bool]:
    number = needle.removeprefix("id:")
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        return false()
    return customer.c.id == literal(int(number))


def _phone_has(needle: str, store: Store) -> ColumnElement[bool]:
    """Three or more digits of a number; a leading 0 stands for the country code."""
    digits = "".join(letter for letter in latin_digits(needle) if letter in "0123456789")
    others = set(needle) - set("0123456789+-() ./")
    wanted = digits.lstrip("0")
    if others or len(wanted) < 3:
        return false()
    return and_(
        customer.c.phone_number.is_not(None),
        store.place(customer.c.phone_number, wanted) > 0,
    )
