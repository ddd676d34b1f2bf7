"""Who of the staff may see and change which customers."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select

from crm.errors import NotAllowed, NotFound
from crm.services.customers import create_customer
from crm.services.rights import require_change, require_management, require_sight, visible_to
from crm.tables import customer
from engine.business import Staff
from tests.crm.businesses import CAUSE, NOW, applied, business

PROJECT = business(
    staff=(
        Staff("Ali", "owner"),
        Staff("Sara", "agent", ("sales",)),
        Staff("Mina", "agent"),
        Staff("Vida", "viewer"),
    ),
    teams=("sales",),
)


@pytest.fixture
def shop(db: Connection) -> int:
    """Four customers: Sara's, her team's, Mina's and nobody's."""
    made = applied(db, PROJECT)
    for who in ("Sara", "sales", "Mina", None):
        given = {"first_name": f"of {who}", "assigned_to": who}
        create_customer(db, made, PROJECT, given, CAUSE, NOW)
    return made


@pytest.mark.parametrize(
    ("reader", "seen"),
    [
        (None, ["of Sara", "of sales", "of Mina", "of None"]),
        ("Ali", ["of Sara", "of sales", "of Mina", "of None"]),
        ("vida", ["of Sara", "of sales", "of Mina", "of None"]),
        ("Sara", ["of Sara", "of sales"]),
        ("Mina", ["of Mina"]),
    ],
)
def test_agents_see_their_own_and_their_teams_customers(
    db: Connection, shop: int, reader: str | None, seen: list[str]
) -> None:
    mine = select(customer.c.first_name).where(
        customer.c.business_id == shop, visible_to(PROJECT, reader)
    )
    assert list(db.scalars(mine.order_by(customer.c.id))) == seen


def test_what_is_not_theirs_is_not_there_and_who_looks_changes_nothing(
    db: Connection, shop: int
) -> None:
    ids = list(db.scalars(select(customer.c.id).order_by(customer.c.id)))
    require_change(db, shop, PROJECT, ids[1], "Sara")
    with pytest.raises(NotFound):
        require_sight(db, shop, PROJECT, ids[2], "Sara")
    with pytest.raises(NotAllowed, match="not change"):
        require_change(db, shop, PROJECT, ids[2], "Vida")
    with pytest.raises(NotFound):
        require_sight(db, shop + 1, PROJECT, ids[2], None)
    with pytest.raises(NotAllowed):
        require_sight(db, shop, PROJECT, ids[2], "Eve")


def test_what_cannot_be_taken_back_is_for_owners_and_admins() -> None:
    require_management(PROJECT, "Ali")
    require_management(PROJECT, None)
    for reader in ("Sara", "Vida", "Eve"):
        with pytest.raises(NotAllowed):
            require_management(PROJECT, reader)
