"""Reading what waits for a customer's open question to close."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select

from crm.sql import Statement, among, listed
from crm.tables import trigger_firing
from rapport.runtime.cases import Case, Firing


def load_held(db: Connection, business_id: int, cases: Mapping[int, Case]) -> None:
    """What waits for these customers' questions to close, oldest first."""
    for customer_id, *row in _HELD.fetch(db, listed(db, list(cases)), business_id):
        cases[customer_id].held.append(Firing(*row))


_HELD = Statement(
    lambda dialect: (
        select(
            *(
                trigger_firing.c[name]
                for name in (
                    "customer_id", "trigger", "occurrence", "request", "due_at", "expires_at",
                )
            )
        )
        .where(
            among(trigger_firing.c.customer_id, "customers", dialect),
            trigger_firing.c.status == "held",
            trigger_firing.c.business_id == bindparam("business"),
        )
        .order_by(trigger_firing.c.due_at, trigger_firing.c.occurrence)
    ),
    ("customers", "business"),
)  # fmt: skip
