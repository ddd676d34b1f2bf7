"""Finding customers: the one a reference names, or those a text is like."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

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

_FORMS = "an id, a phone number, an email, telegram:ID, instagram:ID, web:ID or chat:NAME"
_MOST_DIGITS = 18
"""Every number of so many digits is in the range of an id, 2^63."""


def resolve(db: Connection, business_id: int, reference: str, country: str = "") -> int:
    """The id of the customer that `reference` names, in the forms of `read_reference`.

    Archived customers are looked at only where no other one answers, and one that was merged
    stands for the customer it was merged into. Raises NotFound, and
    Ambiguous where a phone number or an address belongs to several.
    """
    read = read_reference(reference, country)
    if read is None:
        raise NotFound(f"'{reference}' is not {_FORMS}.")
    rows = db.execute(
        select(
            func.coalesce(customer.c.merged_into, customer.c.id).label("id"),
            customer.c.display_name,
            customer.c.archived_at,
        )
        .where(customer.c.business_id == business_id, _named_by(read, business_id))
        .order_by(customer.c.id)
    ).all()
    found = [row for row in rows if row.archived_at is None] or list(
        {row.id: row for row in rows}.values()
    )
    if not found:
        raise NotFound(f"There is no customer {reference}.")
    if len(found) > 1:
        raise Ambiguous(reference, tuple(Match(row.id, row.display_name) for row in found))
    return int(found[0].id)


def find(
    db: Connection, business_id: int, text: str, country: str = "", limit: int = 25,
    seen: ColumnElement[bool] | None = None,
) -> list[Match]:  # fmt: skip
    """Customers that are like `text`, best first, at most `limit`; archived ones last.

    seen: what holds of those that whoever asks may see (crm.services.rights); None for all.

    Looks in the name shown, user name, email, phone number in any writing, company, external id
    and id. Letters are compared folded; '' finds nobody.
    """
    needle = fold(text.strip())
    if not needle:
        return []
    likeness = _Likeness(needle, phone_numbers(text.strip(), country), STORES[db.dialect.name])
    rows = db.execute(
        select(customer.c.id, customer.c.display_name)
        .where(customer.c.business_id == business_id, likeness.any())
        .where(customer.c.merged_into.is_(None), true() if seen is None else seen)
        .order_by(customer.c.archived_at.is_not(None), likeness.rank(), customer.c.id)
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


class _Likeness:
    """How customers are compared with a folded text, and the phone numbers it may mean."""

    def __init__(self, needle: str, numbers: tuple[str, ...], store: Store) -> None:
        self._others = [_comparable(column, store) for column in _OTHERS]
        self._needle, self._store = needle, store
        self._named = or_(_is_id(needle), customer.c.phone_number.in_(numbers))
        self._phone = _phone_has(needle, store)

    def any(self) -> ColumnElement[bool]:
        """Whether a customer is like it at all: one look at each text."""
        texts = (customer.c.name_folded, *self._others)
        return or_(self._named, *(self._place(text) > 0 for text in texts), self._phone)

    def rank(self) -> ColumnElement[Any]:
        """0 is best."""
        name, others = customer.c.name_folded, self._others
        exactly = [text == self._needle for text in (name, *others)]
        return case(
            (or_(self._named, *exactly), 0),
            (self._place(name) == 1, 1),
            (self._place(name) > 0, 2),
            (or_(*(self._place(text) == 1 for text in others)), 3),
            (or_(*(self._place(text) > 0 for text in others)), 4),
            else_=5,
        )

    def _place(self, text: ColumnElement[Any]) -> ColumnElement[int]:
        place: ColumnElement[int] = self._store.place(text, self._needle)
        return place


_OTHERS = (customer.c.username, customer.c.email, customer.c.external_id, customer.c.company)


def _comparable(column: ColumnElement[Any], store: Store) -> ColumnElement[Any]:
    """Folded where it is a text in people's letters; addresses are stored in small ones.

    User names and ids are ASCII, where small letters are the same in both stores: folding them
    too would make a search among 200,000 customers take seconds.
    """
    if column is customer.c.company:
        return case((column.is_not(None), store.folded(column)))
    return column if column is customer.c.email else func.lower(column)


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
