"""What a conversation that was recorded has come to: what its test is to expect at the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from crm.tables import field_history, run
from engine.fields.plain import to_plain
from engine.rewording import scalar
from rapport.runtime.library import Library
from rapport.testing.names import ENDED, Names


def first_flow(db: Connection) -> str | None:
    """The flow that the conversation began with; None where nothing answered."""
    return db.execute(select(run.c.flow).order_by(run.c.id).limit(1)).scalar_one_or_none()


def expectations(
    db: Connection, library: Library, channel: str, flow: str, now: datetime
) -> Mapping[str, str]:
    """Names and values as a file has them: where the run is, and the fields that flows have set."""
    names = Names(db, library, channel, flow, now)
    node, outcome = names.node(), names.outcome()
    found = {"outcome": str(outcome)} if node == ENDED else {"node": str(node)}
    values = names.customer_values()
    set_ = select(field_history.c.field).where(field_history.c.by.like("flow:%")).distinct()
    for key in sorted(db.execute(set_).scalars()):
        value = to_plain(values.get(key))
        if isinstance(value, list):
            found[f"customer.{key}"] = f"[{', '.join(scalar(str(one)) for one in value)}]"
        elif value is not None and not isinstance(value, dict):
            said = str(value).lower() if isinstance(value, bool) else str(value)
            found[f"customer.{key}"] = said if isinstance(value, bool) else scalar(said)
    return found
