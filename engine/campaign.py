"""A campaign: one message flow for many people at a time, and what is counted of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from hashlib import blake2b
from math import sqrt
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from engine.criteria.ast import to_canonical
from engine.durations import Duration
from engine.flow import Trigger
from engine.local_time import instant
from engine.permission import quiet_until
from engine.problems import NOWHERE, Position, Problems
from engine.shapes import Criteria

PREFIX = "campaign:"
"""Before a campaign's name in the triggers of its firings."""

TIME_OF_DAY = time(10)
"""Of a campaign whose `at` is a day."""

SHARES = 10_000
"""A customer's place among so many shares decides who is held out and which arm they get."""

LEFT_OUT = "holdout"
"""Why nothing is sent to those who are kept to compare with, and what they are called."""

_Z = 1.959964
"""The quantile of the normal distribution for intervals of 95 %."""


class Arm(Struct, frozen=True):
    """One way of a campaign, and its weight beside the others."""

    name: str
    flow: str
    weight: int = 1


class Goal(Struct, frozen=True):
    """What people are hoped to do, and within how long after it was sent."""

    event: Trigger
    within: Duration


class Campaign(Struct, frozen=True):
    """segment: '' for none. audience: None for everybody. at: aware for one instant, naive for that
    time where each customer is, None: when it is started. pace: messages a second at most, None for
    what the account sends. window: hours such as 09:00-20:00 where the customer is, '' for all.
    holdout: percent who get nothing."""

    key: str
    arms: tuple[Arm, ...]
    title: str = ""
    segment: str = ""
    audience: Criteria | None = None
    at: date | None = None
    pace: int | None = None
    window: str = ""
    holdout: int = 0
    goal: Goal | None = None
    position: Position = NOWHERE

    @property
    def trigger(self) -> str:
        return f"{PREFIX}{self.key}"

    def stored(self) -> dict[str, Any]:
        """As JSON: a run goes on with what it was started with, whatever the file says later."""
        return {
            "arms": [[arm.name, arm.flow, arm.weight] for arm in self.arms],
            "segment": self.segment,
            "audience": self.audience and to_canonical(self.audience.criterion),
            "at": self.at and self.at.isoformat(),
            "pace": self.pace,
            "window": self.window,
            "holdout": self.holdout,
        }


def share_of(campaign: str, run_id: int, customer_id: int, what: str) -> int:
    """A customer's place among SHARES: the same however often it is asked, another one in each run
    of a campaign and for each thing that is decided by it."""
    text = f"{campaign}:{run_id}:{customer_id}:{what}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) % SHARES


def is_left_out(percent: int, share: int) -> bool:
    return share < percent * SHARES // 100


def arm_at(arms: Sequence[Arm], share: int) -> Arm:
    """The arm of a share, by weight."""
    total = sum(arm.weight for arm in arms)
    reached = 0
    for arm in arms:
        reached += arm.weight
        if share * total < reached * SHARES:
            return arm
    return arms[-1]


def due_of(at: date | None, begun_at: datetime, zone: ZoneInfo) -> datetime:
    """When it is to be sent to a customer of this zone."""
    if at is None:
        return begun_at
    moment = at if isinstance(at, datetime) else datetime.combine(at, TIME_OF_DAY)
    due = moment if moment.tzinfo is not None else instant(moment, zone)
    return max(due, begun_at)


def within(window: str, moment: datetime, zone: ZoneInfo) -> datetime:
    """`moment`, or where it is outside of the window the next time when that opens."""
    if not window:
        return moment
    opens, closes = window.split("-")
    return quiet_until(f"{closes}-{opens}", moment, zone) or moment


def is_over(campaign: Campaign, now: datetime) -> bool:
    """Whether its moment is over everywhere on earth: the last clocks are twelve hours behind."""
    if campaign.at is None:
        return False
    far = ZoneInfo("Etc/GMT+12")
    return due_of(campaign.at, datetime.min.replace(tzinfo=now.tzinfo), far) < now


def interval(reached: int, of: int) -> tuple[float, float]:
    """Between which shares the true one lies with 95 % (Wilson); nothing is known of none: 0 to 1.
    https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval"""
    if of == 0:
        return 0.0, 1.0
    share = reached / of
    spread = 1 + _Z**2 / of
    middle = (share + _Z**2 / (2 * of)) / spread
    half = _Z * sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2)) / spread
    return max(0.0, middle - half), min(1.0, middle + half)


def seconds_of(people: int, rate: int) -> timedelta:
    """How long it takes to send to so many at so many a second."""
    return timedelta(seconds=people / rate)


def read_at(stored: Mapping[str, Any]) -> date | None:
    """`at` of a stored campaign."""
    text = stored["at"]
    if text is None:
        return None
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)


def check_campaigns(campaigns: Iterable[Campaign], now: datetime, problems: Problems) -> None:
    """Warn of campaigns whose moment is over: started now they are sent at once."""
    for campaign in campaigns:
        if is_over(campaign, now):
            message = f"the moment of the campaign '{campaign.key}' is over"
            problems.warning(campaign.position, "W630", message, "Take another, or delete it.")
