"""What was decided of each occasion of a trigger, and by which rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Select, select

from crm.tables import trigger_firing
from engine.campaign import LEFT_OUT
from engine.fields.plain import to_plain
from engine.permission import OPTED_OUT
from rapport.runtime.campaigns import CANCELLED
from rapport.runtime.firings import HELD_TOO_LONG, NOBODY

DECISIONS = {"started": "send", "skipped": "skip", "held": "hold", "planned": "hold"}
"""In the words of the commands, by those of the table."""

PLANNED = "its moment has not come"

COLUMNS = ("at", "customer", "flow", "trigger", "occurrence", "decision", "reason")

RULES: tuple[tuple[str, str], ...] = (
    ("holdout", LEFT_OUT),
    ("campaign_goes_on", CANCELLED),
    ("occasion", "has fired for another date"),
    ("trigger_not_paused", "paused:"),
    ("account", NOBODY),
    ("flow", "the flow is gone"),
    ("trigger", "the trigger is gone"),
    ("catch_up", HELD_TOO_LONG),
    ("not_opted_out", OPTED_OUT),
    ("not_in_flow", "is in the flow already"),
    ("channel", "not on "),
    ("only", "`only` does not hold"),
    ("once", "has started before"),
    ("marketing_preference", "does not want "),
    ("frequency_cap", "had "),
    ("quiet_hours", "quiet hours"),
    ("no_open_question", "a question is open"),
)
"""The rules in the order in which they are looked at, with how the reason of each begins."""


def rule_of(reason: str) -> str:
    """The rule that a reason is of; '' where none is."""
    return next((rule for rule, begins in RULES if reason.startswith(begins)), "")


def looked_at(
    decision: str, reason: str, values: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Each rule with whether it held: None for those that were not looked at any more.

    values: what the rules saw, where that is known.
    """
    failed, seen = rule_of(reason), True
    if decision == "hold" and not failed:
        return []
    rules = []
    for rule, _ in RULES:
        holds = None if not seen else rule != failed
        known = (values or {}).get(rule)
        value = reason if holds is False and known is None else known
        rules.append({"rule": rule, "value": to_plain(value), "holds": holds})
        seen = seen and holds is True
    if failed or decision == "send":
        return rules
    # Decided by nothing of these (erased, merged): the reason is the one rule there was.
    return [{"rule": "other", "value": reason, "holds": False}]


def firings_of(business_id: int) -> Select[Any]:
    """The firings of a business, to be asked for more exactly."""
    return select(trigger_firing).where(trigger_firing.c.business_id == business_id)


def told(firing: Mapping[Any, Any]) -> dict[str, Any]:
    """A firing as the commands print it, by its columns."""
    waits = firing["status"] == "planned"
    return {
        "at": to_plain(firing["decided_at"] or firing["due_at"]),
        "customer": firing["customer_id"],
        "flow": flow_of(firing),
        "trigger": firing["trigger"],
        "occurrence": firing["occurrence"],
        "decision": DECISIONS[firing["status"]],
        "reason": firing["reason"] or (PLANNED if waits else ""),
    }


def flow_of(firing: Mapping[Any, Any]) -> str:
    """What a firing starts: of the person's own acts only the trigger is kept."""
    asked = firing["request"] or {}
    flow: str = asked.get("flow") or str(firing["trigger"]).partition("/")[0]
    return flow


def in_order(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """By time, then by what makes them one occasion."""
    yield from sorted(
        rows, key=lambda row: (row["at"], row["customer"], row["trigger"], row["occurrence"])
    )
