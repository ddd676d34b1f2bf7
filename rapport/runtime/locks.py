"""Who works on what, where several transactions run side by side: on PostgreSQL.

On SQLite the writer holds the whole database, and none of these locks is written into a statement.

    1. conversations, in the order of their ids   intake waits for them; turns and rings skip them
    2. the names of strangers (crm.claims)        intake waits for them
    3. customers                                  turns skip those that somebody else works on
    4. values that must be unique (crm.claims)    turns and edits wait for them

Everybody takes them in this order, so nobody waits in a circle, and reads what they protect in a
later statement: a READ COMMITTED statement sees what was committed before it began, not before it
got its locks. Only two turns that each give two customers the other's two unique values wait for
each other; PostgreSQL refuses one of them, and it is tried again.

The conversation's lock guards its status and its mail: mail is stored and applied only under it, so
a message that comes in during a turn waits for the turn's end, and finds the conversation idle or
ready as the turn has left it. The customer's lock guards their runs, values and timers: two
conversations of one person are never worked on at once. What a turn has read under them is so still
when it writes, and no count of changed rows need be looked at.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, Table


def waiting(statement: Select[Any], dialect: str, *order: Any) -> Select[Any]:
    """The rows found, locked in this order."""
    if dialect != "postgresql":
        return statement
    return statement.order_by(*order).with_for_update(key_share=True)


def skipping(statement: Select[Any], dialect: str, of: Table | None = None) -> Select[Any]:
    """The rows found that nobody else holds, locked; of a join, those of the table `of`."""
    if dialect != "postgresql":
        return statement
    return statement.with_for_update(key_share=True, skip_locked=True, of=of)
