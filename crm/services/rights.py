"""Who of the staff may see and change which customers.

Owners and admins all of them; an agent the customers that are assigned to them, to a team of
theirs, or to their role; a viewer sees all and changes none. A program that is no person (`None`)
may do everything. Services take no reader of their own: whoever serves people (the console, the
API) asks here first.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, select, true

from crm.errors import NotAllowed, NotFound
from crm.tables import customer
from engine.business import Business
from engine.staff import called, person_called

_ALL = ("owner", "admin", "viewer")
_CHANGING = ("owner", "admin", "agent")
_MANAGING = ("owner", "admin")


def role_of(business: Business, reader: str) -> str:
    """Raises NotAllowed for somebody who is not of the staff."""
    person = person_called(business, reader)
    if person is None:
        raise NotAllowed(f"Nobody of the staff is called '{reader}'.")
    return person.role


def visible_to(business: Business, reader: str | None) -> ColumnElement[bool]:
    """What holds of the customers that a person may see, for the WHERE of a query over them.
    Raises NotAllowed."""
    if reader is None or role_of(business, reader) in _ALL:
        return true()
    return customer.c.assigned_to.in_(called(business, reader))


def require_sight(
    db: Connection, business_id: int, business: Business, customer_id: int, reader: str | None
) -> None:
    """Raises NotFound for a customer that is none, or none for this person: nobody learns who
    else there is."""
    mine = (customer.c.business_id == business_id, customer.c.id == customer_id)
    found = select(customer.c.id).where(*mine, visible_to(business, reader))
    if db.scalar(found) is None:
        raise NotFound(f"There is no customer {customer_id}.")


def require_change(
    db: Connection, business_id: int, business: Business, customer_id: int, reader: str | None
) -> None:
    """Raises NotFound as `require_sight` does, and NotAllowed for who only looks."""
    require_sight(db, business_id, business, customer_id, reader)
    require_hand(business, reader)


def require_hand(business: Business, reader: str | None) -> None:
    """Raises NotAllowed for who only looks, whichever the customer."""
    if reader is not None and role_of(business, reader) not in _CHANGING:
        raise NotAllowed(f"{reader} may look at customers and not change them.")


def require_management(business: Business, reader: str | None) -> None:
    """For what is about many or cannot be taken back: merging, erasing, bulk actions, exports, the
    audit log. Raises NotAllowed for all but owners and admins."""
    if reader is not None and role_of(business, reader) not in _MANAGING:
        raise NotAllowed(f"{reader} may not do that: an owner or admin may.")
