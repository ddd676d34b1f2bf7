"""Smart tags over all customers: whom one would tag, and what one wrote undone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, exists, false, func, select

from crm.errors import NotAllowed, NotFound
from crm.services.derived import rule_of
from crm.services.following import Following, store
from crm.services.ledger import Cause, Ledger
from crm.tables import customer, customer_tag, tag
from engine.business import Business
from engine.derive.rules import Rule

MOST_SHOWN = 100


class Undone(NamedTuple):
    """From how many a tag was taken, and how many keep it because a rule gives it to them now."""

    taken: int
    kept: int


def list_rules(business: Business) -> list[dict[str, Any]]:
    """What follows by itself, in the order in which it is asked."""
    return [
        {
            "kind": rule.kind, "name": rule.name, "reads": sorted(rule.reads),
            "removes": rule.removes,
        }
        for rule in business.rules.rules
    ]  # fmt: skip


def dry_run(
    db: Connection, business_id: int, business: Business, name: str, now: datetime
) -> dict[str, Any]:
    """Whom a smart tag would be put on and taken from now: counts, and the first of them.

    Raises NotFound."""
    following = Following(db, business_id, business)
    rule = _rule(following, name)
    holds = following.fitting(rule, now, db.dialect.name)
    has = exists().where(
        customer_tag.c.customer_id == customer.c.id,
        customer_tag.c.business_id == business_id,
        customer_tag.c.tag_id.in_(_tag_ids(business_id, name)),
    )
    mine = (customer.c.business_id == business_id, customer.c.archived_at.is_(None))
    by_rule = has.where(customer_tag.c.by == rule_of(name))
    conditions = {"add": [holds, ~has], "remove": [~holds, by_rule] if rule.removes else None}
    told: dict[str, Any] = {"tag": name}
    for what, condition in conditions.items():
        if condition is None:
            told[what], told[f"{what}_customers"] = 0, []
            continue
        counted = select(func.count()).select_from(customer).where(*mine, *condition)
        shown = select(customer.c.id, customer.c.display_name).where(*mine, *condition)
        told[what] = db.scalar(counted) or 0
        first = db.execute(shown.order_by(customer.c.id).limit(MOST_SHOWN)).mappings()
        told[f"{what}_customers"] = [dict(row) for row in first]
    return told


def undo(
    db: Connection, business_id: int, business: Business, name: str, by: str, now: datetime
) -> Undone:
    """Take a tag from whom a rule has given it and no rule gives it now; what people and flows put
    on stays. Raises NotAllowed where that is nobody because the rule still holds for all."""
    following = Following(db, business_id, business)
    given = (
        customer_tag.c.business_id == business_id,
        customer_tag.c.tag_id.in_(_tag_ids(business_id, name)),
        customer_tag.c.by == rule_of(name),
    )
    rows = db.execute(
        select(customer_tag.c.customer_id, customer_tag.c.tag_id)
        .join(customer, customer.c.id == customer_tag.c.customer_id)
        .where(*given, customer.c.business_id == business_id)
        .where(~_still_given(following, name, now, db.dialect.name))
        .order_by(customer_tag.c.customer_id)
    ).all()
    held = db.scalar(select(func.count()).where(*given)) or 0
    if held and not rows:
        raise NotAllowed(
            f"The smart tag '{name}' holds for all {held} whom it was given: it would come back. "
            "Change it in crm.yaml or take it out, apply that, then undo."
        )
    ledger = Ledger(business_id, business.fields, following.columns)
    for row in rows:
        cause = Cause(by=by, reason=f"what the rule of '{name}' wrote is undone")
        ledger.remove_tag(row.customer_id, row.tag_id, name, now, cause)
    store(db, business_id, business, ledger, now)
    return Undone(len(rows), held - len(rows))


def _still_given(
    following: Following, name: str, now: datetime, dialect: str
) -> ColumnElement[bool]:
    """Whom a rule of crm.yaml gives the tag now; nobody where there is none any more."""
    for rule in following.rules.rules:
        if rule.kind == "tag" and rule.name == name:
            return following.fitting(rule, now, dialect)
    return false()


def _tag_ids(business_id: int, name: str) -> Any:
    return select(tag.c.id).where(tag.c.business_id == business_id, tag.c.name == name)


def _rule(following: Following, name: str) -> Rule:
    for rule in following.rules.rules:
        if rule.kind == "tag" and rule.name == name:
            return rule
    raise NotFound(f"No smart tag of crm.yaml gives the tag '{name}'.")
