"""Whether something automatic may be said to a customer now: yes, later, or no, and why.

One answer for every send that nobody asked for: what triggers begin, what runs they began say when
they wake up, campaigns. A reply to a person is never asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from engine.durations import Duration
from engine.flow import Flow, Trigger
from engine.local_time import instant

SERVICE = "service"
"""The purpose of what the person began: free of cap, quiet hours and preferences."""

EXPIRES = Duration(days=1)
"""So long after its moment something automatic is still worth saying, where a flow does not say."""

OPTED_OUT = "opted out"


class Verdict(Struct, frozen=True):
    """may: now. until: from when on, where it has to wait. reason: '' where it may."""

    may: bool = True
    until: datetime | None = None
    reason: str = ""


YES = Verdict()

_UTC = ZoneInfo("UTC")


class Customer(Struct, frozen=True):
    """What is asked of a customer. preferences: `marketing_preferences` as stored. sent_today,
    sent_in_week: how many automatic sends they had today and in seven days, by their calendar."""

    zone: ZoneInfo
    opted_out: bool = False
    preferences: Mapping[str, Any] = {}
    sent_today: int = 0
    sent_in_week: int = 0


def permit(
    purpose: str,
    customer: Customer,
    sending: Mapping[str, Any],
    now: datetime,
    worth_until: datetime | None = None,
) -> Verdict:
    """sending: that section of crm.yaml. worth_until: after this it would not be said any more."""
    if customer.opted_out:
        return Verdict(False, reason=OPTED_OUT)
    if purpose == SERVICE:
        return YES
    if not wants(customer.preferences, purpose):
        return Verdict(False, reason=f"does not want {purpose}")
    full = _full(customer, sending.get("cap") or {})
    if full:
        return Verdict(False, reason=full)
    until = quiet_until(sending.get("quiet_hours", ""), now, customer.zone)
    if until is None:
        return YES
    if worth_until is not None and until >= worth_until:
        return Verdict(False, reason="quiet hours until it expires")
    return Verdict(False, until, "quiet hours")


def purpose_of(flow: Flow, trigger: Trigger | None, *, own_act: bool) -> str:
    """Why a flow writes to people. trigger: what started it. own_act: the person did."""
    if flow.purpose:
        return flow.purpose
    if own_act:
        return SERVICE
    is_birthday = trigger is not None and trigger.on in ("birthday", "birthday_approaching")
    return "birthday" if is_birthday else "promotion"


def worth_of(flow: Flow | None, due_at: datetime) -> datetime:
    """Until when what was due at a moment is still worth saying."""
    expires = (flow.expires if flow else None) or EXPIRES
    return expires.after(due_at, _UTC)


def wants(preferences: Mapping[str, Any], purpose: str) -> bool:
    """Whether the customer has not refused this purpose; what is not there is allowed."""
    return not any(preferences.get(name) is False for name in _names(purpose))


def _names(purpose: str) -> tuple[str, ...]:
    """Preferences are also written by way and in the plural: sms_promotions, birthday_messages."""
    many = f"{purpose}s"
    return purpose, many, f"{purpose}_messages", f"email_{many}", f"sms_{many}"


def _full(customer: Customer, cap: Mapping[str, int]) -> str:
    if customer.sent_today >= cap.get("per_day", customer.sent_today + 1):
        return f"had {customer.sent_today} today, the most there is"
    if customer.sent_in_week >= cap.get("per_week", customer.sent_in_week + 1):
        return f"had {customer.sent_in_week} in seven days, the most there is"
    return ""


def quiet_until(hours: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the quiet hours end that are now in `zone`; None where there are none now.

    hours: `22:00-08:00`, the end not included; '' for none.
    """
    if not hours:
        return None
    begin, end = (time.fromisoformat(part) for part in hours.split("-"))
    local = now.astimezone(zone)
    clock = local.time()
    over_midnight = begin > end
    is_quiet = (clock >= begin or clock < end) if over_midnight else begin <= clock < end
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=int(over_midnight and clock >= begin))
    wall = datetime.combine(day, end)
    until = instant(wall, zone)
    # The clocks may show the end twice; the second time counts for who is between the two.
    return until if until > now else wall.replace(tzinfo=zone, fold=1).astimezone(UTC)


def days_begin(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When today began in `zone`, and the seven days that end with today."""
    today = now.astimezone(zone).date()
    midnight = time()
    return (
        instant(datetime.combine(today, midnight), zone),
        instant(datetime.combine(today - timedelta(days=6), midnight), zone),
    )
