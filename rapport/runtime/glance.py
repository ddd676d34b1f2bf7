"""What `rapport top` shows: a status as plain JSON, and the speed between two of them.

Rates are differences of the newest ids, which count what ever came, less what still waits: two
rows are read however many there are. They are those of the whole database, should several
businesses share it; and where so much waits that counting stops, what is applied cannot be told
from what comes in.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.fields.plain import to_plain
from rapport.runtime.status import LANES, LeaseNow, Status


def rates(before: Status, after: Status) -> dict[str, float]:
    """How many a second came in, were applied and went out between two looks; never negative: a
    dead letter that is tried again waits once more."""
    seconds = (after.at - before.at).total_seconds()
    moved = {
        "received": (before.waiting.newest, after.waiting.newest),
        "applied": (_applied(before), _applied(after)),
        "sent": (_sent(before), _sent(after)),
    }
    return {
        name: round(max(0, new - old) / seconds, 1) if seconds > 0 else 0.0
        for name, (old, new) in moved.items()
    }


def glance(before: Status | None, after: Status) -> dict[str, Any]:
    """All of it as plain JSON. per_second: None where there was but one look."""
    waiting, now = after.waiting, after.at
    return {
        "at": to_plain(now),
        "per_second": None if before is None else rates(before, after),
        "mail": {
            "waiting": waiting.mail,
            "oldest_seconds": _seconds_since(waiting.oldest_at, now),
            "ready": waiting.ready,
            "held": waiting.held,
        },
        "timers": {"due": after.timers, "next_at": to_plain(after.next_timer_at)},
        "requests": {
            "pending": after.requests.pending,
            "late_seconds": _seconds_since(after.requests.oldest_due_at, now),
        },
        "outbox": [
            {
                "account": lane.account,
                "lane": LANES[lane.lane],
                "pending": lane.pending,
                "lag_seconds": round(lane.lag(now).total_seconds(), 1),
            }
            for lane in after.outbox
        ],
        "dead": {
            "mail": after.dead.mail,
            "outbox": after.dead.outbox,
        },
        "last_error": after.last_error,
        "alarms": [
            {
                "alarm": alarm.kind,
                "about": alarm.about,
                "reason": alarm.reason,
                "since": to_plain(alarm.raised_at),
                "staff_told": alarm.is_told,
            }
            for alarm in after.alarms
            if alarm.stands
        ],
        "leases": [_lease(lease) for lease in after.leases],
    }


def _lease(lease: LeaseNow) -> dict[str, Any]:
    return {
        "lease": lease.label,
        "owner": lease.owner,
        "epoch": lease.epoch,
        "seconds_left": round(lease.seconds_left, 1),
    }


def _applied(status: Status) -> int:
    return status.waiting.newest - status.waiting.mail


def _sent(status: Status) -> int:
    return status.newest_out - sum(lane.pending for lane in status.outbox)


def _seconds_since(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else round(max(0.0, (now - moment).total_seconds()), 1)
