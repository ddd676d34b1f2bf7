"""What hangs on a customer, table by table: what a merge moves and an erasure reaches.

A test reads every table of the one MetaData and refuses one that points at a customer and stands
nowhere here, so that none is forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Table, select, update

from crm.tables import (
    activity,
    attachment,
    automatic_send,
    conversation,
    customer_account,
    customer_tag,
    event,
    field_history,
    interaction,
    note,
    outbox,
    purchase,
    run,
    segment_member,
    task,
    trigger_firing,
)

OWNED: tuple[Table, ...] = (
    customer_account, conversation, run, interaction, purchase, note, attachment, task, activity,
    field_history, event, outbox, automatic_send,
)  # fmt: skip
"""Rows with an id of their own, each of which is one customer's by `customer_id`; of `outbox` those
that tell the staff of them."""

SHARED: tuple[Table, ...] = (customer_tag, segment_member, trigger_firing)
"""Rows named by their customer and something else, so that two customers' may be alike."""

LOOKED_UP: Mapping[str, str] = {
    "imported_row.customer_id": "whoever has it leads on to whom they were merged into",
    "customer.asking_run": "the run that holds the question: set anew where runs move",
    "customer.merged_into": "leads on to the target of a later merge",
    "customer.referred_by": "leads on to whom somebody was merged into",
    "audit.customer_id": "what was done at that time stays as it was; it holds no values",
    "merging.source_id": "a merge stays what it was; its snapshot goes when one is erased",
    "merging.target_id": "a merge stays what it was; its snapshot goes when one is erased",
}
"""Other columns that hold customers' ids, each with what becomes of it."""

THROUGH: Mapping[str, str] = {
    "visit": "run", "effect": "run", "timer": "run", "mail": "conversation",
    "outbox": "conversation",
}  # fmt: skip
"""Tables whose rows are a customer's by the row of another table, with which they move; of `outbox`
those that are said to the customer."""

NOBODYS = frozenset(
    {
        "account", "alarm", "bulk_action", "business", "campaign_run", "expansion", "field",
        "file_job", "flow_version", "known_column", "lease", "rejected_cell", "scan_cursor",
        "schema_step", "segment", "slot_index", "tag", "trigger_state",
    }
)  # fmt: skip
"""Tables in which nothing is about one customer."""


def ids_of(db: Connection, business_id: int, table: Table, customer_id: int) -> list[int]:
    """The ids of the rows of an OWNED table, oldest first."""
    statement = select(table.c.id).where(
        table.c.business_id == business_id, table.c.customer_id == customer_id
    )
    return list(db.scalars(statement.order_by(table.c.id)))


def give(
    db: Connection, business_id: int, table: Table, ids: Collection[int], giver: int, taker: int
) -> None:
    """Make rows of an OWNED table another customer's; those that `giver` has no more stay."""
    numbers = list(ids)
    for start in range(0, len(numbers), _PIECE):
        db.execute(
            update(table)
            .where(
                table.c.business_id == business_id,
                table.c.customer_id == giver,
                table.c.id.in_(numbers[start : start + _PIECE]),
            )
            .values(customer_id=taker)
        )


def keys_of(db: Connection, business_id: int, table: Table, customer_id: int) -> list[list[Any]]:
    """What names the rows of a SHARED table beside their customer."""
    others = [column for column in table.primary_key if column.name != "customer_id"]
    statement = select(*others).where(
        table.c.business_id == business_id, table.c.customer_id == customer_id
    )
    return [list(row) for row in db.execute(statement.order_by(*others))]


def give_key(
    db: Connection, business_id: int, table: Table, key: Collection[Any], giver: int, taker: int
) -> None:
    """Make one row of a SHARED table another customer's, who has none alike."""
    others = [column for column in table.primary_key if column.name != "customer_id"]
    db.execute(
        update(table)
        .where(
            table.c.business_id == business_id,
            table.c.customer_id == giver,
            *(column == value for column, value in zip(others, key, strict=True)),
        )
        .values(customer_id=taker)
    )


_PIECE = 500
"""Ids in one statement: SQLite takes some thousands of values."""
