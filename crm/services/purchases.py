"""Purchases and invoices: recorded once by their number, paid, refunded, voided, listed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, Row, select

from crm.errors import InvalidValues, Match, NotAllowed, NumberTaken
from crm.services.books import told_purchase
from crm.services.ledger import Cause
from crm.services.recording import Page, change_row, changes, load_row, typed_record, writing
from crm.tables import customer, purchase
from engine.business import Business
from engine.fields.decimals import round_half_up
from engine.fields.plain import to_plain
from engine.records import MOST_ITEMS, PURCHASE, STATUS_CHANGES, NewPurchase


class Recorded(NamedTuple):
    """is_new: False where the number was there already, and nothing was changed."""

    id: int
    is_new: bool


class Purchase(Struct, frozen=True):
    """refunded: how much of the amount was given back. revenue: what is left of it in the
    business's currency, None where nobody knows."""

    id: int
    number: str | None
    amount: Decimal
    currency: str
    status: str
    date: date
    items: Any
    refunded: Decimal
    revenue: Decimal | None
    created_at: datetime


def record_purchase(
    db: Connection, business_id: int, business: Business, customer_id: int,
    given: Mapping[str, object], cause: Cause, now: datetime,
) -> Recorded:  # fmt: skip
    """A purchase, or the one that has its number already, unchanged.

    given: amount; number, currency (the customer's), status (paid), date (today), items (plain
    JSON), revenue. Raises NotFound, InvalidValues, and NumberTaken where another customer has the
    number.
    """
    items = checked_items(given.get("items"))
    written = {key: value for key, value in given.items() if key != "items"}
    values = typed_record(written, PURCHASE, business, now)
    with writing(db, business_id, business, customer_id, now) as page:
        present = {key: value for key, value in values.items() if value is not None}
        new = NewPurchase(**{"currency": page.currency, **present, "items": items})
        known = _known(db, business_id, page, new.number)
        if known is not None:
            return Recorded(known, is_new=False)
        told = page.books.purchase(customer_id, new, cause, now)
    return Recorded(int(told["purchase"]), is_new=True)


def change_status(
    db: Connection, business_id: int, business: Business, purchase_id: int, status: str,
    cause: Cause, now: datetime,
) -> bool:  # fmt: skip
    """Whether it changed: draft becomes paid or void, paid becomes refunded or void.

    Raises NotFound, InvalidValues, NotAllowed.
    """
    values = typed_record({"status": status}, PURCHASE, business, now, whole=False)
    row = load_row(db, business_id, purchase, purchase_id)
    if values["status"] == row.status:
        return False
    if values["status"] not in STATUS_CHANGES[row.status]:
        allowed = " or ".join(STATUS_CHANGES[row.status]) or "nothing else"
        raise NotAllowed(f"Purchase {row.id} is {row.status}: it may become {allowed}.")
    if status == "refunded":
        return refund(db, business_id, business, purchase_id, row.amount - row.refunded, cause, now)
    _change(db, business_id, business, row, {"status": status}, cause, now)
    return True


def refund(
    db: Connection, business_id: int, business: Business, purchase_id: int,
    amount: Decimal, cause: Cause, now: datetime,
) -> bool:  # fmt: skip
    """Give back some of what was paid; once it is all, the purchase is refunded. False where
    there is nothing to give back. Raises NotFound, InvalidValues, NotAllowed."""
    given = typed_record({"amount": amount}, PURCHASE, business, now, whole=False)["amount"]
    row = load_row(db, business_id, purchase, purchase_id)
    if row.status != "paid":
        raise NotAllowed(f"Purchase {row.id} is {row.status}: only what is paid is refunded.")
    left = row.amount - row.refunded
    if given is None or given > left:
        raise InvalidValues({"amount": f"At most {to_plain(left)} {row.currency} can be refunded."})
    if not given and left:
        return False  # an amount of nothing; of a purchase that cost nothing it is all
    changed: dict[str, Any] = {"refunded": row.refunded + given}
    if row.revenue is not None:
        share = (left - given) / left if left else Decimal(0)
        changed["revenue"] = round_half_up(row.revenue * share)
    if given == left:
        changed["status"] = "refunded"
    _change(db, business_id, business, row, changed, cause, now)
    return True


def edit_draft(
    db: Connection, business_id: int, business: Business, purchase_id: int,
    given: Mapping[str, object], cause: Cause, now: datetime,
) -> tuple[str, ...]:  # fmt: skip
    """Change an invoice that is not paid yet: amount, currency, date, items; the columns that
    changed. Raises NotFound, InvalidValues, NotAllowed."""
    row = load_row(db, business_id, purchase, purchase_id)
    if row.status != "draft":
        raise NotAllowed(f"Purchase {row.id} is {row.status}: only a draft is edited.")
    written = {key: value for key, value in given.items() if key != "items"}
    fixed = ("number", "status")
    values = typed_record(written, PURCHASE, business, now, whole=False, without=fixed)
    values = {key: value for key, value in values.items() if value is not None}
    if "items" in given:
        values["items"] = checked_items(given["items"])
    changed = changes(row, values)
    amount, currency = (changed.get(key, getattr(row, key)) for key in ("amount", "currency"))
    if changed and currency == business.currency:
        changed["revenue"] = amount
    elif "currency" in changed and "revenue" not in changed:
        changed["revenue"] = None
    if changed:
        _change(db, business_id, business, row, changed, cause, now)
    return tuple(key for key in values if key in changed)


def list_purchases(
    db: Connection, business_id: int, customer_id: int, *, status: str = "", limit: int = 100
) -> list[Purchase]:
    """Those of a customer, the latest first."""
    wanted = [purchase.c.business_id == business_id, purchase.c.customer_id == customer_id]
    if status:
        wanted.append(purchase.c.status == status)
    columns = (purchase.c[name] for name in Purchase.__struct_fields__)
    order = (purchase.c.date.desc(), purchase.c.id.desc())
    rows = db.execute(select(*columns).where(*wanted).order_by(*order).limit(limit))
    return [Purchase(*row) for row in rows]


def checked_items(items: object) -> Any:
    """Plain JSON of what was bought, None where nothing is said. Raises InvalidValues."""
    if items is None:
        return None
    listed = items if isinstance(items, list | tuple) else [items]
    if len(listed) > MOST_ITEMS:
        raise InvalidValues({"items": f"A purchase has at most {MOST_ITEMS} items."})
    try:
        return to_plain(listed) or None
    except TypeError as error:
        raise InvalidValues({"items": str(error)}) from None


def _known(db: Connection, business_id: int, page: Page, number: str | None) -> int | None:
    """The purchase of this customer that has the number. Raises NumberTaken."""
    holder = page.books.holder_of(number) if number is not None else None
    if holder is None:
        return None
    if holder != page.customer_id:
        name = select(customer.c.display_name).where(
            customer.c.business_id == business_id, customer.c.id == holder
        )
        raise NumberTaken(str(number), Match(holder, db.execute(name).scalar_one()))
    mine = (purchase.c.business_id == business_id, purchase.c.number == number)
    return int(db.execute(select(purchase.c.id).where(*mine)).scalar_one())


def _change(
    db: Connection, business_id: int, business: Business, row: Row[Any],
    changed: Mapping[str, Any], cause: Cause, now: datetime,
) -> None:  # fmt: skip
    change_row(db, business_id, purchase, row, changed)
    with writing(db, business_id, business, row.customer_id, now) as page:
        shown = ("number", "amount", "currency", "status", "date", "refunded")
        data = {name: to_plain(changed.get(name, getattr(row, name))) for name in shown}
        data["purchase"] = row.id
        told = told_purchase(data)
        page.ledger.record(row.customer_id, "purchase_changed", told, data, cause.by, now)
        if changed.get("status") == "paid":
            page.ledger.emit(row.customer_id, "purchase", data, now, cause.depth)
        page.books.count(row.customer_id)
